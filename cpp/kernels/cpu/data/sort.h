#pragma once
// Sorting along the last axis of a rows x cols matrix: stable, NaN last; searching and counting.
// Elements are mapped to signed integers of the same order, so one sort serves every dtype.

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/cpu/data/sort_keys.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

struct Sort {
  enum class Method : uint8_t {
    Values,   // keys alone; elements are made of them again
    Indexed,  // key and index in one word
    Select,   // few of many: the best so far are kept
    Items,    // key and index in a word each, by radix
  };
  Method method = Method::Values;
  KeyForm form;
  int64_t rows = 0, cols = 0;
  int64_t k = 0;       // how many lead a row of the result
  bool whole = false;  // rows one after the other, each by all threads
  Scratch scratch;
};
// Without `indices` only the values are wanted.
Sort prepare_sort(DType dtype, int64_t rows, int64_t cols, bool descending, bool indices);
// The k largest of each row in falling order, equal ones by rising index; NaN counts as largest.
Sort prepare_top_k(DType dtype, int64_t rows, int64_t cols, int64_t k);
// values rows x k (of the dtype) and indices (int32); where indices were asked for, one of them may
// be null: not wanted.
void run_sort(const Context& context, const Sort& params, void* values, int32_t* indices,
              const void* src, void* shared, std::byte* worker_scratch,
              size_t worker_stride) noexcept;

// Index of the first element of the sorted row that is not less than (right: is greater than) v.
void run_searchsorted(const Context& context, DType dtype, int64_t sorted_count, const void* sorted,
                      int64_t count, const void* values, bool right, int32_t* dst) noexcept;

// dst[rows x length] += weights[r, i] (1 when null) at index[r, i]; dst is F32 or I32, an index
// outside [0, length) is skipped.
void run_bincount(const Context& context, DType dst_dtype, int64_t rows, int64_t cols,
                  int64_t length, void* dst, DType index_dtype, const void* index,
                  const void* weights) noexcept;

}  // namespace ranvier::kernels
