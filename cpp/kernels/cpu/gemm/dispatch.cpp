// Chooses the level's kernels and cuts a product into its chunks.

#include <algorithm>

#include "kernels/cpu/gemm/gemm.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(GemmKernels, kGemmF32, gemm_f32)
RV_TABLES(GemmKernels, kGemmF64, gemm_f64)

#if defined(__x86_64__)
RV_DECLARE_TABLE(avx512_bf16, GemmKernels, kGemmBf16)
#endif

bool gemm_supports(Isa isa, DType dtype) {
  return dtype == DType::F32 || dtype == DType::F64 ||
         (dtype == DType::BF16 && isa >= Isa::Avx512Bf16);
}

const GemmKernels& gemm_kernels(Isa isa, DType dtype) {
#if defined(__x86_64__)
  if (dtype == DType::BF16) return avx512_bf16::kGemmBf16;
#endif
  return dtype == DType::F64 ? gemm_f64(isa) : gemm_f32(isa);
}

const char* name_of(GemmVariant variant) {
  switch (variant) {
    case GemmVariant::Empty:
      return "empty";
    case GemmVariant::Tiles:
      return "tiles";
    case GemmVariant::Panels:
      return "panels";
    case GemmVariant::RowSum:
      return "row_sum";
    case GemmVariant::Dots:
      return "dots";
  }
  return "";
}

void gemm_run(const Context& ctx, const GemmPlan& plan, const GemmOperands& operands, void*,
              std::byte* worker_scratch, size_t worker_stride) noexcept {
  if (plan.chunks == 0) return;
  const bool sums = plan.sum_chunks > 1;
  if (sums) worker_stride = 0;  // all write into the first one's
  const auto compute = [&](int64_t begin, int64_t end, int worker) {
    plan.kernel(plan, operands, begin, end, worker_scratch + worker * worker_stride);
  };
  if (plan.grain == 1)
    ctx.parallel_shares(plan.chunks, compute);
  else
    ctx.parallel_for(plan.chunks, plan.grain, compute);
  if (sums) gemm_kernels(plan.isa, plan.dtype).add_sums(plan, operands, worker_scratch);
}

int64_t gemm_packed_columns(const GemmPlan& plan) {
  const int64_t lanes = gemm_kernels(plan.isa, plan.dtype).lanes;
  return (plan.shape.n + lanes - 1) / lanes * lanes;
}

void gemm_pack(const Context& ctx, const GemmPlan& plan, const void* b, void* packed) noexcept {
  const GemmKernels& kernels = gemm_kernels(plan.isa, plan.dtype);
  const int64_t panel = 2 * kernels.lanes;
  constexpr int64_t kChunkElements = 1 << 15;
  const int64_t grain = std::max<int64_t>(1, kChunkElements / (panel * plan.shape.k + 1));
  ctx.parallel_for((plan.shape.n + panel - 1) / panel, grain, [&](int64_t begin, int64_t end, int) {
    kernels.pack(plan, b, packed, begin, end);
  });
}

}  // namespace ranvier::kernels
