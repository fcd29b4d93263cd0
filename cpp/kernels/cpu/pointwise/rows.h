#pragma once
// Operands of kind Rows: a (rows, row) array that is the sum of vectors chained by row (see
// data/group_rows.h), zero in rows without a position. It is never written out; a tile of it is
// summed when it is read, in the order of positions.

#include <cstdint>

#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

struct RowChain {
  const int32_t* head;
  const int32_t* next;
};

// dst[k] = element begin + k of the array, k < n; values (count, row) of F32 or F64, and `add` the
// tile addition of that type.
void load_rows(const RowChain& chain, TileFn add, int element, int64_t row, const void* values,
               int64_t begin, int64_t n, void* dst) noexcept;

// Declares that where all Rows operands are zero, output o is the Full operand same_as[o]
// unchanged. Run with these in the same memory, the program visits touched rows only.
void restrict_to_touched(PointwiseProgram& program, std::vector<uint32_t> same_as);

// Whether this run may visit touched rows only.
bool only_touched(const PointwiseProgram& program, const void* const* inputs,
                  void* const* outputs) noexcept;
void run_touched(const Context& ctx, const PointwiseProgram& program, const void* const* inputs,
                 void* const* outputs, std::byte* worker_scratch, size_t worker_stride) noexcept;

}  // namespace ranvier::kernels
