#pragma once
// Positions of equal indices, chained: how a gradient of rows is summed without being written out
// as a dense array.

#include <cstdint>

#include "base/dtype.h"
#include "base/parallel.h"

namespace ranvier::kernels {

// Position i of `count` indices belongs to row index[i] of `size` (below zero counts from the end;
// what then still lies outside is clamped, as in take).
//   head (size):  first position of the row, -1 where it has none
//   next (count): the row's next position, ascending, -1 after its last
//   touched (1 + count): how many rows have a position, then those rows by their first position
struct GroupRows {
  DType index_dtype = DType::I32;  // I32 or I64
  int64_t count = 0, size = 0;
};
void run_group_rows(const Context& context, const GroupRows& params, const void* index,
                    int32_t* head, int32_t* next, int32_t* touched) noexcept;

}  // namespace ranvier::kernels
