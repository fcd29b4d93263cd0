#pragma once
// Inside of pooling: what the common code hands to the kernels of each level.

#include "kernels/cpu/conv/pool.h"

namespace ranvier::kernels {

template <class T>
struct PoolRows {
  // Output rows [r0, r1), counted over images, depth and height.
  void (*forward)(PoolKind, const PoolShape&, int64_t r0, int64_t r1, const T* x, T* y) noexcept;
  // dx of one image, channels [c0, c1).
  void (*backward)(PoolKind, const PoolShape&, int64_t image, int64_t c0, int64_t c1, const T* x,
                   const T* dy, T* dx) noexcept;
};

struct PoolKernels {
  PoolRows<float> f32;
  PoolRows<double> f64;
};
const PoolKernels& pool_kernels(Isa isa);

}  // namespace ranvier::kernels
