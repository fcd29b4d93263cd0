#pragma once
// Positions of equal indices, chained: how a gradient of rows is summed without being written out
// as a dense array.

#include <cstdint>
#include <vector>

#include "base/dtype.h"
#include "base/parallel.h"

namespace ranvier::kernels {

// Position i of all indices, list after list, belongs to the row that the index names among `size`
// (below zero counts from the end; to none when it then still lies outside).
//   head (size):  first position of the row, -1 where it has none
//   next (count): the row's next position, ascending, -1 after its last
//   touched (1 + count): how many rows have a position, then those rows by their first position
struct GroupRows {
  DType index_dtype = DType::I32;  // I32 or I64
  std::vector<int64_t> counts;     // of each list
  int64_t size = 0;
};
void run_group_rows(const Context& context, const GroupRows& params, const void* const* lists,
                    int32_t* head, int32_t* next, int32_t* touched) noexcept;

}  // namespace ranvier::kernels
