#pragma once
// Tangent, hyperbolic sine and cosine, and the inverses of circular and hyperbolic functions for
// float32. They are evaluated in double with a relative error below 2^-32 and rounded once: 0.6
// ULP. NaN, infinities, signed zeros and arguments outside the domain give what C's libm gives.

#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr double kPi = 0x1.921fb54442d18p+1, kLn2 = 0x1.62e42fefa39efp-1;

template <class F>
RV_INLINE VecF in_double(VecF x, F f) {
  return join_float(f(low_double(x)), f(high_double(x)));
}
template <class F>
RV_INLINE VecF in_double(VecF x, VecF y, F f) {
  return join_float(f(low_double(x), low_double(y)), f(high_double(x), high_double(y)));
}
// A value that is not negative, with the sign of x.
RV_INLINE VecD signed_as(VecD x, VecD value) {
  using VecU = Vec<uint64_t>;
  const VecU sign = bit_cast<uint64_t>(x) & VecU::set1(uint64_t{1} << 63);
  return bit_cast<double>(bit_cast<uint64_t>(value) | sign);
}
RV_INLINE VecF nan_unless(VecI inside, VecF y) { return select(inside, y, vf(__builtin_nanf(""))); }

RV_INLINE VecD exp_double(VecD x) { return exp2_double(x * vd(1 / kLn2)); }
// log(1 + d) = 2 atanh(d / (2 + d)), d >= -1; below -1 and for NaN garbage.
RV_INLINE VecD log1p_double(VecD d) {
  const VecD s = d / (d + vd(2.0));
  const VecD near = (s + s) * horner(s * s, kAtanhPoly);
  return select(abs(d) < vd(0.25), near, log2_double(d + vd(1.0)) * vd(kLn2));
}

inline constexpr double kSinhPoly[] = {1.0 / 39916800, 1.0 / 362880, 1.0 / 5040,
                                       1.0 / 120,      1.0 / 6,      1.0};
RV_INLINE VecF sinh(VecF x) {
  const VecF y = in_double(x, [](VecD v) {
    const VecD a = abs(v), e = exp_double(a);
    const VecD small = a * horner(a * a, kSinhPoly);
    return signed_as(v, select(a < vd(0.5), small, vd(0.5) * (e - vd(1.0) / e)));
  });
  return select(x == x, y, x);
}
RV_INLINE VecF cosh(VecF x) {
  const VecF y = in_double(x, [](VecD v) {
    const VecD e = exp_double(abs(v));
    return vd(0.5) * (e + vd(1.0) / e);
  });
  return select(x == x, y, x);
}

// log(a + sqrt(a^2 + 1))
RV_INLINE VecF asinh(VecF x) {
  const VecF y = in_double(x, [](VecD v) {
    const VecD a = abs(v), square = a * a;
    return signed_as(v, log1p_double(a + square / (vd(1.0) + sqrt(vd(1.0) + square))));
  });
  return select(abs(x) < vf(kInf), y, x);
}
// log(x + sqrt(x^2 - 1))
RV_INLINE VecF acosh(VecF x) {
  const VecF y = in_double(x, [](VecD v) {
    const VecD t = v - vd(1.0);
    return log1p_double(t + sqrt(t * (t + vd(2.0))));
  });
  return nan_unless(x >= vf(1.0f), y);
}
// log((1 + x) / (1 - x)) / 2
RV_INLINE VecF atanh(VecF x) {
  const VecF y = in_double(x, [](VecD v) {
    const VecD a = abs(v);
    return signed_as(v, vd(0.5) * log1p_double((a + a) / (vd(1.0) - a)));
  });
  return nan_unless(abs(x) <= vf(1.0f), y);
}

// x = n pi/2 + r with |r| <= pi/4; the first part of pi/2 has 33 bits, so that its product with n
// is exact up to kTrigLimit. sin r and cos r by their Taylor series.
inline constexpr double kSinDoublePoly[] = {
    1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0};
inline constexpr double kCosDoublePoly[] = {
    1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2, 1.0};
RV_INLINE VecD tan_double(VecD x) {
  const VecD magic = vd(0x1.8p52), shifted = x * vd(2 / kPi) + magic, n = shifted - magic;
  const VecD r = (x - n * vd(0x1.921fb544p+0)) - n * vd(0x1.0b4611a626331p-34);
  const VecD z = r * r;
  const VecD s = r * horner(z, kSinDoublePoly), c = horner(z, kCosDoublePoly);
  const auto even = (bit_cast<int64_t>(shifted) & VecL::set1(1)) == VecL::zero();
  return select(even, s, -c) / select(even, c, s);
}
RV_INLINE VecF tan(VecF x) {
  return mend_large(x, in_double(x, tan_double),
                    [](float v) { return static_cast<float>(::tan(double{v})); });
}

// 1 - u^2/3 + u^4/5 - ... up to |u| = tan(pi/8)
inline constexpr double kAtanPoly[] = {-1.0 / 23, 1.0 / 21, -1.0 / 19, 1.0 / 17,
                                       -1.0 / 15, 1.0 / 13, -1.0 / 11, 1.0 / 9,
                                       -1.0 / 7,  1.0 / 5,  -1.0 / 3,  1.0};
// Of a >= 0: atan a = pi/2 - atan(1/a), and atan t = pi/4 + atan((t - 1) / (t + 1)).
RV_INLINE VecD atan_double(VecD a) {
  const auto large = a > vd(1.0);
  const VecD t = select(large, vd(1.0) / a, a);
  const auto far = t > vd(0x1.a827999fcef32p-2);
  const VecD u = select(far, (t - vd(1.0)) / (t + vd(1.0)), t);
  const VecD y = fma(u, horner(u * u, kAtanPoly), select(far, vd(kPi / 4), vd(0.0)));
  return select(large, vd(kPi / 2) - y, y);
}
RV_INLINE VecF atan(VecF x) {
  return in_double(x, [](VecD v) { return signed_as(v, atan_double(abs(v))); });
}
RV_INLINE VecF asin(VecF x) {
  return in_double(x, [](VecD v) {
    const VecD a = abs(v);
    return signed_as(v, atan_double(a / sqrt((vd(1.0) - a) * (vd(1.0) + a))));
  });
}
RV_INLINE VecF acos(VecF x) {
  return in_double(x, [](VecD v) {
    const VecD half = atan_double(sqrt((vd(1.0) - v) / (vd(1.0) + v)));
    return half + half;
  });
}
// The angle of the point (x, y).
RV_INLINE VecF atan2(VecF y, VecF x) {
  return in_double(y, x, [](VecD v, VecD w) {
    const VecD rise = abs(v), run = abs(w), inf = vd(__builtin_inf());
    VecD slope = select((rise == vd(0.0)) & (run == vd(0.0)), vd(0.0), rise / run);
    slope = select((rise == inf) & (run == inf), vd(1.0), slope);
    const VecD angle = atan_double(slope);
    return signed_as(v, select(bit_cast<int64_t>(w) < VecL::zero(), vd(kPi) - angle, angle));
  });
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
