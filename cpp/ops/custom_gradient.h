#pragma once
// A value whose gradient is a rule of the user's, called when a backward graph is built.

#include "tensor/apply.h"

namespace ranvier::ops {

struct GradientRule : AttrPayload {
  // Gradients of the operands from that of the value; a null Tensor where there is none.
  virtual Tensors gradients(const Tensor& dy) const = 0;
};

// `value` itself: its gradient goes to the operands by the rule, and not to what computed it.
Tensor with_gradient(const Tensor& value, const Tensors& operands, Ref<GradientRule> rule);

}  // namespace ranvier::ops
