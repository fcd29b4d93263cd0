// The gradient to data of few channels, which would fill a small part of a vector: a product of the
// pixels of dy gives every tap's share of dx at once, and the shares are added where they overlap.
//   p[o, (k, c)] = sum_f dy[o, f] w[k, c, f];   dx[o*stride + k*dilation - pad, c] += p[o, (k, c)]

#include <algorithm>
#include <string>

#include "base/verbose.h"
#include "kernels/cpu/conv/conv_cut.h"

namespace ranvier::kernels {
namespace {

// Pixels of dy whose product stays in the second cache beside the filter.
constexpr int64_t kPixelsTogether = 112;
// Of one row of dy.
constexpr int64_t kMostShareFloats = 1 << 18;
// Rows of dy under a block are computed for each of its neighbours too: a block has many times as
// many as they share, and there are as many blocks as keep threads busy.
constexpr int64_t kOverlapBlocks = 16, kTimesShared = 12;

struct RowRange {
  int64_t begin, end;
};
int64_t floor_quotient(int64_t a, int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

// Rows of dy that meet the rows `dx` of an image.
RowRange rows_over(const ConvShape& s, const RowRange& dx) {
  const int64_t reach = (s.filter[1] - 1) * s.dilation[1];
  const int64_t begin = -floor_quotient(reach - dx.begin - s.pad_lo[1], s.stride[1]);
  const int64_t end = floor_quotient(dx.end - 1 + s.pad_lo[1], s.stride[1]) + 1;
  return {std::clamp<int64_t>(begin, 0, s.out[1]), std::clamp<int64_t>(end, 0, s.out[1])};
}

int64_t rows_together(const ConvShape& s) {
  return std::clamp<int64_t>(kPixelsTogether / s.out[2], 1, s.out[1]);
}

// Whether sums by taps fill their vectors: see narrow_tile.h.
bool terms_fill_vectors(const ConvShape& s, int lanes) {
  return s.stride == Dims3{1, 1, 1} && narrow_terms(s.in_channels, lanes) * s.in_channels == lanes;
}

const char* overlap_refusal(const ConvShape& s, int lanes) {
  if (s.groups != 1) return "groups";
  if (s.in[0] != 1 || s.filter[0] != 1 || s.out[0] != 1) return "it is not flat";
  if (2 * s.in_channels > lanes) return "the channels fill vectors";
  if (terms_fill_vectors(s, lanes)) return "terms of the sums fill vectors";
  if (2 * pixels_of(s.filter) * s.in_channels < lanes) return "few taps";
  if (s.out_channels < lanes) return "short sums: adding the shares is a large part of the work";
  if (s.out[2] * pixels_of(s.filter) * s.in_channels > kMostShareFloats)
    return "the shares of a row would leave the caches";
  return nullptr;
}

OverlapAdd overlap_geometry(const ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  const int64_t c = s.in_channels;
  const bool joined = s.dilation[2] == 1;
  return {.pixels = s.out[2],
          .pitch = plan.product->shape.ldc,
          .step = s.stride[2] * c,
          .runs = joined ? 1 : s.filter[2],
          .run = joined ? s.filter[2] * c : c,
          .run_step = s.dilation[2] * c,
          .tap = s.filter[2] * c,
          .tap_row = s.dilation[1] * s.in[2] * c,
          .pad = s.pad_lo[2] * c,
          .row = s.in[2] * c};
}

// Adds the shares of row o of dy to the rows `dx` of an image.
void add_row(const ConvPlan& plan, const OverlapAdd& q, const RowRange& dx, int64_t o,
             const float* sums, float* image) {
  const ConvShape& s = plan.shape;
  const int64_t first = o * s.stride[1] - s.pad_lo[1], step = s.dilation[1];
  const int64_t begin = std::max<int64_t>(0, ceil_div(dx.begin - first, step));
  const int64_t end = std::min(s.filter[1], floor_quotient(dx.end - 1 - first, step) + 1);
  if (begin < end) plan.kernels->f32.overlap_add(q, begin, end, sums, image + first * q.row);
}

void add_block(const ConvPlan& plan, const OverlapAdd& q, int64_t index, const float* dy,
               const void* filter, float* dx, std::byte* scratch) {
  const ConvShape& s = plan.shape;
  const int64_t n = index / plan.blocks, block = index % plan.blocks;
  const RowRange rows{first_of(s.in[1], block, plan.blocks),
                      first_of(s.in[1], block + 1, plan.blocks)};
  const RowRange over = rows_over(s, rows);
  const int64_t together = rows_together(s), pixel = s.out[2] * s.out_channels;
  float* const image = dx + n * s.in[1] * q.row;
  auto* const sums = reinterpret_cast<float*>(scratch);
  std::fill(image + rows.begin * q.row, image + rows.end * q.row, 0.0f);
  for (int64_t o = over.begin; o < over.end; o += together) {
    const int64_t top = std::min(o, s.out[1] - together);
    const GemmOperands operands{.a = dy + (n * s.out[1] + top) * pixel, .b = filter, .c = sums};
    gemm_run({}, *plan.product, operands, nullptr, scratch + plan.partial * sizeof(float), 0);
    for (int64_t i = o; i < std::min(o + together, over.end); ++i)
      add_row(plan, q, rows, i, sums + (i - top) * q.pixels * q.pitch, image);
  }
}

}  // namespace

bool prepare_overlap_add(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  if (plan.pass != ConvPass::BackwardData) return false;
  if (const char* reason = overlap_refusal(s, plan.kernels->f32.lanes)) {
    if (prints_dispatch())
      print_refusal("gradient of " + std::to_string(s.in_channels) + " channels", "overlap-add",
                    reason);
    return false;
  }
  const int64_t rows = rows_together(s), columns = pixels_of(s.filter) * s.in_channels;
  const int64_t pitch = ceil_div(columns, 16) * 16;
  plan.product = gemm_prepare({.m = rows * s.out[2],
                               .n = columns,
                               .k = s.out_channels,
                               .trans_b = true,
                               .packed_b = true,
                               .ldc = pitch},
                              DType::F32, {}, plan.isa);
  const int64_t shared_rows = (s.filter[1] - 1) * s.dilation[1] + 1;
  plan.blocks = std::clamp<int64_t>(
      std::min(ceil_div(kOverlapBlocks, s.batch), s.in[1] / (kTimesShared * shared_rows)), 1,
      s.in[1]);
  plan.partial = rows * s.out[2] * pitch;
  plan.scratch.shared =
      static_cast<size_t>(s.out_channels * gemm_packed_columns(*plan.product)) * sizeof(float);
  plan.scratch.per_worker = plan.partial * sizeof(float) + plan.product->scratch.per_worker;
  plan.overlaps = true;
  plan.variant = "overlap-add";
  return true;
}

void run_overlap_add(const Context& ctx, const ConvPlan& plan, const float* dy, const float* filter,
                     float* dx, void* shared, std::byte* worker, size_t stride) noexcept {
  gemm_pack(ctx, *plan.product, filter, shared);
  const OverlapAdd q = overlap_geometry(plan);
  ctx.parallel_for(plan.shape.batch * plan.blocks, 1, [&](int64_t begin, int64_t end, int index) {
    for (int64_t i = begin; i < end; ++i)
      add_block(plan, q, i, dy, shared, dx, worker + static_cast<size_t>(index) * stride);
  });
}

}  // namespace ranvier::kernels
