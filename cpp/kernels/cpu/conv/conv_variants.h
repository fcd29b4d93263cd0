#pragma once
// Inside of convolution: the two variants that sum by taps, each for all three passes. T is float
// or double; scratch is what `prepare` booked in the plan, `stride` bytes between workers.

#include <cstddef>

#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {

// Any number of groups. Forward and the phases of the data gradient are correlations; the gradient
// to the filter is partial sums over slices of the batch, then their sum in order.
template <class T>
struct DenseConv {
  static void prepare(ConvPlan& plan);
  static void forward(const Context& ctx, const ConvPlan& plan, const T* x, const T* filter,
                      const ConvEpilogue& e, T* y, std::byte* worker, size_t stride) noexcept;
  // shared: the filter turned round
  static void backward_data(const Context& ctx, const ConvPlan& plan, const T* dy, const T* filter,
                            T* dx, T* shared, std::byte* worker, size_t stride) noexcept;
  // shared: the partial sums
  static void backward_filter(const Context& ctx, const ConvPlan& plan, const T* x, const T* dy,
                              T* dw, T* shared, std::byte* worker, size_t stride) noexcept;
};

// One input channel per group. A multiplier repeats the channels of x (or adds up those of dx) in
// shared scratch.
template <class T>
struct DepthwiseConv {
  static void prepare(ConvPlan& plan);
  static void forward(const Context& ctx, const ConvPlan& plan, const T* x, const T* filter,
                      const ConvEpilogue& e, T* y, T* shared) noexcept;
  static void backward_data(const Context& ctx, const ConvPlan& plan, const T* dy, const T* filter,
                            T* dx, T* shared) noexcept;
  static void backward_filter(const Context& ctx, const ConvPlan& plan, const T* x, const T* dy,
                              T* dw, T* shared) noexcept;
};

}  // namespace ranvier::kernels
