#pragma once
// Plain twins of this folder's kernels: the oracle of the tests.

#include <cstdint>
#include <span>

#include "kernels/cpu/data/pad.h"

namespace ranvier::kernels::reference {

// Element by element, by recursion over the loops; in bytes of one element each.
void strided_copy(int element_bytes, std::span<const int64_t> sizes,
                  std::span<const int64_t> dst_strides, std::span<const int64_t> src_strides,
                  void* dst, const void* src);
void pad(int element_bytes, const Shape& src_shape, std::span<const int64_t> before,
         std::span<const int64_t> after, PadMode mode, void* dst, const void* src,
         const void* value);

// The 32 bits of element i, from the definition in random.h.
uint32_t random_bits(const uint32_t key[2], int64_t i);
// |z| with P(|Z| > z) = v, by bisection on erfc.
double inverse_normal_tail(double v);
// One element of each distribution, in double.
double uniform(const uint32_t key[2], int64_t i, double lo, double hi);
double normal(const uint32_t key[2], int64_t i);
double truncated_normal(const uint32_t key[2], int64_t i);

}  // namespace ranvier::kernels::reference
