#pragma once
// Where float32 does not hold the error: halves of a float vector as doubles, log2 and 2^t of them.

#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Both halves of a float vector as doubles, and back; half a vector in memory as doubles.
#if defined(__AVX512F__)
RV_INLINE VecD load_double(const float* p) { return {_mm512_cvtps_pd(_mm256_loadu_ps(p))}; }
RV_INLINE VecD low_double(VecF x) { return {_mm512_cvtps_pd(_mm512_castps512_ps256(x.v))}; }
RV_INLINE VecD high_double(VecF x) { return {_mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, 1))}; }
RV_INLINE VecF join_float(VecD low, VecD high) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)),
                             _mm512_cvtpd_ps(high.v), 1)};
}
#elif defined(__AVX2__)
RV_INLINE VecD load_double(const float* p) { return {_mm256_cvtps_pd(_mm_loadu_ps(p))}; }
RV_INLINE VecD low_double(VecF x) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(x.v))}; }
RV_INLINE VecD high_double(VecF x) { return {_mm256_cvtps_pd(_mm256_extractf128_ps(x.v, 1))}; }
RV_INLINE VecF join_float(VecD low, VecD high) {
  return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low.v)),
                               _mm256_cvtpd_ps(high.v), 1)};
}
#else
RV_INLINE VecD load_double(const float* p) {
  return {_mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}
RV_INLINE VecD low_double(VecF x) { return {_mm_cvtps_pd(x.v)}; }
RV_INLINE VecD high_double(VecF x) { return {_mm_cvtps_pd(_mm_movehl_ps(x.v, x.v))}; }
RV_INLINE VecF join_float(VecD low, VecD high) {
  return {_mm_movelh_ps(_mm_cvtpd_ps(low.v), _mm_cvtpd_ps(high.v))};
}
#endif

// log2 of a float32 value >= 0 held as double, relative error 2e-12; NaN lanes give garbage.
inline constexpr double kAtanhPoly[] = {1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7,
                                        1.0 / 5,  1.0 / 3,  1.0};
#if defined(__AVX512F__)
// On each sixteenth of [sqrt(1/2), sqrt(2)) by its bits: a float32 near the inverse of its middle,
// 1 where 1 lies, and minus its log2. log2(1 + f) = f P(f) on |f| < 0.0395, relative error 2^-41.
alignas(64) inline constexpr double kInverses[] = {
    0x1.62362ep+0, 0x1.5387ep+0,  0x1.4604b6p+0, 0x1.398a56p+0, 0x1.2dfb78p+0, 0x1.233fp+0,
    0x1.193f3ep+0, 0x1.0fe96cp+0, 0x1.072d26p+0, 0x1p+0,        0x1.de4c26p-1, 0x1.c3e982p-1,
    0x1.ac4926p-1, 0x1.9701ccp-1, 0x1.83be1cp-1, 0x1.72382ep-1};
alignas(64) inline constexpr double kInverseLogs[] = {-0x1.dfb6068692de5p-2, -0x1.a12d1124819cp-2,
                                                      -0x1.652e574c33797p-2, -0x1.2b8710c2211eap-2,
                                                      -0x1.e814692d8721cp-3, -0x1.7d1f5152b0864p-3,
                                                      -0x1.15e6c9fe7bfc2p-3, -0x1.6454d7228e7a3p-4,
                                                      -0x1.46bf36a06d5f3p-5, 0,
                                                      0x1.925f97d2fb71p-4,   0x1.70d90dbd1b62dp-3,
                                                      0x1.07c07a39ced45p-2,  0x1.53094ae02ba5ep-2,
                                                      0x1.9aab694e68122p-2,  0x1.defd4b0a3762bp-2};
inline constexpr double kLog2Poly[] = {
    0x1.a73e92c50aca8p-3, -0x1.ed732ea1d288ep-3, 0x1.27769a7c366f2p-2, -0x1.71545c7d760c7p-2,
    0x1.ec709dc7b4c86p-2, -0x1.715476535d4c7p-1, 0x1.71547652b82b5p+0};
RV_INLINE VecD look_up(const double (&row)[16], Vec<uint64_t> index) {
  return {_mm512_permutex2var_pd(_mm512_load_pd(row), (__m512i)index.v, _mm512_load_pd(row + 8))};
}
#endif
RV_INLINE VecD log2_double(VecD x) {
  using VecU = Vec<uint64_t>;
  const VecU root = bit_cast<uint64_t>(vd(0x1.6a09e667f3bcdp-1));
  const VecU bits = bit_cast<uint64_t>(x) - root + VecU::set1(uint64_t{1023} << 52);
  const VecD e =
      bit_cast<double>((bits >> 52) | bit_cast<uint64_t>(vd(0x1p52))) - vd(0x1p52 + 1023.0);
  const VecD m = bit_cast<double>((bits & VecU::set1((uint64_t{1} << 52) - 1)) + root);
#if defined(__AVX512F__)
  const VecU index = bits >> 48;  // its low four bits
  const VecD f = fma(m, look_up(kInverses, index), vd(-1.0));
  const VecD y = fma(f, horner(f, kLog2Poly), e + look_up(kInverseLogs, index));
#else
  const VecD s = (m - vd(1.0)) / (m + vd(1.0));
  const VecD y = fma(s * vd(0x1.71547652b82fep+1), horner(s * s, kAtanhPoly), e);
#endif
  const VecD inf = vd(__builtin_inf());
  return select(x == vd(0.0), -inf, select(x == inf, inf, y));
}

// 2^t as a value that rounds correctly to float32, overflow and underflow included.
inline constexpr double kExp2Poly[] = {
    0x1.fde5fc5cf7f06p-17, 0x1.445c841d7e64ep-13, 0x1.5d8a860047d1p-10, 0x1.3b29f39d26079p-7,
    0x1.c6b08ac06a089p-5,  0x1.ebfbe077875b8p-3,  0x1.62e42ff0e1931p-1, 1.0};
RV_INLINE VecD exp2_double(VecD t) {
  t = max(vd(-1000.0), min(vd(1000.0), t));
  const VecD magic = vd(0x1.8p52);
  const VecD shifted = t + magic;
  const VecD n = shifted - magic;
  const VecD p = horner(t - n, kExp2Poly);  // relative error 2^-34
  return bit_cast<double>(bit_cast<uint64_t>(p) + (bit_cast<uint64_t>(shifted) << 52));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
