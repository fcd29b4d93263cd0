#pragma once
// Depthwise convolution under rows of 3, 5 and 7 taps, not dilated: blocks of seven pixels of a
// row, one vector of channels, down the rows. Included once per instruction set.

#include "kernels/cpu/conv/depthwise_rows.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kRun = 7;  // pixels of a block: divides 224 and its halves

// A block of output pixels of a row, and what it reads of x.
struct RunBlock {
  int64_t column, count;  // pixels
  int64_t first, end;     // columns of x, from that of the first pixel's first tap on, inside x
};

// Which columns of a block lie inside x. Half a filter beside it is what padding to the same size
// leaves: known when compiled, its columns cost nothing. Other blocks ask for each column.
enum class RunEdge { None, Left, Right, Both, Unknown };

template <int K, int S>
struct RunColumns {
  static constexpr int kAll = (kRun - 1) * S + K, kBeside = K / 2;
  static constexpr int first(RunEdge e) {
    return e == RunEdge::Left || e == RunEdge::Both ? kBeside : 0;
  }
  static constexpr int end(RunEdge e) {
    return e == RunEdge::Right || e == RunEdge::Both ? kAll - kBeside : kAll;
  }
  static RunBlock block_at(const Correlation& q, int64_t column) {
    const int64_t start = column * S - q.pad[2], left = q.out[2] - column;
    const int64_t count = left < kRun ? left : kRun;
    const int64_t used = (count - 1) * S + K, room = q.in[2] - start;
    return {column, count, start < 0 ? -start : 0, used < room ? used : room};
  }
  static RunEdge edge_of(const RunBlock& b) {
    if (b.count < kRun) return RunEdge::Unknown;
    for (RunEdge e : {RunEdge::None, RunEdge::Left, RunEdge::Right, RunEdge::Both})
      if (b.first == first(e) && b.end == end(e)) return e;
    return RunEdge::Unknown;
  }
};

// Output rows [begin, end) of a plane.
template <class T>
struct RunRows {
  const T* x;  // the plane, of `height` rows: none where it lies outside x
  const T* filter;
  T* y;
  const T* residual;
  int64_t height, begin, end;
};

// One vector of channels, the first of them c. A column of x is loaded once for all taps that read
// it: left alone, the compiler loads it for each of them.
template <class T, int K, int S, bool Tail, RunEdge Edge>
RV_INLINE void depthwise_vector(const Correlation& q, const RunRows<T>& rows, const RunBlock& b,
                                int64_t c, int tail, const ConvEpilogue& e) {
  using W = Vec<T>;
  using Columns = RunColumns<K, S>;
  constexpr bool kKnown = Edge != RunEdge::Unknown;
  constexpr int kFirst = Columns::first(Edge), kEnd = Columns::end(Edge);
  const int64_t pitch = q.in_pitch[2], row_pitch = q.in_pitch[1];
  const int64_t tap = q.tap_pitch[2], tap_row = q.tap_pitch[1], taps = q.taps[1];
  const PixelClose<T> close(e, q.out_pitch[2], kKnown ? kRun : b.count, c);
  const T* const x = rows.x + ((b.column * S - q.pad[2] + kFirst) * pitch + c);
  const int64_t at = b.column * q.out_pitch[2] + c;
  for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
    W acc[kRun][1];
#pragma GCC unroll 8
    for (int p = 0; p < kRun; ++p) acc[p][0] = W::zero();
    const int64_t h = oh * q.stride[1] - q.pad[1], room = rows.height - h;
    const int64_t begin = h < 0 ? -h : 0, end = taps < room ? taps : room;
    const T* row = x + (h + begin) * row_pitch;
    const T* filter = rows.filter + (begin * tap_row + c);
    for (int64_t kh = begin; kh < end; ++kh, row += row_pitch, filter += tap_row) {
      W weight[K][1];
      const T* from = filter;
#pragma GCC unroll 8
      for (int kw = 0; kw < K; ++kw) {
        load_row<T, 1, Tail>(from + kw % 3 * tap, tail, weight[kw]);
        hold(weight[kw][0]);
        if (kw % 3 == 2) from = held(from + 3 * tap);
      }
      from = row;
#pragma GCC unroll 32
      for (int j = kFirst; j < kEnd; ++j) {
        if (kKnown || (j >= b.first && j < b.end)) {
          W value[1];
          load_row<T, 1, Tail>(from + (j - kFirst) % 3 * pitch, tail, value);
          hold(value[0]);
#pragma GCC unroll 8
          for (int p = 0; p < kRun; ++p)
            if (j - p * S >= 0 && j - p * S < K)
              acc[p][0] = fma(value[0], weight[j - p * S][0], acc[p][0]);
        }
        if ((j - kFirst) % 3 == 2) from = held(from + 3 * pitch);
      }
    }
    const int64_t to = at + oh * q.out_pitch[1];
    finish_pixels<T, kRun, 1, Tail>(close, rows.residual ? rows.residual + to : nullptr, tail, acc,
                                    rows.y + to);
  }
}

// The channels [c, end), whole vectors or a part of one.
template <class T, int K, int S, bool Tail, RunEdge Edge>
[[gnu::noinline]] void depthwise_run(const Correlation& q, const RunRows<T>& rows,
                                     const RunBlock& b, int64_t c, int64_t end,
                                     const ConvEpilogue& e) noexcept {
  for (; c < end; c += Vec<T>::kLanes)
    depthwise_vector<T, K, S, Tail, Edge>(q, rows, b, c, static_cast<int>(end - c), e);
}

// The channels [c, end) of a block.
template <class T, int K, int S>
void depthwise_block(const Correlation& q, const RunRows<T>& rows, const RunBlock& b, int64_t c,
                     int64_t end, const ConvEpilogue& e) {
  constexpr int64_t L = Vec<T>::kLanes;
  const int64_t whole = c + (end - c) / L * L;
  switch (RunColumns<K, S>::edge_of(b)) {
#define RV_CASE(edge)                                                      \
  case RunEdge::edge:                                                      \
    depthwise_run<T, K, S, false, RunEdge::edge>(q, rows, b, c, whole, e); \
    break
    RV_CASE(None);
    RV_CASE(Left);
    RV_CASE(Right);
    RV_CASE(Both);
    RV_CASE(Unknown);
#undef RV_CASE
  }
  if (whole < end) depthwise_run<T, K, S, true, RunEdge::Unknown>(q, rows, b, whole, end, e);
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

// Down the rows for each vector of channels, or all channels of a block before the next one.
template <class T, int K, int S>
void depthwise_plane(const Correlation& q, RunRows<T> rows, bool down, const ConvEpilogue& e) {
  const int64_t n = q.k_channels, last = rows.end;
  const int64_t channels = down ? Vec<T>::kLanes : n, step = down ? last - rows.begin : 1;
  for (; rows.begin < last; rows.begin = rows.end) {
    rows.end = rows.begin + step;
    for (int64_t c = 0; c < n; c += channels)
      for (int64_t column = 0; column < q.out[2]; column += kRun)
        depthwise_block<T, K, S>(q, rows, RunColumns<K, S>::block_at(q, column), c,
                                 c + channels < n ? c + channels : n, e);
  }
}

template <class T, int K, int S>
void depthwise_runs(const Correlation& q, int64_t r0, int64_t r1, const T* x, const T* filter,
                    const ConvEpilogue& e, T* y) noexcept {
  const bool down = column_stays<T>(q);
  for (int64_t row = r0; row < r1;) {
    const int64_t plane = row / q.out[1], image = plane / q.out[0], od = plane - image * q.out[0];
    const int64_t d = od * q.stride[0] - q.pad[0];
    const int64_t at = q.out_offset + image * q.out_image + od * q.out_pitch[0];
    RunRows<T> rows;
    rows.x = x + (image * q.in_image + d * q.in_pitch[0]);
    rows.filter = filter + q.filter_offset;
    rows.y = y + at;
    rows.residual = e.residual ? static_cast<const T*>(e.residual) + at : nullptr;
    rows.height = d >= 0 && d < q.in[0] ? q.in[1] : 0;
    rows.begin = row - plane * q.out[1];
    const int64_t end = rows.begin + (r1 - row);
    rows.end = end < q.out[1] ? end : q.out[1];
    depthwise_plane<T, K, S>(q, rows, down, e);
    row = plane * q.out[1] + rows.end;
  }
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
