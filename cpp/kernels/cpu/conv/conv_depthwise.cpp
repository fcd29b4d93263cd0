// The depthwise variant of convolution: forward and both gradients.

#include <algorithm>

#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/conv_variants.h"

namespace ranvier::kernels {
namespace {

int64_t multiplier_of(const ConvShape& s) { return s.out_channels / s.in_channels; }

// The same convolution with every input channel repeated for each of its outputs.
ConvShape repeated(ConvShape s) {
  s.in_channels = s.groups = s.out_channels;
  return s;
}

template <class T>
void repeat_channels(const Context& ctx, const T* x, int64_t count, int64_t times, T* to) noexcept {
  ctx.parallel_for(count, kConvElements, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < times; ++j) to[i * times + j] = x[i];
  });
}
template <class T>
void add_channels(const Context& ctx, const T* from, int64_t count, int64_t times, T* dx) noexcept {
  ctx.parallel_for(count, kConvElements, [&](int64_t begin, int64_t end, int) {
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

// A product of few pixels is cut by columns. A depthwise convolution after it is cut by the same
// channels, so that threads read what they wrote themselves: twice as fast at 7×7 pixels.
void split_channels(ConvPlan& plan) {
  constexpr double kSplitFlops = 0.3e6;
  constexpr int64_t kManyPixels = 448, kSplitChannels = 64, kMostSplits = 16;
  const ConvShape& s = plan.shape;
  if (s.batch * s.out[0] * s.out[1] * s.out[2] >= kManyPixels) return;
  const auto by_work = static_cast<int64_t>(plan.cost.flops / kSplitFlops);
  plan.splits =
      std::max<int64_t>(1, std::min({by_work, s.out_channels / kSplitChannels, kMostSplits}));
  if (plan.splits > 1) plan.blocks = plan.grain = 1;
}

// All rows of the channels of the splits [begin, end).
template <class T>
void run_splits(const ConvPlan& plan, Correlation q, int64_t begin, int64_t end, const T* x,
                const T* filter, ConvEpilogue e, T* y) noexcept {
  constexpr int64_t kGroup = 16;  // channels that are not parted: whole vectors
  const int64_t groups = (q.k_channels + kGroup - 1) / kGroup;
  const int64_t c0 = kGroup * first_of(groups, begin, plan.splits);
  const int64_t c1 = std::min(q.k_channels, kGroup * first_of(groups, end, plan.splits));
  q.k_channels = c1 - c0;
  if (e.bias) e.bias = static_cast<const T*>(e.bias) + c0;
  if (e.residual) e.residual = static_cast<const T*>(e.residual) + c0;
  rows_of<T>(plan).depthwise(q, 0, q.batch * q.out[0] * q.out[1], x + c0, filter + c0, e, y + c0);
}

}  // namespace

template <class T>
void DepthwiseConv<T>::prepare(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  plan.variant = "depthwise";
  const ConvSizes n = sizes_of(repeated(s));
  if (multiplier_of(s) > 1) plan.scratch.shared = n.x * sizeof(T);
  if (plan.pass == ConvPass::BackwardFilter)
    choose_slices<T>(plan, s.batch * s.out[0] * s.out[1]);
  else
    cut_blocks(plan,
               s.batch * (plan.pass == ConvPass::Forward ? s.out[0] * s.out[1] : s.in[0] * s.in[1]),
               static_cast<double>(n.x) * sizeof(T));
  if (plan.pass == ConvPass::Forward) split_channels(plan);
}

template <class T>
void DepthwiseConv<T>::forward(const Context& ctx, const ConvPlan& plan, const T* x,
                               const T* filter, const ConvEpilogue& e, T* y, T* shared) noexcept {
  x = widened<T>(ctx, plan, x, shared);
  const Correlation q = depthwise_correlation(repeated(plan.shape));
  const int64_t units = q.batch * q.out[0] * q.out[1];
  if (plan.splits > 1)
    return ctx.parallel_for(plan.splits, 1, [&](int64_t begin, int64_t end, int) {
      run_splits<T>(plan, q, begin, end, x, filter, e, y);
    });
  ctx.parallel_for(plan.blocks, plan.grain, [&](int64_t begin, int64_t end, int) {
    rows_of<T>(plan).depthwise(q, first_of(units, begin, plan.blocks),
                               first_of(units, end, plan.blocks), x, filter, e, y);
  });
}

template <class T>
void DepthwiseConv<T>::backward_data(const Context& ctx, const ConvPlan& plan, const T* dy,
                                     const T* filter, T* dx, T* shared) noexcept {
  const ConvShape wide = repeated(plan.shape);
  const int64_t times = multiplier_of(plan.shape);
  T* to = times == 1 ? dx : shared;
  const ConvEpilogue plain;
  ctx.parallel_for(plan.blocks, plan.grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = 0; i < phase_count(wide); ++i) {
      const Correlation q = data_gradient_phase(wide, i, true).correlation;
      const int64_t units = q.batch * q.out[0] * q.out[1];
      if (units == 0) continue;  // fewer rows of x than strides
      rows_of<T>(plan).depthwise(q, first_of(units, begin, plan.blocks),
                                 first_of(units, end, plan.blocks), dy, filter, plain, to);
    }
  });
  if (times > 1) add_channels<T>(ctx, shared, sizes_of(plan.shape).x, times, dx);
}

template <class T>
void DepthwiseConv<T>::backward_filter(const Context& ctx, const ConvPlan& plan, const T* x,
                                       const T* dy, T* dw, T* shared) noexcept {
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

template struct DepthwiseConv<float>;
template struct DepthwiseConv<double>;

}  // namespace ranvier::kernels
