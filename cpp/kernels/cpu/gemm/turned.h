#pragma once
// Turned products: where a transposed B is the larger operand, C^T = op(B)^T op(A)^T reads it in
// place. A chunk of C^T waits in scratch and is stored as the columns of C.

#include "kernels/cpu/gemm/chunks.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// c[j][i] = alpha * sums[i][j] + beta * c[j][i] for i < rows, j < columns. Rows of `sums` are whole
// vectors.
template <class T>
void store_turned(const T* sums, int64_t ld, int64_t rows, int64_t columns, T alpha, T beta, T* c,
                  int64_t ldc) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  for (int64_t i = 0; i < rows; i += kLanes) {
    const int height = static_cast<int>(least(kLanes, rows - i));
    for (int64_t j = 0; j < columns; j += kLanes) {
      Vec<T> x[kLanes];
      for (int r = 0; r < kLanes; ++r)
        x[r] = Vec<T>::load(sums + (i + least(r, height - 1)) * ld + j);
      transpose(x);
      const int width = static_cast<int>(least(kLanes, columns - j));
      for (int r = 0; r < width; ++r) {
        Vec<T> row[1][1] = {{x[r]}};
        tile_store<T, 1, 1, true>(row, {c + (j + r) * ldc + i, 0, alpha, beta, height});
      }
    }
  }
}

template <class T>
void compute_turned(const Chunk<T>& chunk, T* scratch) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const GemmPlan& plan = chunk.plan;
  const int64_t ld = (chunk.columns + kLanes - 1) / kLanes * kLanes;
  T* const sums = scratch + plan.a_elements + plan.b_elements;
  Chunk<T> turned = chunk;
  turned.c = sums - chunk.row0 * ld - chunk.col0;
  turned.ldc = ld;
  turned.alpha = 1;
  turned.beta = 0;
  turned.epilogue = {};
  compute_tiles(turned, scratch);
  store_turned(sums, ld, chunk.rows, chunk.columns, chunk.alpha, chunk.beta,
               chunk.c + chunk.col0 * chunk.ldc + chunk.row0, chunk.ldc);
  chunk.finish_block(chunk.col0, chunk.row0, chunk.columns, chunk.rows);
}

template <class T>
void turned_chunks(const GemmPlan& plan, const GemmOperands& operands, int64_t begin, int64_t end,
                   std::byte* scratch) noexcept {
  for (int64_t i = begin; i < end;)
    compute_turned(chunks_below<T>(plan, operands, i, end), reinterpret_cast<T*>(scratch));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
