// The tile of the int8 product on VNNI, which multiplies four steps of k at once, unsigned by
// signed, and adds them without saturation: with a' = a + 128
//   sum a b = sum a' b - 128 sum b   (modulo 2^32)
// A panel begins with -128 times the sums of its columns.

#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/gemm/gemm_i8.h"

namespace ranvier::kernels::RV_ISA {
namespace {

constexpr int kRows = 8, kLanes = 16, kColumns = 2 * kLanes, kDepth = 4;
constexpr int kQuads = kColumns * kDepth;  // bytes of a row of a panel

__mmask16 first_columns(int64_t n) {
  return n >= kLanes ? __mmask16{0xffff}
         : n <= 0    ? __mmask16{0}
                     : static_cast<__mmask16>((1u << n) - 1);
}

void widen(const int8_t* a, int64_t k, std::byte* row) noexcept {
  for (int64_t q = 0; q < k; ++q) row[q] = static_cast<std::byte>(a[q] ^ -128);
  std::memset(row + k, 0, static_cast<size_t>((kDepth - k % kDepth) % kDepth));
}

// 16 columns of `steps` rows of b, 4 bytes each.
__m512i zip_quads(const int8_t* b, int64_t n, int64_t steps, __mmask16 mask) {
  __m512i quads = _mm512_setzero_si512();
  for (int64_t i = 0; i < steps; ++i) {
    const __m512i row = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, b + i * n));
    quads = _mm512_or_si512(quads, _mm512_sll_epi32(row, _mm_cvtsi64_si128(8 * i)));
  }
  return quads;
}

void pack(const int8_t* b, int64_t n, int64_t k, int64_t first, int64_t width,
          std::byte* panel) noexcept {
  const __mmask16 masks[2] = {first_columns(width), first_columns(width - kLanes)};
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  std::byte* to = panel + sizeof sums;
  for (int64_t q = 0; q < k; q += kDepth, to += kQuads)
    for (int v = 0; v < 2; ++v) {
      const int8_t* from = b + q * n + first + v * kLanes;
      const __m512i quads = k - q >= kDepth ? zip_quads(from, n, kDepth, masks[v])
                                            : zip_quads(from, n, k - q, masks[v]);
      sums[v] = _mm512_dpbusd_epi32(sums[v], ones, quads);
      _mm512_storeu_si512(to + v * sizeof quads, quads);
    }
  for (__m512i& sum : sums)
    sum = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sum, 7));
  std::memcpy(panel, sums, sizeof sums);
}

template <int rows>
void tile_rows(const std::byte* a, int64_t groups, const std::byte* panel, int32_t* c,
               int64_t stride_c, const __mmask16 (&masks)[2]) {
  constexpr int64_t kHalf = sizeof(__m512i);
  __m512i sums[rows][2];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    sums[i][0] = _mm512_loadu_si512(panel);
    sums[i][1] = _mm512_loadu_si512(panel + kHalf);
  }
  panel += 2 * kHalf;
  for (int64_t p = 0; p < groups; ++p, panel += kQuads) {
    const __m512i b[2] = {_mm512_loadu_si512(panel), _mm512_loadu_si512(panel + kHalf)};
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      int32_t quad;
      std::memcpy(&quad, a + (i * groups + p) * kDepth, sizeof quad);
      sums[i][0] = _mm512_dpbusd_epi32(sums[i][0], _mm512_set1_epi32(quad), b[0]);
      sums[i][1] = _mm512_dpbusd_epi32(sums[i][1], _mm512_set1_epi32(quad), b[1]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < 2; ++v)
      _mm512_mask_storeu_epi32(c + i * stride_c + v * kLanes, masks[v], sums[i][v]);
}

void tile(const std::byte* a, int64_t rows, int64_t groups, const std::byte* panel, int32_t* c,
          int64_t stride_c, int64_t width) noexcept {
  const __mmask16 masks[2] = {first_columns(width), first_columns(width - kLanes)};
  if (rows == kRows) return tile_rows<kRows>(a, groups, panel, c, stride_c, masks);
  for (int64_t i = 0; i < rows; ++i)
    tile_rows<1>(a + i * groups * kDepth, groups, panel, c + i * stride_c, stride_c, masks);
}

}  // namespace

extern const GemmI8Kernels kGemmI8Kernels;
const GemmI8Kernels kGemmI8Kernels{kRows, kColumns, kDepth, 1, kColumns * sizeof(int32_t),
                                   widen, pack,     tile};

}  // namespace ranvier::kernels::RV_ISA
