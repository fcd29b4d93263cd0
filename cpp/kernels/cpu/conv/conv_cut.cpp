#include "kernels/cpu/conv/conv_cut.h"

#include <algorithm>

namespace ranvier::kernels {
namespace {

constexpr int64_t kBlocks = 32;        // enough for every thread to get several
constexpr double kBlockBytes = 256e3;  // of x in one block: stays in L2

}  // namespace

void cut_blocks(ConvPlan& plan, int64_t units, double input_bytes) {
  const int64_t for_cache = static_cast<int64_t>(input_bytes / kBlockBytes);
  const int64_t for_threads =
      std::min(kBlocks, static_cast<int64_t>(plan.cost.flops / kConvChunkFlops));
  plan.blocks =
      std::clamp<int64_t>(std::max(for_cache, for_threads), 1, std::max<int64_t>(1, units));
  plan.grain = std::max<int64_t>(
      1, static_cast<int64_t>(kConvChunkFlops * plan.blocks / std::max(1.0, plan.cost.flops)));
}

template <class T>
void choose_slices(ConvPlan& plan, int64_t rows) {
  constexpr int64_t kMostSlices = 16;
  const ConvSizes n = sizes_of(plan.shape);
  const int64_t by_work = static_cast<int64_t>(plan.cost.flops / kConvChunkFlops);
  const int64_t by_memory = (n.x + n.y) / 4 / std::max<int64_t>(1, n.filter);
  plan.slices = std::clamp<int64_t>(std::min({by_work, by_memory, rows}), 1, kMostSlices);
  // An odd number of cache lines: slices begin in different sets of the caches.
  plan.partial = plan.slices > 1 ? ((n.filter + 15) / 16 | 1) * 16 : 0;
  plan.scratch.shared += plan.slices > 1 ? plan.slices * plan.partial * sizeof(T) : 0;
}

template <class T>
void sum_slices(const Context& ctx, const ConvPlan& plan, const T* partial, T* dw) noexcept {
  ctx.parallel_for(sizes_of(plan.shape).filter, kConvElements,
                   [&](int64_t begin, int64_t end, int) {
                     rows_of<T>(plan).add_slices(partial + begin, plan.slices, plan.partial,
                                                 end - begin, dw + begin);
                   });
}

template void choose_slices<float>(ConvPlan&, int64_t);
template void sum_slices<float>(const Context&, const ConvPlan&, const float*, float*) noexcept;
template void choose_slices<double>(ConvPlan&, int64_t);
template void sum_slices<double>(const Context&, const ConvPlan&, const double*, double*) noexcept;

}  // namespace ranvier::kernels
