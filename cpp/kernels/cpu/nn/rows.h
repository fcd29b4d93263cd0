#pragma once
// Walking along a row in vectors, the last one partial; sums of rows in a fixed tree. For the
// per-level sources of this folder.

#include <cstdint>

#include "kernels/cpu/simd/vec.h"

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

// K sums over a row: f(column, lanes, values) gives each vector's K terms, zero beyond the lanes.
// Lane sums of kBlock vectors are added to the totals, so that long rows lose no digits.
template <class T, int K, class F>
RV_INLINE void row_sums(int64_t cols, T (&sums)[K], const F& f) {
  constexpr int kLanes = Vec<T>::kLanes;
  constexpr int64_t kBlock = 32;
  Vec<T> total[K];
  for (auto& t : total) t = Vec<T>::zero();
  for (int64_t begin = 0; begin < cols; begin += kBlock * kLanes) {
    const int64_t rest = cols - begin;
    Vec<T> block[K];
    for (auto& b : block) b = Vec<T>::zero();
    for_each_vector<T>(rest < kBlock * kLanes ? rest : kBlock * kLanes, [&](int64_t c, int lanes) {
      Vec<T> values[K];
      f(begin + c, lanes, values);
      for (int k = 0; k < K; ++k) block[k] = block[k] + values[k];
    });
    for (int k = 0; k < K; ++k) total[k] = total[k] + block[k];
  }
  for (int k = 0; k < K; ++k) sums[k] = horizontal_sum(total[k]);
}

// Rows per chunk: about 10 µs of work, whole cache lines of per-row results.
RV_INLINE int64_t row_grain(int64_t cols) {
  const int64_t rows = 16384 / (cols < 1 ? 1 : cols);
  return rows <= 16 ? (rows < 1 ? 1 : rows) : rows & ~int64_t{15};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
