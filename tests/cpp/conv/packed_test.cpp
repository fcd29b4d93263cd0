// Convolution with packed filters against the definition: every level, borders, strides, dilation.

#include "conv/conv_shapes.h"
#include "kernels/cpu/conv/conv.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

struct Case {
  Case(const ConvShape& shape, std::mt19937& rng)
      : s(shape),
        x(random_values<float>(rng, size_x(s))),
        w(random_values<float>(rng, size_w(s))),
        bias(random_values<float>(rng, s.out_channels)),
        residual(random_values<float>(rng, size_y(s))) {}

  std::vector<float> run(Isa isa, const Context& ctx, Activation close) const {
    const ConvPlan plan = prepare_packed_conv(s, isa);
    const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
    Aligned shared(plan.scratch.shared), worker(stride * ctx.workers);
    const GemmPlan& product = *plan.product;
    Aligned packed(product.shape.k * gemm_packed_columns(product) * sizeof(float));
    gemm_pack(ctx, product, w.data(), packed.data());
    std::vector<float> y(size_y(s), NAN);
    ConvEpilogue epilogue;
    if (close != Activation::None) epilogue = {bias.data(), residual.data(), close};
    run_conv_forward(ctx, plan, x.data(), packed.data(), epilogue, y.data(), shared.data(),
                     worker.data(), stride);
    return y;
  }
  std::vector<float> expected(Activation close) const {
    const bool closed = close != Activation::None;
    std::vector<float> y(size_y(s));
    reference::conv_forward<float>(s, x.data(), w.data(), closed ? bias.data() : nullptr,
                                   closed ? residual.data() : nullptr, close, y.data());
    return y;
  }

  ConvShape s;
  std::vector<float> x, w, bias, residual;
};

void check(const ConvShape& s, std::mt19937& rng) {
  static Threads one(1), two(2), three(3);
  const Case c(s, rng);
  INFO(text(s));
  const double terms = static_cast<double>(product(s.filter) * s.in_channels);
  for (Activation close : {Activation::None, Activation::Relu, Activation::Relu6}) {
    const std::vector<float> want = c.expected(close);
    for (Isa isa : levels()) {
      INFO(name_of(isa));
      const std::vector<float> got = c.run(isa, one.context, close);
      CHECK(largest_difference(got, want) <= 1e-6 * (4 + std::sqrt(terms)));
      CHECK(same_bits(got, c.run(isa, two.context, close)));
      CHECK(same_bits(got, c.run(isa, three.context, close)));
    }
  }
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
  Case c(square(1, 9, 16, 16, 3, 1, 1), rng);
  c.x[0] = NAN;
  for (Isa isa : levels()) {
    const std::vector<float> y = c.run(isa, default_context(), Activation::None);
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
