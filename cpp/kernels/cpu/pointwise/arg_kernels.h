#pragma once
// Kernels of arg-reductions, once per instruction set. Plain enough for kernel sources to include.

#include <cstdint>

#include "base/cpu.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {

// Of registers of one type. The best of some values is their maximum or minimum, and NaN where one
// of them is NaN; its place is the first of equal ones.
struct ArgKernels {
  // The place of `best`, which is among the n values or totals.
  int64_t (*find)(const void* values, int64_t n, PwTotal best) noexcept;
  int64_t (*find_total)(const PwTotal* totals, int64_t n, PwTotal best) noexcept;
  // best[c] = best of it and values[c], whose place in the axis is `place`.
  void (*row)(const void* values, int64_t n, int32_t place, void* best, int32_t* places) noexcept;
  // best[c] = best of it and values[c], whose place is from[c].
  void (*join)(const void* values, const int32_t* from, int64_t n, void* best,
               int32_t* places) noexcept;
};
using ArgChoice = const ArgKernels* (*)(RegType type, bool maximum) noexcept;
const ArgChoice& arg_kernels(Isa isa);

}  // namespace ranvier::kernels
