#pragma once
// Inside of Winograd convolution: what each level compiles.

#include "kernels/cpu/conv/winograd.h"

namespace ranvier::kernels {

// Transformed patches v (points, tiles, C), products m (points, tiles, columns), filters u (points,
// panels, C, panel). Pointers lie at the first tile; points of v and m lie v_pitch and m_pitch
// apart.
struct WinogradStages {
  // v = B^T d B for tiles [first, first + count).
  void (*input)(const WinogradPlan&, const float* x, int64_t first, int64_t count,
                float* v) noexcept;
  // y = epilogue(A^T m A) for tiles [first, first + count).
  void (*output)(const WinogradPlan&, const float* m, int64_t first, int64_t count,
                 const ConvEpilogue&, float* y) noexcept;
};

// F(2×2, 3×3) on the filter's side. Gradients d (16, panels, block_tiles, panel), sums (16, C,
// columns).
struct WinogradFilters {
  // u = G g G^T of channels [channel, end) of the filter g (3, 3, C, F).
  void (*transform)(const WinogradPlan&, const float* filter, int64_t channel, int64_t end,
                    float* u) noexcept;
  // d = A dy A^T of tiles [first, first + count), which are the tiles from `at` on of the block d.
  void (*gradient)(const WinogradPlan&, const float* dy, int64_t first, int64_t at, int64_t count,
                   float* d) noexcept;
  // sums = v^T d, or += where they are not fresh, of points [point, end), panels [panel,
  // panel_end).
  void (*add_products)(const WinogradPlan&, const float* v, const float* d, int64_t tiles,
                       int64_t point, int64_t end, int64_t panel, int64_t panel_end, bool fresh,
                       float* sums) noexcept;
  // dw = G^T (sums of all slices) G of channels [channel, end).
  void (*finish)(const WinogradPlan&, const float* sums, int64_t channel, int64_t end,
                 float* dw) noexcept;
};

struct WinogradKernels {
  WinogradStages two, four;
  // m = v u for points [point, end) and panels [panel, panel_end).
  void (*multiply)(const WinogradPlan&, const float* v, const float* u, int64_t tiles,
                   int64_t point, int64_t end, int64_t panel, int64_t panel_end, float* m) noexcept;
  const WinogradFilters* filters;
  int panel;  // columns

  const WinogradStages& stages(int64_t tile) const { return tile == 2 ? two : four; }
};

}  // namespace ranvier::kernels
