#include "runtime/program.h"

#include <atomic>
#include <cmath>
#include <thread>

#include "base/error.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// The trace's nodes one by one on values, as eager calls would run them.
struct Eager {
  Tensors outputs;
  std::vector<std::pair<VariableRef, Tensor>> writes;
};

Eager run_op_by_op(const Trace& trace, TensorSpan args) {
  std::vector<Tensor> values(trace.value_count());
  size_t next = 0;
  for (const TraceInput& input : trace.inputs())
    values[input.symbol.get()->value] =
        input.variable ? copy(input.variable->storage()) : args[next++];
  const auto resolve = [&](const Tensor& t) { return t.is_symbol() ? values[t.get()->value] : t; };
  for (const NodeRef& node : trace.nodes()) {
    Tensors inputs;
    for (const Tensor& input : node->inputs) inputs.push_back(resolve(input));
    const Tensors outputs = run_eager(*node->op, inputs, node->attrs);
    for (size_t i = 0; i < outputs.size(); ++i) values[node->outputs[i].get()->value] = outputs[i];
  }
  Eager eager;
  for (const Tensor& output : trace.outputs()) eager.outputs.push_back(resolve(output));
  for (const auto& [v, value] : trace.written()) eager.writes.push_back({v, resolve(value)});
  return eager;
}

void check_exact(const TraceRef& trace, const Tensors& args) {
  const Eager eager = run_op_by_op(*trace, args);
  for (const bool fuse : {false, true}) {
    std::vector<std::pair<VariableRef, Tensor>> before;
    for (const auto& [v, value] : eager.writes) before.push_back({v, copy(v->storage())});
    const ProgramRef program = compile(*trace, {.name = "exact", .exact = true, .fuse = fuse});
    const Tensors outputs = program->run(args);
    REQUIRE(outputs.size() == eager.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) CHECK(same_bits(outputs[i], eager.outputs[i]));
    for (const auto& [v, value] : eager.writes) CHECK(same_bits(v->storage(), value));
    for (const auto& [v, value] : before) v->set_storage(value);
  }
}

float at(const Tensor& tensor, int64_t i = 0) { return tensor.data_as<float>()[i]; }

}  // namespace

TEST_CASE("an exact program equals the ops one by one, to the bit") {
  const Mlp mlp(3, 17, 33, 5);
  check_exact(trace_of({{DType::F32, {9, 17}}, {DType::F32, {9, 5}}},
                       [&](TensorSpan args) { return mlp.train(args); }),
              {random({9, 17}, 1), random({9, 5}, 2)});
  check_exact(trace_of({{DType::F32, {40, 30}}, {DType::F32, {30}}},
                       [](TensorSpan a) -> Tensors {
                         const Tensor y = ops::sigmoid(ops::add(ops::mul(a[0], a[0]), a[1]));
                         const Tensor z = ops::sub(ops::exp(y), ops::scale(a[0], 3));
                         return {ops::mean(z, {0}), ops::sum(z, {1}), ops::max(y, {0, 1}),
                                 ops::sqrt(y), ops::softmax(z)};
                       }),
              {random({40, 30}, 4), random({30}, 5)});
}

TEST_CASE("a residual that dies in a product does not lend it its memory") {
  check_exact(trace_of({{DType::F32, {20, 16}}, {DType::F32, {16, 5}}, {DType::F32, {20, 5}}},
                       [](TensorSpan a) -> Tensors {
                         const Tensor residual = ops::scale(a[2], 2);
                         const Tensor y = ops::add(residual, ops::matmul(a[0], a[1]));
                         return {ops::mul(y, a[2])};
                       }),
              {random({20, 16}, 1), random({16, 5}, 2), random({20, 5}, 3)});
}

TEST_CASE("the default program trains as the exact one does") {
  const Mlp a(7), b(7);
  const auto traced = [](const Mlp& mlp) {
    return trace_of({{DType::F32, {8, 6}}, {DType::F32, {8, 3}}},
                    [&](TensorSpan args) { return mlp.train(args); });
  };
  const ProgramRef exact = compile(*traced(a), {.name = "a", .exact = true, .fuse = true});
  const ProgramRef fast = compile(*traced(b), {.name = "b", .exact = false, .fuse = true});
  const Tensors args{random({8, 6}, 1), random({8, 3}, 2)};
  const float first = at(exact->run(args)[0]);
  fast->run(args);
  float last = first;
  for (int i = 0; i < 60; ++i) {
    last = at(exact->run(args)[0]);
    fast->run(args);
  }
  CHECK(last < 0.6f * first);
  for (size_t i = 0; i < 4; ++i)
    CHECK(largest_difference(a.weights()[i]->storage(), b.weights()[i]->storage()) < 1e-4);
  CHECK(*a.steps->storage().data_as<int64_t>() == 61);
  CHECK(a.w1->version() == b.w1->version());
}

TEST_CASE("writes to variables keep the order of the function") {
  const auto filled = [](float x) { return Tensor::full(DType::F32, {5}, x); };
  SUBCASE("swap") {
    const VariableRef a = variable(filled(1), "a"), b = variable(filled(2), "b");
    const ProgramRef program = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
      const Tensor old = a->read();
      a->assign(b->read());
      b->assign(old);
      return {};
    }));
    program->run({});
    CHECK(at(a->storage()) == 2);
    CHECK(at(b->storage()) == 1);
    program->run({});
    CHECK(at(a->storage()) == 1);
  }
  SUBCASE("a takes b, then b changes") {
    const VariableRef a = variable(filled(1), "a"), b = variable(filled(2), "b");
    compile(*trace_of({}, [&](TensorSpan) -> Tensors {
      a->assign(b->read());
      b->assign(ops::add(b->read(), b->read()));
      return {};
    }))->run({});
    CHECK(at(a->storage()) == 2);
    CHECK(at(b->storage()) == 4);
    CHECK(a->storage().data() != b->storage().data());
  }
  SUBCASE("reads after a write see it, reads before it do not") {
    const VariableRef a = variable(filled(1), "a");
    const Tensors out = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
                          const Tensor before = ops::scale(a->read(), 10);
                          a->assign(ops::shift(a->read(), 5));
                          return {before, ops::scale(a->read(), 10), a->read()};
                        }))->run({});
    CHECK(at(out[0]) == 10);
    CHECK(at(out[1]) == 60);
    CHECK(at(out[2]) == 6);
    CHECK(at(a->storage()) == 6);
  }
  SUBCASE("a value written to two variables") {
    const VariableRef a = variable(filled(1), "a"), b = variable(filled(2), "b");
    compile(*trace_of({}, [&](TensorSpan) -> Tensors {
      const Tensor sum = ops::add(a->read(), b->read());
      a->assign(sum);
      b->assign(sum);
      return {sum};
    }))->run({});
    CHECK(at(a->storage()) == 3);
    CHECK(at(b->storage()) == 3);
  }
}

TEST_CASE("whoever holds the old value of a variable keeps it") {
  const VariableRef v = variable(Tensor::full(DType::F32, {100}, 1), "v");
  const ProgramRef program = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
    v->assign(ops::shift(v->read(), 1));
    return {};
  }));
  const Tensor held = v->storage(), view = v->storage().view({10, 10});
  program->run({});
  CHECK(at(held) == 1);
  CHECK(at(view, 99) == 1);
  CHECK(at(v->storage(), 99) == 2);
  const void* memory = v->storage().data();
  program->run({});
  CHECK(v->storage().data() == memory);  // nobody held it: written in place
  CHECK(at(v->storage()) == 3);
}

TEST_CASE("outputs that are arguments or constants are fresh memory") {
  const ProgramRef program = compile(*trace_of({{DType::F32, {3}}}, [](TensorSpan a) -> Tensors {
    return {a[0], ops::full(DType::F32, {2}, 7), ops::reshape(a[0], {3, 1}), a[0]};
  }));
  const Tensor x = random({3}, 1);
  const Tensors out = program->run(Tensors{x});
  CHECK(same_bits(out[0], x));
  CHECK(out[0].data() != x.data());
  CHECK(at(out[1], 1) == 7);
  CHECK(out[2].shape() == Shape{3, 1});
  CHECK(out[3].data() != out[0].data());
}

TEST_CASE("a failed guard names the value and leaves every variable as it was") {
  const VariableRef v = variable(Tensor::full(DType::F32, {4}, 1), "v");
  const ProgramRef program = compile(*trace_of({{DType::I32, {3}}}, [&](TensorSpan a) -> Tensors {
    v->assign(ops::shift(v->read(), 1));
    set_current_site(make_site("loss (train.py:3)"));
    apply(*find_op("check_range"), {a[0]},
          {{"low", int64_t{0}}, {"high", int64_t{10}}, {"subject", std::string("label")}});
    set_current_site({});
    return {ops::cast(a[0], DType::F32)};
  }));
  Tensor labels = Tensor::full_int(DType::I32, {3}, 4);
  program->run(Tensors{labels});
  CHECK(at(v->storage()) == 2);
  const uint64_t version = v->version();
  labels = Tensor::full_int(DType::I32, {3}, 4);
  labels.data_as<int32_t>()[2] = 12;
  try {
    program->run(Tensors{labels});
    FAIL("no error");
  } catch (const IndexError& error) {
    const std::string text = error.what();
    CHECK(text.find("label") != std::string::npos);
    CHECK(text.find("12") != std::string::npos);
    CHECK(text.find("train.py:3") != std::string::npos);
  }
  CHECK(at(v->storage()) == 2);
  CHECK(v->version() == version);
}

TEST_CASE("wrong arguments are typed errors") {
  const ProgramRef program =
      compile(*trace_of({{DType::F32, {3}}}, [](TensorSpan a) -> Tensors { return {a[0]}; }));
  CHECK_THROWS_AS(program->run({}), ValueError);
  CHECK_THROWS_AS(program->run(Tensors{random({4}, 1)}), ShapeError);
}

TEST_CASE("any number of threads gives the same bits") {
  Tensors results;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    const Mlp mlp(5, 200, 150, 10);
    const ProgramRef program = compile(*trace_of({{DType::F32, {64, 200}}, {DType::F32, {64, 10}}},
                                                 [&](TensorSpan args) { return mlp.train(args); }),
                                       {.name = "threads", .exact = false, .fuse = true});
    const Tensors args{random({64, 200}, 1), random({64, 10}, 2)};
    for (int i = 0; i < 3; ++i) program->run(args);
    for (const VariableRef& v : mlp.weights()) results.push_back(copy(v->storage()));
  }
  set_num_threads(2);
  for (size_t i = 4; i < results.size(); ++i) CHECK(same_bits(results[i], results[i % 4]));
}

TEST_CASE("eight threads predict while another trains: no torn weights") {
  // Every weight holds one number; training adds 1 to all of them in one step.
  constexpr int64_t kSize = 5000;
  const VariableRef a = variable(Tensor::full(DType::F32, {kSize}, 0), "a");
  const VariableRef b = variable(Tensor::full(DType::F32, {kSize}, 0), "b");
  const ProgramRef train = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
    a->assign(ops::shift(a->read(), 1));
    b->assign(ops::shift(b->read(), 1));
    return {};
  }));
  const ProgramRef predict = compile(*trace_of({}, [&](TensorSpan) -> Tensors {
    return {ops::sub(a->read(), b->read()), ops::scale(a->read(), 1.5)};
  }));
  std::atomic<int> torn{0}, runs{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i)
    readers.emplace_back([&] {
      while (!stop || runs < 40) {
        const Tensors out = predict->run({});
        for (int64_t k = 0; k < kSize; ++k)
          if (at(out[0], k) != 0 || at(out[1], k) != at(out[1])) ++torn;
        ++runs;
      }
    });
  constexpr int kSteps = 60;
  for (int i = 0; i < kSteps; ++i) train->run({});
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(torn == 0);
  CHECK(at(a->storage()) == kSteps);
}

TEST_CASE("statistics and times cover every step") {
  const Mlp mlp(1);
  const ProgramRef program = compile(
      *trace_of({{DType::F32, {4, 6}}}, [&](TensorSpan args) { return mlp.predict(args); }));
  const ProgramStats stats = program->stats();
  CHECK(stats.steps.size() == program->step_count());
  CHECK(stats.flops >= 2.0 * 4 * (6 * 5 + 5 * 3));
  CHECK(stats.variable_bytes == 4 * (30 + 5 + 15 + 3));
  StepTimes times;
  for (int i = 0; i < 3; ++i) program->run(Tensors{random({4, 6}, 1)}, &times);
  CHECK(times.runs == 3);
  CHECK(times.seconds.size() == stats.steps.size());
  CHECK(times.seconds[0] > 0);
}
