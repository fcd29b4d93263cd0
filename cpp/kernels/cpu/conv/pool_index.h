#pragma once
// Tap numbers between memory (uint8 or int32) and lanes as wide as those of the values.
// Included once per instruction set.

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The first n lanes; the others are zero and not touched in memory.
RV_INLINE VecI load_taps(const int32_t* p, int n, VecI) {
  return n == VecI::kLanes ? VecI::load(p) : VecI::load_partial(p, n);
}
RV_INLINE void store_taps(int32_t* p, int n, VecI taps) {
  if (n == VecI::kLanes)
    taps.store(p);
  else
    taps.store_partial(p, n);
}

#if defined(__AVX512F__)
RV_INLINE VecI load_taps(const uint8_t* p, int n, VecI) {
  const __m128i bytes = n == VecI::kLanes ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                          : _mm_maskz_loadu_epi8(first_lanes16(n), p);
  return {(VecI::Register)_mm512_cvtepu8_epi32(bytes)};
}
RV_INLINE void store_taps(uint8_t* p, int n, VecI taps) {
  const __m128i bytes = _mm512_cvtepi32_epi8((__m512i)taps.v);
  if (n == VecI::kLanes)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  else
    _mm_mask_storeu_epi8(p, first_lanes16(n), bytes);
}
#elif defined(__AVX2__)
RV_INLINE VecI load_taps(const uint8_t* p, int n, VecI) {
  int64_t bytes = 0;
  std::memcpy(&bytes, p, n);
  return {(VecI::Register)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes))};
}
RV_INLINE void store_taps(uint8_t* p, int n, VecI taps) {
  const __m256i words = _mm256_packs_epi32((__m256i)taps.v, (__m256i)taps.v);
  const __m256i bytes = _mm256_packus_epi16(words, words);  // of each half, four times over
  const int64_t low = _mm256_extract_epi32(bytes, 0), high = _mm256_extract_epi32(bytes, 4);
  const int64_t both = (low & 0xffffffff) | (high << 32);
  std::memcpy(p, &both, n);
}
#else
RV_INLINE VecI load_taps(const uint8_t* p, int n, VecI) {
  int32_t bytes = 0;
  std::memcpy(&bytes, p, n);
  const __m128i zero = _mm_setzero_si128();
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zero);
  return {(VecI::Register)_mm_unpacklo_epi16(words, zero)};
}
RV_INLINE void store_taps(uint8_t* p, int n, VecI taps) {
  const __m128i words = _mm_packs_epi32((__m128i)taps.v, (__m128i)taps.v);
  const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  std::memcpy(p, &bytes, n);
}
#endif

template <class I>
RV_INLINE VecL load_taps(const I* p, int n, VecL) {
  VecL taps = VecL::zero();
  for (int i = 0; i < n; ++i) taps.v[i] = p[i];
  return taps;
}
template <class I>
RV_INLINE void store_taps(I* p, int n, VecL taps) {
  for (int i = 0; i < n; ++i) p[i] = static_cast<I>(taps[i]);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
