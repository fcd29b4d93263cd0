// 2-D transpose of 4-byte elements in register blocks: 16x16 (whole cache lines on both sides),
// 8x8, or 4x4.

#include "kernels/cpu/data/transpose.h"

#include <immintrin.h>

#include <cstdint>

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kBlock = 16;

[[gnu::always_inline]] inline void transpose_block(uint32_t* dst, int64_t dst_stride,
                                                   const uint32_t* src, int64_t src_stride) {
  __m512 a[16], b[16];
  for (int i = 0; i < 16; ++i)
    a[i] = _mm512_loadu_ps(reinterpret_cast<const float*>(src + i * src_stride));
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
  // a[4g + j]: in 128-bit lane l the four source rows 4g.. at column 4l + j.
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_shuffle_ps(b[i], b[i + 2], 0x44);
    a[i + 1] = _mm512_shuffle_ps(b[i], b[i + 2], 0xee);
    a[i + 2] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0x44);
    a[i + 3] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0xee);
  }
  for (int j = 0; j < 4; ++j) {
    const __m512 low[2] = {_mm512_shuffle_f32x4(a[j], a[4 + j], 0x44),
                           _mm512_shuffle_f32x4(a[j], a[4 + j], 0xee)};
    const __m512 high[2] = {_mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0x44),
                            _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0xee)};
    for (int half = 0; half < 2; ++half) {
      float* d = reinterpret_cast<float*>(dst + (8 * half + j) * dst_stride);
      _mm512_storeu_ps(d, _mm512_shuffle_f32x4(low[half], high[half], 0x88));
      _mm512_storeu_ps(d + 4 * dst_stride, _mm512_shuffle_f32x4(low[half], high[half], 0xdd));
    }
  }
}
#elif defined(__AVX2__)
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

constexpr int64_t kTile = 16;

// Rows [r0, r1) and columns [c0, c1) of dst, at most kTile of each. A block of source lines is read
// to its end before the next: rows a power of two apart push each other out of L1.
[[gnu::always_inline]] inline void transpose_tile(uint32_t* dst, int64_t dst_stride,
                                                  const uint32_t* src, int64_t src_stride,
                                                  int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
  const int64_t block_r = r1 - (r1 - r0) % kBlock, block_c = c1 - (c1 - c0) % kBlock;
  for (int64_t c = c0; c < block_c; c += kBlock)
    for (int64_t r = r0; r < block_r; r += kBlock)
      transpose_block(dst + r * dst_stride + c, dst_stride, src + c * src_stride + r, src_stride);
  for (int64_t r = r0; r < r1; ++r)
    for (int64_t c = r < block_r ? block_c : c0; c < c1; ++c)
      dst[r * dst_stride + c] = src[c * src_stride + r];
}

// In squares of some lines on both sides. The tile at the same place in the next square is fetched:
// where rows are long, each lies in a page of its own, and no prefetcher follows.
void transpose_b4(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
                  int64_t rows, int64_t cols) noexcept {
  constexpr int64_t kSquare = 4 * kTile;
  const auto end = [](int64_t from, int64_t step, int64_t size) {
    return size - from < step ? size : from + step;
  };
  for (int64_t C = 0; C < cols; C += kSquare)
    for (int64_t R = 0; R < rows; R += kSquare)
      for (int64_t r0 = R; r0 < end(R, kSquare, rows); r0 += kTile)
        for (int64_t c0 = C; c0 < end(C, kSquare, cols); c0 += kTile) {
          const bool down = r0 + kSquare < rows;
          const int64_t r = down ? r0 + kSquare : r0 - R, c = down ? c0 : c0 + kSquare;
          for (int64_t i = 0; i < kTile; ++i) {
            if (c + i < cols) __builtin_prefetch(src + (c + i) * src_stride + r, 0, 2);
            if (r + i < rows && c < cols) __builtin_prefetch(dst + (r + i) * dst_stride + c, 1, 2);
          }
          transpose_tile(dst, dst_stride, src, src_stride, r0, end(r0, kTile, rows), c0,
                         end(c0, kTile, cols));
        }
}

}  // namespace

extern const TransposeKernels kTransposeKernels;
const TransposeKernels kTransposeKernels{transpose_b4};

}  // namespace ranvier::kernels::RV_ISA
