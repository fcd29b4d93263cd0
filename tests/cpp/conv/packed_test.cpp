// Convolution with packed filters against the definition: every level, borders, strides, dilation.

#include "conv/forward_case.h"
#include "kernels/cpu/conv/conv.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

std::vector<float> run(const ForwardCase& c, Isa isa, const Context& ctx, Activation close) {
  const ConvPlan plan = prepare_packed_conv(c.s, isa);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  Aligned shared(plan.scratch.shared), worker(stride * ctx.workers);
  const GemmPlan& product = *plan.product;
  Aligned packed(product.shape.k * gemm_packed_columns(product) * sizeof(float));
  gemm_pack(ctx, product, c.w.data(), packed.data());
  std::vector<float> y(size_y(c.s), NAN);
  run_conv_forward(ctx, plan, c.x.data(), packed.data(), c.epilogue(close), y.data(), shared.data(),
                   worker.data(), stride);
  return y;
}

void check(const ConvShape& s, std::mt19937& rng) {
  const double terms = static_cast<double>(product(s.filter) * s.in_channels);
  check_forward(s, rng, 1e-6 * (4 + std::sqrt(terms)), run);
}

ConvShape square(int64_t batch, int64_t size, int64_t in, int64_t out, int64_t filter,
                 int64_t stride, int64_t pad) {
  ConvShape s;
  s.batch = batch, s.in_channels = in, s.out_channels = out;
  s.in = {1, size, size}, s.filter = {1, filter, filter}, s.stride = {1, stride, stride};
  s.pad_lo = s.pad_hi = {0, pad, pad};
  set_output(s);
  return s;
}

ConvShape random_shape(std::mt19937& rng) {
  ConvShape s;
  s.batch = pick(rng, 1, 3), s.in_channels = pick(rng, 1, 40), s.out_channels = pick(rng, 1, 70);
  for (int i = 0; i < 3; ++i) {
    s.filter[i] = pick(rng, 1, 3), s.stride[i] = pick(rng, 1, 3), s.dilation[i] = pick(rng, 1, 2);
    s.pad_lo[i] = pick(rng, 0, 3), s.pad_hi[i] = pick(rng, 0, 3);
    s.in[i] = pick(rng, (s.filter[i] - 1) * s.dilation[i] + 1, 8);
  }
  set_output(s);
  return s;
}

}  // namespace

TEST_CASE("3x3 and 1x1 filters, strides 1 and 2") {
  std::mt19937 rng(1);
  check(square(1, 7, 96, 130, 3, 1, 1), rng);
  check(square(2, 9, 64, 96, 3, 2, 1), rng);
  check(square(1, 14, 48, 33, 1, 2, 0), rng);
  check(square(1, 5, 300, 64, 3, 1, 1), rng);
}

TEST_CASE("any filter, stride, dilation and padding, windows of zeros alone") {
  std::mt19937 rng(2);
  for (int i = 0; i < 24; ++i) check(random_shape(rng), rng);
  ConvShape s = square(1, 2, 16, 20, 2, 1, 4);
  check(s, rng);
}

TEST_CASE("an empty batch writes nothing, and NaN stays within its windows") {
  std::mt19937 rng(3);
  check(square(0, 7, 16, 16, 3, 1, 1), rng);
  ForwardCase c(square(1, 9, 16, 16, 3, 1, 1), rng);
  c.x[0] = NAN;
  for (Isa isa : levels()) {
    const std::vector<float> y = run(c, isa, default_context(), Activation::None);
    CHECK(std::isnan(y[0]));
    CHECK_FALSE(std::isnan(y[2 * 16]));
    CHECK_FALSE(std::isnan(y.back()));
  }
}

TEST_CASE("refusals name their reason") {
  const auto refused = [](const ConvShape& s, DType dtype, const char* reason) {
    const char* refusal = conv_panels_refusal(s, dtype);
    REQUIRE(refusal != nullptr);
    CHECK(std::string(refusal).find(reason) != std::string::npos);
  };
  ConvShape s = square(1, 7, 256, 256, 3, 1, 1);
  CHECK(conv_panels_refusal(s, DType::F32) == nullptr);
  refused(s, DType::F64, "float32");
  s.groups = 2;
  refused(s, DType::F32, "groups");
  refused(square(1, 56, 64, 64, 3, 2, 1), DType::F32, "many patches");
  refused(square(8, 112, 256, 256, 3, 2, 1), DType::F32, "leave the caches");
  refused(square(1, 7, 8, 256, 3, 1, 1), DType::F32, "few terms");
}
