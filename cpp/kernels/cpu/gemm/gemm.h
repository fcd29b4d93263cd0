#pragma once
// Matrix product of float32 or float64, row-major, any transpose, batched:
//   C = act(s * op(A) op(B) + beta * C + bias + residual),  s = alpha * (scale ? *scale : 1)
// op(A) is m×k, op(B) is k×n, C and residual are m×n, bias is one row of n.
// With alpha = 1, beta = 0 the bits are those of the plain product followed by separate passes that
// add the bias, add the residual and apply the activation.
// C must not overlap A, B, or bias; residual may be C itself when beta is 0.

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
// batch.
struct GemmShape {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool trans_a = false, trans_b = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;
};

struct GemmEpilogue {
  double alpha = 1, beta = 0;  // beta 0: C is not read
  bool bias = false, residual = false;
  int64_t ld_residual = 0;      // 0: dense rows
  int64_t stride_residual = 0;  // 0: one matrix for the whole batch
  Activation activation = Activation::None;
  double slope = 0;  // LeakyRelu
};

struct GemmOperands {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;
  const void* scale =
      nullptr;  // one value of the dtype, read when run: a learning rate, or nullptr
};

enum class GemmVariant : uint8_t {
  Empty,   // k = 0 or alpha = 0: only the epilogue
  Tiles,   // register tiles; each operand is packed or read in place
  RowSum,  // one row or column times a matrix stored along the result: sums of scaled rows
  Dots,    // one row or column times a matrix stored along k: dot products
};
const char* name_of(GemmVariant variant);

// Immutable once prepared; holds no pointer to data, so that one plan may run in many threads.
struct GemmPlan {
  GemmShape shape;  // leading dimensions filled in; batches that are really rows folded into m
  GemmEpilogue epilogue;
  DType dtype = DType::F32;
  Isa isa = Isa::Baseline;
  GemmVariant variant = GemmVariant::Empty;
  bool pack_a = false, pack_b = false;
  int64_t k_block = 0;
  // The work is a grid of batch × row_chunks × col_chunks chunks, cut by shape alone.
  int64_t row_chunks = 1, row_chunk = 0;  // rows per chunk
  int64_t col_chunks = 1, col_chunk = 0;  // columns per chunk
  int64_t grain = 1;                      // chunks of the grid per call of a worker
  Scratch scratch;                        // per_worker only
  Cost cost;
};

// Throws ValueError for negative sizes and too small leading dimensions, DTypeError for a dtype
// other than F32 and F64.
GemmPlan gemm_prepare(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue = {},
                      Isa isa = active_isa());

// worker_scratch: plan.scratch.per_worker bytes for each worker index, worker_stride bytes apart,
// 64-byte aligned. shared_scratch is not used.
void gemm_run(const Context& ctx, const GemmPlan& plan, const GemmOperands& operands,
              void* shared_scratch, std::byte* worker_scratch, size_t worker_stride) noexcept;

// What one instruction-set level offers. A function computes the chunks [begin, end) of the grid.
struct GemmKernels {
  using Chunks = void (*)(const GemmPlan& plan, const GemmOperands& operands, int64_t begin,
                          int64_t end, std::byte* scratch) noexcept;
  struct PerType {
    Chunks empty, tiles, row_sum, dots;
    int lanes;          // elements of a vector
    int rows, vectors;  // the largest register tile
  };
  PerType f32, f64;
};
const GemmKernels& gemm_kernels(Isa isa);
inline const GemmKernels& gemm_kernels() { return gemm_kernels(active_isa()); }

namespace reference {
// Plain loops, sums in double.
void gemm(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue,
          const GemmOperands& operands);
}  // namespace reference

}  // namespace ranvier::kernels
