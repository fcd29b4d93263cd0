// What depends on variables alone is computed once and again when one of them changes.

#include "runtime/prologue.h"

#include <atomic>
#include <thread>

#include "base/error.h"
#include "compiler/support.h"
#include "runtime/loop.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// y = x * exp(w): the exponential belongs to the prologue.
struct Scaled {
  VariableRef w = variable(random({2, 3}, 1), "w");
  TraceRef trace(int64_t rows = 2) const {
    return trace_of({{DType::F32, {rows, 3}}}, [&](TensorSpan a) -> Tensors {
      return {ops::mul(a[0], ops::sum(ops::exp(w->read()), {0}))};
    });
  }
};

float at(const Tensor& tensor, int64_t i = 0) { return tensor.data_as<float>()[i]; }

std::vector<std::string> names(const std::vector<StepInfo>& steps) {
  std::vector<std::string> result;
  for (const StepInfo& step : steps) result.push_back(step.op);
  return result;
}

}  // namespace

TEST_CASE(
    "results of the prologue are inputs of the program, with their memory in the statistics") {
  const Scaled model;
  const ProgramRef program = compile(*model.trace(), {.name = "scaled", .exact = true});
  const ProgramStats stats = program->stats();
  CHECK(names(stats.steps) == std::vector<std::string>{"multiply"});
  CHECK(stats.prologue_steps.size() == 1);
  CHECK(stats.prologue_bytes == 3 * sizeof(float));
  CHECK(stats.variable_bytes == 6 * sizeof(float));
  CHECK(program->variables().size() == 1);
  CHECK(program->argument_specs().size() == 1);
  const std::string text = program->dump();
  CHECK(text.starts_with("prologue:\nin0: float32(2, 3) variable 'w'\n"));
  CHECK(text.find("prologue out0") != std::string::npos);
}

TEST_CASE("the prologue runs again when a variable has changed, by whatever way") {
  const Scaled model;
  const ProgramRef program = compile(*model.trace(), {.name = "scaled", .exact = true});
  const Tensors x{Tensor::full(DType::F32, {2, 3}, 1)};
  const auto expect = [&](double w) {
    const Tensor e = Tensor::full(DType::F32, {2, 3}, w);
    const Tensor sum = ops::sum(ops::exp(e), {0});
    CHECK(same_bits(program->run(x)[0], ops::mul(x[0], sum)));
  };
  program->run(x);
  model.w->assign(Tensor::full(DType::F32, {2, 3}, 0.5));
  expect(0.5);
  expect(0.5);
  const ProgramRef train = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
    model.w->assign(ops::shift(model.w->read(), 0.25));
    return {};
  }));
  train->run({});  // in place
  expect(0.75);
  const Tensor view = model.w->storage();
  train->run({});  // to fresh storage
  expect(1.0);
  CHECK(at(view) == 0.75f);
}

TEST_CASE("a program that trains one variable holds what comes from the frozen ones alone") {
  const VariableRef frozen = variable(random({5, 4}, 1), "frozen");
  const VariableRef trained = variable(random({5, 4}, 2), "trained");
  const ProgramRef program =
      compile(*trace_of({{DType::F32, {3, 4}}},
                        [&](TensorSpan a) -> Tensors {
                          const Tensor f = ops::exp(frozen->read());
                          const Tensor t = ops::exp(trained->read());
                          trained->assign(ops::add(t, f));
                          return {ops::matmul(a[0], ops::add(f, t), false, true)};
                        }),
              {.name = "step", .exact = true});
  CHECK(program->stats().prologue_bytes == 5 * 4 * sizeof(float));
  const Tensors x{random({3, 4}, 3)};
  for (int i = 0; i < 3; ++i) {
    const Tensor f = ops::exp(frozen->storage()), t = ops::exp(copy(trained->storage()));
    const Tensor y = ops::matmul(x[0], ops::add(f, t), false, true);
    CHECK(same_bits(program->run(x)[0], y));
    CHECK(same_bits(trained->storage(), ops::add(t, f)));
  }
}

TEST_CASE("guards stay in the program and stop it before anything is written") {
  const VariableRef w = variable(random({6, 4}, 1), "w"), runs = variable(random({}, 2), "runs");
  const ProgramRef program =
      compile(*trace_of({{DType::F32, {3, 6}}, {DType::I32, {3}}}, [&](TensorSpan a) -> Tensors {
        apply(*find_op("check_range"), {a[1]}, {{"low", int64_t{0}}, {"high", int64_t{4}}});
        runs->assign(ops::shift(runs->read(), 1));
        return {ops::matmul(a[0], ops::exp(w->read()))};
      }));
  REQUIRE(program->stats().prologue_steps.size() == 1);
  const Tensor x = random({3, 6}, 3), before = copy(runs->storage());
  program->run(Tensors{x, Tensor::full_int(DType::I32, {3}, 3)});
  CHECK(at(runs->storage()) == at(before) + 1);
  CHECK_THROWS_AS(program->run(Tensors{x, Tensor::full_int(DType::I32, {3}, 4)}), IndexError);
  CHECK(at(runs->storage()) == at(before) + 1);
}

TEST_CASE("only what pays is held") {
  const VariableRef w = variable(random({40, 700}, 1), "w"), s = variable(random({}, 2), "s");
  const auto held = [](const Specs& arguments, const Fn& fn) {
    return compile(*trace_of(arguments, fn), {.name = "held", .exact = true})->stats();
  };
  const Specs x{{DType::F32, {40, 700}}};
  // A broadcast is read with other strides, a number is computed along with the rest.
  CHECK(held(x, [&](TensorSpan a) -> Tensors {
          return {ops::mul(a[0], ops::broadcast_to(ops::exp(s->read()), {40, 700}))};
        }).prologue_steps.empty());
  // An outer product is many times its operands; the operands themselves are held.
  const VariableRef u = variable(random({1200, 1}, 3), "u"),
                    v = variable(random({1, 1300}, 4), "v");
  const ProgramStats outer = held({{DType::F32, {1200, 1300}}}, [&](TensorSpan a) -> Tensors {
    return {ops::sin(ops::add(a[0], ops::mul(ops::exp(u->read()), ops::exp(v->read()))))};
  });
  CHECK(outer.prologue_bytes == 2500 * sizeof(float));
  // A result of the program is made in the run; a program of variables alone stays whole.
  CHECK(held(x, [&](TensorSpan a) -> Tensors {
          return {ops::exp(w->read()), ops::sin(a[0])};
        }).prologue_steps.empty());
  CHECK(held({}, [&](TensorSpan) -> Tensors {
          return {ops::sum(ops::exp(ops::sin(w->read())), {0, 1})};
        }).prologue_steps.empty());
  // Copies in a wider dtype: twice the memory is held, four times is not.
  const VariableRef half = variable(Tensor::full(DType::F16, {300, 700}, 1), "half");
  const VariableRef byte = variable(Tensor::full_int(DType::I8, {300, 700}, 1), "byte");
  const auto product = [](const VariableRef& weight) -> Fn {
    return [weight](TensorSpan a) -> Tensors {
      return {ops::matmul(a[0], ops::cast(weight->read(), DType::F32))};
    };
  };
  CHECK(held({{DType::F32, {2, 300}}}, product(half)).prologue_bytes == 4 * 300 * 700);
  CHECK(held({{DType::F32, {2, 300}}}, product(byte)).prologue_bytes == 0);
}

TEST_CASE("eight threads predict while another trains: results belong to one state") {
  constexpr int64_t kSize = 5000;
  const VariableRef a = variable(Tensor::full(DType::F32, {kSize}, 0), "a");
  const VariableRef b = variable(Tensor::full(DType::F32, {kSize}, 0), "b");
  const ProgramRef train = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
    a->assign(ops::shift(a->read(), 1));
    b->assign(ops::shift(b->read(), 1));
    return {};
  }));
  const ProgramRef predict =
      compile(*trace_of({{DType::F32, {kSize}}}, [&](TensorSpan x) -> Tensors {
        const Tensor difference = ops::square(ops::sub(a->read(), b->read()));
        return {ops::add(x[0], difference), ops::add(x[0], ops::scale(a->read(), 2)),
                ops::mul(ops::shift(x[0], 2), a->read())};
      }));
  REQUIRE(!predict->stats().prologue_steps.empty());
  const Tensors x{Tensor::full(DType::F32, {kSize}, 0)};
  std::atomic<int> torn{0}, runs{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i)
    readers.emplace_back([&] {
      while (!stop || runs < 40) {
        const Tensors out = predict->run(x);
        for (int64_t k = 0; k < kSize; ++k)
          if (at(out[0], k) != 0 || at(out[1], k) != at(out[2], k)) ++torn;
        ++runs;
      }
    });
  constexpr int kSteps = 60;
  for (int i = 0; i < kSteps; ++i) train->run({});
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(torn == 0);
  CHECK(at(predict->run(x)[1]) == 2 * kSteps);
}

TEST_CASE("the epoch loop sees a change between two returns") {
  const Scaled model;
  constexpr int64_t kRows = 8;
  const Tensor data = Tensor::full(DType::F32, {kRows, 3}, 1);
  EpochLoop loop({{data.data(), DType::F32, {3}, DType::F32}}, kRows, 2);
  Tensor results = Tensor::full(DType::F32, {kRows, 3}, -1);
  loop.set_program(2, compile(*model.trace(), {.name = "scaled", .exact = true}));
  loop.set_results({results.data()});
  loop.start_epoch({});
  model.w->assign(Tensor::full(DType::F32, {2, 3}, 0));
  CHECK(loop.run(10, 2) == LoopEvent::StepLimit);
  model.w->assign(Tensor::full(DType::F32, {2, 3}, 1));
  CHECK(loop.run(10, -1) == LoopEvent::EpochEnd);
  const float after = at(ops::sum(ops::exp(model.w->storage()), {0}));
  for (int64_t row = 0; row < kRows; ++row) CHECK(at(results, row * 3) == (row < 4 ? 2 : after));
}
