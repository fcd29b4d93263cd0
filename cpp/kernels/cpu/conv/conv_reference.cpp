// The definition of convolution as plain loops: the oracle of every kernel in this folder.

#include <vector>

#include "kernels/cpu/conv/conv.h"

namespace ranvier::kernels::reference {
namespace {

// Calls fn(x_index, w_index, y_index, group) for every product of the sum, channels excluded: x at
// the pixel's first channel, w at the tap's first row, y at the pixel's first channel.
template <class Fn>
void for_each_tap(const ConvShape& s, Fn fn) {
  const int64_t tap_size = s.in_channels / s.groups * s.out_channels;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t od = 0; od < s.out[0]; ++od)
      for (int64_t oh = 0; oh < s.out[1]; ++oh)
        for (int64_t ow = 0; ow < s.out[2]; ++ow)
          for (int64_t kd = 0; kd < s.filter[0]; ++kd)
            for (int64_t kh = 0; kh < s.filter[1]; ++kh)
              for (int64_t kw = 0; kw < s.filter[2]; ++kw) {
                const int64_t id = od * s.stride[0] + kd * s.dilation[0] - s.pad_lo[0];
                const int64_t ih = oh * s.stride[1] + kh * s.dilation[1] - s.pad_lo[1];
                const int64_t iw = ow * s.stride[2] + kw * s.dilation[2] - s.pad_lo[2];
                if (id < 0 || id >= s.in[0] || ih < 0 || ih >= s.in[1] || iw < 0 || iw >= s.in[2])
                  continue;
                fn((((n * s.in[0] + id) * s.in[1] + ih) * s.in[2] + iw) * s.in_channels,
                   ((kd * s.filter[1] + kh) * s.filter[2] + kw) * tap_size,
                   (((n * s.out[0] + od) * s.out[1] + oh) * s.out[2] + ow) * s.out_channels);
              }
}

int64_t pixels(const std::array<int64_t, 3>& dims) { return dims[0] * dims[1] * dims[2]; }

// The loop over channels common to the three passes: fn(x, w, y) with full indices.
template <class Fn>
void for_each_product(const ConvShape& s, Fn fn) {
  const int64_t in_group = s.in_channels / s.groups, out_group = s.out_channels / s.groups;
  for_each_tap(s, [&](int64_t x, int64_t w, int64_t y) {
    for (int64_t c = 0; c < in_group; ++c)
      for (int64_t f = 0; f < s.out_channels; ++f)
        fn(x + f / out_group * in_group + c, w + c * s.out_channels + f, y + f);
  });
}

template <class T>
void store(const std::vector<double>& sums, T* out) {
  for (size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<T>(sums[i]);
}

}  // namespace

template <class T>
void conv_forward(const ConvShape& s, const T* x, const T* filter, const T* bias, const T* residual,
                  Activation activation, T* y) {
  std::vector<double> sums(s.batch * pixels(s.out) * s.out_channels, 0.0);
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) {
    sums[yi] += static_cast<double>(x[xi]) * filter[wi];
  });
  for (size_t i = 0; i < sums.size(); ++i) {
    if (bias) sums[i] += bias[i % s.out_channels];
    if (residual) sums[i] += residual[i];
    if (activation != Activation::None && sums[i] < 0) sums[i] = 0;
    if (activation == Activation::Relu6 && sums[i] > 6) sums[i] = 6;
  }
  store(sums, y);
}

template <class T>
void conv_backward_data(const ConvShape& s, const T* dy, const T* filter, T* dx) {
  std::vector<double> sums(s.batch * pixels(s.in) * s.in_channels, 0.0);
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) {
    sums[xi] += static_cast<double>(dy[yi]) * filter[wi];
  });
  store(sums, dx);
}

template <class T>
void conv_backward_filter(const ConvShape& s, const T* x, const T* dy, T* dw) {
  std::vector<double> sums(pixels(s.filter) * (s.in_channels / s.groups) * s.out_channels, 0.0);
  for_each_product(s, [&](int64_t xi, int64_t wi, int64_t yi) {
    sums[wi] += static_cast<double>(x[xi]) * dy[yi];
  });
  store(sums, dw);
}

#define RV_INSTANTIATE(T)                                                                 \
  template void conv_forward<T>(const ConvShape&, const T*, const T*, const T*, const T*, \
                                Activation, T*);                                          \
  template void conv_backward_data<T>(const ConvShape&, const T*, const T*, T*);          \
  template void conv_backward_filter<T>(const ConvShape&, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)
#undef RV_INSTANTIATE

}  // namespace ranvier::kernels::reference
