#pragma once
// A bitonic network in registers: V vectors of L lanes are sorted as V L values, of which the one
// at place i is lane i / V of vector i % V. So most steps compare whole vectors.

#include <utility>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)
RV_INLINE VecI lesser(VecI a, VecI b) {
  return {(VecI::Register)_mm512_min_epi32((__m512i)a.v, (__m512i)b.v)};
}
RV_INLINE VecI greater(VecI a, VecI b) {
  return {(VecI::Register)_mm512_max_epi32((__m512i)a.v, (__m512i)b.v)};
}
RV_INLINE VecL lesser(VecL a, VecL b) {
  return {(VecL::Register)_mm512_min_epi64((__m512i)a.v, (__m512i)b.v)};
}
RV_INLINE VecL greater(VecL a, VecL b) {
  return {(VecL::Register)_mm512_max_epi64((__m512i)a.v, (__m512i)b.v)};
}
#else
template <class K>
RV_INLINE Vec<K> lesser(Vec<K> a, Vec<K> b) {
  return {a.v < b.v ? a.v : b.v};
}
template <class K>
RV_INLINE Vec<K> greater(Vec<K> a, Vec<K> b) {
  return {a.v < b.v ? b.v : a.v};
}
#endif

template <class K>
struct Lanes {
  static constexpr int kCount = Vec<K>::kLanes;
  using Sequence = std::make_integer_sequence<K, kCount>;
  template <int kMask, K... i>
  RV_INLINE static Vec<K> swap(Vec<K> a, std::integer_sequence<K, i...>) {
    return {__builtin_shuffle(a.v, Native<K>{(i ^ kMask)...})};
  }
  template <int kBit, K... i>
  RV_INLINE static Vec<K> blend(Vec<K> a, Vec<K> b, std::integer_sequence<K, i...>) {
    return {__builtin_shuffle(a.v, b.v, Native<K>{(i & kBit ? kCount + i : i)...})};
  }
  template <int kFirst, K... i>
  RV_INLINE static Vec<K> zip(Vec<K> a, Vec<K> b, std::integer_sequence<K, i...>) {
    return {__builtin_shuffle(a.v, b.v, Native<K>{(kFirst + i / 2 + (i & 1) * kCount)...})};
  }
};
// Lane i of a is lane i ^ kMask.
template <int kMask, class K>
RV_INLINE Vec<K> swap_lanes(Vec<K> a) {
  return Lanes<K>::template swap<kMask>(a, typename Lanes<K>::Sequence{});
}
// Lanes of b where their number has the bit.
template <int kBit, class K>
RV_INLINE Vec<K> blend_lanes(Vec<K> a, Vec<K> b) {
  return Lanes<K>::template blend<kBit>(a, b, typename Lanes<K>::Sequence{});
}
// a[f], b[f], a[f + 1], b[f + 1], ...
template <int kFirst, class K>
RV_INLINE Vec<K> zip_lanes(Vec<K> a, Vec<K> b) {
  return Lanes<K>::template zip<kFirst>(a, b, typename Lanes<K>::Sequence{});
}

template <class K>
RV_INLINE void exchange(Vec<K>& a, Vec<K>& b) {
  const Vec<K> low = lesser(a, b), high = greater(a, b);
  a = low, b = high;
}

// Exchanges i with i + kDistance, kDistance / 2, ... 1, within blocks twice as long.
template <int V, int kDistance, class K>
RV_INLINE void clean(Vec<K>* x) {
  if constexpr (kDistance >= V) {
    constexpr int kLane = kDistance / V;
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      const Vec<K> y = swap_lanes<kLane>(x[v]);
      x[v] = blend_lanes<kLane>(lesser(x[v], y), greater(x[v], y));
    }
  } else if constexpr (kDistance > 0) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      if (!(v & kDistance)) exchange(x[v], x[v + kDistance]);
  }
  if constexpr (kDistance > 1) clean<V, kDistance / 2>(x);
}

// Merges the two sorted halves of every block of kBlock values: the mirrored exchange first.
template <int V, int kBlock, class K>
RV_INLINE void merge_blocks(Vec<K>* x) {
  if constexpr (V == 1) {
    const Vec<K> y = swap_lanes<kBlock - 1>(x[0]);
    x[0] = blend_lanes<kBlock / 2>(lesser(x[0], y), greater(x[0], y));
  } else if constexpr (kBlock <= V) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      if (const int w = v ^ (kBlock - 1); v < w) exchange(x[v], x[w]);
  } else {
    constexpr int kMask = kBlock / V - 1, kLane = kBlock / V / 2;
#pragma GCC unroll 16
    for (int v = 0; v < V / 2; ++v) {
      const Vec<K> y = swap_lanes<kMask>(x[V - 1 - v]);
      const Vec<K> low = lesser(x[v], y), high = greater(x[v], y);
      x[v] = blend_lanes<kLane>(low, high);
      x[V - 1 - v] = swap_lanes<kMask>(blend_lanes<kLane>(high, low));
    }
  }
  clean<V, kBlock / 4>(x);
}

template <int V, int kBlock, class K>
RV_INLINE void sort_blocks(Vec<K>* x) {
  if constexpr (kBlock > 2) sort_blocks<V, kBlock / 2>(x);
  merge_blocks<V, kBlock>(x);
}

// x[v] lane l = y[l] lane v of the sorted order, so that vectors follow each other: one zip of
// both halves for each doubling of V.
template <int V, int kLeft, class K>
RV_INLINE void straighten(Vec<K>* x) {
  if constexpr (kLeft > 1) {
    Vec<K> y[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v)
      y[v] = v % 2 ? zip_lanes<Vec<K>::kLanes / 2>(x[v / 2], x[v / 2 + V / 2])
                   : zip_lanes<0>(x[v / 2], x[v / 2 + V / 2]);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) x[v] = y[v];
    straighten<V, kLeft / 2>(x);
  }
}

// dst[0..n) = the n keys of src in rising order, n <= V L; dst may be src.
template <int V, class K>
[[gnu::noinline]] void sort_in_registers(const K* src, K* dst, int64_t n) {
  constexpr int kLanes = Vec<K>::kLanes;
  constexpr K kLargest = static_cast<K>(~(uint64_t{1} << (8 * sizeof(K) - 1)));
  K padded[V * kLanes];
  for (int64_t i = 0; i < V * kLanes; i += kLanes) Vec<K>::set1(kLargest).store(padded + i);
  std::memcpy(padded, src, static_cast<size_t>(n) * sizeof(K));
  Vec<K> x[V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) x[v] = Vec<K>::load(padded + v * kLanes);
  sort_blocks<V, V * kLanes>(x);
  straighten<V, V>(x);
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) x[v].store(padded + v * kLanes);
  std::memcpy(dst, padded, static_cast<size_t>(n) * sizeof(K));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
