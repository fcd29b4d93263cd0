// Pooling kernels of one instruction set: vectors run over channels.
//
// Backward gathers: every element of dx looks at the windows it lies in, first window first, and is
// written once. For the maximum it compares the windows' tap numbers with its own. Where windows do
// not overlap, each is read once and writes its taps.

#include "kernels/cpu/conv/pool_index.h"
#include "kernels/cpu/conv/pool_kernels.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kBlock = 4;     // vectors of channels at a time
inline constexpr int kAhead = 2048;  // bytes from a store to the prefetch before it

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

// Where a NaN may be about: its first is the maximum. Channel by channel.
template <class T, class I>
[[gnu::noinline]] void max_with_nan(const PoolShape& s, const Window& w, const T* x, int channels,
                                    T* y, I* index) {
  for (int c = 0; c < channels; ++c) {
    T best = 0;
    int32_t winner = -1;
    for_each_tap(s, w, [&](int64_t at, int32_t tap) [[gnu::always_inline]] {
      const T value = x[at + c];
      if (winner >= 0 && !(value > best) && !(value != value && best == best)) return;
      best = value, winner = tap;
    });
    if (y) y[c] = best;
    if (index) index[c] = static_cast<I>(winner);
  }
}

// A NaN makes the sum NaN, which is cheaper to see than the NaN itself (and so do both infinities).
template <class T, class I, bool Index, int V, bool Tail>
RV_INLINE void max_window(const PoolShape& s, const Window& w, const T* x, int lanes, T* y,
                          I* index) {
  using W = Vec<T>;
  using Taps = typename W::Mask;
  using Tap = typename MaskLane<T>::type;
  constexpr int L = W::kLanes;
  const int64_t first = (w.begin[0] * s.window[1] + w.begin[1]) * s.window[2] + w.begin[2];
  W best[V], sum[V];
  Taps winner[V];
  for (int v = 0; v < V; ++v) {
    best[v] = W::set1(-static_cast<T>(__builtin_inf()));
    sum[v] = W::zero();
    winner[v] = Taps::set1(static_cast<Tap>(first));
  }
  for_each_tap(s, w, [&](int64_t at, int32_t tap) [[gnu::always_inline]] {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const W value = load<T, Tail>(x + at + v * L, lanes);
      if (Index) winner[v] = select(value > best[v], Taps::set1(tap), winner[v]);
      best[v] = max(value, best[v]);
      sum[v] = sum[v] + value;
    }
  });
  Taps nan = Taps::zero();
  for (int v = 0; v < V; ++v) nan = nan | (sum[v] != sum[v]);
  if (any(nan)) [[unlikely]]
    return max_with_nan(s, w, x, (V - 1) * L + lanes, y, Index ? index : nullptr);
  for (int v = 0; v < V; ++v) {
    if (!Index || y) store<T, Tail>(y + v * L, lanes, best[v]);
    if (Index) store_taps(index + v * L, Tail ? lanes : L, winner[v]);
  }
}

template <class T, int V, bool Tail>
RV_INLINE void average_window(const PoolShape& s, const Window& w, const T* x, int lanes, T* y) {
  using W = Vec<T>;
  constexpr int L = W::kLanes;
  W sum[V];
  for (int v = 0; v < V; ++v) sum[v] = W::zero();
  for_each_tap(s, w, [&](int64_t at, int32_t) [[gnu::always_inline]] {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = sum[v] + load<T, Tail>(x + at + v * L, lanes);
  });
  const W count = W::set1(static_cast<T>(taps_inside(w)));
  for (int v = 0; v < V; ++v) store<T, Tail>(y + v * L, lanes, sum[v] / count);
}

// Calls fn(window, image of x, output pixel) for all windows of the rows.
template <class T, class Fn>
RV_INLINE void for_each_window(const PoolShape& s, int64_t r0, int64_t r1, const T* x, Fn fn) {
  const int64_t image_size = s.in[0] * s.in[1] * s.in[2] * s.channels;
  for (int64_t r = r0; r < r1; ++r) {
    const int64_t plane = r / s.out[1], image = plane / s.out[0];
    Window w;
    place(s, 0, plane - image * s.out[0], w);
    place(s, 1, r - plane * s.out[1], w);
    for (int64_t o = 0; o < s.out[2]; ++o) {
      place(s, 2, o, w);
      fn(w, x + image * image_size, r * s.out[2] + o);
    }
  }
}

template <class T, class I, bool Index>
void max_rows(const PoolShape& s, int64_t r0, int64_t r1, const T* x, T* y, I* index) noexcept {
  for_each_window(s, r0, r1, x, [&](const Window& w, const T* from, int64_t pixel) {
    for_each_block<T>(s.channels, [&](auto width, int64_t c, int lanes) [[gnu::always_inline]] {
      const int64_t at = pixel * s.channels + c;
      max_window<T, I, Index, width.kVectors, width.kTail>(
          s, w, from + c, lanes, y ? y + at : nullptr, Index ? index + at : nullptr);
    });
  });
}
template <class T>
void max_pool(const PoolShape& s, int64_t r0, int64_t r1, const T* x, T* y,
              PoolIndex index) noexcept {
  if (!index.taps)
    max_rows<T, uint8_t, false>(s, r0, r1, x, y, nullptr);
  else if (index.wide)
    max_rows<T, int32_t, true>(s, r0, r1, x, y, static_cast<int32_t*>(index.taps));
  else
    max_rows<T, uint8_t, true>(s, r0, r1, x, y, static_cast<uint8_t*>(index.taps));
}
template <class T>
void average_pool(const PoolShape& s, int64_t r0, int64_t r1, const T* x, T* y) noexcept {
  for_each_window(s, r0, r1, x, [&](const Window& w, const T* from, int64_t pixel) {
    for_each_block<T>(s.channels, [&](auto width, int64_t c, int lanes) [[gnu::always_inline]] {
      average_window<T, width.kVectors, width.kTail>(s, w, from + c, lanes,
                                                     y + pixel * s.channels + c);
    });
  });
}

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

extern const PoolRows<float> kPoolF32;
const PoolRows<float> kPoolF32{max_pool<float>, average_pool<float>, max_gradient<float>,
                               average_gradient<float>};
#if !defined(__AVX2__)
extern const PoolRows<double> kPoolF64;
const PoolRows<double> kPoolF64{max_pool<double>, average_pool<double>, max_gradient<double>,
                                average_gradient<double>};
#endif

}  // namespace ranvier::kernels::RV_ISA
