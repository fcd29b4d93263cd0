#include "kernels/cpu/conv/conv_pair.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/conv/conv_cut.h"

namespace ranvier::kernels {
namespace {

// What the first convolution makes leaves the second cache.
constexpr int64_t kLargeFloats = (3 << 19) / sizeof(float);
// Rows of it that stay there, beside the operands.
constexpr int64_t kWindowFloats = (448 << 10) / sizeof(float);
// Pixels of a product that are many beside its call.
constexpr int64_t kStripPixels = 448;
// Output rows that a worker takes together, at the least.
constexpr int64_t kTogether = 4;
// More terms may be summed in blocks, whose cut depends on the number of pixels.
constexpr int64_t kMostTerms = 256;

int64_t row_floats(const ConvShape& second) { return second.in[2] * second.in_channels; }
// Rows of t from the first tap to the last one.
int64_t reach(const ConvShape& second) { return (second.filter[1] - 1) * second.dilation[1] + 1; }

// Rows of t under output row r: [first, end).
struct Under {
  int64_t first, end;
};
Under under(const ConvShape& s, int64_t r) {
  const int64_t start = r * s.stride[1] - s.pad_lo[1];
  return {std::clamp<int64_t>(start, 0, s.in[1]),
          std::clamp<int64_t>(start + reach(s), 0, s.in[1])};
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
  if (second.batch * second.in[1] * row_floats(second) < kLargeFloats)
    return "what the first makes stays in the second cache";
  if (2 * reach(second) * row_floats(second) > kWindowFloats)
    return "a few rows of what the first makes fill the second cache";
  return nullptr;
}

ConvPairPlan prepare_conv_pair(const ConvShape& first, const ConvShape& second, Isa isa) {
  RV_CHECK(first.batch == second.batch && first.out == second.in &&
           first.out_channels == second.in_channels);
  ConvPairPlan plan;
  plan.second = prepare_conv(ConvPass::Forward, second, DType::F32, isa);
  const int64_t row = row_floats(second);
  plan.rows = std::min(second.in[1], std::max(kWindowFloats / row, reach(second)));
  const auto product = [&](int64_t rows) {
    ConvShape part = first;
    part.batch = 1;
    part.in = part.out = {1, rows, second.in[2]};
    return prepare_conv(ConvPass::Forward, part, DType::F32, isa);
  };
  // Equal strips fill what a full window has moved on.
  const int64_t kept = std::max<int64_t>(0, reach(second) - second.stride[1]);
  const int64_t moved = std::max<int64_t>(1, plan.rows - kept);
  plan.row = product(1);
  plan.strip = product(moved / ceil_div(moved, ceil_div(kStripPixels, second.in[2])));
  plan.window_bytes = static_cast<size_t>((plan.rows * row * 4 + 63) / 64 * 64);
  plan.scratch.per_worker =
      plan.window_bytes + std::max(plan.row.scratch.per_worker, plan.strip.scratch.per_worker);
  const Cost one = prepare_conv(ConvPass::Forward, first, DType::F32, isa).cost;
  plan.cost = {one.flops + plan.second.cost.flops, one.bytes + plan.second.cost.bytes};
  const double t = static_cast<double>(second.batch * second.in[1] * row);
  plan.cost.bytes -= 2 * sizeof(float) * t;  // neither written nor read
  return plan;
}

namespace {

// Rows [first, next) of an image's t, which lie in a worker's scratch.
class Window {
 public:
  Window(const ConvPairPlan& plan, const ConvPairOperands& operands, int64_t image,
         std::byte* scratch)
      : plan_(plan),
        o_(operands),
        x_(o_.x + image * plan.second.shape.in[1] * x_row()),
        t_(reinterpret_cast<float*>(scratch)),
        scratch_(scratch + plan.window_bytes) {}

  const float* data() const { return t_; }
  int64_t first() const { return first_; }
  int64_t next() const { return next_; }

  // Forgets the rows before `first`.
  void begin_at(int64_t first) {
    const int64_t row = row_floats(plan_.second.shape), kept = std::max<int64_t>(next_ - first, 0);
    if (kept > 0 && first > first_)
      std::memmove(t_, t_ + (first - first_) * row, static_cast<size_t>(kept * row) * 4);
    first_ = first, next_ = first + kept;
  }
  // Computes as many of the rows before `end` as there is room for.
  void fill(int64_t end) {
    end = std::min(end, first_ + plan_.rows);
    while (next_ < end) {
      const bool whole = end - next_ >= plan_.strip.shape.in[1];
      const ConvPlan& product = whole ? plan_.strip : plan_.row;
      run_conv_forward({}, product, x_ + next_ * x_row(), o_.first_filter, o_.first,
                       t_ + (next_ - first_) * row_floats(plan_.second.shape), nullptr, scratch_,
                       0);
      next_ += product.shape.in[1];
    }
  }

 private:
  int64_t x_row() const { return plan_.row.shape.in[2] * plan_.row.shape.in_channels; }

  const ConvPairPlan& plan_;
  const ConvPairOperands& o_;
  const float* x_;
  float* t_;
  std::byte* scratch_;
  int64_t first_ = 0, next_ = 0;
};

// Output rows [r, end) of an image, which the window holds all rows of t for.
void run_second(const ConvPairPlan& plan, const ConvPairOperands& o, int64_t image, int64_t r,
                int64_t end, const Window& window) {
  const ConvShape& s = plan.second.shape;
  Correlation q = depthwise_correlation(s);
  const int64_t at = image * q.out_image + r * q.out_pitch[1];
  q.batch = 1, q.in[1] = window.next() - window.first(), q.out[1] = end - r;
  q.pad[1] = window.first() - (r * s.stride[1] - s.pad_lo[1]);
  ConvEpilogue e = o.second;
  if (e.residual) e.residual = static_cast<const float*>(e.residual) + at;
  plan.second.kernels->f32.depthwise(q, 0, end - r, window.data(), o.second_filter, e, o.y + at);
}

// Output rows [r, last) of an image.
void run_rows(const ConvPairPlan& plan, const ConvPairOperands& o, int64_t image, int64_t r,
              int64_t last, std::byte* scratch) noexcept {
  const ConvShape& s = plan.second.shape;
  Window window(plan, o, image, scratch);
  while (r < last) {
    window.begin_at(under(s, r).first);
    window.fill(under(s, last - 1).end);
    int64_t end = r + 1;
    while (end < last && under(s, end).end <= window.next()) ++end;
    run_second(plan, o, image, r, end, window);
    r = end;
  }
}

}  // namespace

void run_conv_pair(const Context& ctx, const ConvPairPlan& plan, const ConvPairOperands& operands,
                   std::byte* worker, size_t stride) noexcept {
  const int64_t rows = plan.second.shape.out[1], groups = ceil_div(rows, kTogether);
  ctx.parallel_shares(plan.second.shape.batch * groups, [&](int64_t begin, int64_t end, int index) {
    while (begin < end) {
      const int64_t image = begin / groups, first = begin % groups;
      const int64_t last = std::min(groups, first + end - begin);
      run_rows(plan, operands, image, first * kTogether, std::min(rows, last * kTogether),
               worker + static_cast<size_t>(index) * stride);
      begin += last - first;
    }
  });
}

}  // namespace ranvier::kernels
