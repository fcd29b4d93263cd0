#pragma once
// Arrays made of nothing: ranges, identity and triangle masks, values along a diagonal.

#include <cstdint>

#include "base/dtype.h"
#include "base/parallel.h"

namespace ranvier::kernels {

// dst[i] = start + i * step, computed in double (I64 and U64: in 64-bit integers) and rounded once
// to dtype. Any dtype but Bool.
void run_arange(const Context& context, DType dtype, int64_t count, void* dst, double start,
                double step) noexcept;
// dst[b, r, c] = c - r == k: ones of the dtype on the k-th diagonal, else zero.
void run_eye(const Context& context, DType dtype, int64_t rows, int64_t cols, int64_t k,
             void* dst) noexcept;
// Keeps c - r <= k (lower) or c - r >= k (upper) of every rows x cols matrix, else zero. dst may be
// src.
void run_triangle(const Context& context, int element_bytes, int64_t batch, int64_t rows,
                  int64_t cols, int64_t k, bool lower, void* dst, const void* src) noexcept;
// dst n x n with src on the k-th diagonal, n = count + |k|; zero elsewhere.
void run_diag(const Context& context, int element_bytes, int64_t count, int64_t k, void* dst,
              const void* src) noexcept;

}  // namespace ranvier::kernels
