// Convolutions that are a matrix product: all pixels times a filter of one pixel, or the patches of
// x under the taps, copied beside each other, times a filter that was packed beforehand.

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {
namespace {

// A filter of fewer outputs stays in the second cache: from this many patches on it is read there.
constexpr int64_t kWideFilter = 256, kManyPatches = 448;
// Floats of patches that stay in the third cache.
constexpr int64_t kMostPatchFloats = 4 << 20;
// Terms of a sum under which the copy of x is a large part of the work.
constexpr int64_t kFewTerms = 128;
constexpr int64_t kCopied = 32768;  // elements of a chunk of patches

int64_t pixels_of(const Dims3& d) { return d[0] * d[1] * d[2]; }

GemmShape patch_product(const ConvShape& s) {
  GemmShape product{.m = s.batch * pixels_of(s.out),
                    .n = s.out_channels,
                    .k = pixels_of(s.filter) * s.in_channels,
                    .packed_b = true};
  // An odd number of cache lines: patches begin in different sets of the caches.
  product.lda = ((product.k + 15) / 16 | 1) * 16;
  return product;
}

// Taps [begin, end) of an axis that lie inside x, the first tap at `start`.
struct Taps {
  int64_t begin = 0, end = 0;
  Taps(int64_t start, int64_t step, int64_t taps, int64_t size) {
    if (start < 0) begin = std::min(taps, (-start + step - 1) / step);
    end = size > start ? std::min(taps, (size - start - 1) / step + 1) : 0;
    end = std::max(begin, end);
  }
};

// One row of taps: the pixels of x from `row` on, the first tap at column `start`.
void copy_tap_row(const ConvShape& s, const float* row, int64_t start, float* to) {
  const int64_t c = s.in_channels, taps = s.filter[2], step = s.dilation[2];
  const Taps inside(start, step, taps, s.in[2]);
  std::fill_n(to, inside.begin * c, 0.0f);
  if (step == 1) {
    std::copy_n(row + (start + inside.begin) * c, (inside.end - inside.begin) * c,
                to + inside.begin * c);
  } else {
    for (int64_t t = inside.begin; t < inside.end; ++t)
      std::copy_n(row + (start + t * step) * c, c, to + t * c);
  }
  std::fill_n(to + inside.end * c, (taps - inside.end) * c, 0.0f);
}

// All taps of the output pixel (d, h, w) of an image.
void copy_patch(const ConvShape& s, const float* image, const Dims3& pixel, float* to) {
  Dims3 start;
  for (int a = 0; a < 3; ++a) start[a] = pixel[a] * s.stride[a] - s.pad_lo[a];
  const int64_t length = s.filter[2] * s.in_channels, row = s.in[2] * s.in_channels;
  const Taps deep(start[0], s.dilation[0], s.filter[0], s.in[0]);
  const Taps high(start[1], s.dilation[1], s.filter[1], s.in[1]);
  for (int64_t kd = 0; kd < s.filter[0]; ++kd)
    for (int64_t kh = 0; kh < s.filter[1]; ++kh, to += length) {
      const bool inside = kd >= deep.begin && kd < deep.end && kh >= high.begin && kh < high.end;
      const int64_t d = start[0] + kd * s.dilation[0], h = start[1] + kh * s.dilation[1];
      if (inside)
        copy_tap_row(s, image + (d * s.in[1] + h) * row, start[2], to);
      else
        std::fill_n(to, length, 0.0f);
    }
}

void copy_patches(const Context& ctx, const ConvPlan& plan, const float* x, float* patches) {
  const ConvShape& s = plan.shape;
  const int64_t pitch = plan.product->shape.lda;
  const int64_t image = pixels_of(s.in) * s.in_channels, plane = s.out[1] * s.out[2];
  ctx.parallel_for(s.batch * pixels_of(s.out), std::max<int64_t>(1, kCopied / pitch),
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t i = begin; i < end; ++i) {
                       const int64_t n = i / (s.out[0] * plane), d = i / plane % s.out[0];
                       const Dims3 pixel{d, i / s.out[2] % s.out[1], i % s.out[2]};
                       copy_patch(s, x + n * image, pixel, patches + i * pitch);
                     }
                   });
}

}  // namespace

std::optional<GemmShape> conv_product(const ConvShape& s) {
  constexpr Dims3 kOne{1, 1, 1};
  if (s.groups != 1 || s.filter != kOne || s.stride != kOne || s.pad_lo != Dims3{} ||
      s.pad_hi != Dims3{})
    return {};
  return GemmShape{.m = s.batch * pixels_of(s.out), .n = s.out_channels, .k = s.in_channels};
}

const char* conv_panels_refusal(const ConvShape& s, DType dtype) {
  if (dtype != DType::F32) return "it is for float32 only";
  if (s.groups != 1) return "groups";
  const GemmShape product = patch_product(s);
  if (product.m < 2 || product.n < 2) return "one operand is a vector: nothing is read twice";
  if (product.n < kWideFilter && product.m >= kManyPatches)
    return "many patches: a filter of few outputs stays in cache as it lies";
  if (product.m * product.lda > kMostPatchFloats) return "the patches would leave the caches";
  if (product.k < kFewTerms) return "few terms: copying x is a large part of the work";
  return nullptr;
}

ConvPlan prepare_packed_conv(const ConvShape& shape, Isa isa) {
  RV_CHECK(shape.groups == 1);
  ConvPlan plan = plan_of(ConvPass::Forward, shape, DType::F32, isa);
  plan.product = gemm_prepare(patch_product(shape), DType::F32, {}, isa);
  plan.scratch = plan.product->scratch;
  plan.scratch.shared =
      static_cast<size_t>(plan.product->shape.m * plan.product->shape.lda) * sizeof(float);
  plan.variant = "patches";
  return plan;
}

void prepare_product(ConvPlan& plan, const GemmShape& shape) {
  plan.product = gemm_prepare(shape, DType::F32, {}, plan.isa);
  plan.scratch = plan.product->scratch;
  plan.variant = "product";
}

void run_product(const Context& ctx, const ConvPlan& plan, const float* x, const float* filter,
                 const ConvEpilogue& e, float* y, void* shared, std::byte* worker,
                 size_t stride) noexcept {
  GemmPlan product = *plan.product;
  product.epilogue.bias = e.bias != nullptr;
  product.epilogue.residual = e.residual != nullptr;
  product.epilogue.activation = e.activation;
  if (product.shape.packed_b) {
    auto* patches = static_cast<float*>(shared);
    copy_patches(ctx, plan, x, patches);
    x = patches;
  }
  const GemmOperands operands{.a = x, .b = filter, .c = y, .bias = e.bias, .residual = e.residual};
  gemm_run(ctx, product, operands, shared, worker, stride);
}

}  // namespace ranvier::kernels
