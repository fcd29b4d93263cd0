#include "tensor/support.h"
#include "tensor/tape.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

Tensors gradient_of(Tape& tape, const Tensor& target, const Tensors& sources) {
  return tape.gradient(Tensors{target}, {}, sources);
}

}  // namespace

TEST_CASE("a tape differentiates what depends on watched tensors") {
  const Tensor x = scalar(3), y = scalar(4);
  Tape tape;
  tape.start();
  tape.watch(x);
  const Tensor z = ops::mul(ops::square(x), y);
  tape.stop();
  const Tensors grads = gradient_of(tape, z, {x, y});
  CHECK(number(grads[0]) == 24);
  CHECK_FALSE(grads[1]);  // not watched
  CHECK(active_tapes().empty());
}

TEST_CASE("reads of variables are watched, and known by their variable") {
  const VariableRef w = variable("w", 3), unused = variable("unused", 1);
  Tape tape;
  tape.start();
  const Tensor loss = ops::mul(w->read(), w->read());
  tape.stop();
  const Tensors reads = tape.reads_of(*w);
  REQUIRE(reads.size() == 1);
  CHECK(number(gradient_of(tape, loss, reads)[0]) == 6);
  CHECK(tape.reads_of(*unused).empty());
}

TEST_CASE("what runs after stop is not recorded") {
  const Tensor x = scalar(3);
  Tape tape;
  tape.start();
  tape.watch(x);
  const Tensor inside = ops::square(x);
  tape.stop();
  const Tensor outside = ops::square(inside);
  CHECK_FALSE(gradient_of(tape, outside, {x})[0]);
  CHECK(number(gradient_of(tape, inside, {x})[0]) == 6);
}

TEST_CASE("gradients of several targets add up, each with its weight") {
  const Tensor x = f32({2}, {1, 2});
  Tape tape;
  tape.start();
  tape.watch(x);
  const Tensor a = ops::square(x), b = ops::scale(x, 10);
  tape.stop();
  const Tensors both = tape.gradient(Tensors{a, b}, {}, Tensors{x});
  expect_values<float>(both[0], {2}, {12, 14});
  const Tensors weighted =
      tape.gradient(Tensors{a, b}, Tensors{f32({2}, {1, -1}), Tensor()}, Tensors{x});
  expect_values<float>(weighted[0], {2}, {12, 6});
}

TEST_CASE("a target that is a source itself has gradient one") {
  const Tensor x = scalar(3);
  Tape tape;
  tape.start();
  tape.watch(x);
  tape.stop();
  CHECK(number(gradient_of(tape, x, {x})[0]) == 1);
}

TEST_CASE("a tape inside a tape gives the second derivative") {
  const Tensor x = scalar(2);
  Tape outer, inner;
  outer.start();
  outer.watch(x);
  inner.start();
  inner.watch(x);
  const Tensor y = ops::mul(ops::square(x), x);
  inner.stop();
  const Tensor first = gradient_of(inner, y, {x})[0];
  outer.stop();
  CHECK(number(first) == 12);
  CHECK(number(gradient_of(outer, first, {x})[0]) == 12);
}

TEST_CASE("integers and bools carry no gradient; as targets they are refused") {
  const Tensor x = scalar(3);
  Tape tape;
  tape.start();
  tape.watch(x);
  const Tensor count = ops::cast(x, DType::I32);
  const Tensor back = ops::mul(ops::cast(count, DType::F32), x);
  tape.stop();
  CHECK(number(gradient_of(tape, back, {x})[0]) == 3);
  CHECK(contains(message_of<DTypeError>([&] { gradient_of(tape, count, {x}); }), "int32"));
  CHECK_THROWS_AS(tape.gradient(Tensors{back}, Tensors{f32({2}, {1, 1})}, Tensors{x}), ShapeError);
}

TEST_CASE("in a trace a tape is a range of its nodes") {
  const TraceRef trace = trace_of({f32_spec()}, [](TensorSpan a) {
    const Tensor before = ops::square(a[0]);
    Tape tape;
    tape.start();
    tape.watch(before);
    tape.watch(a[0]);
    const Tensor y = ops::mul(before, a[0]);
    tape.stop();
    const Tensors grads = gradient_of(tape, y, {before, a[0]});
    return Tensors{grads[0], grads[1]};
  });
  // d(before * x) by `before` and by x: what ran before the tape is constant to it.
  const Tensors out = replay(*trace, Tensors{scalar(3)});
  CHECK(number(out[0]) == 3);
  CHECK(number(out[1]) == 9);
}

TEST_CASE("a watched value inside a trace has a gradient like any symbol") {
  const Tensor constant = scalar(5);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan a) {
    Tape tape;
    tape.start();
    tape.watch(constant);
    const Tensor y = ops::mul(ops::square(constant), a[0]);
    tape.stop();
    const Tensor grad = gradient_of(tape, y, {constant})[0];
    REQUIRE(grad);
    return Tensors{grad};
  });
  Tensors inputs;
  for (const TraceInput& input : trace->inputs())
    inputs.push_back(input.kind == TraceInput::Kind::Argument ? scalar(2) : input.outer);
  CHECK(number(replay(*trace, inputs)[0]) == 20);
}

TEST_CASE("a symbol of an enclosing trace can be watched inside a body") {
  TraceRef body;
  trace_of({f32_spec()}, [&](TensorSpan a) {
    body = trace_of({}, [&](TensorSpan) {
      Tape tape;
      tape.start();
      tape.watch(a[0]);
      const Tensor y = ops::square(a[0]);
      tape.stop();
      const Tensor grad = gradient_of(tape, y, {a[0]})[0];
      REQUIRE(grad);
      return Tensors{grad};
    });
    return Tensors{};
  });
  REQUIRE(body->inputs().size() == 1);
  CHECK(number(replay(*body, Tensors{scalar(3)})[0]) == 6);
}

TEST_CASE("what is not watched has no gradient, on values and in a trace alike") {
  const VariableRef w = variable("w", 3);
  const auto unwatched = [&](const Tensor& x) {
    Tape tape;
    tape.start();
    const Tensor y = ops::mul(w->read(), x);
    tape.stop();
    const Tensors grads = gradient_of(tape, y, {x, w->read()});
    CHECK_FALSE(grads[0]);
    return grads[1];
  };
  CHECK(number(unwatched(scalar(2))) == 2);
  trace_of({f32_spec()}, [&](TensorSpan a) {
    CHECK(unwatched(a[0]));
    return Tensors{};
  });
}

TEST_CASE("a tape's gradient is asked for in the function that recorded") {
  Tape tape;
  Tensor x, y;
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan a) {
    tape.start();
    x = a[0];
    y = ops::square(x);
    tape.stop();
    return Tensors{y};
  });
  CHECK(contains(message_of<GraphError>([&] { gradient_of(tape, y, {x}); }), "GradientTape"));
}

TEST_CASE("variables read in the body of a control-flow op get their gradient outside of it") {
  const VariableRef w = variable("w", 3);
  const TraceRef trace = trace_of({{DType::Bool, {}}}, [&](TensorSpan a) {
    Tape tape;
    tape.start();
    const Tensors loss = cond(
        a[0], [&] { return Tensors{ops::square(w->read())}; }, [&] { return Tensors{w->read()}; });
    tape.stop();
    const Tensors reads = tape.reads_of(*w);
    REQUIRE(reads.size() == 1);
    const Tensor grad = gradient_of(tape, loss[0], reads)[0];
    REQUIRE(grad);
    return Tensors{grad};
  });
  CHECK(trace->inputs().size() == 2);
  CHECK(trace->outputs()[0].spec() == f32_spec());
}
