// Philox and the float32 distributions, two groups of counters at a time.

#include <cstdint>
#include <cstring>

#include "kernels/cpu/data/random.h"
#include "kernels/cpu/data/random_constants.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/vec.h"

// An emitter is used for whole vectors and for tails; inlined, the first knows its lanes.
#define RV_INLINE_LAMBDA __attribute__((always_inline))

namespace ranvier::kernels::RV_ISA {
namespace {

using VecU = Vec<uint32_t>;
constexpr int kLanes = VecU::kLanes;
constexpr int64_t kGroups = 16 / kLanes;  // vectors of counters per block of 64 elements
constexpr int kTogether = 2;              // groups in flight: hides the latency of the multiplies

// The 64-bit products of all lanes with m, as high and low words.
RV_INLINE void multiply(VecU a, uint32_t m, VecU* high, VecU* low) {
#if defined(__AVX512F__)
  const __m512i x = (__m512i)a.v, f = _mm512_set1_epi64(m);
  const __m512i even = _mm512_mul_epu32(x, f);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), f);
  high->v = (VecU::Register)_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
  low->v = (VecU::Register)_mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
#elif defined(__AVX2__)
  const __m256i x = (__m256i)a.v, f = _mm256_set1_epi64x(m);
  const __m256i even = _mm256_mul_epu32(x, f);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), f);
  high->v = (VecU::Register)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
  low->v = (VecU::Register)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
#else
  const __m128i x = (__m128i)a.v, f = _mm_set1_epi64x(m);
  const __m128i odd_lanes = _mm_set1_epi64x(static_cast<int64_t>(0xffffffff00000000u));
  const __m128i even = _mm_mul_epu32(x, f);
  const __m128i odd = _mm_mul_epu32(_mm_srli_epi64(x, 32), f);
  high->v = (VecU::Register)_mm_or_si128(_mm_srli_epi64(even, 32), _mm_and_si128(odd, odd_lanes));
  low->v = (VecU::Register)_mm_or_si128(_mm_andnot_si128(odd_lanes, even), _mm_slli_epi64(odd, 32));
#endif
}

// Calls emit(bits, e, lanes) for elements first + e .. first + e + lanes, lanes <= kLanes.
template <class Emit>
RV_INLINE void generate(const uint32_t* key, int64_t first, int64_t n, const Emit& emit) {
  const int64_t begin = first / 64 * kGroups;
  const int64_t groups = (n + 63) / 64 * kGroups;
  for (int64_t g = 0; g < groups; g += kTogether) {
    VecU c[kTogether][4];
    for (int t = 0; t < kTogether; ++t) {
      const auto counter = static_cast<uint64_t>(begin + g + t) * kLanes;
      c[t][0] = VecU::set1(static_cast<uint32_t>(counter)) + VecU::iota();
      c[t][1] = VecU::set1(static_cast<uint32_t>(counter >> 32));
      c[t][2] = c[t][3] = VecU::zero();
    }
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < kPhiloxRounds; ++round, k0 += kPhiloxW0, k1 += kPhiloxW1)
      for (int t = 0; t < kTogether; ++t) {
        VecU high0, low0, high1, low1;
        multiply(c[t][0], kPhiloxM0, &high0, &low0);
        multiply(c[t][2], kPhiloxM1, &high1, &low1);
        c[t][0] = high1 ^ c[t][1] ^ VecU::set1(k0);
        c[t][1] = low1;
        c[t][2] = high0 ^ c[t][3] ^ VecU::set1(k1);
        c[t][3] = low0;
      }
    for (int t = 0; t < kTogether; ++t) {
      const int64_t base = (g + t) / kGroups * 64 + (g + t) % kGroups * kLanes;
      for (int w = 0; w < 4; ++w) {
        const int64_t e = base + 16 * w, rest = n - e;
        if (rest >= kLanes)
          emit(c[t][w], e, kLanes);
        else if (rest > 0)
          emit(c[t][w], e, static_cast<int>(rest));
      }
    }
  }
}

template <class T>
RV_INLINE void put(Vec<T> x, T* p, int lanes) {
  if (lanes == kLanes)
    x.store(p);
  else
    x.store_partial(p, lanes);
}

RV_INLINE VecF from_bits(VecU x) { return to_float(bit_cast<int32_t>(x)); }

void bits_u32(const uint32_t* key, int64_t first, int64_t n, uint32_t* dst) noexcept {
  generate(key, first, n,
           [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA { put(bits, dst + e, lanes); });
}

void uniform_f32(const uint32_t* key, int64_t first, int64_t n, float* dst, float lo,
                 float hi) noexcept {
  const VecF low = VecF::set1(lo), high = VecF::set1(hi), range = VecF::set1(hi - lo);
  generate(key, first, n, [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA {
    const VecF u = from_bits(bits >> 8) * VecF::set1(0x1p-24f);
    const VecF x = low + range * u;
    put(select(x < high, x, low), dst + e, lanes);
  });
}

template <int kTerms>
RV_INLINE VecF polynomial(const float (&coefficients)[kTerms], VecF x) {
  VecF sum = VecF::set1(coefficients[kTerms - 1]);
  for (int i = kTerms - 2; i >= 0; --i) sum = fma(sum, x, VecF::set1(coefficients[i]));
  return sum;
}

// z with P(|Z| < z) = x and P(|Z| > z) = v = 1 - x, both given to full precision.
RV_INLINE VecF inverse_normal(VecF x, VecF v) {
  const VecF w = -log(v * (VecF::set1(1.0f) + x));
  const VecF central = polynomial(kCentral, w - VecF::set1(kCentralShift));
  const VecF root = sqrt(max(w, VecF::zero()));
  const VecF tail = polynomial(kTail, root - VecF::set1(kTailShift));
  return x * select(w < VecF::set1(kCentralLimit), central, tail);
}

RV_INLINE VecF with_sign_of(VecF z, VecU bits) {
  const VecU sign = bits & VecU::set1(0x80000000u);
  return bit_cast<float>(bit_cast<uint32_t>(z) | sign);
}

void normal_f32(const uint32_t* key, int64_t first, int64_t n, float* dst, float mean,
                float stddev) noexcept {
  const VecF m = VecF::set1(mean), s = VecF::set1(stddev);
  generate(key, first, n, [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA {
    const VecU magnitude = bits & VecU::set1(0x7fffffffu);
    const VecU mirrored = VecU::set1(0x7fffffffu) - magnitude;
    const VecF half = VecF::set1(0.5f), unit = VecF::set1(0x1p-31f);
    const VecF x = (from_bits(magnitude) + half) * unit;
    const VecF v = (from_bits(mirrored) + half) * unit;
    const VecF z = with_sign_of(inverse_normal(x, v), bits);
    put(m + s * z, dst + e, lanes);
  });
}

void truncated_normal_f32(const uint32_t* key, int64_t first, int64_t n, float* dst, float mean,
                          float stddev) noexcept {
  const VecF m = VecF::set1(mean), s = VecF::set1(stddev);
  const VecF below_two = VecF::set1(0x1.fffffep+0f);
  generate(key, first, n, [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA {
    const VecU magnitude = bits & VecU::set1(0x7fffffffu);
    const VecF unit = VecF::set1(static_cast<float>(kWithinTwo * 0x1p-31));
    const VecF x = (from_bits(magnitude) + VecF::set1(0.5f)) * unit;
    const VecF z = min(inverse_normal(x, VecF::set1(1.0f) - x), below_two);
    put(m + s * with_sign_of(z, bits), dst + e, lanes);
  });
}

void bernoulli_f32(const uint32_t* key, int64_t first, int64_t n, float* dst, uint64_t threshold,
                   float yes) noexcept {
  // bits < threshold as bits <= threshold - 1, which fits 32 bits up to 2^32; 0 keeps nothing.
  const VecU last = VecU::set1(static_cast<uint32_t>(threshold - 1));
  const VecF value = VecF::set1(threshold == 0 ? 0.0f : yes);
  generate(key, first, n, [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA {
    put(select(bits <= last, value, VecF::zero()), dst + e, lanes);
  });
}

void dropout_f32(const uint32_t* key, int64_t first, int64_t n, float* y, uint8_t* mask,
                 const float* x, uint64_t threshold, float scale) noexcept {
  const VecU last = VecU::set1(static_cast<uint32_t>(threshold - 1));
  const VecI any = VecI::set1(threshold == 0 ? 0 : -1);
  const VecF factor = VecF::set1(scale);
  generate(key, first, n, [=](VecU bits, int64_t e, int lanes) RV_INLINE_LAMBDA {
    const VecI kept = (bits <= last) & any;
    const VecF value = lanes == kLanes ? VecF::load(x + e) : VecF::load_partial(x + e, lanes);
    put(select(kept, value * factor, VecF::zero()), y + e, lanes);
    if (mask) {
      using Bytes [[gnu::vector_size(kLanes)]] = uint8_t;
      const Bytes ones = __builtin_convertvector((kept & VecI::set1(1)).v, Bytes);
      std::memcpy(mask + e, &ones, static_cast<size_t>(lanes));
    }
  });
}

}  // namespace

extern const RandomKernels kRandomKernels;
const RandomKernels kRandomKernels{bits_u32,      uniform_f32, normal_f32, truncated_normal_f32,
                                   bernoulli_f32, dropout_f32};

}  // namespace ranvier::kernels::RV_ISA
