#pragma once
// A 1×1 convolution and the depthwise one that reads it, as one step:
//   t = act1(x · w1 + bias1),  y = act2(depthwise(t, w2) + bias2 + residual)
// Where t is larger than the second cache, writing and reading it takes longer than its arithmetic.
// Here a worker computes the rows of t under some rows of y into its scratch and goes on from
// there; rows of t between two blocks are computed twice. The bits are those of two steps. float32
// alone.

#include "kernels/cpu/conv/conv.h"

namespace ranvier::kernels {

// Why the two are not better computed as one; nullptr where they are.
const char* conv_pair_refusal(const ConvShape& first, const ConvShape& second, DType dtype);

// What prepare decided; immutable and free of pointers to data.
struct ConvPairPlan {
  ConvPlan first;  // the rows of t under one block, of one image
  ConvPlan second;
  int64_t rows = 0;    // of t in a block
  int64_t blocks = 0;  // of an image's output rows
  size_t t_bytes = 0;  // of a block, before the scratch of the first
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
