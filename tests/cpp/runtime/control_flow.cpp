#include "tensor/control_flow.h"

#include "base/error.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

Tensor scalar(float x) { return Tensor::full(DType::F32, {}, x); }
Tensor flag(bool x) { return Tensor::full_int(DType::Bool, {}, x); }
float at(const Tensor& tensor, int64_t i = 0) { return tensor.data_as<float>()[i]; }

}  // namespace

TEST_CASE("cond runs the branch that is asked for") {
  const ProgramRef program =
      compile(*trace_of({{DType::Bool, {}}, {DType::F32, {4}}}, [](TensorSpan a) {
        return cond(
            a[0],
            [&] {
              return Tensors{ops::exp(a[1]), ops::sum(a[1], {0})};
            },
            [&] {
              return Tensors{a[1], ops::constant_like(ops::sum(a[1], {0}), 7)};
            });
      }));
  const Tensor x = random({4}, 1);
  const Tensors yes = program->run(Tensors{flag(true), x}),
                no = program->run(Tensors{flag(false), x});
  CHECK(at(yes[0], 2) == doctest::Approx(std::exp(at(x, 2))));
  CHECK(at(yes[1]) == doctest::Approx(at(x, 0) + at(x, 1) + at(x, 2) + at(x, 3)));
  CHECK(same_bits(no[0], x));
  CHECK(at(no[1]) == 7);
}

TEST_CASE("a cond that skips an update neither copies nor moves the variable") {
  const VariableRef w = variable(random({1000}, 1), "w"), sum = variable(random({1000}, 2), "sum");
  const TraceRef trace = trace_of({{DType::Bool, {}}, {DType::F32, {1000}}}, [&](TensorSpan a) {
    sum->assign(ops::add(sum->read(), a[1]));
    return cond(
        a[0],
        [&] {
          w->assign(ops::sub(w->read(), sum->read()));
          sum->assign(ops::zeros_like(a[1]));
          return Tensors{};
        },
        [] { return Tensors{}; });
  });
  const ProgramRef program = compile(*trace);
  for (const StepInfo& step : program->stats().steps) CHECK(step.op != "copy_to");
  const Tensor x = random({1000}, 3), w0 = copy(w->storage()), s0 = copy(sum->storage());
  const void* memory = w->storage().data();
  program->run(Tensors{flag(false), x});
  CHECK(same_bits(w->storage(), w0));
  CHECK(at(sum->storage(), 5) == at(s0, 5) + at(x, 5));
  program->run(Tensors{flag(true), x});
  CHECK(w->storage().data() == memory);
  CHECK(at(w->storage(), 5) == at(w0, 5) - ((at(s0, 5) + at(x, 5)) + at(x, 5)));
  CHECK(at(sum->storage(), 5) == 0);
}

TEST_CASE("while repeats until its condition fails") {
  const ProgramRef program = compile(*trace_of({{DType::F32, {}}}, [](TensorSpan a) {
    return while_loop(
        [](TensorSpan s) { return Tensors{ops::less(s[0], ops::constant_like(s[0], 100))}; },
        [](TensorSpan s) {
          return Tensors{ops::scale(s[0], 2), ops::shift(s[1], 1)};
        },
        {a[0], ops::zeros_like(a[0])}, -1);
  }));
  const Tensors out = program->run(Tensors{scalar(3)});
  CHECK(at(out[0]) == 192);
  CHECK(at(out[1]) == 6);
  const Tensors none = program->run(Tensors{scalar(500)});
  CHECK(at(none[0]) == 500);
  CHECK(at(none[1]) == 0);
}

TEST_CASE("carried values may swap") {
  const ProgramRef program =
      compile(*trace_of({{DType::F32, {3}}, {DType::F32, {3}}}, [](TensorSpan a) {
        return scan([](TensorSpan s) { return Tensors{s[1], s[0]}; }, {a[0], a[1]}, {}, 3, false);
      }));
  const Tensor x = random({3}, 1), y = random({3}, 2);
  const Tensors out = program->run(Tensors{x, y});
  CHECK(same_bits(out[0], y));
  CHECK(same_bits(out[1], x));
}

TEST_CASE("scan carries, slices, stacks, and runs backwards") {
  for (const bool reverse : {false, true}) {
    const ProgramRef program = compile(
        *trace_of({{DType::F32, {2}}, {DType::F32, {5, 2}}, {DType::F32, {2}}}, [&](TensorSpan a) {
          const Tensor constant = a[2];
          return scan(
              [&](TensorSpan s) {
                const Tensor next = ops::add(s[0], ops::mul(s[1], constant));
                return Tensors{next, ops::scale(next, 10)};
              },
              {a[0]}, {a[1]}, -1, reverse);
        }));
    const Tensor start = random({2}, 1), xs = random({5, 2}, 2), c = random({2}, 3);
    const Tensors out = program->run(Tensors{start, xs, c});
    REQUIRE(out.size() == 2);
    float state = at(start, 1);
    for (int i = 0; i < 5; ++i) {
      const int t = reverse ? 4 - i : i;
      state += at(xs, 2 * t + 1) * at(c, 1);
      CHECK(at(out[1], 2 * t + 1) == doctest::Approx(10 * state));
    }
    CHECK(at(out[0], 1) == doctest::Approx(state));
  }
}

TEST_CASE("variables written inside a scan are carried and written back") {
  const VariableRef v = variable(Tensor::full(DType::F32, {3}, 1), "v");
  const ProgramRef program = compile(*trace_of({{DType::F32, {4, 3}}}, [&](TensorSpan a) {
    return scan(
        [&](TensorSpan s) {
          v->assign(ops::add(v->read(), s[0]));
          return Tensors{ops::sum(v->read(), {0})};
        },
        {}, {a[0]}, -1, false);
  }));
  const Tensors out = program->run(Tensors{Tensor::full(DType::F32, {4, 3}, 2)});
  CHECK(at(v->storage()) == 9);
  CHECK(at(out[0], 0) == 9);
  CHECK(at(out[0], 3) == 27);
}

TEST_CASE("structured ops nest, and run on values as in programs") {
  const auto fn = [](TensorSpan a) {
    return scan(
        [](TensorSpan s) {
          const Tensor big = ops::greater(s[0], ops::constant_like(s[0], 10));
          return cond(
              big, [&] { return Tensors{ops::shift(s[0], -10)}; },
              [&] { return Tensors{ops::scale(s[0], 3)}; });
        },
        {a[0]}, {}, 6, false);
  };
  const ProgramRef program = compile(*trace_of({{DType::F32, {}}}, fn));
  const Tensors inside = program->run(Tensors{scalar(2)});
  const Tensors values{scalar(2)};
  const Tensors eager = fn(values);
  CHECK(same_bits(inside[0], eager[0]));
  CHECK(at(eager[0]) == 4);  // 2 -> 6, 18, 8, 24, 14, 4
}

TEST_CASE("a guard inside a body stops the program before anything is written") {
  const VariableRef v = variable(Tensor::full(DType::F32, {3}, 1), "v");
  const ProgramRef program = compile(*trace_of({{DType::I32, {4}}}, [&](TensorSpan a) {
    v->assign(ops::shift(v->read(), 1));
    return scan(
        [&](TensorSpan s) {
          apply(*find_op("check_range"), {s[1]},
                {{"low", int64_t{0}}, {"high", int64_t{5}}, {"subject", std::string("index")}});
          v->assign(ops::add(v->read(), ops::cast(s[1], DType::F32)));
          return Tensors{s[0]};
        },
        {scalar(0)}, {a[0]}, -1, false);
  }));
  Tensor indices = Tensor::full_int(DType::I32, {4}, 1);
  program->run(Tensors{indices});
  CHECK(at(v->storage()) == 6);
  indices.data_as<int32_t>()[2] = 9;
  CHECK_THROWS_AS(program->run(Tensors{indices}), IndexError);
  CHECK(at(v->storage()) == 6);
}
