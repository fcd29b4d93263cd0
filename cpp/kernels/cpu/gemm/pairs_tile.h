#pragma once
// The register tiles of the bfloat16 product: R rows of V vectors of float32 sums, to which
// dpbf16ps adds two steps of k at a time. Each sum is one chain over k, whatever the tile.

#include <utility>

#include "kernels/cpu/gemm/pairs_pack.h"
#include "kernels/cpu/gemm/tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Packed: pairs as in pairs_pack.h, 16 rows of A or V vectors of columns of B side by side.
// InPlace: A lies along k, B along its columns, strides in elements.
enum class Pairs { Packed, InPlace };

struct PairTarget {
  uint16_t* c;
  int64_t ldc;
  float* sums;  // between blocks of k: rows ld_sums apart, whole vectors
  int64_t ld_sums;
  bool first, last;  // block of k
  int tail;          // columns of the last vector, 1 to 16
};

using PairTileFn = void (*)(const uint16_t* a, int64_t stride, const uint16_t* b, int64_t b_stride,
                            int64_t k, const PairTarget& target) noexcept;

RV_INLINE __m512bh broadcast_pair(const uint16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return (__m512bh)_mm512_set1_epi32(pair);
}

// 16 columns of two rows of k, as pairs; the second row is missing where k is odd and ends.
template <bool kHalf>
RV_INLINE __m512bh zip_columns(const uint16_t* b, int64_t stride, __mmask16 mask) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, b));
  if constexpr (kHalf) return (__m512bh)low;
  const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, b + stride));
  return (__m512bh)_mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

template <int R, int V, Pairs kA, Pairs kB, bool kHalf>
RV_INLINE void pair_step(__m512 (&acc)[R][V], const uint16_t* a, int64_t stride, const uint16_t* b,
                         int64_t b_stride, __mmask16 mask) {
  __m512bh columns[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    if constexpr (kB == Pairs::Packed)
      columns[v] = (__m512bh)_mm512_loadu_si512(b + v * 2 * kPairs);
    else
      columns[v] = zip_columns<kHalf>(b + v * kPairs, b_stride, v == V - 1 ? mask : 0xffff);
  }
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r) {
    const uint16_t* p = kA == Pairs::Packed ? a + 2 * r : a + r * stride;
    const __m512bh x =
        kA == Pairs::InPlace && kHalf ? (__m512bh)_mm512_set1_epi32(*p) : broadcast_pair(p);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = _mm512_dpbf16_ps(acc[r][v], x, columns[v]);
  }
}

template <int R, int V>
RV_INLINE void load_sums(__m512 (&acc)[R][V], const PairTarget& t) {
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      acc[r][v] =
          t.first ? _mm512_setzero_ps() : _mm512_loadu_ps(t.sums + r * t.ld_sums + v * kPairs);
}
template <int R, int V>
RV_INLINE void store_sums(const __m512 (&acc)[R][V], const PairTarget& t, __mmask16 mask) {
#pragma GCC unroll 14
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if (!t.last) {
        _mm512_storeu_ps(t.sums + r * t.ld_sums + v * kPairs, acc[r][v]);
        continue;
      }
      const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(acc[r][v]);
      _mm256_mask_storeu_epi16(t.c + r * t.ldc + v * kPairs, v == V - 1 ? mask : 0xffff, rounded);
    }
}

template <int R, int V, Pairs kA, Pairs kB>
void pair_tile(const uint16_t* a, int64_t stride, const uint16_t* b, int64_t b_stride, int64_t k,
               const PairTarget& target) noexcept {
  constexpr int kAhead = 8;
  const auto mask = static_cast<__mmask16>(first_lanes32(target.tail));
  const int64_t a_step = kA == Pairs::Packed ? 2 * kPairs : 2;
  const int64_t b_step = kB == Pairs::Packed ? V * 2 * kPairs : 2 * b_stride;
  __m512 acc[R][V];
  load_sums(acc, target);
  for (int64_t p = k / 2; p > 0; --p, a += a_step, b += b_step) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) __builtin_prefetch(b + kAhead * b_step + v * 2 * kPairs);
    pair_step<R, V, kA, kB, false>(acc, a, stride, b, b_stride, mask);
  }
  if (k % 2) pair_step<R, V, kA, kB, true>(acc, a, stride, b, b_stride, mask);
  store_sums(acc, target, mask);
}

// Every tile of one way to read: rows[R] for V vectors.
template <int V, Pairs kA, Pairs kB>
struct PairTiles {
  PairTileFn rows[kTileRows[1] + 1];
  template <int... R>
  static constexpr PairTiles make(std::integer_sequence<int, R...>) {
    return {{nullptr, &pair_tile<R + 1, V, kA, kB>...}};
  }
};
template <int V, Pairs kA, Pairs kB>
inline constexpr auto kPairTiles =
    PairTiles<V, kA, kB>::make(std::make_integer_sequence<int, kTileRows[V]>());

template <Pairs kA, Pairs kB>
RV_INLINE PairTileFn select_pair_tile(int rows, int vectors) {
  if (vectors == 1) return kPairTiles<1, kA, kB>.rows[rows];
  if (vectors == 2) return kPairTiles<2, kA, kB>.rows[rows];
  if (vectors == 3) return kPairTiles<3, kA, kB>.rows[rows];
  return kPairTiles<4, kA, kB>.rows[rows];
}
// rows <= kTileRows[vectors]
RV_INLINE PairTileFn select_pair_tile(bool packed_a, bool packed_b, int rows, int vectors) {
  constexpr Pairs kPacked = Pairs::Packed, kInPlace = Pairs::InPlace;
  if (packed_a)
    return packed_b ? select_pair_tile<kPacked, kPacked>(rows, vectors)
                    : select_pair_tile<kPacked, kInPlace>(rows, vectors);
  return packed_b ? select_pair_tile<kInPlace, kPacked>(rows, vectors)
                  : select_pair_tile<kInPlace, kInPlace>(rows, vectors);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
