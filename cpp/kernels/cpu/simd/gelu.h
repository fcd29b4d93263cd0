#pragma once
// GELU, x Phi(x) with the normal distribution Phi or its approximation by tanh, and the gradients.
// Absolute errors of Phi and of the slopes are below 1e-7; far out on the negative side nothing
// relative is promised, as nowhere where 1 + erf is computed in float32.

#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)

// Phi - 1/2 is odd, and so is what the slopes have beyond 1/2.
RV_INLINE VecF gelu_of(const StepTable& table, VecF x) {
  const VecF a = abs(x);
  return fma(a, odd_function(table, a), vf(0.5f) * x);
}
RV_INLINE VecF gelu_slope(const OctaveTable& table, VecF x) {
  return vf(0.5f) + with_sign(odd_function(table, abs(x)), x);
}
RV_INLINE VecF gelu(VecF x) { return gelu_of(kGeluTable, x); }
RV_INLINE VecF gelu_grad(VecF x, VecF dy) { return dy * gelu_slope(kGeluGradTable, x); }
RV_INLINE VecF gelu_tanh(VecF x) { return gelu_of(kGeluTanhTable, x); }
RV_INLINE VecF gelu_tanh_grad(VecF x, VecF dy) { return dy * gelu_slope(kGeluTanhGradTable, x); }

#else

RV_INLINE VecF gelu(VecF x) {
  return vf(0.5f) * x * (vf(1.0f) + erf(x * vf(0.70710678118654752f)));
}
// d/dx = Phi(x) + x phi(x)
RV_INLINE VecF gelu_grad(VecF x, VecF dy) {
  const VecF cdf = vf(0.5f) * (vf(1.0f) + erf(x * vf(0.70710678118654752f)));
  const VecF pdf = vf(0.39894228040143268f) * exp_or_zero(vf(-0.5f) * x * x);
  return dy * (cdf + x * pdf);
}
// The argument of tanh in the approximate form, sqrt(2/pi) (x + 0.044715 x^3).
RV_INLINE VecF gelu_inner(VecF x) {
  return vf(0.79788456080286536f) * (x + vf(0.044715f) * x * x * x);
}
RV_INLINE VecF gelu_tanh(VecF x) { return vf(0.5f) * x * (vf(1.0f) + tanh(gelu_inner(x))); }
RV_INLINE VecF gelu_tanh_grad(VecF x, VecF dy) {
  x = clamp_nan(x, -10.0f, 10.0f);  // constant beyond, where the cube would overflow
  const VecF t = tanh(gelu_inner(x));
  const VecF slope = vf(0.79788456080286536f) * (vf(1.0f) + vf(3.0f * 0.044715f) * x * x);
  return dy * (vf(0.5f) * (vf(1.0f) + t) + vf(0.5f) * x * (vf(1.0f) - t * t) * slope);
}

#endif

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
