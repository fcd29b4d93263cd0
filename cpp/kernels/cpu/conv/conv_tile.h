#pragma once
// Register tiles of convolution: MR pixels (or filter rows) times V vectors of outputs.

#include "kernels/cpu/conv/conv_kernels.h"
#include "kernels/cpu/simd/registers.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Largest MR of tiles one, two and four vectors wide: accumulators, one row of the filter and one
// broadcast value fit the registers (32, or 16 before AVX-512; no FMA costs one more).
#if defined(__AVX512F__)
inline constexpr int kMaxRows[3] = {16, 14, 6};
#elif defined(__AVX2__)
inline constexpr int kMaxRows[3] = {10, 6, 2};
#else
inline constexpr int kMaxRows[3] = {8, 5, 2};
#endif
inline constexpr int kMaxMaxRows = 16;

enum TileWidth { kOneTail, kTwoTail, kTwo, kFour, kTileWidths };

// The widest tile for what is left of n outputs.
struct Panel {
  TileWidth width;
  int columns, max_rows;
};
template <class T>
RV_INLINE Panel next_panel(int64_t left, bool wide) {
  constexpr int L = Vec<T>::kLanes;
  if (wide && left >= 4 * L) return {kFour, 4 * L, kMaxRows[2]};
  if (left >= 2 * L) return {kTwo, 2 * L, kMaxRows[1]};
  if (left > L) return {kTwoTail, static_cast<int>(left), kMaxRows[1]};
  return {kOneTail, static_cast<int>(left), kMaxRows[0]};
}

// One row of V vectors; with Tail the last holds `tail` lanes only.
template <class T, int V, bool Tail>
RV_INLINE void load_row(const T* p, int tail, Vec<T> (&row)[V]) {
  constexpr int L = Vec<T>::kLanes;
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v)
    row[v] = Tail && v == V - 1 ? Vec<T>::load_partial(p + v * L, tail) : Vec<T>::load(p + v * L);
}
template <class T, int V, bool Tail>
RV_INLINE void store_row(T* p, int tail, const Vec<T> (&row)[V]) {
  constexpr int L = Vec<T>::kLanes;
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v)
    if (Tail && v == V - 1)
      row[v].store_partial(p + v * L, tail);
    else
      row[v].store(p + v * L);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
