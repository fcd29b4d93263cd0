#pragma once
// The 2-D transpose (of 4-byte elements one version per level) and the reversed copy.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/cpu.h"

namespace ranvier::kernels {

struct TransposeKernels {
  // dst[r * dst_stride + c] = src[c * src_stride + r], r < rows, c < cols; strides in elements.
  void (*b4)(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
             int64_t rows, int64_t cols) noexcept;
  // dst[i] = src[-i], i < count; by log2 of the bytes of an element.
  void (*reverse[4])(void* dst, const void* src, int64_t count) noexcept;
};
const TransposeKernels& transpose_kernels(Isa isa);

template <class T>
void transpose(Isa isa, T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows,
               int64_t cols) noexcept {
  if constexpr (sizeof(T) == 4) {
    transpose_kernels(isa).b4(reinterpret_cast<uint32_t*>(dst), dst_stride,
                              reinterpret_cast<const uint32_t*>(src), src_stride, rows, cols);
  } else {
    constexpr int64_t kTile = 16;
    for (int64_t r0 = 0; r0 < rows; r0 += kTile)
      for (int64_t c0 = 0; c0 < cols; c0 += kTile)
        for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
          for (int64_t c = c0; c < std::min(cols, c0 + kTile); ++c)
            dst[r * dst_stride + c] = src[c * src_stride + r];
  }
}

template <class T>
void reverse(Isa isa, T* dst, const T* src, int64_t count) noexcept {
  transpose_kernels(isa).reverse[std::countr_zero(sizeof(T))](dst, src, count);
}

}  // namespace ranvier::kernels
