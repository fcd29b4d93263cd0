#pragma once
// What both passes share: products of small blocks, the scores of a block, the scratch of a worker.

#include "base/rounding.h"
#include "kernels/cpu/attention/attention.h"
#include "kernels/cpu/data/random.h"
#include "kernels/cpu/gemm/pack.h"
#include "kernels/cpu/gemm/tile.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {

extern const RandomKernels kRandomKernels;

namespace {

constexpr int kLanes = VecF::kLanes;
RV_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// A matrix in memory: element (i, j) at data[i * ld + j].
struct Block {
  const float* data;
  int64_t ld;
};

constexpr int kPanelVectors = 2;  // most vectors of b that one tile reads
// How the last columns are read.
constexpr Columns kEnd = kMaskedLoads<float> ? Columns::Ragged : Columns::Packed;

// c (rows x columns) = alpha op(a) b + beta c, with b k x columns. Across: a is rows x k; Along: a
// is k x rows, taken transposed. Without `copy`, b and c are padded to whole vectors; else it holds
// k rows of kPanelVectors vectors, for levels that cannot read the last vector of a row alone.
RV_INLINE void product(Walk walk, Block a, int64_t rows, Block b, int64_t columns, int64_t k,
                       float* c, int64_t ldc, float alpha, float beta, float* copy) {
  const int64_t vectors = (columns + kLanes - 1) / kLanes;
  for (int64_t v = 0; v < vectors;) {
    const int width = static_cast<int>(least(vectors - v, kPanelVectors));
    const int tail = static_cast<int>(least(columns - (v + width - 1) * kLanes, kLanes));
    const bool whole = !copy || tail == kLanes;
    Block panel{b.data + v * kLanes, b.ld};
    if (!whole && !kMaskedLoads<float>) {
      pack_rows(panel.data, panel.ld, static_cast<int>(columns - v * kLanes), width * kLanes, k,
                copy);
      panel = {copy, width * kLanes};
    }
    const int64_t tiles = (rows + kTileRows[width] - 1) / kTileRows[width];
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t from = rows * t / tiles, count = rows * (t + 1) / tiles - from;
      find_tile<float>(walk, whole ? Columns::Whole : kEnd, static_cast<int>(count), width)(
          walk == Walk::Along ? a.data + from : a.data + from * a.ld, a.ld, panel.data, panel.ld, k,
          {c + from * ldc + v * kLanes, ldc, alpha, beta, tail});
    }
    v += width;
  }
}

// A worker's scratch; prepare() books it with the same sizes.
struct Workspace {
  float* keys;      // k^T of a block of keys: size x columns
  float* values;    // v^T: value_size x columns
  float* scores;    // rows x columns
  float* d_scores;  // rows x columns
  float* maximum;   // per row
  float* total;     // per row
  uint32_t* bits;   // of a row of columns
  float* copy;      // of a panel of a product

  Workspace(const AttentionShape& s, std::byte* memory) {
    float* next = reinterpret_cast<float*>(memory);
    const auto take = [&next](int64_t count) RV_INLINE_LAMBDA {
      float* const at = next;
      next += round_up(count, 16);
      return at;
    };
    keys = take((s.size + 1) * kAttentionColumns);
    values = take((s.value_size + 1) * kAttentionColumns);
    scores = take(kAttentionRows * kAttentionColumns);
    d_scores = take(kAttentionRows * kAttentionColumns);
    maximum = take(kAttentionRows);
    total = take(kAttentionRows);
    bits = reinterpret_cast<uint32_t*>(take(kAttentionColumns));
    copy = next;
  }
};

// One head of one sample, and a block of its queries.
struct Rows {
  int64_t b, n, begin, count;
};

struct Problem {
  const AttentionPlan& plan;
  const AttentionShape& s;
  const AttentionOperands& in;

  RV_INLINE Problem(const AttentionPlan& p, const AttentionOperands& operands)
      : plan(p), s(p.shape), in(operands) {}

  RV_INLINE Rows rows(int64_t b, int64_t n, int64_t block) const {
    const int64_t begin = s.queries * block / plan.row_blocks;
    return {b, n, begin, s.queries * (block + 1) / plan.row_blocks - begin};
  }
  // Elements before row (b, t) of head n, where every row has `heads` heads of `size`.
  RV_INLINE static int64_t at(int64_t b, int64_t t, int64_t n, int64_t times, int64_t heads,
                              int64_t size) {
    return ((b * times + t) * heads + n) * size;
  }
  RV_INLINE Block queries(const Rows& r) const {
    return {in.q + at(r.b, r.begin, r.n, s.queries, s.heads, s.size), s.heads * s.size};
  }
  RV_INLINE Block keys(int64_t b, int64_t n, int64_t first) const {
    return {in.k + at(b, first, n, s.keys, s.key_heads, s.size), s.key_heads * s.size};
  }
  RV_INLINE Block values(int64_t b, int64_t n, int64_t first) const {
    return {in.v + at(b, first, n, s.keys, s.key_heads, s.value_size), s.key_heads * s.value_size};
  }
  // Keys that some query of the block sees. A mask may hide all that causality leaves, and the row
  // is uniform over all keys then.
  RV_INLINE int64_t visible_keys(const Rows& r) const {
    return s.causal && !s.mask.given ? least(s.keys, r.begin + r.count) : s.keys;
  }
  // scores (r.count x columns, kAttentionColumns apart) of the keys from `first` on; packed: k^T.
  RV_INLINE void scores(const Rows& r, int64_t first, int64_t columns, const float* packed,
                        float* to) const {
    product(Walk::Across, queries(r), r.count, {packed, kAttentionColumns}, columns, s.size, to,
            kAttentionColumns, s.scale, 0, nullptr);
    if (!s.bias.given && !s.mask.given && !s.causal) return;
    for (int64_t i = 0; i < r.count; ++i)
      adjust(r, r.begin + i, first, columns, to + i * kAttentionColumns);
  }
  // Bias and masks of one row.
  RV_INLINE void adjust(const Rows& r, int64_t t, int64_t first, int64_t columns,
                        float* row) const {
    if (s.bias.given) {
      const float* bias =
          in.bias + r.b * s.bias.batch + r.n * s.bias.head + t * s.bias.query + first;
      for (int64_t c = 0; c < columns; ++c) row[c] += bias[c];
    }
    if (s.mask.given) {
      const uint8_t* mask =
          in.mask + r.b * s.mask.batch + r.n * s.mask.head + t * s.mask.query + first;
      for (int64_t c = 0; c < columns; ++c) row[c] = mask[c] ? row[c] : kMaskedLogit;
    }
    if (s.causal)
      for (int64_t c = t + 1 > first ? t + 1 - first : 0; c < columns; ++c) row[c] = kMaskedLogit;
  }
  // The random bits of one row's columns from `first` on.
  RV_INLINE void draw(const Rows& r, int64_t t, int64_t first, int64_t columns,
                      uint32_t* bits) const {
    const int64_t row = (r.b * s.heads + r.n) * s.queries + t;
    kRandomKernels.bits(in.seed, row * plan.drawn_keys + first, columns, bits);
  }
};

// k^T of `rows` rows: element (r, p) to packed[p * kAttentionColumns + r], zero up to whole
// vectors.
RV_INLINE void pack_columns(Block from, int64_t rows, int64_t size, float* packed) {
  const int64_t width = round_up(rows, kLanes);
  if (width == kAttentionColumns) {
    pack_transposed(from.data, from.ld, static_cast<int>(rows), static_cast<int>(width), size,
                    packed);
    return;
  }
  // A narrower block, vector by vector into the wide rows.
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int count = static_cast<int>(least(rows - r, kLanes));
    for (int64_t p = 0; p < size; p += kLanes) {
      const int lanes = static_cast<int>(least(size - p, kLanes));
      VecF x[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        x[i] = i < count ? load_lanes(from.data + (r + i) * from.ld + p, lanes) : VecF::zero();
      transpose(x);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        if (i < lanes) x[i].store(packed + (p + i) * kAttentionColumns + r);
    }
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
