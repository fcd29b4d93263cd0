#pragma once
// Inside of pooling: what the common code hands to the kernels of each level.

#include "kernels/cpu/conv/pool.h"

namespace ranvier::kernels {

// Number of the tap that holds each output's maximum, as int32 or, where the window has at most 256
// taps, uint8. Taps count in row-major order over the whole window, padding included.
struct PoolIndex {
  void* taps;
  bool wide;  // int32
};

// Rows are those of y forward and of dx backward, counted over images, depth and height.
template <class T>
struct PoolRows {
  // y or index.taps may be null: not wanted.
  void (*max)(const PoolShape&, int64_t r0, int64_t r1, const T* x, T* y, PoolIndex index) noexcept;
  void (*average)(const PoolShape&, int64_t r0, int64_t r1, const T* x, T* y) noexcept;
  void (*max_gradient)(const PoolShape&, int64_t r0, int64_t r1, PoolIndex index, const T* dy,
                       T* dx) noexcept;
  void (*average_gradient)(const PoolShape&, int64_t r0, int64_t r1, const T* dy, T* dx) noexcept;
};

struct PoolKernels {
  PoolRows<float> f32;
  PoolRows<double> f64;
};
const PoolKernels& pool_kernels(Isa isa);

}  // namespace ranvier::kernels
