#pragma once
// Weighted sums of few rows along one axis or two neighbouring ones, as resizing an image needs
// them, and their transpose.
//
//   y[o, i, j, :] = sum over t, u of rows.weight[i, t] cols.weight[j, u]
//                                    x[o, rows.index[i, t], cols.index[j, u], :]
//
// The sum along the rows comes first. A weight of zero reads nothing; an index outside the axis
// reads its nearest end.

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// index and weight are (count, taps), the axis has `size` positions. taps = 0: an axis that stays
// as it is, size = count.
struct ResampleAxis {
  int64_t size = 1, count = 1, taps = 0;
};

// One term of a sum: weight * x[offset].
template <class T>
struct ResampleTerm {
  int64_t offset;
  T weight;
};

// A vector of narrow results: `depth` sums of lanes; what the lanes read lies within two vectors
// from `base`, or anywhere (base < 0).
struct ResampleBlock {
  int64_t base;
  int64_t depth;
};

// Offsets in shared scratch. Per axis the terms of all sums in the order of their results, those of
// result i from first[i] to first[i + 1]; for narrow positions the blocks, and what every lane of
// their sums reads and its weight.
struct ResampleLayout {
  size_t row_first, row_terms, col_first, col_terms, blocks, index, weight;
};

struct ResampleKernels;

struct ResamplePlan {
  DType dtype = DType::F32;  // F32 or F64, of values and weights
  bool transposed = false;
  int64_t outer = 0, inner = 0;
  ResampleAxis rows, cols;
  // Positions narrower than a vector: the columns are summed a vector of results at a time.
  bool narrow = false;
  ResampleLayout layout{};
  Scratch scratch;
  Cost cost;
  const ResampleKernels* kernels = nullptr;

  // Positions of x and of y along an axis.
  [[gnu::always_inline]] int64_t in(const ResampleAxis& axis) const {
    return transposed ? axis.count : axis.size;
  }
  [[gnu::always_inline]] int64_t out(const ResampleAxis& axis) const {
    return transposed ? axis.size : axis.count;
  }
};

ResamplePlan prepare_resample(DType dtype, bool transposed, int64_t outer, ResampleAxis rows,
                              ResampleAxis cols, int64_t inner, Isa isa = active_isa());

// The tables of an axis that stays as it is are not read.
struct ResampleTables {
  const int32_t* row_index;
  const void* row_weight;
  const int32_t* col_index;
  const void* col_weight;
};
// x is (outer, in(rows), in(cols), inner), y (outer, out(rows), out(cols), inner); nothing
// overlaps. shared and worker: as plan.scratch says, worker_stride bytes between the workers.
void run_resample(const Context& context, const ResamplePlan& plan, void* y, const void* x,
                  const ResampleTables& tables, void* shared, std::byte* worker,
                  size_t worker_stride) noexcept;

// One version per level; float64 at baseline alone.
struct ResampleKernels {
  int lanes;
  void (*run)(const Context&, const ResamplePlan&, void* y, const void* x, const ResampleTables&,
              void* shared, std::byte* worker, size_t worker_stride) noexcept;
};

namespace reference {
// The definition above, or its transpose, element by element; sums in double.
template <class T>
void resample(const ResamplePlan& plan, T* y, const T* x, const ResampleTables& tables);
}  // namespace reference

}  // namespace ranvier::kernels
