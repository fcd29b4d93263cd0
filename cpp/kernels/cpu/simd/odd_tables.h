#pragma once
// tanh and the GELU functions where a register holds 16 lanes and a permutation looks values up:
// no exponential, no division. An odd function of x is a polynomial in |x| - c on each of some
// intervals, and constant on the last. scripts/fit_odd_tables.py makes the tables; the polynomials'
// error is below 0.06 ULP of tanh, 0.4 where it approaches 1, and below 2^-25 for the others.

#include "kernels/cpu/simd/vec.h"

#if defined(__AVX512F__)
namespace ranvier::kernels::RV_ISA {
namespace {

RV_INLINE VecF look_up(const float (&row)[16], VecF index) {
  return {_mm512_permutexvar_ps(_mm512_castps_si512(index.v), _mm512_load_ps(row))};
}
RV_INLINE VecF look_up(const float (&row)[32], VecF index) {
  return {_mm512_permutex2var_ps(_mm512_load_ps(row), _mm512_castps_si512(index.v),
                                 _mm512_load_ps(row + 16))};
}

// The polynomial of each lane's interval at t, coefficients lowest first.
template <int kIntervals>
RV_INLINE VecF look_up_polynomial(const float (*rows)[kIntervals], VecF index, VecF t) {
  VecF p = look_up(rows[5], index);
#pragma GCC unroll 5
  for (int k = 4; k >= 0; --k) p = fma(p, t, look_up(rows[k], index));
  return p;
}

// Interval: the low five bits of (bits of |x| + 1) >> 20, that is the exponent and the first three
// bits of the mantissa; eight intervals each of 1/8, 1/4, 1/2 and 1. Rows: c, then the
// coefficients.
struct OctaveTable {
  float limit;  // any |x| of an interval on which the function is constant
  alignas(64) float rows[7][32];
};

// The function at `magnitude` >= 0; NaN stays.
RV_INLINE VecF odd_function(const OctaveTable& table, VecF magnitude) {
  const VecF a = {_mm512_min_ps(_mm512_set1_ps(table.limit), magnitude.v)};
  const VecF moved = a + VecF::set1(1.0f);
  const VecF index = bit_cast<float>(bit_cast<uint32_t>(moved) >> 20);
  return look_up_polynomial(table.rows + 1, index, a - look_up(table.rows[0], index));
}

// 16 intervals around the multiples c of a step of few bits; rows: the coefficients. Where small
// values need no relative accuracy, it spares looking c up, and the shorter permutation is faster.
struct StepTable {
  float step;
  alignas(64) float rows[6][16];
};

RV_INLINE VecF odd_function(const StepTable& table, VecF magnitude) {
  const VecF a = {_mm512_min_ps(_mm512_set1_ps(15 * table.step), magnitude.v)};
  const VecF shift = VecF::set1(0x1.8p+23f);  // the low four bits of the sum are the interval
  const VecF shifted = fma(a, VecF::set1(1 / table.step), shift);
  const VecF t = fma(shifted - shift, VecF::set1(-table.step), a);
  return look_up_polynomial(table.rows, shifted, t);
}

// y >= 0 with the sign of x.
RV_INLINE VecF with_sign(VecF y, VecF x) {
  constexpr int kOrAnd = 0xf8;  // a | (b & c)
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  return {_mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(y.v), _mm512_castps_si512(x.v), sign, kOrAnd))};
}

// clang-format off
inline constexpr OctaveTable kTanhTable = {9.5f, {
    {0x1.1ffeb6p+0f, 0x1.5fffdap+0f, 0x1.9fff1p+0f, 0x1.e00076p+0f, 0x1.1001fp+1f, 0x1.2ffe6ep+1f,
     0x1.4fff6p+1f, 0x1.6fffap+1f, 0x1.a0006ep+1f, 0x1.e001ecp+1f, 0x1.0fffdap+2f, 0x1.2ffe1ep+2f,
     0x1.4fff82p+2f, 0x1.6ffdbcp+2f, 0x1.900258p+2f, 0x1.b0004ep+2f, 0x1.e00258p+2f, 0x1.100258p+3f,
     0x1.2p+3f, 0x1.4p+3f, 0x1.6p+3f, 0x1.8p+3f, 0x1.ap+3f, 0x1.cp+3f, 0.0f, 0x1.800092p-3f,
     0x1.400148p-2f, 0x1.c0023cp-2f, 0x1.1ffeb2p-1f, 0x1.5ffe5ap-1f, 0x1.a00154p-1f, 0x1.dfffbp-1f},
    {0x1.9e5bd2p-1f, 0x1.c27894p-1f, 0x1.d9c6b6p-1f, 0x1.e878b4p-1f, 0x1.f199bcp-1f, 0x1.f7374p-1f,
     0x1.faa786p-1f, 0x1.fcc048p-1f, 0x1.fe767cp-1f, 0x1.ff6f1cp-1f, 0x1.ffcaacp-1f, 0x1.ffec6p-1f,
     0x1.fff8c8p-1f, 0x1.fffd58p-1f, 0x1.ffff06p-1f, 0x1.ffffa4p-1f, 0x1.ffffecp-1f, 0x1.fffffep-1f,
     0x1p+0f, 0x1p+0f, 0x1p+0f, 0x1p+0f, 0x1p+0f, 0x1p+0f, 0.0f, 0x1.7b9086p-3f, 0x1.35fab4p-2f,
     0x1.a5747ap-2f, 0x1.050778p-1f, 0x1.3156dp-1f, 0x1.5789bap-1f, 0x1.77d814p-1f},
    {0x1.6152e4p-2f, 0x1.cea7bep-3f, 0x1.266032p-3f, 0x1.6fce64p-4f, 0x1.c64dbep-5f, 0x1.16aeb4p-5f,
     0x1.54554ap-6f, 0x1.9e8a3ap-7f, 0x1.88ecdp-8f, 0x1.219f06p-9f, 0x1.aa89d6p-11f,
     0x1.39fa04p-12f, 0x1.cdfcccp-14f, 0x1.53ff2ep-15f, 0x1.f4093ep-17f, 0x1.6fffe2p-18f,
     0x1.485dbp-20f, 0x1.636a1cp-23f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1p+0f, 0x1.ee69d6p-1f,
     0x1.d1151ap-1f, 0x1.a944f6p-1f, 0x1.7aebe2p-1f, 0x1.49e804p-1f, 0x1.197ed2p-1f, 0x1.d8354p-2f},
    {-0x1.1df1ep-2f, -0x1.970efcp-3f, -0x1.106656p-3f, -0x1.5ee77ap-4f, -0x1.b986cap-5f,
     -0x1.11e698p-5f, -0x1.50c75ap-6f, -0x1.9be864p-7f, -0x1.87b7d6p-8f, -0x1.214778p-9f,
     -0x1.aa5574p-11f, -0x1.39e7ccp-12f, -0x1.cded48p-14f, -0x1.53f7e4p-15f, -0x1.f66472p-17f,
     -0x1.6ff708p-18f, -0x1.cc4b1ep-20f, -0x1.e20cdcp-21f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
     0x1.4ee596p-22f, -0x1.6e86bcp-3f, -0x1.1992e6p-2f, -0x1.5e0fep-2f, -0x1.825d8ap-2f,
     -0x1.897d44p-2f, -0x1.79c06ep-2f, -0x1.5aa25ep-2f},
    {0x1.c68d64p-4f, 0x1.97d814p-4f, 0x1.33e114p-4f, 0x1.a859f4p-5f, 0x1.15acaep-5f, 0x1.609e68p-6f,
     0x1.b7a3dep-7f, 0x1.0f1db4p-7f, 0x1.03938ap-8f, 0x1.80da3ep-10f, 0x1.1bfd5p-11f,
     0x1.a26a04p-13f, 0x1.33ea66p-14f, 0x1.c5448ep-16f, 0x1.4d539p-17f, 0x1.ea9e3cp-19f,
     0x1.b53f6p-21f, 0x1.d263dp-24f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.555b2ep-2f,
     -0x1.27a4f6p-2f, -0x1.c19eccp-3f, -0x1.16dd3ap-3f, -0x1.bcffe6p-5f, 0x1.d6b0dcp-7f,
     0x1.074646p-4f, 0x1.842552p-4f},
    {0x1.e099e4p-9f, -0x1.59f2b6p-6f, -0x1.9bb8d8p-6f, -0x1.55a006p-6f, -0x1.eb2018p-7f,
     -0x1.486c48p-7f, -0x1.a5f938p-8f, -0x1.08d86ap-8f, -0x1.033e66p-9f, -0x1.838fcp-11f,
     -0x1.1ecd16p-12f, -0x1.a714b6p-14f, -0x1.3776c8p-15f, -0x1.ca52e6p-17f, -0x1.04c812p-18f,
     -0x1.f0acecp-20f, 0x1.9d5cf4p-20f, 0x1.80aaa6p-19f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
     0x1.efc46ep-12f, 0x1.ce47cep-4f, 0x1.432806p-3f, 0x1.5b88cap-3f, 0x1.3a065cp-3f,
     0x1.e938e2p-4f, 0x1.477bdap-4f, 0x1.63a4b6p-5f},
    {-0x1.06b536p-5f, -0x1.37f53ap-7f, 0x1.685fdcp-10f, 0x1.2e956p-8f, 0x1.25e838p-8f,
     0x1.bf1c3cp-9f, 0x1.33acaep-9f, 0x1.91334ep-10f, 0x1.946314p-11f, 0x1.33272p-12f,
     0x1.c95172p-14f, 0x1.51f2b2p-15f, 0x1.f210ccp-17f, 0x1.6e938cp-18f, 0x1.0e7ae6p-19f,
     0x1.8d39e4p-21f, 0x1.74b856p-23f, 0x1.377aa2p-25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
     0x1.0a361cp-3f, 0x1.8cce28p-4f, 0x1.6c1786p-5f, -0x1.a1f032p-8f, -0x1.737f94p-5f,
     -0x1.dd450cp-5f, -0x1.111982p-4f, -0x1.9bda2ap-5f},
}};
inline constexpr OctaveTable kGeluGradTable = {7.5f, {
    {0x1.2000e4p+0f, 0x1.5ffdfep+0f, 0x1.9ffdcap+0f, 0x1.e000eep+0f, 0x1.0ffe38p+1f, 0x1.3001c4p+1f,
     0x1.4ffe56p+1f, 0x1.6ffdf2p+1f, 0x1.9ffe14p+1f, 0x1.dffeap+1f, 0x1.0ffdaap+2f, 0x1.2ffda8p+2f,
     0x1.500258p+2f, 0x1.700258p+2f, 0x1.900258p+2f, 0x1.b00258p+2f, 0x1.cp+2f, 0x1p+3f, 0x1.2p+3f,
     0x1.4p+3f, 0x1.6p+3f, 0x1.8p+3f, 0x1.ap+3f, 0x1.cp+3f, 0.0f, 0x1.8000bep-3f, 0x1.3fff52p-2f,
     0x1.c00054p-2f, 0x1.20006ap-1f, 0x1.6000ep-1f, 0x1.9ffebap-1f, 0x1.e001p-1f},
    {0x1.3754ccp-1f, 0x1.41d4aap-1f, 0x1.3df9b4p-1f, 0x1.32789cp-1f, 0x1.24cc14p-1f, 0x1.186966p-1f,
     0x1.0ee27cp-1f, 0x1.08629p-1f, 0x1.0314d8p-1f, 0x1.00a1bep-1f, 0x1.001932p-1f, 0x1.0003p-1f,
     0x1.000046p-1f, 0x1.000004p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f,
     0x1p-1f, 0x1p-1f, 0x1p-1f, 0.0f, 0x1.2ed3e2p-3f, 0x1.ee611cp-3f, 0x1.4f9996p-2f,
     0x1.9e6552p-2f, 0x1.e1f5a8p-2f, 0x1.0cad16p-1f, 0x1.222e24p-1f},
    {0x1.3ea4f4p-3f, 0x1.1601f8p-6f, -0x1.17861ep-4f, -0x1.ab0762p-4f, -0x1.ade738p-4f,
     -0x1.627756p-4f, -0x1.fdd26p-5f, -0x1.48716ap-5f, -0x1.1cb142p-6f, -0x1.16c5d6p-8f,
     -0x1.9211e2p-11f, -0x1.b20aeep-14f, -0x1.61de5p-17f, -0x1.b7cbdp-21f, -0x1.a1fa4cp-25f,
     -0x1.30c338p-29f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.988454p-1f,
     0x1.8a57b6p-1f, 0x1.720d94p-1f, 0x1.4fb45cp-1f, 0x1.25917p-1f, 0x1.ec9d08p-2f, 0x1.897aa4p-2f,
     0x1.271d6ep-2f},
    {-0x1.4db35ep-2f, -0x1.cc6a64p-3f, -0x1.e20a14p-4f, -0x1.ffb89cp-6f, 0x1.76584ap-6f,
     0x1.7b6b1cp-5f, 0x1.8b7a56p-5f, 0x1.416aa8p-5f, 0x1.629a04p-6f, 0x1.b40b1cp-8f,
     0x1.75e882p-10f, 0x1.d0e6a2p-13f, 0x1.b34b42p-16f, 0x1.810dd8p-18f, 0x1.3651f4p-20f,
     0x1.aa816ep-25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.b6f0bep-20f,
     -0x1.2a67bep-3f, -0x1.da6f56p-3f, -0x1.354936p-2f, -0x1.694cfap-2f, -0x1.87147ap-2f,
     -0x1.8e745cp-2f, -0x1.81209cp-2f},
    {0x1.d72e8cp-4f, 0x1.2b7792p-3f, 0x1.1129c4p-3f, 0x1.83628cp-4f, 0x1.9b433ep-5f, 0x1.dbfe6p-7f,
     -0x1.c2fad8p-8f, -0x1.f94764p-7f, -0x1.cd668ep-7f, -0x1.8e0114p-8f, -0x1.a91c0cp-10f,
     -0x1.382e6ap-12f, -0x1.49081ap-15f, -0x1.fc0542p-19f, -0x1.21b674p-22f, -0x1.f939c6p-27f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.104edcp-2f, -0x1.f6645p-3f, -0x1.af6014p-3f,
     -0x1.4dadf4p-3f, -0x1.b63e7ap-4f, -0x1.897d2ep-5f, 0x1.21aae8p-7f, 0x1.e469fap-5f},
    {0x1.cda7bp-5f, 0x1.cfb28ap-8f, -0x1.dd499ep-6f, -0x1.6c284p-5f, -0x1.547a3ap-5f,
     -0x1.d71f38p-6f, -0x1.d8006ep-7f, -0x1.d67348p-9f, 0x1.ced5ap-9f, 0x1.b7659ep-9f,
     0x1.46d8f6p-10f, 0x1.2bea3ep-12f, 0x1.39ac18p-15f, -0x1.afe658p-15f, -0x1.0855c4p-16f,
     -0x1.5f385cp-21f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.2b3cdep-12f,
     0x1.b9ae02p-5f, 0x1.56e34ep-4f, 0x1.aef03ep-4f, 0x1.ddb0eap-4f, 0x1.e1086p-4f, 0x1.bc2e8p-4f,
     0x1.763e08p-4f},
    {-0x1.4a0b9ap-5f, -0x1.273312p-5f, -0x1.55d85ep-6f, -0x1.0ad40ep-8f, 0x1.eea4bp-8f,
     0x1.8278p-7f, 0x1.577a16p-7f, 0x1.b48f68p-8f, 0x1.8e27e8p-10f, -0x1.d789cap-11f,
     -0x1.48eb96p-11f, -0x1.90ea9ep-13f, -0x1.2e7cf2p-15f, -0x1.5b2674p-18f, -0x1.36451ep-21f,
     -0x1.2e6cb6p-25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.ef1e32p-5f,
     0x1.908882p-5f, 0x1.80d3bp-5f, 0x1.86e2cap-6f, 0x1.cbc1cep-8f, -0x1.2ae678p-8f,
     -0x1.3b8ba8p-6f, -0x1.167e6cp-5f},
}};
inline constexpr OctaveTable kGeluTanhGradTable = {7.5f, {
    {0x1.2000bp+0f, 0x1.5ffdcep+0f, 0x1.a0002ep+0f, 0x1.dfffa8p+0f, 0x1.10017ep+1f, 0x1.2ffecep+1f,
     0x1.4fffeap+1f, 0x1.70020cp+1f, 0x1.a00126p+1f, 0x1.dffe88p+1f, 0x1.1000a6p+2f, 0x1.2ffda8p+2f,
     0x1.4ffda8p+2f, 0x1.700258p+2f, 0x1.900258p+2f, 0x1.affe56p+2f, 0x1.cp+2f, 0x1p+3f, 0x1.2p+3f,
     0x1.4p+3f, 0x1.6p+3f, 0x1.8p+3f, 0x1.ap+3f, 0x1.cp+3f, 0.0f, 0x1.8000c4p-3f, 0x1.3ffe9ep-2f,
     0x1.c0007ap-2f, 0x1.2001c2p-1f, 0x1.5ffdbep-1f, 0x1.9ffeeap-1f, 0x1.dfffb8p-1f},
    {0x1.372e12p-1f, 0x1.41d6f2p-1f, 0x1.3e372p-1f, 0x1.32e306p-1f, 0x1.25385ep-1f, 0x1.18b29cp-1f,
     0x1.0ef22p-1f, 0x1.0841fcp-1f, 0x1.02d94p-1f, 0x1.007cb8p-1f, 0x1.000dccp-1f, 0x1.0000f2p-1f,
     0x1.00000ap-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f,
     0x1p-1f, 0x1p-1f, 0x1p-1f, 0.0f, 0x1.2ecf84p-3f, 0x1.ee4d1ap-3f, 0x1.4f822ep-2f,
     0x1.9e3b9ap-2f, 0x1.e1b16cp-2f, 0x1.0c8338p-1f, 0x1.21ff4cp-1f},
    {0x1.4025e8p-3f, 0x1.318f18p-6f, -0x1.1056a6p-4f, -0x1.a7b97ap-4f, -0x1.b04c64p-4f,
     -0x1.68f348p-4f, -0x1.05e1b4p-4f, -0x1.51b39ap-5f, -0x1.1d012ep-6f, -0x1.ecef3ep-9f,
     -0x1.0cabeep-11f, -0x1.63421p-15f, -0x1.0fac9ap-19f, -0x1.c98fcp-25f, -0x1.95b91ap-31f,
     -0x1.6784d6p-38f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.988454p-1f,
     0x1.8a469ap-1f, 0x1.71e35cp-1f, 0x1.4f6f44p-1f, 0x1.2539e8p-1f, 0x1.ebf70ep-2f, 0x1.89032ep-2f,
     0x1.270cdcp-2f},
    {-0x1.4b613p-2f, -0x1.c9e5f8p-3f, -0x1.e5ed9ep-4f, -0x1.158f08p-5f, 0x1.4b8872p-6f,
     0x1.71e2cp-5f, 0x1.9021cp-5f, 0x1.4dd3a2p-5f, 0x1.75fc02p-6f, 0x1.b0e682p-8f, 0x1.2c4fc8p-10f,
     0x1.e3d208p-14f, 0x1.79218ep-18f, 0x1.1446ecp-20f, 0x1.c2a9e4p-27f, 0x1.759c34p-34f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.b54ce6p-20f, -0x1.2bbdccp-3f, -0x1.dc290ep-3f,
     -0x1.36084ap-2f, -0x1.699a18p-2f, -0x1.86abd8p-2f, -0x1.8d3f46p-2f, -0x1.7f3a0cp-2f},
    {0x1.d68fap-4f, 0x1.266974p-3f, 0x1.0b12bcp-3f, 0x1.7e632cp-4f, 0x1.a4ee2ep-5f, 0x1.15ed34p-6f,
     -0x1.443b4ep-8f, -0x1.e72878p-7f, -0x1.e9efaap-7f, -0x1.af546ep-8f, -0x1.9302e6p-10f,
     -0x1.a26108p-13f, -0x1.da3c3ep-17f, -0x1.19b8f4p-21f, -0x1.574928p-27f, -0x1.9bca82p-34f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.11a808p-2f, -0x1.f823e8p-3f, -0x1.af8dbep-3f,
     -0x1.4c2ca4p-3f, -0x1.afef0cp-4f, -0x1.78abap-5f, 0x1.65475p-7f, 0x1.f08036p-5f},
    {0x1.b8fdf8p-5f, 0x1.62dd62p-8f, -0x1.d1295cp-6f, -0x1.585c5cp-5f, -0x1.43bdfp-5f,
     -0x1.d1e25ap-6f, -0x1.fcc6aep-7f, -0x1.47143cp-8f, 0x1.9e221cp-9f, 0x1.ee7a0ep-9f,
     0x1.657676p-10f, 0x1.15c2bcp-12f, 0x1.4ff6dep-15f, -0x1.936218p-17f, -0x1.170c54p-23f,
     -0x1.5a41acp-31f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.2513b6p-12f,
     0x1.c32746p-5f, 0x1.5db344p-4f, 0x1.b5f2eep-4f, 0x1.e313b8p-4f, 0x1.e324c2p-4f, 0x1.b9bc5p-4f,
     0x1.700568p-4f},
    {-0x1.4c7e32p-5f, -0x1.1a4924p-5f, -0x1.365968p-6f, -0x1.ca06fap-9f, 0x1.a8d3bcp-8f,
     0x1.528246p-7f, 0x1.3f95b2p-7f, 0x1.c3bf4p-8f, 0x1.188efcp-9f, -0x1.da7fd6p-11f,
     -0x1.8d8952p-11f, -0x1.a05fp-13f, -0x1.9707aap-16f, -0x1.a0796ep-20f, -0x1.6fdbfap-25f,
     -0x1.2edccap-31f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.fa08b8p-5f,
     0x1.96af16p-5f, 0x1.44e9a2p-5f, 0x1.afdeaep-6f, 0x1.1ee99cp-7f, -0x1.4a03d4p-7f,
     -0x1.926c88p-6f, -0x1.12768ap-5f},
}};
inline constexpr StepTable kGeluTable = {0.39453125f, {
    {0.0f, 0x1.3a2cb4p-3f, 0x1.23cd26p-2f, 0x1.86dfc8p-2f, 0x1.c55b6cp-2f, 0x1.e72674p-2f,
     0x1.f6d2bp-2f, 0x1.fd0e5cp-2f, 0x1.ff2e88p-2f, 0x1.ffcda8p-2f, 0x1.fff58ep-2f, 0x1.fffe22p-2f,
     0x1.ffffb6p-2f, 0x1.fffff6p-2f, 0x1.fffffep-2f, 0x1p-1f},
    {0x1.988452p-2f, 0x1.79edc6p-2f, 0x1.2b3bbap-2f, 0x1.958baep-3f, 0x1.d667p-4f, 0x1.d2fb2p-5f,
     0x1.8cc2c6p-6f, 0x1.208222p-7f, 0x1.671a1ep-9f, 0x1.7e8a54p-11f, 0x1.5cc49ap-13f,
     0x1.102468p-15f, 0x1.6b7bdcp-18f, 0x1.9f80cap-21f, 0x1.9680aap-24f, 0.0f},
    {0x1.18ef5ep-20f, -0x1.2a34bcp-4f, -0x1.d83912p-4f, -0x1.dffd9ep-4f, -0x1.732f76p-4f,
     -0x1.cc98d6p-5f, -0x1.d5a456p-6f, -0x1.8e50a2p-7f, -0x1.1b562ep-8f, -0x1.53793ep-10f,
     -0x1.5868d6p-12f, -0x1.2ca61cp-14f, -0x1.927368p-17f, -0x1.60550ep-20f, 0x1.44b25ep-19f, 0.0f},
    {-0x1.106bf8p-4f, -0x1.a9773ap-5f, -0x1.2d312cp-6f, 0x1.b18bdap-7f, 0x1.d3686p-6f,
     0x1.c21334p-6f, 0x1.306bfcp-6f, 0x1.3eaab2p-7f, 0x1.0c3008p-8f, 0x1.720ad4p-10f,
     0x1.a74ef6p-12f, 0x1.94687ap-14f, 0x1.444246p-16f, 0x1.b5f75cp-19f, 0x1.f38e8ep-22f, 0.0f},
    {0x1.258cc2p-13f, 0x1.18ac06p-6f, 0x1.73ebc8p-6f, 0x1.fc523p-7f, 0x1.02071ep-8f,
     -0x1.0e1c76p-8f, -0x1.91aa14p-8f, -0x1.36c6bap-8f, -0x1.4a8eb2p-9f, -0x1.145b6cp-10f,
     -0x1.617d9ap-12f, -0x1.0158ap-14f, -0x1.636e9ap-15f, -0x1.637154p-16f, -0x1.22defep-14f, 0.0f},
    {0x1.39d63ep-7f, 0x1.a2d8b6p-8f, -0x1.8abfbap-11f, -0x1.725908p-8f, -0x1.65f3c6p-8f,
     -0x1.45485ap-9f, 0x1.2ceebp-13f, 0x1.258426p-10f, 0x1.fb68d6p-11f, 0x1.13d5ep-11f,
     0x1.bcdb0ep-13f, 0x1.18fcb6p-14f, 0x1.1ddaap-16f, 0x1.dbdf8ap-19f, 0x1.4744b6p-21f, 0.0f},
}};
inline constexpr StepTable kGeluTanhTable = {0.3955078125f, {
    {0.0f, 0x1.3ae01p-3f, 0x1.2447bep-2f, 0x1.87491ap-2f, 0x1.c5b0ecp-2f, 0x1.e7797ap-2f,
     0x1.f721ecp-2f, 0x1.fd4a72p-2f, 0x1.ff50aep-2f, 0x1.ffdc32p-2f, 0x1.fffa3ep-2f, 0x1.ffff4ap-2f,
     0x1.fffffp-2f, 0x1.fffffep-2f, 0x1p-1f, 0x1p-1f},
    {0x1.988452p-2f, 0x1.79a6e6p-2f, 0x1.2a81p-2f, 0x1.94078ep-3f, 0x1.d4d748p-4f, 0x1.d1e97ep-5f,
     0x1.89ff82p-6f, 0x1.17d904p-7f, 0x1.478652p-9f, 0x1.3471cp-11f, 0x1.c78862p-14f,
     0x1.00d47cp-16f, 0x1.ae93a2p-20f, 0x1.054866p-23f, 0x1.bf245ep-28f, 0.0f},
    {0x1.1a4bc4p-20f, -0x1.2be376p-4f, -0x1.d89a6ap-4f, -0x1.dd98f2p-4f, -0x1.704a3p-4f,
     -0x1.ca8bdep-5f, -0x1.d6d848p-6f, -0x1.8f3356p-7f, -0x1.13fc96p-8f, -0x1.30813p-10f,
     -0x1.06702ep-12f, -0x1.52db92p-15f, -0x1.e44dd8p-18f, 0x1.294f66p-19f, -0x1.9134bep-23f, 0.0f},
    {-0x1.11c542p-4f, -0x1.a9132ep-5f, -0x1.2353d6p-6f, 0x1.be9ac2p-7f, 0x1.ce8a54p-6f,
     0x1.ba1436p-6f, 0x1.2e1af8p-6f, 0x1.420b46p-7f, 0x1.105cecp-8f, 0x1.69ba78p-10f,
     0x1.71251ap-12f, 0x1.1a447p-14f, 0x1.3b3aaep-17f, 0x1.f542eap-21f, 0x1.14a848p-24f, 0.0f},
    {0x1.2a77ccp-13f, 0x1.1dd5e6p-6f, 0x1.756324p-6f, 0x1.f0a682p-7f, 0x1.d4e18ep-9f,
     -0x1.05d816p-8f, -0x1.83ff36p-8f, -0x1.30702cp-8f, -0x1.5595fap-9f, -0x1.2362ccp-10f,
     -0x1.58fdbap-12f, -0x1.69b3e8p-14f, 0x1.83c558p-15f, -0x1.20bb8ep-14f, 0x1.0bbf66p-18f, 0.0f},
    {0x1.40fdf4p-7f, 0x1.a6b1ccp-8f, -0x1.0e3e36p-10f, -0x1.7a74ap-8f, -0x1.575e9ep-8f,
     -0x1.2ab29ap-9f, 0x1.654f26p-14f, 0x1.097c3ep-10f, 0x1.f1a2c8p-11f, 0x1.2189e8p-11f,
     0x1.d69f74p-13f, 0x1.0e5f84p-14f, 0x1.b3dcbcp-17f, 0x1.e4d962p-20f, 0x1.6da6a8p-23f, 0.0f},
}};
// clang-format on

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
#endif
