#pragma once
// Direct entries for eager single operations on dense operands: no program, no scratch, the same
// kernels and so the same bits.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/cpu/pointwise/pw_op.h"

namespace ranvier::kernels {

// A prepared single operation. Storage dtypes whose register type has the same layout (F32, F64,
// I32, I64, U64, Bool) run in place; the others convert through a tile on the stack.
struct DirectOp {
  TileFn fn = nullptr;
  TileFn streamed = nullptr;  // the same past the caches, where there is one
  DType dtype = DType::F32;   // of the operands (of the two values for Select)
  DType result = DType::F32;  // dtype, or Bool
  PwOp op = PwOp::Copy;
  uint8_t arity = 1;
  int64_t grain = 0;
};
// Whether one kernel suffices: quotients of narrow unsigned integers take a program
// (`builder.cpp`).
bool is_direct(PwOp op, DType dtype);

// Looks the kernel up; throws InternalError for an operation that does not accept the dtype.
DirectOp prepare_direct(PwOp op, DType dtype, Isa isa);
DirectOp prepare_direct(PwOp op, DType dtype);

// n elements; an operand whose scalar flag is set is one value for all. dst may equal an operand
// that is not scalar and has the same element size.
void run_direct(const Context& ctx, const DirectOp& op, void* dst, const void* const* src,
                const bool* scalar, int64_t n) noexcept;
void run_unary(const Context& ctx, const DirectOp& op, void* dst, const void* a,
               int64_t n) noexcept;
void run_binary(const Context& ctx, const DirectOp& op, void* dst, const void* a, bool a_scalar,
                const void* b, bool b_scalar, int64_t n) noexcept;

// Converts n elements. Float to integer truncates toward zero and saturates at the range of the
// register type (int32 for dtypes up to 32 bits but uint32, else int64, uint64), NaN gives 0; then,
// like integer to integer, it wraps to the width of the target. To Bool: != 0. To narrower floats:
// rounds to nearest, ties to even.
void convert(const Context& ctx, DType from, DType to, const void* src, void* dst,
             int64_t n) noexcept;

}  // namespace ranvier::kernels
