// Chooses a level's table; shapes of the norms' partial sums.

#include <algorithm>

#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/softmax.h"

#if defined(__x86_64__)
#define RANVIER_X86 1
#endif

namespace ranvier::kernels {

#define RV_DECLARE(level)                      \
  namespace level {                            \
  extern const SoftmaxKernels kSoftmaxF32;     \
  extern const BatchNormKernels kBatchNormF32; \
  extern const LayerNormKernels kLayerNormF32; \
  }
RV_DECLARE(baseline)
#ifdef RANVIER_X86
RV_DECLARE(avx2)
RV_DECLARE(avx512)
#endif
#undef RV_DECLARE

namespace baseline {
extern const SoftmaxKernels kSoftmaxF64;
extern const BatchNormKernels kBatchNormF64;
extern const LayerNormKernels kLayerNormF64;
}  // namespace baseline

#ifdef RANVIER_X86
#define RV_CHOOSE(isa, table)                       \
  do {                                              \
    if ((isa) == Isa::Avx512) return avx512::table; \
    if ((isa) == Isa::Avx2) return avx2::table;     \
    return baseline::table;                         \
  } while (false)
#else
#define RV_CHOOSE(isa, table) return (void)(isa), baseline::table
#endif

const SoftmaxKernels& softmax_kernels(DType dtype, Isa isa) {
  if (dtype == DType::F64) return baseline::kSoftmaxF64;
  RV_CHOOSE(isa, kSoftmaxF32);
}

const BatchNormKernels& batch_norm_kernels(DType dtype, Isa isa) {
  if (dtype == DType::F64) return baseline::kBatchNormF64;
  RV_CHOOSE(isa, kBatchNormF32);
}

const LayerNormKernels& layer_norm_kernels(DType dtype, Isa isa) {
  if (dtype == DType::F64) return baseline::kLayerNormF64;
  RV_CHOOSE(isa, kLayerNormF32);
}

Cost softmax_cost(DType dtype, int64_t rows, int64_t cols) {
  const double n = static_cast<double>(rows) * static_cast<double>(cols);
  return {.flops = 20 * n, .bytes = 2 * n * static_cast<double>(size_of(dtype))};
}

NormParams prepare_norm(DType dtype, int64_t rows, int64_t cols, double epsilon) {
  constexpr int64_t kChunkElements = 32768, kMaxChunks = 64;
  NormParams p{.dtype = dtype, .rows = rows, .cols = cols, .epsilon = epsilon, .scratch = {}};
  const int64_t wanted = std::clamp<int64_t>(rows * cols / kChunkElements, 1,
                                             std::min(kMaxChunks, std::max<int64_t>(rows, 1)));
  p.chunk_rows = std::max<int64_t>(1, (rows + wanted - 1) / wanted);
  p.chunks = (rows + p.chunk_rows - 1) / p.chunk_rows;
  const auto row_bytes = static_cast<size_t>(cols) * size_of(dtype);
  p.scratch.shared = static_cast<size_t>(2 * p.chunks + 4) * ((row_bytes + 63) / 64 * 64);
  return p;
}

Cost norm_cost(const NormParams& p) {
  const double n = static_cast<double>(p.rows) * static_cast<double>(p.cols);
  return {.flops = 8 * n, .bytes = 2 * n * static_cast<double>(size_of(p.dtype))};
}

}  // namespace ranvier::kernels
