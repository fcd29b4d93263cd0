#pragma once
// Vector approximations of elementary functions for float64, in every lane alike. Errors in ULP,
// largest seen over dense samples: exp 1.0, log 0.9, log1p 1.5, expm1 1.3, tanh 2.5, sigmoid 1.9,
// softplus 1.6, silu 2.6; without FMA up to 0.5 more. NaN, infinities, signed zeros and denormals
// as in C's libm. The tests hold these bounds.

#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// c - a*b
RV_INLINE VecD fnma(VecD a, VecD b, VecD c) {
#if defined(__AVX512F__)
  return {_mm512_fnmadd_pd(a.v, b.v, c.v)};
#elif defined(__AVX2__)
  return {_mm256_fnmadd_pd(a.v, b.v, c.v)};
#else
  return {c.v - a.v * b.v};
#endif
}
// NaN stays: the processor's minimum and maximum give their second operand then.
RV_INLINE VecD clamp_nan(VecD x, double low, double high) { return max(vd(low), min(vd(high), x)); }
RV_INLINE VecD with_sign_of(VecD magnitude, VecD x) {
  const VecL sign = bit_cast<int64_t>(x) & VecL::set1(INT64_MIN);
  return bit_cast<double>(bit_cast<int64_t>(magnitude) | sign);
}

// x = n ln 2 + r, scale = 2^(n + kPower), as `reduce_ln2` of float32. The high part of ln 2 ends in
// zeros, so that its product with n is exact.
inline constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
template <int kPower>
RV_INLINE VecD reduce_ln2(VecD x, VecD& scale) {
  const VecD shift = vd(0x1.8p+52 + 1023 + kPower);
  const VecD shifted = fma(x, vd(0x1.71547652b82fep+0), shift);
  const VecD n = shifted - shift;
  scale = bit_cast<double>(bit_cast<uint64_t>(shifted) << 52);
  return fnma(n, vd(kLn2Low), fnma(n, vd(kLn2High), x));
}
// e^r - 1 = r + r^2 P(r) on |r| <= ln 2 / 2: the terms of its series up to r^13 / 13!.
inline constexpr double kExpSeries[] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
    1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};
RV_INLINE VecD expm1_reduced(VecD r) { return fma(r * r, horner(r, kExpSeries), r); }

RV_INLINE VecD exp(VecD x) {
  VecD scale;
  x = clamp_nan(x, -746.0, 710.0);
  const VecD q = expm1_reduced(reduce_ln2<0>(x, scale));
  // scale = first * second, second = 2^512 for positive x, else 2^-512.
  using VecU = Vec<uint64_t>;
  const VecU second = (bit_cast<uint64_t>(x) >> 1 & VecU::set1(uint64_t{1} << 62)) ^
                      VecU::set1(uint64_t{1023 + 512} << 52);
  const VecD first =
      bit_cast<double>(bit_cast<uint64_t>(scale) - second + VecU::set1(uint64_t{1023} << 52));
  return fma(first, q, first) * bit_cast<double>(second);
}

RV_INLINE VecD expm1(VecD x) {
  VecD h;  // 2^(n-1)
  const VecD q = expm1_reduced(reduce_ln2<-1>(clamp_nan(x, -40.0, 710.0), h));
  const VecD y = fma(h, q, h - vd(0.5));
  return select(abs(x) < vd(0x1p-54), x, y + y);
}

// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))) with s = f / (2 + f); R(z) / z is the series of
// log((1 + s) / (1 - s)) beyond 2 s.
inline constexpr double kLogSeries[] = {2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                                        2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
// Of a positive finite x = m 2^e, m in [sqrt(1/2), sqrt(2)); `extra` is added where it is small.
RV_INLINE VecD log_of_positive(VecD x, VecD extra) {
  const auto tiny = x < vd(0x1p-1022);
  const VecD scaled = select(tiny, x * vd(0x1p+54), x);
  using VecU = Vec<uint64_t>;
  const VecU root = bit_cast<uint64_t>(vd(0x1.6a09e667f3bcdp-1));
  const VecU bits = bit_cast<uint64_t>(scaled) - root + VecU::set1(uint64_t{1023} << 52);
  const VecD e = bit_cast<double>((bits >> 52) | bit_cast<uint64_t>(vd(0x1p52))) -
                 select(tiny, vd(0x1p52 + 1023.0 + 54.0), vd(0x1p52 + 1023.0));
  const VecD m = bit_cast<double>((bits & VecU::set1((uint64_t{1} << 52) - 1)) + root);
  const VecD f = m - vd(1.0), s = f / (vd(2.0) + f), z = s * s, half = vd(0.5) * f * f;
  const VecD tail = fma(s, fma(z, horner(z, kLogSeries), half), fma(e, vd(kLn2Low), extra));
  return fma(e, vd(kLn2High), f - (half - tail));
}
RV_INLINE VecD log_specials(VecD x, VecD y) {
  const VecD inf = vd(__builtin_inf());
  y = select(x < inf, y, x);
  y = select(x == vd(0.0), -inf, y);
  return select(x < vd(0.0), vd(__builtin_nan("")), y);
}
RV_INLINE VecD log(VecD x) { return log_specials(x, log_of_positive(x, vd(0.0))); }
RV_INLINE VecD log1p(VecD x) {
  const VecD u = vd(1.0) + x;
  // What the addition lost, by first order.
  const VecD lost = select(x > vd(1.0), vd(1.0) - (u - x), x - (u - vd(1.0)));
  const VecD y = log_specials(u, log_of_positive(u, lost / u));
  return select(abs(x) < vd(0x1p-54), x, y);
}

// With half of e^(-2|x|) - 1.
RV_INLINE VecD tanh(VecD x) {
  VecD h;
  const VecD q = expm1_reduced(reduce_ln2<-1>(max(vd(-40.0), vd(-2.0) * abs(x)), h));
  const VecD t = fma(h, q, h - vd(0.5));
  return with_sign_of(abs(t / (t + vd(1.0))), x);
}
RV_INLINE VecD sigmoid(VecD x) {
  const VecD e = exp(-abs(x));
  return select(x < vd(0.0), e, vd(1.0)) / (vd(1.0) + e);
}
RV_INLINE VecD softplus(VecD x) { return select(x > vd(0.0), x, vd(0.0)) + log1p(exp(-abs(x))); }

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
