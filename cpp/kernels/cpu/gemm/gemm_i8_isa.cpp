// The tile of the int8 product, compiled once per instruction set: pairs of int16 are multiplied
// and added into int32 by one instruction.

#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/gemm/gemm_i8.h"

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512BW__)
using Vector = __m512i;
constexpr int kRows = 8;
inline Vector multiply_add(Vector sum, Vector a, Vector b) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}
inline Vector broadcast(int32_t pair) { return _mm512_set1_epi32(pair); }
inline Vector zero() { return _mm512_setzero_si512(); }
#elif defined(__AVX2__)
using Vector = __m256i;
constexpr int kRows = 4;
inline Vector multiply_add(Vector sum, Vector a, Vector b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
inline Vector broadcast(int32_t pair) { return _mm256_set1_epi32(pair); }
inline Vector zero() { return _mm256_setzero_si256(); }
#else
using Vector = __m128i;
constexpr int kRows = 4;
inline Vector multiply_add(Vector sum, Vector a, Vector b) {
  return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
inline Vector broadcast(int32_t pair) { return _mm_set1_epi32(pair); }
inline Vector zero() { return _mm_setzero_si128(); }
#endif

constexpr int kLanes = sizeof(Vector) / sizeof(int32_t);
constexpr int kColumns = 2 * kLanes;

void widen(const int8_t* a, int64_t k, std::byte* row) noexcept {
  auto* to = reinterpret_cast<int16_t*>(row);
  for (int64_t q = 0; q < k; ++q) to[q] = a[q];
  if (k % 2) to[k] = 0;
}

void pack(const int8_t* b, int64_t n, int64_t k, int64_t first, int64_t width,
          std::byte* to) noexcept {
  auto* panel = reinterpret_cast<int16_t*>(to);
  for (int64_t q = 0; q < k; q += 2, panel += 2 * kColumns) {
    const int8_t* upper = b + q * n + first;
    const int8_t* lower = upper + n;
    const bool both = q + 1 < k;
    for (int64_t j = 0; j < width; ++j) {
      panel[2 * j] = upper[j];
      panel[2 * j + 1] = both ? lower[j] : int16_t{0};
    }
    std::memset(panel + 2 * width, 0, static_cast<size_t>(kColumns - width) * 2 * sizeof(int16_t));
  }
}

template <int rows>
void tile_rows(const int16_t* a, int64_t pairs, const int16_t* panel, int32_t* c, int64_t stride_c,
               int64_t width) {
  Vector sums[rows][2];
  for (auto& row : sums) row[0] = row[1] = zero();
  for (int64_t p = 0; p < pairs; ++p) {
    Vector b[2];
    std::memcpy(b, panel + p * 2 * kColumns, sizeof b);
    for (int i = 0; i < rows; ++i) {
      int32_t pair;
      std::memcpy(&pair, a + (i * pairs + p) * 2, sizeof pair);
      const Vector both = broadcast(pair);
      sums[i][0] = multiply_add(sums[i][0], both, b[0]);
      sums[i][1] = multiply_add(sums[i][1], both, b[1]);
    }
  }
  // Through memory of their own: sums whose address is taken would leave the registers.
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    const Vector done[2] = {sums[i][0], sums[i][1]};
    std::memcpy(c + i * stride_c, done, static_cast<size_t>(width) * sizeof(int32_t));
  }
}

void tile(const std::byte* left, int64_t rows, int64_t pairs, const std::byte* right, int32_t* c,
          int64_t stride_c, int64_t width) noexcept {
  const auto* a = reinterpret_cast<const int16_t*>(left);
  const auto* panel = reinterpret_cast<const int16_t*>(right);
  if (rows == kRows) return tile_rows<kRows>(a, pairs, panel, c, stride_c, width);
  for (int64_t i = 0; i < rows; ++i)
    tile_rows<1>(a + i * pairs * 2, pairs, panel, c + i * stride_c, stride_c, width);
}

}  // namespace

extern const GemmI8Kernels kGemmI8Kernels;
const GemmI8Kernels kGemmI8Kernels{kRows, kColumns, 2, sizeof(int16_t), 0, widen, pack, tile};

}  // namespace ranvier::kernels::RV_ISA
