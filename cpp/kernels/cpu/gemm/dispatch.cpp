// Chooses the level's kernels and cuts a product into its chunks.

#include "kernels/cpu/gemm/gemm.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(GemmKernels, kGemmF32, gemm_f32)
RV_TABLES(GemmKernels, kGemmF64, gemm_f64)

const GemmKernels& gemm_kernels(Isa isa, DType dtype) {
  return dtype == DType::F64 ? gemm_f64(isa) : gemm_f32(isa);
}

const char* name_of(GemmVariant variant) {
  switch (variant) {
    case GemmVariant::Empty:
      return "empty";
    case GemmVariant::Tiles:
      return "tiles";
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
  const auto compute = [&](int64_t begin, int64_t end, int worker) {
    plan.kernel(plan, operands, begin, end, worker_scratch + worker * worker_stride);
  };
  if (plan.grain == 1)
    ctx.parallel_shares(plan.chunks, compute);
  else
    ctx.parallel_for(plan.chunks, plan.grain, compute);
}

}  // namespace ranvier::kernels
