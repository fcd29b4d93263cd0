#pragma once
// Shared by the common sources of this folder: chunk sizes, short copies, the per-level tables.

#include <cstdint>
#include <cstring>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/rounding.h"

namespace ranvier::kernels {

// Bytes written by one chunk: 10 to 20 µs of copying.
inline constexpr int64_t kChunkBytes = 128 << 10;

// Units of `unit_bytes` per chunk, at least one.
inline int64_t grain_of(int64_t unit_bytes) {
  return unit_bytes >= kChunkBytes ? 1 : kChunkBytes / (unit_bytes < 1 ? 1 : unit_bytes);
}

// memcpy that does not call for the short sizes that small rows have.
inline void copy_bytes(void* dst, const void* src, int64_t bytes) {
  auto* d = static_cast<char*>(dst);
  const auto* s = static_cast<const char*>(src);
  if (bytes >= 16 && bytes <= 64) {
    // Two pairs of 16 bytes that overlap in the middle.
    char head[16], tail[16];
    if (bytes > 32) {
      char second[16], third[16];
      std::memcpy(head, s, 16), std::memcpy(second, s + 16, 16);
      std::memcpy(third, s + bytes - 32, 16), std::memcpy(tail, s + bytes - 16, 16);
      std::memcpy(d + 16, second, 16), std::memcpy(d + bytes - 32, third, 16);
    } else {
      std::memcpy(head, s, 16), std::memcpy(tail, s + bytes - 16, 16);
    }
    std::memcpy(d, head, 16), std::memcpy(d + bytes - 16, tail, 16);
  } else if (bytes == 4) {
    std::memcpy(d, s, 4);
  } else if (bytes == 8) {
    std::memcpy(d, s, 8);
  } else if (bytes > 0) {
    std::memcpy(d, s, static_cast<size_t>(bytes));
  }
}

// Calls f with a value of the unsigned type of that size: 1, 2, 4 or 8 bytes.
template <class F>
void with_element(int element_bytes, F&& f) {
  switch (element_bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

// Calls f with a zero of the type that adds F32, F64, I32 or I64.
template <class F>
void with_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::F32:
      return f(float{});
    case DType::F64:
      return f(double{});
    case DType::I32:
      return f(uint32_t{});  // wraps instead of overflowing
    default:
      return f(uint64_t{});
  }
}

// Calls f with a zero of the type of indices: I64 or I32.
template <class F>
void with_index(DType dtype, F&& f) {
  if (dtype == DType::I64)
    f(int64_t{});
  else
    f(int32_t{});
}

template <class T>
void fill_elements(void* dst, int64_t count, T value) {
  auto* d = static_cast<T*>(dst);
  for (int64_t i = 0; i < count; ++i) d[i] = value;
}

}  // namespace ranvier::kernels
