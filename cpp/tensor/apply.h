#pragma once
// The one way to use a primitive: on values it runs now, inside a trace it becomes a node.

#include "tensor/trace.h"

namespace ranvier {

Tensors apply(const OpRecord& op, Tensors inputs, Attrs attrs = {});
// For ops with one output.
Tensor apply1(const OpRecord& op, Tensors inputs, Attrs attrs = {});
// Runs the op on values, past traces and tapes.
Tensors run_eager(const OpRecord& op, TensorSpan inputs, const Attrs& attrs);

}  // namespace ranvier
