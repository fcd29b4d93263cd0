// Convolutions of bfloat16 that are matrix products, against the oracle on the same rounded values.

#include "base/half.h"
#include "conv/support.h"
#include "kernels/cpu/conv/conv.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

using Bits = std::vector<uint16_t>;

// Rounds the values to bfloat16 and returns their bits.
Bits round_values(std::vector<float>& values) {
  Bits bits;
  for (float& x : values) {
    bits.push_back(f32_to_bf16(x));
    x = bf16_to_f32(bits.back());
  }
  return bits;
}

using RunPass = decltype(&run_conv_backward_data);

Bits run_pass(RunPass run, ConvPass pass, const ConvShape& shape, const Bits& a, const Bits& b,
              size_t count, int workers) {
  const ConvPlan plan = prepare_conv(pass, shape, DType::BF16, Isa::Avx512Bf16);
  Threads threads(workers);
  Bits result(count, 0x7fc0);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  Aligned scratch(stride * static_cast<size_t>(workers));
  run(threads.context, plan, a.data(), b.data(), result.data(), nullptr, scratch.data(), stride);
  return result;
}

void check_bits(const Bits& got, const std::vector<float>& want) {
  size_t wrong = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double bound = std::abs(static_cast<double>(want[i])) * 0x1.01p-8 + 1e-4;
    wrong += !(std::abs(static_cast<double>(bf16_to_f32(got[i])) - want[i]) <= bound);
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("convolutions of one pixel in bfloat16 are products at the level that has them") {
  const ConvShape shape{.batch = 2,
                        .in_channels = 130,
                        .out_channels = 70,
                        .groups = 1,
                        .in = {1, 5, 7},
                        .out = {1, 5, 7}};
  CHECK_FALSE(conv_supports(ConvPass::Forward, shape, DType::BF16, Isa::Avx512));
  ConvShape wide = shape;
  wide.filter = {1, 3, 3}, wide.pad_lo = wide.pad_hi = {0, 1, 1};
  CHECK_FALSE(conv_supports(ConvPass::Forward, wide, DType::BF16, Isa::Avx512Bf16));
  if (detected_isa() < Isa::Avx512Bf16) return;
  std::mt19937 rng(1);
  std::vector<float> x = random_values<float>(rng, 2 * 35 * 130),
                     w = random_values<float>(rng, 130 * 70),
                     dy = random_values<float>(rng, 2 * 35 * 70);
  const Bits x_bits = round_values(x), w_bits = round_values(w), dy_bits = round_values(dy);
  std::vector<float> y(dy.size()), dx(x.size()), dw(w.size());
  reference::conv_forward<float>(shape, x.data(), w.data(), nullptr, nullptr, Activation::None,
                                 y.data());
  reference::conv_backward_data<float>(shape, dy.data(), w.data(), dx.data());
  reference::conv_backward_filter<float>(shape, x.data(), dy.data(), dw.data());
  const RunPass forward = [](const Context& ctx, const ConvPlan& plan, const void* a, const void* b,
                             void* c, void* shared, std::byte* worker, size_t stride) noexcept {
    run_conv_forward(ctx, plan, a, b, {}, c, shared, worker, stride);
  };
  const auto check = [&](RunPass run, ConvPass pass, const Bits& a, const Bits& b,
                         const std::vector<float>& want) {
    REQUIRE(conv_supports(pass, shape, DType::BF16, Isa::Avx512Bf16));
    const Bits one = run_pass(run, pass, shape, a, b, want.size(), 1);
    check_bits(one, want);
    CHECK(run_pass(run, pass, shape, a, b, want.size(), 3) == one);
  };
  check(forward, ConvPass::Forward, x_bits, w_bits, y);
  check(run_conv_backward_data, ConvPass::BackwardData, dy_bits, w_bits, dx);
  check(run_conv_backward_filter, ConvPass::BackwardFilter, x_bits, dy_bits, dw);
}
