#pragma once
// Gradients of pooling. Every element of dx looks at the windows it lies in, first window first,
// and is written once. For the maximum it compares the windows' tap numbers with its own. Where
// windows do not overlap, each is read once and writes its taps.

#include "kernels/cpu/conv/pool_window.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kAhead = 2048;  // bytes from a store to the prefetch before it

// The windows [first, last] of one axis in which a position lies; none where first > last.
struct Covering {
  int64_t at = 0, first = 0, last = -1;  // at: the position

  // Positions are visited in order: from the windows of the one before.
  RV_INLINE void move(const PoolShape& s, int axis, int64_t position) {
    at = position;
    const int64_t padded = position + s.pad_lo[axis];
    while (first * s.stride[axis] + s.window[axis] <= padded) ++first;
    while (last + 1 < s.out[axis] && (last + 1) * s.stride[axis] <= padded) ++last;
  }
  RV_INLINE int64_t tap(const PoolShape& s, int axis, int64_t window) const {
    return at + s.pad_lo[axis] - window * s.stride[axis];
  }
};
RV_INLINE Covering covering(const PoolShape& s, int axis, int64_t position) {
  const int64_t padded = position + s.pad_lo[axis], before = padded - s.window[axis];
  Covering c;
  c.at = position;
  c.first = before < 0 ? 0 : before / s.stride[axis] + 1;
  c.last = padded / s.stride[axis];
  if (c.last >= s.out[axis]) c.last = s.out[axis] - 1;
  return c;
}
// Calls fn(output pixel in the image, its indices on the axes) for the windows of one position.
template <class Fn>
RV_INLINE void for_each_covering(const PoolShape& s, const Covering (&on)[3], Fn fn) {
  for (int64_t d = on[0].first; d <= on[0].last; ++d)
    for (int64_t h = on[1].first; h <= on[1].last; ++h)
      for (int64_t o = on[2].first; o <= on[2].last; ++o)
        fn((d * s.out[1] + h) * s.out[2] + o, d, h, o);
}

// dy where the window's maximum is this position.
template <class T, class I>
struct MaxShare {
  const PoolShape& s;
  const T* dy;
  const I* index;

  template <int V, bool Tail>
  RV_INLINE void sum(const Covering (&on)[3], int64_t image, int64_t c, int lanes,
                     Vec<T> (&total)[V]) const {
    using Taps = typename Vec<T>::Mask;
    constexpr int L = Vec<T>::kLanes;
    for_each_covering(
        s, on, [&](int64_t pixel, int64_t d, int64_t h, int64_t o) [[gnu::always_inline]] {
          const int64_t at = (image + pixel) * s.channels + c;
          const Taps own = Taps::set1(static_cast<typename MaskLane<T>::type>(
              (on[0].tap(s, 0, d) * s.window[1] + on[1].tap(s, 1, h)) * s.window[2] +
              on[2].tap(s, 2, o)));
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) {
            const Taps winner = load_taps(index + at + v * L, Tail ? lanes : L, Taps{});
            const Vec<T> gradient = load<T, Tail>(dy + at + v * L, lanes);
            total[v] = total[v] + select(winner == own, gradient, Vec<T>::zero());
          }
        });
  }
};

// dy / number of taps inside.
template <class T>
struct AverageShare {
  const PoolShape& s;
  const T* dy;

  template <int V, bool Tail>
  RV_INLINE void sum(const Covering (&on)[3], int64_t image, int64_t c, int lanes,
                     Vec<T> (&total)[V]) const {
    constexpr int L = Vec<T>::kLanes;
    Window w;
    for_each_covering(s, on,
                      [&](int64_t pixel, int64_t d, int64_t h, int64_t o) [[gnu::always_inline]] {
                        place(s, 0, d, w), place(s, 1, h, w), place(s, 2, o, w);
                        const Vec<T> share = Vec<T>::set1(T(1) / static_cast<T>(taps_inside(w)));
                        const T* from = dy + (image + pixel) * s.channels + c;
#pragma GCC unroll 4
                        for (int v = 0; v < V; ++v)
                          total[v] = fma(load<T, Tail>(from + v * L, lanes), share, total[v]);
                      });
  }
};

template <class T, class Share>
void gather(const PoolShape& s, int64_t r0, int64_t r1, const Share& share, T* dx) noexcept {
  constexpr int L = Vec<T>::kLanes;
  const int64_t outputs = s.out[0] * s.out[1] * s.out[2];
  for (int64_t r = r0; r < r1; ++r) {
    const int64_t plane = r / s.in[1], image = plane / s.in[0];
    Covering on[3] = {
        covering(s, 0, plane - image * s.in[0]), covering(s, 1, r - plane * s.in[1]), {}};
    for (int64_t k = 0; k < s.in[2]; ++k) {
      on[2].move(s, 2, k);
      T* to = dx + (r * s.in[2] + k) * s.channels;
      for_each_block<T>(s.channels, [&](auto width, int64_t c, int lanes) [[gnu::always_inline]] {
        constexpr int V = width.kVectors;
        Vec<T> total[V];
        for (int v = 0; v < V; ++v) total[v] = Vec<T>::zero();
        share.template sum<V, width.kTail>(on, image * outputs, c, lanes, total);
        for (int v = 0; v < V; ++v) {
          prefetch_output(to + c + v * L, kAhead);
          store<T, width.kTail>(to + c + v * L, lanes, total[v]);
        }
      });
    }
  }
}
// What a window that overlaps no other gives to its taps: dy where a tap has the maximum, or dy /
// number of taps inside.
template <class T, class I>
struct MaxTile {
  const T* dy;
  const I* index;

  template <int V>
  struct Loaded {
    Vec<T> gradient[V];
    typename Vec<T>::Mask winner[V];
    RV_INLINE Vec<T> at(int v, int32_t tap) const {
      using Taps = typename Vec<T>::Mask;
      const Taps own = Taps::set1(static_cast<typename MaskLane<T>::type>(tap));
      return select(winner[v] == own, gradient[v], Vec<T>::zero());
    }
  };
  template <int V, bool Tail>
  RV_INLINE Loaded<V> read(const Window&, int64_t at, int lanes) const {
    constexpr int L = Vec<T>::kLanes;
    Loaded<V> x;
    for (int v = 0; v < V; ++v) {
      x.gradient[v] = load<T, Tail>(dy + at + v * L, lanes);
      x.winner[v] = load_taps(index + at + v * L, Tail ? lanes : L, typename Vec<T>::Mask{});
    }
    return x;
  }
};
template <class T>
struct AverageTile {
  const T* dy;

  template <int V>
  struct Loaded {
    Vec<T> share[V];
    RV_INLINE Vec<T> at(int v, int32_t) const { return share[v]; }
  };
  template <int V, bool Tail>
  RV_INLINE Loaded<V> read(const Window& w, int64_t at, int lanes) const {
    const Vec<T> part = Vec<T>::set1(T(1) / static_cast<T>(taps_inside(w)));
    Loaded<V> x;
    for (int v = 0; v < V; ++v)
      x.share[v] = load<T, Tail>(dy + at + v * Vec<T>::kLanes, lanes) * part;
    return x;
  }
};

RV_INLINE bool windows_overlap(const PoolShape& s) {
  return s.window[0] > s.stride[0] || s.window[1] > s.stride[1] || s.window[2] > s.stride[2];
}

// One row of dx, in which the windows of row w.start[1] of plane w.start[0] lie; `pixel` is the
// first of them.
template <class T, class Tile>
RV_INLINE void tile_row(const PoolShape& s, const Tile& tile, Window& w, int32_t first_tap,
                        int64_t pixel, T* dx) {
  constexpr int L = Vec<T>::kLanes;
  const int64_t channels = s.channels;
  int64_t done = 0;  // positions
  const auto clear_to = [&](int64_t end) {
    if (end > done) std::memset(dx + done * channels, 0, (end - done) * channels * sizeof(T));
  };
  for (int64_t o = 0; o < s.out[2]; ++o) {
    place(s, 2, o, w);
    clear_to(w.start[2] + w.begin[2]);
    for_each_block<T>(channels, [&](auto width, int64_t c, int lanes) [[gnu::always_inline]] {
      constexpr int V = width.kVectors;
      const auto x = tile.template read<V, width.kTail>(w, (pixel + o) * channels + c, lanes);
      for (int64_t k = w.begin[2]; k < w.end[2]; ++k) {
        T* to = dx + (w.start[2] + k) * channels + c;
        for (int v = 0; v < V; ++v) {
          prefetch_output(to + v * L, kAhead);
          store<T, width.kTail>(to + v * L, lanes, x.at(v, first_tap + static_cast<int32_t>(k)));
        }
      }
    });
    done = w.start[2] + w.end[2];
  }
  clear_to(s.in[2]);
}

template <class T, class Tile>
void write_tiles(const PoolShape& s, int64_t r0, int64_t r1, const Tile& tile, T* dx) noexcept {
  const int64_t row = s.in[2] * s.channels;
  for (int64_t r = r0; r < r1; ++r) {
    const int64_t plane = r / s.in[1], image = plane / s.in[0];
    const Covering d = covering(s, 0, plane - image * s.in[0]),
                   h = covering(s, 1, r - plane * s.in[1]);
    if (d.first > d.last || h.first > h.last) {
      std::memset(dx + r * row, 0, row * sizeof(T));
      continue;
    }
    Window w;
    place(s, 0, d.first, w);
    place(s, 1, h.first, w);
    const int64_t tap = (d.tap(s, 0, d.first) * s.window[1] + h.tap(s, 1, h.first)) * s.window[2];
    const int64_t pixel = ((image * s.out[0] + d.first) * s.out[1] + h.first) * s.out[2];
    tile_row(s, tile, w, static_cast<int32_t>(tap), pixel, dx + r * row);
  }
}

template <class T, class I>
void max_gradient_of(const PoolShape& s, int64_t r0, int64_t r1, const I* index, const T* dy,
                     T* dx) noexcept {
  if (windows_overlap(s))
    gather(s, r0, r1, MaxShare<T, I>{s, dy, index}, dx);
  else
    write_tiles(s, r0, r1, MaxTile<T, I>{dy, index}, dx);
}
template <class T>
void max_gradient(const PoolShape& s, int64_t r0, int64_t r1, PoolIndex index, const T* dy,
                  T* dx) noexcept {
  if (index.wide)
    max_gradient_of(s, r0, r1, static_cast<const int32_t*>(index.taps), dy, dx);
  else
    max_gradient_of(s, r0, r1, static_cast<const uint8_t*>(index.taps), dy, dx);
}
template <class T>
void average_gradient(const PoolShape& s, int64_t r0, int64_t r1, const T* dy, T* dx) noexcept {
  if (windows_overlap(s))
    gather(s, r0, r1, AverageShare<T>{s, dy}, dx);
  else
    write_tiles(s, r0, r1, AverageTile<T>{dy}, dx);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
