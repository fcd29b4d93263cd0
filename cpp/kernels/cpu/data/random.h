#pragma once
// Counter-based random numbers: Philox 4x32-10. The bits of element i depend on (key, i) alone:
// block b = i / 64, r = i % 64, counter (b * 16 + r % 16, 0, 0) [64 bits, then two zero words],
// word r / 16. So sixteen counters give 64 consecutive elements without any shuffling. Types of 64
// bits take two words: element i is (word(2b * 64 + r) | word((2b + 1) * 64 + r) << 32).

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// One level's generators of a range: dst[0..n) are the elements first .. first + n, `first` a
// multiple of 64. key: two words of seed state.
struct RandomKernels {
  // The 32 bits of each element.
  void (*bits)(const uint32_t* key, int64_t first, int64_t n, uint32_t* dst) noexcept;
  // lo + (hi - lo) * u, u a multiple of 2^-24 in [0, 1); what rounds up to hi becomes lo.
  void (*uniform)(const uint32_t* key, int64_t first, int64_t n, float* dst, float lo,
                  float hi) noexcept;
  // mean + stddev * z: z by the inverse normal distribution of one word, sign and 31 bits.
  void (*normal)(const uint32_t* key, int64_t first, int64_t n, float* dst, float mean,
                 float stddev) noexcept;
  // The same with |z| < 2.
  void (*truncated_normal)(const uint32_t* key, int64_t first, int64_t n, float* dst, float mean,
                           float stddev) noexcept;
  // dst[i] = yes where bits < threshold, else 0; threshold = p * 2^32.
  void (*bernoulli)(const uint32_t* key, int64_t first, int64_t n, float* dst, uint64_t threshold,
                    float yes) noexcept;
  // y = x * scale where bits < threshold, else 0. y may be x.
  void (*dropout)(const uint32_t* key, int64_t first, int64_t n, float* y, uint8_t* mask,
                  const float* x, uint64_t threshold, float scale) noexcept;
};
const RandomKernels& random_kernels(Isa isa);
inline const RandomKernels& random_kernels() { return random_kernels(active_isa()); }

// All dtypes at once, for the ops. F16 and BF16 are rounded from the float32 draw; F64 has 53 bits
// and its own inverse. No scratch.
enum class Distribution : uint8_t { Uniform, Normal, TruncatedNormal, Bernoulli };
// a, b: lo and hi; mean and stddev; for Bernoulli p and the value of "yes" (dtype: any).
void run_random(const Context& context, Distribution distribution, DType dtype, const uint32_t* key,
                int64_t n, void* dst, double a, double b) noexcept;
// Dropout in one pass: y = x / keep with probability keep, else 0; the same elements as Bernoulli
// of keep. mask (bool) may be null. y may be x.
void run_dropout(const Context& context, const uint32_t* key, int64_t n, float* y, uint8_t* mask,
                 const float* x, double keep) noexcept;
// Integers in [lo, hi), any integer dtype: lo + (64 bits of the element * (hi - lo)) / 2^64.
void run_random_integers(const Context& context, DType dtype, const uint32_t* key, int64_t n,
                         void* dst, int64_t lo, int64_t hi) noexcept;

// A uniform permutation of 0..n-1 (Fisher and Yates); dst: I32 or I64.
void run_permutation(DType dtype, const uint32_t* key, int64_t n, void* dst) noexcept;
// Class of each draw: dst[r, i] (int32) samples softmax(logits[r, :]) by the Gumbel maximum.
void run_categorical(const Context& context, const uint32_t* key, int64_t rows, int64_t classes,
                     int64_t draws, int32_t* dst, const float* logits) noexcept;

// One counter through Philox 4x32-10 in plain code: the definition that all else must match.
void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) noexcept;

}  // namespace ranvier::kernels
