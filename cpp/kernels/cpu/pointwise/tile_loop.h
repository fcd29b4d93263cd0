#pragma once
// The loop of the tile kernels that are written with vectors.

#include "kernels/cpu/pointwise/pw_op.h"
#include "kernels/cpu/simd/stream_values.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Results are fetched this many elements ahead of their stores: a store that misses waits for a
// line whose old contents nobody reads. Farther ahead such requests hold up those of the operands,
// and results of fewer elements are a tile in the first cache.
constexpr int64_t kAhead = 64, kFetched = 2048;

// Applies f to N operands, `Unroll` vectors at a time; the tail runs the same code under a mask.
// `Streams`: whole vectors go past the caches, dst begins a line, and operands, which are arrays,
// are fetched early. `Values`: a bit for each operand that is known to be one value.
template <class T, int N, int Unroll, bool Streams, unsigned Values = 0, class F>
RV_INLINE void for_tile(const TileArgs& args, F f) {
  using V = Vec<T>;
  constexpr int kLanes = V::kLanes;
  T* dst = static_cast<T*>(args.dst);
  const T* src[N];
  int64_t stride[N];  // elements from vector to vector, none of an operand that is one
  V value[N];
#pragma GCC unroll 5
  for (int k = 0; k < N; ++k) {
    src[k] = static_cast<const T*>(args.src[k]);
    stride[k] = args.step[k] * kLanes;
    if (Values >> k & 1) value[k] = V::load(src[k]);
  }
  const bool fetches = args.n > kFetched;
  int64_t i = 0;
  for (; i + Unroll * kLanes <= args.n; i += Unroll * kLanes) {
    V result[Unroll];
#pragma GCC unroll 4
    for (int u = 0; u < Unroll; ++u) {
      V x[N];
#pragma GCC unroll 5
      for (int k = 0; k < N; ++k) {
        x[k] = Values >> k & 1 ? value[k] : V::load(src[k] + u * stride[k]);
        if constexpr (Streams) fetch_ahead(src[k] + u * stride[k], sizeof(V));
      }
      result[u] = f(x);
    }
#pragma GCC unroll 5
    for (int k = 0; k < N; ++k) src[k] += Unroll * stride[k];
    if (!Streams && fetches)
#pragma GCC unroll 4
      for (int u = 0; u < Unroll; ++u) __builtin_prefetch(dst + i + kAhead + u * kLanes, 1);
#pragma GCC unroll 4
    for (int u = 0; u < Unroll; ++u) {
      if constexpr (Streams)
        stream_vector(result[u], dst + i + u * kLanes);
      else
        result[u].store(dst + i + u * kLanes);
    }
  }
  for (; i < args.n; i += kLanes) {
    const int left = static_cast<int>(args.n - i < kLanes ? args.n - i : kLanes);
    V x[N];
#pragma GCC unroll 5
    for (int k = 0; k < N; ++k) {
      x[k] = left < kLanes && stride[k] ? V::load_partial(src[k], left) : V::load(src[k]);
      src[k] += stride[k];
    }
    if (left < kLanes)
      f(x).store_partial(dst + i, left);
    else
      f(x).store(dst + i);
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
