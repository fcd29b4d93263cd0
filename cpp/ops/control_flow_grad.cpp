// Gradients of call, cond and while, as structured ops again: so they have every further
// derivative. That of scan: scan_grad.cpp.

#include "ops/control_flow.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

ComposeFn replay_of(const Trace& body) {
  return [&body](TensorSpan inputs) { return replay(body, inputs); };
}

}  // namespace

Tensors vjp_call(const VjpArgs& args) {
  const GradientTrace gradient = gradient_trace(args, replay_of(*args.node.attrs.body("body")));
  Tensors results(args.node.inputs.size());
  if (gradient.places.empty()) return results;
  const Tensors values = call(*gradient.trace, gradient.operands);
  for (size_t i = 0; i < values.size(); ++i) results[gradient.places[i]] = values[i];
  return results;
}

// A cond of the branches' gradients. An operand that one branch does not use gets zeros there.
Tensors vjp_cond(const VjpArgs& args) {
  const size_t n_operands = args.node.inputs.size() - 1;
  Tensors operands = args.node.inputs;
  Specs specs;
  for (size_t i = 0; i < n_operands; ++i) specs.push_back(input(args, i + 1).spec());
  for (const Tensor& grad : args.grads) {
    if (!grad) continue;
    operands.push_back(grad);
    specs.push_back(grad.spec());
  }
  const auto branch = [&](const Trace& body) {
    return trace_of(specs, [&](TensorSpan symbols) {
      Tensors grads;
      size_t next = n_operands;
      for (const Tensor& grad : args.grads) grads.push_back(grad ? symbols[next++] : Tensor());
      Tensors found = gradients_inside(replay_of(body), symbols.first(n_operands), grads,
                                       args.needs.subspan(1));
      Tensors outputs;
      for (size_t i = 0; i < n_operands; ++i) {
        if (args.needs[i + 1]) outputs.push_back(found[i] ? found[i] : zeros(specs[i]));
      }
      return outputs;
    });
  };
  const Attrs& attrs = args.node.attrs;
  const Tensors values = apply(kCond, operands,
                               {{"then_body", branch(*attrs.body("then_body"))},
                                {"else_body", branch(*attrs.body("else_body"))}});
  Tensors results(args.node.inputs.size());
  for (size_t i = 0, next = 0; i < n_operands; ++i) {
    if (args.needs[i + 1]) results[i + 1] = values[next++];
  }
  return results;
}

Tensors vjp_while(const VjpArgs&) {
  fail<GraphError>(
      "while_loop: no gradient for a loop of unknown length. Expected a bound on the iterations. "
      "Received: none. Hint: pass maximum_iterations, or use scan or fori_loop");
}

}  // namespace ranvier::ops
