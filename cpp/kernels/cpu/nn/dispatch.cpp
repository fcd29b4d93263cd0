// Chooses a level's table; shapes of the norms' partial sums.

#include <algorithm>

#include "kernels/cpu/levels.h"
#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/softmax.h"

namespace ranvier::kernels {

RV_TABLES(SoftmaxKernels, kSoftmaxF32, softmax_f32)
RV_TABLES(SoftmaxColumnsKernels, kSoftmaxColumnsF32, softmax_columns_f32)
RV_TABLES(BatchNormKernels, kBatchNormF32, batch_norm_f32)
RV_TABLES(LayerNormKernels, kLayerNormF32, layer_norm_f32)
RV_DECLARE_TABLE(baseline, SoftmaxKernels, kSoftmaxF64)
RV_DECLARE_TABLE(baseline, SoftmaxColumnsKernels, kSoftmaxColumnsF64)
RV_DECLARE_TABLE(baseline, BatchNormKernels, kBatchNormF64)
RV_DECLARE_TABLE(baseline, LayerNormKernels, kLayerNormF64)

const SoftmaxKernels& softmax_kernels(DType dtype, Isa isa) {
  return dtype == DType::F64 ? baseline::kSoftmaxF64 : softmax_f32(isa);
}

const SoftmaxColumnsKernels& softmax_columns_kernels(DType dtype, Isa isa) {
  return dtype == DType::F64 ? baseline::kSoftmaxColumnsF64 : softmax_columns_f32(isa);
}

const BatchNormKernels& batch_norm_kernels(DType dtype, Isa isa) {
  return dtype == DType::F64 ? baseline::kBatchNormF64 : batch_norm_f32(isa);
}

const LayerNormKernels& layer_norm_kernels(DType dtype, Isa isa) {
  return dtype == DType::F64 ? baseline::kLayerNormF64 : layer_norm_f32(isa);
}

Cost softmax_cost(DType dtype, int64_t rows, int64_t cols) {
  const double n = static_cast<double>(rows) * static_cast<double>(cols);
  return {.flops = 20 * n, .bytes = 2 * n * static_cast<double>(size_of(dtype))};
}

NormParams prepare_norm(DType dtype, int64_t rows, int64_t cols, double epsilon) {
  constexpr int64_t kChunkElements = 32768, kMaxChunks = 64;  // half as many are cut in two
  NormParams p{.dtype = dtype, .rows = rows, .cols = cols, .epsilon = epsilon, .scratch = {}};
  const int64_t fewest = 2 * rows * cols < kChunkElements ? 1 : 2;
  const int64_t wanted = std::min(std::clamp(rows * cols / kChunkElements, fewest, kMaxChunks),
                                  std::max<int64_t>(rows, 1));
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
