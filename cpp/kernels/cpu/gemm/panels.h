#pragma once
// Products with a B that was packed once for many of them, and the table of a level's kernels.
// Packed B: panels of two vectors of columns (the last may be one vector), the k rows of a panel
// after each other, filled up with zeros. Each panel is read from memory once for a group of row
// tiles:
//   for each block of k, for each group of row tiles: pack A (stays in L2) unless read in place
//     for each panel of columns, for each tile of the group: one register tile, then the epilogue

#include "kernels/cpu/gemm/turned.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Vectors of a panel.
constexpr int kPanel = 2;

template <class T>
void pack_panels(const GemmPlan& plan, const void* source, void* packed, int64_t begin,
                 int64_t end) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const GemmShape& s = plan.shape;
  const T* b = static_cast<const T*>(source);
  for (int64_t q = begin; q < end; ++q) {
    const int64_t j = q * kPanel * kLanes;
    const int columns = static_cast<int>(least(kPanel * kLanes, s.n - j));
    const int width = static_cast<int>((columns + kLanes - 1) / kLanes * kLanes);
    pack_panel(s, b, j, columns, width, 0, s.k, static_cast<T*>(packed) + j * s.k);
  }
}

// The tiles [first, last) of rows times all panels of the chunk, for the block of k at p0.
template <class T>
void compute_group(const Chunk<T>& chunk, const RowTiles& tiles, int64_t first, int64_t last,
                   int64_t p0, int64_t kc, const T* packed_a) {
  constexpr int kLanes = Vec<T>::kLanes;
  const GemmShape& s = chunk.plan.shape;
  const T beta = p0 == 0 ? chunk.beta : T(1);
  const bool closes = p0 + kc == s.k;
  const int64_t vectors = (chunk.columns + kLanes - 1) / kLanes;
  for (int64_t v = 0; v < vectors; v += kPanel) {
    const Panel<T> panel(chunk, v, static_cast<int>(least(kPanel, vectors - v)));
    const int64_t stride = panel.width * kLanes;
    const T* b = chunk.b + panel.j * s.k + p0 * stride;
    const T* const next = b + kPanel * kLanes * s.k;  // the panel that follows: two tiles fetch it
    for (int64_t t = first; t < last; ++t) {
      TileAhead<T> ahead = half_panel(next + (t - first) * kc * stride / 2, stride, kc);
      const int64_t i = tiles.top(t);
      const int rows = tiles.height(t);
      compute_block(
          row_tile<T>(chunk, tiles, t, p0, packed_a), rows, b, stride, panel.width, kc,
          Columns::Packed, static_cast<T*>(nullptr),
          {chunk.c + i * chunk.ldc + panel.j, chunk.ldc, chunk.alpha, beta, panel.tail,
           closes ? chunk.close_at(i, panel.j) : TileClose<T>{}, t - first < 2 ? &ahead : nullptr});
      if (closes) chunk.close_block(i, panel.j, rows, panel.columns);
    }
  }
}

template <class T>
void panels_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                   std::byte* scratch) noexcept {
  T* const packed_a = reinterpret_cast<T*>(scratch);
  for (int64_t i = begin; i < end;) {
    const int64_t first = i;
    Chunk<T> chunk = chunks_below<T>(plan, operands, i, end);
    if (plan.row_chunks == 1) {  // chunks beside each other share the rows of A
      const int64_t item = first / plan.col_chunks * plan.col_chunks;
      i = least(end, item + plan.col_chunks);
      chunk.columns = column_cut(plan, i - item) - chunk.col0;
    }
    const int64_t most = kTileRows[kPanel];
    const RowTiles tiles{chunk.row0, chunk.rows, (chunk.rows + most - 1) / most};
    for (int64_t p0 = 0; p0 < plan.shape.k; p0 += plan.k_block) {
      const int64_t kc = least(plan.k_block, plan.shape.k - p0);
      for (int64_t t = 0; t < tiles.count; t += plan.a_group) {
        if (plan.pack_a) pack_tiles(chunk, tiles, t, p0, kc, packed_a);
        compute_group<T>(chunk, tiles, t, least(t + plan.a_group, tiles.count), p0, kc, packed_a);
      }
    }
  }
}

template <class T>
constexpr GemmKernels per_type() {
  return {.empty = &empty_chunks<T>,
          .tiles = &tiles_chunks<T>,
          .turned = &turned_chunks<T>,
          .panels = &panels_chunks<T>,
          .row_sum = &row_sum_chunks<T>,
          .dots = &dots_chunks<T>,
          .add_sums = &add_sums<T>,
          .pack = &pack_panels<T>,
          .lanes = Vec<T>::kLanes,
          .tile_rows = kMaxTileRows,
          .masked_loads = kMaskedLoads<T>,
          .wide_tiles = kMaxVectors<T> >= 4};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
