#pragma once
// Sizes and texts of convolution problems.

#include <string>

#include "conv/support.h"
#include "kernels/cpu/conv/conv.h"

namespace ranvier::testing {

using kernels::ConvShape;

inline int64_t product(const std::array<int64_t, 3>& d) { return d[0] * d[1] * d[2]; }
inline size_t size_x(const ConvShape& s) { return s.batch * product(s.in) * s.in_channels; }
inline size_t size_y(const ConvShape& s) { return s.batch * product(s.out) * s.out_channels; }
inline size_t size_w(const ConvShape& s) {
  return product(s.filter) * (s.in_channels / s.groups) * s.out_channels;
}

inline void set_output(ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    s.out[i] = kernels::conv_output_size(s.in[i], s.filter[i], s.stride[i], s.dilation[i],
                                         s.pad_lo[i], s.pad_hi[i]);
}

inline std::string text(const ConvShape& s) {
  std::string out = "batch " + std::to_string(s.batch) + " channels " +
                    std::to_string(s.in_channels) + "->" + std::to_string(s.out_channels) +
                    " groups " + std::to_string(s.groups);
  for (int i = 0; i < 3; ++i)
    out += " | " + std::to_string(s.in[i]) + " k" + std::to_string(s.filter[i]) + " s" +
           std::to_string(s.stride[i]) + " d" + std::to_string(s.dilation[i]) + " p" +
           std::to_string(s.pad_lo[i]) + "," + std::to_string(s.pad_hi[i]);
  return out;
}

}  // namespace ranvier::testing
