#pragma once
// Register tiles of the gradient to a filter of few outputs: a vector holds J rows of dw, lane
// f*J + j of row m + j. Included once per instruction set.

#include "kernels/cpu/conv/gradient_tile.h"
#include "kernels/cpu/conv/term_lanes.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Every value J times beside each other; those behind the first kLanes / J are dropped.
template <int J, class T>
RV_INLINE Vec<T> each_repeated(Vec<T> x) {
  const Vec<T> twice = interleave(x, x);
  if constexpr (J == 4) return interleave(twice, twice);
  return twice;
}
// Lanes j, j + J, j + 2J ...
template <int J, class T, int... i>
RV_INLINE Vec<T> row_of(Vec<T> x, int j, std::integer_sequence<int, i...>) {
  using Lane = typename MaskLane<T>::type;
  const typename Vec<T>::Mask::Register lanes{static_cast<Lane>(i * J % Vec<T>::kLanes)...};
  return {__builtin_shuffle(x.v, lanes + static_cast<Lane>(j))};
}

// As gradient_tile, of t.rows rows in G vectors. Few vectors wait for their own sums: pixels take
// turns in kSets of them.
template <class T, int G, int J>
void narrow_gradient(const GradientTileArgs<T>& t) noexcept {
  using W = Vec<T>;
  constexpr int kSets = G <= 2 ? 4 : G <= 4 ? 2 : 1;
  W acc[kSets][G];
#pragma GCC unroll 4
  for (int s = 0; s < kSets; ++s)
    for (int g = 0; g < G; ++g) acc[s][g] = W::zero();
  const int64_t last = t.rows - (G - 1) * J;  // rows of the last vector
  const char* ahead = t.ahead;
  const auto add_pixel = [&](const T* x, const T* dy, W(&sum)[G]) {
    const W row = each_repeated<J>(W::load_partial(dy, t.tail));
#pragma GCC unroll 16
    for (int g = 0; g < G - 1; ++g) sum[g] = fma(repeat<J>(x + g * J), row, sum[g]);
    sum[G - 1] = fma(repeat<J>(x + (G - 1) * J, last), row, sum[G - 1]);
  };
  for (int64_t i = 0; i < t.count; ++i) {
    const T* x = t.segments[i].x + t.x_shift;
    const T* dy = t.segments[i].dy + t.dy_shift;
    int64_t p = t.segments[i].length;
    for (; p >= kSets; p -= kSets) {
      __builtin_prefetch(ahead, 0, 2);
      ahead += kSets * t.ahead_step;
#pragma GCC unroll 4
      for (int s = 0; s < kSets; ++s, x += t.x_step, dy += t.dy_step) add_pixel(x, dy, acc[s]);
    }
    for (; p > 0; --p, x += t.x_step, dy += t.dy_step) add_pixel(x, dy, acc[0]);
  }
#pragma GCC unroll 16
  for (int g = 0; g < G; ++g) {
    W sum = acc[0][g];
    for (int s = 1; s < kSets; ++s) sum = sum + acc[s][g];
    const int64_t rows = g == G - 1 ? last : J;
    for (int j = 0; j < rows; ++j) {
      const int64_t m = g * J + j;
      const W row = row_of<J>(sum, j, std::make_integer_sequence<int, W::kLanes>());
      (W::load_partial(t.old + m * t.ld_old, t.tail) + row).store_partial(t.dw + m * t.ldc, t.tail);
    }
  }
}

template <class T>
struct NarrowGradientTable {
  GradientTileFn<T> fn[2][kMaxRows[0]] = {};  // of 2 and 4 rows in a vector, by vectors
};
template <class T, int J, int... g>
constexpr void list_narrow_gradients(GradientTileFn<T>* to, std::integer_sequence<int, g...>) {
  ((to[g] = narrow_gradient<T, g + 1, J>), ...);
}
template <class T>
constexpr NarrowGradientTable<T> make_narrow_gradients() {
  NarrowGradientTable<T> table;
  if constexpr (sizeof(T) == sizeof(float)) {
    constexpr auto kVectors = std::make_integer_sequence<int, kMaxRows[0]>();
    list_narrow_gradients<T, 2>(table.fn[0], kVectors);
    list_narrow_gradients<T, 4>(table.fn[1], kVectors);
  }
  return table;
}
template <class T>
constexpr NarrowGradientTable<T> kNarrowGradients = make_narrow_gradients<T>();

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
