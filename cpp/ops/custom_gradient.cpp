#include "ops/custom_gradient.h"

#include "ops/support.h"
#include "tensor/control_flow.h"

namespace ranvier::ops {
namespace {

Specs infer_value(const InferArgs& args) { return {args.inputs[0]}; }

Tensors called(const GradientRule& rule, const Tensor& dy, size_t operands) {
  Tensors grads = rule.gradients(dy);
  if (grads.size() != operands)
    fail<GraphError>(
        "custom_gradient: the rule must return one gradient for each argument of the function. "
        "Expected ",
        operands, ". Received: ", grads.size(), ".");
  return grads;
}

Tensors vjp_with_gradient(const VjpArgs& args) {
  const auto* rule = static_cast<const GradientRule*>(args.node.attrs.payload("rule").get());
  Tensors grads = called(*rule, args.grads[0], args.needs.size() - 1);
  grads.insert(grads.begin(), Tensor());
  return grads;
}

Tensors vjp_with_traced_gradient(const VjpArgs& args) {
  const Trace& rule = *args.node.attrs.body("rule");
  const Ints& places = args.node.attrs.ints("places");
  const auto outer = static_cast<ptrdiff_t>(rule.inputs().size()) - 1;
  Tensors operands{args.grads[0]}, results(args.needs.size());
  operands.insert(operands.end(), args.node.inputs.end() - outer, args.node.inputs.end());
  const Tensors grads = replay(rule, operands);
  for (size_t i = 0; i < grads.size(); ++i) results[static_cast<size_t>(places[i])] = grads[i];
  return results;
}

// value, operands; attrs: rule
const OpRecord kWithGradient{.name = "with_gradient",
                             .infer = infer_value,
                             .vjp = vjp_with_gradient,
                             .traits = {.alias = true}};
// value, operands, what the rule takes from outside; attrs: rule (dy, that -> gradients), places
// (which inputs have them)
const OpRecord kWithTracedGradient{.name = "with_traced_gradient",
                                   .infer = infer_value,
                                   .vjp = vjp_with_traced_gradient,
                                   .traits = {.alias = true}};
constexpr const OpRecord* kList[] = {&kWithGradient, &kWithTracedGradient};

}  // namespace

Records custom_gradient_records() { return kList; }

Tensor with_gradient(const Tensor& value, const Tensors& operands, Ref<GradientRule> rule) {
  Tensors inputs{value};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  return apply1(kWithGradient, std::move(inputs), {{"rule", Payload(rule.get())}});
}

Tensor with_traced_gradient(const Tensor& value, const Tensors& operands,
                            const GradientRule& rule) {
  Ints places;
  const ClosedBody closed = close_over(
      [&](TensorSpan dy) {
        const Tensors all = called(rule, dy[0], operands.size());
        Tensors grads;
        for (size_t i = 0; i < all.size(); ++i) {
          if (!all[i]) continue;
          places.push_back(static_cast<int64_t>(i) + 1);
          grads.push_back(all[i]);
        }
        return grads;
      },
      {value.spec()});
  Tensors inputs{value};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  inputs.insert(inputs.end(), closed.outer.begin(), closed.outer.end());
  return apply1(kWithTracedGradient, std::move(inputs),
                {{"rule", closed.body}, {"places", places}});
}

}  // namespace ranvier::ops
