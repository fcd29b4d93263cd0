#pragma once
// Copies of operands in the order in which the register tiles read them.

#include <utility>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T, int... I>
RV_INLINE Vec<T> zip_low(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int kLanes = Vec<T>::kLanes;
  return {__builtin_shufflevector(a.v, b.v, (I / 2 + (I % 2) * kLanes)...)};
}
template <class T, int... I>
RV_INLINE Vec<T> zip_high(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int kLanes = Vec<T>::kLanes;
  return {__builtin_shufflevector(a.v, b.v, (kLanes / 2 + I / 2 + (I % 2) * kLanes)...)};
}
// x becomes its transpose. Zipping rows i and i + lanes/2 once moves every index one bit on.
template <class T>
RV_INLINE void transpose(Vec<T> (&x)[Vec<T>::kLanes]) {
  constexpr int kLanes = Vec<T>::kLanes;
  constexpr auto kIndex = std::make_integer_sequence<int, kLanes>();
#pragma GCC unroll 4
  for (int bit = 1; bit < kLanes; bit *= 2) {
    Vec<T> y[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes / 2; ++i) {
      y[2 * i] = zip_low(x[i], x[i + kLanes / 2], kIndex);
      y[2 * i + 1] = zip_high(x[i], x[i + kLanes / 2], kIndex);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}

// How far ahead of the copy its source is fetched: rows of a large matrix lie in pages of their
// own, where the hardware does not look ahead.
inline constexpr int kAheadVectors = 4, kAheadRows = 12;

// Brings `rows` rows of `length` elements into L2, some lines at a time between other work.
template <class T>
struct Fetcher {
  const T* row = nullptr;
  int64_t ld = 0, rows = 0, length = 0;
  int64_t at = 0;

  RV_INLINE int64_t lines() const { return rows * (length * sizeof(T) / 64 + 1); }
  RV_INLINE void some(int64_t lines) {
    for (; lines > 0 && rows > 0; --lines) {
      __builtin_prefetch(row + at, 0, 2);
      at += 64 / sizeof(T);
      if (at < length) continue;
      __builtin_prefetch(row + length - 1, 0, 2);  // rows need not begin at a line
      at = 0;
      row += ld;
      --rows;
    }
  }
};

// dst[p * width + r] = src[r * ld + p] for r < rows <= width, p < k; columns rows .. width of dst
// become zero. Writes up to one vector past the end of dst.
template <class T>
void pack_transposed(const T* src, int64_t ld, int rows, int width, int64_t k, T* dst) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  for (int64_t p = 0; p < k; p += kLanes) {
    const int count = static_cast<int>(k - p < kLanes ? k - p : kLanes);
    for (int r0 = 0; r0 < width; r0 += kLanes) {
      Vec<T> x[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        x[r] = Vec<T>::zero();
        if (r0 + r < rows) {
          const T* from = src + (r0 + r) * ld + p;
          __builtin_prefetch(from + kAheadVectors * kLanes);
          x[r] = count == kLanes ? Vec<T>::load(from) : Vec<T>::load_partial(from, count);
        }
      }
      transpose(x);
      T* to = dst + p * width + r0;
      if (count == kLanes && width - r0 >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) x[i].store(to + i * width);
      } else if (width <= kLanes) {
        // A row of dst is shorter than a vector: the next store overwrites what hangs over.
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i)
          if (i < count) x[i].store(to + i * width);
      } else {
        const int left = width - r0 < kLanes ? width - r0 : kLanes;
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i)
          if (i < count) x[i].store_partial(to + i * width, left);
      }
    }
  }
}

// dst[p * width + j] = src[p * ld + j] for j < columns <= width, p < k; the rest of a row is zero.
// Writes up to one vector past the end of dst.
template <class T>
void pack_rows(const T* src, int64_t ld, int columns, int width, int64_t k, T* dst) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  for (int64_t p = 0; p < k; ++p, src += ld, dst += width) {
    const T* ahead = src + kAheadRows * ld;
    for (int j = 0; j < columns; j += 64 / sizeof(T)) __builtin_prefetch(ahead + j);
    __builtin_prefetch(ahead + columns - 1);
    int j = 0;
    for (; j + kLanes <= columns; j += kLanes) Vec<T>::load(src + j).store(dst + j);
    if (j < columns) {
      Vec<T>::load_partial(src + j, columns - j).store(dst + j);
      j += kLanes;
    }
    for (; j < width; j += kLanes) Vec<T>::zero().store(dst + j);
  }
}

// The same for rows of at most one vector that lie in cache, as one vector each.
template <class T>
RV_INLINE void pack_short_rows(const T* src, int64_t ld, int columns, int64_t k, T* dst) {
  for (int64_t p = 0; p < k; ++p, src += ld, dst += Vec<T>::kLanes)
    Vec<T>::load_partial(src, columns).store(dst);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
