#pragma once
// c (m, n) int32 = a (m, k) int8 times b (k, n) int8, row-major, exact (modulo 2^32): every level
// and any number of threads give the same values.

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Both operands are copied to scratch with `depth` steps of k side by side, so that one
// multiply-add instruction takes all products of such a group: pairs of int16, or on VNNI
// quadruples of bytes.
struct GemmI8Kernels {
  int rows, columns;  // of a tile
  int depth;
  size_t element;  // bytes of a value in scratch
  size_t head;     // bytes before the groups of a panel
  // A row of a, filled up to whole groups.
  void (*widen)(const int8_t* a, int64_t k, std::byte* row) noexcept;
  // b's columns [first, first + width): panel[group][column][depth], zero beyond the matrix.
  void (*pack)(const int8_t* b, int64_t n, int64_t k, int64_t first, int64_t width,
               std::byte* panel) noexcept;
  // c[0 .. rows)[0 .. width) = a (rows, groups, depth) times the panel, rows and width within the
  // tile.
  void (*tile)(const std::byte* a, int64_t rows, int64_t groups, const std::byte* panel, int32_t* c,
               int64_t stride_c, int64_t width) noexcept;
};

struct GemmI8 {
  int64_t m = 0, n = 0, k = 0;
  const GemmI8Kernels* kernels = nullptr;
  Scratch scratch;
};
GemmI8 prepare_gemm_i8(int64_t m, int64_t n, int64_t k, Isa isa = active_isa());
void run_gemm_i8(const Context& context, const GemmI8& plan, const int8_t* a, const int8_t* b,
                 int32_t* c, void* shared) noexcept;

namespace reference {
void gemm_i8(int64_t m, int64_t n, int64_t k, const int8_t* a, const int8_t* b, int32_t* c);
}

}  // namespace ranvier::kernels
