// 2-D transpose of 4-byte elements in register blocks: 8x8 with AVX, 4x4 without.

#include "kernels/cpu/data/transpose.h"

#include <immintrin.h>

#include <cstdint>

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX2__)
constexpr int kBlock = 8;

[[gnu::always_inline]] inline void transpose_block(uint32_t* dst, int64_t dst_stride,
                                                   const uint32_t* src, int64_t src_stride) {
  __m256 a[8], b[8];
  for (int i = 0; i < 8; ++i)
    a[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(src + i * src_stride));
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
    a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
    a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
    a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(reinterpret_cast<float*>(dst + i * dst_stride),
                     _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
    _mm256_storeu_ps(reinterpret_cast<float*>(dst + (i + 4) * dst_stride),
                     _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
  }
}
#else
constexpr int kBlock = 4;

[[gnu::always_inline]] inline void transpose_block(uint32_t* dst, int64_t dst_stride,
                                                   const uint32_t* src, int64_t src_stride) {
  __m128 a[4];
  for (int i = 0; i < 4; ++i)
    a[i] = _mm_loadu_ps(reinterpret_cast<const float*>(src + i * src_stride));
  _MM_TRANSPOSE4_PS(a[0], a[1], a[2], a[3]);
  for (int i = 0; i < 4; ++i) _mm_storeu_ps(reinterpret_cast<float*>(dst + i * dst_stride), a[i]);
}
#endif

// Strips of 16 destination rows read whole source cache lines; the strip's lines stay in L1 while
// it walks along the columns.
void transpose_b4(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
                  int64_t rows, int64_t cols) noexcept {
  constexpr int64_t kStrip = 16;
  const int64_t block_cols = cols - cols % kBlock;
  for (int64_t r0 = 0; r0 < rows; r0 += kStrip) {
    const int64_t strip = rows - r0 < kStrip ? rows - r0 : kStrip;
    const int64_t block_rows = strip - strip % kBlock;
    uint32_t* d = dst + r0 * dst_stride;
    const uint32_t* s = src + r0;
    for (int64_t c = 0; c < block_cols; c += kBlock) {
      for (int64_t r = 0; r < block_rows; r += kBlock)
        transpose_block(d + r * dst_stride + c, dst_stride, s + c * src_stride + r, src_stride);
      for (int64_t r = block_rows; r < strip; ++r)
        for (int64_t i = c; i < c + kBlock; ++i) d[r * dst_stride + i] = s[i * src_stride + r];
    }
    for (int64_t r = 0; r < strip; ++r)
      for (int64_t c = block_cols; c < cols; ++c) d[r * dst_stride + c] = s[c * src_stride + r];
  }
}

}  // namespace

extern const TransposeKernels kTransposeKernels;
const TransposeKernels kTransposeKernels{transpose_b4};

}  // namespace ranvier::kernels::RV_ISA
