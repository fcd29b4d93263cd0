#pragma once
// What the sources of softmax share: exponentials and logarithms of the table's type.

#include <cmath>

#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

RV_INLINE VecF exp_of(VecF x) { return exp_or_zero(x); }
RV_INLINE VecF log_of(VecF x) { return log(x); }
// float64 is rare: libm, lane by lane.
RV_INLINE VecD exp_of(VecD x) {
  for (int i = 0; i < VecD::kLanes; ++i) x.v[i] = ::exp(x.v[i]);
  return x;
}
RV_INLINE VecD log_of(VecD x) {
  for (int i = 0; i < VecD::kLanes; ++i) x.v[i] = ::log(x.v[i]);
  return x;
}

template <class T>
RV_INLINE T lowest() {
  return -static_cast<T>(INFINITY);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
