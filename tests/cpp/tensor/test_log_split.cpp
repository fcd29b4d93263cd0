#include "tensor/log_split.h"
#include "tensor/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

Tensors values_of_inputs(const Trace& trace) {
  Tensors values;
  for (const TraceInput& input : trace.inputs()) {
    REQUIRE(input.kind == TraceInput::Kind::Variable);
    values.push_back(input.variable->storage());
  }
  return values;
}

}  // namespace

TEST_CASE("results of metrics move to the second program; what needs the batch stays") {
  const VariableRef total = variable("total", 6), count = variable("count", 3);
  const TraceRef trace = trace_of({f32_spec({4})}, [&](TensorSpan x) {
    const Tensor loss = ops::sum(x[0], {0});
    total->assign(ops::add(total->read(), loss));
    count->assign(ops::shift(count->read(), 1));
    return Tensors{loss, ops::div(total->read(), count->read())};
  });
  const LogSplit split = split_logs(*trace);
  CHECK(split.places == std::vector<int>{0, -1});
  CHECK(split.step->outputs().size() == 1);
  CHECK(split.step->written().size() == 2);
  // The mean of the variables as the step leaves them: 6 / 3 from today's storage.
  CHECK(number(replay(*split.logs, values_of_inputs(*split.logs))[0]) == 2);
  CHECK(split.logs->nodes().size() == 1);
}

TEST_CASE("the value of a variable before the step's write stays in the step") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan x) {
    const Tensor before = v->read();
    v->assign(ops::add(before, x[0]));
    return Tensors{ops::square(before), ops::square(v->read())};
  });
  const LogSplit split = split_logs(*trace);
  CHECK(split.places == std::vector<int>{0, -1});
}

TEST_CASE("a variable that is only read, and constants, need no step") {
  const VariableRef rate = variable("rate", 0.5f);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan) {
    return Tensors{ops::scale(rate->read(), 2), scalar(7)};
  });
  const LogSplit split = split_logs(*trace);
  CHECK(split.places == std::vector<int>{-1, -2});
  const Tensors logs = replay(*split.logs, values_of_inputs(*split.logs));
  CHECK(number(logs[0]) == 1);
  CHECK(number(logs[1]) == 7);
}

TEST_CASE("variables that are exchanged are read by the names they end under") {
  const VariableRef a = variable("a", 1), b = variable("b", 2);
  const TraceRef trace = trace_of({}, [&](TensorSpan) {
    const Tensor old_a = a->read(), old_b = b->read();
    a->assign(old_b);
    b->assign(old_a);
    return Tensors{ops::sub(a->read(), b->read())};
  });
  const LogSplit split = split_logs(*trace);
  CHECK(split.places == std::vector<int>{-1});
  a->assign(scalar(20));
  b->assign(scalar(3));
  CHECK(number(replay(*split.logs, values_of_inputs(*split.logs))[0]) == 17);
}

TEST_CASE("guards stay in the step") {
  const TraceRef trace = trace_of({{DType::I32, {3}}}, [](TensorSpan x) {
    run("check_range", {x[0]}, {{"low", int64_t{0}}, {"high", int64_t{5}}});
    return Tensors{};
  });
  const LogSplit split = split_logs(*trace);
  CHECK(split.step->nodes().size() == 1);
  CHECK(split.logs->nodes().empty());
}
