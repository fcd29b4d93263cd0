#pragma once
// Products with one row or one column: y[j] = sum over p of x[p] M(p, j). They move M once and
// reuse nothing of it, so nothing is packed.

#include "kernels/cpu/gemm/chunk.h"
#include "kernels/cpu/gemm/micro.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Columns that are summed in registers at a time. Rows that are read in one run are read at twice
// the speed of pieces of them.
#if defined(__AVX512F__)
inline constexpr int kStripVectors = 26;
#elif defined(__AVX2__)
inline constexpr int kStripVectors = 12;
#else
inline constexpr int kStripVectors = 8;
#endif

// Bytes of y that stay in L1, and of a row that are read in one run.
constexpr int64_t kStreamedRun = 16384;

// Independent chains per column: enough of them to hide the latency of an FMA in a narrow strip.
constexpr int chains(int vectors) { return vectors <= 2 ? 4 : vectors <= 5 ? 2 : 1; }

template <class T, int V, bool kTail>
RV_INLINE void add_scaled_row(Vec<T> (&sum)[V], T x, const T* row, int tail) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> factor = Vec<T>::set1(x);
#pragma GCC unroll 26
  for (int v = 0; v < V - 1; ++v) sum[v] = fma(factor, Vec<T>::load(row + v * kLanes), sum[v]);
  sum[V - 1] = fma(factor, load_last<T, kTail>(row + (V - 1) * kLanes, tail), sum[V - 1]);
}

#if defined(__AVX512F__)
RV_INLINE VecF shift_lanes(VecF low, VecI index, VecF high) {
  return {_mm512_permutex2var_ps(low.v, reinterpret_cast<__m512i>(index.v), high.v)};
}
RV_INLINE VecD shift_lanes(VecD low, VecL index, VecD high) {
  return {_mm512_permutex2var_pd(low.v, reinterpret_cast<__m512i>(index.v), high.v)};
}

// As add_scaled_row for V whole vectors, where a load at each place would cross two lines, which
// costs double: lines are loaded and shifted. Reads up to a line before the row and one after V.
template <class T, int V>
RV_INLINE void add_scaled_lines(Vec<T> (&sum)[V], T x, const T* row) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  using Index = typename Vec<T>::Mask;
  const auto place = reinterpret_cast<uintptr_t>(row) % kVectorBytes / sizeof(T);
  const T* line = row - place;
  const Index index = Index::iota() + Index::set1(static_cast<int>(place));
  const Vec<T> factor = Vec<T>::set1(x);
  Vec<T> low = Vec<T>::load(line);
#pragma GCC unroll 26
  for (int v = 0; v < V; ++v) {
    Vec<T> high = Vec<T>::load(line + (v + 1) * kLanes);
    hold(high);  // loaded once
    sum[v] = fma(factor, shift_lanes(low, index, high), sum[v]);
    low = high;
  }
}

template <class T>
RV_INLINE bool crosses_lines(const T* m, int64_t ld) {
  return (reinterpret_cast<uintptr_t>(m) | static_cast<uintptr_t>(ld) * sizeof(T)) % kVectorBytes !=
         0;
}
#endif

// V vectors of y = alpha * sum of x[p * x_stride] * m[p * ld ...] + beta * y.
template <class T, int V>
void row_sum_strip(const T* x, int64_t x_stride, const T* m, int64_t ld, int64_t k,
                   const TileTarget<T>& target) noexcept {
  constexpr int kChains = chains(V);
  Vec<T> acc[kChains][V];
#pragma GCC unroll 4
  for (int c = 0; c < kChains; ++c)
#pragma GCC unroll 26
    for (int v = 0; v < V; ++v) acc[c][v] = Vec<T>::zero();
  int64_t p = 0;
#if defined(__AVX512F__)
  // All but the first and the last rows, which have no neighbour to read from.
  if (V >= 4 && k > 2 * kChains && crosses_lines(m, ld)) {
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c)
      add_scaled_row<T, V, true>(acc[c], x[c * x_stride], m + c * ld, target.tail);
    for (p = kChains; p + kChains < k; p += kChains)
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c)
        add_scaled_lines(acc[c], x[(p + c) * x_stride], m + (p + c) * ld);
  }
#endif
  // Loads under a mask are slow, even a full one: whole vectors, where the last one of the last row
  // but one ends inside the matrix.
  if (ld + target.tail >= Vec<T>::kLanes)
    for (; p + kChains < k; p += kChains)
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c)
        add_scaled_row<T, V, false>(acc[c], x[(p + c) * x_stride], m + (p + c) * ld, target.tail);
  for (; p + kChains <= k; p += kChains)
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c)
      add_scaled_row<T, V, true>(acc[c], x[(p + c) * x_stride], m + (p + c) * ld, target.tail);
  for (; p < k; ++p) add_scaled_row<T, V, true>(acc[0], x[p * x_stride], m + p * ld, target.tail);
#pragma GCC unroll 2
  for (int step = kChains / 2; step > 0; step /= 2)
    for (int c = 0; c < step; ++c)
#pragma GCC unroll 26
      for (int v = 0; v < V; ++v) acc[c][v] = acc[c][v] + acc[c + step][v];
  Vec<T> result[1][V];
#pragma GCC unroll 26
  for (int v = 0; v < V; ++v) result[0][v] = acc[0][v];
  tile_store<T, 1, V, true>(result, target);
}

template <class T>
using StripFn = void (*)(const T*, int64_t, const T*, int64_t, int64_t,
                         const TileTarget<T>&) noexcept;
template <class T>
struct Strips {
  StripFn<T> of[kStripVectors + 1];
  template <int... V>
  static constexpr Strips make(std::integer_sequence<int, V...>) {
    return {{nullptr, &row_sum_strip<T, V + 1>...}};
  }
};
template <class T>
inline constexpr Strips<T> kStrips =
    Strips<T>::make(std::make_integer_sequence<int, kStripVectors>());

// `count` columns of y; m points at the first of them.
template <class T>
void row_sum(const T* x, int64_t x_stride, const T* m, int64_t ld, int64_t k, int64_t count, T* y,
             T alpha, T beta) {
  constexpr int kLanes = Vec<T>::kLanes;
  const int64_t vectors = (count + kLanes - 1) / kLanes;
  const int64_t strips =
      vectors <= kStripVectors ? 1 : (vectors + kStripVectors - 1) / kStripVectors;
  for (int64_t s = 0; s < strips; ++s) {
    const int64_t v0 = cut(vectors, s, strips), v1 = cut(vectors, s + 1, strips);
    const int tail = v1 == vectors ? static_cast<int>(count - (vectors - 1) * kLanes) : kLanes;
    kStrips<T>.of[v1 - v0](x, x_stride, m + v0 * kLanes, ld, k,
                           {y + v0 * kLanes, 0, alpha, beta, tail});
  }
}

// V vectors of y = alpha * sum of R rows, factor[r] * m[r * ld ...], + beta * y; beta 0 does not
// read y. The rows that follow a pair are fetched, for which a pair is read line by line.
template <class T, int R, int V, bool kTail>
RV_INLINE void add_rows(const Vec<T> (&factor)[R], const T* m, int64_t ld,
                        const TileTarget<T>& target) {
  constexpr int kLanes = Vec<T>::kLanes;
  Vec<T> sum[1][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r, m += ld) {
    if constexpr (R == 2) __builtin_prefetch(m + R * ld);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec<T> x = load_last<T, kTail>(m + v * kLanes, target.tail);
      sum[0][v] = r == 0 ? factor[0] * x : fma(factor[r], x, sum[0][v]);
    }
  }
  tile_store<T, 1, V, kTail>(sum, target);
}
template <class T, int R>
void add_rows(const T* x, int64_t x_stride, const T* m, int64_t ld, int64_t count, T* y, T alpha,
              T beta) noexcept {
  constexpr int kLanes = Vec<T>::kLanes, kWide = R == 2 ? 1 : 4;
  Vec<T> factor[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) factor[r] = Vec<T>::set1(x[r * x_stride]);
  int64_t j = 0;
  for (; j + kWide * kLanes <= count; j += kWide * kLanes)
    add_rows<T, R, kWide, false>(factor, m + j, ld, {y + j, 0, alpha, beta, kLanes});
  for (; j + kLanes <= count; j += kLanes)
    add_rows<T, R, 1, false>(factor, m + j, ld, {y + j, 0, alpha, beta, kLanes});
  if (j < count)
    add_rows<T, R, 1, true>(factor, m + j, ld,
                            {y + j, 0, alpha, beta, static_cast<int>(count - j)});
}

// As row_sum, for matrices larger than the caches of a core: kRows rows are read beside each other
// along all columns, while y stays in L1.
template <class T, int kRows>
void row_sum_streamed(const T* x, int64_t x_stride, const T* m, int64_t ld, int64_t k,
                      int64_t count, T* y, T alpha, T beta) {
  constexpr int64_t kColumns = kStreamedRun / static_cast<int64_t>(sizeof(T));
  for (int64_t j = 0; j < count; j += kColumns) {
    const int64_t columns = least(kColumns, count - j);
    int64_t p = 0;
    for (; p + kRows <= k; p += kRows)
      add_rows<T, kRows>(x + p * x_stride, x_stride, m + p * ld + j, ld, columns, y + j, alpha,
                         p == 0 ? beta : T(1));
    for (; p < k; ++p)
      add_rows<T, 1>(x + p * x_stride, x_stride, m + p * ld + j, ld, columns, y + j, alpha,
                     p == 0 ? beta : T(1));
  }
}

template <class T, int kDistance, int... I>
RV_INLINE Vec<T> fold(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> kept = {
      __builtin_shufflevector(a.v, b.v, ((I & kDistance) ? kLanes + (I ^ kDistance) : I)...)};
  const Vec<T> moved = {
      __builtin_shufflevector(a.v, b.v, ((I & kDistance) ? kLanes + I : (I ^ kDistance))...)};
  return kept + moved;
}
template <class T, int kDistance>
RV_INLINE void fold_all(Vec<T> (&x)[Vec<T>::kLanes]) {
  constexpr auto kIndex = std::make_integer_sequence<int, Vec<T>::kLanes>();
#pragma GCC unroll 8
  for (int i = 0; i < Vec<T>::kLanes / (2 * kDistance); ++i)
    x[i] = fold<T, kDistance>(x[2 * i], x[2 * i + 1], kIndex);
}
// Lane i of the result is the sum over the lanes of x[i], each by the same tree.
template <class T>
RV_INLINE Vec<T> sum_each(Vec<T> (&x)[Vec<T>::kLanes]) {
  constexpr int kLanes = Vec<T>::kLanes;
  fold_all<T, 1>(x);
  if constexpr (kLanes > 2) fold_all<T, 2>(x);
  if constexpr (kLanes > 4) fold_all<T, 4>(x);
  if constexpr (kLanes > 8) fold_all<T, 8>(x);
  return x[0];
}

// y[i] = alpha * (sum over the lanes of sums[i]) + beta * y[i] for i < count.
template <class T>
RV_INLINE void store_sums(Vec<T> (&sums)[Vec<T>::kLanes], int count, T* y, T alpha, T beta) {
  Vec<T> result = Vec<T>::set1(alpha) * sum_each(sums);
  if (beta != 0) result = fma(Vec<T>::set1(beta), Vec<T>::load_partial(y, count), result);
  result.store_partial(y, count);
}

// y[i] = alpha * dot(row i of m, x) + beta * y[i] for 1 <= count <= kRows rows. Missing rows repeat
// the last one.
template <class T, int kRows>
RV_INLINE void dot_group(const T* m, int64_t ld, const T* x, int64_t k, int count, T* y, T alpha,
                         T beta) {
  constexpr int kLanes = Vec<T>::kLanes;
  const T* row[kRows];
  Vec<T> acc[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) row[i] = m + (i < count ? i : count - 1) * ld;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) acc[i] = Vec<T>::zero();
  int64_t p = 0;
  for (; p + kLanes <= k; p += kLanes) {
    const Vec<T> factor = Vec<T>::load(x + p);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) acc[i] = fma(factor, Vec<T>::load(row[i] + p), acc[i]);
  }
  if (p < k) {
    const int left = static_cast<int>(k - p);
    const Vec<T> factor = Vec<T>::load_partial(x + p, left);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
      acc[i] = fma(factor, Vec<T>::load_partial(row[i] + p, left), acc[i]);
  }
  store_sums(acc, count, y, alpha, beta);
}

// The dot product of a row with x, over the lanes of the result.
template <class T>
RV_INLINE Vec<T> dot_row(const T* row, const T* x, int64_t k) {
  constexpr int kLanes = Vec<T>::kLanes, kChains = 4;
  Vec<T> acc[kChains];
#pragma GCC unroll 4
  for (int c = 0; c < kChains; ++c) acc[c] = Vec<T>::zero();
  int64_t p = 0;
  for (; p + kChains * kLanes <= k; p += kChains * kLanes)
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c)
      acc[c] = fma(Vec<T>::load(x + p + c * kLanes), Vec<T>::load(row + p + c * kLanes), acc[c]);
  for (; p < k; p += kLanes) {
    const int left = static_cast<int>(least(kLanes, k - p));
    acc[0] = fma(Vec<T>::load_partial(x + p, left), Vec<T>::load_partial(row + p, left), acc[0]);
  }
  return (acc[0] + acc[1]) + (acc[2] + acc[3]);
}
template <class T>
RV_INLINE void dot_one(const T* row, const T* x, int64_t k, T* y, T alpha, T beta) {
  Vec<T> sums[Vec<T>::kLanes] = {dot_row(row, x, k)};
  store_sums(sums, 1, y, alpha, beta);
}

template <class T>
void dots(const T* m, int64_t ld, const T* x, int64_t k, int64_t count, T* y, T alpha, T beta) {
  constexpr int kLanes = Vec<T>::kLanes, kFew = kLanes < 4 ? kLanes : 4;
  int64_t i = 0;
  for (; count - i > kFew; i += kLanes) {
    const int rows = static_cast<int>(least(kLanes, count - i));
    dot_group<T, kLanes>(m + i * ld, ld, x, k, rows, y + i, alpha, beta);
  }
  if (count - i == 1)
    dot_one(m + i * ld, x, k, y + i, alpha, beta);
  else if (i < count)
    dot_group<T, kFew>(m + i * ld, ld, x, k, static_cast<int>(count - i), y + i, alpha, beta);
}

// sum[0] and sum[1] over the lanes are the dot products of two rows with x. The next two rows are
// fetched.
template <class T>
RV_INLINE void dot_pair(const T* row0, const T* row1, int64_t ld, const T* x, int64_t k,
                        Vec<T>* sum) {
  constexpr int kLanes = Vec<T>::kLanes, kChains = 4;
  Vec<T> acc[2][kChains];
#pragma GCC unroll 4
  for (int c = 0; c < kChains; ++c) acc[0][c] = acc[1][c] = Vec<T>::zero();
  int64_t p = 0;
  for (; p + kChains * kLanes <= k; p += kChains * kLanes)
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) {
      const int64_t at = p + c * kLanes;
      const Vec<T> factor = Vec<T>::load(x + at);
      __builtin_prefetch(row0 + 2 * ld + at);
      __builtin_prefetch(row1 + 2 * ld + at);
      acc[0][c] = fma(factor, Vec<T>::load(row0 + at), acc[0][c]);
      acc[1][c] = fma(factor, Vec<T>::load(row1 + at), acc[1][c]);
    }
  for (; p < k; p += kLanes) {
    const int left = static_cast<int>(least(kLanes, k - p));
    const Vec<T> factor = Vec<T>::load_partial(x + p, left);
    acc[0][0] = fma(factor, Vec<T>::load_partial(row0 + p, left), acc[0][0]);
    acc[1][0] = fma(factor, Vec<T>::load_partial(row1 + p, left), acc[1][0]);
  }
#pragma GCC unroll 2
  for (int r = 0; r < 2; ++r) sum[r] = (acc[r][0] + acc[r][1]) + (acc[r][2] + acc[r][3]);
}

// As dots, for matrices larger than the caches of a core: one row after the other, or pairs.
template <class T, bool kPairs>
void dots_streamed(const T* m, int64_t ld, const T* x, int64_t k, int64_t count, T* y, T alpha,
                   T beta) {
  constexpr int kLanes = Vec<T>::kLanes;
  for (int64_t i = 0; i < count; i += kLanes) {
    const int rows = static_cast<int>(least(kLanes, count - i));
    Vec<T> acc[kLanes] = {};
    int r = 0;
    for (; kPairs && r + 2 <= rows; r += 2) {
      const T* row = m + (i + r) * ld;
      dot_pair(row, row + ld, ld, x, k, acc + r);
    }
    for (; r < rows; ++r) acc[r] = dot_row(m + (i + r) * ld, x, k);
    store_sums(acc, rows, y + i, alpha, beta);
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
