#pragma once
// Rows added to or written over rows, one version per level.

#include <cstdint>

namespace ranvier::kernels {

// Elements [0, width) of dst + to[i] += (or =) those of src + from[i], i < count, in this order.
using ScatterRowsFn = void (*)(void* dst, const void* src, const int64_t* to, const int64_t* from,
                               int64_t count, int64_t width) noexcept;

struct ScatterRowsKernels {
  ScatterRowsFn add_f32, add_f64, add_b4, add_b8;  // integers of 4 and 8 bytes wrap
  ScatterRowsFn set[4];                            // by log2 of the bytes of an element
};

}  // namespace ranvier::kernels
