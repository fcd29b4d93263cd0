#pragma once
// Maxima and minima that keep NaN.

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The larger or smaller, the second of equal ones; NaN from either side stays: the processor's own
// instruction gives its second operand then.
template <class T>
RV_INLINE Vec<T> max_nan(Vec<T> a, Vec<T> b) {
  return select(a != a, a, max(a, b));
}
template <class T>
RV_INLINE Vec<T> min_nan(Vec<T> a, Vec<T> b) {
  return select(a != a, a, min(a, b));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
