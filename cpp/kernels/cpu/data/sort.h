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

KeyForm key_form(DType dtype, bool descending);

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

// dst[i] = the index of the first of the sorted values that is not less than (right: is greater
// than) values[i].
struct Search {
  KeyForm form;
  int64_t sorted = 0, values = 0;  // how many
  bool right = false;
  Scratch scratch;
};
Search prepare_search(DType dtype, int64_t sorted, int64_t values, bool right);
void run_search(const Context& context, const Search& params, const void* sorted,
                const void* values, int32_t* dst, void* shared, std::byte* worker,
                size_t worker_stride) noexcept;

// dst[r, b] = the sum of weights[r, i] (1 without weights) over index[r, i] = b, b < length. Counts
// are I32 and wrap, weighted sums F32; an index outside [0, length) is skipped.
struct BinCount {
  DType index_dtype = DType::I32;
  int64_t rows = 0, cols = 0, length = 0;
  bool weighted = false;
  int64_t parts = 1;  // of a row, counted apart
  Scratch scratch;
};
BinCount prepare_bincount(DType index_dtype, int64_t rows, int64_t cols, int64_t length,
                          bool weighted);
void run_bincount(const Context& context, const BinCount& params, void* dst, const void* index,
                  const float* weights, void* shared) noexcept;

}  // namespace ranvier::kernels
