// What a product packs, and the scratch that this takes.

#include <algorithm>

#include "kernels/cpu/gemm/planning.h"

namespace ranvier::kernels {
namespace {

// One block of k of a row tile stays in L1. Where nothing is packed, longer blocks cost nothing.
constexpr int64_t kBlockBytes = 384 * 4, kInPlaceBlockBytes = 1024 * 4;
// Rows that read a B in place with tiles of few rows.
constexpr int64_t kFewRows = 64;
// Tiles of a transposed A that are packed together: its rows are read in runs of many lines, for
// each may lie in a page of its own.
constexpr int64_t kPackedTogether = 16, kShortestTile = 4;
// Sums of a turned product that wait in L2.
constexpr int64_t kTurnedElements = 1 << 16;
// Tiles of A that meet a panel of a packed B one after the other: they fill a part of L2.
constexpr int64_t kTilesOfPanel = 16;
// bfloat16: steps of k that are packed at a time, and rows whose sums wait in scratch between them.
constexpr int64_t kPairBlock = 512, kSummedRows = 1024;
// bfloat16: rows that are too few to pack a B for that stays in the caches.
constexpr int64_t kPairRows = 64;

// A transposed A is read by tiles as it lies, a few columns of each row. Tiles of many rows use
// most of each line: there only many panels pay for a copy, sooner where few lines of the first
// cache hold the rows, which every panel reads again.
bool packs_transposed_a(const GemmShape& s, int64_t panels, int64_t tile_rows, int64_t element) {
  constexpr int64_t kFewLines = 16;
  if (panels < 3 || s.k < 128) return false;
  const bool colliding = l1_lines_at(s.lda * element) <= kFewLines;
  if (2 * tile_rows * element > 64) return panels > (colliding ? 3 : 12);
  return colliding || panels > 16 || s.k > 1024;
}

// Room for a group of packed tiles of A. Rows of a plain one lie an odd number of lines apart, in
// different sets of the caches.
void book_packed_a(GemmPlan& plan, const GemmKernels& kernels, int64_t element) {
  const int64_t line = 64 / element;
  plan.a_pitch = (ceil_div(plan.k_block, line) | 1) * line;
  const int64_t columns = round_up(kernels.tile_rows, kernels.lanes) * plan.k_block;
  const int64_t tile = plan.shape.trans_a ? columns : kernels.tile_rows * plan.a_pitch;
  plan.a_elements = plan.a_group * round_up(tile + line, line);
}

}  // namespace

// B is packed where it cannot be read in place, or where enough rows read it: fewer where its own
// rows collide, or those of A, which tiles of few rows then read in place.
bool packs_b(const GemmShape& s, const GemmKernels& kernels, int64_t element) {
  // Of one of two threads, at least.
  const int64_t rows = s.m < 224 && !cuts_columns(s, element) ? s.m / 2 : s.m;
  const bool ragged = s.n % kernels.lanes != 0 && !kernels.masked_loads;
  const bool scattered = s.ldb * element >= kScatteredBytes;
  const bool misaligned = s.ldb * element % 64 != 0;
  const bool wide = !s.trans_a && kernels.wide_tiles && collides(s.lda, element);
  const bool colliding = scattered && (wide || collides(s.ldb, element));
  const bool pays = (rows >= 96 && (scattered || misaligned)) || (s.m >= kFewRows && colliding);
  return s.trans_b || ragged || (pays && s.k >= (colliding ? kFewTerms / 2 : kFewTerms));
}

void choose_packing(GemmPlan& plan, const GemmKernels& kernels, int64_t element) {
  const GemmShape& s = plan.shape;
  const int64_t line = 64 / element;
  const int64_t columns =
      std::min(round_up(s.n, line), ceil_div(ceil_div(s.n, line), plan.col_chunks) * line);
  const int64_t panels = ceil_div(std::min(s.n, columns), 2 * kernels.lanes);

  // Rows of A that collide are packed, unless there are tiles of so few rows that their lines stay
  // in one set. Such tiles read B more often: it is packed, or few rows read it.
  const bool a_collides = collides(s.lda, element) && s.m > 4 && (panels >= 2 || plan.turned);
  plan.wide = !s.trans_a && a_collides && kernels.wide_tiles && (plan.pack_b || s.m < kFewRows);
  plan.pack_a = s.trans_a ? packs_transposed_a(s, panels, kernels.tile_rows, element)
                          : a_collides && !plan.wide;
  const bool in_place =
      !plan.pack_a && !plan.pack_b && !s.trans_a && s.ldb * element < kScatteredBytes;
  const int64_t blocks = ceil_div(s.k, (in_place ? kInPlaceBlockBytes : kBlockBytes) / element);
  plan.k_block = std::min(s.k, round_up(ceil_div(s.k, blocks), 4));

  if (s.trans_a) plan.a_group = std::min(kPackedTogether, ceil_div(s.m, kShortestTile));
  if (plan.pack_a) book_packed_a(plan, kernels, element);
  int64_t elements = plan.a_elements;
  if (plan.pack_b)
    plan.b_elements = round_up(round_up(columns, kernels.lanes) * plan.k_block + line, line);
  elements += plan.b_elements;
  if (plan.turned) {
    const int64_t sums = ceil_div(s.m, plan.row_chunks) * round_up(columns, kernels.lanes);
    plan.together = std::clamp<int64_t>(kTurnedElements / sums, 1, plan.row_chunks);
    elements += plan.together * sums;
  }
  plan.scratch.per_worker = static_cast<size_t>(round_up(elements * element, 64));
}

// A is packed for a group of tiles that all panels meet, where its rows collide.
void choose_panel_packing(GemmPlan& plan, const GemmKernels& kernels, int64_t element) {
  const GemmShape& s = plan.shape;
  const int64_t blocks = ceil_div(s.k, kBlockBytes / element);
  plan.k_block = std::min(s.k, round_up(ceil_div(s.k, blocks), 4));
  plan.pack_a = collides(s.lda, element) && s.m > 4 && s.n >= 4 * kernels.lanes;
  plan.a_group = kTilesOfPanel;
  if (!plan.pack_a) return;
  book_packed_a(plan, kernels, element);
  plan.scratch.per_worker = static_cast<size_t>(plan.a_elements * element);
}

// bfloat16: operands are packed as pairs of k (pairs_pack.h), for which few rows do not pay; a
// transposed one always is.
bool packs_pairs(const GemmShape& s) {
  const bool near = s.k * s.n * 2 < kStreamedBytes;
  return s.trans_b || s.m > (near ? kPairRows : kFewestRows / 2);
}

void choose_pair_packing(GemmPlan& plan) {
  constexpr int64_t kLanes = 16, kElement = 2;
  const GemmShape& s = plan.shape;
  const int64_t columns = round_up(
      std::min(s.n, ceil_div(ceil_div(s.n, plan.column_unit), plan.col_chunks) * plan.column_unit),
      kLanes);
  const bool a_collides = s.lda * kElement % 4096 == 0;
  plan.pack_a = s.trans_a || (a_collides && s.m > 4 && columns > 2 * kLanes);
  const int64_t blocks = ceil_div(s.k, kPairBlock);
  plan.k_block = std::min(s.k, round_up(ceil_div(s.k, blocks), 2 * kLanes));
  const int64_t depth = round_up(plan.k_block, 2);
  if (s.trans_a) plan.a_group = std::min(kPackedTogether, ceil_div(s.m, kShortestTile));
  if (plan.pack_a) plan.a_elements = plan.a_group * kLanes * depth;
  if (plan.pack_b) plan.b_elements = columns * depth;
  int64_t bytes = (plan.a_elements + plan.b_elements) * kElement;
  if (plan.k_block < s.k) {
    const int64_t rows = ceil_div(s.m, plan.row_chunks);
    plan.together = std::min(plan.row_chunks, std::max<int64_t>(1, kSummedRows / rows));
    bytes += rows * plan.together * columns * int64_t{sizeof(float)};
  }
  plan.scratch.per_worker = static_cast<size_t>(round_up(bytes, 64));
}

}  // namespace ranvier::kernels
