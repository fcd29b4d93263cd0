#pragma once
// The one vector type. A kernel source is compiled once per instruction set; RV_ISA names the level
// and the inner namespace. Everything here has internal linkage, so no copy leaks between levels.
// Lanes: sizeof(register) / sizeof(T). A mask is a vector of integers, all bits set where true.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#ifndef RV_ISA
#error "compile kernels through ranvier_add_kernels() in CMake: it defines RV_ISA"
#endif

#define RV_INLINE [[gnu::always_inline]] inline

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct MaskLane;
template <>
struct MaskLane<float> {
  using type = int32_t;
};
template <>
struct MaskLane<int32_t> {
  using type = int32_t;
};
template <>
struct MaskLane<uint32_t> {
  using type = int32_t;
};
template <>
struct MaskLane<double> {
  using type = int64_t;
};
template <>
struct MaskLane<int64_t> {
  using type = int64_t;
};
template <>
struct MaskLane<uint64_t> {
  using type = int64_t;
};

template <class T>
using Native [[gnu::vector_size(kVectorBytes)]] = T;

template <class T>
struct Vec {
  using Register = Native<T>;
  using Mask = Vec<typename MaskLane<T>::type>;
  static constexpr int kLanes = kVectorBytes / sizeof(T);

  Register v;

  RV_INLINE static Vec zero() { return {Register{}}; }
  RV_INLINE static Vec set1(T x) { return {x - Register{}}; }
  RV_INLINE static Vec load(const T* p) {
    Vec r;
    std::memcpy(&r.v, p, sizeof r.v);
    return r;
  }
  RV_INLINE void store(T* p) const { std::memcpy(p, &v, sizeof v); }
  // The first n lanes, 0 <= n <= kLanes; the rest is zero and not touched in memory.
  static Vec load_partial(const T* p, int n);
  void store_partial(T* p, int n) const;
  static Vec iota();  // 0, 1, 2, ...

  RV_INLINE T operator[](int lane) const { return v[lane]; }

  RV_INLINE friend Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
  RV_INLINE friend Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
  RV_INLINE friend Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
  RV_INLINE friend Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
  RV_INLINE friend Vec operator-(Vec a) { return {-a.v}; }
  RV_INLINE friend Vec operator&(Vec a, Vec b) { return {a.v & b.v}; }  // integers
  RV_INLINE friend Vec operator|(Vec a, Vec b) { return {a.v | b.v}; }
  RV_INLINE friend Vec operator^(Vec a, Vec b) { return {a.v ^ b.v}; }
  RV_INLINE friend Vec operator~(Vec a) { return {~a.v}; }
  RV_INLINE friend Vec operator<<(Vec a, int n) { return {a.v << n}; }
  RV_INLINE friend Vec operator>>(Vec a, int n) { return {a.v >> n}; }
  RV_INLINE friend Mask operator<(Vec a, Vec b) { return {typename Mask::Register(a.v < b.v)}; }
  RV_INLINE friend Mask operator<=(Vec a, Vec b) { return {typename Mask::Register(a.v <= b.v)}; }
  RV_INLINE friend Mask operator>(Vec a, Vec b) { return {typename Mask::Register(a.v > b.v)}; }
  RV_INLINE friend Mask operator>=(Vec a, Vec b) { return {typename Mask::Register(a.v >= b.v)}; }
  RV_INLINE friend Mask operator==(Vec a, Vec b) { return {typename Mask::Register(a.v == b.v)}; }
  RV_INLINE friend Mask operator!=(Vec a, Vec b) { return {typename Mask::Register(a.v != b.v)}; }
};

using VecF = Vec<float>;
using VecD = Vec<double>;
using VecI = Vec<int32_t>;
using VecL = Vec<int64_t>;

template <class T>
RV_INLINE Vec<T> select(typename Vec<T>::Mask m, Vec<T> yes, Vec<T> no) {
  return {m.v ? yes.v : no.v};
}
// The same bits under another type.
template <class To, class From>
RV_INLINE Vec<To> bit_cast(Vec<From> x) {
  return {(typename Vec<To>::Register)x.v};
}
// As x86 does it: the second operand where either is NaN. GCC 12 makes two instructions of this
// form, so float and double have overloads with the one instruction.
template <class T>
RV_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
  return {a.v < b.v ? a.v : b.v};
}
template <class T>
RV_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
  return {a.v > b.v ? a.v : b.v};
}

#if defined(__AVX512F__)
RV_INLINE __mmask16 first_lanes16(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
RV_INLINE __mmask8 first_lanes8(int n) { return static_cast<__mmask8>((1u << n) - 1u); }

template <class T>
RV_INLINE Vec<T> Vec<T>::load_partial(const T* p, int n) {
  if constexpr (sizeof(T) == 4)
    return {(Register)_mm512_maskz_loadu_ps(first_lanes16(n), p)};
  else
    return {(Register)_mm512_maskz_loadu_pd(first_lanes8(n), p)};
}
template <class T>
RV_INLINE void Vec<T>::store_partial(T* p, int n) const {
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(p, first_lanes16(n), (__m512)v);
  else
    _mm512_mask_storeu_pd(p, first_lanes8(n), (__m512d)v);
}
// a*b + c; one rounding where the level has FMA (avx2 and up), two at baseline.
RV_INLINE VecF fma(VecF a, VecF b, VecF c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
RV_INLINE VecD fma(VecD a, VecD b, VecD c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
RV_INLINE VecF min(VecF a, VecF b) { return {_mm512_min_ps(a.v, b.v)}; }
RV_INLINE VecD min(VecD a, VecD b) { return {_mm512_min_pd(a.v, b.v)}; }
RV_INLINE VecF max(VecF a, VecF b) { return {_mm512_max_ps(a.v, b.v)}; }
RV_INLINE VecD max(VecD a, VecD b) { return {_mm512_max_pd(a.v, b.v)}; }
RV_INLINE VecF sqrt(VecF a) { return {_mm512_sqrt_ps(a.v)}; }
RV_INLINE VecD sqrt(VecD a) { return {_mm512_sqrt_pd(a.v)}; }
// To the nearest integer, ties to even, as a float.
RV_INLINE VecF round(VecF a) { return {_mm512_roundscale_ps(a.v, 8)}; }
RV_INLINE VecD round(VecD a) { return {_mm512_roundscale_pd(a.v, 8)}; }
RV_INLINE VecF floor(VecF a) { return {_mm512_roundscale_ps(a.v, 9)}; }
RV_INLINE VecD floor(VecD a) { return {_mm512_roundscale_pd(a.v, 9)}; }
// Nearest int32 (ties to even); undefined outside its range.
RV_INLINE VecI to_int(VecF a) { return {(VecI::Register)_mm512_cvtps_epi32(a.v)}; }
RV_INLINE VecF to_float(VecI a) { return {_mm512_cvtepi32_ps((__m512i)a.v)}; }

#elif defined(__AVX2__)
alignas(32) constexpr int32_t kPartialMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                  0,  0,  0,  0,  0,  0,  0,  0};
template <class T>
RV_INLINE __m256i first_lanes(int n) {
  return _mm256_loadu_si256(
      reinterpret_cast<const __m256i*>(kPartialMask + 8 - n * (sizeof(T) / 4)));
}
template <class T>
RV_INLINE Vec<T> Vec<T>::load_partial(const T* p, int n) {
  return {(Register)_mm256_maskload_epi32(reinterpret_cast<const int*>(p), first_lanes<T>(n))};
}
template <class T>
RV_INLINE void Vec<T>::store_partial(T* p, int n) const {
  _mm256_maskstore_epi32(reinterpret_cast<int*>(p), first_lanes<T>(n), (__m256i)v);
}
RV_INLINE VecF fma(VecF a, VecF b, VecF c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
RV_INLINE VecD fma(VecD a, VecD b, VecD c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
RV_INLINE VecF min(VecF a, VecF b) { return {_mm256_min_ps(a.v, b.v)}; }
RV_INLINE VecD min(VecD a, VecD b) { return {_mm256_min_pd(a.v, b.v)}; }
RV_INLINE VecF max(VecF a, VecF b) { return {_mm256_max_ps(a.v, b.v)}; }
RV_INLINE VecD max(VecD a, VecD b) { return {_mm256_max_pd(a.v, b.v)}; }
RV_INLINE VecF sqrt(VecF a) { return {_mm256_sqrt_ps(a.v)}; }
RV_INLINE VecD sqrt(VecD a) { return {_mm256_sqrt_pd(a.v)}; }
RV_INLINE VecF round(VecF a) { return {_mm256_round_ps(a.v, 8)}; }
RV_INLINE VecD round(VecD a) { return {_mm256_round_pd(a.v, 8)}; }
RV_INLINE VecF floor(VecF a) { return {_mm256_round_ps(a.v, 9)}; }
RV_INLINE VecD floor(VecD a) { return {_mm256_round_pd(a.v, 9)}; }
RV_INLINE VecI to_int(VecF a) { return {(VecI::Register)_mm256_cvtps_epi32(a.v)}; }
RV_INLINE VecF to_float(VecI a) { return {_mm256_cvtepi32_ps((__m256i)a.v)}; }

#else
template <class T>
RV_INLINE Vec<T> Vec<T>::load_partial(const T* p, int n) {
  Vec r = zero();
  std::memcpy(&r.v, p, n * sizeof(T));
  return r;
}
template <class T>
RV_INLINE void Vec<T>::store_partial(T* p, int n) const {
  std::memcpy(p, &v, n * sizeof(T));
}
RV_INLINE VecF fma(VecF a, VecF b, VecF c) { return {a.v * b.v + c.v}; }
RV_INLINE VecD fma(VecD a, VecD b, VecD c) { return {a.v * b.v + c.v}; }
RV_INLINE VecF min(VecF a, VecF b) { return {_mm_min_ps(a.v, b.v)}; }
RV_INLINE VecD min(VecD a, VecD b) { return {_mm_min_pd(a.v, b.v)}; }
RV_INLINE VecF max(VecF a, VecF b) { return {_mm_max_ps(a.v, b.v)}; }
RV_INLINE VecD max(VecD a, VecD b) { return {_mm_max_pd(a.v, b.v)}; }
RV_INLINE VecF sqrt(VecF a) { return {_mm_sqrt_ps(a.v)}; }
RV_INLINE VecD sqrt(VecD a) { return {_mm_sqrt_pd(a.v)}; }
// SSE2 has no rounding instruction: adding 2^23 (2^52) drops the fraction of a small enough
// magnitude.
RV_INLINE VecF round(VecF a) {
  const VecF sign = bit_cast<float>(bit_cast<int32_t>(a) & VecI::set1(INT32_MIN));
  const VecF magic =
      bit_cast<float>(bit_cast<int32_t>(VecF::set1(8388608.0f)) | bit_cast<int32_t>(sign));
  const VecF magnitude = {a.v < 0 ? -a.v : a.v};
  const VecF rounded =
      bit_cast<float>(bit_cast<int32_t>((a + magic) - magic) | bit_cast<int32_t>(sign));
  return select(magnitude < VecF::set1(8388608.0f), rounded, a);
}
RV_INLINE VecD round(VecD a) {
  const VecL sign = bit_cast<int64_t>(a) & VecL::set1(INT64_MIN);
  const VecD magic = bit_cast<double>(bit_cast<int64_t>(VecD::set1(4503599627370496.0)) | sign);
  const VecD magnitude = {a.v < 0 ? -a.v : a.v};
  const VecD rounded = bit_cast<double>(bit_cast<int64_t>((a + magic) - magic) | sign);
  return select(magnitude < VecD::set1(4503599627370496.0), rounded, a);
}
RV_INLINE VecF floor(VecF a) {
  const VecF r = round(a);
  return select(r > a, r - VecF::set1(1.0f), r);
}
RV_INLINE VecD floor(VecD a) {
  const VecD r = round(a);
  return select(r > a, r - VecD::set1(1.0), r);
}
RV_INLINE VecI to_int(VecF a) { return {(VecI::Register)_mm_cvtps_epi32(a.v)}; }
RV_INLINE VecF to_float(VecI a) { return {_mm_cvtepi32_ps((__m128i)a.v)}; }
#endif

#if defined(__AVX512F__)
// Is any lane of a mask set?
template <class M>
RV_INLINE bool any(Vec<M> mask) {
  return _mm512_test_epi32_mask((__m512i)mask.v, (__m512i)mask.v) != 0;
}
#elif defined(__AVX2__)
template <class M>
RV_INLINE bool any(Vec<M> mask) {
  return _mm256_movemask_epi8((__m256i)mask.v) != 0;
}
#else
template <class M>
RV_INLINE bool any(Vec<M> mask) {
  return _mm_movemask_epi8((__m128i)mask.v) != 0;
}
#endif

// Fetches the cache line `bytes` after p, which may lie outside the array, to be written. A core
// has more lines on their way in prefetches than in stores: large outputs gain a quarter.
RV_INLINE void prefetch_output(const void* p, int64_t bytes) {
  _mm_prefetch(static_cast<const char*>(p) + bytes, _MM_HINT_T0);
}

template <class T>
RV_INLINE Vec<T> Vec<T>::iota() {
  Vec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<T>(i);
  return r;
}
template <class T>
RV_INLINE Vec<T> abs(Vec<T> a) {
  using I = typename MaskLane<T>::type;
  constexpr I kMagnitude = static_cast<I>(~(I{1} << (8 * sizeof(I) - 1)));
  return bit_cast<T>(bit_cast<I>(a) & Vec<I>::set1(kMagnitude));
}
// Sum over the lanes as a fixed tree: (lanes 0..n/2) + (lanes n/2..n), halved again.
template <class T>
RV_INLINE T horizontal_sum(Vec<T> a) {
  T lanes[Vec<T>::kLanes];
  a.store(lanes);
  for (int half = Vec<T>::kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}
template <class T>
RV_INLINE T horizontal_max(Vec<T> a) {
  T best = a[0];
  for (int i = 1; i < Vec<T>::kLanes; ++i) best = a[i] > best ? a[i] : best;
  return best;
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
