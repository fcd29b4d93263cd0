// Chooses the variant of a product, what is packed, and how the work is cut. Every choice depends
// on shape and instruction set alone, never on the number of threads.

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/verbose.h"
#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::kernels {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Multiply-adds that are worth a chunk of their own: a few microseconds. Half as many are cut in
// two.
constexpr int64_t kChunkWork = 1 << 19;
// The same for products with a vector, which wait for memory: elements of the matrix.
constexpr int64_t kChunkElements = 1 << 16;
// Columns of products with a vector are cut where rows are at least twice so many lines: shorter
// runs are read slower, above all from beyond the caches of a core, where matrices of this size
// lie.
constexpr int64_t kStreamedBytes = 1 << 20, kStreamedLines = 512, kCachedLines = 16;
// Parts of a sum that are added in the end, at most.
constexpr int64_t kMostSums = 16;
// One block of k of a row tile stays in L1, one of the columns of a chunk in L2.
// Where nothing is packed, longer blocks cost nothing.
constexpr int64_t kBlockBytes = 384 * 4, kInPlaceBlockBytes = 1024 * 4;
constexpr int64_t kMaxChunkColumnBytes = 512 * 4, kMaxChunkColumns = 512;
// Rows of B this far apart lie in too many pages and too few sets of the caches to be read in
// place.
constexpr int64_t kScatteredBytes = 1024;
// Rows that read a B in place with tiles of few rows.
constexpr int64_t kFewRows = 64;
// Terms from which on a copy of B pays; half of them where rows collide.
constexpr int64_t kFewTerms = 64;
// Rows of a chunk where B is read in place: two tiles.
constexpr int64_t kFewestRows = 28;
// Tiles of a transposed A that are packed together: its rows are read in runs of many lines, for
// each may lie in a page of its own.
constexpr int64_t kPackedTogether = 16, kShortestTile = 4;
// Products of more rows in the batch than this cut what is costly to pack as rarely as they can.
constexpr int64_t kManyInBatch = 192;
// Columns that are worth a cut of their own packing: two halves of so many lines.
constexpr int64_t kWideBytes = 2 * 4 * 64;
// Sums of a turned product that wait in L2.
constexpr int64_t kTurnedElements = 1 << 16;
// Rows of products that are turned: with a transposed A, and at most without one.
constexpr int64_t kFewestTurned = 16, kMostTurned = 384, kFewTurned = 128;
// Rows that are too few to pack a B for that stays in the caches.
constexpr int64_t kRowsInPlace = 160, kCachedBytes = 8 << 20;
// Tiles of A that meet a panel of a packed B one after the other: they fill a part of L2.
constexpr int64_t kTilesOfPanel = 16;
// Rows from which on packing B in each run is a small part of the product.
constexpr int64_t kManyRows = 448;
// bfloat16: steps of k that are packed at a time, and rows whose sums wait in scratch between them.
constexpr int64_t kPairBlock = 512, kSummedRows = 1024;
// bfloat16: rows that are too few to pack a B for that stays in the caches.
constexpr int64_t kPairRows = 64;
// Vector products sum in blocks only to bound the rounding error, and to keep x in L1.
constexpr int64_t kVectorBlock = 1024, kStreamedBlock = 4096;

void fill_leading(const char* name, int64_t& ld, int64_t rows, int64_t row_length) {
  if (ld == 0) ld = std::max<int64_t>(row_length, 1);
  if (ld < row_length && rows > 1)
    fail<ValueError>("gemm: leading dimension of ", name,
                     " is shorter than a row. Expected at least ", row_length, ". Received: ", ld,
                     ".");
}

void validate(GemmPlan& plan) {
  GemmShape& s = plan.shape;
  if (!gemm_supports(plan.isa, plan.dtype))
    fail<DTypeError>("gemm: no kernel for this dtype at level ", name_of(plan.isa),
                     ". Expected float32 or float64. Received: ", name_of(plan.dtype), ".");
  if (s.m < 0 || s.n < 0 || s.k < 0 || s.batch < 0)
    fail<ValueError>("gemm: negative size. Expected sizes of 0 or more. Received: m=", s.m,
                     ", n=", s.n, ", k=", s.k, ", batch=", s.batch, ".");
  fill_leading("a", s.lda, s.trans_a ? s.k : s.m, s.trans_a ? s.m : s.k);
  fill_leading("b", s.ldb, s.trans_b ? s.n : s.k, s.trans_b ? s.k : s.n);
  fill_leading("c", s.ldc, s.m, s.n);
  fill_leading("residual", plan.epilogue.ld_residual, s.m, s.n);
  if (!gemm_fuses(plan.dtype, plan.epilogue.activation))
    fail<ValueError>("gemm: this activation does not fuse. Expected none, relu or leaky_relu for ",
                     name_of(plan.dtype), ". Hint: apply it as a step of its own.");
  const GemmEpilogue& e = plan.epilogue;
  if (plan.dtype == DType::BF16 && (s.packed_b || e.alpha != 1 || e.beta != 0 || e.bias ||
                                    e.residual || e.mask || e.activation != Activation::None))
    fail<ValueError>("gemm: bfloat16 products have no epilogue and no packed B.");
  if (s.packed_b && (s.trans_a || s.stride_b != 0))
    fail<ValueError>(
        "gemm: a packed B wants a plain A and one B for the whole batch. Received: trans_a=",
        s.trans_a, ", stride_b=", s.stride_b, ".");
  if (s.batch > 1 && s.stride_c == 0)
    fail<ValueError>(
        "gemm: the matrices of a batch would all be written to one place. "
        "Expected stride_c of at least m * n. Received: 0.");
}

// A batch that shares B and whose rows follow each other is one matrix with more rows.
void fold_batch(GemmPlan& plan) {
  GemmShape& s = plan.shape;
  const GemmEpilogue& e = plan.epilogue;
  const bool rows_follow = s.stride_a == s.m * s.lda && s.stride_c == s.m * s.ldc &&
                           (!e.residual || e.stride_residual == s.m * e.ld_residual);
  if (s.batch <= 1 || s.stride_b != 0 || s.trans_a || !rows_follow) return;
  s.m *= s.batch;
  s.batch = 1;
}

// Rows a multiple of 4 KB apart fall into the same few sets of the L1 cache.
bool collides(int64_t ld, int64_t element) { return ld * element % 4096 == 0; }

// A transposed B that is much larger than A is better read in place than packed; so is any under a
// transposed A, for then nothing is packed across its rows. Rows must fill whole vectors, more or
// less, and be worth more than the transposition of C.
bool turns(const GemmShape& s, const GemmKernels& kernels, int64_t element) {
  if (!s.trans_b || s.m > s.k || s.k < kFewTerms) return false;
  if (4 * s.m < 3 * round_up(s.m, kernels.lanes)) return false;
  const bool packed_anyway = collides(s.ldb, element) && !kernels.wide_tiles;
  if (packed_anyway && s.m < kFewestRows) return false;
  if (s.trans_a) return s.m >= kFewestTurned && s.m <= kMostTurned;
  return s.m <= kFewTurned && 2 * s.m <= s.k && 3 * s.m <= s.n;
}

GemmVariant choose_variant(GemmPlan& plan) {
  const GemmShape& s = plan.shape;
  const GemmEpilogue& e = plan.epilogue;
  if (s.k == 0 || e.alpha == 0) return GemmVariant::Empty;
  if (s.packed_b) return GemmVariant::Panels;
  if (plan.dtype == DType::BF16) return GemmVariant::Tiles;
  const bool down =
      s.n == 1 && (s.ldc == 1 || s.m == 1) && (!e.residual || e.ld_residual == 1 || s.m == 1);
  const bool x_is_run = s.trans_b || s.ldb == 1 || s.k == 1;
  if (down && !s.trans_a && x_is_run) {
    plan.down = true;
    return GemmVariant::Dots;
  }
  if (s.m == 1 && !s.trans_b) return GemmVariant::RowSum;
  if (s.m == 1 && (!s.trans_a || s.lda == 1)) return GemmVariant::Dots;
  if (down && s.trans_a) {
    plan.down = true;
    return GemmVariant::RowSum;
  }
  return GemmVariant::Tiles;
}

// The rows of the layer's batch: of op(A), or in its weight gradient the terms of a sum.
int64_t batch_of(const GemmShape& s) { return s.trans_a ? s.k : s.m; }

// Each cut of columns packs A anew, each cut of rows B: the columns of a much larger B are cut,
// unless some rows can be cut that read it in place in the caches.
bool cuts_columns(const GemmShape& s, int64_t element) {
  if (batch_of(s) < kManyInBatch || s.n < 2 * s.m || s.n * element < kWideBytes) return false;
  const bool in_place =
      s.m >= 2 * kFewestRows && s.m < kRowsInPlace && s.k * s.n * element < kCachedBytes;
  return !in_place;
}

// Columns are cut where there are enough: then a thread reads its part of B alone.
void cut_panels(GemmPlan& plan, int64_t wanted) {
  const int64_t panels = ceil_div(plan.shape.n, plan.column_unit);
  if (panels >= 8) {
    plan.col_chunks = std::min(4 * wanted, panels / 2);
    if (plan.col_chunks > 1) plan.col_chunks -= plan.col_chunks % 2;
  } else {
    plan.row_chunks = std::min(4 * wanted, std::max<int64_t>(1, plan.shape.m / 24));
    if (plan.row_chunks > 1) plan.row_chunks &= ~int64_t{1};
  }
}

// Dot products of which there are fewer are cut along k.
constexpr int64_t kFewDots = 8;

// Along the result, or along k where halves of the rows were too short, or dots too few.
void cut_vector_product(GemmPlan& plan, int64_t element) {
  const GemmShape& s = plan.shape;
  const int64_t line = 64 / element, results = plan.down ? s.m : s.n;
  const int64_t parts = std::clamp<int64_t>(s.m * s.n * s.k / kChunkElements, 1, 1024);
  const int64_t shortest = plan.streamed ? kStreamedLines : kCachedLines;
  const bool few = plan.variant == GemmVariant::RowSum ? ceil_div(results, line) < 2 * shortest
                                                       : results < kFewDots * line;
  if (few && s.batch == 1) {
    plan.sum_chunks = std::min(parts, kMostSums);
    if (plan.variant == GemmVariant::Dots && parts > 1)
      plan.sum_chunks -= plan.sum_chunks % 2;  // divides among two threads
    plan.sum_pitch = round_up(results, line);
    if (parts > 1)
      plan.scratch.per_worker = static_cast<size_t>(plan.sum_chunks * plan.sum_pitch * element);
    return;
  }
  const bool along_rows = plan.streamed && plan.variant == GemmVariant::RowSum;
  const int64_t narrowest = along_rows ? kStreamedLines / 2 : 4;
  if (plan.down)
    plan.row_chunks = std::min(parts, std::max<int64_t>(1, s.m / (narrowest * line)));
  else
    plan.col_chunks = std::min(parts, std::max<int64_t>(1, ceil_div(s.n, line) / narrowest));
}

void cut_work(GemmPlan& plan, int64_t element) {
  const GemmShape& s = plan.shape;
  const int64_t work = s.m * s.n * std::max<int64_t>(s.k, 1);
  // bfloat16 is multiplied at twice the speed.
  const int64_t chunk_work = plan.dtype == DType::BF16 ? 2 * kChunkWork : kChunkWork;
  const int64_t wanted =
      2 * work < chunk_work ? 1 : std::clamp<int64_t>(work / chunk_work, 2, 1024);
  const int64_t line = 64 / element;
  const int64_t lines = ceil_div(s.n, line);
  if (plan.variant == GemmVariant::Panels) {
    cut_panels(plan, wanted);
  } else if (plan.variant == GemmVariant::Tiles || plan.variant == GemmVariant::Empty) {
    // With a small batch, columns are cut as fine as they stay efficient, and alike in a layer's
    // product (the batch is m) and its weight gradient (the batch is k), so that a thread meets the
    // same columns of the weight again. Even counts divide among two threads.
    const int64_t batch = batch_of(s);
    const int64_t narrowest = batch <= 64 ? 3 : batch < kManyInBatch ? 8 : lines;
    const int64_t most = std::min(kMaxChunkColumnBytes / element, kMaxChunkColumns);
    const int64_t fewest = std::max(ceil_div(s.n, most), int64_t{cuts_columns(s, element) ? 2 : 1});
    plan.col_chunks = std::clamp(wanted, fewest, std::max(fewest, lines / narrowest));
    if (plan.col_chunks > fewest) plan.col_chunks -= plan.col_chunks % 2;
    // Chunks that a worker takes together share one packed B; few are left for the one who helps.
    const int64_t fewest_rows = plan.col_chunks == 1 ? kFewestRows : 2 * kFewestRows;
    const int64_t rows = plan.pack_b ? std::clamp<int64_t>(s.m / 2, fewest_rows, 112) : kFewestRows;
    plan.row_chunks = std::min(std::max<int64_t>(1, s.m / rows), ceil_div(wanted, plan.col_chunks));
    if (plan.row_chunks > 1 && plan.col_chunks % 2 != 0) plan.row_chunks &= ~int64_t{1};
  } else {
    cut_vector_product(plan, element);
  }
  plan.together = plan.row_chunks;
  const int64_t per_item = plan.row_chunks * plan.col_chunks * plan.sum_chunks;
  plan.chunks = s.batch * per_item;
  plan.grain = per_item > 1 ? 1 : std::max<int64_t>(1, kChunkWork / std::max<int64_t>(work, 1));
}

// B is packed where it cannot be read in place, or where enough rows read it: fewer where its own
// rows collide, or those of A, which tiles of few rows then read in place.
void choose_b_packing(GemmPlan& plan, const GemmKernels& kernels, int64_t element) {
  const GemmShape& s = plan.shape;
  // Of one of two threads, at least.
  const int64_t rows = s.m < 224 && !cuts_columns(s, element) ? s.m / 2 : s.m;
  const bool ragged = s.n % kernels.lanes != 0 && !kernels.masked_loads;
  const bool scattered = s.ldb * element >= kScatteredBytes;
  const bool misaligned = s.ldb * element % 64 != 0;
  const bool wide = !s.trans_a && kernels.wide_tiles && collides(s.lda, element);
  const bool colliding = scattered && (wide || collides(s.ldb, element));
  const bool pays = (rows >= 96 && (scattered || misaligned)) || (s.m >= kFewRows && colliding);
  plan.pack_b = s.trans_b || ragged || (pays && s.k >= (colliding ? kFewTerms / 2 : kFewTerms));
}

// A transposed A is read by tiles as it lies, a few columns of each row. Tiles of many rows use
// most of each line: there only many panels pay for a copy, sooner where rows collide.
bool packs_transposed_a(const GemmShape& s, int64_t panels, int64_t tile_rows, int64_t element) {
  if (panels < 3 || s.k < 128) return false;
  const bool colliding = collides(s.lda, element);
  if (2 * tile_rows * element > 64) return panels > (colliding ? 4 : 12);
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

void print_refusals(const GemmShape& shape, const GemmPlan& plan) {
  const GemmShape& s = plan.shape;
  const std::string kernel = "gemm " + std::to_string(shape.m) + 'x' + std::to_string(shape.n) +
                             'x' + std::to_string(shape.k);
  if (plan.variant == GemmVariant::RowSum || plan.variant == GemmVariant::Dots)
    print_refusal(kernel, "tiles", "one operand is a vector: nothing is read twice");
  if (plan.variant != GemmVariant::Tiles) return;
  print_refusal(kernel, "row_sum and dots", "no operand is a vector that lies in one run");
  if (!plan.turned)
    print_refusal(kernel, "turned",
                  shape.trans_b ? "its rows are too few, too many or fill no whole vectors"
                                : "B is not transposed");
  if (!plan.pack_a)
    print_refusal(kernel, "packed A",
                  s.trans_a   ? "too few panels of columns or terms read it"
                  : plan.wide ? "tiles of few rows are read in place"
                              : "its rows fall into different sets of the L1 cache");
  if (!plan.pack_b)
    print_refusal(kernel, "packed B",
                  "its rows lie close together at whole lines, or few rows read it");
}

}  // namespace

GemmShape turned(GemmShape shape) {
  std::swap(shape.m, shape.n);
  std::swap(shape.lda, shape.ldb);
  std::swap(shape.stride_a, shape.stride_b);
  std::swap(shape.trans_a, shape.trans_b);
  shape.trans_a = !shape.trans_a;
  shape.trans_b = !shape.trans_b;
  return shape;
}

bool gemm_fuses(DType dtype, Activation activation) {
  return dtype == DType::F32 ||
         (activation != Activation::Sigmoid && activation != Activation::Tanh);
}

const char* gemm_panels_refusal(const GemmShape& shape, DType dtype) {
  const int64_t ldb = shape.ldb ? shape.ldb : shape.trans_b ? shape.k : shape.n;
  if (dtype != DType::F32) return "it is for float32 only";
  if (shape.trans_a) return "A is transposed";
  if (shape.m < 2 || shape.n < 2) return "one operand is a vector: nothing is read twice";
  if (shape.m >= kManyRows) return "many rows: packing in each run is a small part of it";
  if (!shape.trans_b && ldb * int64_t{sizeof(float)} < kScatteredBytes)
    return "the rows of B lie close together";
  return nullptr;
}

GemmPlan gemm_prepare(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue, Isa isa) {
  GemmPlan plan;
  plan.shape = shape;
  plan.epilogue = epilogue;
  plan.dtype = dtype;
  plan.isa = isa;
  validate(plan);
  fold_batch(plan);
  const GemmShape& s = plan.shape;
  if (s.m == 0 || s.n == 0 || s.batch == 0) return plan;

  const GemmKernels& kernels = gemm_kernels(isa, dtype);
  const auto element = static_cast<int64_t>(size_of(dtype));
  plan.variant = choose_variant(plan);
  plan.column_unit = 64 / element;
  if (plan.variant == GemmVariant::Panels)
    plan.column_unit = std::max<int64_t>(plan.column_unit, 2 * kernels.lanes);
  const bool pairs = dtype == DType::BF16;
  plan.turned = plan.variant == GemmVariant::Tiles && !pairs && turns(s, kernels, element);
  if (plan.turned) plan.shape = turned(s);
  if (plan.variant == GemmVariant::Tiles && pairs)
    plan.pack_b = packs_pairs(s);
  else if (plan.variant == GemmVariant::Tiles)
    choose_b_packing(plan, kernels, element);
  const bool vector = plan.variant == GemmVariant::RowSum || plan.variant == GemmVariant::Dots;
  plan.streamed = vector && s.m * s.n * s.k * element >= kStreamedBytes;
  cut_work(plan, element);
  plan.k_block = plan.streamed ? kStreamedBlock : kVectorBlock;
  switch (plan.variant) {
    case GemmVariant::Empty:
      plan.kernel = kernels.empty;
      break;
    case GemmVariant::Tiles:
      plan.kernel = plan.turned ? kernels.turned : kernels.tiles;
      if (pairs)
        choose_pair_packing(plan);
      else
        choose_packing(plan, kernels, element);
      break;
    case GemmVariant::Panels:
      plan.kernel = kernels.panels;
      choose_panel_packing(plan, kernels, element);
      break;
    case GemmVariant::RowSum:
      plan.kernel = kernels.row_sum;
      break;
    case GemmVariant::Dots:
      plan.kernel = kernels.dots;
      break;
  }
  if (prints_dispatch() && !pairs) print_refusals(shape, plan);
  const auto count = [](int64_t a, int64_t b) {
    return static_cast<double>(a) * static_cast<double>(b);
  };
  const double results = count(s.m, s.n) * static_cast<double>(s.batch);
  plan.cost.flops = 2 * results * static_cast<double>(s.k);
  const double a_items = s.stride_a == 0 ? 1 : static_cast<double>(s.batch);
  const double b_items = s.stride_b == 0 ? 1 : static_cast<double>(s.batch);
  const double touches = 1 + (epilogue.beta != 0) + epilogue.residual;
  plan.cost.bytes = static_cast<double>(element) *
                    (count(s.m, s.k) * a_items + count(s.k, s.n) * b_items + results * touches);
  return plan;
}

}  // namespace ranvier::kernels
