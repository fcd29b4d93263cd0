// Gradients of structured ops are structured ops. Without the runtime, bodies are run here by
// replaying them: the definition of each op.

#include "harness.h"
#include "ops/custom_gradient.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// Evaluates a trace on values, structured ops by their definition.
Tensors evaluate(const Trace& trace, const Tensors& inputs);

Tensors evaluate_scan(const Attrs& attrs, const Tensors& inputs) {
  const Trace& body = *attrs.body("body");
  const auto n_carry = static_cast<size_t>(attrs.integer("n_carry"));
  const auto n_xs = static_cast<size_t>(attrs.integer("n_xs"));
  const int64_t length = attrs.integer("length");
  const size_t n_ys = body.outputs().size() - n_carry;
  Tensors carry(inputs.begin(), inputs.begin() + static_cast<ptrdiff_t>(n_carry));
  std::vector<Tensors> ys(n_ys, Tensors(static_cast<size_t>(length)));
  for (int64_t step = 0; step < length; ++step) {
    const int64_t t = attrs.flag("reverse", false) ? length - 1 - step : step;
    Tensors in = carry;
    for (size_t i = n_carry; i < inputs.size(); ++i)
      in.push_back(i < n_carry + n_xs
                       ? ops::reshape(ops::take(inputs[i], i32({1}, {int32_t(t)}), 0),
                                      inputs[i].shape().erase(0))
                       : inputs[i]);
    const Tensors out = evaluate(body, in);
    carry.assign(out.begin(), out.begin() + static_cast<ptrdiff_t>(n_carry));
    for (size_t i = 0; i < n_ys; ++i) ys[i][static_cast<size_t>(t)] = out[n_carry + i];
  }
  for (const Tensors& parts : ys) carry.push_back(ops::stack(parts, 0));
  return carry;
}

Tensors evaluate_node(const Node& node, const Tensors& inputs) {
  const std::string name = node.op->name;
  if (name == "scan") return evaluate_scan(node.attrs, inputs);
  if (name == "call") return evaluate(*node.attrs.body("body"), inputs);
  if (name == "cond") {
    const bool taken = *inputs[0].data_as<bool>();
    return evaluate(*node.attrs.body(taken ? "then_body" : "else_body"),
                    Tensors(inputs.begin() + 1, inputs.end()));
  }
  return run_eager(*node.op, inputs, node.attrs);
}

Tensors evaluate(const Trace& trace, const Tensors& inputs) {
  Tensors found(trace.value_count());
  const auto resolve = [&](const Tensor& t) { return t.is_symbol() ? found[t.get()->value] : t; };
  for (size_t i = 0; i < inputs.size(); ++i)
    found[trace.inputs()[i].symbol.get()->value] = inputs[i];
  for (const NodeRef& node : trace.nodes()) {
    Tensors operands;
    for (const Tensor& t : node->inputs) operands.push_back(resolve(t));
    const Tensors outputs = evaluate_node(*node, operands);
    for (size_t i = 0; i < outputs.size(); ++i) found[node->outputs[i].get()->value] = outputs[i];
  }
  Tensors outputs;
  for (const Tensor& t : trace.outputs()) outputs.push_back(resolve(t));
  return outputs;
}

TraceRef traced(const std::function<Tensors(TensorSpan)>& fn, const Tensors& inputs) {
  const TraceRef trace = make_ref<Trace>();
  EnvGuard guard(trace.get());
  Tensors symbols;
  for (const Tensor& x : inputs) symbols.push_back(trace->add_argument(x.spec()));
  trace->finish(fn(symbols));
  return trace;
}

// f and its first two derivatives, built as traces, against central differences.
void check_structured(const Scalar& f, const Tensors& inputs) {
  Scalar current = f;
  for (int order = 1; order <= 2; ++order) {
    CAPTURE(order);
    const TraceRef forward = traced([&](TensorSpan in) { return Tensors{current(in)}; }, inputs);
    const TraceRef backward = traced(
        [&](TensorSpan in) {
          Tensors grads = gradients(current, in);
          for (size_t i = 0; i < grads.size(); ++i) {
            if (!grads[i]) grads[i] = ops::zeros(inputs[i].spec());
          }
          return grads;
        },
        inputs);
    const Tensors grads = evaluate(*backward, inputs);
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k].dtype() != DType::F64) continue;
      for (int64_t i = 0; i < inputs[k].size(); ++i) {
        CAPTURE(k);
        CAPTURE(i);
        Tensors up = inputs, down = inputs;
        up[k] = moved(inputs[k], i, 1e-5);
        down[k] = moved(inputs[k], i, -1e-5);
        const double expected =
            (value(evaluate(*forward, up)[0]) - value(evaluate(*forward, down)[0])) / 2e-5;
        CHECK(std::abs(grads[k].data_as<double>()[i] - expected) < 1e-5 * (1 + std::abs(expected)));
      }
    }
    current = gradient_sum(current);
  }
}

}  // namespace

TEST_CASE("cond: gradients of the branch that is taken") {
  const auto f = [](TensorSpan in) {
    const Tensors out = cond(
        in[0],
        [&] {
          return Tensors{ops::mul(in[1], ops::sin(in[2])), in[1]};
        },
        [&] {
          return Tensors{ops::exp(in[1]), ops::square(in[1])};
        });
    return weighted_sum(out);
  };
  for (const bool taken : {true, false})
    check_structured(f,
                     {tensor<bool>(DType::Bool, {}, {taken}), values({2}), values({2}, -1, 1, 2)});
}

TEST_CASE("scan: gradients of carry, sequences and constants") {
  for (const bool reverse : {false, true}) {
    CAPTURE(reverse);
    // h' = tanh(h w + x), y = h'²: the carry is not among the outputs.
    const auto hidden = [reverse](TensorSpan in) {
      const Tensor w = in[2];
      return weighted_sum(scan(
          [&](TensorSpan s) {
            const Tensor h = ops::tanh(ops::add(ops::mul(s[0], w), s[1]));
            return Tensors{h, ops::square(h)};
          },
          {in[0]}, {in[1]}, -1, reverse));
    };
    // The carry is an output of every step: nothing needs to be run again.
    const auto shown = [reverse](TensorSpan in) {
      const Tensor w = in[2];
      return weighted_sum(scan(
          [&](TensorSpan s) {
            const Tensor h = ops::tanh(ops::add(ops::mul(s[0], w), s[1]));
            return Tensors{h, h};
          },
          {in[0]}, {in[1]}, -1, reverse));
    };
    const Tensors inputs{values({2}), values({3, 2}, -1, 1, 2), values({2}, -1, 1, 3)};
    check_structured(hidden, inputs);
    check_structured(shown, inputs);
  }
}

TEST_CASE("scan with a counter in the carry and without sequences") {
  const auto f = [](TensorSpan in) {
    const Tensors out = scan(
        [](TensorSpan s) {
          const Tensor n = ops::add(s[0], Tensor::full_int(DType::I32, {}, 1));
          return Tensors{n, ops::mul(s[1], ops::cast(n, DType::F64))};
        },
        {Tensor::full_int(DType::I32, {}, 0), in[0]}, {}, 3, false);
    return weighted_sum(out);
  };
  check_structured(f, {values({2})});
}

TEST_CASE("a traced rule reads values of the loop's body and from around it") {
  // x² w, whose rule gives its derivatives.
  struct Rule : ops::GradientRule {
    Tensor x, w;
    Tensors gradients(const Tensor& dy) const override {
      const Tensor slope = ops::mul(dy, ops::add(x, x));
      return {ops::mul(slope, w), ops::mul(dy, ops::square(x))};
    }
    std::string str() const override { return "rule"; }
  };
  const auto f = [](TensorSpan in) {
    const Tensor w = in[1];
    return weighted_sum(scan(
        [&](TensorSpan s) {
          Rule rule;
          rule.x = ops::sin(s[0]);
          rule.w = w;
          const Tensor value = ops::mul(ops::square(rule.x), w);
          return Tensors{ops::with_traced_gradient(value, {rule.x, w}, rule), rule.x};
        },
        {in[0]}, {}, 3, false));
  };
  check_structured(f, {values({2}), values({2}, 0.5, 1.5, 2)});
}

TEST_CASE("a bounded while loop has a gradient, an unbounded one says why not") {
  const auto loop = [](TensorSpan in, int64_t bound) {
    return weighted_sum(while_loop(
        [](TensorSpan s) -> Tensors {
          return {ops::less(ops::sum_all(s[0]), Tensor::full(DType::F64, {}, 20))};
        },
        [](TensorSpan s) -> Tensors { return {ops::square(s[0])}; }, {in[0]}, bound));
  };
  check_structured([&](TensorSpan in) { return loop(in, 5); }, {values({2}, 1.2, 1.5)});
  CHECK_THROWS_AS(
      traced(
          [&](TensorSpan in) { return gradients([&](TensorSpan x) { return loop(x, -1); }, in); },
          {values({2}, 1.2, 1.5)}),
      GraphError);
}
