#pragma once
// The output rows of a depthwise convolution, and what closes their pixels.
// Included once per instruction set.

#include "kernels/cpu/conv/conv_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Smallest and one past the largest t with 0 <= start + t*step < size.
struct Range {
  int64_t begin, end;
};
RV_INLINE Range inside(int64_t start, int64_t step, int64_t taps, int64_t size) {
  Range r{0, taps};
  const auto divided = [step](int64_t n) { return step == 1 ? n : n / step; };
  if (start < 0) r.begin = divided(-start + step - 1);
  const int64_t limit = size > start ? divided(size - start - 1) + 1 : 0;
  if (limit < r.end) r.end = limit;
  return r;
}

// One output row of a depthwise correlation and the taps above and below that stay inside x.
template <class T>
struct DepthwiseRow {
  const T* x;  // the image
  const T* filter;
  T* y;
  const T* residual;
  int64_t d, h;      // input position of tap (0, 0); may lie outside
  Range deep, high;  // taps inside x
};

// y = act(sum + bias + residual) for `count` pixels, `pitch` elements apart.
template <class T>
struct PixelClose {
  const T* bias;  // of the first channel, or null
  Activation activation;
  int64_t pitch, count;

  RV_INLINE PixelClose(const ConvEpilogue& e, int64_t pitch, int64_t count, int64_t c)
      : bias(e.bias ? static_cast<const T*>(e.bias) + c : nullptr),
        activation(e.activation),
        pitch(pitch),
        count(count) {}
};
// The first of P pixels; residual is laid out as y, or null.
template <class T, int P, int V, bool Tail>
RV_INLINE void finish_pixels(const PixelClose<T>& close, const T* residual, int tail,
                             Vec<T> (&acc)[P][V], T* y) {
  using W = Vec<T>;
  const auto each = [&](auto step) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
      for (int v = 0; v < V; ++v) acc[p][v] = step(acc[p][v], v);
  };
  if (close.bias) {
    W bias[V];
    load_row<T, V, Tail>(close.bias, tail, bias);
    each([&](W sum, int v) { return sum + bias[v]; });
  }
  if (residual) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      if (p >= close.count) break;
      W other[V];
      load_row<T, V, Tail>(residual, tail, other);
      for (int v = 0; v < V; ++v) acc[p][v] = acc[p][v] + other[v];
      residual = held(residual + close.pitch);
    }
  }
  if (close.activation != Activation::None) each([&](W sum, int) { return max(W::zero(), sum); });
  if (close.activation == Activation::Relu6) each([&](W sum, int) { return min(W::set1(6), sum); });
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
    if (p >= close.count) break;
    store_row<T, V, Tail>(y, tail, acc[p]);
    y = held(y + close.pitch);
  }
}

// visit(row) for the output rows [r0, r1).
template <class T, class Visit>
RV_INLINE void for_rows(const Correlation& q, int64_t r0, int64_t r1, const T* x, const T* filter,
                        const ConvEpilogue& e, T* y, Visit visit) {
  int64_t plane = r0 / q.out[1], oh = r0 - plane * q.out[1];
  int64_t image = plane / q.out[0], od = plane - image * q.out[0];
  for (int64_t row = r0; row < r1; ++row) {
    const int64_t at =
        q.out_offset + image * q.out_image + od * q.out_pitch[0] + oh * q.out_pitch[1];
    DepthwiseRow<T> r;
    r.x = x + image * q.in_image;
    r.filter = filter + q.filter_offset;
    r.y = y + at;
    r.residual = e.residual ? static_cast<const T*>(e.residual) + at : nullptr;
    r.d = od * q.stride[0] - q.pad[0];
    r.h = oh * q.stride[1] - q.pad[1];
    r.deep = inside(r.d, q.dilation[0], q.taps[0], q.in[0]);
    r.high = inside(r.h, q.dilation[1], q.taps[1], q.in[1]);
    visit(r);
    if (++oh < q.out[1]) continue;
    oh = 0;
    if (++od < q.out[0]) continue;
    od = 0, ++image;
  }
}

// Columns that see every tap.
RV_INLINE Range seen_columns(const Correlation& q) {
  const int64_t reach = (q.taps[2] - 1) * q.dilation[2] - q.pad[2];
  return {inside(-q.pad[2], q.stride[2], q.out[2], q.in[2]).begin,
          inside(reach, q.stride[2], q.out[2], q.in[2]).end};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
