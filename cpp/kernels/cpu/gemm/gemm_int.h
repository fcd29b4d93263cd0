#pragma once
// Products of integers of one width, exact modulo 2^bits (so that signed and unsigned are one):
// every level and any number of threads give the same values.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// How one element of the operand follows the other: along k, and along the rows of a or the columns
// of b. In elements.
struct IntStrides {
  int64_t k = 1, other = 1;
};

// The kernels for elements of one width.
struct GemmIntKernels {
  int64_t rows = 1, columns = 1;  // of a tile
  // panel[k][columns] = b's k rows from the column b points to, zero beyond `width` columns.
  void (*pack)(const void* b, IntStrides strides, int64_t k, int64_t width, void* panel) noexcept;
  // c[0..rows)[0..width) = a times the panel, plus what c holds if `add`; rows and width within the
  // tile, rows of c `pitch` elements apart.
  void (*tile)(const void* a, IntStrides strides, int64_t rows, int64_t k, const void* panel,
               void* c, int64_t pitch, int64_t width, bool add) noexcept;
};
// By log2 of the bytes of an element.
struct GemmIntTable {
  GemmIntKernels widths[4];
};

// op(a) is m×k, op(b) is k×n, stored k×m and n×k with trans_a and trans_b.
struct GemmInt {
  int64_t m = 0, n = 0, k = 0;
  int bytes = 4;
  IntStrides a, b;
  const GemmIntKernels* kernels = nullptr;
  Scratch scratch;
};
GemmInt prepare_gemm_int(int64_t m, int64_t n, int64_t k, bool trans_a, bool trans_b, int bytes,
                         Isa isa = active_isa());
// Product i is of the matrices that begin at a + a_offsets[i] and b + b_offsets[i] elements; the
// results follow each other in c.
void run_gemm_int(const Context& context, const GemmInt& plan, std::span<const int64_t> a_offsets,
                  std::span<const int64_t> b_offsets, const void* a, const void* b, void* c,
                  std::byte* worker, size_t worker_stride) noexcept;

}  // namespace ranvier::kernels
