#pragma once
// Inside of convolution: the geometry that the common code hands to the kernels of each level.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/cpu/conv/conv.h"

namespace ranvier::kernels {

using Dims3 = std::array<int64_t, 3>;  // depth, height, width

// One dense correlation. Forward is one; the gradient to the data is one for every residue of the
// input position modulo the stride. For group g, output position o, outputs f of the group:
//   y[o, f] = sum_{t, c} x[o*stride + t*dilation - pad, c] * w[t, c, f]
// where x positions outside [0, in) count as zero. Pads may be negative, taps may be zero.
struct Correlation {
  int64_t batch, groups, k_channels, n_channels;  // channels of one group
  Dims3 in, out, taps, stride, dilation, pad;
  Dims3 in_pitch, out_pitch;  // elements between neighbours
  int64_t in_image, out_image;
  int64_t out_offset;     // first output element
  Dims3 tap_pitch;        // in elements of the filter; negative where the order is turned round
  int64_t filter_offset;  // of tap (0, 0, 0) of group 0
  int64_t filter_group;   // from group to group
  int64_t ldb;            // from one c to the next
};

enum class Source : uint8_t {
  Direct,   // kernel rows are read where they lie
  Padded,   // input rows are first copied with zero borders, one group's channels only
  Gathered  // all taps of a pixel are copied side by side: for outputs of a few pixels per row
};

// How a dense correlation is walked. A unit is a piece of an output row (Direct, Padded) or one
// output pixel (Gathered). A run is what one filter row (or tap) reads of x without a gap; runs are
// cut into pieces, and blocks of pieces are summed in registers before they reach memory.
struct CorrelationLayout {
  Source source;
  int64_t units, unit_width, units_per_row;
  bool joined;  // a run spans all taps along the width
  int64_t runs, run_length, pieces_per_run, piece_length, pieces_per_block, k_blocks;
  bool pack_filter;   // copy the panel in use: the filter's rows lie too far apart for the caches
  bool wide;          // few pixels, four vectors of outputs
  int64_t terms;      // of a sum in one vector (narrow_terms)
  int64_t row_pitch;  // Padded: elements of one copied row
  size_t runs_bytes,
      panel_bytes;  // parts of the worker's scratch, in this order (runs: pieces too)
  size_t index_bytes, source_bytes;
  size_t bytes() const { return runs_bytes + panel_bytes + index_bytes + source_bytes; }
};

// One entry of Padded's index: where the copied rows of one output plane lie, or of one unit where
// rows are cut into several units.
struct PlaneRows {
  int64_t offset, first, count;  // in the buffer; first input row; input rows per tap of the depth
};

template <class T>
struct ConvRun {
  const T* a;
  const T* b;
  int64_t length;
};

// A piece of a run, worked out once per block of pieces.
template <class T>
struct ConvPiece {
  int64_t d, h;   // input position relative to the output's, in input rows; may leave x
  int64_t plane;  // Padded: tap of the depth
  int64_t a;      // elements from the first pixel of the input row
  const T* b;     // the filter's row, first output
  int64_t length;
};

// Gradient to the filter. A unit is (group, run, tile of rows); a row unit is a piece of one
// output row.
struct FilterGradient {
  int64_t batch, groups, m_channels, n_channels;
  Dims3 in, out, taps, stride, dilation, pad;
  Dims3 in_pitch;
  int64_t in_image, out_channels;
  bool joined;         // a run spans all taps along the width
  bool copied;         // joined, over rows of x copied with zero borders: few channels, padding
  int64_t copied_row;  // elements of one copied row
  int64_t runs, run_length, tiles_per_run, units;
  int64_t rows, row_width, rows_per_line;  // row units; their pixels; row units per output row
  int64_t rows_per_block;                  // summed in registers
  bool wide;
  int64_t terms;  // rows of dw in one vector (narrow_terms)
};

template <class T>
struct ConvSegment {
  const T* x;
  const T* dy;
  int64_t length;
};

// One row of pixels by taps and channels, added to rows of dx (see conv_overlap.cpp). All sizes and
// distances in elements.
struct OverlapAdd {
  int64_t pixels, pitch, step;  // of the row; from pixel to pixel here and in dx
  int64_t runs, run, run_step;  // of one row of the filter; their length and distance in dx
  int64_t tap, tap_row;         // from one row of the filter to the next, here and in dx
  int64_t pad, row;             // columns before dx; of a row of dx
};

template <class T>
struct ConvRows {
  // Units [u0, u1), outputs [f0, f1) of every group.
  void (*correlate)(const Correlation&, const CorrelationLayout&, int64_t u0, int64_t u1,
                    int64_t f0, int64_t f1, const T* x, const T* filter, const ConvEpilogue&, T* y,
                    std::byte* scratch) noexcept;
  // dw of units [u0, u1), outputs [f0, f1) of every group, overwritten with the sum over row units
  // [r0, r1).
  void (*filter_gradient)(const FilterGradient&, int64_t r0, int64_t r1, int64_t u0, int64_t u1,
                          int64_t f0, int64_t f1, const T* x, const T* dy, T* dw,
                          std::byte* scratch) noexcept;
  // to[i] = the sum over s < slices of from[s*pitch + i], in their order, for i < n.
  void (*add_slices)(const T* from, int64_t slices, int64_t pitch, int64_t n, T* to) noexcept;
  // Output rows [r0, r1) with one input channel for each output channel (k_channels of them).
  void (*depthwise)(const Correlation&, int64_t r0, int64_t r1, const T* x, const T* filter,
                    const ConvEpilogue&, T* y) noexcept;
  // dw overwritten with the sum over output rows [r0, r1); the correlation is the forward one.
  void (*depthwise_filter)(const Correlation&, int64_t r0, int64_t r1, const T* x, const T* dy,
                           T* dw) noexcept;
  // Rows [begin, end) of the filter; `rows` is where its row 0 meets dx.
  void (*overlap_add)(const OverlapAdd&, int64_t begin, int64_t end, const T* sums,
                      T* rows) noexcept;
  // to = from, or zeros where `from` is null, past the caches; an sfence belongs behind the last.
  void (*stream_run)(const T* from, int64_t n, T* to) noexcept;
  int lanes;                                   // of one vector
  int narrow_pixels, max_pixels, wide_pixels;  // of one tile one, two and four vectors wide
};

struct ConvKernels {
  ConvRows<float> f32;
  ConvRows<double> f64;
};
const ConvKernels& conv_kernels(Isa isa);

// Terms of a sum in one vector of `lanes` where there are few outputs: 1, 2 or 4 (narrow_tile.h).
inline int64_t narrow_terms(int64_t outputs, int64_t lanes) {
  return 4 * outputs <= lanes ? 4 : 2 * outputs <= lanes ? 2 : 1;
}
inline int64_t pixels_of(const Dims3& d) { return d[0] * d[1] * d[2]; }
// A filter of one pixel that meets all pixels.
bool is_pointwise(const ConvShape& shape);
// A plan that has checked its shape and knows its cost, but has no variant yet.
ConvPlan plan_of(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa);
// A pass as a matrix product; forward of the pixels of x, or of their patches.
void prepare_product(ConvPlan& plan, const GemmShape& shape);
void run_product(const Context& ctx, const ConvPlan& plan, const float* x, const float* filter,
                 const ConvEpilogue& e, float* y, void* shared, std::byte* worker,
                 size_t stride) noexcept;
// The same of patches where that pays; false where it does not.
bool prepare_patches(ConvPlan& plan);
void run_data_product(const Context& ctx, const ConvPlan& plan, const float* dy,
                      const float* filter, float* dx, void* shared, std::byte* worker,
                      size_t stride) noexcept;
void run_filter_product(const Context& ctx, const ConvPlan& plan, const float* x, const float* dy,
                        float* dw, void* shared, std::byte* worker, size_t stride) noexcept;
// The data gradient by overlap-add where that pays; false where it does not.
bool prepare_overlap_add(ConvPlan& plan);
void run_overlap_add(const Context& ctx, const ConvPlan& plan, const float* dy, const float* filter,
                     float* dx, void* shared, std::byte* worker, size_t stride) noexcept;
// The filter of a data gradient: every tap's (C, F) slice of every group transposed to (F, C),
// phase by phase, turned round.
void pack_data_filter(const Context& ctx, const ConvPlan& plan, const float* filter, float* packed);

// F(2×2, 3×3) where that pays; false where it does not. For the data gradient x is dy and y is dx;
// the filter's has run_winograd_gradient.
bool prepare_winograd_pass(ConvPlan& plan);
void run_winograd_pass(const Context& ctx, const ConvPlan& plan, const float* x,
                       const float* filter, const ConvEpilogue& e, float* y, void* shared,
                       std::byte* worker, size_t stride) noexcept;

// "conv 56x56x64 to 256", for what is told about choices.
std::string conv_text(const ConvShape& shape);

// Pure functions of the shape, used when preparing and when running.
// The convolution of dy with the filter turned round that gives dx; none where x was strided.
std::optional<ConvShape> turned_round(const ConvShape& s);
Correlation forward_correlation(const ConvShape& shape);
// One input channel for each output channel, as one group of all.
Correlation depthwise_correlation(const ConvShape& shape);
int64_t phase_count(const ConvShape& shape);
// One phase of the data gradient: x is dy, y is dx. Dense filters are packed by phase, turned round
// and transposed; depthwise ones are read where they lie.
struct Phase {
  Correlation correlation;
  Dims3 first_tap, tap_step;  // filter index of tap t: first_tap + (taps - 1 - t)*tap_step
};
Phase data_gradient_phase(const ConvShape& shape, int64_t index, bool depthwise);
template <class T>
CorrelationLayout correlation_layout(const Correlation& q, const ConvRows<T>& rows,
                                     int64_t max_units);

}  // namespace ranvier::kernels
