#pragma once
// dst[r * dst_stride + c] = src[c * src_stride + r] for a square of kBlock 4-byte elements a side,
// in registers: 16x16 (whole cache lines on both sides), 8x8, or 4x4.

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)
inline constexpr int kBlock = 16;

RV_INLINE void transpose_block(uint32_t* dst, int64_t dst_stride, const uint32_t* src,
                               int64_t src_stride) {
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
inline constexpr int kBlock = 8;

RV_INLINE void transpose_block(uint32_t* dst, int64_t dst_stride, const uint32_t* src,
                               int64_t src_stride) {
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
inline constexpr int kBlock = 4;

RV_INLINE void transpose_block(uint32_t* dst, int64_t dst_stride, const uint32_t* src,
                               int64_t src_stride) {
  __m128 a[4];
  for (int i = 0; i < 4; ++i)
    a[i] = _mm_loadu_ps(reinterpret_cast<const float*>(src + i * src_stride));
  _MM_TRANSPOSE4_PS(a[0], a[1], a[2], a[3]);
  for (int i = 0; i < 4; ++i) _mm_storeu_ps(reinterpret_cast<float*>(dst + i * dst_stride), a[i]);
}
#endif

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
