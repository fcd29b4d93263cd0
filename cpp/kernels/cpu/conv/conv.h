#pragma once
// Convolution in one to three dimensions, NHWC, with its two gradients.
//
//   y[n, o, f] = act( sum_{k, c} x[n, o*stride + k*dilation - pad_lo, g*C + c] * w[k, c, f]
//                     + bias[f] + residual[n, o, f] ),   g = f / (out_channels / groups)
//
// x (batch, in..., in_channels), w (filter..., C = in_channels / groups, out_channels), y (batch,
// out..., out_channels), all dense row-major. Everything is three-dimensional inside: depth,
// height, width; one- and two-dimensional problems set the leading sizes and strides to 1, the pads
// to 0. float32 has kernels per instruction set, float64 one for all.

#include <optional>

#include "kernels/cpu/conv/conv_shape.h"
#include "kernels/cpu/conv/winograd.h"

namespace ranvier::kernels {

enum class ConvPass : uint8_t { Forward, BackwardData, BackwardFilter };

struct ConvKernels;

// What prepare decided; immutable and free of pointers to data, so one plan serves many threads.
struct ConvPlan {
  ConvShape shape;
  ConvPass pass = ConvPass::Forward;
  DType dtype = DType::F32;
  Isa isa = Isa::Baseline;
  const char* variant = "";  // "direct", "padded, cut", "depthwise", ...: for profiles
  Scratch scratch;
  Cost cost;
  const ConvKernels* kernels = nullptr;
  int64_t blocks = 1;  // of the main loop: rows of output, or rows of the filter
  int64_t splits = 1;  // of the outputs' channels, where rows alone are too few
  int64_t grain = 1;   // blocks per chunk handed to parallel_for
  int64_t slices = 1;  // filter gradient: partial sums over ranges of the batch
  // Elements of one partial sum, or of the rows of shares that a worker adds where they overlap.
  int64_t partial = 0;
  // The pass as a matrix product: of pixels (see conv_product), or of patches, which are pixels by
  // taps and channels, copied beside each other.
  std::optional<GemmPlan> product;
  bool patches = false;
  // Data gradient: the product is pixels of dy by taps and channels, added where they overlap.
  bool overlaps = false;
  // Minimal filtering of x, or of dy with the filter turned round (see conv_winograd.cpp).
  std::optional<WinogradPlan> winograd;
};

// The matrix product that a pass is where the filter is one pixel that meets all pixels: y = x w,
// dx = dy w^T or dw = x^T dy, with pixels by channels and channels by outputs. nullopt too where
// the sums by taps are better: of images from memory, and gradients of filters beside many pixels.
std::optional<GemmShape> conv_product(ConvPass pass, const ConvShape& shape,
                                      DType dtype = DType::F32, Isa isa = active_isa());

// F32 and F64; BF16 where the pass is a matrix product of a dtype that gemm_supports.
bool conv_supports(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa = active_isa());

// For what conv_supports; BF16 takes no epilogue. Sizes must agree (out == conv_output_size(...),
// groups divide both channel counts).
ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype);
ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa);

// Forward with a filter that gemm_pack packed as the plan's product says: for outputs of few
// pixels, where a filter as it lies is read too often from too far.
ConvPlan prepare_packed_conv(const ConvShape& shape, Isa isa = active_isa());
// Why that cannot be done or would not pay; nullptr where it does.
const char* conv_panels_refusal(const ConvShape& shape, DType dtype);

// Scratch as ConvPlan::scratch asks: `shared`, and ctx.workers blocks `worker_stride` bytes apart.
void run_conv_forward(const Context& ctx, const ConvPlan& plan, const void* x, const void* filter,
                      const ConvEpilogue& epilogue, void* y, void* shared, std::byte* worker,
                      size_t worker_stride) noexcept;
// dx from dy; every element of dx is written.
void run_conv_backward_data(const Context& ctx, const ConvPlan& plan, const void* dy,
                            const void* filter, void* dx, void* shared, std::byte* worker,
                            size_t worker_stride) noexcept;
// dw from x and dy; every element of dw is written.
void run_conv_backward_filter(const Context& ctx, const ConvPlan& plan, const void* x,
                              const void* dy, void* dw, void* shared, std::byte* worker,
                              size_t worker_stride) noexcept;

namespace reference {
// The definition as loops, summed in double. T is float or double.
template <class T>
void conv_forward(const ConvShape& shape, const T* x, const T* filter, const T* bias,
                  const T* residual, Activation activation, T* y);
template <class T>
void conv_backward_data(const ConvShape& shape, const T* dy, const T* filter, T* dx);
template <class T>
void conv_backward_filter(const ConvShape& shape, const T* x, const T* dy, T* dw);
}  // namespace reference

}  // namespace ranvier::kernels
