#pragma once
// Maximum and average pooling in one to three dimensions, NHWC, forward and backward.
//
//   max:     y[n, o, c] = max   over k of x[n, o*stride + k - pad_lo, c]
//   average: y[n, o, c] = sum over k of the same / number of summands
//
// Positions in the padding take no part, in the count neither. A NaN in a window is its maximum.
// Shapes as in conv.h: three-dimensional inside, leading sizes 1 where there are fewer.

#include <array>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

struct PoolShape {
  int64_t batch = 1, channels = 1;
  std::array<int64_t, 3> in{1, 1, 1}, window{1, 1, 1}, out{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> pad_lo{0, 0, 0}, pad_hi{0, 0, 0};  // each smaller than the window
};

enum class PoolKind : uint8_t { Max, Average };

struct PoolKernels;

struct PoolPlan {
  PoolShape shape;
  PoolKind kind = PoolKind::Max;
  bool backward = false;
  DType dtype = DType::F32;
  const char* variant = "";
  Scratch scratch;  // max backward: the index
  Cost cost;
  const PoolKernels* kernels = nullptr;
  bool wide_index = false;               // more than 256 taps: int32 instead of uint8
  int64_t rows_of_y = 1, rows_of_x = 1;  // rows per chunk
};

// F32 or F64.
PoolPlan prepare_pool(PoolKind kind, bool backward, const PoolShape& shape, DType dtype);
PoolPlan prepare_pool(PoolKind kind, bool backward, const PoolShape& shape, DType dtype, Isa isa);
// The maximum, for callers that keep the index from forward to backward.
PoolPlan prepare_indexed_pool(bool backward, const PoolShape& shape, DType dtype);

// index (max only, may be null): for each output the number of the tap that holds the first maximum
// of its window. Taps count in row-major order, padding included; uint8, or int32 if wide_index.
void run_pool_forward(const Context& ctx, const PoolPlan& plan, const void* x, void* y,
                      void* index = nullptr) noexcept;
// Every element of dx is written. max: the gradient goes to the first maximum of each window, found
// again from x. average: x is not read and may be null, and so may `shared`.
void run_pool_backward(const Context& ctx, const PoolPlan& plan, const void* x, const void* dy,
                       void* dx, void* shared) noexcept;
// The same from the index that forward stored.
void run_max_pool_scatter(const Context& ctx, const PoolPlan& plan, const void* index,
                          const void* dy, void* dx) noexcept;

namespace reference {
template <class T>
void pool_forward(PoolKind kind, const PoolShape& shape, const T* x, T* y);
template <class T>
void pool_backward(PoolKind kind, const PoolShape& shape, const T* x, const T* dy, T* dx);
}  // namespace reference

}  // namespace ranvier::kernels
