#pragma once
// Stores past the caches (see kernels/cpu/stream.h); an sfence belongs behind the last of them.

#include <cstddef>
#include <cstring>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// `to` is aligned as the vector.
RV_INLINE void stream_vector(VecF x, float* to) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, x.v);
#elif defined(__AVX2__)
  _mm256_stream_ps(to, x.v);
#else
  _mm_stream_ps(to, x.v);
#endif
}

RV_INLINE void stream_line(const std::byte* from, std::byte* to) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_loadu_si512(from));
#elif defined(__AVX2__)
  for (int i = 0; i < 64; i += 32)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
#else
  for (int i = 0; i < 64; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
#endif
}

// Whole lines go past the caches, what lies before and behind them does not.
RV_INLINE void stream_values(const void* values, void* dst, size_t bytes) {
  const auto* from = static_cast<const std::byte*>(values);
  auto* to = static_cast<std::byte*>(dst);
  const size_t to_line = -reinterpret_cast<uintptr_t>(to) % 64;
  const size_t head = to_line < bytes ? to_line : bytes;
  const size_t lines = head + (bytes - head) / 64 * 64;
  std::memcpy(to, from, head);
  for (size_t i = head; i < lines; i += 64) stream_line(from + i, to + i);
  std::memcpy(to + lines, from + lines, bytes - lines);
}

// The results of rows that follow each other in memory, on their way past the caches. Rows are
// computed into a buffer; what does not fill its last line waits there for the next row.
template <class T, int64_t kLongest>
class RowStream {
 public:
  explicit RowStream(T* dst) : dst_(dst) {
    held_ = sent_ = static_cast<int64_t>(reinterpret_cast<uintptr_t>(dst) % 64 / sizeof(T));
  }
  // Where the next row, of at most kLongest elements, is to be computed.
  RV_INLINE T* row() { return buffer_ + held_; }
  // Sends the row of `cols` elements that was computed there; the last one whole.
  RV_INLINE void send(int64_t cols, bool last) {
    held_ += cols;
    const int64_t end = last ? held_ : held_ / kLine * kLine, rest = held_ - end;
    if (end <= sent_) return;
    stream_values(buffer_ + sent_, dst_, static_cast<size_t>(end - sent_) * sizeof(T));
    dst_ += end - sent_;
    std::memcpy(buffer_, buffer_ + end, static_cast<size_t>(rest) * sizeof(T));
    held_ = rest;
    sent_ = 0;
  }

 private:
  static constexpr int64_t kLine = 64 / sizeof(T);
  T* dst_;
  int64_t held_, sent_;  // elements of the buffer that are filled, and that went out
  alignas(64) T buffer_[kLongest + kLine];
};

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
