#pragma once
// A value whose gradient is a rule of the user's.

#include "tensor/apply.h"

namespace ranvier::ops {

struct GradientRule : AttrPayload {
  // Gradients of the operands from that of the value; a null Tensor where there is none.
  virtual Tensors gradients(const Tensor& dy) const = 0;
};

// `value` itself: its gradient goes to the operands by the rule, and not to what computed it. The
// rule is called when a backward graph is built.
Tensor with_gradient(const Tensor& value, const Tensors& operands, Ref<GradientRule> rule);
// The same inside a trace, with the rule traced at once: what it takes from around it are operands,
// so that a gradient may be built where the values of this trace have other names (of a loop's
// body, of a branch). Throws what the rule throws, and GraphError where it assigns variables.
Tensor with_traced_gradient(const Tensor& value, const Tensors& operands, const GradientRule& rule);

}  // namespace ranvier::ops
