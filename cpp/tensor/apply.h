#pragma once
// The one way to use a primitive: on values it runs now, inside a trace it becomes a node.

#include "tensor/trace.h"

namespace ranvier {

Tensors apply(const OpRecord& op, Tensors inputs, Attrs attrs = {});
// For ops with one output.
Tensor apply1(const OpRecord& op, Tensors inputs, Attrs attrs = {});
// Runs the op on values, past traces and tapes.
Tensors run_eager(const OpRecord& op, TensorSpan inputs, const Attrs& attrs);
// The same with what infer and prepare_kernel() gave; an alias has no kernel.
Tensors run_prepared(const OpRecord& op, const Attrs& attrs, const Kernel& kernel,
                     TensorSpan inputs, std::span<const TypeSpec> outputs);
// Tells the active tapes what was applied to values.
void record_on_tapes(const OpRecord& op, const Attrs& attrs, const Tensors& inputs,
                     const Tensors& outputs);
Specs specs_of(TensorSpan tensors);

}  // namespace ranvier
