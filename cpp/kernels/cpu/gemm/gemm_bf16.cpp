// Matrix products of bfloat16 with float32 sums, for AVX512-BF16: the loops of chunks.h around the
// tiles of pairs_tile.h. Sums wait in scratch between blocks of k and are rounded once, to nearest
// even; subnormal numbers count as zero.

#include "kernels/cpu/gemm/chunks.h"
#include "kernels/cpu/gemm/pairs_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

using PairChunk = Chunk<uint16_t>;

RV_INLINE int64_t vectors_of(int64_t columns) { return (columns + kPairs - 1) / kPairs; }

// Columns [j, j + columns) of the k rows of op(B) from p0 on. B stored k×n is read row by row in
// all panels, as it lies.
void pack_pairs_b(const PairChunk& chunk, const Panels<float>& panels, int64_t p0, int64_t kc,
                  uint32_t* packed) {
  const GemmShape& s = chunk.plan.shape;
  const int64_t pairs = (kc + 1) / 2, rounds = s.trans_b ? 1 : pairs;
  for (int64_t p = 0; p < rounds; ++p)
    for (int64_t v = 0; v < panels.vectors;) {
      const int64_t width = panels.width_at(v) * kPairs, j = v * kPairs;
      const int64_t columns = least(width, chunk.columns - j);
      uint32_t* to = packed + j * pairs + p * width;
      if (s.trans_b) {
        transpose_pairs(chunk.b + (chunk.col0 + j) * s.ldb + p0, s.ldb, columns, width, kc, to);
      } else {
        const uint16_t* from = chunk.b + (p0 + 2 * p) * s.ldb + chunk.col0 + j;
        __builtin_prefetch(from + kAheadRows * s.ldb);
        __builtin_prefetch(from + (kAheadRows + 1) * s.ldb);
        zip_pair_row(from, 2 * p + 1 < kc ? from + s.ldb : nullptr, columns, width, to);
      }
      v += width / kPairs;
    }
}

// A group of tiles of A, each to a place of its own.
void pack_pairs_a(const PairChunk& chunk, const RowTiles& tiles, int64_t first, int64_t p0,
                  int64_t kc, uint32_t* packed) {
  const GemmShape& s = chunk.plan.shape;
  const int64_t last = least(first + chunk.plan.a_group, tiles.count);
  const int64_t pairs = (kc + 1) / 2, place = pairs * kPairs, rounds = s.trans_a ? pairs : 1;
  for (int64_t p = 0; p < rounds; ++p)
    for (int64_t t = first; t < last; ++t) {
      uint32_t* to = packed + (t - first) * place + p * kPairs;
      const int rows = tiles.height(t);
      if (s.trans_a) {
        const uint16_t* from = chunk.a + (p0 + 2 * p) * s.lda + tiles.top(t);
        __builtin_prefetch(from + kAheadRows * s.lda);
        __builtin_prefetch(from + (kAheadRows + 1) * s.lda);
        zip_pair_row(from, 2 * p + 1 < kc ? from + s.lda : nullptr, rows, kPairs, to);
      } else {
        transpose_pairs(chunk.a + tiles.top(t) * s.lda + p0, s.lda, rows, kPairs, kc, to);
      }
    }
}

struct PairOperands {
  const uint16_t* a;
  int64_t a_stride, a_row;  // elements from one row to the next
  const uint16_t* b;
  int64_t b_stride;
  int64_t k;
};

// One register tile, or several below each other where the panel is wider than the tile of rows was
// made for.
void compute_pair_block(const GemmPlan& plan, const PairOperands& o, int rows, int vectors,
                        PairTarget target) {
  const int most = kTileRows[vectors], parts = (rows + most - 1) / most;
  for (int part = 0; part < parts; ++part) {
    const int from = rows * part / parts, count = rows * (part + 1) / parts - from;
    select_pair_tile(plan.pack_a, plan.pack_b, count, vectors)(o.a + from * o.a_row, o.a_stride,
                                                               o.b, o.b_stride, o.k, target);
    target.c += count * target.ldc;
    target.sums += count * target.ld_sums;
  }
}

// One block of k: rows [p0, p0 + kc) of op(B), of which packed_b is a copy.
void compute_pair_tiles(const PairChunk& chunk, const Panels<float>& panels, const RowTiles& tiles,
                        int64_t p0, int64_t kc, uint32_t* packed_a, const uint32_t* packed_b,
                        float* sums) {
  const GemmPlan& plan = chunk.plan;
  const GemmShape& s = plan.shape;
  const int64_t pairs = (kc + 1) / 2;
  const bool waits = plan.k_block < s.k;  // one block of k needs no scratch for sums
  const int64_t ld_sums = waits ? panels.vectors * kPairs : 0;
  for (int64_t t = 0; t < tiles.count; ++t) {
    if (plan.pack_a && t % plan.a_group == 0) pack_pairs_a(chunk, tiles, t, p0, kc, packed_a);
    const int64_t i = tiles.top(t), place = t % plan.a_group * pairs * kPairs;
    PairOperands o{.a = chunk.a + i * s.lda + p0,
                   .a_stride = s.lda,
                   .a_row = s.lda,
                   .b = nullptr,
                   .b_stride = s.ldb,
                   .k = kc};
    if (plan.pack_a) {
      o.a = reinterpret_cast<const uint16_t*>(packed_a + place);
      o.a_row = 2;
    }
    for (int64_t v = 0; v < panels.vectors;) {
      const int width = panels.width_at(v);
      const int64_t j = v * kPairs, columns = least(width * kPairs, chunk.columns - j);
      o.b = plan.pack_b ? reinterpret_cast<const uint16_t*>(packed_b + j * pairs)
                        : chunk.b + p0 * s.ldb + chunk.col0 + j;
      compute_pair_block(plan, o, tiles.height(t), width,
                         {.c = chunk.c + i * s.ldc + chunk.col0 + j,
                          .ldc = s.ldc,
                          .sums = waits ? sums + (i - chunk.row0) * ld_sums + j : nullptr,
                          .ld_sums = ld_sums,
                          .first = p0 == 0,
                          .last = p0 + kc == s.k,
                          .tail = static_cast<int>(columns - (width - 1) * kPairs)});
      v += width;
    }
  }
}

void compute_pairs(const PairChunk& chunk, std::byte* scratch) {
  const GemmPlan& plan = chunk.plan;
  const Panels<float> panels = choose_panels<float>(chunk.rows, vectors_of(chunk.columns));
  const int64_t most = kTileRows[panels.wide];
  const RowTiles tiles{chunk.row0, chunk.rows, (chunk.rows + most - 1) / most};
  auto* const packed_a = reinterpret_cast<uint32_t*>(scratch);
  uint32_t* const packed_b = packed_a + plan.a_elements / 2;
  auto* const sums = reinterpret_cast<float*>(packed_b + plan.b_elements / 2);
  for (int64_t p0 = 0; p0 < plan.shape.k; p0 += plan.k_block) {
    const int64_t kc = least(plan.k_block, plan.shape.k - p0);
    if (plan.pack_b) pack_pairs_b(chunk, panels, p0, kc, packed_b);
    compute_pair_tiles(chunk, panels, tiles, p0, kc, packed_a, packed_b, sums);
  }
}

void pair_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                 std::byte* scratch) noexcept {
  for (int64_t i = begin; i < end;)
    compute_pairs(chunks_below<uint16_t>(plan, operands, i, end), scratch);
}

void empty_pair_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin,
                       int64_t end, std::byte*) noexcept {
  for (int64_t index = begin; index < end; ++index) {
    const PairChunk chunk = make_chunk<uint16_t>(plan, operands, index);
    for (int64_t i = chunk.row0; i < chunk.row0 + chunk.rows; ++i)
      std::memset(chunk.c + i * plan.shape.ldc + chunk.col0, 0,
                  static_cast<size_t>(chunk.columns) * sizeof(uint16_t));
  }
}

}  // namespace

extern const GemmKernels kGemmBf16;
const GemmKernels kGemmBf16{.empty = empty_pair_chunks,
                            .tiles = pair_chunks,
                            .turned = nullptr,
                            .panels = nullptr,
                            .row_sum = nullptr,
                            .dots = nullptr,
                            .add_sums = nullptr,
                            .pack = nullptr,
                            .lanes = kPairs,
                            .tile_rows = kTileRows[2],
                            .masked_loads = true,
                            .wide_tiles = false};

}  // namespace ranvier::kernels::RV_ISA
