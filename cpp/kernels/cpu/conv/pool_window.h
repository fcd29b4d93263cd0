#pragma once
// What pooling and its gradients walk: windows, their taps, and channels in blocks of vectors.

#include "kernels/cpu/conv/pool_index.h"
#include "kernels/cpu/conv/pool_kernels.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kBlock = 4;  // vectors of channels at a time

// Calls fn(V, Tail, first channel, lanes of the last vector) until all channels are done.
template <int V, bool Tail>
struct Width {
  static constexpr int kVectors = V;
  static constexpr bool kTail = Tail;
};
template <class T, class Fn>
RV_INLINE void for_each_block(int64_t channels, Fn fn) {
  constexpr int L = Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + kBlock * L <= channels; c += kBlock * L) fn(Width<kBlock, false>{}, c, L);
  if (c + 2 * L <= channels) {
    fn(Width<2, false>{}, c, L);
    c += 2 * L;
  }
  if (c + L <= channels) {
    fn(Width<1, false>{}, c, L);
    c += L;
  }
  if (c < channels) fn(Width<1, true>{}, c, static_cast<int>(channels - c));
}

template <class T, bool Tail>
RV_INLINE Vec<T> load(const T* p, int lanes) {
  return Tail ? Vec<T>::load_partial(p, lanes) : Vec<T>::load(p);
}
template <class T, bool Tail>
RV_INLINE void store(T* p, int lanes, Vec<T> v) {
  if (Tail)
    v.store_partial(p, lanes);
  else
    v.store(p);
}

// The part of one window that lies inside x: taps [begin, end) from `start` on, per axis.
struct Window {
  int64_t begin[3], end[3], start[3];
};
RV_INLINE void place(const PoolShape& s, int axis, int64_t o, Window& w) {
  w.start[axis] = o * s.stride[axis] - s.pad_lo[axis];
  w.begin[axis] = w.start[axis] < 0 ? -w.start[axis] : 0;
  const int64_t room = s.in[axis] - w.start[axis];
  w.end[axis] = room < s.window[axis] ? room : s.window[axis];
}
RV_INLINE int64_t taps_inside(const Window& w) {
  return (w.end[0] - w.begin[0]) * (w.end[1] - w.begin[1]) * (w.end[2] - w.begin[2]);
}
// Calls fn(offset of the tap's first channel in the image, tap number) in row-major order.
template <class Fn>
RV_INLINE void for_each_tap(const PoolShape& s, const Window& w, Fn fn) {
  for (int64_t d = w.begin[0]; d < w.end[0]; ++d)
    for (int64_t h = w.begin[1]; h < w.end[1]; ++h) {
      const int64_t row = ((w.start[0] + d) * s.in[1] + w.start[1] + h) * s.in[2] + w.start[2];
      const int64_t tap = (d * s.window[1] + h) * s.window[2];
      for (int64_t k = w.begin[2]; k < w.end[2]; ++k)
        fn((row + k) * s.channels, static_cast<int32_t>(tap + k));
    }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
