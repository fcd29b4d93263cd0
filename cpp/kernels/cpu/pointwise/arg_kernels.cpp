// Places of maxima and minima, once per instruction set.

#include "kernels/cpu/pointwise/arg_kernels.h"

#include <type_traits>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
extern const ArgChoice kArgKernels;
namespace places {
namespace {

template <class T>
RV_INLINE T value_of(PwTotal total) {
  if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(total.f);
  else
    return static_cast<T>(total.u);
}

// The first of n values that fits; one does.
template <class T, class F>
RV_INLINE int64_t first_that(const T* p, int64_t n, F fits) {
  constexpr int64_t kBlock = 64;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    unsigned found = 0;
    for (int64_t j = 0; j < kBlock; ++j) found |= static_cast<unsigned>(fits(p[i + j]));
    if (found) break;
  }
  while (i + 1 < n && !fits(p[i])) ++i;
  return i;
}
template <class T>
int64_t find(const void* values, int64_t n, PwTotal total) noexcept {
  const T* p = static_cast<const T*>(values);
  const T best = value_of<T>(total);
  if (best != best) return first_that(p, n, [](T x) { return x != x; });
  return first_that(p, n, [best](T x) { return x == best; });
}
template <class W>
int64_t find_total(const PwTotal* totals, int64_t n, PwTotal best) noexcept {
  return find<W>(totals, n, best);
}

template <bool Maximum, class T>
RV_INLINE bool better(T x, T best) {
  const bool beyond = Maximum ? x > best : x < best;
  if constexpr (std::is_floating_point_v<T>)
    return (beyond | (x != x)) & (best == best);
  else
    return beyond;
}
template <bool Maximum, class T, class F>
RV_INLINE void take_better(const T* p, int64_t n, F place_of, T* best, int32_t* places) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) {
    const T x = p[c], old = best[c];
    const int32_t place = place_of(c), before = places[c];
    const bool take = better<Maximum>(x, old);
    best[c] = take ? x : old;
    places[c] = take ? place : before;
  }
}
template <bool Maximum, class T>
void row(const void* values, int64_t n, int32_t place, void* best, int32_t* places) noexcept {
  const auto same = [place](int64_t) { return place; };
  take_better<Maximum>(static_cast<const T*>(values), n, same, static_cast<T*>(best), places);
}
template <bool Maximum, class T>
void join(const void* values, const int32_t* from, int64_t n, void* best,
          int32_t* places) noexcept {
  const auto each = [from](int64_t c) { return from[c]; };
  take_better<Maximum>(static_cast<const T*>(values), n, each, static_cast<T*>(best), places);
}

template <bool Maximum, class T, class W>
constexpr ArgKernels kKernels{find<T>, find_total<W>, row<Maximum, T>, join<Maximum, T>};

template <bool Maximum>
const ArgKernels* kernels_of(RegType type) {
  switch (type) {
    case RegType::F32:
      return &kKernels<Maximum, float, double>;
    case RegType::F64:
      return &kKernels<Maximum, double, double>;
    case RegType::I32:
      return &kKernels<Maximum, int32_t, int64_t>;
    case RegType::I64:
      return &kKernels<Maximum, int64_t, int64_t>;
    case RegType::U64:
      return &kKernels<Maximum, uint64_t, uint64_t>;
    default:
      return &kKernels<Maximum, uint8_t, uint64_t>;
  }
}
const ArgKernels* choose(RegType type, bool maximum) noexcept {
  return maximum ? kernels_of<true>(type) : kernels_of<false>(type);
}

}  // namespace
}  // namespace places

const ArgChoice kArgKernels = places::choose;

}  // namespace ranvier::kernels::RV_ISA
