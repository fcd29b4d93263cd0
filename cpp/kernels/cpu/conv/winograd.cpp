// Winograd convolution: when it pays, how it is cut, the filters' transform.

#include "kernels/cpu/conv/winograd.h"

#include <algorithm>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/winograd_kernels.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(WinogradKernels, kWinograd, winograd_kernels)

namespace {

// v and m of a block: half of L2 beside filters that stay there too, else L2 and a little, for then
// each block reads the filters again.
constexpr int64_t kResidentFilter = 160 * 1024, kShortBlock = 128 * 1024, kLongBlock = 384 * 1024;
constexpr int64_t kFewestBlockTiles = 28, kMostBlockTiles = 168;
constexpr int64_t kFewestBlocks = 4;
constexpr int64_t kMostStagedFloats = 8 << 20;
// Readings of the filters that cost what writing and reading all tiles does, in readings of these.
constexpr int64_t kFilterReadings = 2, kSmallFilterReadings = 4;
constexpr int64_t kFewestChannels = 32;
// Tiles of 2×2 outputs transform their filters in every run; where there are few of both, threads
// meet more often than products are saved.
constexpr int64_t kFewestTiles = 8, kFewestSmallTiles = 48;
constexpr int64_t kLeastWork = 8192;  // tiles by channels

// Filters beside each other: a panel is transformed at a time.
constexpr int64_t kMostPanel = 32;
using Lane = double[kMostPanel];
constexpr int kFourPoints = 36;
constexpr int64_t kFilterChunk = 4096;  // filters of a chunk of transforms

// G applied to three values of each filter: six of them, `step` lanes apart.
void transform(const Lane& a, const Lane& b, const Lane& c, int64_t count, Lane* to, int step) {
  for (int64_t i = 0; i < count; ++i) {
    const double ends = a[i] + c[i], wide = a[i] / 24 + c[i] / 6;
    to[0][i] = a[i] / 4;
    to[step][i] = -(ends + b[i]) / 6;
    to[2 * step][i] = -(ends - b[i]) / 6;
    to[3 * step][i] = wide + b[i] / 12;
    to[4 * step][i] = wide - b[i] / 12;
    to[5 * step][i] = c[i];
  }
}

// G g G^T of `count` filters.
void transform_filters(const Lane (&g)[9], int64_t count, Lane (&u)[kFourPoints]) {
  Lane columns[18];
  for (int j = 0; j < 3; ++j) transform(g[j], g[3 + j], g[6 + j], count, columns + j, 3);
  for (int i = 0; i < 6; ++i)
    transform(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], count, u + 6 * i, 1);
}

int64_t tile_count(int64_t m, const ConvShape& s) {
  return s.batch * ceil_div(s.out[1], m) * ceil_div(s.out[2], m);
}

}  // namespace

WinogradUse winograd_use() {
  static const WinogradUse use = [] {
    const auto name = env_choice("RANVIER_WINOGRAD", {"off", "inference", "always"});
    return name == "off"      ? WinogradUse::Off
           : name == "always" ? WinogradUse::Always
                              : WinogradUse::Inference;
  }();
  return use;
}

const char* winograd_refusal(int64_t m, const ConvShape& s, DType dtype) {
  const auto are = [](const std::array<int64_t, 3>& sizes, int64_t d, int64_t h, int64_t w) {
    return sizes[0] == d && sizes[1] == h && sizes[2] == w;
  };
  if (dtype != DType::F32) return "not float32";
  if (!are(s.filter, 1, 3, 3) || s.in[0] != 1) return "the filter is not 3x3";
  if (!are(s.stride, 1, 1, 1) || !are(s.dilation, 1, 1, 1)) return "strides or dilation";
  if (s.groups != 1) return "groups";
  const int64_t channels = std::min(s.in_channels, s.out_channels);
  if (channels < kFewestChannels) return "few channels: the transforms cost more";
  const int64_t tiles = tile_count(m, s);
  if (tiles < (m == 4 ? kFewestTiles : kFewestSmallTiles))
    return "few outputs: the filters cost more to read than products save";
  if (m == 2 && tiles * channels < kLeastWork) return "little work: its steps cost more";
  return nullptr;
}

WinogradPlan prepare_winograd(int64_t m, const ConvShape& shape) {
  return prepare_winograd(m, shape, active_isa());
}

WinogradPlan prepare_winograd(int64_t m, const ConvShape& shape, Isa isa) {
  RV_CHECK(m == 2 || m == 4);
  RV_CHECK(shape.filter[1] == 3 && shape.filter[2] == 3 && shape.groups == 1 && shape.in[0] == 1);
  WinogradPlan plan;
  plan.shape = shape;
  plan.tile = m;
  plan.kernels = &winograd_kernels(isa);
  plan.tiles_down = ceil_div(shape.out[1], m);
  plan.tiles_across = ceil_div(shape.out[2], m);
  plan.tiles = tile_count(m, shape);
  plan.columns = winograd_columns(shape.out_channels);
  if (plan.tiles == 0) return plan;
  const int64_t tile_floats = plan.points() * (shape.in_channels + plan.columns);
  const int64_t filter_floats = plan.filter_floats();
  const int64_t block_floats = filter_floats <= kResidentFilter ? kShortBlock : kLongBlock;
  plan.block_tiles = std::clamp(block_floats / tile_floats, kFewestBlockTiles, kMostBlockTiles);
  plan.blocks = ceil_div(plan.tiles, plan.block_tiles);
  plan.blocks += plan.blocks > 1 && plan.blocks % 2 != 0;  // divides among two threads
  const int64_t all = plan.tiles * tile_floats;
  const int64_t readings = m == 2 ? kSmallFilterReadings : kFilterReadings;
  plan.staged = all <= kMostStagedFloats &&
                (plan.blocks < kFewestBlocks || plan.blocks * filter_floats > readings * all);
  plan.block_tiles = plan.staged ? plan.tiles : ceil_div(plan.tiles, plan.blocks);
  plan.v_pitch = odd_lines(plan.block_tiles * shape.in_channels);
  plan.m_pitch = odd_lines(plan.block_tiles * plan.columns);
  const size_t bytes =
      static_cast<size_t>(plan.points() * (plan.v_pitch + plan.m_pitch)) * sizeof(float);
  (plan.staged ? plan.scratch.shared : plan.scratch.per_worker) = bytes;
  plan.cost.flops = 2.0 * static_cast<double>(plan.points() * plan.tiles) *
                    static_cast<double>(shape.in_channels * shape.out_channels);
  const double values = static_cast<double>(shape.batch) *
                        static_cast<double>(shape.in[1] * shape.in[2] * shape.in_channels +
                                            shape.out[1] * shape.out[2] * shape.out_channels);
  plan.cost.bytes = sizeof(float) * (values + static_cast<double>(filter_floats));
  return plan;
}

namespace {

void transform_filters_four(const Context& ctx, const WinogradPlan& plan, const float* filter,
                            float* packed) noexcept {
  const int64_t channels = plan.shape.in_channels, outputs = plan.shape.out_channels;
  const int64_t columns = plan.columns, panel = plan.kernels->panel;
  const auto pack = [&](int64_t c, int64_t f) {
    const int64_t count = std::clamp<int64_t>(outputs - f, 0, panel);
    Lane g[9] = {}, u[kFourPoints];
    for (int64_t k = 0; k < 9 && count > 0; ++k)
      std::copy_n(filter + (k * channels + c) * outputs + f, count, g[k]);
    transform_filters(g, panel, u);
    for (int64_t p = 0; p < kFourPoints; ++p)
      std::copy_n(u[p], panel, packed + (p * columns + f) * channels + c * panel);
  };
  ctx.parallel_for(channels, std::max<int64_t>(1, 1024 / columns),
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t c = begin; c < end; ++c)
                       for (int64_t f = 0; f < columns; f += panel) pack(c, f);
                   });
}

}  // namespace

void run_winograd_filter(const Context& ctx, const WinogradPlan& plan, const float* filter,
                         float* packed) noexcept {
  if (plan.tile == 4) return transform_filters_four(ctx, plan, filter, packed);
  ctx.parallel_for(plan.shape.in_channels, std::max<int64_t>(1, kFilterChunk / plan.columns),
                   [&](int64_t begin, int64_t end, int) {
                     plan.kernels->filters->transform(plan, filter, begin, end, packed);
                   });
}

namespace {

void run_blocks(const Context& ctx, const WinogradPlan& plan, const float* x, const float* u,
                const ConvEpilogue& e, float* y, std::byte* worker, size_t stride) noexcept {
  const WinogradKernels& kernels = *plan.kernels;
  const WinogradStages& stages = kernels.stages(plan.tile);
  const int64_t panels = plan.columns / kernels.panel, points = plan.points();
  ctx.parallel_for(plan.blocks, 1, [&](int64_t begin, int64_t end, int index) {
    auto* v = reinterpret_cast<float*>(worker + static_cast<size_t>(index) * stride);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * plan.tiles / plan.blocks;
      const int64_t count = (b + 1) * plan.tiles / plan.blocks - first;
      float* m = v + points * plan.v_pitch;
      stages.input(plan, x, first, count, v);
      kernels.multiply(plan, v, u, count, 0, points, 0, panels, m);
      stages.output(plan, m, first, count, e, y);
    }
  });
}

void run_stages(const Context& ctx, const WinogradPlan& plan, const float* x, const float* u,
                const ConvEpilogue& e, float* y, float* v) noexcept {
  const WinogradKernels& kernels = *plan.kernels;
  const WinogradStages& stages = kernels.stages(plan.tile);
  const int64_t channels = plan.shape.in_channels, columns = plan.columns, tiles = plan.tiles;
  float* m = v + plan.points() * plan.v_pitch;
  const auto tiles_of = [](int64_t floats) { return std::max<int64_t>(1, 2048 / floats); };
  ctx.parallel_for(tiles, tiles_of(channels), [&](int64_t begin, int64_t end, int) {
    stages.input(plan, x, begin, end - begin, v + begin * channels);
  });
  // One chunk is a panel of one point, or several: points follow each other in a thread's share.
  const int64_t panels = columns / kernels.panel;
  const double work = 2.0 * static_cast<double>(tiles * channels * kernels.panel);
  ctx.parallel_for(plan.points() * panels,
                   std::max<int64_t>(1, static_cast<int64_t>(kConvChunkFlops / work)),
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t i = begin; i < end; ++i)
                       kernels.multiply(plan, v, u, tiles, i / panels, i / panels + 1, i % panels,
                                        i % panels + 1, m);
                   });
  ctx.parallel_for(tiles, tiles_of(columns), [&](int64_t begin, int64_t end, int) {
    stages.output(plan, m + begin * columns, begin, end - begin, e, y);
  });
}

}  // namespace

void run_winograd(const Context& ctx, const WinogradPlan& plan, const float* x, const float* packed,
                  const ConvEpilogue& epilogue, float* y, void* shared, std::byte* worker,
                  size_t worker_stride) noexcept {
  if (plan.tiles == 0) return;
  if (plan.staged)
    run_stages(ctx, plan, x, packed, epilogue, y, static_cast<float*>(shared));
  else
    run_blocks(ctx, plan, x, packed, epilogue, y, worker, worker_stride);
}

}  // namespace ranvier::kernels
