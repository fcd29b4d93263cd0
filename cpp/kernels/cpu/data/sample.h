#pragma once
// Values of a table between its rows, linear along each axis of the grid that the rows form:
//
//   y[p, :] = sum over corners s of (product over axes a of weight[a][s_a][p])
//                                   x[sum over axes a of row[a][s_a][p], :]
//
// s_a is 0 or 1: the positions before and after point p along axis a. A row outside of the table
// reads `fill`.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

inline constexpr int kMostSampleAxes = 8;

struct SampleAxis {
  const int32_t* row[2];
  const void* weight[2];
};

struct Sample;
using SampleFn = void (*)(const Sample&, void* y, const void* x, const SampleAxis* axes,
                          int64_t begin, int64_t end) noexcept;
struct SampleKernels {
  SampleFn f32, f64;
};

struct Sample {
  int axes = 1;
  int64_t rows = 0, points = 0, depth = 0;
  double fill = 0;
  int64_t grain = 1;  // points per chunk
  SampleFn run = nullptr;
};

// dtype is F32 or F64, of x, y and the weights.
Sample prepare_sample(DType dtype, int axes, int64_t rows, int64_t points, int64_t depth,
                      double fill, Isa isa = active_isa());
void run_sample(const Context& context, const Sample& params, void* y, const void* x,
                const SampleAxis* axes) noexcept;

}  // namespace ranvier::kernels
