#pragma once
// Attributes that convolution and pooling share: a window that moves over the spatial dimensions.

#include <array>

#include "kernels/cpu/conv/pool.h"
#include "ops/support.h"

namespace ranvier::ops {

// strides, dilations and padding of up to three spatial dimensions, right-aligned: the missing
// leading ones are 1, 1 and 0.
struct Window {
  int spatial = 0;
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, pad_lo{0, 0, 0}, pad_hi{0, 0, 0};
};

// Reads and checks the attributes for input x (batch, spatial..., channels) of rank 3 to 5.
Window window_of(const InferArgs& args, const Shape& x);
// The sizes of a list or shape part, right-aligned, 1 in front.
std::array<int64_t, 3> three(std::span<const int64_t> sizes);
// Sizes of the result along the spatial dimensions; ShapeError where the window does not fit.
Ints window_output(const InferArgs& args, const Window& window, std::span<const int64_t> in,
                   std::span<const int64_t> size);
// shape without batch and channels.
inline std::span<const int64_t> spatial_of(const Shape& shape) {
  return shape.dims().subspan(1, static_cast<size_t>(shape.rank() - 2));
}
Shape image_shape(int64_t batch, std::span<const int64_t> spatial, int64_t channels);
// A list attribute of sizes >= 1, one per spatial dimension.
const Ints& positive_sizes(const InferArgs& args, const char* name, int count);

// What the kernels of pooling are told; x and y are the shapes of an image and its pooled image.
kernels::PoolShape pool_shape(const InferArgs& args, const Shape& x, const Shape& y);

}  // namespace ranvier::ops
