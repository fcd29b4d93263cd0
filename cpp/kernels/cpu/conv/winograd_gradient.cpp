// The gradient of a 3×3 filter by minimal filtering: how the tiles are cut.
//
// A slice is a range of tiles with sums of its own; it passes blocks of tiles, transformed in a
// worker's scratch, through all three steps. Where such sums would take more memory than x and dy,
// there is one slice: bands of tiles are transformed into shared scratch, then multiplied, each
// step by all threads.

#include <algorithm>

#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/winograd_kernels.h"

namespace ranvier::kernels {
namespace {

constexpr int64_t kBlockFloats = 192 * 1024, kBandFloats = 1 << 20;
constexpr int64_t kFewestBlockTiles = 32;
constexpr int64_t kMostSlices = 16;
constexpr int64_t kTransformed = 4096;  // floats of x or dy of a chunk of transforms

int64_t slices_of(const WinogradPlan& plan) {
  const ConvShape& s = plan.shape;
  const int64_t values =
      s.batch * (pixels_of(s.in) * s.in_channels + pixels_of(s.out) * s.out_channels);
  const int64_t slices =
      std::min(values / 2 / plan.filter_floats(), plan.tiles / (2 * kFewestBlockTiles));
  return std::clamp<int64_t>(slices / 2 * 2, 1, kMostSlices);  // divides among two threads
}

}  // namespace

WinogradPlan prepare_winograd_gradient(const ConvShape& shape, Isa isa) {
  WinogradPlan plan = prepare_winograd(2, shape, isa);
  plan.slices = slices_of(plan);
  plan.staged = plan.slices == 1;
  const int64_t tile_floats = plan.points() * (shape.in_channels + plan.columns);
  const int64_t most = (plan.staged ? kBandFloats : kBlockFloats) / tile_floats;
  const int64_t slice_tiles = ceil_div(plan.tiles, plan.slices);
  plan.blocks = ceil_div(slice_tiles, std::max(kFewestBlockTiles, most));
  plan.block_tiles = ceil_div(slice_tiles, plan.blocks);
  plan.v_pitch = odd_lines(plan.block_tiles * shape.in_channels);
  plan.m_pitch = odd_lines(plan.block_tiles * plan.columns);
  const int64_t block = plan.points() * (plan.v_pitch + plan.m_pitch);
  const int64_t sums = plan.slices * plan.filter_floats();
  plan.scratch.shared = static_cast<size_t>(sums + (plan.staged ? block : 0)) * sizeof(float);
  plan.scratch.per_worker = plan.staged ? 0 : static_cast<size_t>(block) * sizeof(float);
  return plan;
}

namespace {

// Block b of slice i covers tiles [first, end).
struct Tiles {
  int64_t first, end;
  Tiles(const WinogradPlan& plan, int64_t slice, int64_t block) {
    const int64_t from = first_of(plan.tiles, slice, plan.slices);
    const int64_t count = first_of(plan.tiles, slice + 1, plan.slices) - from;
    first = from + first_of(count, block, plan.blocks);
    end = from + first_of(count, block + 1, plan.blocks);
  }
};

void run_slices(const Context& ctx, const WinogradPlan& plan, const float* x, const float* dy,
                float* sums, std::byte* worker, size_t stride) noexcept {
  const WinogradKernels& kernels = *plan.kernels;
  const int64_t panels = plan.columns / kernels.panel;
  ctx.parallel_for(plan.slices, 1, [&](int64_t begin, int64_t end, int index) {
    auto* v = reinterpret_cast<float*>(worker + static_cast<size_t>(index) * stride);
    float* d = v + plan.points() * plan.v_pitch;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t b = 0; b < plan.blocks; ++b) {
        const Tiles tiles(plan, i, b);
        const int64_t count = tiles.end - tiles.first;
        kernels.two.input(plan, x, tiles.first, count, v);
        kernels.filters->gradient(plan, dy, tiles.first, 0, count, d);
        kernels.filters->add_products(plan, v, d, count, 0, plan.points(), 0, panels, b == 0,
                                      sums + i * plan.filter_floats());
      }
  });
}

void run_bands(const Context& ctx, const WinogradPlan& plan, const float* x, const float* dy,
               float* sums) noexcept {
  const WinogradKernels& kernels = *plan.kernels;
  const int64_t channels = plan.shape.in_channels, panels = plan.columns / kernels.panel;
  float* v = sums + plan.filter_floats();
  float* d = v + plan.points() * plan.v_pitch;
  const int64_t grain = std::max<int64_t>(1, kTransformed / (channels + plan.columns));
  for (int64_t b = 0; b < plan.blocks; ++b) {
    const Tiles tiles(plan, 0, b);
    const int64_t count = tiles.end - tiles.first;
    ctx.parallel_for(count, grain, [&](int64_t begin, int64_t end, int) {
      kernels.two.input(plan, x, tiles.first + begin, end - begin, v + begin * channels);
      kernels.filters->gradient(plan, dy, tiles.first + begin, begin, end - begin, d);
    });
    const double work = 2.0 * static_cast<double>(count * channels * kernels.panel);
    ctx.parallel_for(
        plan.points() * panels, std::max<int64_t>(1, static_cast<int64_t>(kConvChunkFlops / work)),
        [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i)
            kernels.filters->add_products(plan, v, d, count, i / panels, i / panels + 1, i % panels,
                                          i % panels + 1, b == 0, sums);
        });
  }
}

}  // namespace

void run_winograd_gradient(const Context& ctx, const WinogradPlan& plan, const float* x,
                           const float* dy, float* dw, void* shared, std::byte* worker,
                           size_t worker_stride) noexcept {
  auto* sums = static_cast<float*>(shared);
  if (plan.staged)
    run_bands(ctx, plan, x, dy, sums);
  else
    run_slices(ctx, plan, x, dy, sums, worker, worker_stride);
  ctx.parallel_for(plan.shape.in_channels, std::max<int64_t>(1, kTransformed / plan.columns),
                   [&](int64_t begin, int64_t end, int) {
                     plan.kernels->filters->finish(plan, sums, begin, end, dw);
                   });
}

}  // namespace ranvier::kernels
