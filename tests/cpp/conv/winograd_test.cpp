// Winograd convolution against the definition: every level, borders, both ways to cut the work.

#include "kernels/cpu/conv/winograd.h"

#include "conv/forward_case.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

ConvShape square(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out,
                 int64_t pad) {
  ConvShape s;
  s.batch = batch, s.in_channels = in, s.out_channels = out;
  s.in = {1, height, width}, s.filter = {1, 3, 3};
  s.pad_lo = s.pad_hi = {0, pad, pad};
  set_output(s);
  return s;
}

template <int M>
std::vector<float> run(const ForwardCase& c, Isa isa, const Context& ctx, Activation close) {
  const ConvShape& s = c.s;
  const WinogradPlan plan = prepare_winograd(M, s, isa);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  Aligned shared(plan.scratch.shared), worker(stride * ctx.workers);
  Aligned packed(plan.filter_floats() * sizeof(float));
  auto* filter = reinterpret_cast<float*>(packed.data());
  run_winograd_filter(ctx, plan, c.w.data(), filter);
  std::vector<float> y(size_y(s), NAN);
  run_winograd(ctx, plan, c.x.data(), filter, c.epilogue(close), y.data(), shared.data(),
               worker.data(), stride);
  return y;
}

void check(const ConvShape& s, std::mt19937& rng) {
  // The outputs' RMS is the root of the number of terms, over 3 for values in (-1, 1).
  const double rms = std::sqrt(9.0 * static_cast<double>(s.in_channels)) / 3;
  check_forward(s, rng, 5e-6 * (1 + rms), run<2>);
  check_forward(s, rng, 5e-5 * (1 + rms), run<4>);
}

}  // namespace

TEST_CASE("whole tiles, cut tiles, borders and channels beyond whole vectors") {
  std::mt19937 rng(1);
  check(square(1, 8, 8, 16, 16, 1), rng);
  check(square(2, 7, 9, 16, 33, 1), rng);
  check(square(1, 6, 6, 19, 40, 0), rng);
  check(square(1, 3, 3, 5, 3, 0), rng);     // one output
  check(square(1, 1, 1, 16, 17, 1), rng);   // the centre of the filter alone
  check(square(3, 5, 13, 32, 64, 3), rng);  // patches that lie outside
  for (int i = 0; i < 8; ++i)
    check(square(pick(rng, 1, 3), pick(rng, 3, 20), pick(rng, 3, 20), pick(rng, 1, 40),
                 pick(rng, 1, 70), pick(rng, 0, 2)),
          rng);
}

TEST_CASE("blocks of tiles in the workers' scratch") {
  std::mt19937 rng(2);
  const ConvShape s = square(6, 64, 64, 16, 24, 1);
  for (const int64_t m : {2, 4}) {
    CHECK_FALSE(prepare_winograd(m, s).staged);
    CHECK(prepare_winograd(m, s).blocks > 3);
  }
  check(s, rng);
}

TEST_CASE("stages over all tiles where filters are large") {
  std::mt19937 rng(3);
  const ConvShape s = square(1, 14, 14, 128, 160, 1);
  for (const int64_t m : {2, 4}) CHECK(prepare_winograd(m, s).staged);
  check(s, rng);
}

TEST_CASE("an empty batch, and NaN stays within its tile") {
  std::mt19937 rng(4);
  check(square(0, 8, 8, 16, 16, 1), rng);
  const ConvShape s = square(1, 12, 12, 16, 16, 1);
  ForwardCase c(s, rng);
  c.x[0] = NAN;
  for (Isa isa : levels()) {
    const std::vector<float> y = run<4>(c, isa, default_context(), Activation::None);
    CHECK(std::isnan(y[0]));
    CHECK_FALSE(std::isnan(y.back()));
  }
}

TEST_CASE("refusals name their reason") {
  ConvShape s = square(2, 8, 8, 32, 32, 1);
  CHECK(winograd_refusal(4, s, DType::F32) == nullptr);
  CHECK(std::string(winograd_refusal(4, s, DType::F64)) == "not float32");
  s.stride = {1, 2, 2};
  CHECK(std::string(winograd_refusal(4, s, DType::F32)) == "strides or dilation");
  s = square(2, 8, 8, 32, 32, 1);
  s.groups = 2;
  CHECK(std::string(winograd_refusal(4, s, DType::F32)) == "groups");
}
