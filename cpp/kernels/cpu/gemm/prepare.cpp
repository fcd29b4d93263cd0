// Chooses the variant of a product and how the work is cut.

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/verbose.h"
#include "kernels/cpu/gemm/gemm.h"
#include "kernels/cpu/gemm/planning.h"

namespace ranvier::kernels {
namespace {

// Multiply-adds that are worth a chunk of their own: a few microseconds. Half as many are cut in
// two.
constexpr int64_t kChunkWork = 1 << 19;
// The same for products with a vector, which wait for memory: elements of the matrix.
constexpr int64_t kChunkElements = 1 << 16;
// Columns of products with a vector are cut where rows are at least twice so many lines: shorter
// runs are read slower, above all from beyond the caches of a core, where matrices of this size
// lie.
constexpr int64_t kStreamedLines = 512, kCachedLines = 16;
// Columns of a chunk, at most: one block of k of them stays in L2.
constexpr int64_t kMaxChunkColumnBytes = 512 * 4, kMaxChunkColumns = 512;
// Parts of a sum that are added in the end, at most.
constexpr int64_t kMostSums = 16;
// Rows of products that are turned: with a transposed A, and at most without one.
constexpr int64_t kFewestTurned = 16, kMostTurned = 384, kFewTurned = 128;
// Rows from which on packing B in each run is a small part of the product.
constexpr int64_t kManyRows = 448;
// Vector products sum in blocks only to bound the rounding error, and to keep x in L1.
constexpr int64_t kVectorBlock = 1024, kStreamedBlock = 4096;
// Columns that are worth a cut of their own packing: two halves of so many lines.
constexpr int64_t kWideBytes = 2 * 4 * 64;
// Rows that are too few to pack a B for that stays in the caches.
constexpr int64_t kRowsInPlace = 160, kCachedBytes = 8 << 20;

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
  if (s.batch > 1 && s.stride_c == 0 && s.m * s.n > 0)
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

// Whether prefetchers follow two rows beside each other, told by the first cache. GB/s of two
// threads: a Zen 5 (48 KB) reads the third cache with 200 by two rows, 101 by eight; a Zen 4 (32
// KB) with 105 and 150, and memory with 26 and 46.
bool follows_pairs() { return cpu_info().l1_data_bytes > (32 << 10); }

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

bool cuts_columns(const GemmShape& s, int64_t element) {
  if (batch_of(s) < kManyInBatch || s.n < 2 * s.m || s.n * element < kWideBytes) return false;
  const bool in_place =
      s.m >= 2 * kFewestRows && s.m < kRowsInPlace && s.k * s.n * element < kCachedBytes;
  return !in_place;
}

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
    plan.pack_b = packs_b(s, kernels, element);
  const bool vector = plan.variant == GemmVariant::RowSum || plan.variant == GemmVariant::Dots;
  plan.streamed = vector && s.m * s.n * s.k * element >= kStreamedBytes;
  plan.paired = plan.streamed && follows_pairs();
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
