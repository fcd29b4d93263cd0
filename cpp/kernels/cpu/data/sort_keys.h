#pragma once
// Sorting of keys: signed integers in the order of the values they stand for. One version per
// level.

#include <cstdint>

#include "base/cpu.h"

namespace ranvier::kernels {

// How an element of `bytes` bytes becomes a key of its range: NaN of either sign is the largest, -0
// equals 0. A descending order flips all bits of the keys.
struct KeyForm {
  enum class Kind : uint8_t { Signed, Unsigned, Floating };
  Kind kind = Kind::Signed;
  int bytes = 4;
  int64_t infinity = 0;  // its bits; a larger magnitude is NaN
  int64_t flip = 0;      // 0 or -1
};

// n keys to be sorted with the help of n places elsewhere; they end here, or there.
template <class K>
struct Segment {
  K* keys = nullptr;
  K* other = nullptr;
  int64_t n = 0;
  bool into_other = false;
};

template <class K>
struct KeyKernels {
  void (*sort)(Segment<K>) noexcept;
  // Moves the keys so that two segments are left to sort, all of the first before those of the
  // second.
  void (*split)(Segment<K> whole, Segment<K> parts[2]) noexcept;
  // keys[i] of the element src[i]; whether any is NaN or -0, of which a key does not tell the bits.
  bool (*map)(const KeyForm& form, const void* src, K* keys, int64_t n) noexcept;
  void (*unmap)(const KeyForm& form, const K* keys, void* dst, int64_t n) noexcept;
  // dst[i] = how many of the n sorted keys are below values[i] (right: not above), i < count.
  void (*search)(const K* sorted, int64_t n, const K* values, int64_t count, bool right,
                 int32_t* dst) noexcept;
};

struct SortKernels {
  KeyKernels<int32_t> narrow;  // elements of at most 4 bytes
  KeyKernels<int64_t> wide;    // of 8
  // keys[i] = the key of src[i], then first + i; elements of at most 4 bytes.
  void (*map_indexed)(const KeyForm& form, const void* src, int64_t first, int64_t* keys,
                      int64_t n) noexcept;
  // best[0..k) = the smallest of (keys[i], i), rising; 1 <= k <= n.
  void (*smallest)(const int32_t* keys, int64_t n, int64_t k, int64_t* best) noexcept;
};
const SortKernels& sort_kernels(Isa isa);

}  // namespace ranvier::kernels
