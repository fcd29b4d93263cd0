#pragma once
// Register tiles of correlations with few outputs, which would leave half of a vector or more
// empty: a vector holds J terms of the sum for each output, lane f*J + j those of k + j. Included
// once per instruction set.

#include "kernels/cpu/conv/correlate_tile.h"
#include "kernels/cpu/conv/term_lanes.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// a0+a1 a2+a3 ... b0+b1 b2+b3 ...
template <class T, int... i>
RV_INLINE Vec<T> add_pairs(Vec<T> a, Vec<T> b, std::integer_sequence<int, i...>) {
  using Lanes = typename Vec<T>::Mask::Register;
  return {__builtin_shuffle(a.v, b.v, Lanes{2 * i...}) +
          __builtin_shuffle(a.v, b.v, Lanes{2 * i + 1 ...})};
}
template <class T>
RV_INLINE Vec<T> add_pairs(Vec<T> a, Vec<T> b) {
  return add_pairs(a, b, std::make_integer_sequence<int, Vec<T>::kLanes>());
}

// J rows of a filter, of which the first n exist, with `columns` outputs each.
template <class T, int J>
RV_INLINE Vec<T> terms_of_rows(const T* b, int64_t ldb, int64_t n, int columns) {
  Vec<T> rows[J];
  for (int j = 0; j < J; ++j)
    rows[j] = j < n ? Vec<T>::load_partial(b + j * ldb, columns) : Vec<T>::zero();
  if constexpr (J == 4)
    return interleave(interleave(rows[0], rows[2]), interleave(rows[1], rows[3]));
  else
    return interleave(rows[0], rows[1]);
}

// The epilogue of `lanes` neighbouring results at c + at.
template <class T>
RV_INLINE void close_lanes(const TileArgs<T>& t, Vec<T> sum, Vec<T> bias, int64_t at, int lanes) {
  using W = Vec<T>;
  if (t.accumulate) sum = W::load_partial(t.c + at, lanes) + sum;
  if (t.bias) sum = sum + bias;
  if (t.residual) sum = sum + W::load_partial(t.residual + at, lanes);
  if (t.relu) sum = select(sum < W::zero(), W::zero(), sum);
  if (t.relu6) sum = min(W::set1(6), sum);
  if (lanes == W::kLanes)
    sum.store(t.c + at);
  else
    sum.store_partial(t.c + at, lanes);
}

// The sums of MR pixels, J of them in a vector, each kLanes / J lanes apart.
template <class T, int MR, int J>
RV_INLINE void close_narrow(const TileArgs<T>& t, Vec<T> (&acc)[MR]) {
  constexpr int L = Vec<T>::kLanes, kApart = L / J;
  const Vec<T> bias = t.bias ? Vec<T>::load(t.bias) : Vec<T>::zero();
  const bool gapless = t.tail == kApart && t.c_step == kApart;
  const auto at = [&](int p) { return p < MR ? acc[p] : Vec<T>::zero(); };
#pragma GCC unroll 16
  for (int p = 0; p < MR; p += J) {
    Vec<T> sum = add_pairs(at(p), at(p + 1));
    if constexpr (J == 4) sum = add_pairs(sum, add_pairs(at(p + 2), at(p + 3)));
    const int pixels = MR - p < J ? MR - p : J;
    if (gapless) {
      close_lanes(t, sum, bias, p * kApart, pixels * kApart);
    } else {
      T lanes[2 * L];
      sum.store(lanes);
      for (int i = 0; i < pixels; ++i)
        close_lanes(t, Vec<T>::load(lanes + i * kApart), bias, t.offsets[p + i], t.tail);
    }
  }
}

// As correlate_tile, over filters of terms_of_rows; b_shift and ldb are not read, and `bias` is as
// long as a vector, the outputs' over and over.
template <class T, int MR, int J>
void narrow_tile(const TileArgs<T>& t) noexcept {
  using W = Vec<T>;
  W acc[MR];
#pragma GCC unroll 16
  for (int p = 0; p < MR; ++p) acc[p] = W::zero();
  const int64_t s = t.a_pitch, s3 = 3 * t.a_pitch;
  const char* ahead = t.ahead;
  for (int64_t r = 0; r < t.count; ++r) {
    const T* a0 = held(t.runs[r].a + t.a_shift);
    const T* a1 = held(a0 + 5 * s);
    const T* a2 = held(a0 + 10 * s);
    const T* a3 = held(a0 + 15 * s);
    const T* b = t.runs[r].b;
    const auto pixel = [&](int p) {
      const T* base = p < 5 ? a0 : p < 10 ? a1 : p < 15 ? a2 : a3;
      return p % 5 == 3 ? base + s3 : base + p % 5 * s;
    };
    int64_t k = t.runs[r].length;
    for (; k >= J; k -= J, b += W::kLanes) {
      __builtin_prefetch(ahead);
      ahead += J * t.ahead_step;
      W row = W::load(b);
      hold(row);
#pragma GCC unroll 16
      for (int p = 0; p < MR; ++p) acc[p] = fma(repeat<J>(pixel(p)), row, acc[p]);
      a0 += J, a1 += J, a2 += J, a3 += J;
    }
    if (k == 0) continue;
    const W row = W::load(b);
#pragma GCC unroll 16
    for (int p = 0; p < MR; ++p) acc[p] = fma(repeat<J>(pixel(p), k), row, acc[p]);
  }
  close_narrow<T, MR, J>(t, acc);
}

template <class T, int J, int... rows>
constexpr void list_narrow_tiles(TileFn<T>* to, std::integer_sequence<int, rows...>) {
  ((to[rows] = narrow_tile<T, rows + 1, J>), ...);
}
template <class T>
struct NarrowTable {
  TileFn<T> fn[2][kMaxRows[0]] = {};  // of 2 and 4 terms, by pixels
};
template <class T>
constexpr NarrowTable<T> make_narrow_table() {
  NarrowTable<T> table;
  if constexpr (sizeof(T) == sizeof(float)) {
    constexpr auto kRows = std::make_integer_sequence<int, kMaxRows[0]>();
    list_narrow_tiles<T, 2>(table.fn[0], kRows);
    list_narrow_tiles<T, 4>(table.fn[1], kRows);
  }
  return table;
}
template <class T>
constexpr NarrowTable<T> kNarrowTiles = make_narrow_table<T>();

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
