#pragma once
// Sorting along the last axis of a rows x cols matrix: stable, NaN last. Keys are mapped to
// unsigned integers of the same order, so one sort serves every dtype.

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// A key of unsigned order and where it came from.
struct SortItem {
  uint64_t key;
  int64_t index;
};

struct Sort {
  DType dtype = DType::F32;
  int64_t rows = 0, cols = 0;
  bool descending = false;
  int64_t k = 0;  // top_k: how many lead
  Scratch scratch;
};
Sort prepare_sort(DType dtype, int64_t rows, int64_t cols, bool descending);
// values rows x cols (params.dtype) and indices (int32) may each be null: not wanted.
void run_sort(const Context& context, const Sort& params, void* values, int32_t* indices,
              const void* src, std::byte* worker_scratch, size_t worker_stride) noexcept;

// The k largest of each row in falling order, equal ones by rising index; NaN counts as largest.
Sort prepare_top_k(DType dtype, int64_t rows, int64_t cols, int64_t k);
void run_top_k(const Context& context, const Sort& params, void* values, int32_t* indices,
               const void* src, std::byte* worker_scratch, size_t worker_stride) noexcept;

// Sorts by key, then by index; `spare` has n items too. The sorted items end in `items`.
void sort_items(SortItem* items, SortItem* spare, int64_t n) noexcept;

// Index of the first element of the sorted row that is not less than (right: is greater than) v.
void run_searchsorted(const Context& context, DType dtype, int64_t sorted_count, const void* sorted,
                      int64_t count, const void* values, bool right, int32_t* dst) noexcept;

// dst[rows x length] += weights[r, i] (1 when null) at index[r, i]; dst is F32 or I32, an index
// outside [0, length) is skipped.
void run_bincount(const Context& context, DType dst_dtype, int64_t rows, int64_t cols,
                  int64_t length, void* dst, DType index_dtype, const void* index,
                  const void* weights) noexcept;

}  // namespace ranvier::kernels
