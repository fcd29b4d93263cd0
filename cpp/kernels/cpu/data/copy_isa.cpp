// Copies of one instruction set: 2-D transposes in register blocks, runs backwards, with gaps, past
// the caches.

#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/cpu/data/copy_kernels.h"
#include "kernels/cpu/simd/fill_values.h"
#include "kernels/cpu/simd/stream_values.h"
#include "kernels/cpu/simd/transpose_block.h"

namespace ranvier::kernels::RV_ISA {
namespace {

constexpr int64_t kTile = 16;

// Rows [r0, r1) and columns [c0, c1) of dst, at most kTile of each. A block of source lines is read
// to its end before the next: rows a power of two apart push each other out of L1.
[[gnu::always_inline]] inline void transpose_tile(uint32_t* dst, int64_t dst_stride,
                                                  const uint32_t* src, int64_t src_stride,
                                                  int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
  const int64_t block_r = r1 - (r1 - r0) % kBlock, block_c = c1 - (c1 - c0) % kBlock;
  for (int64_t c = c0; c < block_c; c += kBlock)
    for (int64_t r = r0; r < block_r; r += kBlock)
      transpose_block(dst + r * dst_stride + c, dst_stride, src + c * src_stride + r, src_stride);
  for (int64_t r = r0; r < r1; ++r)
    for (int64_t c = r < block_r ? block_c : c0; c < c1; ++c)
      dst[r * dst_stride + c] = src[c * src_stride + r];
}

// In squares of some lines on both sides. The tile at the same place in the next square is fetched:
// where rows are long, each lies in a page of its own, and no prefetcher follows.
void transpose_b4(uint32_t* dst, int64_t dst_stride, const uint32_t* src, int64_t src_stride,
                  int64_t rows, int64_t cols) noexcept {
  constexpr int64_t kSquare = 4 * kTile;
  const auto end = [](int64_t from, int64_t step, int64_t size) {
    return size - from < step ? size : from + step;
  };
  for (int64_t C = 0; C < cols; C += kSquare)
    for (int64_t R = 0; R < rows; R += kSquare)
      for (int64_t r0 = R; r0 < end(R, kSquare, rows); r0 += kTile)
        for (int64_t c0 = C; c0 < end(C, kSquare, cols); c0 += kTile) {
          const bool down = r0 + kSquare < rows;
          const int64_t r = down ? r0 + kSquare : r0 - R, c = down ? c0 : c0 + kSquare;
          for (int64_t i = 0; i < kTile; ++i) {
            if (c + i < cols) __builtin_prefetch(src + (c + i) * src_stride + r, 0, 2);
            if (r + i < rows && c < cols) __builtin_prefetch(dst + (r + i) * dst_stride + c, 1, 2);
          }
          transpose_tile(dst, dst_stride, src, src_stride, r0, end(r0, kTile, rows), c0,
                         end(c0, kTile, cols));
        }
}

template <class T, T... lane>
RV_INLINE Native<T> reversed(Native<T> x, std::integer_sequence<T, lane...>) {
  return __builtin_shuffle(x, Native<T>{static_cast<T>(sizeof...(lane) - 1 - lane)...});
}

constexpr int64_t kFetchBytes = 1024;

template <class T>
void reverse(void* to, const void* from, int64_t count) noexcept {
  constexpr int64_t kLanes = kVectorBytes / sizeof(T);
  T* dst = static_cast<T*>(to);
  const T* src = static_cast<const T*>(from);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Native<T> x;
    std::memcpy(&x, src - i - (kLanes - 1), sizeof x);
    x = reversed<T>(x, std::make_integer_sequence<T, kLanes>{});
    prefetch_output(dst + i, kFetchBytes);
    std::memcpy(dst + i, &x, sizeof x);
  }
  for (; i < count; ++i) dst[i] = src[-i];
}

// With fixed distances, the compiler shuffles whole vectors.
template <class T, int step>
void pick(void* to, const void* from, int64_t count) noexcept {
  T* __restrict dst = static_cast<T*>(to);
  const T* __restrict src = static_cast<const T*>(from);
  for (int64_t i = 0; i < count; ++i) dst[i] = src[i * step];
}

template <class T, int parts>
void zip(void* to, const void* const* from, int64_t count) noexcept {
  T* __restrict dst = static_cast<T*>(to);
  const T* __restrict a = static_cast<const T*>(from[0]);
  const T* __restrict b = static_cast<const T*>(from[1]);
  const T* __restrict c = static_cast<const T*>(from[parts > 2 ? 2 : 0]);
  const T* __restrict d = static_cast<const T*>(from[parts > 3 ? 3 : 0]);
  for (int64_t i = 0; i < count; ++i) {
    dst[i * parts] = a[i];
    dst[i * parts + 1] = b[i];
    if constexpr (parts > 2) dst[i * parts + 2] = c[i];
    if constexpr (parts > 3) dst[i * parts + 3] = d[i];
  }
}

void stream_rows(char* dst, int64_t pitch, const char* src, int64_t bytes, int64_t rows) noexcept {
  for (int64_t row = 0; row < rows; ++row)
    stream_values(src + row * bytes, dst + row * pitch, static_cast<size_t>(bytes));
  _mm_sfence();
}

#define RV_STEPS(f, T) \
  { f<T, 2>, f<T, 3>, f<T, 4> }
#define RV_WIDTHS(f) \
  { RV_STEPS(f, uint8_t), RV_STEPS(f, uint16_t), RV_STEPS(f, uint32_t), RV_STEPS(f, uint64_t) }

}  // namespace

extern const CopyKernels kCopyKernels;
const CopyKernels kCopyKernels{
    transpose_b4,    {reverse<uint8_t>, reverse<uint16_t>, reverse<uint32_t>, reverse<uint64_t>},
    RV_WIDTHS(pick), RV_WIDTHS(zip),
    stream_rows,     fill_values};

}  // namespace ranvier::kernels::RV_ISA
