#include <limits>

#include "tensor/support.h"
#include "tensor/trace.h"

using namespace ranvier;
using namespace ranvier::test;

using Kind = TraceInput::Kind;

TEST_CASE("a trace holds its nodes in order and prints one a line") {
  const VariableRef w = variable("w", 2);
  const TraceRef trace = trace_of({f32_spec({3})}, [&](TensorSpan x) {
    const Tensor y = ops::mul(x[0], w->read());
    w->assign(ops::sum(y, {0}));
    return Tensors{ops::add(y, scalar(1))};
  });
  REQUIRE(trace->finished());
  CHECK(trace->str() ==
        "%0 = argument : float32(3,)\n"
        "%1 = variable 'w' : float32()\n"
        "%2 = multiply(%0, %1) : float32(3,)\n"
        "%3 = sum(%2){axes=(0), keepdims=false} : float32()\n"
        "%4 = add(%2, const float32()) : float32(3,)\n"
        "'w' <- %3\n"
        "return %4\n");
}

TEST_CASE("a variable is one input however often it is read, and its last write is its output") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = trace_of({}, [&](TensorSpan) {
    const Tensor first = v->read();
    CHECK(v->read() == first);
    v->assign(ops::shift(first, 1));
    v->assign(ops::shift(v->read(), 1));
    return Tensors{};
  });
  CHECK(trace->inputs().size() == 1);
  REQUIRE(trace->written().size() == 1);
  CHECK(trace->written()[0].second == trace->nodes()[1]->outputs[0]);
}

TEST_CASE("a variable that is written first is no input") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan x) {
    v->assign(x[0]);
    return Tensors{v->read()};
  });
  CHECK(trace->inputs().size() == 1);
  CHECK(trace->outputs()[0] == trace->inputs()[0].symbol);
}

TEST_CASE("a symbol of an enclosing trace is captured once, through every trace between") {
  Trace *middle = nullptr, *inner = nullptr;
  TraceRef kept_middle, kept_inner;
  trace_of({f32_spec()}, [&](TensorSpan x) {
    kept_middle = trace_of({}, [&](TensorSpan) {
      middle = current_trace();
      kept_inner = trace_of({}, [&](TensorSpan) {
        inner = current_trace();
        return Tensors{ops::mul(x[0], x[0])};
      });
      return Tensors{};
    });
    REQUIRE(inner->inputs().size() == 1);
    CHECK(inner->inputs()[0].kind == Kind::Capture);
    CHECK(inner->inputs()[0].outer == x[0]);
    REQUIRE(middle->inputs().size() == 1);
    CHECK(middle->inputs()[0].outer == x[0]);
    return Tensors{x[0]};
  });
  const NodeRef& product = kept_inner->nodes()[0];
  CHECK(product->inputs[0] == product->inputs[1]);
  CHECK(product->inputs[0] == kept_inner->inputs()[0].symbol);
}

TEST_CASE("a symbol of a finished trace is an error wherever it is used") {
  Tensor leaked;
  trace_of({f32_spec({2})}, [&](TensorSpan x) {
    leaked = ops::exp(x[0]);
    return Tensors{leaked};
  });
  const auto use = [&](TensorSpan) { return Tensors{ops::exp(leaked)}; };
  const std::string text = message_of<GraphError>([&] { trace_of({}, use); });
  CHECK(contains(text, "shape=(2,), dtype=float32"));
  CHECK(contains(text, "Hint: return it"));
  CHECK_THROWS_AS(ops::exp(leaked), GraphError);
  CHECK_THROWS_AS(trace_of({}, [&](TensorSpan) { return Tensors{leaked}; }), GraphError);
  const VariableRef v = make_ref<Variable>(f32({2}, {1, 2}), "v", true);
  CHECK_THROWS_AS(trace_of({},
                           [&](TensorSpan) {
                             v->assign(leaked);
                             return Tensors{};
                           }),
                  GraphError);
  CHECK(current_env() == nullptr);  // errors leave the stack as it was
}

TEST_CASE("replay runs a trace on values and inlines it on symbols, sites included") {
  const TraceRef trace = trace_of({f32_spec({2}), f32_spec()}, [](TensorSpan a) {
    set_current_site(make_site("dense (model.py:3)"));
    const Tensor y = ops::mul(a[0], a[1]);
    set_current_site({});
    return Tensors{ops::shift(y, 1), a[1]};
  });
  const Tensors out = replay(*trace, Tensors{f32({2}, {1, 2}), scalar(10)});
  expect_values<float>(out[0], {2}, {11, 21});
  CHECK(number(out[1]) == 10);
  const TraceRef outer = trace_of({f32_spec({2})}, [&](TensorSpan x) {
    return Tensors{replay(*trace, Tensors{x[0], scalar(3)})[0]};
  });
  const NodeRef& product = node_of(*outer, "multiply");
  CHECK(site_text(product->site) == "dense (model.py:3)");
  CHECK(contains(outer->str(), "# dense (model.py:3)"));
  CHECK(!current_site());
  expect_values<float>(replay(*outer, Tensors{f32({2}, {1, 2})})[0], {2}, {4, 7});
}

TEST_CASE("a site lives as long as the nodes that were made there") {
  const Site site = make_site("a (b.py:1)");
  {
    const TraceRef trace = trace_of({f32_spec({2})}, [&](TensorSpan a) {
      const SiteScope scope(site);
      return Tensors{ops::mul(ops::shift(a[0], 1), a[0])};
    });
    CHECK(!current_site());
    CHECK(node_of(*trace, "multiply")->site == site);
    CHECK(site->use_count() > 2);
  }
  CHECK(site->use_count() == 1);
  CHECK(!make_site(""));
  CHECK(site_text({}).empty());
}

TEST_CASE("an error leaves the site as it was") {
  const TraceRef trace = trace_of({f32_spec({2})}, [](TensorSpan a) {
    const SiteScope scope(make_site("inner"));
    apply(*find_op("check_finite"), {a[0]}, {});
    return Tensors{ops::shift(a[0], 1)};
  });
  const SiteScope scope(make_site("outer"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(replay(*trace, Tensors{f32({2}, {1, nan})}), ValueError);
  CHECK(site_text(current_site()) == "outer");
}

TEST_CASE("constant_value answers what depends on constants alone") {
  trace_of({f32_spec()}, [](TensorSpan x) {
    const Tensor constant = ops::shift(ops::full(DType::F32, {}, 2), 3);
    const Tensor folded = ops::mul(constant, constant);
    REQUIRE(folded.is_symbol());
    CHECK(number(constant_value(folded)) == 25);
    CHECK_FALSE(constant_value(ops::mul(constant, x[0])));
    CHECK_FALSE(constant_value(x[0]));
    CHECK(number(constant_value(scalar(4))) == 4);
    return Tensors{};
  });
  CHECK_THROWS_AS(constant_value(Tensor::symbol(f32_spec(), UINT64_MAX, 0)), GraphError);
}

TEST_CASE("constant_value of an enclosing trace's symbol is known in a body") {
  trace_of({}, [](TensorSpan) {
    const Tensor outer = ops::full(DType::F32, {}, 7);
    trace_of({}, [&](TensorSpan) {
      CHECK(number(constant_value(outer)) == 7);
      return Tensors{};
    });
    return Tensors{};
  });
}

TEST_CASE("closed makes every input an argument and inserts the writes among the outputs") {
  const VariableRef read = variable("read", 1), written = variable("written", 2),
                    passed = variable("passed", 3);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan x) {
    const Tensor y = ops::mul(x[0], read->read());
    written->assign(ops::add(written->read(), y));
    return Tensors{y, x[0]};
  });
  std::vector<TraceInput> order = trace->inputs();
  order.push_back({Kind::Variable, Tensor::symbol(f32_spec(), 0, 0), {}, passed});
  const TraceRef body = trace->closed(order, {written, passed}, 1);
  REQUIRE(body->inputs().size() == 4);
  for (const TraceInput& input : body->inputs()) CHECK(input.kind == Kind::Argument);
  CHECK(body->written().empty());
  // x = 10, read = 2, written = 5, passed = 7 -> y, written, passed, x
  const Tensors out = replay(*body, Tensors{scalar(10), scalar(2), scalar(5), scalar(7)});
  REQUIRE(out.size() == 4);
  CHECK(number(out[0]) == 20);
  CHECK(number(out[1]) == 25);
  CHECK(number(out[2]) == 7);
  CHECK(number(out[3]) == 10);
  CHECK(trace->inputs().size() == 3);  // the trace itself is as it was
  CHECK_THROWS_AS(trace->closed({}, {}, 0), InternalError);
}

TEST_CASE("with_outputs keeps inputs and writes") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = trace_of({f32_spec()}, [&](TensorSpan x) {
    v->assign(ops::exp(x[0]));
    return Tensors{ops::log(x[0]), ops::sin(x[0])};
  });
  const TraceRef other = trace->with_outputs({trace->outputs()[1]});
  CHECK(other->outputs().size() == 1);
  CHECK(other->written().size() == 1);
  CHECK(number(replay(*other, Tensors{scalar(0.5f)})[0]) == doctest::Approx(std::sin(0.5)));
}
