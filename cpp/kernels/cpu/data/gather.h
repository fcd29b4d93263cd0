#pragma once
// Rows by index: take, take_along_axis, scatter-add, one-hot, and the shuffled batch rows of an
// epoch. An index below zero counts from the end; one that then still lies outside names no row: it
// reads a value of its own (outside_value) and writes nothing.

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "base/shape.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// The row among `size` that an index names; -1 when it names none.
inline int64_t row_named(int64_t index, int64_t size) {
  if (index < 0) index += size;
  return static_cast<uint64_t>(index) < static_cast<uint64_t>(size) ? index : -1;
}
// Bits of what is read outside: NaN, the smallest signed or the largest unsigned number, true; or
// `zero`, for gradients.
uint64_t outside_value(DType dtype, bool zero);
void fill_outside(void* dst, int64_t count, int64_t element_bytes, uint64_t value) noexcept;

// dst[o, i, :] = src[o, index[i], :] with src outer x axis x inner, dst outer x count x inner.
struct Take {
  DType index_dtype = DType::I32;  // I32 or I64
  int element_bytes = 4;
  int64_t outer = 0, axis = 0, count = 0;
  int64_t inner_bytes = 0;
  uint64_t outside = 0;
};
Take prepare_take(DType dtype, const Shape& src, int axis, DType index_dtype, int64_t count,
                  bool zero_outside = false);
void run_take(const Context& context, const Take& params, void* dst, const void* src,
              const void* index) noexcept;

// dst[o, i, k] = src[o, index[o, i, k], k], index and dst outer x count x inner.
struct TakeAlong {
  DType index_dtype = DType::I32;
  int element_bytes = 4;
  int64_t outer = 0, axis = 0, count = 0, inner = 0;
  uint64_t outside = 0;
};
TakeAlong prepare_take_along(DType dtype, const Shape& src, int axis, DType index_dtype,
                             int64_t count, bool zero_outside = false);
void run_take_along(const Context& context, const TakeAlong& params, void* dst, const void* src,
                    const void* index) noexcept;
// Gradient of take_along for F32, F64, I32 or I64: dst[o, index, k] += src[o, i, k], in the order
// of i.
void run_add_along(const Context& context, const TakeAlong& params, DType dtype, void* dst,
                   const void* src, const void* index) noexcept;

// dst[o, index[i], :] += src[o, i, :] (or = the last such row), dst outer x axis x inner. Rows with
// the same index are added in the order of i, by the one thread that owns the destination.
struct Scatter {
  DType dtype = DType::F32;  // add: F32, F64, I32, I64; set: any
  DType index_dtype = DType::I32;
  bool add = true;
  int64_t outer = 0, axis = 0, count = 0, inner = 0;  // inner in elements
  int64_t owners = 1;    // parts of dst with one owner each: ranges of the axis, or of the columns
  bool columns = false;  // which are whole cache lines of every row
  Isa isa = Isa::Baseline;
};
Scatter prepare_scatter(DType dtype, const Shape& dst, int axis, DType index_dtype, int64_t count,
                        bool add, Isa isa = active_isa());
void run_scatter(const Context& context, const Scatter& params, void* dst, const void* src,
                 const void* index) noexcept;

// dst[i, :] = off, dst[i, index[i]] = on; an index outside [0, depth) leaves the row off, as Keras
// defines it. Any dtype: on and off point to one element.
void run_one_hot(const Context& context, int element_bytes, int64_t count, int64_t depth, void* dst,
                 DType index_dtype, const void* index, const void* on, const void* off) noexcept;

// The batch of an epoch: dst[i, :] = (dst dtype) src[rows[i], :], i < count. Conversions: equal
// dtypes; any integer, Bool, F16, BF16, F64 to F32; I64, U8, U16, I8, I16, U32 to I32; F32 to F64.
// rows are in range. `row` counts elements.
struct GatherRows {
  int64_t row = 0;
  size_t src_row_bytes = 0, dst_row_bytes = 0;
  int64_t grain = 1;  // rows per chunk
  void (*copy)(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
               size_t src_row_bytes) noexcept = nullptr;
};
// copy is null where the conversion does not exist (the caller casts before the epoch instead).
GatherRows prepare_gather_rows(DType dst, DType src, int64_t row, Isa isa = active_isa());
void run_gather_rows(const Context& context, const GatherRows& params, void* dst, const void* src,
                     const int64_t* rows, int64_t count) noexcept;

}  // namespace ranvier::kernels
