#pragma once
// Sums down the columns of a row-major matrix, and the layout of the partial sums in scratch. For
// the per-level sources of this folder.

#include <cstdint>

#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// A row of scratch: whole cache lines.
template <class T>
RV_INLINE int64_t pitch_of(int64_t cols) {
  constexpr int64_t kLine = 64 / sizeof(T);
  return (cols + kLine - 1) / kLine * kLine;
}
// Partial sums `which` (0 or 1) of a chunk; behind the chunks four rows of coefficients.
template <class T>
RV_INLINE T* partial_row(const NormParams& p, void* shared, int64_t chunk, int which) {
  return static_cast<T*>(shared) + (2 * chunk + which) * pitch_of<T>(p.cols);
}
template <class T>
RV_INLINE T* coefficient_row(const NormParams& p, void* shared, int which) {
  return static_cast<T*>(shared) + (2 * p.chunks + which) * pitch_of<T>(p.cols);
}

// f.template operator()<V>(column, lanes) for groups of V vectors, V = 4, 2, 1; lanes counts the
// last vector's.
template <class T, class F>
RV_INLINE void for_each_column_group(int64_t cols, const F& f) {
  constexpr int kLanes = Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + 4 * kLanes <= cols; c += 4 * kLanes) f.template operator()<4>(c, kLanes);
  for (; c + 2 * kLanes <= cols; c += 2 * kLanes) f.template operator()<2>(c, kLanes);
  for (; c + kLanes <= cols; c += kLanes) f.template operator()<1>(c, kLanes);
  if (c < cols) f.template operator()<1>(c, static_cast<int>(cols - c));
}

// sums[k][v] = sum over rows begin..end of what f(row, v, sum) adds to sum[k]: kUnroll interleaved
// sums, added as a tree.
template <class T, int K, int V, class F>
RV_INLINE void sum_rows(int64_t begin, int64_t end, Vec<T> (&sums)[K][V], const F& f) {
  constexpr int kUnroll = K * V >= 8 ? 1 : 8 / (K * V);
  Vec<T> partial[kUnroll][K][V];
  for (auto& u : partial)
    for (auto& k : u)
      for (auto& v : k) v = Vec<T>::zero();
  const auto add = [&](int64_t row, Vec<T>(&into)[K][V]) RV_INLINE_LAMBDA {
    for (int v = 0; v < V; ++v) {
      Vec<T> sum[K];
      for (int k = 0; k < K; ++k) sum[k] = into[k][v];
      f(row, v, sum);
      for (int k = 0; k < K; ++k) into[k][v] = sum[k];
    }
  };
  int64_t row = begin;
  for (; row + kUnroll <= end; row += kUnroll)
    for (int u = 0; u < kUnroll; ++u) add(row + u, partial[u]);
  for (; row < end; ++row) add(row, partial[0]);
  for (int half = kUnroll / 2; half > 0; half /= 2)
    for (int u = 0; u < half; ++u)
      for (int k = 0; k < K; ++k)
        for (int v = 0; v < V; ++v) partial[u][k][v] = partial[u][k][v] + partial[u + half][k][v];
  for (int k = 0; k < K; ++k)
    for (int v = 0; v < V; ++v) sums[k][v] = partial[0][k][v];
}

// Adds the chunks' partial sums, in order, into those of chunk 0.
template <class T>
RV_INLINE void add_chunks(const NormParams& p, void* shared, int which) {
  T* total = partial_row<T>(p, shared, 0, which);
  for (int64_t chunk = 1; chunk < p.chunks; ++chunk) {
    const T* part = partial_row<T>(p, shared, chunk, which);
    for (int64_t c = 0; c < p.cols; ++c) total[c] += part[c];
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
