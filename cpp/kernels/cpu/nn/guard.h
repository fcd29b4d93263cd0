#pragma once
// Checks that depend on values: label ranges, finite gradients. They write a report instead of
// throwing; the executor reads it before any variable is written.

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

enum class GuardCode : uint32_t { Ok = 0, OutOfRange = 1, NotFinite = 2 };

// The first (lowest) index that failed, whatever the number of threads. `value` holds an integer
// that was out of range, or the bits of a float that was not finite (float32 in the low half).
struct GuardReport {
  uint32_t code = 0;   // GuardCode
  uint32_t guard = 0;  // set by the caller: which guard of the program failed
  int64_t index = 0;
  int64_t value = 0;
};

// Every values[i] in [lo, hi)? Any integer dtype or Bool. A failure fills the report and returns
// false; a report that already holds a failure is left alone (and false returned at once).
bool check_range(const Context& context, DType dtype, int64_t n, const void* values, int64_t lo,
                 int64_t hi, GuardReport* report) noexcept;
// No NaN or infinity? Any floating dtype.
bool check_finite(const Context& context, DType dtype, int64_t n, const void* values,
                  GuardReport* report) noexcept;

}  // namespace ranvier::kernels
