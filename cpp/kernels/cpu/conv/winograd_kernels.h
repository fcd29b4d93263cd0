#pragma once
// Inside of Winograd convolution: what each level compiles.

#include "kernels/cpu/conv/winograd.h"

namespace ranvier::kernels {

// Transformed patches v (36, tiles, C), products m (36, tiles, columns), filters u (36, panels, C,
// panel). Pointers lie at the first tile; points of v and m lie v_pitch and m_pitch apart.
struct WinogradKernels {
  // v = B^T d B for tiles [first, first + count).
  void (*input)(const WinogradPlan&, const float* x, int64_t first, int64_t count,
                float* v) noexcept;
  // m = v u for points [point, end) and panels [panel, panel_end).
  void (*multiply)(const WinogradPlan&, const float* v, const float* u, int64_t tiles,
                   int64_t point, int64_t end, int64_t panel, int64_t panel_end, float* m) noexcept;
  // y = epilogue(A^T m A) for tiles [first, first + count).
  void (*output)(const WinogradPlan&, const float* m, int64_t first, int64_t count,
                 const ConvEpilogue&, float* y) noexcept;
  int panel;  // columns
};

}  // namespace ranvier::kernels
