#pragma once
// Whole numbers divided and rounded upwards. Inlined always, so that no copy compiled for one
// instruction set is called at another.

#include <cstdint>

namespace ranvier {

[[gnu::always_inline]] constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
[[gnu::always_inline]] constexpr int64_t round_up(int64_t a, int64_t unit) {
  return ceil_div(a, unit) * unit;
}

}  // namespace ranvier
