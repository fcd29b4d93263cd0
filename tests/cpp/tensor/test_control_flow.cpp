// What tracing of the structured ops builds. The runtime's tests run them.

#include "tensor/control_flow.h"
#include "tensor/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

const Trace& body_of(const NodeRef& node, const char* name) { return *node->attrs.body(name); }

}  // namespace

TEST_CASE("on values cond runs the branch that is taken, and only it") {
  const VariableRef v = variable("v", 1);
  const auto choose = [&](bool which) {
    return cond(
        flag(which), [] { return Tensors{scalar(1)}; },
        [&] {
          v->assign(scalar(9));
          return Tensors{scalar(2)};
        });
  };
  CHECK(number(choose(true)[0]) == 1);
  CHECK(number(v->storage()) == 1);
  CHECK(number(choose(false)[0]) == 2);
  CHECK(number(v->storage()) == 9);
}

TEST_CASE("both branches have the same inputs; what only one writes, the other passes through") {
  const VariableRef w = variable("w", 1), shared = variable("shared", 2);
  const TraceRef trace = trace_of({{DType::Bool, {}}, f32_spec()}, [&](TensorSpan a) {
    const Tensors out = cond(
        a[0],
        [&] {
          w->assign(ops::add(w->read(), a[1]));
          return Tensors{shared->read()};
        },
        [&] { return Tensors{a[1]}; });
    return Tensors{out[0], w->read()};
  });
  const NodeRef& node = node_of(*trace, "cond");
  const Trace &then_body = body_of(node, "then_body"), &else_body = body_of(node, "else_body");
  CHECK(then_body.inputs().size() == else_body.inputs().size());
  CHECK(node->inputs.size() == then_body.inputs().size() + 1);
  CHECK(node->outputs.size() == 2);
  REQUIRE(trace->written().size() == 1);
  CHECK(trace->written()[0].first == w);
  CHECK(trace->written()[0].second == node->outputs[1]);
  CHECK(trace->outputs()[1] == node->outputs[1]);  // later reads see the write
  // Bodies as functions of (w, a, shared) in the node's order of operands.
  Tensors operands;
  for (size_t i = 1; i < node->inputs.size(); ++i) {
    const Tensor& input = node->inputs[i];
    const auto& inputs = trace->inputs();
    const auto known = std::find_if(inputs.begin(), inputs.end(),
                                    [&](const TraceInput& t) { return t.symbol == input; });
    REQUIRE(known != inputs.end());
    operands.push_back(known->kind == TraceInput::Kind::Variable ? known->variable->storage()
                                                                 : scalar(10));
  }
  const Tensors yes = replay(then_body, operands), no = replay(else_body, operands);
  CHECK(number(yes[0]) == 2);
  CHECK(number(yes[1]) == 11);
  CHECK(number(no[0]) == 10);
  CHECK(number(no[1]) == 1);
}

TEST_CASE("branches that differ are an error that names the position") {
  const auto trace = [](const Tensors& other) {
    return trace_of({{DType::Bool, {}}}, [&](TensorSpan a) {
      return cond(
          a[0], [] { return Tensors{scalar(1)}; }, [&] { return other; });
    });
  };
  CHECK(contains(message_of<ShapeError>([&] { trace({}); }), "number"));
  const std::string text = message_of<ShapeError>([&] { trace({f32({2}, {1, 2})}); });
  CHECK(contains(text, "position 0"));
  CHECK(contains(text, "float32(2,)"));
}

TEST_CASE("scan carries the variables that its body writes and passes the others as constants") {
  const VariableRef total = variable("total", 0), factor = variable("factor", 2);
  const TraceRef trace = trace_of({f32_spec({4}), f32_spec()}, [&](TensorSpan a) {
    const Tensors out = scan(
        [&](TensorSpan state) {
          const Tensor product = ops::mul(state[1], factor->read());
          total->assign(ops::add(total->read(), product));
          return Tensors{ops::add(state[0], product), ops::mul(product, a[1])};
        },
        {scalar(0)}, {a[0]}, -1, false);
    return Tensors{out[0], out[1], total->read()};
  });
  const NodeRef& node = node_of(*trace, "scan");
  CHECK(node->attrs.integer("n_carry") == 2);
  CHECK(node->attrs.integer("n_xs") == 1);
  CHECK(node->attrs.integer("length") == 4);
  CHECK(trace->outputs()[1].shape() == Shape{4});
  CHECK(trace->outputs()[2] == trace->written()[0].second);
  // carry, total, slice, then the constants factor and a[1] -> carry, total, slice of the output
  const Tensors step = replay(body_of(node, "body"),
                              Tensors{scalar(1), scalar(5), scalar(3), scalar(2), scalar(10)});
  REQUIRE(step.size() == 3);
  CHECK(number(step[0]) == 7);
  CHECK(number(step[1]) == 11);
  CHECK(number(step[2]) == 60);
}

TEST_CASE("scan refuses sequences of other lengths, a missing length and a carry that changes") {
  const auto with = [](Tensors xs, int64_t length) {
    return trace_of({}, [&](TensorSpan) {
      return scan([](TensorSpan s) { return Tensors{s[0]}; }, {scalar(0)}, xs, length, false);
    });
  };
  CHECK(contains(message_of<ShapeError>([&] { with({}, -1); }), "pass length"));
  CHECK_THROWS_AS(with({f32({2}, {1, 2}), f32({3}, {1, 2, 3})}, -1), ShapeError);
  CHECK_THROWS_AS(with({scalar(1)}, -1), ShapeError);
  const auto changing = [&] {
    trace_of({}, [&](TensorSpan) {
      return scan([](TensorSpan) { return Tensors{f32({2}, {1, 2})}; }, {scalar(0)}, {}, 3, false);
    });
  };
  CHECK(contains(message_of<ShapeError>(changing), "position 0"));
}

TEST_CASE("an unbounded while reads variables in its condition and carries those of its body") {
  const VariableRef count = variable("count", 0), limit = variable("limit", 10);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan a) {
    return while_loop([&](TensorSpan) { return Tensors{ops::less(count->read(), limit->read())}; },
                      [&](TensorSpan s) {
                        count->assign(ops::shift(count->read(), 1));
                        return Tensors{ops::scale(s[0], 2)};
                      },
                      {a[0]}, -1);
  });
  const NodeRef& node = node_of(*trace, "while");
  CHECK(node->attrs.integer("n_carry") == 2);
  CHECK(trace->written()[0].first == count);
  const Tensors state{scalar(3), scalar(4), scalar(5)};  // carry, count, limit
  CHECK(*replay(body_of(node, "cond_body"), state)[0].data_as<bool>());
  const Tensors next = replay(body_of(node, "body"), state);
  CHECK(number(next[0]) == 6);
  CHECK(number(next[1]) == 5);
}

TEST_CASE("a bounded while is a scan, which has a gradient") {
  const TraceRef trace = trace_of({f32_spec()}, [](TensorSpan a) {
    return while_loop([](TensorSpan s) { return Tensors{ops::less(s[0], scalar(100))}; },
                      [](TensorSpan s) { return Tensors{ops::scale(s[0], 2)}; }, {a[0]}, 8);
  });
  CHECK(node_of(*trace, "scan")->attrs.integer("length") == 8);
}

TEST_CASE("a loop whose condition assigns, or is no bool scalar, is refused") {
  const VariableRef v = variable("v", 1);
  const auto loop = [](const BodyFn& condition) {
    return trace_of({f32_spec()}, [&](TensorSpan a) {
      return while_loop(
          condition, [](TensorSpan s) { return Tensors{s[0]}; }, {a[0]}, -1);
    });
  };
  const auto assigns = [&] {
    loop([&](TensorSpan s) {
      v->assign(s[0]);
      return Tensors{ops::less(s[0], scalar(1))};
    });
  };
  CHECK(contains(message_of<GraphError>(assigns), "'v'"));
  CHECK_THROWS_AS(loop([](TensorSpan s) { return Tensors{s[0]}; }), ShapeError);
}

TEST_CASE("call inlines a trace inside a trace and performs its writes there") {
  const VariableRef v = variable("v", 2);
  const TraceRef body = trace_of({f32_spec()}, [&](TensorSpan x) {
    const Tensor y = ops::mul(x[0], v->read());
    v->assign(y);
    return Tensors{y};
  });
  const TraceRef user = trace_of({f32_spec()}, [&](TensorSpan x) {
    const Tensor once = call(*body, Tensors{x[0]})[0];
    return call(*body, Tensors{once});
  });
  CHECK(user->nodes().size() == 2);
  REQUIRE(user->inputs().size() == 2);
  REQUIRE(user->written().size() == 1);
  // x * v, then (x * v) * (x * v): the second call reads what the first wrote.
  const Tensors out = replay(*user, Tensors{scalar(3), scalar(2)});
  CHECK(number(out[0]) == 36);
}
