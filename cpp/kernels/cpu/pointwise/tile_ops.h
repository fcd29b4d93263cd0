#pragma once
// The kernels a pointwise program is made of: one operation on one tile, conversions between memory
// and registers, and the blocks of a closing reduction. Plain enough for kernel sources to include.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "kernels/cpu/pointwise/pw_op.h"

namespace ranvier::kernels {

// What a closing reduction does with the values of a register. Sums of float32 run in float32
// inside a block of 1,024 values (for column sums 64 rows, or more that make 1,024 values) and in
// float64 across blocks; products of rows keep float64's range inside a block too. Max and Min
// propagate NaN. An empty reduction gives 0 (Sum, SumSquares, Any), 1 (Prod, All), NaN (Mean), and
// the lowest or highest value of the type (Max, Min).
enum class ReduceOp : uint8_t { Sum, Mean, Prod, Max, Min, Any, All, SumSquares };
inline constexpr int kReduceOpCount = 8;
const char* name_of(ReduceOp op);

// The running value of a reduction: float64 for float registers, 64-bit integers (wrapping) for
// integers and Bool.
union PwTotal {
  double f;
  int64_t i;
  uint64_t u;
};

// One reduction over registers of one type. A block is at most 1,024 values of a row, or 64 rows or
// 1,024 values of columns, held in the register type. `total` means the combination across blocks,
// in fixed order.
struct PwReducer {
  // out[r] = reduction of values[r*n .. r*n + n), 1 <= n <= 1024.
  void (*rows)(const void* values, int64_t rows, int64_t n, PwTotal* out) noexcept;
  // block[c] = block[c] o values[r*n + c] for every r in order.
  void (*columns)(const void* values, int64_t rows, int64_t n, void* block) noexcept;
  void (*clear)(void* block, int64_t n) noexcept;  // to the identity
  // total[c] = block[c], then for further blocks total[c] = total[c] o block[c]
  void (*start)(PwTotal* total, const void* block, int64_t n) noexcept;
  void (*flush)(PwTotal* total, const void* block, int64_t n) noexcept;
  void (*combine)(PwTotal* total, const PwTotal* more, int64_t n) noexcept;
  // Totals to register values; divided by `divisor` where it is not 0 (Mean).
  void (*finish)(const PwTotal* total, int64_t n, int64_t divisor, void* values) noexcept;
  PwTotal identity;
};

// Indexed by register type, then by PwReduction kind (ReduceOp with Mean as Sum).
inline constexpr int kReducerKinds = 8;
struct PwReducers {
  const PwReducer* of[6][kReducerKinds];
};

// What one ISA level adds: a null entry means the common kernel.
struct PwKernels {
  TileFn f32[kPwOpCount];
  // The same past the caches, for costly operations on one array; dst begins a line, and others see
  // it after a store fence.
  TileFn f32_streamed[kPwOpCount];
  const PwReducer* sum_f32;
  const PwReducer* sum_squares_f32;
  const PwReducer* max_f32;
  const PwReducer* min_f32;
  // Repeats one value of 1, 2, 4 or 8 bytes through the 64 bytes of a slot; it may lie there
  // itself.
  void (*repeat)(const void* value, void* slot, int element) noexcept;
  // n such values.
  void (*fill)(const void* value, void* dst, int64_t n, int element) noexcept;
  // A copy past the caches; others see it after a store fence.
  void (*stream)(const void* values, void* dst, size_t bytes) noexcept;
  void (*load_f16)(const void* src, void* values, int64_t n) noexcept;
  void (*load_bf16)(const void* src, void* values, int64_t n) noexcept;
  void (*store_f16)(const void* values, void* dst, int64_t n) noexcept;
  void (*store_bf16)(const void* values, void* dst, int64_t n) noexcept;
  TileFn narrow_bf16;
};
const PwKernels& pw_kernels(Isa isa);
const PwReducers& pw_reducers(Isa isa);

// The kernel of `op` on operands of `type`; null where the table of operations refuses the type.
TileFn tile_fn(PwOp op, RegType type, Isa isa);
// Values of `from` as values of the register type of `to`. Floats saturate at the limits of an
// integer `to` and NaN gives 0; integers keep the range of their register, which Narrow wraps.
TileFn cast_fn(RegType from, DType to, Isa isa);
// Narrow: rounds or wraps register values to the range and precision of a storage dtype.
TileFn narrow_fn(DType dtype, Isa isa);

// Memory to registers and back, n dense elements. Null where both have the same layout.
using LoadFn = void (*)(const void* src, void* values, int64_t n) noexcept;
using StoreFn = void (*)(const void* values, void* dst, int64_t n) noexcept;
LoadFn load_fn(DType dtype, Isa isa);
StoreFn store_fn(DType dtype, Isa isa);
bool same_layout(DType dtype);  // the dtype is its register type

// Of every level. A choice is null where the table or the file has no such kernel.
using TileChoice = TileFn (*)(PwOp op, RegType type) noexcept;
const TileChoice& integer_tiles(Isa isa);
const TileChoice& arithmetic_tiles(Isa isa);  // floats
using DoubleTiles = TileFn (*)(PwOp op) noexcept;
const DoubleTiles& double_tiles(Isa isa);  // functions of float64
struct PwConversions {
  LoadFn (*load)(DType dtype) noexcept;
  StoreFn (*store)(DType dtype) noexcept;
  TileFn (*cast)(RegType from, DType to) noexcept;
  TileFn (*wrap)(DType dtype) noexcept;
  // From memory to memory in one pass, where load, cast and store would be several; null elsewhere.
  LoadFn (*whole)(DType from, DType to) noexcept;
};
const PwConversions& conversions(Isa isa);
using ReducerChoice = const PwReducer* (*)(RegType type, int kind) noexcept;
const ReducerChoice& level_reducers(Isa isa);
// Common: elementary functions.
TileFn libm_tile(PwOp op, RegType type);

}  // namespace ranvier::kernels
