#pragma once
// A 1×1 convolution and the depthwise one that reads it, as one step:
//   t = act1(x · w1 + bias1),  y = act2(depthwise(t, w2) + bias2 + residual)
// Where t is larger than the second cache, writing and reading it takes longer than its arithmetic.
// Here a worker keeps a window of rows of t in its scratch, which moves down the image with the
// rows of y: only rows between two workers' are computed twice. The bits are those of two steps.
// float32 alone.

#include "kernels/cpu/conv/conv.h"

namespace ranvier::kernels {

// Why the two are not better computed as one; nullptr where they are.
const char* conv_pair_refusal(const ConvShape& first, const ConvShape& second, DType dtype);

// What prepare decided; immutable and free of pointers to data.
struct ConvPairPlan {
  ConvPlan row, strip;  // the first: one row of t, or some rows
  ConvPlan second;
  int64_t rows = 0;         // of t in the window
  size_t window_bytes = 0;  // before the scratch of the first
  Scratch scratch;
  Cost cost;
};

// first has a filter of one pixel that meets all pixels, second is a two-dimensional depthwise
// convolution with as many outputs as inputs, of what the first makes.
ConvPairPlan prepare_conv_pair(const ConvShape& first, const ConvShape& second,
                               Isa isa = active_isa());

struct ConvPairOperands {
  const float* x = nullptr;
  const float* first_filter = nullptr;
  ConvEpilogue first;  // no residual
  const float* second_filter = nullptr;
  ConvEpilogue second;
  float* y = nullptr;
};
// Scratch: ctx.workers blocks of plan.scratch.per_worker bytes, `stride` bytes apart.
void run_conv_pair(const Context& ctx, const ConvPairPlan& plan, const ConvPairOperands& operands,
                   std::byte* worker, size_t stride) noexcept;

}  // namespace ranvier::kernels
