#pragma once
// The loops around the register tiles: one chunk of the grid, for one element type.
//   for each block of k: pack B (columns of the chunk) unless it is read in place
//     for each tile of rows: pack A (stays in L1) unless it is read in place
//       for each panel of columns: one register tile, then the epilogue on what it stored
// A plain B is packed by the first tile of rows, which reads it in place and copies what it loads.

#include "kernels/cpu/gemm/row_tiles.h"
#include "kernels/cpu/gemm/vector.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Columns of C covered by one register tile at a time.
template <class T>
struct Panels {
  int64_t vectors;
  int wide;  // vectors of a usual panel

  RV_INLINE int64_t count() const { return (vectors + wide - 1) / wide; }
  RV_INLINE int width_at(int64_t v) const {
    const int64_t left = vectors - v;
    if (left <= wide) return static_cast<int>(left);
    if (left == wide + 1 && kMaxVectors<T> >= 3) return wide == 2 ? 3 : wide - 1;  // no lone vector
    return wide;
  }
  // Of the first `whole` vectors, those in panels of the usual width.
  RV_INLINE int64_t usual(int64_t whole) const {
    const bool lone = kMaxVectors<T> >= 3 && vectors > wide && vectors % wide == 1;
    return whole / wide * wide - (lone ? wide : 0);
  }
};

// The columns under one register tile: from vector v of the chunk on, `width` vectors.
template <class T>
struct Panel {
  int width, tail;     // vectors, and columns of the last one
  int64_t j, columns;  // first column in C, and how many

  RV_INLINE Panel(const Chunk<T>& chunk, int64_t v, int vectors) : width(vectors) {
    constexpr int kLanes = Vec<T>::kLanes;
    j = chunk.col0 + v * kLanes;
    columns = least(width * kLanes, chunk.columns - v * kLanes);
    tail = static_cast<int>(columns - (width - 1) * kLanes);
  }
};

// Few rows take wide panels, so that there are accumulators enough to hide the latency of an FMA;
// `wide` asks for them for more rows.
template <class T>
RV_INLINE Panels<T> choose_panels(int64_t rows, int64_t vectors, bool wide = false) {
  if (vectors == 1) return {vectors, 1};
  if (kMaxVectors<T> >= 3 && vectors == 3) return {vectors, 3};
  if (kMaxVectors<T> >= 4 && (wide || rows <= kTileRows[kMaxVectors<T>])) return {vectors, 4};
  return {vectors, 2};
}

// Columns [j, j + columns) of the rows [p, p + count) of op(B), as `width` columns.
template <class T>
RV_INLINE void pack_panel(const GemmShape& s, const T* b, int64_t j, int columns, int width,
                          int64_t p, int64_t count, T* to) {
  if (s.trans_b)
    pack_transposed(b + j * s.ldb + p, s.ldb, columns, width, count, to);
  else
    pack_rows(b + p * s.ldb + j, s.ldb, columns, width, count, to);
}

// Vectors of columns that the first tile of rows copies.
template <class T>
RV_INLINE int64_t copied_vectors(const Chunk<T>& chunk, const Panels<T>& panels) {
  const bool copies = chunk.plan.pack_b && !chunk.plan.shape.trans_b && panels.wide % 2 == 0;
  return copies ? panels.usual(chunk.columns / Vec<T>::kLanes) : 0;
}

// Packs the columns from vector `first` on. B stored k×n is read some rows at a time in all panels,
// so that its rows are met as they lie.
template <class T>
RV_INLINE void pack_b_block(const Chunk<T>& chunk, const Panels<T>& panels, int64_t first,
                            int64_t p0, int64_t kc, T* packed) {
  constexpr int kLanes = Vec<T>::kLanes;
  const GemmShape& s = chunk.plan.shape;
  const int64_t step = s.trans_b ? kc : least(kPackedRows, kc);
  for (int64_t p = 0; p < kc; p += step) {
    const int64_t count = least(step, kc - p);
    for (int64_t v = first; v < panels.vectors;) {
      const int width = panels.width_at(v) * kLanes;
      const int columns = static_cast<int>(least(width, chunk.columns - v * kLanes));
      const int64_t j = chunk.col0 + v * kLanes;
      T* to = packed + v * kLanes * kc + p * width;
      pack_panel(s, chunk.b, j, columns, width, p0 + p, count, to);
      v += width / kLanes;
    }
  }
}

// One register tile, or several below each other where the panel is wider than the tile of rows was
// made for. With `copy`, one that copies the panel on the way.
template <class T>
RV_INLINE void compute_block(const RowTile<T>& a, int rows, const T* b, int64_t b_stride,
                             int vectors, int64_t kc, Columns columns, T* copy,
                             TileTarget<T> target) {
  if (copy)
    return find_copying_tile<T>(a.walk, rows, vectors)(a.a, a.stride, b, b_stride, kc, copy,
                                                       target);
  const int most = kTileRows[vectors];
  if (rows <= most) {
    find_tile<T>(a.walk, columns, rows, vectors)(a.a, a.stride, b, b_stride, kc, target);
    return;
  }
  const int parts = (rows + most - 1) / most;
  for (int part = 0; part < parts; ++part) {
    const int from = rows * part / parts, count = rows * (part + 1) / parts - from;
    find_tile<T>(a.walk, columns, count, vectors)(a.row(from), a.stride, b, b_stride, kc, target);
    target.c += count * target.ldc;
    target.close.residual += count * target.close.ld_residual;
  }
}

// A block of k of a chunk: the terms [p0, p0 + kc), and what was packed of them.
template <class T>
struct TermBlock {
  int64_t p0, kc;
  const T* packed_a;
  T* packed_b;
  int64_t copied;         // vectors of columns that the first tile of rows copies to packed_b
  PackedLater<T>* later;  // fetches for the next packing; nullptr where there is none
};

// Tile t of rows times all panels of columns.
template <class T>
RV_INLINE void compute_row_tile(const Chunk<T>& chunk, const Panels<T>& panels,
                                const RowTiles& tiles, int64_t t, const TermBlock<T>& block) {
  constexpr int kLanes = Vec<T>::kLanes;
  const GemmPlan& plan = chunk.plan;
  const GemmShape& s = plan.shape;
  const auto [p0, kc, packed_a, packed_b, copied, later] = block;
  const bool last = p0 + kc == s.k;
  const T beta = p0 == 0 ? chunk.beta : T(1);
  const int64_t i = tiles.top(t);
  const int rows = tiles.height(t);
  Fetcher<T> ahead = next_rows(chunk, tiles, t + 1, p0, kc);
  const int64_t lines = ahead.lines() / panels.count() + 1;
  const RowTile<T> a = row_tile<T>(chunk, tiles, t, p0, packed_a);
  TileAhead<T> closing[3];
  for (int64_t v = 0; v < panels.vectors;) {
    const Panel<T> panel(chunk, v, panels.width_at(v));
    const bool packed = plan.pack_b && !(t == 0 && v < copied);
    T* const panel_b = plan.pack_b ? packed_b + v * kLanes * kc : nullptr;
    const T* b = packed ? panel_b : chunk.b + p0 * s.ldb + panel.j;
    ahead.some(lines);
    const Columns read = packed                 ? Columns::Packed
                         : panel.tail == kLanes ? Columns::Whole
                                                : Columns::Ragged;
    TileAhead<T>* fetched = later ? later->deal() : nullptr;
    if (last && chunk.epilogue.mask) {  // of the panel that comes next
      const bool beside = v + panel.width < panels.vectors;
      fetched =
          chunk.close_ahead(beside ? i : i + rows, beside ? panel.j + panel.columns : chunk.col0,
                            rows, panel.width, closing);
    }
    compute_block(a, rows, b, packed ? panel.width * kLanes : s.ldb, panel.width, kc, read,
                  packed ? nullptr : panel_b,
                  {chunk.c + i * chunk.ldc + panel.j, chunk.ldc, chunk.alpha, beta, panel.tail,
                   last ? chunk.close_at(i, panel.j) : TileClose<T>{}, fetched});
    if (last) chunk.close_block(i, panel.j, rows, panel.columns);
    v += panel.width;
  }
}

template <class T>
void compute_tiles(const Chunk<T>& chunk, T* scratch) {
  constexpr int kLanes = Vec<T>::kLanes;
  const GemmPlan& plan = chunk.plan;
  const int64_t k = plan.shape.k;
  const Panels<T> panels =
      choose_panels<T>(chunk.rows, (chunk.columns + kLanes - 1) / kLanes, plan.wide);
  const int64_t most = kTileRows[panels.wide];
  const RowTiles tiles{chunk.row0, chunk.rows, (chunk.rows + most - 1) / most};
  T* const packed_a = scratch;
  T* const packed_b = scratch + plan.a_elements;
  const bool packs_later = plan.k_block < k && (plan.pack_a || plan.pack_b);
  const int64_t copied = copied_vectors(chunk, panels);
  PackedLater<T> later(chunk, tiles);
  for (int64_t p0 = 0; p0 < k; p0 += plan.k_block) {
    const int64_t kc = least(plan.k_block, k - p0);
    const TermBlock<T> block{p0, kc, packed_a, packed_b, copied, packs_later ? &later : nullptr};
    if (plan.pack_b && copied < panels.vectors)
      pack_b_block(chunk, panels, copied, p0, kc, packed_b);
    if (packs_later) later.begin_block(p0, kc);
    for (int64_t t = 0; t < tiles.count; ++t) {
      if (plan.pack_a && t % plan.a_group == 0) {
        pack_tiles(chunk, tiles, t, p0, kc, packed_a);
        if (packs_later) later.begin_group(t);
      }
      compute_row_tile(chunk, panels, tiles, t, block);
    }
  }
}

// Chunk i with those below it before `end`, which share its block of B; i becomes the next one.
template <class T>
RV_INLINE Chunk<T> chunks_below(const GemmPlan& plan, const GemmOperands& operands, int64_t& i,
                                int64_t end) {
  Chunk<T> chunk = make_chunk<T>(plan, operands, i);
  i = least(least(end, i + plan.together), (i / plan.row_chunks + 1) * plan.row_chunks);
  chunk.rows = cut(plan.shape.m, (i - 1) % plan.row_chunks + 1, plan.row_chunks) - chunk.row0;
  return chunk;
}

template <class T>
void tiles_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                  std::byte* scratch) noexcept {
  for (int64_t i = begin; i < end;)
    compute_tiles(chunks_below<T>(plan, operands, i, end), reinterpret_cast<T*>(scratch));
}

template <class T>
void empty_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                  std::byte*) noexcept {
  for (int64_t index = begin; index < end; ++index) {
    const Chunk<T> chunk = make_chunk<T>(plan, operands, index);
    const T beta = chunk.beta;
    for (int64_t r = 0; r < chunk.rows; ++r) {
      T* row = chunk.c + (chunk.row0 + r) * chunk.ldc + chunk.col0;
      for (int64_t j = 0; j < chunk.columns; ++j) row[j] = beta == 0 ? T(0) : beta * row[j];
    }
    chunk.finish_block(chunk.row0, chunk.col0, chunk.rows, chunk.columns);
  }
}

// The two products with a vector: the result lies along the columns of C (m = 1) or down its only
// column, which is then one run of memory.
template <class T>
struct VectorProduct {
  const T* x;
  int64_t x_stride;
  const T* matrix;
  int64_t ld;
  int64_t begin, count;  // part of the result
  T* y;
  T alpha, beta;
  EpilogueRows<T> epilogue;

  VectorProduct(const Chunk<T>& chunk, bool down)
      : alpha(chunk.alpha), beta(chunk.beta), epilogue(chunk.epilogue) {
    const GemmShape& s = chunk.plan.shape;
    x = down ? chunk.b : chunk.a;
    x_stride = down ? (s.trans_b ? 1 : s.ldb) : (s.trans_a ? s.lda : 1);
    matrix = down ? chunk.a : chunk.b;
    ld = down ? s.lda : s.ldb;
    begin = down ? chunk.row0 : chunk.col0;
    count = down ? chunk.rows : chunk.columns;
    y = chunk.c + begin;
    epilogue.scalar_bias = down && epilogue.bias;
    if (epilogue.bias && !down) epilogue.bias += begin;
    if (epilogue.residual) epilogue.residual += begin;
    if (epilogue.mask) epilogue.mask += begin;
  }
  RV_INLINE void finish_result() const {
    if (epilogue.any()) finish(epilogue, 1, count, y, 0);
  }
};

// Chunk i, with those beside it where no bit depends on the cut; i becomes the next one.
template <class T>
RV_INLINE Chunk<T> chunks_beside(const GemmPlan& plan, const GemmOperands& operands, int64_t& i,
                                 int64_t end) {
  const int64_t per_item = plan.row_chunks * plan.col_chunks;
  Chunk<T> chunk = make_chunk<T>(plan, operands, i);
  i = plan.streamed ? least(end, (i / per_item + 1) * per_item) : i + 1;
  const Chunk<T> last = make_chunk<T>(plan, operands, i - 1);
  chunk.rows = last.row0 + last.rows - chunk.row0;
  chunk.columns = last.col0 + last.columns - chunk.col0;
  return chunk;
}

// Chunks of the sum, cut at multiples of `unit`, each in a row of `sums` of its own: product(p0,
// count, y, beta) for its blocks.
template <class T, class F>
RV_INLINE void sum_parts(const GemmPlan& plan, int64_t unit, int64_t begin, int64_t end, T* sums,
                         F product) {
  const int64_t units = (plan.shape.k + unit - 1) / unit;
  for (int64_t part = begin; part < end; ++part) {
    const int64_t first = cut(units, part, plan.sum_chunks) * unit;
    const int64_t last = least(plan.shape.k, cut(units, part + 1, plan.sum_chunks) * unit);
    for (int64_t p0 = first; p0 < last; p0 += plan.k_block)
      product(p0, least(plan.k_block, last - p0), sums + part * plan.sum_pitch,
              T(p0 == first ? 0 : 1));
  }
}
// The kernel of a matrix of this size, on this CPU.
template <class T>
RV_INLINE auto row_sum_of(const GemmPlan& plan) {
  if (!plan.streamed) return row_sum<T>;
  return plan.paired ? row_sum_streamed<T, 2> : row_sum_streamed<T, 8>;
}
template <class T>
RV_INLINE auto dots_of(const GemmPlan& plan) {
  if (!plan.streamed) return dots<T>;
  return plan.paired ? dots_streamed<T, true> : dots_streamed<T, false>;
}
template <class T>
void row_sum_parts(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                   T* sums) noexcept {
  const VectorProduct<T> v(make_chunk<T>(plan, operands, 0), plan.down);
  const auto sum = row_sum_of<T>(plan);
  sum_parts(plan, 1, begin, end, sums, [&](int64_t p0, int64_t count, T* y, T beta) {
    sum(v.x + p0 * v.x_stride, v.x_stride, v.matrix + p0 * v.ld, v.ld, count, v.count, y, T(1),
        beta);
  });
}
template <class T>
void dots_parts(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                T* sums) noexcept {
  const VectorProduct<T> v(make_chunk<T>(plan, operands, 0), plan.down);
  constexpr int64_t kLine = 64 / sizeof(T);
  const auto product = dots_of<T>(plan);
  sum_parts(plan, kLine, begin, end, sums, [&](int64_t p0, int64_t count, T* y, T beta) {
    product(v.matrix + p0, v.ld, v.x + p0, count, v.count, y, T(1), beta);
  });
}
template <class T>
void add_sums(const GemmPlan& plan, const GemmOperands& operands, const std::byte* sums) noexcept {
  const VectorProduct<T> v(make_chunk<T>(plan, operands, 0), plan.down);
  const T* part = reinterpret_cast<const T*>(sums);
  for (int64_t j = 0; j < v.count; j += Vec<T>::kLanes) {
    Vec<T> sum[1][1] = {{Vec<T>::load(part + j)}};
    for (int64_t i = 1; i < plan.sum_chunks; ++i)
      sum[0][0] = sum[0][0] + Vec<T>::load(part + i * plan.sum_pitch + j);
    tile_store<T, 1, 1, true>(
        sum, {v.y + j, 0, v.alpha, v.beta, static_cast<int>(least(Vec<T>::kLanes, v.count - j))});
  }
  v.finish_result();
}

template <class T>
void row_sum_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                    std::byte* scratch) noexcept {
  if (plan.sum_chunks > 1)
    return row_sum_parts(plan, operands, begin, end, reinterpret_cast<T*>(scratch));
  const auto sum = row_sum_of<T>(plan);
  for (int64_t i = begin; i < end;) {
    const VectorProduct<T> v(chunks_beside<T>(plan, operands, i, end), plan.down);
    for (int64_t p0 = 0; p0 < plan.shape.k; p0 += plan.k_block)
      sum(v.x + p0 * v.x_stride, v.x_stride, v.matrix + p0 * v.ld + v.begin, v.ld,
          least(plan.k_block, plan.shape.k - p0), v.count, v.y, v.alpha, p0 == 0 ? v.beta : T(1));
    v.finish_result();
  }
}

template <class T>
void dots_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                 std::byte* scratch) noexcept {
  if (plan.sum_chunks > 1)
    return dots_parts(plan, operands, begin, end, reinterpret_cast<T*>(scratch));
  const GemmShape& s = plan.shape;
  const auto product = dots_of<T>(plan);
  for (int64_t i = begin; i < end; ++i) {
    const Chunk<T> chunk = make_chunk<T>(plan, operands, i);
    const VectorProduct<T> v(chunk, plan.down);
    for (int64_t p0 = 0; p0 < s.k; p0 += plan.k_block)
      product(v.matrix + v.begin * v.ld + p0, v.ld, v.x + p0, least(plan.k_block, s.k - p0),
              v.count, v.y, v.alpha, p0 == 0 ? v.beta : T(1));
    v.finish_result();
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
