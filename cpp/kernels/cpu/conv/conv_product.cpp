// Passes of a convolution that are a matrix product: of all pixels, where the filter is one pixel,
// or of patches, the pixels under the taps copied beside each other. The filter of forward may have
// been packed beforehand.

#include <immintrin.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/verbose.h"
#include "kernels/cpu/conv/conv_kernels.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
namespace {

// A filter of fewer outputs stays in the second cache: from this many patches on it is read there.
constexpr int64_t kWideFilter = 256, kManyPatches = 448;
// Floats of patches that stay in the third cache.
constexpr int64_t kMostPatchFloats = 4 << 20;
// Terms of a sum under which the copy of x is a large part of the work.
constexpr int64_t kFewTerms = 128;
// Weights of a tap from which on a product reads them less often.
constexpr int64_t kManyWeights = 1 << 16;
// A filter's gradient is read and written for every block of pixels that is summed in registers:
// beside few pixels for its weights that is much of the work, and a product takes longer blocks.
constexpr int64_t kWeightsPerPixel = 1 << 10, kFewPixels = 128, kWeightsPerFewPixels = 8;
constexpr int64_t kCopied = 32768;  // elements of a chunk of patches

GemmShape patch_product(const ConvShape& s) {
  GemmShape product{.m = s.batch * pixels_of(s.out),
                    .n = s.out_channels,
                    .k = pixels_of(s.filter) * s.in_channels};
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

bool one_pixel(const ConvShape& s) {
  return pixels_of(s.filter) == 1 && s.pad_lo == Dims3{} && s.pad_hi == Dims3{};
}

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

// The output row r of a filter of one pixel. Pixels lie apart, where no prefetcher follows.
void copy_pixel_row(const ConvShape& s, const float* x, int64_t r, int64_t pitch, float* to) {
  constexpr int64_t kAhead = 4, kLine = 16;
  const int64_t c = s.in_channels, step = s.stride[2] * c;
  const int64_t n = r / (s.out[0] * s.out[1]), d = r / s.out[1] % s.out[0], h = r % s.out[1];
  const float* from =
      x + ((n * s.in[0] + d * s.stride[0]) * s.in[1] + h * s.stride[1]) * s.in[2] * c;
  for (int64_t w = 0; w < s.out[2]; ++w, from += step, to += pitch) {
    for (int64_t i = 0; i < c; i += kLine) __builtin_prefetch(from + kAhead * step + i);
    std::copy_n(from, c, to);
  }
}

void copy_patches(const Context& ctx, const ConvShape& s, const float* x, float* patches) {
  const int64_t pitch = patch_product(s).lda;
  if (one_pixel(s)) {
    ctx.parallel_for(s.batch * s.out[0] * s.out[1],
                     std::max<int64_t>(1, kCopied / (s.out[2] * pitch)),
                     [&](int64_t begin, int64_t end, int) {
                       for (int64_t r = begin; r < end; ++r)
                         copy_pixel_row(s, x, r, pitch, patches + r * s.out[2] * pitch);
                     });
    return;
  }
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

int64_t patch_floats(const ConvShape& s) { return patch_product(s).m * patch_product(s).lda; }

// The convolution whose patches a pass copies: of x, or for its gradient of dy.
std::optional<ConvShape> patched(ConvPass pass, const ConvShape& s) {
  return pass == ConvPass::BackwardData && !one_pixel(s) ? turned_round(s) : s;
}

void copies_patches(ConvPlan& plan, int64_t floats) {
  plan.scratch.shared = static_cast<size_t>(floats) * sizeof(float);
  plan.patches = true;
  plan.variant = "patches";
}

// Rows a multiple of 4 KB apart fall into the same few sets of the first cache.
bool collide(int64_t pitch) {
  constexpr int64_t kColliding = 4096 / sizeof(float);
  return pitch % kColliding == 0;
}
bool collides(const ConvShape& s) {
  return collide(s.stride[2] * s.in_channels) || collide(s.out_channels);
}

// Whether images leave the second cache by far and meet a filter that stays there: sums by taps
// fetch the next pixels while they sum.
bool streams(const ConvShape& s) {
  constexpr int64_t kStreamedFloats = 3 << 20, kResidentWeights = 1 << 17, kFewChannels = 16;
  const int64_t c = s.in_channels, f = s.out_channels;
  return s.batch * pixels_of(s.out) * (c + f) > kStreamedFloats && c * f <= kResidentWeights &&
         std::min(c, f) >= kFewChannels;
}

// Whether a pass over pixels writes more than it reads: a product writes whole rows of results,
// sums by taps a panel of them at a time.
bool widens(ConvPass pass, const ConvShape& s) {
  constexpr int64_t kFewestTerms = 64;
  const bool forward = pass == ConvPass::Forward;
  const int64_t terms = forward ? s.in_channels : s.out_channels;
  return terms >= kFewestTerms && terms < (forward ? s.out_channels : s.in_channels);
}

// Whether the gradient of a filter is better summed where x and dy lie than as a product: not where
// few lines of the first cache hold their pixels, which tiles read again; patches of larger filters
// cost more. The tiles of 32 registers compute long enough on each pixel that in a first cache of
// 12 ways one of both may; in one of 8 ways (32 KB) a product is 3 to 35 % faster on a Zen 4.
bool sums_in_place(const ConvShape& s, Isa isa) {
  constexpr int kManyWays = 48 << 10;
  const int64_t few_lines = one_pixel(s) ? 16 : 12;
  const auto collides_in_l1 = [few_lines](int64_t pitch) {
    return l1_lines_at(pitch * int64_t{sizeof(float)}) <= few_lines;
  };
  const int64_t pixels = s.batch * pixels_of(s.out);
  const bool bears_one = isa >= Isa::Avx512 && cpu_info().l1_data_bytes >= kManyWays;
  const bool x = collides_in_l1(s.stride[2] * s.in_channels), y = collides_in_l1(s.out_channels);
  const bool slow = bears_one ? x && y : x || y;
  return !slow && s.in_channels * s.out_channels <= kWeightsPerPixel * pixels;
}

// Whether x is copied once, row by row, for pixels that read the filter together, rather than for
// every tap: rows fill tiles, and there are pixels enough.
bool reads_rows(const ConvShape& s) {
  constexpr int64_t kShortRow = 4, kTogether = 192;
  return s.out[2] > kShortRow && s.batch * pixels_of(s.out) >= kTogether && !collides(s);
}

// Why a pass is not computed of patches; nullptr where it pays.
const char* patches_refusal(ConvPass pass, const ConvShape& s, Isa isa) {
  constexpr int64_t kFewColumns = 14, kVeryFewColumns = 7;
  if (s.groups != 1) return "groups";
  if (s.in_channels * s.out_channels < kManyWeights) return "few weights: they stay in cache";
  if (pass == ConvPass::BackwardFilter && sums_in_place(s, isa))
    return "x is read for all taps and tiles as it lies";
  if (is_pointwise(s) && streams(s)) return "pixels are patches, and read from memory as they lie";
  const auto source = patched(pass, s);
  if (!source) return "x was strided or cropped";
  if (patch_floats(*source) > kMostPatchFloats) return "the patches would leave the caches";
  if (one_pixel(s)) return nullptr;
  if (s.out[2] > kFewColumns) return "rows of outputs are long enough for tiles";
  if (pass == ConvPass::BackwardFilter && s.stride[2] == 1 &&
      (s.out[2] > kVeryFewColumns || !collides(s)))
    return "rows are read for several taps as they lie";
  if (pass != ConvPass::BackwardFilter && reads_rows(*source))
    return "a copy of rows serves all taps of many pixels";
  return nullptr;
}

// Runs of dx: past the caches where it leaves them and runs are whole lines.
class SpreadRuns {
 public:
  explicit SpreadRuns(const ConvPlan& plan) : rows_(plan.kernels->f32) {
    constexpr int64_t kLine = 16;
    const ConvShape& s = plan.shape;
    const int64_t floats = s.batch * pixels_of(s.in) * s.in_channels;
    streamed_ = s.in_channels % kLine == 0 && leaves_caches(floats * sizeof(float));
  }
  ~SpreadRuns() {
    if (streamed_) _mm_sfence();
  }
  void copy(const float* from, int64_t n, float* to) const {
    streamed_ ? rows_.stream_run(from, n, to) : void(std::copy_n(from, n, to));
  }
  void clear(float* to, int64_t n) const {
    streamed_ ? rows_.stream_run(nullptr, n, to) : void(std::fill_n(to, n, 0.0f));
  }

 private:
  const ConvRows<float>& rows_;
  bool streamed_;
};

// Row r of dx: the pixels that a filter of one pixel met, in order in `met`, zeros between them.
void spread_row(const ConvShape& s, const SpreadRuns& runs, int64_t r, const float* met,
                float* dx) {
  const int64_t c = s.in_channels, width = s.in[2];
  const auto hit = [&s](int axis, int64_t i) {
    return i % s.stride[axis] == 0 && i / s.stride[axis] < s.out[axis];
  };
  const int64_t n = r / (s.in[0] * s.in[1]), d = r / s.in[1] % s.in[0], h = r % s.in[1];
  float* to = dx + r * width * c;
  if (!hit(0, d) || !hit(1, h)) return runs.clear(to, width * c);
  const int64_t row = (n * s.out[0] + d / s.stride[0]) * s.out[1] + h / s.stride[1];
  const float* from = met + row * s.out[2] * c;
  for (int64_t w = 0; w < width; ++w, to += c) {
    if (hit(2, w))
      runs.copy(from + w / s.stride[2] * c, c, to);
    else
      runs.clear(to, c);
  }
}

void spread_pixels(const Context& ctx, const ConvPlan& plan, const float* met, float* dx) {
  const ConvShape& s = plan.shape;
  ctx.parallel_for(s.batch * s.in[0] * s.in[1],
                   std::max<int64_t>(1, kCopied / (s.in[2] * s.in_channels)),
                   [&](int64_t begin, int64_t end, int) {
                     const SpreadRuns runs(plan);
                     for (int64_t r = begin; r < end; ++r) spread_row(s, runs, r, met, dx);
                   });
}

}  // namespace

bool is_pointwise(const ConvShape& s) {
  constexpr Dims3 kOne{1, 1, 1};
  return s.groups == 1 && s.filter == kOne && s.stride == kOne && s.pad_lo == Dims3{} &&
         s.pad_hi == Dims3{};
}

std::optional<GemmShape> conv_product(ConvPass pass, const ConvShape& s, DType dtype, Isa isa) {
  if (!is_pointwise(s)) return {};
  const int64_t pixels = s.batch * pixels_of(s.out), c = s.in_channels, f = s.out_channels;
  const bool other_ways = dtype != DType::BF16;  // than by float32 copies of the operands
  if (other_ways && pass != ConvPass::BackwardFilter && streams(s) && !widens(pass, s)) return {};
  switch (pass) {
    case ConvPass::Forward:
      return GemmShape{.m = pixels, .n = f, .k = c};
    case ConvPass::BackwardData:
      return GemmShape{.m = pixels, .n = c, .k = f, .trans_b = true};
    case ConvPass::BackwardFilter:
      if (c * f < std::min(kManyWeights, kWeightsPerFewPixels * pixels)) return {};
      if (other_ways && pixels >= kFewPixels && sums_in_place(s, isa)) return {};
      return GemmShape{.m = c, .n = f, .k = pixels, .trans_a = true};
  }
  return {};
}

const char* conv_panels_refusal(const ConvShape& s, DType dtype) {
  if (dtype != DType::F32) return "it is for float32 only";
  if (s.groups != 1) return "groups";
  if (is_pointwise(s)) return "pixels are patches: their product is without a copy";
  const GemmShape product = patch_product(s);
  if (product.m < 2 || product.n < 2) return "one operand is a vector: nothing is read twice";
  if (product.n < kWideFilter && product.m >= kManyPatches)
    return "many patches: a filter of few outputs stays in cache as it lies";
  if (patch_floats(s) > kMostPatchFloats) return "the patches would leave the caches";
  if (product.k < kFewTerms) return "few terms: copying x is a large part of the work";
  return nullptr;
}

ConvPlan prepare_packed_conv(const ConvShape& shape, Isa isa) {
  RV_CHECK(shape.groups == 1);
  ConvPlan plan = plan_of(ConvPass::Forward, shape, DType::F32, isa);
  GemmShape product = patch_product(shape);
  product.packed_b = true;
  prepare_product(plan, product);
  copies_patches(plan, patch_floats(shape));
  return plan;
}

void prepare_product(ConvPlan& plan, const GemmShape& shape) {
  plan.product = gemm_prepare(shape, plan.dtype, {}, plan.isa);
  plan.scratch = plan.product->scratch;
  plan.variant = "product";
}

bool prepare_patches(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  if (const char* reason = patches_refusal(plan.pass, s, plan.isa)) {
    if (prints_dispatch()) print_refusal(conv_text(s), "patches", reason);
    return false;
  }
  const GemmShape patches = patch_product(*patched(plan.pass, s));
  GemmShape product = patches;
  int64_t floats = patches.m * patches.lda;
  if (plan.pass == ConvPass::BackwardFilter) {
    product = {.m = patches.k, .n = patches.n, .k = patches.m, .trans_a = true, .lda = patches.lda};
  } else if (plan.pass == ConvPass::BackwardData && one_pixel(s)) {
    product = {.m = patches.m, .n = s.in_channels, .k = s.out_channels, .trans_b = true};
    floats = product.m * product.n;  // of dx, before it is spread
  } else if (plan.pass == ConvPass::BackwardData) {
    floats += product.k * product.n;  // the filter turned round
  }
  prepare_product(plan, product);
  copies_patches(plan, floats);
  return true;
}

namespace {

// x as the plan's product reads it: as it lies, or its patches in `shared`.
const float* operand(const Context& ctx, const ConvPlan& plan, const float* x, void* shared) {
  if (!plan.patches) return x;
  auto* patches = static_cast<float*>(shared);
  copy_patches(ctx, plan.shape, x, patches);
  return patches;
}

}  // namespace

void run_product(const Context& ctx, const ConvPlan& plan, const float* x, const float* filter,
                 const ConvEpilogue& e, float* y, void* shared, std::byte* worker,
                 size_t stride) noexcept {
  GemmPlan product = *plan.product;
  product.epilogue.bias = e.bias != nullptr;
  product.epilogue.residual = e.residual != nullptr;
  product.epilogue.activation = e.activation;
  const GemmOperands operands{.a = operand(ctx, plan, x, shared),
                              .b = filter,
                              .c = y,
                              .bias = e.bias,
                              .residual = e.residual};
  gemm_run(ctx, product, operands, shared, worker, stride);
}

void run_data_product(const Context& ctx, const ConvPlan& plan, const float* dy,
                      const float* filter, float* dx, void* shared, std::byte* worker,
                      size_t stride) noexcept {
  auto* scratch = static_cast<float*>(shared);
  const auto multiply = [&](const float* a, const float* b, float* c) {
    gemm_run(ctx, *plan.product, {.a = a, .b = b, .c = c}, nullptr, worker, stride);
  };
  if (!plan.patches) return multiply(dy, filter, dx);
  if (one_pixel(plan.shape)) {
    multiply(dy, filter, scratch);
    return spread_pixels(ctx, plan, scratch, dx);
  }
  const ConvShape turned = *turned_round(plan.shape);
  float* const patches = scratch + plan.product->shape.k * plan.product->shape.n;
  pack_data_filter(ctx, plan, filter, scratch);
  copy_patches(ctx, turned, dy, patches);
  multiply(patches, scratch, dx);
}

void run_filter_product(const Context& ctx, const ConvPlan& plan, const float* x, const float* dy,
                        float* dw, void* shared, std::byte* worker, size_t stride) noexcept {
  const GemmOperands operands{.a = operand(ctx, plan, x, shared), .b = dy, .c = dw};
  gemm_run(ctx, *plan.product, operands, nullptr, worker, stride);
}

}  // namespace ranvier::kernels
