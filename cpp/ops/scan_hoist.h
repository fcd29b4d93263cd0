#pragma once
// What a scan needs to compute once only.

#include "tensor/trace.h"

namespace ranvier::ops {

// A scan about to be applied: inputs of the body and operands are carry, xs, constants.
struct Loop {
  TraceRef body;
  Tensors operands;
  size_t n_carry, n_xs;
};

// Takes out of the loop what depends on constants alone, unless it grows in memory, and products of
// slices of the xs with constants, element-wise ops around them included, unless their results are
// much larger than the constants. Such a product is made for all steps at once and its result is
// one of the xs. Operands that are then read no more are dropped.
void hoist(Loop& loop);

}  // namespace ranvier::ops
