#pragma once
// Row gathers with conversion, one version per level for the pairs that data sets come in.

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace ranvier::kernels {

using GatherRowsFn = void (*)(void* dst, const void* src, const int64_t* rows, int64_t count,
                              int64_t row, size_t src_row_bytes) noexcept;

struct GatherRowsKernels {
  GatherRowsFn copy_bytes;  // equal dtypes: `row` counts bytes
  GatherRowsFn u8_to_f32, i32_to_f32, i64_to_f32, f64_to_f32, i64_to_i32, u8_to_i32;
};

}  // namespace ranvier::kernels
