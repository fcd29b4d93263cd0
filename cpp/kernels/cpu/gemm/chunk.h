#pragma once
// One chunk of the grid that a product is cut into.

#include "kernels/cpu/gemm/epilogue_rows.h"
#include "kernels/cpu/gemm/gemm.h"
#include "kernels/cpu/gemm/tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

RV_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Where part i of an even cut of `total` begins. One part needs no division: small products notice.
RV_INLINE int64_t cut(int64_t total, int64_t i, int64_t parts) {
  return parts == 1 ? total * i : total * i / parts;
}

template <class T>
RV_INLINE const T* at(const void* p, int64_t offset) {
  return p ? static_cast<const T*>(p) + offset : nullptr;
}

RV_INLINE bool clamps_in_tile(Activation a) {
  return a == Activation::Relu || a == Activation::Relu6;
}

// One matrix of the batch and the part of C that a chunk computes.
template <class T>
struct Chunk {
  const GemmPlan& plan;
  const T* a;
  const T* b;
  T* c;
  int64_t ldc;
  int64_t row0, rows, col0, columns;
  T alpha, beta;
  EpilogueRows<T> epilogue;  // its pointers at element (0, 0) of the matrix

  // The epilogue for the block of C at (i, j).
  RV_INLINE void finish_block(int64_t i, int64_t j, int64_t height, int64_t width) const {
    if (!epilogue.any()) return;
    EpilogueRows<T> e = epilogue;
    if (e.bias && !e.scalar_bias) e.bias += j;
    if (e.residual) e.residual += i * e.ld_residual + j;
    if (e.mask) e.mask += i * ldc + j;
    finish(e, height, width, c + i * ldc + j, ldc);
  }
  // The part of the epilogue that the tile at (i, j) does in registers.
  RV_INLINE TileClose<T> close_at(int64_t i, int64_t j) const {
    const EpilogueRows<T>& e = epilogue;
    if (!e.closes()) return {};
    const bool clamps = clamps_in_tile(e.activation);
    const T* nothing = kNothing<T>.data();
    return {.bias = e.bias ? e.bias + j : nothing,
            .residual = e.residual ? e.residual + i * e.ld_residual + j : nothing,
            .ld_residual = e.residual ? e.ld_residual : 0,
            .lowest = clamps ? T(0) : -static_cast<T>(kInf),
            .highest = e.activation == Activation::Relu6 ? T(6) : static_cast<T>(kInf)};
  }
  // What a tile of so many rows and vectors at (i, j) will read before it closes: C, a mask and a
  // residual, each in one of `parts`.
  RV_INLINE TileAhead<T>* close_ahead(int64_t i, int64_t j, int rows, int vectors,
                                      TileAhead<T> (&parts)[3]) const {
    const int lines = (vectors * kVectorBytes + 63) / 64;
    const int64_t ldr = epilogue.ld_residual, at = i * ldc + j;
    parts[0] = {c + at, ldc, rows, lines, &parts[1]};
    parts[1] = {epilogue.mask + at, ldc, rows, lines};
    if (epilogue.residual) {
      parts[1].also = &parts[2];
      parts[2] = {epilogue.residual + i * ldr + j, ldr, rows, lines};
    }
    return parts;
  }
  // And the part that follows it: activations that are longer, and the mask.
  RV_INLINE void close_block(int64_t i, int64_t j, int64_t height, int64_t width) const {
    const EpilogueRows<T>& e = epilogue;
    const bool activated = e.activation == Activation::None || clamps_in_tile(e.activation);
    if (activated && !e.mask) return;
    const int64_t at = i * ldc + j;
    finish<T>({.activation = activated ? Activation::None : e.activation,
               .slope = e.slope,
               .mask = e.mask ? e.mask + at : nullptr},
              height, width, c + at, ldc);
  }
};

// Columns are cut in units, rows anywhere.
RV_INLINE int64_t column_cut(const GemmPlan& plan, int64_t i) {
  const int64_t n = plan.shape.n, unit = plan.column_unit;
  return least(n, cut((n + unit - 1) / unit, i, plan.col_chunks) * unit);
}

template <class T>
RV_INLINE Chunk<T> make_chunk(const GemmPlan& plan, const GemmOperands& operands, int64_t index) {
  const GemmShape& s = plan.shape;
  const GemmEpilogue& e = plan.epilogue;
  // Neighbouring chunks share columns, and with them the block of B.
  int64_t row = 0, column = 0, item = index;
  if (plan.row_chunks * plan.col_chunks > 1) {
    row = index % plan.row_chunks;
    column = index / plan.row_chunks % plan.col_chunks;
    item = index / (plan.row_chunks * plan.col_chunks);
  }
  const int64_t row0 = cut(s.m, row, plan.row_chunks);
  const int64_t row1 = cut(s.m, row + 1, plan.row_chunks);
  const int64_t col0 = column_cut(plan, column);
  const int64_t col1 = column_cut(plan, column + 1);
  T alpha = static_cast<T>(e.alpha);
  if (operands.scale) alpha *= *static_cast<const T*>(operands.scale);
  return {plan,
          at<T>(plan.turned ? operands.b : operands.a, item * s.stride_a),
          at<T>(plan.turned ? operands.a : operands.b, item * s.stride_b),
          static_cast<T*>(operands.c) + item * s.stride_c,
          s.ldc,
          row0,
          row1 - row0,
          col0,
          col1 - col0,
          alpha,
          static_cast<T>(e.beta),
          {.bias = e.bias ? at<T>(operands.bias, 0) : nullptr,
           .residual = e.residual ? at<T>(operands.residual, item * e.stride_residual) : nullptr,
           .ld_residual = e.ld_residual,
           .scalar_bias = false,
           .activation = e.activation,
           .slope = static_cast<T>(e.slope),
           .mask = e.mask ? at<T>(operands.mask, item * s.stride_c) : nullptr}};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
