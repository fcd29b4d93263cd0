#pragma once
// Reductions over any set of axes, arg-reductions, cumulative sums and products, and the bulk
// conversion between dtypes. A reduction is a pointwise program without instructions, so that
// reduce(f(x)) fused into one program gives the same bits as two steps.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "base/parallel.h"
#include "base/shape.h"
#include "kernels/cpu/pointwise/arg_kernels.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Several passes only where the reduced axes are not neighbours: the last run of axes goes first,
// into scratch, in the register type of `out`.
struct ReduceParams {
  std::vector<PointwiseProgram> passes;
  std::vector<size_t> temp_offset;  // of pass i's result in shared scratch (the last: dst)
  size_t pass_shared_offset = 0;    // where the passes' own shared scratch begins
  Scratch scratch;
  Cost cost;
};
// `in` is converted to `out` before it is summed (Sum, Mean, Prod, SumSquares); Max and Min need
// in == out; Any and All give Bool from any dtype. No axes: an element-wise conversion.
ReduceParams prepare_reduce(ReduceOp op, DType in, DType out, const Shape& shape,
                            std::span<const int> axes, Isa isa);
ReduceParams prepare_reduce(ReduceOp op, DType in, DType out, const Shape& shape,
                            std::span<const int> axes);
void run_reduce(const Context& ctx, const ReduceParams& params, const void* src, void* dst,
                void* shared, std::byte* worker_scratch, size_t worker_stride) noexcept;

// Place of the first largest or smallest value along one axis; the first NaN wins. The axis must
// not be empty (found by the floors above).
struct ArgReduceParams {
  DType in;
  int64_t outer, axis, inner;
  int64_t length = 0;  // a line is cut into `pieces` of so many, its columns into `panels`
  int64_t pieces = 1, panels = 1, units = 0, grain = 1;
  const PwReducer* reducer = nullptr;
  const ArgKernels* kernels = nullptr;
  LoadFn load = nullptr;
  Scratch scratch = {};
  Cost cost = {};
};
ArgReduceParams prepare_arg_reduce(bool maximum, DType in, const Shape& shape, int axis, Isa isa);
ArgReduceParams prepare_arg_reduce(bool maximum, DType in, const Shape& shape, int axis);
void run_arg_reduce(const Context& ctx, const ArgReduceParams& params, const void* src,
                    int32_t* dst, void* shared) noexcept;

// dst[i] = src[0] + ... + src[i] (or the product) along one axis; floats accumulate in float64,
// integers wrap. `reverse` runs from the end (the gradient of a cumulative sum). src may equal dst.
struct CumulativeParams {
  bool product;
  bool reverse;
  DType dtype;
  int64_t outer, axis, inner, grain;
  Cost cost;
};
CumulativeParams prepare_cumulative(bool product, bool reverse, DType dtype, const Shape& shape,
                                    int axis);
void run_cumulative(const Context& ctx, const CumulativeParams& params, const void* src,
                    void* dst) noexcept;

}  // namespace ranvier::kernels
