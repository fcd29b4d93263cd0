#include "kernels/cpu/conv/conv_pair.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/conv/conv_cut.h"

namespace ranvier::kernels {
namespace {

// What the first convolution makes leaves the second cache.
constexpr int64_t kLargeFloats = (3 << 19) / sizeof(float);
// A block of it that stays there, beside the operands.
constexpr int64_t kBlockFloats = (448 << 10) / sizeof(float);
// More terms may be summed in blocks, whose cut depends on the number of pixels.
constexpr int64_t kMostTerms = 256;

// Rows of t that `rows` neighbouring rows of y read.
int64_t rows_under(const ConvShape& s, int64_t rows) {
  return (rows - 1) * s.stride[1] + (s.filter[1] - 1) * s.dilation[1] + 1;
}

// Blocks of an image's output rows, and the rows of t under one of them.
struct Cut {
  int64_t blocks, rows;
};
Cut cut(const ConvShape& s) {
  const int64_t row = s.in[2] * s.in_channels;
  int64_t most = s.out[1];
  while (most > 1 && rows_under(s, most) * row > kBlockFloats) --most;
  const int64_t blocks = ceil_div(s.out[1], most);
  return {blocks, std::min(s.in[1], rows_under(s, ceil_div(s.out[1], blocks)))};
}

}  // namespace

const char* conv_pair_refusal(const ConvShape& first, const ConvShape& second, DType dtype) {
  if (dtype != DType::F32) return "it is for float32 only";
  if (!is_pointwise(first)) return "the first is not 1x1 over all pixels";
  if (second.groups != second.in_channels || second.groups < 2)
    return "the second is not depthwise";
  if (second.out_channels != second.in_channels) return "it multiplies channels";
  if (second.in[0] != 1 || second.filter[0] != 1 || second.out[0] != 1) return "it is not flat";
  if (first.in_channels > kMostTerms) return "the first has many terms: its product sets the pace";
  const int64_t row = second.in[2] * second.in_channels;
  if (second.batch * second.in[1] * row < kLargeFloats)
    return "what the first makes stays in the second cache";
  const auto [blocks, rows] = cut(second);
  if (5 * blocks * rows > 6 * second.in[1]) return "too many rows would be computed twice";
  return nullptr;
}

ConvPairPlan prepare_conv_pair(const ConvShape& first, const ConvShape& second, Isa isa) {
  RV_CHECK(first.batch == second.batch && first.out == second.in &&
           first.out_channels == second.in_channels);
  ConvPairPlan plan;
  plan.second = prepare_conv(ConvPass::Forward, second, DType::F32, isa);
  const int64_t row = second.in[2] * second.in_channels;
  const auto [blocks, rows] = cut(second);
  plan.blocks = blocks, plan.rows = rows;
  ConvShape part = first;
  part.batch = 1;
  part.in = part.out = {1, plan.rows, second.in[2]};
  plan.first = prepare_conv(ConvPass::Forward, part, DType::F32, isa);
  plan.t_bytes = static_cast<size_t>((plan.rows * row * 4 + 63) / 64 * 64);
  plan.scratch.per_worker = plan.t_bytes + plan.first.scratch.per_worker;
  const Cost one = prepare_conv(ConvPass::Forward, first, DType::F32, isa).cost;
  plan.cost = {one.flops + plan.second.cost.flops, one.bytes + plan.second.cost.bytes};
  const double t = static_cast<double>(second.batch * second.in[1] * row);
  plan.cost.bytes -= 2 * sizeof(float) * t;  // neither written nor read
  return plan;
}

namespace {

void run_block(const ConvPairPlan& plan, const ConvPairOperands& o, int64_t image, int64_t block,
               std::byte* scratch) noexcept {
  const ConvShape& s = plan.second.shape;
  const int64_t r0 = s.out[1] * block / plan.blocks, r1 = s.out[1] * (block + 1) / plan.blocks;
  const int64_t start = r0 * s.stride[1] - s.pad_lo[1];
  const int64_t h0 = std::clamp<int64_t>(start, 0, s.in[1] - plan.rows);
  auto* t = reinterpret_cast<float*>(scratch);

  const float* x = o.x + (image * s.in[1] + h0) * s.in[2] * plan.first.shape.in_channels;
  run_conv_forward({}, plan.first, x, o.first_filter, o.first, t, nullptr, scratch + plan.t_bytes,
                   0);

  Correlation q = depthwise_correlation(s);
  const int64_t at = image * q.out_image + r0 * q.out_pitch[1];
  q.batch = 1, q.in[1] = plan.rows, q.out[1] = r1 - r0, q.pad[1] = h0 - start;
  ConvEpilogue e = o.second;
  if (e.residual) e.residual = static_cast<const float*>(e.residual) + at;
  plan.second.kernels->f32.depthwise(q, 0, r1 - r0, t, o.second_filter, e, o.y + at);
}

}  // namespace

void run_conv_pair(const Context& ctx, const ConvPairPlan& plan, const ConvPairOperands& operands,
                   std::byte* worker, size_t stride) noexcept {
  ctx.parallel_for(plan.second.shape.batch * plan.blocks, 1,
                   [&](int64_t begin, int64_t end, int index) {
                     for (int64_t i = begin; i < end; ++i)
                       run_block(plan, operands, i / plan.blocks, i % plan.blocks,
                                 worker + static_cast<size_t>(index) * stride);
                   });
}

}  // namespace ranvier::kernels
