#pragma once
// Convolution of 3×3 filters with stride 1 by minimal filtering, F(m×m, 3×3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016): (m + 2)² products for every m×m outputs
// instead of 9 m². With d a patch of x, m + 2 wide, and g a filter,
//
//   y = A^T [ sum_c (G g G^T) * (B^T d B) ] A.
//
// float32 alone.
//   m = 2: 16 products instead of 36. The matrices add and halve: small integers stay exact, and
//          errors are those of the direct sum (the largest 2e-6 to 5e-6 of the outputs' RMS).
//   m = 4: 36 products instead of 144. The largest error is some ten times that of the direct sum
//          (2e-5), so the choice belongs to the caller. Filters are transformed in double.

#include "kernels/cpu/conv/conv_shape.h"

namespace ranvier::kernels {

// Outputs' channels as transformed filters hold them: whole panels at every level.
inline int64_t winograd_columns(int64_t out_channels) { return (out_channels + 31) / 32 * 32; }

// RANVIER_WINOGRAD, read once: Off, no tiles at all; Inference, 4×4 where a program does not change
// the filter; Always, 4×4 forward in training too. 2×2 elsewhere.
enum class WinogradUse : uint8_t { Off, Inference, Always };
WinogradUse winograd_use();

// Why F(m×m, 3×3) cannot compute a convolution, or would be slower; null where it pays. For m = 2
// filters are transformed in every run, for m = 4 they are held.
const char* winograd_refusal(int64_t m, const ConvShape& shape, DType dtype);

struct WinogradKernels;

// What prepare decided; immutable and free of pointers to data.
struct WinogradPlan {
  ConvShape shape;
  int64_t tile = 0;  // m
  const WinogradKernels* kernels = nullptr;
  Scratch scratch;
  Cost cost;                                            // of what is done, not of the direct sum
  int64_t tiles_across = 0, tiles_down = 0, tiles = 0;  // of an image's row, column; of all images
  int64_t columns = 0;                                  // winograd_columns(out_channels)
  // Blocks of tiles pass all three stages in a worker's scratch. Where the filters would be read
  // too often for that, every stage covers all tiles, in shared scratch.
  bool staged = false;
  int64_t block_tiles = 0, blocks = 0;
  int64_t slices = 1;  // gradient of the filter: partial sums over ranges of the tiles
  int64_t v_pitch = 0, m_pitch = 0;  // floats of a point: transformed patches, products

  int64_t points() const { return (tile + 2) * (tile + 2); }
  int64_t filter_floats() const { return points() * shape.in_channels * columns; }
};

// 3×3 filters, stride 1, no dilation, no groups, depth 1; m is 2 or 4.
WinogradPlan prepare_winograd(int64_t m, const ConvShape& shape);
WinogradPlan prepare_winograd(int64_t m, const ConvShape& shape, Isa isa);

// filter (3, 3, C, F) -> packed (points, C, columns), in panels of the plan's level.
void run_winograd_filter(const Context& ctx, const WinogradPlan& plan, const float* filter,
                         float* packed) noexcept;
void run_winograd(const Context& ctx, const WinogradPlan& plan, const float* x, const float* packed,
                  const ConvEpilogue& epilogue, float* y, void* shared, std::byte* worker,
                  size_t worker_stride) noexcept;

// The gradient of the filter by F(2×2, 3×3), with the shape of forward: dw (3, 3, C, F) from x and
// dy. The products of tiles of x and dy are summed in `slices` ranges of the tiles, or staged.
WinogradPlan prepare_winograd_gradient(const ConvShape& shape, Isa isa);
void run_winograd_gradient(const Context& ctx, const WinogradPlan& plan, const float* x,
                           const float* dy, float* dw, void* shared, std::byte* worker,
                           size_t worker_stride) noexcept;

}  // namespace ranvier::kernels
