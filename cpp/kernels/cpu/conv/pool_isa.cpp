// Pooling kernels of one instruction set: vectors run over channels.

#include "kernels/cpu/conv/pool_kernels.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The part of one window that lies inside x: taps [begin, end) from `start` on, per axis.
struct Window {
  int64_t begin[3], end[3], start[3];
  int64_t count() const { return (end[0] - begin[0]) * (end[1] - begin[1]) * (end[2] - begin[2]); }
};
RV_INLINE void place(const PoolShape& s, int axis, int64_t o, Window& w) {
  w.start[axis] = o * s.stride[axis] - s.pad_lo[axis];
  w.begin[axis] = w.start[axis] < 0 ? -w.start[axis] : 0;
  const int64_t room = s.in[axis] - w.start[axis];
  w.end[axis] = room < s.window[axis] ? room : s.window[axis];
}
// Calls fn(offset of the position's first channel, tap number) in row-major order.
template <class Fn>
RV_INLINE void for_each_position(const PoolShape& s, const Window& w, Fn fn) {
  int32_t tap = 0;
  for (int64_t d = w.begin[0]; d < w.end[0]; ++d)
    for (int64_t h = w.begin[1]; h < w.end[1]; ++h) {
      const int64_t row = ((w.start[0] + d) * s.in[1] + w.start[1] + h) * s.in[2] + w.start[2];
      for (int64_t k = w.begin[2]; k < w.end[2]; ++k) fn((row + k) * s.channels, tap++);
    }
}

template <class T>
RV_INLINE Vec<T> load(const T* p, int64_t left) {
  return left >= Vec<T>::kLanes ? Vec<T>::load(p) : Vec<T>::load_partial(p, static_cast<int>(left));
}
template <class T>
RV_INLINE void store(T* p, int64_t left, Vec<T> v) {
  if (left >= Vec<T>::kLanes)
    v.store(p);
  else
    v.store_partial(p, static_cast<int>(left));
}

// Larger, or the first NaN: the order of the maximum.
template <class T>
RV_INLINE typename Vec<T>::Mask beats(Vec<T> x, Vec<T> best) {
  return (x > best) | ((x != x) & (best == best));
}

template <class T>
RV_INLINE Vec<T> pool_max(const PoolShape& s, const Window& w, const T* x, int64_t left) {
  Vec<T> best = Vec<T>::zero();
  for_each_position(s, w, [&](int64_t at, int32_t tap) [[gnu::always_inline]] {
    const Vec<T> value = load(x + at, left);
    best = tap == 0 ? value : select(beats(value, best), value, best);
  });
  return best;
}
template <class T>
RV_INLINE Vec<T> pool_average(const PoolShape& s, const Window& w, const T* x, int64_t left) {
  Vec<T> sum = Vec<T>::zero();
  for_each_position(
      s, w, [&](int64_t at, int32_t) [[gnu::always_inline]] { sum = sum + load(x + at, left); });
  return sum / Vec<T>::set1(static_cast<T>(w.count()));
}

template <class T, PoolKind K>
void forward_rows(const PoolShape& s, int64_t r0, int64_t r1, const T* x, T* y) noexcept {
  constexpr int L = Vec<T>::kLanes;
  const int64_t image_size = s.in[0] * s.in[1] * s.in[2] * s.channels;
  for (int64_t r = r0; r < r1; ++r) {
    const int64_t plane = r / s.out[1], image = plane / s.out[0];
    Window w;
    place(s, 0, plane - image * s.out[0], w);
    place(s, 1, r - plane * s.out[1], w);
    const T* from = x + image * image_size;
    for (int64_t o = 0; o < s.out[2]; ++o) {
      place(s, 2, o, w);
      T* to = y + (r * s.out[2] + o) * s.channels;
      for (int64_t c = 0; c < s.channels; c += L) {
        const int64_t left = s.channels - c;
        store(to + c, left,
              K == PoolKind::Max ? pool_max(s, w, from + c, left)
                                 : pool_average(s, w, from + c, left));
      }
    }
  }
}
template <class T>
void forward(PoolKind kind, const PoolShape& s, int64_t r0, int64_t r1, const T* x, T* y) noexcept {
  if (kind == PoolKind::Max)
    forward_rows<T, PoolKind::Max>(s, r0, r1, x, y);
  else
    forward_rows<T, PoolKind::Average>(s, r0, r1, x, y);
}

// The gradient of one window goes to its first maximum: found first, then added.
template <class T>
RV_INLINE void spread_max(const PoolShape& s, const Window& w, const T* x, Vec<T> gradient, T* dx,
                          int64_t left) {
  using Lane = typename MaskLane<T>::type;
  Vec<T> best = Vec<T>::zero();
  Vec<Lane> winner = Vec<Lane>::zero();
  for_each_position(s, w, [&](int64_t at, int32_t tap) [[gnu::always_inline]] {
    const Vec<T> value = load(x + at, left);
    const typename Vec<T>::Mask better = tap == 0 ? ~Vec<Lane>::zero() : beats(value, best);
    best = select(better, value, best);
    winner = select(better, Vec<Lane>::set1(tap), winner);
  });
  for_each_position(s, w, [&](int64_t at, int32_t tap) [[gnu::always_inline]] {
    const Vec<T> share = select(winner == Vec<Lane>::set1(tap), gradient, Vec<T>::zero());
    store(dx + at, left, load(dx + at, left) + share);
  });
}
template <class T>
RV_INLINE void spread_average(const PoolShape& s, const Window& w, Vec<T> gradient, T* dx,
                              int64_t left) {
  const Vec<T> share = gradient / Vec<T>::set1(static_cast<T>(w.count()));
  for_each_position(s, w, [&](int64_t at, int32_t) [[gnu::always_inline]] {
    store(dx + at, left, load(dx + at, left) + share);
  });
}

template <class T, PoolKind K>
void backward_image(const PoolShape& s, int64_t image, int64_t c0, int64_t c1, const T* x,
                    const T* dy, T* dx) noexcept {
  constexpr int L = Vec<T>::kLanes;
  const int64_t pixels = s.in[0] * s.in[1] * s.in[2], outputs = s.out[0] * s.out[1] * s.out[2];
  dx += image * pixels * s.channels;
  dy += image * outputs * s.channels;
  if (K == PoolKind::Max) x += image * pixels * s.channels;
  if (c1 - c0 == s.channels)
    std::memset(dx, 0, pixels * s.channels * sizeof(T));
  else
    for (int64_t p = 0; p < pixels; ++p)
      std::memset(dx + p * s.channels + c0, 0, (c1 - c0) * sizeof(T));
  Window w;
  for (int64_t d = 0; d < s.out[0]; ++d) {
    place(s, 0, d, w);
    for (int64_t h = 0; h < s.out[1]; ++h) {
      place(s, 1, h, w);
      for (int64_t o = 0; o < s.out[2]; ++o, dy += s.channels) {
        place(s, 2, o, w);
        for (int64_t c = c0; c < c1; c += L) {
          const Vec<T> gradient = load(dy + c, c1 - c);
          if constexpr (K == PoolKind::Max)
            spread_max(s, w, x + c, gradient, dx + c, c1 - c);
          else
            spread_average(s, w, gradient, dx + c, c1 - c);
        }
      }
    }
  }
}
template <class T>
void backward(PoolKind kind, const PoolShape& s, int64_t image, int64_t c0, int64_t c1, const T* x,
              const T* dy, T* dx) noexcept {
  if (kind == PoolKind::Max)
    backward_image<T, PoolKind::Max>(s, image, c0, c1, x, dy, dx);
  else
    backward_image<T, PoolKind::Average>(s, image, c0, c1, x, dy, dx);
}

}  // namespace

extern const PoolRows<float> kPoolF32;
const PoolRows<float> kPoolF32{forward<float>, backward<float>};
#if !defined(__AVX2__)
extern const PoolRows<double> kPoolF64;
const PoolRows<double> kPoolF64{forward<double>, backward<double>};
#endif

}  // namespace ranvier::kernels::RV_ISA
