#pragma once
// Depthwise convolution under rows of 3, 5 and 7 taps, not dilated: blocks of seven pixels of a
// row. Included once per instruction set.

#include "kernels/cpu/conv/depthwise_rows.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kRun = 7;  // pixels of a block: divides 224 and its halves

// A block of output pixels of a row, and what it reads of x.
struct RunBlock {
  int64_t column, count;  // pixels
  int64_t first, end;     // columns of x, from that of the first pixel's first tap on, inside x
};

// One vector of channels, the first of them c. A column of x is loaded once for all taps that read
// it. Full: all pixels and columns of the block are there.
template <class T, int K, int S, bool Tail, bool Full>
RV_INLINE void depthwise_run(const Correlation& q, const DepthwiseRow<T>& r, const RunBlock& b,
                             int64_t c, int tail, const ConvEpilogue& e) {
  using W = Vec<T>;
  constexpr int kColumns = (kRun - 1) * S + K;
  W acc[kRun][1];
#pragma GCC unroll 8
  for (int p = 0; p < kRun; ++p) acc[p][0] = W::zero();
  const int64_t pitch = q.in_pitch[2], row_pitch = q.in_pitch[1];
  const int64_t tap_pitch = q.tap_pitch[2], tap_row = q.tap_pitch[1];
  const T* const x = r.x + (r.h * row_pitch + (b.column * S - q.pad[2]) * pitch + c);
  const T* const filter = r.filter + c;
  const auto add = [&](int64_t kh) __attribute__((always_inline)) {
    W weight[K][1];
#pragma GCC unroll 8
    for (int kw = 0; kw < K; ++kw)
      load_row<T, 1, Tail>(filter + (kh * tap_row + kw * tap_pitch), tail, weight[kw]);
    const T* const row = x + kh * row_pitch;
#pragma GCC unroll 32
    for (int j = 0; j < kColumns; ++j) {
      if (!Full && (j < b.first || j >= b.end)) continue;
      W value[1];
      load_row<T, 1, Tail>(row + j * pitch, tail, value);
#pragma GCC unroll 8
      for (int p = 0; p < kRun; ++p)
        if (j - p * S >= 0 && j - p * S < K)
          acc[p][0] = fma(value[0], weight[j - p * S][0], acc[p][0]);
    }
  };
  if constexpr (K == 3) {
#pragma GCC unroll 3
    for (int kh = 0; kh < K; ++kh)
      if (kh >= r.high.begin && kh < r.high.end) add(kh);
  } else {
    for (int64_t kh = r.high.begin; kh < r.high.end; ++kh) add(kh);
  }
  finish_pixels<T, kRun, 1, Tail>(q, r, b.column, Full ? kRun : b.count, c, tail, e, acc);
}

// Whether the rows of x that one output row reads stay in a first cache of 64 sets and 12 ways
// while one vector of channels is read of all pixels: these lie whole pitches apart.
template <class T>
bool column_stays(const Correlation& q) {
  constexpr int64_t kLine = 64, kSets = 64, kWays = 12;
  int64_t sets = kSets;
  for (int64_t lines = q.in_pitch[2] * static_cast<int64_t>(sizeof(T)) / kLine;
       sets > 1 && lines % 2 == 0; lines /= 2)
    sets /= 2;
  return q.taps[1] * q.in[2] <= kWays * sets;
}

// The channels [c0, c1) of the rows [r0, r1).
template <class T, int K, int S>
RV_INLINE void depthwise_strip(const Correlation& q, int64_t r0, int64_t r1, int64_t c0, int64_t c1,
                               const T* x, const T* filter, const ConvEpilogue& e, T* y) {
  constexpr int L = Vec<T>::kLanes;
  constexpr int64_t kColumns = (kRun - 1) * S + K;
  for_rows<T>(q, r0, r1, x, filter, e, y, [&](const DepthwiseRow<T>& r) {
    RunBlock b;
    for (b.column = 0; b.column < q.out[2]; b.column += kRun) {
      const int64_t start = b.column * S - q.pad[2], left = q.out[2] - b.column;
      b.count = left < kRun ? left : kRun;
      const int64_t used = (b.count - 1) * S + K, room = q.in[2] - start;
      b.first = start < 0 ? -start : 0, b.end = used < room ? used : room;
      const bool full = b.first == 0 && b.end == kColumns;
      int64_t c = c0;
      if (full)
        for (; c + L <= c1; c += L) depthwise_run<T, K, S, false, true>(q, r, b, c, L, e);
      else
        for (; c + L <= c1; c += L) depthwise_run<T, K, S, false, false>(q, r, b, c, L, e);
      if (c < c1) depthwise_run<T, K, S, true, false>(q, r, b, c, static_cast<int>(c1 - c), e);
    }
  });
}

template <class T, int K, int S>
void depthwise_runs(const Correlation& q, int64_t r0, int64_t r1, const T* x, const T* filter,
                    const ConvEpilogue& e, T* y) noexcept {
  const int64_t n = q.k_channels, step = column_stays<T>(q) ? Vec<T>::kLanes : n;
  for (int64_t c = 0; c < n; c += step)
    depthwise_strip<T, K, S>(q, r0, r1, c, c + step < n ? c + step : n, x, filter, e, y);
}

template <class T>
using DepthwiseFn = void (*)(const Correlation&, int64_t, int64_t, const T*, const T*,
                             const ConvEpilogue&, T*) noexcept;

// The kernel for the filter; nullptr where none is made for it.
template <class T>
DepthwiseFn<T> runs_of(const Correlation& q) {
  if (q.taps[0] != 1 || q.taps[1] > q.taps[2]) return nullptr;
  if (q.dilation[1] != 1 || q.dilation[2] != 1 || q.stride[2] > 2) return nullptr;
  const bool strided = q.stride[2] == 2;
  switch (q.taps[2]) {
    case 3:
      return strided ? depthwise_runs<T, 3, 2> : depthwise_runs<T, 3, 1>;
    case 5:
      return strided ? depthwise_runs<T, 5, 2> : depthwise_runs<T, 5, 1>;
    case 7:
      return strided ? depthwise_runs<T, 7, 2> : depthwise_runs<T, 7, 1>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
