#pragma once
// Rows of pixels by taps and channels, added where they overlap. Included once per instruction set.

#include "kernels/cpu/conv/conv_kernels.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// to[i] += from[i] for i < n
template <class T>
RV_INLINE void add_run(const T* from, int64_t n, T* to) {
  constexpr int L = Vec<T>::kLanes;
  for (; n >= L; n -= L, from += L, to += L) (Vec<T>::load(to) + Vec<T>::load(from)).store(to);
  const int left = static_cast<int>(n);
  if (left > 0)
    (Vec<T>::load_partial(to, left) + Vec<T>::load_partial(from, left)).store_partial(to, left);
}

// The taps [begin, end) of the pixel whose runs begin at column `at` of their rows.
template <class T>
RV_INLINE void add_pixel(const OverlapAdd& q, int64_t begin, int64_t end, int64_t at, const T* from,
                         T* rows) {
  const int64_t lo = at < 0 ? -at : 0;
  const int64_t room = q.row - at, hi = room < q.run ? room : q.run;
  if (lo >= hi) return;
  T* to = rows + begin * q.tap_row + at + lo;
  from += begin * q.tap + lo;
  for (int64_t tap = begin; tap < end; ++tap, from += q.tap, to += q.tap_row)
    add_run(from, hi - lo, to);
}

// Neighbouring pixels write to the same place, and a load that overlaps a store waits for it:
// pixels that are apart follow each other.
template <class T>
void overlap_add(const OverlapAdd& q, int64_t begin, int64_t end, const T* sums, T* rows) noexcept {
  const int64_t apart = (q.run + q.step - 1) / q.step;
  for (int64_t run = 0; run < q.runs; ++run)
    for (int64_t first = 0; first < apart; ++first)
      for (int64_t p = first; p < q.pixels; p += apart)
        add_pixel(q, begin, end, p * q.step + run * q.run_step - q.pad,
                  sums + p * q.pitch + run * q.run, rows);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
