#include "kernels/cpu/data/sample.h"

#include <algorithm>

#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(SampleKernels, kSampleKernels, sample_kernels)

Sample prepare_sample(DType dtype, int axes, int64_t rows, int64_t points, int64_t depth,
                      double fill, Isa isa) {
  constexpr int64_t kChunkReads = 1 << 15;  // 10 to 20 µs
  const SampleKernels& kernels = sample_kernels(isa);
  const int64_t reads = (depth + 4) << axes;  // of a point, with its weights
  return {.axes = axes,
          .rows = rows,
          .points = points,
          .depth = depth,
          .fill = fill,
          .grain = std::max<int64_t>(1, kChunkReads / reads),
          .run = dtype == DType::F64 ? kernels.f64 : kernels.f32};
}

void run_sample(const Context& context, const Sample& params, void* y, const void* x,
                const SampleAxis* axes) noexcept {
  context.parallel_for(params.points, params.grain, [&](int64_t begin, int64_t end, int) {
    params.run(params, y, x, axes, begin, end);
  });
}

}  // namespace ranvier::kernels
