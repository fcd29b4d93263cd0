#pragma once
// Any-rank strided copies: transpose, broadcast, slices with any step, reversal, tiling, repeats,
// rolls, concatenation, splits. Only the size of an element matters (1, 2, 4 or 8 bytes).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "base/parallel.h"
#include "base/shape.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

inline constexpr int kMaxCopyRank = 2 * kMaxRank;  // a tile of rank 8 has 16 loops

// dst[dst_offset + sum i_a dst_stride_a] = src[src_offset + sum i_a src_stride_a], in elements.
// Loops are merged where both sides allow it; the last loop is the innermost. dst and src must not
// overlap.
struct StridedCopy {
  enum class Inner : uint8_t {
    Run,        // both sides contiguous: memcpy
    Reverse,    // the source runs backwards
    Fill,       // one source element repeated
    Repeat,     // each element of a source run repeated: the last two loops
    Strided,    // anything else
    Transpose,  // the last two loops are a 2-D transpose
  };
  int element_bytes = 4;
  int rank = 0;
  Inner inner = Inner::Run;
  int64_t size[kMaxCopyRank] = {};
  int64_t dst_stride[kMaxCopyRank] = {};
  int64_t src_stride[kMaxCopyRank] = {};
  int64_t dst_offset = 0;
  int64_t src_offset = 0;
  int64_t count = 0;  // elements copied
  Isa isa = Isa::Baseline;
  Cost cost;
};

StridedCopy prepare_strided_copy(int element_bytes, std::span<const int64_t> sizes,
                                 std::span<const int64_t> dst_strides,
                                 std::span<const int64_t> src_strides, int64_t dst_offset = 0,
                                 int64_t src_offset = 0, Isa isa = active_isa());
void run_strided_copy(const Context& context, const StridedCopy& params, void* dst,
                      const void* src) noexcept;

// Builders. Shapes were inferred before: they are consistent. Destinations are dense row-major.
// dst axis a is src axis perm[a].
StridedCopy prepare_transpose(int element_bytes, const Shape& src, std::span<const int> perm);
StridedCopy prepare_broadcast(int element_bytes, const Shape& src, const Shape& dst);
// dst[i] = src[begin + i * step] along every axis; a step may be negative.
StridedCopy prepare_slice(int element_bytes, const Shape& src, const Shape& dst,
                          std::span<const int64_t> begin, std::span<const int64_t> step);
// dst[begin + i * step] = update[i]; the rest of dst stays. The gradient of a slice is this into
// zeros.
StridedCopy prepare_slice_update(int element_bytes, const Shape& dst, const Shape& update,
                                 std::span<const int64_t> begin, std::span<const int64_t> step);
StridedCopy prepare_reverse(int element_bytes, const Shape& src, std::span<const int> axes);
// dst axis a holds reps[a] copies of src axis a (`whole`), or of each of its elements in its place.
StridedCopy prepare_copies(int element_bytes, const Shape& src, std::span<const int64_t> reps,
                           bool whole);

// dst[.., (i + shift) mod n, ..] = src[.., i, ..]: two copies of blocks.
struct Roll {
  int64_t outer = 0, head_bytes = 0, tail_bytes = 0;  // a row is head then tail; dst swaps them
};
Roll prepare_roll(int element_bytes, const Shape& shape, int axis, int64_t shift);
void run_roll(const Context& context, const Roll& params, void* dst, const void* src) noexcept;

// Joins along one axis: dst is outer rows, each the concatenation of the inputs' row parts. The
// same numbers describe a split read backwards.
struct ConcatPart {
  int64_t offset_bytes = 0;  // where the part begins in a joined row
  int64_t bytes = 0;         // its length; part row r starts at r * bytes
};
struct Concat {
  int64_t outer = 0;
  int64_t row_bytes = 0;
  int axis = 0;
};
// parts.size() inputs of the shapes given, equal but for `axis`. `parts` is filled.
Concat prepare_concat(int element_bytes, std::span<const Shape> shapes, int axis,
                      std::span<ConcatPart> parts);
void run_concat(const Context& context, const Concat& params, std::span<const ConcatPart> parts,
                void* dst, const void* const* src) noexcept;

// dst[i] = *value for count elements.
void run_fill(const Context& context, int element_bytes, int64_t count, void* dst,
              const void* value) noexcept;

}  // namespace ranvier::kernels
