#pragma once
// What the sources of softmax share.

#include <cmath>

#include "kernels/cpu/simd/math_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Of x <= 0; float32 may leave out subnormal results.
RV_INLINE VecF exp_of(VecF x) { return exp_or_zero(x); }
RV_INLINE VecD exp_of(VecD x) { return exp(x); }

template <class T>
RV_INLINE T lowest() {
  return -static_cast<T>(INFINITY);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
