#pragma once
// Tangent, hyperbolic sine and cosine, and the inverses of circular and hyperbolic functions for
// float32. Errors in ULP, with FMA / without:
//   sinh 1.3/1.4   cosh 1.1/1.3   atan 1.3/1.4   acos 1.2   asin 1.4   atan2 1.6
// tan, asinh, acosh and atanh are evaluated in double with a relative error below 2^-32 and rounded
// once: 0.6. NaN, infinities, signed zeros and arguments outside the domain give what C's libm
// gives.

#include "kernels/cpu/simd/in_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr double kPi = 0x1.921fb54442d18p+1, kLn2 = 0x1.62e42fefa39efp-1;

template <class F>
RV_INLINE VecF in_double(VecF x, F f) {
  return join_float(f(low_double(x)), f(high_double(x)));
}
// A value that is not negative, with the sign of x.
RV_INLINE VecD signed_as(VecD x, VecD value) {
  using VecU = Vec<uint64_t>;
  const VecU sign = bit_cast<uint64_t>(x) & VecU::set1(uint64_t{1} << 63);
  return bit_cast<double>(bit_cast<uint64_t>(value) | sign);
}
RV_INLINE VecF nan_unless(VecI inside, VecF y) { return select(inside, y, vf(__builtin_nanf(""))); }

// log(1 + d) = 2 atanh(d / (2 + d)), d >= -1; below -1 and for NaN garbage.
RV_INLINE VecD log1p_double(VecD d) {
  const VecD s = d / (d + vd(2.0));
  const VecD near = (s + s) * horner(s * s, kAtanhPoly);
  return select(abs(d) < vd(0.25), near, log2_double(d + vd(1.0)) * vd(kLn2));
}

// Polynomials of sinh and below: least largest error of the function relative to its value
// (Lawson's weights); each float32 coefficient is rounded before the next are fitted.

// |x| = n ln 2 + r, sinh r = r + odd, cosh r = 1 + even, up = 2^n / 4, down = 2^-n / 4 or 0 where
// it does not count. Half of sinh |x| is difference cosh r + sum sinh r, half of cosh x the same
// with sum and difference exchanged: the largest float overflows nowhere on the way.
struct Hyperbolic {
  VecF r, odd, even, up, down, sum, difference;
};
// On |r| <= ln 2 / 2; relative errors 2^-34 and 2^-33.
inline constexpr float kSinhPoly[] = {0x1.a2e318p-13f, 0x1.110fbep-7f, 0x1.555556p-3f};
inline constexpr float kCoshPoly[] = {0x1.6d4f16p-10f, 0x1.5554e6p-5f, 0x1p-1f};
RV_INLINE Hyperbolic hyperbolic(VecF x) {
  using VecU = Vec<uint32_t>;
  const VecF a = clamp_nan(abs(x), 0.0f, 89.5f);
  VecF up;
  const VecF r = reduce_ln2<-2>(a, up), z = r * r;
  const VecU twice = VecU::set1(2 * 125u << 23);  // of NaN the difference is anything
  const VecF inverse = bit_cast<float>(twice - bit_cast<uint32_t>(up));
  const VecF down = select(a > vf(20.0f), vf(0.0f), inverse);
  return {r,        r * z * horner(z, kSinhPoly), z * horner(z, kCoshPoly), up, down, up + down,
          up - down};
}
RV_INLINE VecF sinh(VecF x) {
  const Hyperbolic h = hyperbolic(x);
  const VecF y = h.difference + fma(h.sum, h.r, fma(h.sum, h.odd, h.difference * h.even));
  return select(abs(x) < vf(0x1p-12f), x, or_bits(y + y, sign_bits(x)));
}
RV_INLINE VecF cosh(VecF x) {
  const Hyperbolic h = hyperbolic(x);
  const VecF rest = fma(h.difference, h.r, fma(h.difference, h.odd, h.sum * h.even));
  const VecF y = h.up + (h.down + rest);
  return y + y;
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
// is exact up to kTrigLimit. sin r and cos r with relative errors 2^-37 and 2^-33.
inline constexpr double kSinDoublePoly[] = {0x1.6cd732e79822ep-19, -0x1.a00f98e4ddc7bp-13,
                                            0x1.1111089075ffep-7, -0x1.5555554cb2009p-3, 1.0};
inline constexpr double kCosDoublePoly[] = {0x1.9914cea4b2cd4p-16, -0x1.6c07e9b125ad9p-10,
                                            0x1.55553c650f848p-5, -0x1.ffffffcb4b90cp-2, 1.0};
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

inline constexpr float kQuarterPi = 0x1.921fb6p-1f, kHalfPiLow = -0x1.777a5cp-25f;
RV_INLINE VecI is_negative(VecF x) { return bit_cast<int32_t>(x) < VecI::zero(); }

// atan t = t + t^3 P(t^2) on |t| <= 1, relative error 2^-28.5.
inline constexpr float kAtanPoly[] = {-0x1.d557fap-10f, 0x1.65294p-7f,   -0x1.fe581ap-6f,
                                      0x1.da8a34p-5f,   -0x1.5820f8p-4f, 0x1.c092dep-4f,
                                      -0x1.2420fap-3f,  0x1.9991eap-3f,  -0x1.55553ep-2f};
// asin s = s + s^3 P(s^2) on |s| <= 1/2, relative error 2^-27.6.
inline constexpr float kAsinPoly[] = {0x1.595c6p-5f, 0x1.8c3e5p-6f, 0x1.747bb8p-5f, 0x1.330204p-4f,
                                      0x1.5555c8p-3f};
// halves pi/2 + (t + t z P(z)): what is small is added first.
template <int N>
RV_INLINE VecF angle(VecF halves, VecF t, VecF z, const float (&poly)[N]) {
  const VecF rest = fma(t * z, horner(z, poly), halves * vf(kHalfPiLow));
  return halves * vf(2 * kQuarterPi) + (t + rest);
}

// Beyond 1 as pi/2 - atan(1/|x|).
RV_INLINE VecF atan(VecF x) {
  const VecF a = abs(x);
  const VecI steep = a > vf(1.0f);
  const VecF t = select(steep, vf(-1.0f) / a, a);
  return or_bits(angle(select(steep, vf(1.0f), vf(0.0f)), t, t * t, kAtanPoly), sign_bits(x));
}
// The angle of the point (x, y): that of the lesser over the greater coordinate, in its octant.
RV_INLINE VecF atan2(VecF y, VecF x) {
  const VecF rise = abs(y), run = abs(x);
  const VecI steep = rise > run, left = is_negative(x);
  const VecF least = select(steep, run, rise), most = select(steep, rise, run);
  VecF t = select(least == most, vf(1.0f), least / most);
  t = select(least == vf(0.0f), least, t);
  t = xor_bits(t, bit_cast<float>((steep ^ left) & VecI::set1(INT32_MIN)));
  const VecF halves = select(steep, vf(1.0f), select(left, vf(2.0f), vf(0.0f)));
  const VecF r = or_bits(abs(angle(halves, t, t * t, kAtanPoly)), sign_bits(y));
  return select((x == x) & (y == y), r, x + y);
}
// Beyond 1/2 by asin a = pi/2 - 2 asin(sqrt((1 - a) / 2)), half of pi/2 on either side of the small
// terms: their sum rounds less than the result then.
RV_INLINE VecF asin(VecF x) {
  const VecF a = abs(x), h = fnma(vf(0.5f), a, vf(0.5f));
  const VecI steep = a > vf(0.5f);
  const VecF s = select(steep, vf(-2.0f) * sqrt(h), a), z = select(steep, h, a * a);
  const VecF quarter = select(steep, vf(kQuarterPi), vf(0.0f));
  const VecF rest = fma(s * z, horner(z, kAsinPoly), select(steep, vf(kHalfPiLow), vf(0.0f)));
  return or_bits(quarter + ((quarter + s) + rest), sign_bits(x));
}
RV_INLINE VecF acos(VecF x) {
  const VecF a = abs(x), h = fnma(vf(0.5f), a, vf(0.5f)), root = vf(2.0f) * sqrt(h);
  const VecI steep = a > vf(0.5f);
  const VecF s = select(steep, or_bits(root, sign_bits(x)), -x), z = select(steep, h, x * x);
  const VecF ends = select(is_negative(x), vf(2.0f), vf(0.0f));
  return angle(select(steep, ends, vf(1.0f)), s, z, kAsinPoly);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
