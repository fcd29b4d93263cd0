#pragma once
// Inside of convolution: how the sums by taps, dense and depthwise, are cut into blocks of outputs
// and slices of the batch. Every cut follows from the shape alone.

#include <cstdint>
#include <type_traits>

#include "base/rounding.h"
#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {

constexpr double kConvChunkFlops = 0.6e6;  // some microseconds
constexpr int64_t kConvElements = 16384;   // of a plain copy or sum per chunk

// An odd number of cache lines: what lies so far apart meets in different sets of the caches.
inline int64_t odd_lines(int64_t floats) { return (ceil_div(floats, 16) | 1) * 16; }

struct ConvSizes {
  int64_t x, filter, y;  // elements
};
inline ConvSizes sizes_of(const ConvShape& s) {
  return {s.batch * pixels_of(s.in) * s.in_channels,
          pixels_of(s.filter) * (s.in_channels / s.groups) * s.out_channels,
          s.batch * pixels_of(s.out) * s.out_channels};
}

// Block b of `blocks` covers units [units*b/blocks, units*(b+1)/blocks).
inline int64_t first_of(int64_t units, int64_t b, int64_t blocks) {
  return static_cast<int64_t>(static_cast<__int128>(units) * b / blocks);
}

// The table of the plan's kernels for T.
template <class T>
const ConvRows<T>& rows_of(const ConvPlan& plan) {
  if constexpr (std::is_same_v<T, float>)
    return plan.kernels->f32;
  else
    return plan.kernels->f64;
}

// plan.blocks and plan.grain of a main loop over `units` that reads input_bytes.
void cut_blocks(ConvPlan& plan, int64_t units, double input_bytes);
// A filter's gradient over `rows` of outputs: plan.slices of them with a partial sum each, in
// shared scratch after what is booked there already. Slices read x and y once but cost memory;
// tiles of the filter read them again for every chunk.
template <class T>
void choose_slices(ConvPlan& plan, int64_t rows);
// dw = the partial sums, added in their order.
template <class T>
void sum_slices(const Context& ctx, const ConvPlan& plan, const T* partial, T* dw) noexcept;

}  // namespace ranvier::kernels
