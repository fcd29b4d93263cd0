#pragma once
// Partial sums of a filter's gradient, added. Included once per instruction set.

#include "kernels/cpu/conv/conv_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T, int V, bool Tail>
RV_INLINE void add_slices_of_row(const T* from, int64_t slices, int64_t pitch, int tail, T* to) {
  Vec<T> sum[V], row[V];
  load_row<T, V, Tail>(from, tail, sum);
  for (int64_t s = 1; s < slices; ++s) {
    load_row<T, V, Tail>(from + s * pitch, tail, row);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = sum[v] + row[v];
  }
  store_row<T, V, Tail>(to, tail, sum);
}

template <class T>
void add_slices(const T* from, int64_t slices, int64_t pitch, int64_t n, T* to) noexcept {
  constexpr int L = Vec<T>::kLanes, kRow = 4 * L;
  for (; n >= kRow; n -= kRow, from += kRow, to += kRow)
    add_slices_of_row<T, 4, false>(from, slices, pitch, L, to);
  for (; n > 0; n -= L, from += L, to += L)
    add_slices_of_row<T, 1, true>(from, slices, pitch, static_cast<int>(n < L ? n : L), to);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
