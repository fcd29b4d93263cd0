#pragma once
// Conversions between two dtypes in one pass, for pairs that would take two through a register.

#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {

// Null where the pair has none; the same bits as load, cast and store.
using PairChoice = LoadFn (*)(DType from, DType to) noexcept;
const PairChoice& convert_pairs(Isa isa);

}  // namespace ranvier::kernels
