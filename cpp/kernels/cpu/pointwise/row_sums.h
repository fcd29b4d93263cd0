#pragma once
// Sums of chained rows: the inner loop of a Rows operand, plain enough for kernel sources to
// include.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"

namespace ranvier::kernels {

// Positions [first, first of the next part): the rows values[(i - first) / repeat], times
// scale[i - first] where scale is not null.
struct RowParts {
  const void* values;
  const void* scale;
  int32_t first;
  uint32_t repeat;
};

struct RowSum {
  const int32_t* next;  // per position: the next of its row, -1 after the last
  const RowParts* parts;
  int count;
  int64_t row;  // elements
};

// dst[k] = 0 + the elements column + k of the chained rows from position `head` on, in order;
// k < n, column + n <= row. A product is rounded before it is added.
using RowSumFn = void (*)(const RowSum& sum, int32_t head, int64_t column, int64_t n,
                          void* dst) noexcept;

struct RowSumKernels {
  RowSumFn f32, f64;
};
const RowSumKernels& row_sum_kernels(Isa isa);

}  // namespace ranvier::kernels
