// Chooses the level's kernels and cuts a product into its chunks.

#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::kernels {

#if defined(__x86_64__)
#define RV_GEMM_LEVELS(X) X(Baseline, baseline) X(Avx2, avx2) X(Avx512, avx512)
#else
#define RV_GEMM_LEVELS(X) X(Baseline, baseline)
#endif

#define RV_DECLARE(isa, level)       \
  namespace level {                  \
  extern const GemmKernels kGemmF32; \
  extern const GemmKernels kGemmF64; \
  }
RV_GEMM_LEVELS(RV_DECLARE)
#undef RV_DECLARE

const GemmKernels& gemm_kernels(Isa isa, DType dtype) {
  const bool wide = dtype == DType::F64;
  switch (isa) {
#define RV_CASE(isa, level) \
  case Isa::isa:            \
    return wide ? level::kGemmF64 : level::kGemmF32;
    RV_GEMM_LEVELS(RV_CASE)
#undef RV_CASE
    default:
      return wide ? baseline::kGemmF64 : baseline::kGemmF32;
  }
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
