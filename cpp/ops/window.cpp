#include "ops/window.h"

#include <algorithm>

#include "kernels/cpu/conv/conv.h"

namespace ranvier::ops {

const Ints& positive_sizes(const InferArgs& args, const char* name, int count) {
  const Ints& values = expect_ints(args, name, static_cast<size_t>(count));
  for (const int64_t value : values) {
    if (value < 1)
      fail<ValueError>(args.op.name, ": bad `", name,
                       "`. Expected entries >= 1. Received: ", value);
  }
  return values;
}

std::array<int64_t, 3> three(std::span<const int64_t> sizes) {
  std::array<int64_t, 3> result{1, 1, 1};
  std::copy(sizes.begin(), sizes.end(), result.end() - static_cast<ptrdiff_t>(sizes.size()));
  return result;
}

Window window_of(const InferArgs& args, const Shape& x) {
  if (x.rank() < 3 || x.rank() > 5)
    fail<ShapeError>(args.op.name,
                     ": wrong rank. Expected (batch, spatial..., channels) with one "
                     "to three spatial dimensions. Received: shape ",
                     x.str());
  Window window;
  window.spatial = x.rank() - 2;
  window.stride = three(positive_sizes(args, "strides", window.spatial));
  if (args.attrs.has("dilations"))
    window.dilation = three(positive_sizes(args, "dilations", window.spatial));
  const Ints& padding = expect_ints(args, "padding", static_cast<size_t>(2 * window.spatial));
  for (int i = 0; i < window.spatial; ++i) {
    const auto at = static_cast<size_t>(3 - window.spatial + i), from = static_cast<size_t>(2 * i);
    window.pad_lo[at] = padding[from];
    window.pad_hi[at] = padding[from + 1];
    if (padding[from] < 0 || padding[from + 1] < 0)
      fail<ValueError>(args.op.name,
                       ": negative `padding`. Expected (low, high) pairs >= 0. "
                       "Received: (",
                       padding[from], ", ", padding[from + 1], ")");
  }
  return window;
}

Ints window_output(const InferArgs& args, const Window& window, std::span<const int64_t> in,
                   std::span<const int64_t> size) {
  Ints out;
  for (size_t i = 0; i < in.size(); ++i) {
    const size_t at = 3 - in.size() + i;
    out.push_back(kernels::conv_output_size(in[i], size[i], window.stride[at], window.dilation[at],
                                            window.pad_lo[at], window.pad_hi[at]));
    if (out.back() < 1)
      fail<ShapeError>(args.op.name, ": the window is larger than the input. Expected at most ",
                       in[i] + window.pad_lo[at] + window.pad_hi[at], " along spatial dimension ",
                       i, ". Received: window ", size[i], ", dilation ", window.dilation[at],
                       ". Hint: padding=\"same\", or a smaller window");
  }
  return out;
}

Shape image_shape(int64_t batch, std::span<const int64_t> spatial, int64_t channels) {
  Shape shape{batch};
  for (const int64_t size : spatial) shape.push_back(size);
  shape.push_back(channels);
  return shape;
}

}  // namespace ranvier::ops
