#pragma once
// Runs of a result that leaves the caches. Included once per instruction set.

#include "kernels/cpu/conv/conv_kernels.h"
#include "kernels/cpu/simd/stream_values.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
void stream_run(const T* from, int64_t n, T* to) noexcept {
  constexpr int64_t kZeros = 256;
  alignas(64) static constexpr T zeros[kZeros] = {};
  if (from != nullptr) return stream_values(from, to, n * sizeof(T));
  for (; n > 0; n -= kZeros, to += kZeros)
    stream_values(zeros, to, (n < kZeros ? n : kZeros) * sizeof(T));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
