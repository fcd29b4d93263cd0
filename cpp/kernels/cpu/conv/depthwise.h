#pragma once
// Convolution with one input channel for each output channel: vectors run over channels.
// Included once per instruction set.

#include "kernels/cpu/conv/depthwise_runs.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kPixels = 4;  // output pixels of one block

// P output pixels from `column` on, V vectors of channels from `c` on; all of the taps across
// [across.begin, across.end) are inside for each of the pixels.
template <class T, int P, int V, bool Tail>
RV_INLINE void depthwise_pixels(const Correlation& q, const DepthwiseRow<T>& r, Range across,
                                int64_t column, int64_t c, int tail, const ConvEpilogue& e) {
  using W = Vec<T>;
  W acc[P][V];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) acc[p][v] = W::zero();
  const int64_t step = q.stride[2] * q.in_pitch[2];
  const int64_t start = column * q.stride[2] - q.pad[2];
  for (int64_t kd = r.deep.begin; kd < r.deep.end; ++kd)
    for (int64_t kh = r.high.begin; kh < r.high.end; ++kh) {
      const T* x = r.x + (r.d + kd * q.dilation[0]) * q.in_pitch[0] +
                   (r.h + kh * q.dilation[1]) * q.in_pitch[1] + start * q.in_pitch[2] + c;
      const T* f = r.filter + kd * q.tap_pitch[0] + kh * q.tap_pitch[1] + c;
      for (int64_t kw = across.begin; kw < across.end; ++kw) {
        W weight[V];
        load_row<T, V, Tail>(f + kw * q.tap_pitch[2], tail, weight);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) {
          W value[V];
          load_row<T, V, Tail>(x + kw * q.dilation[2] * q.in_pitch[2] + p * step, tail, value);
          for (int v = 0; v < V; ++v) acc[p][v] = fma(value[v], weight[v], acc[p][v]);
        }
      }
    }
  const int64_t at = column * q.out_pitch[2] + c;
  finish_pixels<T, P, V, Tail>(PixelClose<T>(e, q.out_pitch[2], P, c),
                               r.residual ? r.residual + at : nullptr, tail, acc, r.y + at);
}

// Columns [seen.begin, seen.end) see every tap; the others go one pixel at a time.
template <class T, int V, bool Tail>
RV_INLINE void depthwise_row(const Correlation& q, const DepthwiseRow<T>& r, Range seen, int64_t c,
                             int tail, const ConvEpilogue& e) {
  const Range all{0, q.taps[2]};
  for (int64_t column = 0; column < q.out[2];) {
    if (column >= seen.begin && column + kPixels <= seen.end) {
      depthwise_pixels<T, kPixels, V, Tail>(q, r, all, column, c, tail, e);
      column += kPixels;
    } else {
      const Range across =
          inside(column * q.stride[2] - q.pad[2], q.dilation[2], q.taps[2], q.in[2]);
      depthwise_pixels<T, 1, V, Tail>(q, r, across, column, c, tail, e);
      ++column;
    }
  }
}

template <class T>
void depthwise(const Correlation& q, int64_t r0, int64_t r1, const T* x, const T* filter,
               const ConvEpilogue& e, T* y) noexcept {
  if (const DepthwiseFn<T> fn = runs_of<T>(q)) return fn(q, r0, r1, x, filter, e, y);
  constexpr int L = Vec<T>::kLanes;
  const Range seen = seen_columns(q);
  int64_t c = 0;
  const auto vectors = [&](auto kernel, int tail) {
    for_rows<T>(q, r0, r1, x, filter, e, y,
                [&](const DepthwiseRow<T>& r) { kernel(q, r, seen, c, tail, e); });
  };
  for (; c + 2 * L <= q.k_channels; c += 2 * L) vectors(depthwise_row<T, 2, false>, L);
  for (; c < q.k_channels; c += L)
    vectors(depthwise_row<T, 1, true>,
            q.k_channels - c < L ? static_cast<int>(q.k_channels - c) : L);
}

// One tap, V vectors of channels: dw += sum over the rows [r0, r1) of x * dy, in four chains.
template <class T, int V, bool Tail>
void depthwise_filter_tap(const Correlation& q, int64_t r0, int64_t r1, int64_t kd, int64_t kh,
                          int64_t kw, int64_t c, int tail, const T* x, const T* dy,
                          T* dw) noexcept {
  using W = Vec<T>;
  constexpr int kChains = 4;
  W acc[kChains][V];
  for (int i = 0; i < kChains; ++i)
    for (int v = 0; v < V; ++v) acc[i][v] = W::zero();
  const int64_t from = kw * q.dilation[2] - q.pad[2];
  const Range columns = inside(from, q.stride[2], q.out[2], q.in[2]);
  const int64_t x_step = q.stride[2] * q.in_pitch[2], dy_step = q.out_pitch[2];
  if (columns.begin >= columns.end) return;
  int64_t plane = r0 / q.out[1], oh = r0 - plane * q.out[1];
  int64_t image = plane / q.out[0], od = plane - image * q.out[0];
  const auto advance = [&] {
    if (++oh < q.out[1]) return;
    oh = 0;
    if (++od < q.out[0]) return;
    od = 0, ++image;
  };
  for (int64_t row = r0; row < r1; ++row, advance()) {
    const int64_t id = od * q.stride[0] + kd * q.dilation[0] - q.pad[0];
    const int64_t ih = oh * q.stride[1] + kh * q.dilation[1] - q.pad[1];
    if (id < 0 || id >= q.in[0] || ih < 0 || ih >= q.in[1]) continue;
    const T* a = x + image * q.in_image + id * q.in_pitch[0] + ih * q.in_pitch[1] +
                 (columns.begin * q.stride[2] + from) * q.in_pitch[2] + c;
    const T* g = dy + image * q.out_image + od * q.out_pitch[0] + oh * q.out_pitch[1] +
                 columns.begin * dy_step + c;
    const auto add = [&](int chain) [[gnu::always_inline]] {
      W av[V], gv[V];
      load_row<T, V, Tail>(a, tail, av);
      load_row<T, V, Tail>(g, tail, gv);
      for (int v = 0; v < V; ++v) acc[chain][v] = fma(av[v], gv[v], acc[chain][v]);
      a += x_step;
      g += dy_step;
    };
    int64_t left = columns.end - columns.begin;
    for (; left >= kChains; left -= kChains) add(0), add(1), add(2), add(3);
    for (; left > 0; --left) add(0);
  }
  W sum[V];
  load_row<T, V, Tail>(dw, tail, sum);
  for (int v = 0; v < V; ++v) sum[v] = sum[v] + ((acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]));
  store_row<T, V, Tail>(dw, tail, sum);
}

template <class T>
void depthwise_filter(const Correlation& q, int64_t r0, int64_t r1, const T* x, const T* dy,
                      T* dw) noexcept {
  constexpr int L = Vec<T>::kLanes;
  constexpr int64_t kBlockPixels = 96;  // whose x and dy, two vectors wide, stay in L1
  const int64_t channels = q.k_channels, taps = q.taps[0] * q.taps[1] * q.taps[2];
  std::memset(dw, 0, taps * channels * sizeof(T));
  const int64_t rows = q.out[2] < kBlockPixels ? kBlockPixels / q.out[2] : 1;
  for (int64_t block = r0; block < r1; block += rows) {
    const int64_t end = block + rows < r1 ? block + rows : r1;
    const auto all_taps = [&](auto kernel, int64_t c, int tail) {
      T* to = dw + c;
      for (int64_t kd = 0; kd < q.taps[0]; ++kd)
        for (int64_t kh = 0; kh < q.taps[1]; ++kh)
          for (int64_t kw = 0; kw < q.taps[2]; ++kw, to += channels)
            kernel(q, block, end, kd, kh, kw, c, tail, x, dy, to);
    };
    int64_t c = 0;
    for (; c + 2 * L <= channels; c += 2 * L) all_taps(depthwise_filter_tap<T, 2, false>, c, L);
    for (; c < channels; c += L)
      all_taps(depthwise_filter_tap<T, 1, true>, c,
               channels - c < L ? static_cast<int>(channels - c) : L);
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
