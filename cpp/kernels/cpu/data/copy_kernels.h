#pragma once
// Copies with one version per level: 2-D transposes of 4-byte elements, and runs that one side
// reads or writes backwards, with gaps or past the caches.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/cpu.h"

namespace ranvier::kernels {

using ZipFn = void (*)(void* dst, const void* const* src, int64_t count) noexcept;

struct CopyKernels {
  // dst[r * dst_stride + c] = src[c * src_stride + r], r < rows, c < cols; strides in elements.
  void (*b4)(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
             int64_t rows, int64_t cols) noexcept;
  // dst[i] = src[-i], i < count; by log2 of the bytes of an element.
  void (*reverse[4])(void* dst, const void* src, int64_t count) noexcept;
  // dst[i] = src[i * step], i < count, step 2 to 4; by log2 of the bytes, then by step.
  void (*pick[4][3])(void* dst, const void* src, int64_t count) noexcept;
  // dst[i * parts + j] = src[j][i], i < count, 2 to 4 parts.
  ZipFn zip[4][3];
  // Rows of `bytes` bytes, `pitch` apart in dst, go past the caches; all multiples of 64, as dst
  // is.
  void (*stream_rows)(char* dst, int64_t pitch, const char* src, int64_t bytes,
                      int64_t rows) noexcept;
  // n times the value, of 1, 2, 4 or 8 bytes.
  void (*fill)(const void* value, void* dst, int64_t n, int element) noexcept;
};
const CopyKernels& copy_kernels(Isa isa);

template <class T>
void transpose(Isa isa, T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows,
               int64_t cols) noexcept {
  if constexpr (sizeof(T) == 4) {
    copy_kernels(isa).b4(reinterpret_cast<uint32_t*>(dst), dst_stride,
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
  copy_kernels(isa).reverse[std::countr_zero(sizeof(T))](dst, src, count);
}

inline constexpr int64_t kFewestSteps = 2, kMostSteps = 4;  // steps and parts

template <class T>
void pick(Isa isa, T* dst, const T* src, int64_t step, int64_t count) noexcept {
  copy_kernels(isa).pick[std::countr_zero(sizeof(T))][step - kFewestSteps](dst, src, count);
}

}  // namespace ranvier::kernels
