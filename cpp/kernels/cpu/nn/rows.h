#pragma once
// Walking along a row in vectors, the last one partial; sums of rows in a fixed tree. For the
// per-level sources of this folder.

#include <cstdint>

#include "kernels/cpu/simd/vec.h"

// For the small functions handed to the loops below: each is used in a loop of whole vectors and
// once for the tail, and only inlined into both does the first one know its number of lanes.
#define RV_INLINE_LAMBDA __attribute__((always_inline))

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
RV_INLINE Vec<T> load_lanes(const T* p, int lanes) {
  return lanes == Vec<T>::kLanes ? Vec<T>::load(p) : Vec<T>::load_partial(p, lanes);
}
template <class T>
RV_INLINE void store_lanes(Vec<T> x, T* p, int lanes) {
  if (lanes == Vec<T>::kLanes)
    x.store(p);
  else
    x.store_partial(p, lanes);
}
// x in the first lanes, `other` in the rest.
template <class T>
RV_INLINE Vec<T> keep_lanes(Vec<T> x, int lanes, Vec<T> other) {
  using I = typename MaskLane<T>::type;
  if (lanes == Vec<T>::kLanes) return x;
  return select(Vec<I>::iota() < Vec<I>::set1(static_cast<I>(lanes)), x, other);
}

// f(column, lanes) for every vector of a row.
template <class T, class F>
RV_INLINE void for_each_vector(int64_t cols, const F& f) {
  constexpr int kLanes = Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + kLanes <= cols; c += kLanes) f(c, kLanes);
  if (c < cols) f(c, static_cast<int>(cols - c));
}

// Sum and maximum of the lanes without a trip through memory; the same tree as horizontal_sum.
#if defined(__AVX2__)
#define RV_FOLD_LANES(name, op)                                                                    \
  RV_INLINE float name(VecF x) {                                                                   \
    __m256 h =                                                                                     \
        lower_half(x, [](__m256 a, __m256 b) RV_INLINE_LAMBDA { return _mm256_##op##_ps(a, b); }); \
    __m128 q = _mm_##op##_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));              \
    q = _mm_##op##_ps(q, _mm_movehl_ps(q, q));                                                     \
    return _mm_cvtss_f32(_mm_##op##_ss(q, _mm_movehdup_ps(q)));                                    \
  }
template <class F>
RV_INLINE __m256 lower_half(VecF x, [[maybe_unused]] const F& f) {
#if defined(__AVX512F__)
  return f(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
#else
  return x.v;
#endif
}
RV_FOLD_LANES(sum_lanes, add)
RV_FOLD_LANES(max_lanes, max)
#undef RV_FOLD_LANES
#else
RV_INLINE float sum_lanes(VecF x) { return horizontal_sum(x); }
RV_INLINE float max_lanes(VecF x) { return horizontal_max(x); }
#endif
RV_INLINE double sum_lanes(VecD x) { return horizontal_sum(x); }
RV_INLINE double max_lanes(VecD x) { return horizontal_max(x); }

// Vectors worked on together, so that their chains of dependent instructions overlap.
constexpr int kSide = 4;

// K sums over a row: f(column, lanes, values) gives each vector's K terms, zero beyond the lanes;
// then done(column, lanes, values) may store, for four vectors at a time: the terms of one need not
// wait for the stores of the one before. Lane sums of kBlock vectors are added to the totals, so
// that long rows lose no digits.
template <class T, int K, class F, class G>
RV_INLINE void row_sums(int64_t cols, T (&sums)[K], const F& f, const G& done) {
  constexpr int kLanes = Vec<T>::kLanes;
  constexpr int64_t kBlock = 32;
  Vec<T> total[K];
  for (auto& t : total) t = Vec<T>::zero();
  for (int64_t begin = 0; begin < cols; begin += kBlock * kLanes) {
    const int64_t end = cols - begin < kBlock * kLanes ? cols : begin + kBlock * kLanes;
    Vec<T> block[K];
    for (auto& b : block) b = Vec<T>::zero();
    int64_t c = begin;
    if (end - c >= kSide * kLanes) {
      Vec<T> side[kSide][K];
      for (auto& part : side)
        for (auto& p : part) p = Vec<T>::zero();
      for (; c + kSide * kLanes <= end; c += kSide * kLanes) {
        Vec<T> values[kSide][K];
#pragma GCC unroll 4
        for (int s = 0; s < kSide; ++s) f(c + s * kLanes, kLanes, values[s]);
#pragma GCC unroll 4
        for (int s = 0; s < kSide; ++s) {
          done(c + s * kLanes, kLanes, values[s]);
          for (int k = 0; k < K; ++k) side[s][k] = side[s][k] + values[s][k];
        }
      }
      for (int k = 0; k < K; ++k) block[k] = (side[0][k] + side[1][k]) + (side[2][k] + side[3][k]);
    }
    for_each_vector<T>(end - c, [&](int64_t i, int lanes) RV_INLINE_LAMBDA {
      Vec<T> values[K];
      f(c + i, lanes, values);
      done(c + i, lanes, values);
      for (int k = 0; k < K; ++k) block[k] = block[k] + values[k];
    });
    for (int k = 0; k < K; ++k) total[k] = total[k] + block[k];
  }
  for (int k = 0; k < K; ++k) sums[k] = sum_lanes(total[k]);
}
template <class T, int K, class F>
RV_INLINE void row_sums(int64_t cols, T (&sums)[K], const F& f) {
  row_sums<T>(cols, sums, f, [](int64_t, int, Vec<T>(&)[K]) RV_INLINE_LAMBDA {});
}

// y[c] = f(column, lanes) along a row, four vectors at a time: y may be what f reads.
template <class T, class F>
RV_INLINE void fill_row(T* y, int64_t cols, const F& f) {
  constexpr int kLanes = Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + kSide * kLanes <= cols; c += kSide * kLanes) {
    Vec<T> values[kSide];
#pragma GCC unroll 4
    for (int s = 0; s < kSide; ++s) values[s] = f(c + s * kLanes, kLanes);
#pragma GCC unroll 4
    for (int s = 0; s < kSide; ++s) values[s].store(y + c + s * kLanes);
  }
  for_each_vector<T>(cols - c, [&](int64_t i, int lanes) RV_INLINE_LAMBDA {
    store_lanes(f(c + i, lanes), y + c + i, lanes);
  });
}

// Rows per chunk: about 10 µs of work, whole cache lines of per-row results.
RV_INLINE int64_t row_grain(int64_t cols) {
  const int64_t rows = 8192 / (cols < 1 ? 1 : cols);
  return rows <= 16 ? (rows < 1 ? 1 : rows) : rows & ~int64_t{15};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
