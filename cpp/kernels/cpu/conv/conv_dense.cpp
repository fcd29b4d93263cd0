// The dense variant of convolution: forward and both gradients, with any number of groups.

#include <algorithm>
#include <string>

#include "base/verbose.h"
#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/conv_variants.h"
#include "kernels/cpu/data/copy_kernels.h"

namespace ranvier::kernels {
namespace {

// --- Correlations: forward, and the phases of the data gradient.

// A filter beyond a part of the second cache is read anew for each block of pixels, and x copied
// anew for each share of the outputs: fewer blocks, and shares only to keep threads busy.
void cut_outputs(ConvPlan& plan, const CorrelationLayout& l, int64_t units, double filter_bytes,
                 int64_t channels, int64_t panel) {
  constexpr double kResident = 384e3;
  constexpr int64_t kPixels = 192, kFewestChunks = 8;
  if (filter_bytes <= kResident) return;
  const int64_t wanted = std::min(plan.blocks, kFewestChunks);
  const int64_t pixels = l.source == Source::Gathered ? units : units * l.unit_width;
  plan.blocks = std::clamp<int64_t>(pixels / kPixels, 1, plan.blocks);
  const int64_t least = l.source == Source::Gathered ? 2 * panel : panel;
  plan.splits =
      std::clamp<int64_t>(wanted / plan.blocks, 1, std::max<int64_t>(1, channels / least));
}

void print_refusals(const ConvShape& s, Source taken) {
  const std::string kernel = conv_text(s);
  if (taken == Source::Gathered)
    return print_refusal(kernel, "direct and padded", "rows of so few pixels leave tiles empty");
  print_refusal(kernel, "gathered", "rows of outputs are long enough for tiles");
  if (taken == Source::Padded)
    print_refusal(kernel, "direct", "taps leave x, or groups scatter its rows");
  else
    print_refusal(kernel, "padded", "every tap lies inside x");
}

// In Gathered a unit is one pixel and few of them share a pass over the filter, so blocks are
// larger than the caches would like.
template <class T>
void prepare_correlations(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  const bool forward = plan.pass == ConvPass::Forward;
  const int64_t phases = forward ? 1 : phase_count(s);
  const auto correlation = [&](int64_t i) {
    return forward ? forward_correlation(s) : data_gradient_phase(s, i, false).correlation;
  };
  const ConvRows<T>& rows = rows_of<T>(plan);
  int64_t units = 0;
  CorrelationLayout first{};
  for (int64_t i = 0; i < phases; ++i) {
    const CorrelationLayout l = correlation_layout<T>(correlation(i), rows, 1);
    if (l.units > units) first = l;
    units = std::max(units, l.units);
  }
  const ConvSizes n = sizes_of(s);
  cut_blocks(plan, units, static_cast<double>(forward ? n.x : n.y) * sizeof(T));
  cut_outputs(plan, first, units, n.filter / s.groups * static_cast<double>(sizeof(T)),
              (forward ? s.out_channels : s.in_channels) / s.groups, 4 * rows.lanes);
  for (int64_t i = 0; i < phases; ++i) {
    const Correlation q = correlation(i);
    const int64_t count = correlation_layout<T>(q, rows, 1).units;
    if (count == 0) continue;
    plan.scratch.per_worker =
        std::max(plan.scratch.per_worker,
                 correlation_layout<T>(q, rows, ceil_div(count, plan.blocks)).bytes());
  }
  if (!forward) plan.scratch.shared = n.filter * sizeof(T);
  if (prints_dispatch()) print_refusals(s, first.source);
  const bool cut = first.units_per_row > 1;
  plan.variant = first.source == Source::Gathered ? "gathered"
                 : first.source == Source::Padded ? (cut ? "padded, cut" : "padded")
                                                  : (cut ? "direct, cut" : "direct");
}

// Chunk i is block i % blocks of the units and split i / blocks of the outputs.
template <class T>
void run_correlation(const ConvPlan& plan, const Correlation& q, int64_t chunk, const T* x,
                     const T* filter, const ConvEpilogue& e, T* y, std::byte* scratch) noexcept {
  const ConvRows<T>& rows = rows_of<T>(plan);
  const int64_t units = correlation_layout<T>(q, rows, 1).units;
  const CorrelationLayout l = correlation_layout<T>(q, rows, ceil_div(units, plan.blocks));
  const int64_t block = chunk % plan.blocks, split = chunk / plan.blocks;
  const int64_t u0 = first_of(units, block, plan.blocks);
  const int64_t u1 = first_of(units, block + 1, plan.blocks);
  const int64_t panel = 4 * rows.lanes, panels = ceil_div(q.n_channels, panel);
  const int64_t f0 = panel * first_of(panels, split, plan.splits);
  const int64_t f1 = std::min(q.n_channels, panel * first_of(panels, split + 1, plan.splits));
  if (u0 < u1) rows.correlate(q, l, u0, u1, f0, f1, x, filter, e, y, scratch);
}

// Shares are a part of one tap's slice of one group each.
template <class T>
void pack_data_gradient(const Context& ctx, const ConvPlan& plan, const T* filter,
                        T* packed) noexcept {
  constexpr int64_t kRows = 64;
  const ConvShape& s = plan.shape;
  const int64_t in_group = s.in_channels / s.groups, out_group = s.out_channels / s.groups;
  const int64_t parts = ceil_div(out_group, kRows), slice = in_group * out_group;
  for (int64_t i = 0; i < phase_count(s); ++i) {
    const Phase phase = data_gradient_phase(s, i, false);
    const Correlation& q = phase.correlation;
    const int64_t taps = pixels_of(q.taps);
    const auto pack_part = [&](int64_t j) {
      const int64_t g = j / parts / taps, tap = j / parts % taps, f = j % parts * kRows;
      const Dims3 t = {tap / (q.taps[1] * q.taps[2]), tap / q.taps[2] % q.taps[1], tap % q.taps[2]};
      int64_t k = 0;
      for (int a = 0; a < 3; ++a)
        k = k * s.filter[a] + phase.first_tap[a] + (q.taps[a] - 1 - t[a]) * phase.tap_step[a];
      transpose(plan.isa, packed + q.filter_offset + (g * taps + tap) * slice + f * in_group,
                in_group, filter + k * in_group * s.out_channels + g * out_group + f,
                s.out_channels, std::min(kRows, out_group - f), in_group);
    };
    ctx.parallel_for(taps * s.groups * parts,
                     std::max<int64_t>(1, kConvElements * parts / std::max<int64_t>(1, slice)),
                     [&](int64_t begin, int64_t end, int) {
                       for (int64_t j = begin; j < end; ++j) pack_part(j);
                     });
  }
}

// --- Gradient to the filter.

template <class T>
FilterGradient filter_geometry(const ConvShape& s, const ConvRows<T>& rows) {
  constexpr int64_t kPixels = 128;     // summed in registers; their part of dy stays in L1
  constexpr int64_t kFewChannels = 8;  // one tap alone would fill a small part of a tile
  const Correlation c = forward_correlation(s);
  FilterGradient q{};
  q.batch = c.batch, q.groups = s.groups;
  q.m_channels = c.k_channels, q.n_channels = c.n_channels, q.out_channels = s.out_channels;
  q.in = c.in, q.out = c.out, q.taps = c.taps;
  q.stride = c.stride, q.dilation = c.dilation, q.pad = c.pad;
  q.in_pitch = c.in_pitch, q.in_image = c.in_image;
  const int64_t last = (q.out[2] - 1) * q.stride[2] + q.taps[2] - 1 - q.pad[2];
  const bool inside = q.pad[2] <= 0 && last < q.in[2];
  q.joined = q.groups == 1 && q.dilation[2] == 1 && (inside || q.m_channels <= kFewChannels);
  q.copied = q.joined && !inside;
  q.runs = q.taps[0] * q.taps[1] * (q.joined ? 1 : q.taps[2]);
  q.run_length = q.m_channels * (q.joined ? q.taps[2] : 1);
  q.wide = q.n_channels >= 4 * rows.lanes && q.run_length <= rows.wide_pixels;
  const bool narrow = q.n_channels <= rows.lanes;
  q.terms = sizeof(T) == sizeof(float) ? narrow_terms(q.n_channels, rows.lanes) : 1;
  q.tiles_per_run = ceil_div(q.run_length, q.wide   ? rows.wide_pixels
                                           : narrow ? rows.narrow_pixels * q.terms
                                                    : rows.max_pixels);
  q.units = q.groups * q.runs * q.tiles_per_run;
  q.row_width = std::min(q.out[2], kPixels);
  q.rows_per_line = ceil_div(q.out[2], q.row_width);
  q.rows = q.batch * q.out[0] * q.out[1] * q.rows_per_line;
  q.rows_per_block = std::max<int64_t>(1, kPixels / q.row_width);
  q.copied_row = ((q.row_width - 1) * q.stride[2] + q.taps[2]) * q.m_channels;
  return q;
}

template <class T>
void prepare_filter_gradient(ConvPlan& plan) {
  const FilterGradient q = filter_geometry<T>(plan.shape, rows_of<T>(plan));
  choose_slices<T>(plan, q.rows);
  const int64_t by_work = static_cast<int64_t>(plan.cost.flops / kConvChunkFlops);
  const int64_t parts =
      std::max<int64_t>(1, std::min(ceil_div(16, plan.slices), by_work / plan.slices));
  // Every split of the outputs reads x again, every block of the filter's rows dy.
  const ConvSizes n = sizes_of(plan.shape);
  const int64_t most = std::max<int64_t>(1, q.n_channels / (4 * rows_of<T>(plan).lanes));
  while (2 * plan.splits <= std::min(parts, most) &&
         4 * plan.splits * plan.splits * n.x <= parts * n.y)
    plan.splits *= 2;
  plan.blocks = std::clamp<int64_t>(parts / plan.splits, 1, q.units);
  plan.scratch.per_worker = q.rows_per_block * sizeof(ConvSegment<T>);
  if (q.copied) plan.scratch.per_worker += q.rows_per_block * q.copied_row * sizeof(T);
  plan.variant = q.copied   ? "filter, padded rows"
                 : q.joined ? "filter, whole rows"
                            : "filter, by tap";
}

}  // namespace

template <class T>
void DenseConv<T>::prepare(ConvPlan& plan) {
  if (plan.pass == ConvPass::BackwardFilter)
    prepare_filter_gradient<T>(plan);
  else
    prepare_correlations<T>(plan);
}

template <class T>
void DenseConv<T>::forward(const Context& ctx, const ConvPlan& plan, const T* x, const T* filter,
                           const ConvEpilogue& e, T* y, std::byte* worker, size_t stride) noexcept {
  const Correlation q = forward_correlation(plan.shape);
  ctx.parallel_for(plan.blocks * plan.splits, plan.grain,
                   [&](int64_t begin, int64_t end, int index) {
                     for (int64_t b = begin; b < end; ++b)
                       run_correlation<T>(plan, q, b, x, filter, e, y, worker + index * stride);
                   });
}

template <class T>
void DenseConv<T>::backward_data(const Context& ctx, const ConvPlan& plan, const T* dy,
                                 const T* filter, T* dx, T* packed, std::byte* worker,
                                 size_t stride) noexcept {
  pack_data_gradient<T>(ctx, plan, filter, packed);
  const ConvEpilogue plain;
  ctx.parallel_for(
      plan.blocks * plan.splits, plan.grain, [&](int64_t begin, int64_t end, int index) {
        for (int64_t b = begin; b < end; ++b)
          for (int64_t i = 0; i < phase_count(plan.shape); ++i)
            run_correlation<T>(plan, data_gradient_phase(plan.shape, i, false).correlation, b, dy,
                               packed, plain, dx, worker + index * stride);
      });
}

template <class T>
void DenseConv<T>::backward_filter(const Context& ctx, const ConvPlan& plan, const T* x,
                                   const T* dy, T* dw, T* shared, std::byte* worker,
                                   size_t stride) noexcept {
  const ConvRows<T>& rows = rows_of<T>(plan);
  const FilterGradient q = filter_geometry<T>(plan.shape, rows);
  T* to = plan.slices > 1 ? shared : dw;
  const int64_t panel = 4 * rows.lanes, panels = ceil_div(q.n_channels, panel);
  ctx.parallel_for(
      plan.slices * plan.splits * plan.blocks, 1, [&](int64_t begin, int64_t end, int index) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t block = i % plan.blocks, split = i / plan.blocks % plan.splits;
          const int64_t slice = i / plan.blocks / plan.splits;
          rows.filter_gradient(
              q, first_of(q.rows, slice, plan.slices), first_of(q.rows, slice + 1, plan.slices),
              first_of(q.units, block, plan.blocks), first_of(q.units, block + 1, plan.blocks),
              panel * first_of(panels, split, plan.splits),
              std::min(q.n_channels, panel * first_of(panels, split + 1, plan.splits)), x, dy,
              to + slice * plan.partial, worker + index * stride);
        }
      });
  if (plan.slices > 1) sum_slices<T>(ctx, plan, shared, dw);
}

void pack_data_filter(const Context& ctx, const ConvPlan& plan, const float* filter,
                      float* packed) {
  pack_data_gradient<float>(ctx, plan, filter, packed);
}

template struct DenseConv<float>;
template struct DenseConv<double>;

}  // namespace ranvier::kernels
