#pragma once
// One value over and over, `element` bytes of it: 1, 2, 4 or 8.

#include <cstring>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// One store as wide as the loads that follow, so that the processor can forward it.
inline void repeat_value(const void* value, void* slot, int element) noexcept {
  uint64_t bits = 0;
  std::memcpy(&bits, value, static_cast<size_t>(element));
  for (int size = element; size < 8; size *= 2) bits |= bits << 8 * size;
  const Vec<uint64_t> all = Vec<uint64_t>::set1(bits);
  for (int i = 0; i < 8; i += Vec<uint64_t>::kLanes) all.store(static_cast<uint64_t*>(slot) + i);
}

// Whole lines: a narrower store makes the core read its line first.
inline void fill_values(const void* value, void* dst, int64_t n, int element) noexcept {
  std::byte line[64];
  repeat_value(value, line, element);
  auto* to = static_cast<std::byte*>(dst);
  int64_t left = n * element;
  for (; left >= 64; left -= 64, to += 64) std::memcpy(to, line, 64);
  std::memcpy(to, line, static_cast<size_t>(left));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
