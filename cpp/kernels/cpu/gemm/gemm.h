#pragma once
// Matrix product of float32 or float64 (and bfloat16 where gemm_supports it), row-major, any
// transpose, batched:
//   C = act(s * op(A) op(B) + beta * C + bias + residual),  s = alpha * (scale ? *scale : 1)
// and zero where a mask is not above zero. op(A) is m×k, op(B) is k×n, C, residual and mask are
// m×n, bias is one row of n.
// With alpha = 1, beta = 0 the bits are those of the plain product followed by separate passes that
// add the bias, add the residual, apply the activation and the mask.
// C must not overlap any other operand. bfloat16 is summed in float32 and rounded once, and takes
// no epilogue.

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/cpu/gemm/epilogue.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Leading dimensions and strides in elements. A leading dimension of 0 means dense rows. A is
// stored m×k (rows lda apart), or k×m with trans_a; B is stored k×n, or n×k with trans_b. Strides
// lie between the matrices of a batch; 0 uses one matrix for all. stride_c must not be 0 in a
// batch. With packed_b, which wants one B for all, operands.b is what gemm_pack made of B.
struct GemmShape {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool trans_a = false, trans_b = false, packed_b = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;
};

// Of C^T = op(B)^T op(A)^T; what is said of C stays. Its own inverse.
GemmShape turned(GemmShape shape);

struct GemmEpilogue {
  double alpha = 1, beta = 0;  // beta 0: C is not read
  bool bias = false, residual = false;
  int64_t ld_residual = 0;      // 0: dense rows
  int64_t stride_residual = 0;  // 0: one matrix for the whole batch
  Activation activation = Activation::None;
  double slope = 0;   // LeakyRelu
  bool mask = false;  // laid out as C
};

struct GemmOperands {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;
  const void* scale =
      nullptr;  // one value of the dtype, read when run: a learning rate, or nullptr
  const void* mask = nullptr;
};

enum class GemmVariant : uint8_t {
  Empty,   // k = 0 or alpha = 0: only the epilogue
  Tiles,   // register tiles; each operand is packed or read in place
  Panels,  // register tiles; B was packed beforehand
  RowSum,  // one row or column times a matrix stored along the result: sums of scaled rows
  Dots,    // one row or column times a matrix stored along k: dot products
};
const char* name_of(GemmVariant variant);

struct GemmPlan;

// What one instruction-set level offers for one dtype. A function computes the chunks [begin, end)
// of the plan's grid.
struct GemmKernels {
  using Chunks = void (*)(const GemmPlan& plan, const GemmOperands& operands, int64_t begin,
                          int64_t end, std::byte* scratch) noexcept;
  // Adds what the chunks of a sum left in `sums`, and applies the epilogue.
  using AddSums = void (*)(const GemmPlan& plan, const GemmOperands& operands,
                           const std::byte* sums) noexcept;
  // Copies the panels [begin, end) of B, two vectors of columns each, to their place in `packed`.
  using Pack = void (*)(const GemmPlan& plan, const void* b, void* packed, int64_t begin,
                        int64_t end) noexcept;
  Chunks empty, tiles, turned, panels, row_sum, dots;
  AddSums add_sums;
  Pack pack;
  int lanes;          // elements of a vector
  int tile_rows;      // rows of the usual register tile
  bool masked_loads;  // B may be read in place when n is no multiple of lanes
  bool wide_tiles;    // there are tiles of four vectors
};
// dtype is one that gemm_supports.
const GemmKernels& gemm_kernels(Isa isa, DType dtype);
// F32 and F64 at every level, BF16 where the level has an instruction for it.
bool gemm_supports(Isa isa, DType dtype);

// Immutable once prepared; holds no pointer to data, so that one plan may run in many threads.
struct GemmPlan {
  GemmShape shape;  // leading dimensions filled in; batches that are really rows folded into m
  GemmEpilogue epilogue;  // ld_residual filled in
  DType dtype = DType::F32;
  Isa isa = Isa::Baseline;
  GemmVariant variant = GemmVariant::Empty;
  GemmKernels::Chunks kernel = nullptr;
  bool pack_a = false, pack_b = false;
  bool wide = false;      // tiles of few rows and four vectors
  bool turned = false;    // Tiles: C^T is computed, and `shape` is turned
  bool down = false;      // RowSum, Dots: the result is the one column of C
  bool streamed = false;  // RowSum, Dots: the matrix is larger than the caches of a core
  bool paired = false;    // and two of its rows are read beside each other
  // RowSum, Dots: so many parts of k are summed apart, each into a row of sum_pitch elements of the
  // first worker's scratch, and added in order.
  int64_t sum_chunks = 1, sum_pitch = 0;
  int64_t k_block = 0;     // products are summed over blocks of k, in order
  int64_t a_group = 1;     // tiles of A that are packed together
  int64_t a_elements = 0;  // of scratch, before the packed block of B
  int64_t a_pitch = 0;     // elements between the packed rows of a plain A
  int64_t b_elements = 0;  // of that block, before the sums of a chunk
  int64_t together = 1;    // chunks below each other that a worker may take as one
  // The grid is batch × col_chunks × row_chunks, cut evenly by shape alone.
  int64_t row_chunks = 1, col_chunks = 1, chunks = 0, grain = 1;
  int64_t column_unit = 1;  // columns are cut at its multiples
  Scratch scratch;          // per_worker only
  Cost cost;
};

// Whether an activation may ride on a product: float64 has no vector code for sigmoid and tanh.
bool gemm_fuses(DType dtype, Activation activation);

// Throws ValueError for negative sizes, too small leading dimensions and activations that do not
// fuse, DTypeError for a dtype that the level does not support.
GemmPlan gemm_prepare(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue = {},
                      Isa isa = active_isa());

// worker_scratch: plan.scratch.per_worker bytes for each worker index, worker_stride bytes apart,
// 64-byte aligned. shared_scratch is not used.
void gemm_run(const Context& ctx, const GemmPlan& plan, const GemmOperands& operands,
              void* shared_scratch, std::byte* worker_scratch, size_t worker_stride) noexcept;

// Why a B that many products share is not worth packing beforehand; nullptr where it is.
const char* gemm_panels_refusal(const GemmShape& shape, DType dtype);
// Columns of a packed B, k elements each: n rounded up to whole vectors.
int64_t gemm_packed_columns(const GemmPlan& plan);
// The plan's shape tells how b lies; packed has k * gemm_packed_columns elements, 64-byte aligned.
void gemm_pack(const Context& ctx, const GemmPlan& plan, const void* b, void* packed) noexcept;

namespace reference {
// Plain loops, sums in double.
void gemm(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue,
          const GemmOperands& operands);
}  // namespace reference

}  // namespace ranvier::kernels
