#pragma once
// The 2-D transpose of 4-byte elements, one version per level.

#include <cstdint>

namespace ranvier::kernels {

struct TransposeKernels {
  // dst[r * dst_stride + c] = src[c * src_stride + r], r < rows, c < cols; strides in elements.
  void (*b4)(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
             int64_t rows, int64_t cols) noexcept;
};

}  // namespace ranvier::kernels
