#pragma once
// The oracle: every operation and reduction element by element in the widest type, plainly. Slow;
// for tests.

#include <cstdint>
#include <span>

#include "base/dtype.h"
#include "base/shape.h"
#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels::reference {

// One value of any dtype, read from or rounded to memory by plain arithmetic.
struct Value {
  RegType type;
  double f;    // F32, F64
  int64_t i;   // I32, I64, Bool
  uint64_t u;  // U64
};
Value load(DType dtype, const void* memory, int64_t index);
void store(DType dtype, void* memory, int64_t index, const Value& value);

// A float operation in float64, without any regard to rounding in between.
double apply_float(PwOp op, std::span<const double> x);

// Sum, Prod, Max, ... over `axes` of a dense array of float64.
void reduce(ReduceOp op, const double* src, const Shape& shape, std::span<const int> axes,
            double* dst);

}  // namespace ranvier::kernels::reference
