// A 1×1 convolution and the depthwise one behind it as one step: the bits of two steps.

#include "conv/conv_shapes.h"
#include "kernels/cpu/conv/conv_pair.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

struct Pair {
  ConvShape first, second;
};

Pair pair(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t channels,
          int64_t filter, int64_t stride, int64_t pad, int64_t dilation = 1) {
  Pair p;
  p.first.batch = p.second.batch = batch;
  p.first.in_channels = in, p.first.out_channels = channels;
  p.first.in = p.second.in = {1, height, width};
  p.second.in_channels = p.second.out_channels = p.second.groups = channels;
  p.second.filter = {1, filter, filter}, p.second.stride = {1, stride, stride};
  p.second.dilation = {1, dilation, dilation};
  p.second.pad_lo = p.second.pad_hi = {0, pad, pad};
  set_output(p.first), set_output(p.second);
  return p;
}

struct Case {
  Case(const Pair& pair, std::mt19937& rng)
      : p(pair),
        x(random_values<float>(rng, size_x(p.first))),
        w1(random_values<float>(rng, size_w(p.first))),
        w2(random_values<float>(rng, size_w(p.second))),
        bias1(random_values<float>(rng, p.first.out_channels)),
        bias2(random_values<float>(rng, p.second.out_channels)),
        residual(random_values<float>(rng, size_y(p.second))) {}

  ConvEpilogue first(bool closed) const {
    return closed ? ConvEpilogue{bias1.data(), nullptr, Activation::Relu6} : ConvEpilogue{};
  }
  ConvEpilogue second(bool closed) const {
    return closed ? ConvEpilogue{bias2.data(), residual.data(), Activation::Relu} : ConvEpilogue{};
  }
  std::vector<float> run(Isa isa, const Context& ctx, bool closed) const {
    const ConvPairPlan plan = prepare_conv_pair(p.first, p.second, isa);
    const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
    Aligned worker(stride * ctx.workers);
    std::vector<float> y(size_y(p.second), NAN);
    run_conv_pair(ctx, plan,
                  {x.data(), w1.data(), first(closed), w2.data(), second(closed), y.data()},
                  worker.data(), stride);
    return y;
  }
  std::vector<float> in_two_steps(Isa isa, bool closed) const {
    const auto step = [&](const ConvShape& s, const float* from, const float* w,
                          const ConvEpilogue& e) {
      const ConvPlan plan = prepare_conv(ConvPass::Forward, s, DType::F32, isa);
      Aligned shared(plan.scratch.shared), worker(plan.scratch.per_worker);
      std::vector<float> to(size_y(s), NAN);
      run_conv_forward({}, plan, from, w, e, to.data(), shared.data(), worker.data(), 0);
      return to;
    };
    const std::vector<float> t = step(p.first, x.data(), w1.data(), first(closed));
    return step(p.second, t.data(), w2.data(), second(closed));
  }

  Pair p;
  std::vector<float> x, w1, w2, bias1, bias2, residual;
};

void check(const Pair& p, std::mt19937& rng) {
  static Threads one(1), two(2), three(3);
  const Case c(p, rng);
  INFO(text(p.second));
  for (bool closed : {false, true})
    for (Isa isa : levels()) {
      INFO(name_of(isa));
      const std::vector<float> want = c.in_two_steps(isa, closed);
      CHECK(same_bits(c.run(isa, one.context, closed), want));
      CHECK(same_bits(c.run(isa, two.context, closed), want));
      CHECK(same_bits(c.run(isa, three.context, closed), want));
    }
}

}  // namespace

TEST_CASE("a window that holds an image") {
  std::mt19937 rng(1);
  check(pair(1, 7, 5, 3, 19, 3, 1, 1), rng);
  check(pair(3, 9, 8, 70, 48, 3, 2, 1), rng);
  check(pair(2, 6, 11, 200, 33, 5, 1, 2), rng);
  check(pair(2, 12, 6, 16, 16, 3, 1, 0, 2), rng);
  check(pair(0, 7, 5, 3, 19, 3, 1, 1), rng);
}

TEST_CASE("a window that moves, and borders") {
  std::mt19937 rng(2);
  CHECK(prepare_conv_pair(pair(1, 61, 57, 8, 96, 3, 1, 1).first,
                          pair(1, 61, 57, 8, 96, 3, 1, 1).second)
            .rows < 30);
  check(pair(1, 61, 57, 8, 96, 3, 1, 1), rng);
  check(pair(2, 60, 50, 70, 100, 3, 2, 1), rng);
  check(pair(1, 47, 64, 8, 130, 5, 1, 0), rng);
  check(pair(1, 40, 64, 8, 130, 3, 3, 4), rng);    // rows of zeros alone
  check(pair(1, 90, 64, 8, 130, 2, 5, 0), rng);    // rows of t that nobody reads
  check(pair(1, 9, 700, 4, 100, 5, 1, 2), rng);    // a row above a strip's pixels
  check(pair(1, 3000, 1, 50, 150, 3, 1, 1), rng);  // of one pixel
  check(pair(1, 1501, 3, 256, 132, 3, 2, 1), rng);
}

TEST_CASE("refusals name their reason") {
  const auto refused = [](const Pair& p, DType dtype, const char* reason) {
    const char* refusal = conv_pair_refusal(p.first, p.second, dtype);
    REQUIRE(refusal != nullptr);
    CHECK(std::string(refusal).find(reason) != std::string::npos);
  };
  Pair p = pair(1, 112, 112, 16, 96, 3, 2, 1);
  CHECK(conv_pair_refusal(p.first, p.second, DType::F32) == nullptr);
  refused(p, DType::F64, "float32");
  p.first.stride = {1, 2, 2};
  refused(p, DType::F32, "1x1");
  refused(pair(1, 14, 14, 16, 96, 3, 1, 1), DType::F32, "stays in the second cache");
  refused(pair(1, 28, 28, 64, 800, 3, 1, 1), DType::F32, "a few rows");
  refused(pair(1, 112, 112, 300, 96, 3, 2, 1), DType::F32, "many terms");
}
