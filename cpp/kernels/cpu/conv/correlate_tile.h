#pragma once
// The register tiles of correlations. Included once per instruction set.

#include "kernels/cpu/conv/conv_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct TileArgs {
  const ConvRun<T>* runs;
  int64_t count, a_shift, a_pitch, b_shift, ldb;
  T* c;  // pixel p of the tile lies at c + offsets[p]
  const int64_t* offsets;
  int64_t c_step;     // from pixel to pixel where that is the same for all, else 0
  const T* bias;      // of the tile's first output, or null
  const T* residual;  // as c, or null
  int tail;           // lanes of the last vector
  bool accumulate, relu, relu6;
  const char* ahead;  // what the next tile reads of x, `ahead_step` bytes on for every k
  int64_t ahead_step;
};

// c[p, f] (+)= sum over runs, k: a[a_shift + p*a_pitch + k] * b[b_shift + k*ldb + f], then the
// epilogue. Pixels are addressed from bases five pixels apart.
template <class T, int MR, int V, bool Tail>
void correlate_tile(const TileArgs<T>& t) noexcept {
  using W = Vec<T>;
  W acc[MR][V];
#pragma GCC unroll 16
  for (int p = 0; p < MR; ++p)
    for (int v = 0; v < V; ++v) acc[p][v] = W::zero();
  const int64_t s = t.a_pitch, s3 = 3 * t.a_pitch, ldb = t.ldb;
  const char* ahead = t.ahead;
  // Rows of c are fetched one by one: all at once would stop the loads of a and b.
  T* fetch = t.c + t.offsets[0];
  T* const last_row = t.c + t.offsets[MR - 1];
  for (int64_t r = 0; r < t.count; ++r) {
    const T* a0 = held(t.runs[r].a + t.a_shift);
    const T* a1 = held(a0 + 5 * s);
    const T* a2 = held(a0 + 10 * s);
    const T* a3 = held(a0 + 15 * s);
    const T* b = t.runs[r].b + t.b_shift;
    for (int64_t k = t.runs[r].length; k > 0; --k) {
      __builtin_prefetch(ahead);
      ahead += t.ahead_step;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) __builtin_prefetch(fetch + v * W::kLanes, 1);
      fetch += fetch == last_row ? 0 : t.c_step;
      W row[V];
      load_row<T, V, Tail>(b, t.tail, row);
#pragma GCC unroll 16
      for (int p = 0; p < MR; ++p) {
        const T* base = p < 5 ? a0 : p < 10 ? a1 : p < 15 ? a2 : a3;
        const int q = p % 5;
        const W value = W::set1(q == 3 ? base[s3] : base[q * s]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          hold(row[v]);
          acc[p][v] = fma(value, row[v], acc[p][v]);
        }
      }
      ++a0;
      if (MR > 5) ++a1;
      if (MR > 10) ++a2;
      if (MR > 15) ++a3;
      b += ldb;
    }
  }
  W bias[V], row[V];
  if (t.bias) load_row<T, V, Tail>(t.bias, t.tail, bias);
#pragma GCC unroll 16
  for (int p = 0; p < MR; ++p) {
    T* c = t.c + t.offsets[p];
    if (t.accumulate) {
      load_row<T, V, Tail>(c, t.tail, row);
      for (int v = 0; v < V; ++v) acc[p][v] = row[v] + acc[p][v];
    }
    if (t.bias)
      for (int v = 0; v < V; ++v) acc[p][v] = acc[p][v] + bias[v];
    if (t.residual) {
      load_row<T, V, Tail>(t.residual + t.offsets[p], t.tail, row);
      for (int v = 0; v < V; ++v) acc[p][v] = acc[p][v] + row[v];
    }
    if (t.relu)
      for (int v = 0; v < V; ++v) acc[p][v] = select(acc[p][v] < W::zero(), W::zero(), acc[p][v]);
    if (t.relu6)
      for (int v = 0; v < V; ++v) acc[p][v] = min(W::set1(6), acc[p][v]);
    store_row<T, V, Tail>(c, t.tail, acc[p]);
  }
}

template <class T>
using TileFn = void (*)(const TileArgs<T>&) noexcept;
template <class T, int MR>
constexpr TileFn<T> tile_of(TileWidth width) {
  if constexpr (MR <= kMaxRows[0])
    if (width == kOneTail) return correlate_tile<T, MR, 1, true>;
  if constexpr (MR <= kMaxRows[1]) {
    if (width == kTwoTail) return correlate_tile<T, MR, 2, true>;
    if (width == kTwo) return correlate_tile<T, MR, 2, false>;
  }
  if constexpr (MR <= kMaxRows[2])
    if (width == kFour) return correlate_tile<T, MR, 4, false>;
  return nullptr;
}
template <class T>
struct TileTable {
  TileFn<T> fn[kTileWidths][kMaxMaxRows];
};
template <class T>
constexpr TileTable<T> make_tile_table() {
  TileTable<T> table{};
  for (int w = 0; w < kTileWidths; ++w) {
    const TileWidth width = static_cast<TileWidth>(w);
    TileFn<T>* row = table.fn[w];
    row[0] = tile_of<T, 1>(width), row[1] = tile_of<T, 2>(width), row[2] = tile_of<T, 3>(width);
    row[3] = tile_of<T, 4>(width), row[4] = tile_of<T, 5>(width), row[5] = tile_of<T, 6>(width);
    row[6] = tile_of<T, 7>(width), row[7] = tile_of<T, 8>(width), row[8] = tile_of<T, 9>(width);
    row[9] = tile_of<T, 10>(width), row[10] = tile_of<T, 11>(width);
    row[11] = tile_of<T, 12>(width), row[12] = tile_of<T, 13>(width);
    row[13] = tile_of<T, 14>(width), row[14] = tile_of<T, 15>(width);
    row[15] = tile_of<T, 16>(width);
  }
  return table;
}
template <class T>
constexpr TileTable<T> kTiles = make_tile_table<T>();

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
