#pragma once
// Vectors of J values over and over, and of J rows side by side: what tiles with few outputs are
// made of. Included once per instruction set.

#include <utility>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// a0 b0 a1 b1 ...: the first half of the lanes of both.
template <class T, int... i>
RV_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b, std::integer_sequence<int, i...>) {
  constexpr int L = Vec<T>::kLanes;
  return {__builtin_shuffle(a.v, b.v, typename Vec<T>::Mask::Register{i / 2 + i % 2 * L...})};
}
template <class T>
RV_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b) {
  return interleave(a, b, std::make_integer_sequence<int, Vec<T>::kLanes>());
}
// The first J of four values over and over.
template <int J>
RV_INLINE VecF repeat(__m128 x) {
#if defined(__AVX512F__)
  if constexpr (J == 2) return {(VecF::Register)_mm512_broadcastsd_pd(_mm_castps_pd(x))};
  return {_mm512_broadcast_f32x4(x)};
#elif defined(__AVX2__)
  if constexpr (J == 2) return {(VecF::Register)_mm256_broadcastsd_pd(_mm_castps_pd(x))};
  return {_mm256_set_m128(x, x)};
#else
  if constexpr (J == 2) return {_mm_movelh_ps(x, x)};
  return {x};
#endif
}
// J values over and over. The 512-bit broadcast of a pair is the integer one: on Zen 4 the floating
// one takes the place of a multiplication.
template <int J>
RV_INLINE VecF repeat(const float* p) {
  if constexpr (J == 4) return repeat<J>(_mm_loadu_ps(p));
#if defined(__AVX512F__)
  int64_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return {(VecF::Register)_mm512_set1_epi64(pair)};
#else
  double pair;
  std::memcpy(&pair, p, sizeof pair);
  return repeat<J>(_mm_castpd_ps(_mm_set_sd(pair)));
#endif
}
// The same with zeros for all but the first n, which alone are read.
template <int J>
RV_INLINE VecF repeat(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return repeat<J>(_mm_maskz_loadu_ps(first_lanes8(static_cast<int>(n)), p));
#elif defined(__AVX2__)
  const __m256i lanes = first_lanes<float>(static_cast<int>(n));
  return repeat<J>(_mm_maskload_ps(p, _mm256_castsi256_si128(lanes)));
#else
  if (n >= J) return repeat<J>(p);
  const __m128 low = n == 1 ? _mm_load_ss(p) : _mm_loadl_pi(_mm_setzero_ps(), (const __m64*)p);
  return repeat<J>(n == 3 ? _mm_movelh_ps(low, _mm_load_ss(p + 2)) : low);
#endif
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
