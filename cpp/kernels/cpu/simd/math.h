#pragma once
// Vector approximations of the elementary functions for float32, in every lane alike: the result
// for one value never depends on its neighbours. Errors in ULP of the correctly rounded result,
// largest seen over dense samples of the whole range, with AVX-512 / FMA / neither:
//   exp 0.8/1.0/1.0   exp2 0.8/1.0/1.0   expm1 1.5   log 1.0/1.0/1.5   log2 1.1/1.1/1.4
//   log10 1.0/1.0/1.9   log1p 1.5/1.5/2.0   tanh 1.0/2.5/2.5   sigmoid 2.3   erf 1.1/1.2/1.3
//   softplus 1.6   sin, cos 1.5/1.5/2.0
// NaN gives NaN; infinities, signed zeros and denormals are handled as C's libm does. The tests
// hold these bounds.

#include <math.h>

#include "kernels/cpu/simd/odd_tables.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr float kInf = __builtin_inff();

RV_INLINE VecF vf(float x) { return VecF::set1(x); }
RV_INLINE VecD vd(double x) { return VecD::set1(x); }
// Negates the product: c - a*b. Spelled out, since GCC negates once what it sees twice.
RV_INLINE VecF fnma(VecF a, VecF b, VecF c) {
#if defined(__AVX512F__)
  return {_mm512_fnmadd_ps(a.v, b.v, c.v)};
#elif defined(__AVX2__)
  return {_mm256_fnmadd_ps(a.v, b.v, c.v)};
#else
  return {c.v - a.v * b.v};
#endif
}
// Clamps without losing NaN: the processor's minimum and maximum give their second operand then.
RV_INLINE VecF clamp_nan(VecF x, float low, float high) {
#if defined(__AVX512F__)
  return {_mm512_max_ps(vf(low).v, _mm512_min_ps(vf(high).v, x.v))};
#elif defined(__AVX2__)
  return {_mm256_max_ps(vf(low).v, _mm256_min_ps(vf(high).v, x.v))};
#else
  return {_mm_max_ps(vf(low).v, _mm_min_ps(vf(high).v, x.v))};
#endif
}
RV_INLINE VecF sign_bits(VecF x) {
  return bit_cast<float>(bit_cast<int32_t>(x) & VecI::set1(INT32_MIN));
}
RV_INLINE VecF xor_bits(VecF x, VecF y) {
  return bit_cast<float>(bit_cast<int32_t>(x) ^ bit_cast<int32_t>(y));
}
RV_INLINE VecF or_bits(VecF x, VecF y) {
  return bit_cast<float>(bit_cast<int32_t>(x) | bit_cast<int32_t>(y));
}

// Horner, highest coefficient first.
template <class V, int N, class T>
RV_INLINE V horner(V x, const T (&c)[N]) {
  V p = V::set1(c[0]);
#pragma GCC unroll 16
  for (int i = 1; i < N; ++i) p = fma(p, x, V::set1(c[i]));
  return p;
}

// x = n ln 2 + r with |r| <= ln 2 / 2; scale = 2^(n + kPower), which must be a normal number. The
// sum with 1.5 * 2^23 is rounded to an integer, and its low bits are the exponent of the scale. The
// high part of ln 2 has few bits, so n * kLn2Hi is exact.
inline constexpr float kLog2E = 0x1.715476p+0f, kLog2ELo = 0x1.4ae0cp-26f;
inline constexpr float kLn2Hi = 0x1.63p-1f, kLn2Lo = -0x1.bd0106p-13f;
inline constexpr float kLn2F = 0x1.62e43p-1f;
template <int kPower>
RV_INLINE VecF reduce_ln2(VecF x, VecF& scale) {
  const VecF shift = vf(0x1.8p+23f + 127 + kPower);
  const VecF shifted = fma(x, vf(kLog2E), shift);
  const VecF n = shifted - shift;
  scale = bit_cast<float>(bit_cast<uint32_t>(shifted) << 23);
  return fnma(n, vf(kLn2Lo), fnma(n, vf(kLn2Hi), x));
}
// e^r - 1 = r + r^2 P(r) on |r| <= ln 2 / 2.
inline constexpr float kExpPoly[] = {0x1.a1a0e4p-13f, 0x1.6d7706p-10f, 0x1.11109p-7f,
                                     0x1.5554acp-5f,  0x1.555556p-3f,  0.5f};
RV_INLINE VecF expm1_reduced(VecF r) { return fma(r * r, horner(r, kExpPoly), r); }

#if defined(__AVX512F__)
// high[j] + low[j] = 2^(j/16 + kPower)
template <int kPower>
struct ExpTable {
  alignas(64) float high[16] = {0x1p+0f,        0x1.0b5586p+0f, 0x1.172b84p+0f, 0x1.2387a6p+0f,
                                0x1.306fep+0f,  0x1.3dea64p+0f, 0x1.4bfdaep+0f, 0x1.5ab07ep+0f,
                                0x1.6a09e6p+0f, 0x1.7a1148p+0f, 0x1.8ace54p+0f, 0x1.9c4918p+0f,
                                0x1.ae89fap+0f, 0x1.c199bep+0f, 0x1.d5818ep+0f, 0x1.ea4afap+0f};
  alignas(64) float low[16] = {0.0f,
                               0x1.9f3122p-25f,
                               -0x1.c15742p-27f,
                               0x1.ceac48p-25f,
                               0x1.4636e2p-25f,
                               0x1.824684p-25f,
                               -0x1.593abcp-25f,
                               -0x1.5bd5ecp-27f,
                               0x1.9fcef4p-26f,
                               -0x1.829fdp-25f,
                               0x1.15506ep-27f,
                               0x1.51f848p-27f,
                               -0x1.a94b14p-26f,
                               -0x1.3d56b2p-27f,
                               -0x1.822dbcp-27f,
                               0x1.52486cp-27f};
  constexpr ExpTable() {
    for (float& value : high) value *= 1 << kPower;
    for (float& value : low) value *= 1 << kPower;
  }
};
template <int kPower>
inline constexpr ExpTable<kPower> kExpTable;

// 2^(n + kPower) e^r, n a multiple of 1/16 and `shifted` its sum with kSixteenths: |r| <= ln 2 / 32
// needs three terms. 0 <= kPower <= 24; |n| < 300.
inline constexpr float kSixteenths = 0x1.8p+19f;  // one ULP is 1/16: the low bits index the table
template <int kPower>
RV_INLINE VecF exp_of_parts(VecF shifted, VecF n, VecF r) {
  constexpr const ExpTable<kPower>& table = kExpTable<kPower>;
  const VecF t = look_up(table.high, shifted);
  const VecF p = fma(fma(vf(0x1.55574p-3f), r, vf(0x1.00022p-1f)), r, vf(1.0f));
  const VecF y = fma(fma(t, r, look_up(table.low, shifted)), p, t);
  return {_mm512_scalef_ps(y.v, n.v)};
}
// 2^kPower e^x with x = n ln 2 + r; |x| < 200.
template <int kPower>
RV_INLINE VecF exp_scaled(VecF x) {
  const VecF shifted = fma(x, vf(kLog2E), vf(kSixteenths));
  const VecF n = shifted - vf(kSixteenths);
  return exp_of_parts<kPower>(shifted, n, fnma(n, vf(kLn2Lo), fnma(n, vf(kLn2Hi), x)));
}
RV_INLINE VecF exp(VecF x) { return exp_scaled<0>(clamp_nan(x, -104.0f, 89.0f)); }
RV_INLINE VecF exp2(VecF x) {
  x = clamp_nan(x, -151.0f, 129.0f);
  const VecF shifted = x + vf(kSixteenths), n = shifted - vf(kSixteenths);
  return exp_of_parts<0>(shifted, n, (x - n) * vf(kLn2F));
}
#else
// 2^kPower e^x where 2^(n + kPower) is a normal number, n = x / ln 2 rounded.
template <int kPower>
RV_INLINE VecF exp_scaled(VecF x) {
  VecF scale;
  const VecF q = expm1_reduced(reduce_ln2<kPower>(x, scale));
  return fma(scale, q, scale);
}
// scale (1 + q) in two steps, scale = first * second with second = 2^64 for positive x, else 2^-64:
// `scale` has the bits of an exponent that may lie outside the normal ones.
RV_INLINE VecF scaled_in_steps(VecF x, VecF scale, VecF q) {
  using VecU = Vec<uint32_t>;
  const VecU second =
      (bit_cast<uint32_t>(x) >> 1 & VecU::set1(0x40000000)) ^ VecU::set1(uint32_t{127 + 64} << 23);
  const VecF first =
      bit_cast<float>(bit_cast<uint32_t>(scale) - second + VecU::set1(uint32_t{127} << 23));
  return fma(first, q, first) * bit_cast<float>(second);
}
RV_INLINE VecF exp(VecF x) {
  VecF scale;
  x = clamp_nan(x, -104.0f, 89.0f);
  const VecF q = expm1_reduced(reduce_ln2<0>(x, scale));
  return scaled_in_steps(x, scale, q);
}
RV_INLINE VecF exp2(VecF x) {
  x = clamp_nan(x, -151.0f, 129.0f);
  const VecF shift = vf(0x1.8p+23f + 127), shifted = x + shift;
  const VecF q = expm1_reduced((x - (shifted - shift)) * vf(kLn2F));
  return scaled_in_steps(x, bit_cast<float>(bit_cast<uint32_t>(shifted) << 23), q);
}
#endif

// e^x where that is a normal number, |x| <= 87.
RV_INLINE VecF exp_normal(VecF x) { return exp_scaled<0>(x); }
// e^x for x <= 0; below e^-87 zero, since denormals cost hundreds of cycles.
RV_INLINE VecF exp_or_zero(VecF x) { return select(x < vf(-87.0f), VecF::zero(), exp_normal(x)); }

RV_INLINE VecF expm1(VecF x) {
  VecF h;  // 2^(n-1): 2 (h q + (h - 1/2)) does not overflow on the way where n = 128
  const VecF q = expm1_reduced(reduce_ln2<-1>(clamp_nan(x, -19.0f, 89.0f), h));
  const VecF y = fma(h, q, h - vf(0.5f));
  return select(abs(x) < vf(0x1p-25f), x, y + y);
}

// log(m 2^e) of a positive finite normal or scaled argument: m in [sqrt(1/2), sqrt(2)).
// log(1+f) = f - f^2/2 + f^3 P(f).
inline constexpr float kLogPoly[] = {0x1.1b4966p-4f,  -0x1.e2fb04p-4f, 0x1.e65724p-4f,
                                     -0x1.fb40ecp-4f, 0x1.233230p-3f,  -0x1.5562eep-3f,
                                     0x1.99a54cp-3f,  -0x1.ffffeep-3f, 0x1.555546p-2f};
// x = 2^e (1 + f)
struct LogParts {
  VecF e, f;
};
RV_INLINE LogParts log_parts(VecF x) {
  const auto tiny = x < vf(0x1p-126f);
  const VecF scaled = select(tiny, x * vf(0x1p+23f), x);
  // Unsigned, so that arguments outside the domain wrap; the shift is arithmetic.
  using VecU = Vec<uint32_t>;
  const VecU root = VecU::set1(0x3f3504f3);
  const VecU bits = bit_cast<uint32_t>(scaled) - root;
  const VecF e = to_float(bit_cast<int32_t>(bits) >> 23) - select(tiny, vf(23.0f), vf(0.0f));
  const VecF m = bit_cast<float>((bits & VecU::set1(0x007fffff)) + root);
  return {e, m - vf(1.0f)};
}
// log(1+f) - f + extra
RV_INLINE VecF log_tail(VecF f, VecF extra) {
  const VecF f2 = f * f;
  return fnma(vf(0.5f), f2, fma(f2 * f, horner(f, kLogPoly), extra));
}
// `extra` is added to the result where it is small.
RV_INLINE VecF log_of_positive(VecF x, VecF extra) {
  const auto [e, f] = log_parts(x);
  return fma(e, vf(kLn2Hi), f + log_tail(f, fma(e, vf(kLn2Lo), extra)));
}

RV_INLINE VecF log_specials(VecF x, VecF y) {
  y = select(x < vf(kInf), y, x);
  y = select(x == vf(0.0f), vf(-kInf), y);
  return select(x < vf(0.0f), vf(__builtin_nanf("")), y);
}

RV_INLINE VecF log(VecF x) { return log_specials(x, log_of_positive(x, vf(0.0f))); }

// e + (f + tail) log2(e): whole results are exact.
RV_INLINE VecF log2(VecF x) {
  const auto [e, f] = log_parts(x);
  const VecF tail = log_tail(f, vf(0.0f)) * vf(kLog2E);
#if defined(__AVX2__)
  const VecF rest = fma(f, vf(kLog2E), fma(f, vf(kLog2ELo), tail));
#else
  const VecF rest = f + fma(f, vf(kLog2E - 1.0f), tail);  // half of f's product has no rounding
#endif
  return log_specials(x, e + rest);
}
// e log10(2) + (f + tail) log10(e); the high part of log10(2) has few bits, as that of ln 2.
inline constexpr float kLog10Of2Hi = 0x1.344p-2f, kLog10Of2Lo = 0x1.3509f8p-18f;
inline constexpr float kLog10E = 0x1.bcb7b2p-2f, kLog10ELo = -0x1.5b235ep-27f;
RV_INLINE VecF log10(VecF x) {
  const auto [e, f] = log_parts(x);
  const VecF low = fma(log_tail(f, vf(0.0f)), vf(kLog10E), e * vf(kLog10Of2Lo));
  const VecF rest = fma(f, vf(kLog10E), fma(f, vf(kLog10ELo), low));
  return log_specials(x, fma(e, vf(kLog10Of2Hi), rest));
}

RV_INLINE VecF log1p(VecF x) {
  const VecF u = vf(1.0f) + x;
  // What the addition lost, by first order.
  const VecF lost = select(x > vf(1.0f), vf(1.0f) - (u - x), x - (u - vf(1.0f)));
  const VecF y = log_specials(u, log_of_positive(u, lost / u));
  return select(abs(x) < vf(0x1p-25f), x, y);
}

#if defined(__AVX512F__)
RV_INLINE VecF tanh(VecF x) { return with_sign(odd_function(kTanhTable, abs(x)), x); }
#else
RV_INLINE VecF tanh(VecF x) {
  VecF h;
  const VecF q = expm1_reduced(reduce_ln2<-1>(max(vf(-19.0f), vf(-2.0f) * abs(x)), h));
  const VecF t = fma(h, q, h - vf(0.5f));  // half of e^(-2|x|) - 1
  return or_bits(abs(t / (t + vf(1.0f))), sign_bits(x));
}
#endif

// e^-|x| or 1, over 1 + e^-|x|; all scaled by 2^24, so that only the division gives denormals.
RV_INLINE VecF sigmoid(VecF x) {
  const VecF one = vf(0x1p+24f);
  const VecF e = exp_scaled<24>(max(vf(-104.0f), or_bits(x, vf(-0.0f))));
  return select(x < VecF::zero(), e, one) / (one + e);
}

// log(1 + e^x)
RV_INLINE VecF softplus(VecF x) { return select(x > vf(0.0f), x, vf(0.0f)) + log1p(exp(-abs(x))); }

// x + x P(x^2) up to 0.9, beyond 1 - exp(Q(|x|)), where Q = log(erfc) is smooth.
inline constexpr float kErfSmall[] = {0x1.662516p-14f, -0x1.acf7f8p-11f, 0x1.5513f2p-8f,
                                      -0x1.b8162ap-6f, 0x1.ce2e6p-4f,    -0x1.812744p-2f,
                                      0x1.06eba8p-3f};
inline constexpr float kErfLarge[] = {0x1.ab24d2p-13f, -0x1.98aa38p-9f, 0x1.70f3fp-6f,
                                      -0x1.ac2376p-4f, -0x1.45e5ccp-1f, -0x1.20c89cp+0f,
                                      -0x1.b65eb4p-14f};
RV_INLINE VecF erf(VecF x) {
  const VecF a = abs(x);
  const VecF small = fma(x, horner(x * x, kErfSmall), x);
  const VecF large = vf(1.0f) - exp_normal(horner(clamp_nan(a, 0.0f, 4.0f), kErfLarge));
  return select(a < vf(0.9f), small, or_bits(large, sign_bits(x)));
}

// x = n pi/2 + r; pi/2 in four parts of 11 bits (the last: the rest), exact products up to |x| =
// 8192.
inline constexpr float kTrigLimit = 8192.0f;
inline constexpr float kSinPoly[] = {0x1.6cd7cp-19f, -0x1.a00f9cp-13f, 0x1.111108p-7f,
                                     -0x1.555556p-3f};
inline constexpr float kCosPoly[] = {-0x1.242a64p-22f, 0x1.a0111ep-16f, -0x1.6c16b8p-10f,
                                     0x1.555556p-5f};
// sin(x + quarter pi/2)
RV_INLINE VecF sin_shifted(VecF x, int quarter) {
  const VecF n = round(x * vf(0x1.45f306p-1f));
  VecF r = fnma(n, vf(0x1.92p+0f), x);
  r = fnma(n, vf(0x1.fb4p-12f), r);
  r = fnma(n, vf(0x1.444p-24f), r);
  r = fnma(n, vf(0x1.68c234p-39f), r);
  const VecF z = r * r;
  const VecF s = fma(r * z, horner(z, kSinPoly), r);
  const VecF c = fma(z * z, horner(z, kCosPoly), fnma(vf(0.5f), z, vf(1.0f)));
  const VecI k = to_int(n) + VecI::set1(quarter);
  const VecF y = select((k & VecI::set1(1)) == VecI::zero(), s, c);
  return xor_bits(y, bit_cast<float>((k & VecI::set1(2)) << 30));
}
// Whether every lane of a mask is true.
RV_INLINE bool all_lanes(VecI m) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)m.v) == 0xffff;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)m.v) == 0xff;
#else
  return _mm_movemask_ps((__m128)m.v) == 0xf;
#endif
}
// Replaces the lanes beyond the limit (infinities and NaN included) by libm's value.
template <class F>
RV_INLINE VecF mend_large(VecF x, VecF y, F scalar) {
  const VecI small = abs(x) <= vf(kTrigLimit);
  if (all_lanes(small)) return y;
  for (int i = 0; i < VecF::kLanes; ++i)
    if (!small.v[i]) y.v[i] = scalar(x.v[i]);
  return y;
}
RV_INLINE VecF sin(VecF x) {
  const VecF y = select(x == vf(0.0f), x, sin_shifted(x, 0));
  return mend_large(x, y, [](float v) { return ::sinf(v); });
}
RV_INLINE VecF cos(VecF x) {
  return mend_large(x, sin_shifted(x, 1), [](float v) { return ::cosf(v); });
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
