// Convolution: choice of variant, cutting into blocks, and the passes around the kernels.

#include "kernels/cpu/conv/conv.h"

#include <algorithm>

#include "base/error.h"
#include "base/verbose.h"
#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {
namespace {

constexpr double kChunkFlops = 2.5e6;      // about 20 microseconds
constexpr double kDepthwiseFlops = 0.6e6;  // the same where caches set the pace
constexpr int64_t kBlocks = 32;            // enough for every thread to get several
constexpr double kBlockBytes = 256e3;      // of x in one block: stays in L2
constexpr int64_t kElements = 16384;       // of a plain copy or sum per chunk

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Sizes {
  int64_t x, filter, y;
};
Sizes sizes_of(const ConvShape& s) {
  return {s.batch * pixels_of(s.in) * s.in_channels,
          pixels_of(s.filter) * (s.in_channels / s.groups) * s.out_channels,
          s.batch * pixels_of(s.out) * s.out_channels};
}
bool is_depthwise(const ConvShape& s) { return s.groups == s.in_channels && s.groups > 1; }
int64_t multiplier_of(const ConvShape& s) { return s.out_channels / s.in_channels; }

// The same convolution with every input channel repeated for each of its outputs.
ConvShape repeated(ConvShape s) {
  s.in_channels = s.groups = s.out_channels;
  return s;
}
void check_shape(const ConvShape& s, DType dtype) {
  RV_CHECK(dtype == DType::F32 || dtype == DType::F64);
  RV_CHECK(s.batch >= 0 && s.in_channels >= 1 && s.out_channels >= 1 && s.groups >= 1);
  RV_CHECK(s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0);
  for (int i = 0; i < 3; ++i) {
    RV_CHECK(s.in[i] >= 1 && s.filter[i] >= 1 && s.out[i] >= 1);
    RV_CHECK(s.stride[i] >= 1 && s.dilation[i] >= 1);
    RV_CHECK(s.out[i] == conv_output_size(s.in[i], s.filter[i], s.stride[i], s.dilation[i],
                                          s.pad_lo[i], s.pad_hi[i]));
  }
}

// Block b of `blocks` covers units [units*b/blocks, units*(b+1)/blocks).
int64_t first_of(int64_t units, int64_t b, int64_t blocks) {
  return static_cast<int64_t>(static_cast<__int128>(units) * b / blocks);
}

// Blocks for a main loop over `units` with the given work and input, from shapes alone.
void cut_blocks(ConvPlan& plan, int64_t units, double input_bytes,
                double chunk_flops = kChunkFlops) {
  const int64_t for_cache = static_cast<int64_t>(input_bytes / kBlockBytes);
  const int64_t for_threads =
      std::min(kBlocks, static_cast<int64_t>(plan.cost.flops / chunk_flops));
  plan.blocks =
      std::clamp<int64_t>(std::max(for_cache, for_threads), 1, std::max<int64_t>(1, units));
  plan.grain = std::max<int64_t>(
      1, static_cast<int64_t>(chunk_flops * plan.blocks / std::max(1.0, plan.cost.flops)));
}

// A filter beyond the second cache is worth loading for many pixels only: fewer blocks then, and
// threads share the outputs' channels instead. Gathering is repeated for every split.
void cut_outputs(ConvPlan& plan, const CorrelationLayout& l, int64_t units, double filter_bytes,
                 int64_t channels, int64_t panel) {
  constexpr double kResident = 384e3;
  constexpr int64_t kPixels = 384;
  if (filter_bytes <= kResident) return;
  const int64_t wanted = plan.blocks;
  const int64_t pixels = l.source == Source::Gathered ? units : units * l.unit_width;
  plan.blocks = std::clamp<int64_t>(pixels / kPixels, 1, plan.blocks);
  const int64_t least = l.source == Source::Gathered ? 2 * panel : panel;
  plan.splits =
      std::clamp<int64_t>(wanted / plan.blocks, 1, std::max<int64_t>(1, channels / least));
}

template <class T>
const ConvRows<T>& rows_of(const ConvPlan& plan) {
  if constexpr (std::is_same_v<T, float>)
    return plan.kernels->f32;
  else
    return plan.kernels->f64;
}

// --- Dense correlations: forward, and the phases of the data gradient.

void print_refusals(const ConvShape& s, Source taken) {
  const std::string kernel = "conv " + std::to_string(s.in[1]) + 'x' + std::to_string(s.in[2]) +
                             'x' + std::to_string(s.in_channels) + " to " +
                             std::to_string(s.out_channels);
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
void prepare_dense(ConvPlan& plan) {
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
  const Sizes n = sizes_of(s);
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

template <class T>
void forward_dense(const Context& ctx, const ConvPlan& plan, const T* x, const T* filter,
                   const ConvEpilogue& e, T* y, std::byte* worker, size_t stride) noexcept {
  const Correlation q = forward_correlation(plan.shape);
  ctx.parallel_for(plan.blocks * plan.splits, plan.grain,
                   [&](int64_t begin, int64_t end, int index) {
                     for (int64_t b = begin; b < end; ++b)
                       run_correlation<T>(plan, q, b, x, filter, e, y, worker + index * stride);
                   });
}

// Every tap's (C, F) slice of every group transposed to (F, C), phase by phase, turned round.
template <class T>
void pack_data_gradient(const Context& ctx, const ConvPlan& plan, const T* filter,
                        T* packed) noexcept {
  const ConvShape& s = plan.shape;
  const ConvRows<T>& rows = rows_of<T>(plan);
  const int64_t in_group = s.in_channels / s.groups, out_group = s.out_channels / s.groups;
  for (int64_t i = 0; i < phase_count(s); ++i) {
    const Phase phase = data_gradient_phase(s, i, false);
    const Correlation& q = phase.correlation;
    const int64_t slice = in_group * out_group, taps = pixels_of(q.taps);
    ctx.parallel_for(
        taps * s.groups, std::max<int64_t>(1, kElements / slice),
        [&](int64_t begin, int64_t end, int) {
          for (int64_t j = begin; j < end; ++j) {
            const int64_t g = j / taps, tap = j % taps;
            const Dims3 t = {tap / (q.taps[1] * q.taps[2]), tap / q.taps[2] % q.taps[1],
                             tap % q.taps[2]};
            int64_t k = 0;
            for (int a = 0; a < 3; ++a)
              k = k * s.filter[a] + phase.first_tap[a] + (q.taps[a] - 1 - t[a]) * phase.tap_step[a];
            rows.transpose(filter + k * in_group * s.out_channels + g * out_group, in_group,
                           out_group, s.out_channels,
                           packed + q.filter_offset + (g * taps + tap) * slice, in_group);
          }
        });
  }
}

template <class T>
void backward_data_dense(const Context& ctx, const ConvPlan& plan, const T* dy, const T* filter,
                         T* dx, T* packed, std::byte* worker, size_t stride) noexcept {
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

// --- Gradient to the filter: partial sums over slices of the batch, then their sum in order.

// Slices read x and y once but cost memory; tiles of the filter read them again for every chunk.
template <class T>
void choose_slices(ConvPlan& plan, int64_t rows) {
  constexpr int64_t kMostSlices = 16;
  const Sizes n = sizes_of(plan.shape);
  const int64_t by_work = static_cast<int64_t>(plan.cost.flops / kChunkFlops);
  const int64_t by_memory = (n.x + n.y) / 4 / std::max<int64_t>(1, n.filter);
  plan.slices = std::clamp<int64_t>(std::min({by_work, by_memory, rows}), 1, kMostSlices);
  plan.partial = plan.slices > 1 ? (n.filter + 15) / 16 * 16 : 0;
  plan.scratch.shared += plan.slices > 1 ? plan.slices * plan.partial * sizeof(T) : 0;
}

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
  q.tiles_per_run = ceil_div(q.run_length, q.wide   ? rows.wide_pixels
                                           : narrow ? rows.narrow_pixels
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
void prepare_filter(ConvPlan& plan) {
  const FilterGradient q = filter_geometry<T>(plan.shape, rows_of<T>(plan));
  choose_slices<T>(plan, q.rows);
  const int64_t by_work = static_cast<int64_t>(plan.cost.flops / kChunkFlops);
  plan.blocks =
      std::clamp<int64_t>(std::min(ceil_div(16, plan.slices), by_work / plan.slices), 1, q.units);
  plan.scratch.per_worker = q.rows_per_block * sizeof(ConvSegment<T>);
  if (q.copied) plan.scratch.per_worker += q.rows_per_block * q.copied_row * sizeof(T);
  plan.variant = q.copied   ? "filter, padded rows"
                 : q.joined ? "filter, whole rows"
                            : "filter, by tap";
}

template <class T>
void sum_slices(const Context& ctx, const ConvPlan& plan, const T* partial, T* dw) noexcept {
  ctx.parallel_for(sizes_of(plan.shape).filter, kElements, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) dw[i] = partial[i];
    for (int64_t s = 1; s < plan.slices; ++s) {
      const T* from = partial + s * plan.partial;
      for (int64_t i = begin; i < end; ++i) dw[i] += from[i];
    }
  });
}

template <class T>
void backward_filter_dense(const Context& ctx, const ConvPlan& plan, const T* x, const T* dy, T* dw,
                           T* shared, std::byte* worker, size_t stride) noexcept {
  const ConvRows<T>& rows = rows_of<T>(plan);
  const FilterGradient q = filter_geometry<T>(plan.shape, rows);
  T* to = plan.slices > 1 ? shared : dw;
  ctx.parallel_for(plan.slices * plan.blocks, 1, [&](int64_t begin, int64_t end, int index) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t slice = i / plan.blocks, block = i % plan.blocks;
      rows.filter_gradient(
          q, first_of(q.rows, slice, plan.slices), first_of(q.rows, slice + 1, plan.slices),
          first_of(q.units, block, plan.blocks), first_of(q.units, block + 1, plan.blocks), x, dy,
          to + slice * plan.partial, worker + index * stride);
    }
  });
  if (plan.slices > 1) sum_slices<T>(ctx, plan, shared, dw);
}

// --- Depthwise. A multiplier repeats the channels of x (or adds up those of dx) in shared scratch.

template <class T>
void prepare_depthwise(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  plan.variant = "depthwise";
  const Sizes n = sizes_of(repeated(s));
  if (multiplier_of(s) > 1) plan.scratch.shared = n.x * sizeof(T);
  if (plan.pass == ConvPass::BackwardFilter)
    choose_slices<T>(plan, s.batch * s.out[0] * s.out[1]);
  else
    cut_blocks(plan,
               s.batch * (plan.pass == ConvPass::Forward ? s.out[0] * s.out[1] : s.in[0] * s.in[1]),
               static_cast<double>(n.x) * sizeof(T), kDepthwiseFlops);
}

template <class T>
void repeat_channels(const Context& ctx, const T* x, int64_t count, int64_t times, T* to) noexcept {
  ctx.parallel_for(count, kElements, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < times; ++j) to[i * times + j] = x[i];
  });
}
template <class T>
void add_channels(const Context& ctx, const T* from, int64_t count, int64_t times, T* dx) noexcept {
  ctx.parallel_for(count, kElements, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      T sum = from[i * times];
      for (int64_t j = 1; j < times; ++j) sum += from[i * times + j];
      dx[i] = sum;
    }
  });
}

// x, or x with its channels repeated into `shared`.
template <class T>
const T* widened(const Context& ctx, const ConvPlan& plan, const T* x, T* shared) noexcept {
  const int64_t times = multiplier_of(plan.shape);
  if (times == 1) return x;
  repeat_channels<T>(ctx, x, sizes_of(plan.shape).x, times, shared);
  return shared;
}

template <class T>
void forward_depthwise(const Context& ctx, const ConvPlan& plan, const T* x, const T* filter,
                       const ConvEpilogue& e, T* y, T* shared) noexcept {
  x = widened<T>(ctx, plan, x, shared);
  const Correlation q = depthwise_correlation(repeated(plan.shape));
  const int64_t units = q.batch * q.out[0] * q.out[1];
  ctx.parallel_for(plan.blocks, plan.grain, [&](int64_t begin, int64_t end, int) {
    rows_of<T>(plan).depthwise(q, first_of(units, begin, plan.blocks),
                               first_of(units, end, plan.blocks), x, filter, e, y);
  });
}

template <class T>
void backward_data_depthwise(const Context& ctx, const ConvPlan& plan, const T* dy, const T* filter,
                             T* dx, T* shared) noexcept {
  const ConvShape wide = repeated(plan.shape);
  const int64_t times = multiplier_of(plan.shape);
  T* to = times == 1 ? dx : shared;
  const ConvEpilogue plain;
  ctx.parallel_for(plan.blocks, plan.grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = 0; i < phase_count(wide); ++i) {
      const Correlation q = data_gradient_phase(wide, i, true).correlation;
      const int64_t units = q.batch * q.out[0] * q.out[1];
      rows_of<T>(plan).depthwise(q, first_of(units, begin, plan.blocks),
                                 first_of(units, end, plan.blocks), dy, filter, plain, to);
    }
  });
  if (times > 1) add_channels<T>(ctx, shared, sizes_of(plan.shape).x, times, dx);
}

template <class T>
void backward_filter_depthwise(const Context& ctx, const ConvPlan& plan, const T* x, const T* dy,
                               T* dw, T* shared) noexcept {
  T* partial = shared + (multiplier_of(plan.shape) > 1 ? sizes_of(repeated(plan.shape)).x : 0);
  x = widened<T>(ctx, plan, x, shared);
  const Correlation q = depthwise_correlation(repeated(plan.shape));
  const int64_t units = q.batch * q.out[0] * q.out[1];
  T* to = plan.slices > 1 ? partial : dw;
  ctx.parallel_for(plan.slices, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      rows_of<T>(plan).depthwise_filter(q, first_of(units, i, plan.slices),
                                        first_of(units, i + 1, plan.slices), x, dy,
                                        to + i * plan.partial);
  });
  if (plan.slices > 1) sum_slices<T>(ctx, plan, partial, dw);
}

template <class T>
void prepare_typed(ConvPlan& plan) {
  if constexpr (sizeof(T) == sizeof(float)) {
    const auto shape = conv_product(plan.pass, plan.shape);
    if (shape) return prepare_product(plan, *shape);
    if (prepare_patches(plan)) return;
  }
  if (is_depthwise(plan.shape))
    prepare_depthwise<T>(plan);
  else if (plan.pass == ConvPass::BackwardFilter)
    prepare_filter<T>(plan);
  else
    prepare_dense<T>(plan);
}

}  // namespace

void pack_data_filter(const Context& ctx, const ConvPlan& plan, const float* filter,
                      float* packed) {
  pack_data_gradient<float>(ctx, plan, filter, packed);
}

bool conv_fuses(Activation activation) {
  return activation == Activation::None || activation == Activation::Relu ||
         activation == Activation::Relu6;
}

ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype) {
  return prepare_conv(pass, shape, dtype, active_isa());
}

ConvPlan plan_of(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa) {
  check_shape(shape, dtype);
  ConvPlan plan;
  plan.shape = shape, plan.pass = pass, plan.dtype = dtype, plan.isa = isa;
  plan.kernels = &conv_kernels(isa);
  const Sizes n = sizes_of(shape);
  plan.cost.flops = 2.0 * n.y * pixels_of(shape.filter) * (shape.in_channels / shape.groups);
  plan.cost.bytes = static_cast<double>(n.x + n.filter + n.y) * size_of(dtype);
  return plan;
}

ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa) {
  ConvPlan plan = plan_of(pass, shape, dtype, isa);
  if (shape.batch == 0) {
    plan.variant = "empty";
    return plan;
  }
  dtype == DType::F32 ? prepare_typed<float>(plan) : prepare_typed<double>(plan);
  return plan;
}

namespace {

template <class T>
void forward_typed(const Context& ctx, const ConvPlan& plan, const void* x, const void* filter,
                   const ConvEpilogue& e, void* y, void* shared, std::byte* worker,
                   size_t stride) noexcept {
  const T* from = static_cast<const T*>(x);
  const T* taps = static_cast<const T*>(filter);
  if (plan.product)
    run_product(ctx, plan, static_cast<const float*>(x), static_cast<const float*>(filter), e,
                static_cast<float*>(y), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    forward_depthwise<T>(ctx, plan, from, taps, e, static_cast<T*>(y), static_cast<T*>(shared));
  else
    forward_dense<T>(ctx, plan, from, taps, e, static_cast<T*>(y), worker, stride);
}

template <class T>
void backward_data_typed(const Context& ctx, const ConvPlan& plan, const void* dy,
                         const void* filter, void* dx, void* shared, std::byte* worker,
                         size_t stride) noexcept {
  const T* from = static_cast<const T*>(dy);
  const T* taps = static_cast<const T*>(filter);
  T* to = static_cast<T*>(dx);
  T* scratch = static_cast<T*>(shared);
  if (plan.product)
    run_data_product(ctx, plan, static_cast<const float*>(dy), static_cast<const float*>(filter),
                     static_cast<float*>(dx), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    backward_data_depthwise<T>(ctx, plan, from, taps, to, scratch);
  else
    backward_data_dense<T>(ctx, plan, from, taps, to, scratch, worker, stride);
}

template <class T>
void backward_filter_typed(const Context& ctx, const ConvPlan& plan, const void* x, const void* dy,
                           void* dw, void* shared, std::byte* worker, size_t stride) noexcept {
  const T* from = static_cast<const T*>(x);
  const T* gradient = static_cast<const T*>(dy);
  T* to = static_cast<T*>(dw);
  T* scratch = static_cast<T*>(shared);
  if (plan.product)
    run_filter_product(ctx, plan, static_cast<const float*>(x), static_cast<const float*>(dy),
                       static_cast<float*>(dw), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    backward_filter_depthwise<T>(ctx, plan, from, gradient, to, scratch);
  else
    backward_filter_dense<T>(ctx, plan, from, gradient, to, scratch, worker, stride);
}

}  // namespace

void run_conv_forward(const Context& ctx, const ConvPlan& plan, const void* x, const void* filter,
                      const ConvEpilogue& epilogue, void* y, void* shared, std::byte* worker,
                      size_t worker_stride) noexcept {
  if (plan.shape.batch == 0) return;
  const auto run = plan.dtype == DType::F32 ? forward_typed<float> : forward_typed<double>;
  run(ctx, plan, x, filter, epilogue, y, shared, worker, worker_stride);
}

void run_conv_backward_data(const Context& ctx, const ConvPlan& plan, const void* dy,
                            const void* filter, void* dx, void* shared, std::byte* worker,
                            size_t worker_stride) noexcept {
  if (plan.shape.batch == 0) return;
  const auto run =
      plan.dtype == DType::F32 ? backward_data_typed<float> : backward_data_typed<double>;
  run(ctx, plan, dy, filter, dx, shared, worker, worker_stride);
}

void run_conv_backward_filter(const Context& ctx, const ConvPlan& plan, const void* x,
                              const void* dy, void* dw, void* shared, std::byte* worker,
                              size_t worker_stride) noexcept {
  const auto run =
      plan.dtype == DType::F32 ? backward_filter_typed<float> : backward_filter_typed<double>;
  if (plan.shape.batch > 0)
    run(ctx, plan, x, dy, dw, shared, worker, worker_stride);
  else
    std::fill_n(static_cast<std::byte*>(dw), sizes_of(plan.shape).filter * size_of(plan.dtype),
                std::byte{0});
}

}  // namespace ranvier::kernels
