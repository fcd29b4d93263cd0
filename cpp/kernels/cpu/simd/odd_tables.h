#pragma once
// tanh and the GELU functions where a register holds 16 lanes and a permutation looks 32 values up:
// no exponential, no division. An odd function of x is a polynomial in |x| - c on each of 32
// intervals, and constant beyond the limit. Interval: the low five bits of (bits of |x| + 1) >> 20,
// that is the exponent and the first three bits of the mantissa; eight intervals each of 1/8, 1/4,
// 1/2 and 1. Rows: c, then the coefficients, lowest first. scripts/fit_odd_tables.py makes them;
// the polynomials' error is below 0.06 ULP of tanh, 0.4 where it approaches 1, and below 2^-25 for
// the others.

#include "kernels/cpu/simd/vec.h"

#if defined(__AVX512F__)
namespace ranvier::kernels::RV_ISA {
namespace {

struct OddTable {
  float limit;  // any |x| of an interval on which the function is constant
  alignas(64) float rows[7][32];
};

RV_INLINE VecF look_up(const float (&row)[32], __m512i index) {
  return {_mm512_permutex2var_ps(_mm512_load_ps(row), index, _mm512_load_ps(row + 16))};
}

// The function at `magnitude` >= 0; NaN stays.
RV_INLINE VecF odd_function(const OddTable& table, VecF magnitude) {
  const VecF a = {_mm512_min_ps(_mm512_set1_ps(table.limit), magnitude.v)};
  const VecF moved = a + VecF::set1(1.0f);
  const __m512i index = _mm512_srli_epi32(_mm512_castps_si512(moved.v), 20);
  const VecF t = a - look_up(table.rows[0], index);
  VecF p = look_up(table.rows[6], index);
#pragma GCC unroll 5
  for (int k = 5; k > 0; --k) p = fma(p, t, look_up(table.rows[k], index));
  return p;
}

// y >= 0 with the sign of x.
RV_INLINE VecF with_sign(VecF y, VecF x) {
  constexpr int kOrAnd = 0xf8;  // a | (b & c)
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  return {_mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(y.v), _mm512_castps_si512(x.v), sign, kOrAnd))};
}

// clang-format off
inline constexpr OddTable kTanhTable = {9.5f, {
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
inline constexpr OddTable kGeluTable = {7.5f, {
    {0x1.200134p+0f, 0x1.600026p+0f, 0x1.9ffef8p+0f, 0x1.dffee2p+0f, 0x1.0ffda8p+1f, 0x1.2fffe6p+1f,
     0x1.4ffe74p+1f, 0x1.6fffc8p+1f, 0x1.9ffdf4p+1f, 0x1.dfff6cp+1f, 0x1.0ffda8p+2f, 0x1.300258p+2f,
     0x1.4ffda8p+2f, 0x1.700258p+2f, 0x1.900258p+2f, 0x1.b00256p+2f, 0x1.cp+2f, 0x1p+3f, 0x1.2p+3f,
     0x1.4p+3f, 0x1.6p+3f, 0x1.8p+3f, 0x1.ap+3f, 0x1.cp+3f, 0.0f, 0x1.8000eep-3f, 0x1.3fffa4p-2f,
     0x1.bffdf2p-2f, 0x1.1ffe3ap-1f, 0x1.60004cp-1f, 0x1.a000b8p-1f, 0x1.e00132p-1f},
    {0x1.7a9518p-2f, 0x1.a967b2p-2f, 0x1.caaac4p-2f, 0x1.e0df78p-2f, 0x1.eeccf4p-2f, 0x1.f703cep-2f,
     0x1.fb901ep-2f, 0x1.fdee6cp-2f, 0x1.ff68b4p-2f, 0x1.ffe8d2p-2f, 0x1.fffd32p-2f, 0x1.ffffbcp-2f,
     0x1.fffffap-2f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f,
     0x1p-1f, 0x1p-1f, 0x1p-1f, 0.0f, 0x1.309acep-4f, 0x1.f673fap-4f, 0x1.5a5d0ap-3f,
     0x1.b471cep-3f, 0x1.043736p-2f, 0x1.2ac04cp-2f, 0x1.4d91d6p-2f},
    {0x1.b1ea16p-3f, 0x1.3d76d2p-3f, 0x1.b46454p-4f, 0x1.19c1f2p-4f, 0x1.55d48cp-5f, 0x1.857b5p-6f,
     0x1.a0ff66p-7f, 0x1.a350b4p-8f, 0x1.0a015cp-9f, 0x1.71bfbap-12f, 0x1.90895p-15f,
     0x1.514b96p-18f, 0x1.bb9fccp-22f, 0x1.c50bb2p-26f, 0x1.68ddfcp-30f, 0x1.bfba48p-35f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.988454p-2f, 0x1.916608p-2f, 0x1.850c92p-2f,
     0x1.733cp-2f, 0x1.5cbe6ep-2f, 0x1.42884cp-2f, 0x1.25ab12p-2f, 0x1.073dcep-2f},
    {-0x1.e8294cp-4f, -0x1.b4838ap-4f, -0x1.6290c4p-4f, -0x1.08255ap-4f, -0x1.6b2eeap-5f,
     -0x1.ce829ep-6f, -0x1.11a67cp-6f, -0x1.2d61b6p-7f, -0x1.b0357ep-9f, -0x1.5a854ep-11f,
     -0x1.a73eacp-14f, -0x1.9cfc64p-17f, 0x1.434508p-21f, -0x1.5790bap-21f, -0x1.01feecp-25f,
     -0x1.2fc814p-30f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.d09a58p-21f,
     -0x1.2d0d48p-5f, -0x1.e64f28p-5f, -0x1.44d306p-4f, -0x1.8853dap-4f, -0x1.bb7bb8p-4f,
     -0x1.dd36dep-4f, -0x1.ed94fcp-4f},
    {0x1.336c7ap-7f, 0x1.78f888p-6f, 0x1.dd4962p-6f, 0x1.d88394p-6f, 0x1.908c6cp-6f, 0x1.2d3d5cp-6f,
     0x1.99616ep-7f, 0x1.fbc404p-8f, 0x1.a7efccp-9f, 0x1.926a94p-11f, 0x1.1cab7p-13f,
     0x1.2edc2cp-16f, 0x1.e86e42p-20f, 0x1.289a22p-23f, 0x1.1961f2p-27f, 0x1.99764cp-32f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.1042ccp-4f, -0x1.023e64p-4f, -0x1.d40a06p-5f,
     -0x1.905008p-5f, -0x1.3dd6dp-5f, -0x1.c5bebp-6f, -0x1.0a301ap-6f, -0x1.539fep-8f},
    {0x1.19cde8p-6f, 0x1.42d4a4p-7f, 0x1.56f0a8p-9f, -0x1.6745e6p-9f, -0x1.6d44e4p-8f,
     -0x1.960672p-8f, -0x1.626fd8p-8f, -0x1.089176p-8f, -0x1.128e5p-9f, -0x1.45963cp-11f,
     -0x1.2379fp-13f, -0x1.db842cp-17f, -0x1.ea9858p-16f, 0x1.277648p-17f, 0x1.ae5ecap-22f,
     0x1.e94c5ep-27f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.898034p-13f,
     0x1.298e4ep-7f, 0x1.d63644p-7f, 0x1.300b8ep-6f, 0x1.5eeef4p-6f, 0x1.75249p-6f, 0x1.744844p-6f,
     0x1.5c410cp-6f},
    {-0x1.5a7924p-8f, -0x1.8f39f8p-8f, -0x1.54ce7ap-8f, -0x1.ad3f08p-9f, -0x1.533bdap-10f,
     0x1.8425bp-13f, 0x1.f87c3p-11f, 0x1.2e6434p-10f, 0x1.c4e468p-11f, 0x1.6a5d4ap-12f,
     0x1.77442ep-14f, 0x1.118216p-16f, 0x1.402e66p-19f, 0x1.37ecdp-22f, 0x1.452dbap-26f,
     0x1.09c534p-30f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.5999c6p-7f,
     0x1.7e803ap-7f, 0x1.bebaccp-8f, 0x1.e58ffcp-8f, 0x1.5df1cp-9f, 0x1.af3b42p-9f,
     -0x1.420d6ep-11f, -0x1.13244ep-8f},
}};
inline constexpr OddTable kGeluGradTable = {7.5f, {
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
inline constexpr OddTable kGeluTanhTable = {7.5f, {
    {0x1.200216p+0f, 0x1.60004p+0f, 0x1.9ffe1p+0f, 0x1.e00186p+0f, 0x1.10023ap+1f, 0x1.300246p+1f,
     0x1.4fff72p+1f, 0x1.6fffbap+1f, 0x1.a00234p+1f, 0x1.dfff66p+1f, 0x1.100076p+2f, 0x1.300258p+2f,
     0x1.500258p+2f, 0x1.700258p+2f, 0x1.900258p+2f, 0x1.affe56p+2f, 0x1.cp+2f, 0x1p+3f, 0x1.2p+3f,
     0x1.4p+3f, 0x1.6p+3f, 0x1.8p+3f, 0x1.ap+3f, 0x1.cp+3f, 0.0f, 0x1.7ffe24p-3f, 0x1.3fff02p-2f,
     0x1.c00198p-2f, 0x1.1ffef8p-1f, 0x1.60009cp-1f, 0x1.a0018ep-1f, 0x1.e00092p-1f},
    {0x1.7a68aap-2f, 0x1.a93b3ap-2f, 0x1.ca8e7ap-2f, 0x1.e0df1cp-2f, 0x1.eee7d2p-2f, 0x1.f72ea4p-2f,
     0x1.fbbf08p-2f, 0x1.fe1782p-2f, 0x1.ff8182p-2f, 0x1.fff0acp-2f, 0x1.fffec2p-2f, 0x1.fffffp-2f,
     0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f, 0x1p-1f,
     0x1p-1f, 0x1p-1f, 0.0f, 0x1.309666p-4f, 0x1.f6692ep-4f, 0x1.5a531p-3f, 0x1.b45a54p-3f,
     0x1.042386p-2f, 0x1.2aa466p-2f, 0x1.4d6cfep-2f},
    {0x1.b1af42p-3f, 0x1.3dbe18p-3f, 0x1.b5db7cp-4f, 0x1.1b83b8p-4f, 0x1.5894ep-5f, 0x1.8818e8p-6f,
     0x1.a0433ap-7f, 0x1.9a31dcp-8f, 0x1.e7a268p-10f, 0x1.1a642p-12f, 0x1.b24488p-16f, 0x1.a41p-20f,
     0x1.e4fe14p-25f, 0x1.3ca24cp-30f, 0x1.bb69d8p-37f, 0x1.3f11a4p-44f, 0.0f, 0.0f, 0.0f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0x1.988454p-2f, 0x1.915d66p-2f, 0x1.84f62p-2f, 0x1.73141ep-2f,
     0x1.5c8704p-2f, 0x1.424636p-2f, 0x1.25665ep-2f, 0x1.0701ecp-2f},
    {-0x1.e66e0cp-4f, -0x1.b26aa6p-4f, -0x1.613e8ep-4f, -0x1.08334ap-4f, -0x1.6d93f8p-5f,
     -0x1.d5017cp-6f, -0x1.16d2ecp-6f, -0x1.324b7ep-7f, -0x1.a9b8f8p-9f, -0x1.2c677ep-11f,
     -0x1.160fc2p-14f, -0x1.6ae33p-18f, -0x1.3601fcp-20f, -0x1.7242fp-26f, -0x1.e1548ap-33f,
     -0x1.ac662p-41f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.d0352ap-21f,
     -0x1.2e706p-5f, -0x1.e84ab8p-5f, -0x1.45e512p-4f, -0x1.89342ap-4f, -0x1.bbed1ap-4f,
     -0x1.dd0c14p-4f, -0x1.ecbbb4p-4f},
    {0x1.3d2bd8p-7f, 0x1.77cb52p-6f, 0x1.d6c754p-6f, 0x1.d0f568p-6f, 0x1.8c1344p-6f, 0x1.2d4f6ap-6f,
     0x1.9faf4ap-7f, 0x1.055e6ep-7f, 0x1.b5cee4p-9f, 0x1.83e10ap-11f, 0x1.ba295ep-14f,
     0x1.341444p-17f, 0x1.ee05ccp-22f, 0x1.ba2c7ap-27f, 0x1.9d643cp-33f, 0x1.7aa596p-40f, 0.0f,
     0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.119becp-4f, -0x1.033f98p-4f, -0x1.d50366p-5f,
     -0x1.8fd0cap-5f, -0x1.3c4164p-5f, -0x1.bfdaf2p-6f, -0x1.02e316p-6f, -0x1.37d928p-8f},
    {0x1.14f88ep-6f, 0x1.3605b4p-7f, 0x1.3b28b6p-9f, -0x1.5c9f3p-9f, -0x1.5be21p-8f,
     -0x1.85a76ap-8f, -0x1.5b18dap-8f, -0x1.0a806cp-8f, -0x1.1f3fcap-9f, -0x1.53dbdap-11f,
     -0x1.f625a2p-14f, -0x1.941a16p-19f, 0x1.e248ap-17f, 0x1.003d5p-22f, 0x1.143fd4p-29f,
     0x1.f484f4p-44f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -0x1.880b28p-13f,
     0x1.2fd2dp-7f, 0x1.e04f4ep-7f, 0x1.3507c4p-6f, 0x1.641ac4p-6f, 0x1.7999aap-6f, 0x1.755a2p-6f,
     0x1.5bbe6cp-6f},
    {-0x1.66e844p-8f, -0x1.92f424p-8f, -0x1.45df86p-8f, -0x1.928e42p-9f, -0x1.4100bep-10f,
     0x1.a8da46p-14f, 0x1.b39264p-11f, 0x1.17909cp-10f, 0x1.c86de6p-11f, 0x1.8989d6p-12f,
     0x1.85081ep-14f, 0x1.b5d496p-17f, 0x1.3419ecp-20f, 0x1.7d950ap-25f, 0x1.fa2648p-31f,
     0x1.5317c2p-37f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0x1.60eea2p-7f,
     0x1.5c860ap-7f, 0x1.7980a6p-8f, 0x1.9ea604p-9f, 0x1.568304p-8f, 0x1.fcde38p-11f,
     -0x1.a298fep-9f, -0x1.81c308p-10f},
}};
inline constexpr OddTable kGeluTanhGradTable = {7.5f, {
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
// clang-format on

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
#endif
