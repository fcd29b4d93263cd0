#pragma once
// x^y for float32. What an exponent stands for does not depend on how it came, as one value or in
// an array: whole ones up to kMostPower and halves of one are products and roots in every lane.
// Error 0.6 ULP; of cubes and inverse roots 1.6. Special values as C's pow.

#include "kernels/cpu/simd/in_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Largest magnitude of the exponents that are products; they have kPowerBits bits.
inline constexpr int kPowerBits = 4, kMostPower = (1 << kPowerBits) - 1;

// By logarithms, 0.6 ULP.
RV_INLINE VecF general_power(VecF x, VecF y) {
  const VecF a = abs(x), zero = vf(0.0f), one = vf(1.0f);
  VecF r = join_float(exp2_double(low_double(y) * log2_double(low_double(a))),
                      exp2_double(high_double(y) * log2_double(high_double(a))));
  r = select(a == one, one, r);
  const VecF half = y * vf(0.5f);
  const VecI integral = floor(y) == y;
  const VecI odd = integral & (floor(half) != half);
  r = xor_bits(r, bit_cast<float>(bit_cast<int32_t>(sign_bits(x)) & odd));
  const VecI undefined = (x < zero) & (a != vf(kInf)) & ~integral;
  r = select(undefined | (x != x) | (y != y), vf(__builtin_nanf("")), r);
  return select((y == zero) | (x == one), one, r);
}

// x^n in float64 with a relative error below n 2^-53; what leaves float64 has left float32. The
// order of products, from the lowest bit of n on, is that of `whole_powers`.
RV_INLINE VecD whole_power(VecD x, unsigned n) {
  VecD y = n % 2 != 0 ? x : vd(1.0);
  while (n /= 2) {
    x = x * x;
    if (n % 2 != 0) y = y * x;
  }
  return y;
}
RV_INLINE VecF whole_power(VecF x, unsigned n) {
  return join_float(whole_power(low_double(x), n), whole_power(high_double(x), n));
}
RV_INLINE VecF inverse_power(VecF x, unsigned n) {
  return join_float(vd(1.0) / whole_power(low_double(x), n),
                    vd(1.0) / whole_power(high_double(x), n));
}
// The same of an exponent for each lane, a whole number.
RV_INLINE VecD whole_powers(VecD x, VecD exponent) {
  const VecL n = bit_cast<int64_t>(abs(exponent) + vd(0x1p52));
  VecD y = vd(1.0);
#pragma GCC unroll 4
  for (int bit = 0; bit < kPowerBits; ++bit) {
    if (bit) x = x * x;
    y = select((n & VecL::set1(1 << bit)) == VecL::zero(), y, y * x);
  }
  return select(exponent < vd(0.0), vd(1.0) / y, y);
}

RV_INLINE VecF cube(VecF x) { return x * x * x; }
// x^(1/2) as C's pow has it: 0 of -0, infinity of -infinity.
RV_INLINE VecF root_power(VecF x) { return select(x == vf(-kInf), vf(kInf), sqrt(x + vf(0.0f))); }
RV_INLINE bool is_whole_power(float y) {
  return __builtin_fabsf(y) <= kMostPower && y == __builtin_rintf(y);
}

// Whether any exponent may be one that is not general: a whole or half number.
inline bool any_short(const float* y, int64_t n) {
  VecI found = VecI::zero();
  int64_t i = 0;
  for (; i + VecF::kLanes <= n; i += VecF::kLanes) {
    const VecF twice = VecF::load(y + i) * vf(2.0f);
    found = found | (round(twice) == twice);
  }
  bool last = any(found);
  for (; i < n; ++i) last |= y[i] * 2.0f == __builtin_rintf(y[i] * 2.0f);
  return last;
}
RV_INLINE VecF pow(VecF x, VecF y) {
  const VecI product = (abs(y) <= vf(kMostPower)) & (round(y) == y);
  const VecF p = join_float(whole_powers(low_double(x), low_double(y)),
                            whole_powers(high_double(x), high_double(y)));
  const VecF r = select(product, select(y == vf(3.0f), cube(x), p), general_power(x, y));
  const VecF root = root_power(x);
  return select(abs(y) == vf(0.5f), select(y > vf(0.0f), root, vf(1.0f) / root), r);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
