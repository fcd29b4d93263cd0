#pragma once
// The register tiles of the matrix product: every shape, for every way to read A and B.

#include <utility>

#include "kernels/cpu/gemm/tile.h"
#include "kernels/cpu/simd/registers.h"

namespace ranvier::kernels::RV_ISA {
namespace {

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

// Whether a tile holds its row of B. Measured: of 16 registers, tiles that leave one free gain up
// to 1.3×; of 32, wide tiles of few rows up to 1.5×, and tiles of two vectors lose up to 5 %.
template <int R, int V>
inline constexpr bool kHoldsRow = kVectorRegisters == 32 ? V == 4
                                                         : (R + 1) * V + 1 < kVectorRegisters;

template <class T, int R, int V, Walk kWalk, Columns kColumns, bool kCopies>
RV_INLINE void tile_step(Vec<T> (&acc)[R][V], const T* (&a)[(R + 2) / 3], int64_t stride,
                         int offset, const T* b, int tail, [[maybe_unused]] T* copy) {
  constexpr int kLanes = Vec<T>::kLanes;
  Vec<T> row[V];
#pragma GCC unroll 4
  for (int v = 0; v < V - 1; ++v) row[v] = Vec<T>::load(b + v * kLanes);
  row[V - 1] = load_last<T, kColumns == Columns::Ragged>(b + (V - 1) * kLanes, tail);
  if constexpr (kHoldsRow<R, V>) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) hold(row[v]);
  }
  if constexpr (kCopies) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v].store(copy + v * kLanes);
  }
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r) {
    const T* p = kWalk == Walk::Along ? a[0] + r : a[r / 3] + (r % 3) * stride + offset;
    const Vec<T> x = Vec<T>::set1(*p);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = fma(x, row[v], acc[r][v]);
  }
}

template <class T, int R, int V, bool kTail, bool kFresh>
RV_INLINE void tile_store(Vec<T> (&acc)[R][V], const TileTarget<T>& target) {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> alpha = Vec<T>::set1(target.alpha), beta = Vec<T>::set1(target.beta);
  const auto result = [&](Vec<T> x, Vec<T> old) __attribute__((always_inline)) {
    return kFresh ? alpha * x : fma(alpha, x, beta * old);
  };
  T* c = target.c;
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r, c += target.ldc) {
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; ++v)
      result(acc[r][v], kFresh ? alpha : Vec<T>::load(c + v * kLanes)).store(c + v * kLanes);
    T* last = c + (V - 1) * kLanes;
    const Vec<T> old = kFresh ? alpha : load_last<T, kTail>(last, target.tail);
    store_last<T, kTail>(result(acc[r][V - 1], old), last, target.tail);
  }
}

// The sums fill the registers: all else is read anew for each of them.
template <class T, int R, int V, bool kTail>
RV_INLINE void tile_close(Vec<T> (&acc)[R][V], const TileTarget<T>& target) {
  const TileTarget<T>* t = &target;
  const bool fresh = target.beta == 0;
  const T* old = fresh ? kNothing<T>.data() : target.c;
  const int64_t ld_old = fresh ? 0 : target.ldc;
  const T* residual = target.close.residual;
  T* c = target.c;
  const auto close = [&]<bool kLast>(Vec<T> x, int64_t j) __attribute__((always_inline)) {
    constexpr bool kPart = kLast && kTail;
    const auto load = [&](const T* p) __attribute__((always_inline)) {
      return load_last<T, kPart>(p, t->tail);
    };
    hold(t);
    x = fma(Vec<T>::set1(t->beta), load(old + j), Vec<T>::set1(t->alpha) * x);
    x = x + load(t->close.bias + j) + load(residual + j);
    x = min(Vec<T>::set1(t->close.highest), max(Vec<T>::set1(t->close.lowest), x));
    store_last<T, kPart>(x, c + j, t->tail);
  };
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r) {
    constexpr int kLanes = Vec<T>::kLanes;
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; ++v) close.template operator()<false>(acc[r][v], v * kLanes);
    close.template operator()<true>(acc[r][V - 1], (V - 1) * kLanes);
    c += t->ldc;
    old += ld_old;
    residual += t->close.ld_residual;
    hold(old);
    hold(residual);
  }
}
// The same for a fresh C, alpha 1 and no residual: what is added fits beside the sums.
template <class T, int R, int V, bool kTail>
RV_INLINE void tile_close_fresh(Vec<T> (&acc)[R][V], const TileTarget<T>& target) {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> lowest = Vec<T>::set1(target.close.lowest);
  const Vec<T> highest = Vec<T>::set1(target.close.highest);
  Vec<T> bias[V];
#pragma GCC unroll 4
  for (int v = 0; v < V - 1; ++v) bias[v] = Vec<T>::load(target.close.bias + v * kLanes);
  bias[V - 1] = load_last<T, kTail>(target.close.bias + (V - 1) * kLanes, target.tail);
  T* c = target.c;
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r, c += target.ldc) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = min(highest, max(lowest, acc[r][v] + bias[v]));
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; ++v) acc[r][v].store(c + v * kLanes);
    store_last<T, kTail>(acc[r][V - 1], c + (V - 1) * kLanes, target.tail);
  }
}
template <class T, int R, int V, bool kTail>
RV_INLINE void tile_store(Vec<T> (&acc)[R][V], const TileTarget<T>& target) {
  if (sizeof(T) == 4 && target.close.bias && target.close.ld_residual == 0 && target.beta == 0 &&
      target.alpha == 1)
    tile_close_fresh<T, R, V, kTail>(acc, target);
  else if (target.close.bias)
    tile_close<T, R, V, kTail>(acc, target);
  else if (target.beta == 0)
    tile_store<T, R, V, kTail, true>(acc, target);
  else
    tile_store<T, R, V, kTail, false>(acc, target);
}

// One tile: R×V vectors of C += k columns of A times k rows of B (b_stride apart). With kCopies the
// rows of B are copied, one after the other, to `copy`.
template <class T, int R, int V, Walk kWalk, Columns kColumns, bool kCopies>
RV_INLINE void sum_tile(const T* a, int64_t stride, const T* b, int64_t b_stride, int64_t k,
                        T* copy, const TileTarget<T>& target) {
  constexpr int kUnroll = 4, kAhead = 8;
  Vec<T> acc[R][V];
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = Vec<T>::zero();
  // Across: rows in threes share a pointer, from which addressing modes reach 0, 1 and 2 strides.
  constexpr int kPointers = kWalk == Walk::Along ? 1 : (R + 2) / 3;
  const T* base[(R + 2) / 3];
#pragma GCC unroll 5
  for (int g = 0; g < kPointers; ++g) base[g] = a + 3 * g * stride;
  const auto advance = [&base](int64_t step) __attribute__((always_inline)) {
#pragma GCC unroll 5
    for (int g = 0; g < kPointers; ++g) {
      base[g] += step;
      hold(base[g]);
    }
  };
  constexpr int kRow = V * Vec<T>::kLanes, kLine = 64 / sizeof(T);
  constexpr bool kPacked = kColumns == Columns::Packed;
  const int tail = target.tail;
  const T* ahead = b + kAhead * b_stride;
  // Rows of C and of a residual are fetched one by one: all at once would stop the loads
  // of A and B.
  T* fetch = target.c;
  T* const last_row = target.c + (R - 1) * target.ldc;
  const T* fetch_residual = target.close.bias ? target.close.residual : target.c;
  TileAhead<T>* const later = kPacked || kCopies || kWalk == Walk::Along ? target.ahead : nullptr;
  int64_t p = k;
  for (; p >= kUnroll; p -= kUnroll) {
    for (TileAhead<T>* f = later; f && f->rows > 0; f = f->also) {
      for (int i = 0; i < f->lines; ++i) __builtin_prefetch(f->at + i * (64 / sizeof(T)), 0, 2);
      f->at += f->step;
      --f->rows;
    }
#pragma GCC unroll 4
    for (int i = 0; i < kRow; i += kLine) {
      __builtin_prefetch(fetch + i, 1);
      __builtin_prefetch(fetch_residual + i);
    }
    fetch_residual += fetch == last_row ? 0 : target.close.ld_residual;
    fetch += fetch == last_row ? 0 : target.ldc;
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; ++u) {
      if constexpr (kPacked) {
#pragma GCC unroll 4
        for (int i = 0; i < kRow; i += kLine) __builtin_prefetch(b + (kAhead + u) * kRow + i);
        tile_step<T, R, V, kWalk, kColumns, kCopies>(acc, base, stride, u, b + u * kRow, tail,
                                                     nullptr);
      } else {
#pragma GCC unroll 4
        for (int i = 0; i < kRow; i += kLine) __builtin_prefetch(ahead + i);
        if constexpr (V > 1) __builtin_prefetch(ahead + kRow - 1);  // no row need begin at a line
        tile_step<T, R, V, kWalk, kColumns, kCopies>(acc, base, stride, u, b, tail,
                                                     copy + u * kRow);
        b += b_stride;
        ahead += b_stride;
        hold(b);
        hold(ahead);
      }
      if constexpr (kWalk == Walk::Along) advance(stride);
    }
    if constexpr (kWalk == Walk::Across) advance(kUnroll);
    if constexpr (kPacked) {
      b += kUnroll * kRow;
      hold(b);
    }
    if constexpr (kCopies) {
      copy += kUnroll * kRow;
      hold(copy);
    }
  }
  for (; p > 0; --p) {
    tile_step<T, R, V, kWalk, kColumns, kCopies>(acc, base, stride, 0, b, tail, copy);
    b += kPacked ? kRow : b_stride;
    if constexpr (kCopies) copy += kRow;
    advance(kWalk == Walk::Along ? stride : 1);
  }
  // On AVX-512 a full vector is stored as fast under a mask: no second copy of the code.
  constexpr bool kFreeMask = kVectorBytes == 64;
  if (kColumns == Columns::Whole || (kPacked && !kFreeMask && tail == Vec<T>::kLanes))
    tile_store<T, R, V, false>(acc, target);
  else
    tile_store<T, R, V, true>(acc, target);
}

template <class T, int R, int V, Walk kWalk, Columns kColumns>
void tile(const T* a, int64_t stride, const T* b, int64_t b_stride, int64_t k,
          const TileTarget<T>& target) noexcept {
  sum_tile<T, R, V, kWalk, kColumns, false>(a, stride, b, b_stride, k, nullptr, target);
}
template <class T, int R, int V, Walk kWalk>
void copying_tile(const T* a, int64_t stride, const T* b, int64_t b_stride, int64_t k, T* copy,
                  const TileTarget<T>& target) noexcept {
  sum_tile<T, R, V, kWalk, Columns::Whole, true>(a, stride, b, b_stride, k, copy, target);
}

// Every tile shape of one way to read: rows[R] for V vectors.
template <class T, int V, Walk kWalk, Columns kColumns>
struct TileColumn {
  TileFn<T> rows[kTileRows[1] + 1];
  template <int... R>
  static constexpr TileColumn make(std::integer_sequence<int, R...>) {
    return {{nullptr, &tile<T, R + 1, V, kWalk, kColumns>...}};
  }
};
template <class T, int V, Walk kWalk, Columns kColumns>
inline constexpr auto kTileColumn =
    TileColumn<T, V, kWalk, kColumns>::make(std::make_integer_sequence<int, kTileRows[V]>());

template <class T, int V, Walk kWalk>
struct CopyingColumn {
  CopyingTileFn<T> rows[kTileRows[V] + 1];
  template <int... R>
  static constexpr CopyingColumn make(std::integer_sequence<int, R...>) {
    return {{nullptr, &copying_tile<T, R + 1, V, kWalk>...}};
  }
};
template <class T, int V, Walk kWalk>
inline constexpr auto kCopyingColumn =
    CopyingColumn<T, V, kWalk>::make(std::make_integer_sequence<int, kTileRows[V]>());

template <class T, Walk kWalk, Columns kColumns>
RV_INLINE TileFn<T> select_tile(int rows, int vectors) {
  if (vectors == 1) return kTileColumn<T, 1, kWalk, kColumns>.rows[rows];
  if constexpr (kMaxVectors<T> >= 3)
    if (vectors == 3) return kTileColumn<T, 3, kWalk, kColumns>.rows[rows];
  if constexpr (kMaxVectors<T> >= 4)
    if (vectors == 4) return kTileColumn<T, 4, kWalk, kColumns>.rows[rows];
  return kTileColumn<T, 2, kWalk, kColumns>.rows[rows];
}
template <class T, Walk kWalk>
RV_INLINE TileFn<T> select_tile(Columns columns, int rows, int vectors) {
  if (columns == Columns::Packed) return select_tile<T, kWalk, Columns::Packed>(rows, vectors);
  if constexpr (kMaskedLoads<T>)
    if (columns == Columns::Ragged) return select_tile<T, kWalk, Columns::Ragged>(rows, vectors);
  return select_tile<T, kWalk, Columns::Whole>(rows, vectors);
}
template <class T>
RV_INLINE TileFn<T> select_tile(Walk walk, Columns columns, int rows, int vectors) {
  return walk == Walk::Along ? select_tile<T, Walk::Along>(columns, rows, vectors)
                             : select_tile<T, Walk::Across>(columns, rows, vectors);
}

template <class T, Walk kWalk>
RV_INLINE CopyingTileFn<T> select_copying_tile(int rows, int vectors) {
  if constexpr (kMaxVectors<T> >= 4)
    if (vectors == 4) return kCopyingColumn<T, 4, kWalk>.rows[rows];
  return kCopyingColumn<T, 2, kWalk>.rows[rows];
}
template <class T>
RV_INLINE CopyingTileFn<T> select_copying_tile(Walk walk, int rows, int vectors) {
  return walk == Walk::Along ? select_copying_tile<T, Walk::Along>(rows, vectors)
                             : select_copying_tile<T, Walk::Across>(rows, vectors);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
