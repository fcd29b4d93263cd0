#include "ops/custom_gradient.h"

#include "ops/support.h"

namespace ranvier::ops {
namespace {

Specs infer_value(const InferArgs& args) { return {args.inputs[0]}; }

Tensors vjp_with_gradient(const VjpArgs& args) {
  const auto* rule = static_cast<const GradientRule*>(args.node.attrs.payload("rule").get());
  const size_t operands = args.needs.size() - 1;
  Tensors grads = rule->gradients(args.grads[0]);
  if (grads.size() != operands)
    fail<GraphError>(
        "custom_gradient: the rule must return one gradient for each argument of the function. "
        "Expected ",
        operands, ". Received: ", grads.size(), ".");
  grads.insert(grads.begin(), Tensor());
  return grads;
}

const OpRecord kWithGradient{.name = "with_gradient",
                             .infer = infer_value,
                             .vjp = vjp_with_gradient,
                             .traits = {.alias = true}};
constexpr const OpRecord* kList[] = {&kWithGradient};

}  // namespace

Records custom_gradient_records() { return kList; }

Tensor with_gradient(const Tensor& value, const Tensors& operands, Ref<GradientRule> rule) {
  Tensors inputs{value};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  return apply1(kWithGradient, std::move(inputs), {{"rule", Payload(rule.get())}});
}

}  // namespace ranvier::ops
