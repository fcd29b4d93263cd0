// Gathers batch rows by index, converting on the way.

#include "kernels/cpu/data/gather_rows.h"

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX2__)
using Chunk = __m256i;
#else
using Chunk = __m128i;
#endif
constexpr int64_t kWidth = sizeof(Chunk);

// Whole registers, the last one overlapping the one before.
[[gnu::always_inline]] inline void copy_row(char* d, const char* s, int64_t bytes) {
  if (bytes < kWidth) {
    if (bytes >= 8) {
      uint64_t head, tail;
      for (int64_t i = 0; i + 8 < bytes; i += 8) {
        std::memcpy(&head, s + i, 8);
        std::memcpy(d + i, &head, 8);
      }
      std::memcpy(&tail, s + bytes - 8, 8);
      std::memcpy(d + bytes - 8, &tail, 8);
    } else if (bytes == 4) {
      std::memcpy(d, s, 4);
    } else {
      for (int64_t i = 0; i < bytes; ++i) d[i] = s[i];
    }
    return;
  }
  Chunk x;
  int64_t i = 0;
  for (; i + kWidth < bytes; i += kWidth) {
    std::memcpy(&x, s + i, sizeof x);
    std::memcpy(d + i, &x, sizeof x);
  }
  std::memcpy(&x, s + bytes - kWidth, sizeof x);
  std::memcpy(d + bytes - kWidth, &x, sizeof x);
}

// One register per row: no loop, no tail.
template <int kBytes>
[[gnu::always_inline]] inline void copy_fixed(char* d, const char* s, const int64_t* rows,
                                              int64_t count) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(d + i * kBytes, s + rows[i] * kBytes, kBytes);
}

void copy_bytes(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
                size_t src_row_bytes) noexcept {
  char* d = static_cast<char*>(dst);
  const char* s = static_cast<const char*>(src);
  const auto pitch = static_cast<int64_t>(src_row_bytes);
  if (pitch == row) {
    if (row == 4) return copy_fixed<4>(d, s, rows, count);
    if (row == 8) return copy_fixed<8>(d, s, rows, count);
    if (row == 16) return copy_fixed<16>(d, s, rows, count);
    if (row == 32) return copy_fixed<32>(d, s, rows, count);
    if (row == 64) return copy_fixed<64>(d, s, rows, count);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (row >= 2048)
      std::memcpy(d + i * row, s + rows[i] * pitch, static_cast<size_t>(row));
    else
      copy_row(d + i * row, s + rows[i] * pitch, row);
  }
}

template <class To, class From>
void convert(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
             size_t src_row_bytes) noexcept {
  To* __restrict d = static_cast<To*>(dst);
  const auto row_at = [=](int64_t i) {
    return reinterpret_cast<const From*>(static_cast<const char*>(src) +
                                         rows[i] * static_cast<int64_t>(src_row_bytes));
  };
  if (row == 1) {  // labels
    for (int64_t i = 0; i < count; ++i) d[i] = static_cast<To>(*row_at(i));
    return;
  }
  for (int64_t i = 0; i < count; ++i, d += row) {
    const From* __restrict s = row_at(i);
    for (int64_t c = 0; c < row; ++c) d[c] = static_cast<To>(s[c]);
  }
}

}  // namespace

extern const GatherRowsKernels kGatherRowsKernels;
const GatherRowsKernels kGatherRowsKernels{copy_bytes,
                                           convert<float, uint8_t>,
                                           convert<float, int32_t>,
                                           convert<float, int64_t>,
                                           convert<float, double>,
                                           convert<int32_t, int64_t>,
                                           convert<int32_t, uint8_t>};

}  // namespace ranvier::kernels::RV_ISA
