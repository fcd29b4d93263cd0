#pragma once
// Register tiles of the matrix product. One tile holds R rows of V vectors of C in registers and
// walks k once; operands are packed or read where they lie, the difference is in the strides alone.

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Largest tiles that fit the registers: R * V accumulators, V vectors of B, one broadcast of A.
#if defined(__AVX512F__)
inline constexpr int kTileRows[5] = {0, 14, 14, 9, 6};
inline constexpr int kMaxVectors = 4;
#elif defined(__AVX2__)
inline constexpr int kTileRows[5] = {0, 8, 6, 4, 0};
inline constexpr int kMaxVectors = 3;
#else
inline constexpr int kTileRows[5] = {0, 6, 4, 0, 0};
inline constexpr int kMaxVectors = 2;
#endif
inline constexpr int kMaxTileRows = kTileRows[2];
// Full vectors may be read and written under a mask at no cost; then whole tiles need no second
// copy. Without masked loads a ragged B is packed.
inline constexpr bool kAlwaysMask = kVectorBytes == 64;
inline constexpr bool kMaskedLoads = kVectorBytes > 16;

// How A is walked. Along: element (r, p) at a[r + p * stride] (a packed panel, or A stored k×m).
// Across: at a[r * stride + p] (A stored m×k).
enum class Walk { Along, Across };

// C = alpha * product + beta * C; beta 0 does not read C.
template <class T>
struct TileTarget {
  T* c;
  int64_t ldc;
  T alpha, beta;
  int tail;  // columns of the last vector, 1 to lanes
};

template <class T, bool kTail>
RV_INLINE Vec<T> load_last(const T* p, int tail) {
  if constexpr (kTail)
    return Vec<T>::load_partial(p, tail);
  else
    return Vec<T>::load(p);
}
template <class T, bool kTail>
RV_INLINE void store_last(Vec<T> x, T* p, int tail) {
  if constexpr (kTail)
    x.store_partial(p, tail);
  else
    x.store(p);
}

// Keeps the compiler from replacing one moving pointer by dozens of derived addresses.
template <class T>
RV_INLINE void pin(T*& p) {
  asm("" : "+r"(p));
}

template <class T, int R, int V, Walk kWalk, bool kTail>
RV_INLINE void tile_step(Vec<T> (&acc)[R][V], const T* (&a)[(R + 2) / 3], int64_t stride,
                         int offset, const T* b, int tail) {
  constexpr int kLanes = Vec<T>::kLanes;
  Vec<T> row[V];
#pragma GCC unroll 4
  for (int v = 0; v < V - 1; ++v) row[v] = Vec<T>::load(b + v * kLanes);
  row[V - 1] = load_last < T, kTail && kMaskedLoads > (b + (V - 1) * kLanes, tail);
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r) {
    const T* p = kWalk == Walk::Along ? a[0] + r : a[r / 3] + (r % 3) * stride + offset;
    const Vec<T> x = Vec<T>::set1(*p);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = fma(x, row[v], acc[r][v]);
  }
}

template <class T, int R, int V, bool kTail>
RV_INLINE void tile_store(Vec<T> (&acc)[R][V], const TileTarget<T>& target) {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> alpha = Vec<T>::set1(target.alpha), beta = Vec<T>::set1(target.beta);
  T* c = target.c;
  if (target.beta == 0) {
#pragma GCC unroll 14
    for (int r = 0; r < R; ++r, c += target.ldc) {
#pragma GCC unroll 4
      for (int v = 0; v < V - 1; ++v) (alpha * acc[r][v]).store(c + v * kLanes);
      store_last<T, kTail>(alpha * acc[r][V - 1], c + (V - 1) * kLanes, target.tail);
    }
    return;
  }
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r, c += target.ldc) {
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; ++v)
      fma(alpha, acc[r][v], beta * Vec<T>::load(c + v * kLanes)).store(c + v * kLanes);
    T* last = c + (V - 1) * kLanes;
    const Vec<T> old = load_last<T, kTail>(last, target.tail);
    store_last<T, kTail>(fma(alpha, acc[r][V - 1], beta * old), last, target.tail);
  }
}

// One tile: R×V vectors of C += k columns of A times k rows of B (b_stride apart).
template <class T, int R, int V, Walk kWalk, bool kTail>
void tile(const T* a, int64_t stride, const T* b, int64_t b_stride, int64_t k,
          const TileTarget<T>& target) noexcept {
  constexpr int kUnroll = 4, kAhead = 8, kWorthFetching = 24;
  Vec<T> acc[R][V];
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = Vec<T>::zero();
  if (k >= kWorthFetching) {
#pragma GCC unroll 14
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        __builtin_prefetch(target.c + r * target.ldc + v * Vec<T>::kLanes, 1);
  }
  // Across: rows in threes share a pointer, from which addressing modes reach 0, 1 and 2 strides.
  constexpr int kPointers = kWalk == Walk::Along ? 1 : (R + 2) / 3;
  const T* base[(R + 2) / 3];
#pragma GCC unroll 5
  for (int g = 0; g < kPointers; ++g) base[g] = a + 3 * g * stride;
  const auto advance = [&base](int64_t step) __attribute__((always_inline)) {
#pragma GCC unroll 5
    for (int g = 0; g < kPointers; ++g) {
      base[g] += step;
      pin(base[g]);
    }
  };
  const int tail = target.tail;
  const T* ahead = b + kAhead * b_stride;
  int64_t p = k;
  for (; p >= kUnroll; p -= kUnroll) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; ++u) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) __builtin_prefetch(ahead + v * Vec<T>::kLanes);
      if constexpr (V > 1)
        __builtin_prefetch(ahead + V * Vec<T>::kLanes - 1);  // rows need not begin at a cache line
      tile_step<T, R, V, kWalk, kTail>(acc, base, stride, u, b, tail);
      b += b_stride;
      ahead += b_stride;
      pin(b);
      pin(ahead);
      if constexpr (kWalk == Walk::Along) advance(stride);
    }
    if constexpr (kWalk == Walk::Across) advance(kUnroll);
  }
  for (; p > 0; --p) {
    tile_step<T, R, V, kWalk, kTail>(acc, base, stride, 0, b, tail);
    b += b_stride;
    advance(kWalk == Walk::Along ? stride : 1);
  }
  tile_store<T, R, V, kTail>(acc, target);
}

template <class T>
using TileFn = void (*)(const T*, int64_t, const T*, int64_t, int64_t,
                        const TileTarget<T>&) noexcept;

// Every tile shape of one walk: rows[R] for V vectors, with a ragged last vector or without.
template <class T, int V, Walk kWalk, bool kTail>
struct TileColumn {
  TileFn<T> rows[kTileRows[1] + 1];
  template <int... R>
  static constexpr TileColumn make(std::integer_sequence<int, R...>) {
    return {{nullptr, &tile < T, R + 1, V, kWalk, kTail || kAlwaysMask > ...}};
  }
};
template <class T, int V, Walk kWalk, bool kTail>
inline constexpr auto kTileColumn =
    TileColumn<T, V, kWalk, kTail>::make(std::make_integer_sequence<int, kTileRows[V]>());

template <class T, Walk kWalk, bool kTail>
RV_INLINE TileFn<T> find_tile(int rows, int vectors) {
  switch (vectors) {
    case 1:
      return kTileColumn<T, 1, kWalk, kTail>.rows[rows];
    case 2:
      return kTileColumn<T, 2, kWalk, kTail>.rows[rows];
#if defined(__AVX2__)
    case 3:
      return kTileColumn<T, 3, kWalk, kTail>.rows[rows];
#endif
#if defined(__AVX512F__)
    case 4:
      return kTileColumn<T, 4, kWalk, kTail>.rows[rows];
#endif
  }
  return nullptr;
}
template <class T>
RV_INLINE TileFn<T> find_tile(Walk walk, bool tail, int rows, int vectors) {
  if (walk == Walk::Along)
    return tail ? find_tile<T, Walk::Along, true>(rows, vectors)
                : find_tile<T, Walk::Along, false>(rows, vectors);
  return tail ? find_tile<T, Walk::Across, true>(rows, vectors)
              : find_tile<T, Walk::Across, false>(rows, vectors);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
