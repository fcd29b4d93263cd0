#pragma once
// What every prepared kernel tells the plan about itself. Kernels are plain functions of pointers,
// sizes and strides; they are noexcept, allocate nothing and know no tensor, graph or Python.

#include <cstddef>

namespace ranvier::kernels {

// Scratch memory booked at plan time, 64-byte aligned: one shared block, and one block per worker
// index.
struct Scratch {
  size_t shared = 0;
  size_t per_worker = 0;
};

struct Cost {
  double flops = 0;
  double bytes = 0;  // compulsory traffic: every operand once
};

}  // namespace ranvier::kernels
