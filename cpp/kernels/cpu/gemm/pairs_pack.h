#pragma once
// Copies of bfloat16 operands as pairs of neighbouring k, the order in which dpbf16ps reads them:
//   dst[p * width + j] = (x[j][2p], x[j][2p + 1])
// width is a multiple of 16. Beyond the operand pairs are zero, so is the second half of an odd k.

#include "kernels/cpu/gemm/pack.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Pairs of a vector.
inline constexpr int kPairs = 16;

RV_INLINE __mmask32 first_lanes32(int64_t n) {
  return n >= 32 ? ~__mmask32{0} : n <= 0 ? __mmask32{0} : (__mmask32{1} << n) - 1;
}

// One row of pairs from two rows of k; `second` is nullptr where k ends.
RV_INLINE void zip_pair_row(const uint16_t* first, const uint16_t* second, int64_t columns,
                            int64_t width, uint32_t* dst) {
  alignas(64) static constexpr uint16_t kLow[32] = {0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
                                                    37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
                                                    11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i low = _mm512_load_si512(kLow);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(kPairs));
  for (int64_t j = 0; j < width; j += 2 * kPairs) {
    const __mmask32 mask = first_lanes32(columns - j);
    const __m512i x = _mm512_maskz_loadu_epi16(mask, first + j);
    const __m512i y = second ? _mm512_maskz_loadu_epi16(mask, second + j) : _mm512_setzero_si512();
    _mm512_storeu_si512(dst + j, _mm512_permutex2var_epi16(x, low, y));
    if (width - j > kPairs)
      _mm512_storeu_si512(dst + j + kPairs, _mm512_permutex2var_epi16(x, high, y));
  }
}

// x[j] lies along k, `ld` elements apart.
inline void transpose_pairs(const uint16_t* src, int64_t ld, int64_t rows, int64_t width, int64_t k,
                            uint32_t* dst) noexcept {
  for (int64_t q = 0; q < k; q += 2 * kPairs) {
    const __mmask32 mask = first_lanes32(k - q);
    const int64_t count = k - q >= 2 * kPairs ? kPairs : (k - q + 1) / 2;
    for (int64_t r0 = 0; r0 < width; r0 += kPairs) {
      Vec<int32_t> x[kPairs];
#pragma GCC unroll 16
      for (int r = 0; r < kPairs; ++r) {
        x[r] = Vec<int32_t>::zero();
        if (r0 + r >= rows) continue;
        const uint16_t* from = src + (r0 + r) * ld + q;
        __builtin_prefetch(from + kAheadVectors * 2 * kPairs);
        x[r] = {(Vec<int32_t>::Register)_mm512_maskz_loadu_epi16(mask, from)};
      }
      transpose(x);
      int32_t* to = reinterpret_cast<int32_t*>(dst) + q / 2 * width + r0;
#pragma GCC unroll 16
      for (int i = 0; i < kPairs; ++i)
        if (i < count) x[i].store(to + i * width);
    }
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
