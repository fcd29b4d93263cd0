#pragma once
// Convolution of 3×3 filters with stride 1 by minimal filtering, F(4×4, 3×3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016): 36 products for every 4×4 outputs instead
// of 144. With d a 6×6 patch of x and g a filter,
//
//   y = A^T [ sum_c (G g G^T) * (B^T d B) ] A.
//
// Filters are transformed once, in double. float32 alone. Its largest error is some ten times that
// of the direct sum (2e-5 of the outputs' RMS), so the choice between them belongs to the caller.

#include "kernels/cpu/conv/conv.h"

namespace ranvier::kernels {

inline constexpr int64_t kWinogradTile = 4, kWinogradPatch = 6, kWinogradPoints = 36;

// Outputs' channels as transformed filters hold them: whole panels at every level.
inline int64_t winograd_columns(int64_t out_channels) { return (out_channels + 31) / 32 * 32; }

// Why a convolution cannot be computed this way, or would be slower; null where it pays.
const char* winograd_refusal(const ConvShape& shape, DType dtype);

struct WinogradKernels;

// What prepare decided; immutable and free of pointers to data.
struct WinogradPlan {
  ConvShape shape;
  const WinogradKernels* kernels = nullptr;
  Scratch scratch;
  Cost cost;                                            // of what is done, not of the direct sum
  int64_t tiles_across = 0, tiles_down = 0, tiles = 0;  // of an image's row, column; of all images
  int64_t columns = 0;                                  // winograd_columns(out_channels)
  // Blocks of tiles pass all three stages in a worker's scratch. Where the filters would be read
  // too often for that, every stage covers all tiles, in shared scratch.
  bool staged = false;
  int64_t block_tiles = 0, blocks = 0;
  int64_t v_pitch = 0, m_pitch = 0;  // floats of a point: transformed patches, products
};

// 3×3 filters, stride 1, no dilation, no groups, depth 1.
WinogradPlan prepare_winograd(const ConvShape& shape);
WinogradPlan prepare_winograd(const ConvShape& shape, Isa isa);

// filter (3, 3, C, F) -> packed (36, C, columns), in panels of the plan's level.
void run_winograd_filter(const Context& ctx, const WinogradPlan& plan, const float* filter,
                         float* packed) noexcept;
void run_winograd(const Context& ctx, const WinogradPlan& plan, const float* x, const float* packed,
                  const ConvEpilogue& epilogue, float* y, void* shared, std::byte* worker,
                  size_t worker_stride) noexcept;

}  // namespace ranvier::kernels
