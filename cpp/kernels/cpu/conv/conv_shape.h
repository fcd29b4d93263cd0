#pragma once
// The sizes of a convolution and what it closes with.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/cpu/gemm/gemm.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

struct ConvShape {
  int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
  std::array<int64_t, 3> in{1, 1, 1}, filter{1, 1, 1}, out{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1};
  std::array<int64_t, 3> pad_lo{0, 0, 0}, pad_hi{0, 0, 0};
};
// floor((in + pad_lo + pad_hi - dilation*(filter-1) - 1) / stride) + 1; 0 or less where the filter
// does not fit into the padded input (callers reject that before they prepare).
int64_t conv_output_size(int64_t in, int64_t filter, int64_t stride, int64_t dilation,
                         int64_t pad_lo, int64_t pad_hi);

// What a convolution closes with: None, Relu or Relu6; other activations are steps of their own.
bool conv_fuses(Activation activation);

// Forward only. The same bits as a plain store followed by these steps as passes of their own.
struct ConvEpilogue {
  const void* bias = nullptr;      // (out_channels), or none
  const void* residual = nullptr;  // shaped like y, or none
  Activation activation = Activation::None;
};

}  // namespace ranvier::kernels
