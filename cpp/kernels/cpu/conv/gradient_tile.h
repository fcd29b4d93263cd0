#pragma once
// Register tiles of the gradient to a filter. Included once per instruction set.

#include "kernels/cpu/conv/conv_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct GradientTileArgs {
  const ConvSegment<T>* segments;
  int64_t count, x_shift, x_step, dy_shift, dy_step;
  T* dw;
  int64_t ldc;
  const T* old;  // dw itself, or one row of zeros where nothing was summed yet
  int64_t ld_old;
  int tail;
  int rows;           // of narrow tiles
  const char* ahead;  // fetched into the second cache, `ahead_step` bytes on for every pixel
  int64_t ahead_step;
};

// dw[m, f] = old[m, f] + sum over segments, pixels p:
//   x[x_shift + p*x_step + m] * dy[dy_shift + p*dy_step + f]
template <class T, int MR, int V, bool Tail>
void gradient_tile(const GradientTileArgs<T>& t) noexcept {
  using W = Vec<T>;
  W acc[MR][V];
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m)
    for (int v = 0; v < V; ++v) acc[m][v] = W::zero();
  const char* ahead = t.ahead;
  for (int64_t i = 0; i < t.count; ++i) {
    const T* x = t.segments[i].x + t.x_shift;
    const T* dy = t.segments[i].dy + t.dy_shift;
    for (int64_t p = t.segments[i].length; p > 0; --p) {
      __builtin_prefetch(ahead, 0, 2);
      ahead += t.ahead_step;
      W row[V];
      load_row<T, V, Tail>(dy, t.tail, row);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) hold(row[v]);
#pragma GCC unroll 16
      for (int m = 0; m < MR; ++m) {
        const W value = W::set1(x[m]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) acc[m][v] = fma(value, row[v], acc[m][v]);
      }
      x += t.x_step;
      dy += t.dy_step;
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
    W row[V];
    load_row<T, V, Tail>(t.old + m * t.ld_old, t.tail, row);
    for (int v = 0; v < V; ++v) row[v] = row[v] + acc[m][v];
    store_row<T, V, Tail>(t.dw + m * t.ldc, t.tail, row);
  }
}

template <class T>
using GradientTileFn = void (*)(const GradientTileArgs<T>&) noexcept;
template <class T, int MR>
constexpr GradientTileFn<T> gradient_tile_of(TileWidth width) {
  if constexpr (MR <= kMaxRows[0])
    if (width == kOneTail) return gradient_tile<T, MR, 1, true>;
  if constexpr (MR <= kMaxRows[1]) {
    if (width == kTwoTail) return gradient_tile<T, MR, 2, true>;
    if (width == kTwo) return gradient_tile<T, MR, 2, false>;
  }
  if constexpr (MR <= kMaxRows[2])
    if (width == kFour) return gradient_tile<T, MR, 4, false>;
  return nullptr;
}
template <class T>
struct GradientTable {
  GradientTileFn<T> fn[kTileWidths][kMaxMaxRows];
};
template <class T>
constexpr GradientTable<T> make_gradient_table() {
  GradientTable<T> table{};
  for (int w = 0; w < kTileWidths; ++w) {
    const TileWidth width = static_cast<TileWidth>(w);
    GradientTileFn<T>* row = table.fn[w];
    row[0] = gradient_tile_of<T, 1>(width), row[1] = gradient_tile_of<T, 2>(width);
    row[2] = gradient_tile_of<T, 3>(width), row[3] = gradient_tile_of<T, 4>(width);
    row[4] = gradient_tile_of<T, 5>(width), row[5] = gradient_tile_of<T, 6>(width);
    row[6] = gradient_tile_of<T, 7>(width), row[7] = gradient_tile_of<T, 8>(width);
    row[8] = gradient_tile_of<T, 9>(width), row[9] = gradient_tile_of<T, 10>(width);
    row[10] = gradient_tile_of<T, 11>(width), row[11] = gradient_tile_of<T, 12>(width);
    row[12] = gradient_tile_of<T, 13>(width), row[13] = gradient_tile_of<T, 14>(width),
    row[14] = gradient_tile_of<T, 15>(width);
    row[15] = gradient_tile_of<T, 16>(width);
  }
  return table;
}
template <class T>
constexpr GradientTable<T> kGradientTiles = make_gradient_table<T>();

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
