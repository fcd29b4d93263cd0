#pragma once
// Operands that are rows by index. Rows: a (rows, row) array that is the sum of vectors chained by
// row (see data/group_rows.h), zero in rows without a position; it is never written out, a tile of
// it is summed when it is read, in the order of positions. Lookup: rows of a table, copied when
// read.

#include <cstdint>

#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/row_sums.h"

namespace ranvier::kernels {

// The values of one Rows operand in a run: its parts and chain, found from the pointers of the run.
class RowChain {
 public:
  static constexpr int kMaxParts = 8;
  RowChain(std::span<const PwRowPart> parts, int64_t row, DType dtype, Isa isa, const int32_t* head,
           const int32_t* next, const void* first_values, const void* const* extra) noexcept;

  // dst[k] = element begin + k of the array, k < n.
  void load(int64_t begin, int64_t n, void* dst) const noexcept;

 private:
  RowParts parts_[kMaxParts];
  RowSum sum_;
  RowSumFn fn_;
  const int32_t* head_;
  int64_t element_;
};

// The pointers of operand `input` as the run got them.
RowChain row_chain_of(const PointwiseProgram& program, const PwInput& input,
                      const void* const* inputs, size_t index) noexcept;

// raw[k] = element begin + k of table[index], counted as if the result were dense, k < n: whole and
// partial rows.
void copy_looked_up(const PwInput& input, const void* table, const void* index, int64_t begin,
                    int64_t n, std::byte* raw) noexcept;

// Declares that where all Rows operands are zero, output o is the Full operand same_as[o]
// unchanged. Run with these in the same memory, the program visits touched rows only.
void restrict_to_touched(PointwiseProgram& program, std::vector<uint32_t> same_as);

// Whether this run may visit touched rows only.
bool only_touched(const PointwiseProgram& program, const void* const* inputs,
                  void* const* outputs) noexcept;
void run_touched(const Context& ctx, const PointwiseProgram& program, const void* const* inputs,
                 void* const* outputs, std::byte* worker_scratch, size_t worker_stride) noexcept;

}  // namespace ranvier::kernels
