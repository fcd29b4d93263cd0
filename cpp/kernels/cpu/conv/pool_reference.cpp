// The definition of pooling as plain loops: the oracle of the kernels.

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/conv/pool.h"

namespace ranvier::kernels::reference {
namespace {

// Calls fn(output index, indices of the window's positions in x) for every output element.
template <class Fn>
void for_each_window(const PoolShape& s, Fn fn) {
  std::vector<int64_t> positions;
  int64_t y = 0;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t od = 0; od < s.out[0]; ++od)
      for (int64_t oh = 0; oh < s.out[1]; ++oh)
        for (int64_t ow = 0; ow < s.out[2]; ++ow)
          for (int64_t c = 0; c < s.channels; ++c, ++y) {
            positions.clear();
            for (int64_t kd = 0; kd < s.window[0]; ++kd)
              for (int64_t kh = 0; kh < s.window[1]; ++kh)
                for (int64_t kw = 0; kw < s.window[2]; ++kw) {
                  const int64_t d = od * s.stride[0] + kd - s.pad_lo[0];
                  const int64_t h = oh * s.stride[1] + kh - s.pad_lo[1];
                  const int64_t w = ow * s.stride[2] + kw - s.pad_lo[2];
                  if (d >= 0 && d < s.in[0] && h >= 0 && h < s.in[1] && w >= 0 && w < s.in[2])
                    positions.push_back(
                        (((n * s.in[0] + d) * s.in[1] + h) * s.in[2] + w) * s.channels + c);
                }
            fn(y, positions);
          }
}

template <class T>
int64_t first_maximum(const std::vector<int64_t>& positions, const T* x) {
  int64_t best = positions[0];
  for (int64_t p : positions)
    if (x[p] > x[best] || (std::isnan(x[p]) && !std::isnan(x[best]))) best = p;
  return best;
}

}  // namespace

template <class T>
void pool_forward(PoolKind kind, const PoolShape& s, const T* x, T* y) {
  for_each_window(s, [&](int64_t i, const std::vector<int64_t>& positions) {
    if (kind == PoolKind::Max) {
      y[i] = x[first_maximum(positions, x)];
      return;
    }
    double sum = 0;
    for (int64_t p : positions) sum += x[p];
    y[i] = static_cast<T>(sum / static_cast<double>(positions.size()));
  });
}

template <class T>
void pool_backward(PoolKind kind, const PoolShape& s, const T* x, const T* dy, T* dx) {
  std::vector<double> sums(s.batch * s.in[0] * s.in[1] * s.in[2] * s.channels, 0.0);
  for_each_window(s, [&](int64_t i, const std::vector<int64_t>& positions) {
    if (kind == PoolKind::Max)
      sums[first_maximum(positions, x)] += dy[i];
    else
      for (int64_t p : positions) sums[p] += dy[i] / static_cast<double>(positions.size());
  });
  std::transform(sums.begin(), sums.end(), dx, [](double v) { return static_cast<T>(v); });
}

#define RV_INSTANTIATE(T)                                                  \
  template void pool_forward<T>(PoolKind, const PoolShape&, const T*, T*); \
  template void pool_backward<T>(PoolKind, const PoolShape&, const T*, const T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)
#undef RV_INSTANTIATE

}  // namespace ranvier::kernels::reference
