// Pooling kernels of one instruction set: vectors run over channels.

#include "kernels/cpu/conv/pool_gradient.h"
#include "kernels/cpu/conv/pool_window.h"

namespace ranvier::kernels::RV_ISA {
namespace {

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
