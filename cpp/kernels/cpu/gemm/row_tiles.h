#pragma once
// The rows of a chunk as its register tiles read them: how they are cut, packed and fetched ahead.

#include "kernels/cpu/gemm/chunk.h"
#include "kernels/cpu/gemm/pack.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Rows of an operand that are packed at a time: lines enough to stay in L1 in every way it is cut.
constexpr int64_t kPackedRows = 4;
// Rows of a transposed A fetched before they are packed: more would not fit one set of L1, where
// rows that lie 4 KB apart fall into.
constexpr int64_t kFetchedRows = 8;
// From this size on an A that is read in place comes from memory.
constexpr int64_t kFarBytes = 2 << 20;

// The rows of a chunk, cut into tiles of almost equal height.
struct RowTiles {
  int64_t row0, rows, count;
  RV_INLINE int64_t top(int64_t tile) const {
    return row0 + rows / count * tile + least(tile, rows % count);
  }
  RV_INLINE int height(int64_t tile) const { return static_cast<int>(top(tile + 1) - top(tile)); }
};

// A tile of rows of A for one block of k: where it starts and how it is walked.
template <class T>
struct RowTile {
  const T* a;
  int64_t stride;
  Walk walk;
  RV_INLINE const T* row(int64_t r) const { return walk == Walk::Along ? a + r : a + r * stride; }
};

// How far apart the columns of a packed tile of a transposed A lie: they are stored as one vector
// each, which crosses no line.
template <class T>
RV_INLINE int packed_width(int rows) {
  return rows < Vec<T>::kLanes ? Vec<T>::kLanes : rows;
}

// Packs a group of tiles, each to a place of its own: rows of a plain A an odd number of lines
// apart. A stored k×m is read some rows at a time in all tiles, so that its lines and pages are met
// once.
template <class T>
void pack_tiles(const Chunk<T>& chunk, const RowTiles& tiles, int64_t first, int64_t p0, int64_t kc,
                T* packed) {
  const GemmShape& s = chunk.plan.shape;
  const int64_t last = least(first + chunk.plan.a_group, tiles.count);
  const int64_t place = chunk.plan.a_elements / chunk.plan.a_group;
  if (!s.trans_a) {
    for (int64_t t = first; t < last; ++t, packed += place)
      for (int64_t r = 0; r < tiles.height(t); ++r)
        std::memcpy(packed + r * chunk.plan.a_pitch, chunk.a + (tiles.top(t) + r) * s.lda + p0,
                    static_cast<size_t>(kc) * sizeof(T));
    return;
  }
  const int64_t run = tiles.top(last) - tiles.top(first);
  const T* ahead = chunk.a + (p0 + kFetchedRows) * s.lda + tiles.top(first);
  for (int64_t p = 0; p < kc; p += kPackedRows) {
    for (int64_t r = 0; r < kPackedRows; ++r, ahead += s.lda)
      for (int64_t i = 0; i < run; i += 64 / sizeof(T)) __builtin_prefetch(ahead + i);
    for (int64_t t = first; t < last; ++t) {
      const int rows = tiles.height(t);
      const T* from = chunk.a + (p0 + p) * s.lda + tiles.top(t);
      T* to = packed + (t - first) * place + p * packed_width<T>(rows);
      const int64_t count = least(kPackedRows, kc - p);
      if (rows <= Vec<T>::kLanes)
        pack_short_rows(from, s.lda, rows, count, to);
      else
        pack_rows(from, s.lda, rows, rows, count, to);
    }
  }
}

template <class T>
RV_INLINE RowTile<T> row_tile(const Chunk<T>& chunk, const RowTiles& tiles, int64_t tile,
                              int64_t p0, const T* packed) {
  const GemmPlan& plan = chunk.plan;
  const GemmShape& s = plan.shape;
  const int64_t i = tiles.top(tile);
  if (!plan.pack_a && s.trans_a) return {chunk.a + p0 * s.lda + i, s.lda, Walk::Along};
  if (!plan.pack_a) return {chunk.a + i * s.lda + p0, s.lda, Walk::Across};
  const T* const place = packed + tile % plan.a_group * (plan.a_elements / plan.a_group);
  if (!s.trans_a) return {place, plan.a_pitch, Walk::Across};
  return {place, packed_width<T>(tiles.height(tile)), Walk::Along};
}

// Rows of a large matrix that are packed later, a column of lines of them for each tile that is
// computed meanwhile.
template <class T>
struct LaterRows {
  const T* at = nullptr;
  int64_t ld = 0, rows = 0, lines = 0;
  int64_t row = 0;

  LaterRows() = default;
  LaterRows(const T* first, int64_t pitch, int64_t count, int64_t length)
      : at(first), ld(pitch), rows(count), lines(length * sizeof(T) / 64 + 1) {}
  // For a tile of kc columns of A.
  TileAhead<T> deal(int64_t kc) {
    const TileAhead<T> dealt{at + row * ld, ld, least(kc / 4, rows - row), 1};
    row += kc / 4;
    if (row >= rows) row = 0, at += 64 / sizeof(T), --lines;
    return dealt;
  }
};

// What a chunk packs next: the next group of tiles of a transposed A, then the next block of B.
template <class T>
class PackedLater {
 public:
  PackedLater(const Chunk<T>& chunk, const RowTiles& tiles) : chunk_(chunk), tiles_(tiles) {}
  // The block of k at p0 begins.
  void begin_block(int64_t p0, int64_t kc) {
    const GemmPlan& plan = chunk_.plan;
    p0_ = p0, kc_ = kc;
    const int64_t next = p0 + kc, ldb = plan.shape.ldb, left = plan.shape.k - next;
    b_ = {};
    if (!plan.pack_b || left <= 0) return;
    if (plan.shape.trans_b)
      b_ = {chunk_.b + chunk_.col0 * ldb + next, ldb, chunk_.columns, least(kc, left)};
    else
      b_ = {chunk_.b + next * ldb + chunk_.col0, ldb, least(kc, left), chunk_.columns};
  }
  // The group of tiles that begins with `tile` was packed.
  void begin_group(int64_t tile) {
    const GemmPlan& plan = chunk_.plan;
    if (!plan.shape.trans_a) return;
    int64_t first = tile + plan.a_group, p0 = p0_;
    if (first >= tiles_.count) first = 0, p0 += kc_;
    a_ = {};
    if (p0 >= plan.shape.k) return;
    const int64_t last = least(first + plan.a_group, tiles_.count), top = tiles_.top(first);
    a_ = {chunk_.a + p0 * plan.shape.lda + top, plan.shape.lda, least(kc_, plan.shape.k - p0),
          tiles_.top(last) - top};
  }
  TileAhead<T>* deal() {
    LaterRows<T>& rows = a_.lines > 0 ? a_ : b_;
    if (rows.lines == 0) return nullptr;
    dealt_ = rows.deal(kc_);
    return &dealt_;
  }

 private:
  const Chunk<T>& chunk_;
  const RowTiles& tiles_;
  int64_t p0_ = 0, kc_ = 0;
  LaterRows<T> a_, b_;
  TileAhead<T> dealt_{};
};

// The tile of A that is packed or read next, fetched while the one before it is computed.
template <class T>
RV_INLINE Fetcher<T> next_rows(const Chunk<T>& chunk, const RowTiles& tiles, int64_t tile,
                               int64_t p0, int64_t kc) {
  const GemmShape& s = chunk.plan.shape;
  const bool far = s.m * s.lda * static_cast<int64_t>(sizeof(T)) >= kFarBytes;
  if (s.trans_a || tile >= tiles.count || !(chunk.plan.pack_a || far)) return {};
  return {chunk.a + tiles.top(tile) * s.lda + p0, s.lda, tiles.height(tile), kc};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
