#pragma once
// c (m, n) int32 = a (m, k) int8 times b (k, n) int8, row-major, exact (modulo 2^32): every level
// and any number of threads give the same values.

#include <cstdint>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Both operands are widened to int16 in scratch, two steps of k side by side, so that one
// multiply-add instruction takes both products of a pair.
struct GemmI8Kernels {
  int rows, columns;  // of a tile
  // b's columns [first, first + width) as pairs: panel[p][column][2], zero beyond the matrix.
  void (*pack)(const int8_t* b, int64_t n, int64_t k, int64_t first, int64_t width,
               int16_t* panel) noexcept;
  // c[0 .. rows)[0 .. width) = a (rows, pairs, 2) times the panel, rows and width within the tile.
  void (*tile)(const int16_t* a, int64_t rows, int64_t pairs, const int16_t* panel, int32_t* c,
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
