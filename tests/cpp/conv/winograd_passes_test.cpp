// F(2×2, 3×3) as a variant of all three passes, against the definition and against exact sums.

#include "conv/conv_case.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

ConvShape image(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out,
                int64_t pad_lo, int64_t pad_hi) {
  ConvShape s = square(batch, height, 3, 1, pad_lo, in, out);
  s.in[2] = width, s.pad_hi = {0, pad_hi, pad_hi};
  set_output(s);
  return s;
}

std::string variants(const ConvShape& s, DType dtype = DType::F32) {
  std::string names;
  for (ConvPass pass : kPasses) names += std::string(prepare_conv(pass, s, dtype).variant) + ' ';
  return names;
}

bool filtered(const ConvShape& s, ConvPass pass) {
  return std::string(prepare_conv(pass, s, DType::F32).variant).starts_with("winograd 2x2");
}

void check(const ConvShape& s, std::mt19937& rng) {
  for (ConvPass pass : kPasses) CHECK(filtered(s, pass));
  check_shape<float>(s, rng);
}

}  // namespace

TEST_CASE("borders, odd sizes and channels beyond whole vectors") {
  std::mt19937 rng(1);
  check(image(4, 13, 21, 32, 33, 1, 1), rng);
  check(image(3, 17, 18, 47, 70, 0, 0), rng);
  check(image(9, 12, 9, 33, 40, 2, 2), rng);
  check(image(12, 11, 10, 40, 32, 0, 2), rng);
  check(image(9, 11, 10, 32, 40, 2, 1), rng);
  check(image(20, 1, 30, 32, 32, 1, 1), rng);  // no tile has a second row
  for (int i = 0; i < 6; ++i)
    check(image(pick(rng, 8, 9), pick(rng, 13, 17), pick(rng, 13, 17), pick(rng, 32, 72),
                pick(rng, 32, 72), pick(rng, 1, 2), pick(rng, 1, 2)),
          rng);
}

TEST_CASE("every way to cut the tiles") {
  std::mt19937 rng(2);
  const ConvShape sliced = image(4, 60, 60, 32, 32, 1, 1);
  const ConvShape staged = image(2, 14, 15, 128, 96, 1, 1);
  const ConvShape banded = image(3, 20, 22, 32, 992, 1, 1);
  CHECK(variants(sliced) == "winograd 2x2 winograd 2x2 winograd 2x2 ");
  CHECK(variants(staged) == "winograd 2x2, staged winograd 2x2, staged winograd 2x2, staged ");
  CHECK(variants(banded).ends_with("winograd 2x2, staged "));
  const WinogradPlan bands = prepare_winograd_gradient(banded, active_isa());
  CHECK(bands.staged);
  CHECK(bands.blocks > 1);
  const WinogradPlan slices = prepare_winograd_gradient(sliced, active_isa());
  CHECK(slices.slices > 2);
  CHECK(slices.blocks > 1);
  for (const ConvShape& s : {sliced, staged, banded}) check(s, rng);
}

TEST_CASE("sums of small integers are exact") {
  std::mt19937 rng(3);
  Problem<float> p(image(6, 14, 13, 36, 35, 1, 1), rng);
  for (std::vector<float>* values : {&p.x, &p.w, &p.dy})
    for (float& v : *values) v = std::round(3 * v);
  for (ConvPass pass : kPasses) {
    REQUIRE(filtered(p.s, pass));
    CHECK(same_bits(run(p, pass, active_isa(), default_context()), expected(p, pass)));
  }
}

TEST_CASE("the epilogue, and a NaN in one image") {
  std::mt19937 rng(4);
  Problem<float> p(image(5, 14, 14, 40, 36, 1, 1), rng);
  for (Isa isa : levels())
    for (Close close : {Close::All, Close::Capped})
      CHECK(largest_difference(run(p, ConvPass::Forward, isa, default_context(), close),
                               expected(p, ConvPass::Forward, close)) <=
            tolerance<float>(p.s, ConvPass::Forward));
  p.x[0] = NAN;
  const std::vector<float> y = run(p, ConvPass::Forward, active_isa(), default_context());
  CHECK(std::isnan(y[0]));
  CHECK(std::none_of(y.begin() + size_y(p.s) / 5, y.end(), [](float v) { return std::isnan(v); }));
}

TEST_CASE("what is left to the other variants") {
  const ConvShape s = image(5, 16, 16, 32, 32, 1, 1);
  const auto refused = [](ConvShape shape) {
    set_output(shape);
    for (ConvPass pass : kPasses)
      if (filtered(shape, pass)) return false;
    return true;
  };
  CHECK_FALSE(refused(s));
  CHECK(variants(s, DType::F64).find("winograd") == std::string::npos);
  ConvShape other = s;
  other.stride = {1, 2, 1};
  CHECK(refused(other));
  other = s, other.dilation = {1, 1, 2};
  CHECK(refused(other));
  other = s, other.groups = 2;
  CHECK(refused(other));
  other = s, other.filter = {1, 3, 5};
  CHECK(refused(other));
  other = s, other.in_channels = 31;
  CHECK(refused(other));
  other = s, other.in = {1, 6, 6};  // few tiles
  CHECK(refused(other));
  other = s, other.in = {1, 14, 14};  // little work
  CHECK(refused(other));
  other = s, other.pad_lo = {0, 3, 1};  // the turned filter would begin within dy
  set_output(other);
  CHECK(filtered(other, ConvPass::Forward));
  CHECK_FALSE(filtered(other, ConvPass::BackwardData));
}
