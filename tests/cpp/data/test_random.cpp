#include <algorithm>
#include <numeric>

#include "base/half.h"
#include "kernels/cpu/data/random.h"
#include "kernels/cpu/data/reference.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
namespace ref = ranvier::kernels::reference;

namespace {

constexpr uint32_t kKey[2] = {0x12345678u, 0x9abcdef0u};
constexpr int64_t kSizes[] = {0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000};

template <class T>
std::vector<T> draw(const Context& context, rk::Distribution d, DType dtype, int64_t n, double a,
                    double b) {
  std::vector<T> out(static_cast<size_t>(n));
  rk::run_random(context, d, dtype, kKey, n, out.data(), a, b);
  return out;
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};

template <class T>
Moments moments(const std::vector<T>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (const T v : x) m.mean += v / n;
  double third = 0, fourth = 0;
  for (const T v : x) {
    const double d = v - m.mean;
    m.variance += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.skew = third / std::pow(m.variance, 1.5);
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives the published vectors") {
  const auto check = [](std::vector<uint32_t> key, std::vector<uint32_t> counter,
                        std::vector<uint32_t> want) {
    std::vector<uint32_t> out(4);
    rk::philox(key.data(), counter.data(), out.data());
    CHECK(out == want);
  };
  check({0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint32_t ones = 0xffffffff;
  check({ones, ones}, {ones, ones, ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  check({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("bits of an element depend on key and index alone, at every level") {
  for_each_isa([](Isa isa) {
    const rk::RandomKernels& k = rk::random_kernels(isa);
    for (const int64_t n : kSizes)
      for (const int64_t first : {int64_t{0}, int64_t{64}, int64_t{1} << 40}) {
        std::vector<uint32_t> bits(static_cast<size_t>(n) + 1, 7);
        k.bits(kKey, first, n, bits.data());
        for (int64_t i = 0; i < n; ++i) REQUIRE(bits[i] == ref::random_bits(kKey, first + i));
        CHECK(bits.back() == 7);
      }
  });
}

TEST_CASE("every distribution equals its definition at every level") {
  for_each_isa([](Isa) {
    for (const int64_t n : kSizes) {
      CAPTURE(n);
      std::vector<float> uniform, normal, truncated, coin;
      for (int64_t i = 0; i < n; ++i) {
        uniform.push_back(static_cast<float>(ref::uniform(kKey, i, -1.0, 3.0)));
        normal.push_back(static_cast<float>(1 + 2 * ref::normal(kKey, i)));
        truncated.push_back(static_cast<float>(ref::truncated_normal(kKey, i)));
        coin.push_back(ref::random_bits(kKey, i) < 0.3 * 0x1p32 ? 2.5f : 0.0f);
      }
      const Context context;
      using D = rk::Distribution;
      check_close(draw<float>(context, D::Uniform, DType::F32, n, -1, 3), uniform, 1e-6);
      check_close(draw<float>(context, D::Normal, DType::F32, n, 1, 2), normal, 3e-6);
      check_close(draw<float>(context, D::TruncatedNormal, DType::F32, n, 0, 1), truncated, 3e-6);
      CHECK(draw<float>(context, D::Bernoulli, DType::F32, n, 0.3, 2.5) == coin);
      const auto flags = draw<uint8_t>(context, D::Bernoulli, DType::Bool, n, 0.3, 1);
      for (int64_t i = 0; i < n; ++i) REQUIRE(flags[i] == (coin[i] != 0));
    }
  });
}

TEST_CASE("uniform and Bernoulli have the same bits at every level") {
  std::vector<float> first;
  for_each_isa([&](Isa) {
    const auto x = draw<float>(Context{}, rk::Distribution::Uniform, DType::F32, 777, 0.1, 0.7);
    if (first.empty()) first = x;
    CHECK(same_bits(x, first));
  });
}

TEST_CASE("moments") {
  const int64_t n = 200000;
  const Context& context = default_context();
  using D = rk::Distribution;
  const auto check = [&](const Moments& m, double mean, double variance, double kurtosis) {
    CHECK(std::abs(m.mean - mean) < 4 * std::sqrt(variance / static_cast<double>(n)));
    CHECK(m.variance == doctest::Approx(variance).epsilon(0.015));
    CHECK(std::abs(m.skew) < 0.03);
    CHECK(m.kurtosis == doctest::Approx(kurtosis).epsilon(0.03));
  };
  check(moments(draw<float>(context, D::Uniform, DType::F32, n, 0, 1)), 0.5, 1.0 / 12, 1.8);
  check(moments(draw<double>(context, D::Uniform, DType::F64, n, -2, 2)), 0, 16.0 / 12, 1.8);
  check(moments(draw<float>(context, D::Normal, DType::F32, n, 3, 2)), 3, 4, 3);
  check(moments(draw<double>(context, D::Normal, DType::F64, n, 0, 1)), 0, 1, 3);
  // Variance and kurtosis of a normal cut at two deviations.
  check(moments(draw<float>(context, D::TruncatedNormal, DType::F32, n, 0, 1)), 0, 0.773741, 2.362);
  check(moments(draw<double>(context, D::TruncatedNormal, DType::F64, n, 0, 1)), 0, 0.773741,
        2.362);
}

TEST_CASE("ranges hold: uniform below hi, truncated inside two deviations") {
  const int64_t n = 300000;
  for_each_isa([&](Isa) {
    // Between neighbours only lo itself lies in [lo, hi).
    const float lo = 1.0f, hi = std::nextafter(1.0f, 2.0f);
    for (const float x :
         draw<float>(Context{}, rk::Distribution::Uniform, DType::F32, 1000, lo, hi))
      REQUIRE(x == lo);
    float largest = 0;
    for (const float x :
         draw<float>(Context{}, rk::Distribution::TruncatedNormal, DType::F32, n, 0, 1))
      largest = std::max(largest, std::abs(x));
    CHECK(largest < 2.0f);
    CHECK(largest > 1.999f);
  });
}

TEST_CASE("float64 normals invert the distribution to its digits") {
  const auto x = draw<double>(Context{}, rk::Distribution::Normal, DType::F64, 500, 0, 1);
  for (int64_t i = 0; i < 500; ++i) {
    const int64_t at = i / 64 * 128 + i % 64;
    const uint64_t bits = ref::random_bits(kKey, at) | uint64_t{ref::random_bits(kKey, at + 64)}
                                                           << 32;
    const double v = (static_cast<double>(bits << 1 >> 1) + 0.5) * 0x1p-63;
    const double z = ref::inverse_normal_tail(v);
    REQUIRE(x[i] == doctest::Approx(bits >> 63 ? -z : z).epsilon(1e-12));
  }
}

TEST_CASE("half floats are the rounded float32 draws") {
  const auto f = draw<float>(Context{}, rk::Distribution::Normal, DType::F32, 700, 0, 1);
  const auto h = draw<uint16_t>(Context{}, rk::Distribution::Normal, DType::F16, 700, 0, 1);
  const auto b = draw<uint16_t>(Context{}, rk::Distribution::Normal, DType::BF16, 700, 0, 1);
  for (size_t i = 0; i < f.size(); ++i) {
    REQUIRE(h[i] == f32_to_f16(f[i]));
    REQUIRE(b[i] == f32_to_bf16(f[i]));
  }
}

TEST_CASE("Bernoulli at 0 and 1; dropout keeps what Bernoulli keeps") {
  for_each_isa([](Isa) {
    using D = rk::Distribution;
    CHECK(draw<float>(Context{}, D::Bernoulli, DType::F32, 100, 0.0, 1) ==
          std::vector<float>(100, 0));
    CHECK(draw<float>(Context{}, D::Bernoulli, DType::F32, 100, 1.0, 1) ==
          std::vector<float>(100, 1));
    for (const int64_t n : kSizes)
      for (const double keep : {0.0, 0.25, 0.8, 1.0}) {
        const auto x = numbers<float>(n, 1);
        const auto kept = draw<float>(Context{}, D::Bernoulli, DType::F32, n, keep, 1);
        std::vector<float> y(x);
        std::vector<uint8_t> mask(static_cast<size_t>(n) + 1, 9);
        rk::run_dropout(Context{}, kKey, n, y.data(), mask.data(), y.data(), keep);
        for (int64_t i = 0; i < n; ++i) {
          REQUIRE(mask[i] == (kept[i] != 0));
          REQUIRE(y[i] == (mask[i] ? x[i] * static_cast<float>(1 / keep) : 0.0f));
        }
        CHECK(mask.back() == 9);
      }
  });
}

TEST_CASE("integers: in range, evenly spread, whole ranges") {
  const int64_t n = 60000;
  std::vector<int32_t> x(n);
  rk::run_random_integers(Context{}, DType::I32, kKey, n, x.data(), -3, 3);
  std::vector<int> counts(6);
  for (const int32_t v : x) {
    REQUIRE(v >= -3);
    REQUIRE(v < 3);
    ++counts[v + 3];
  }
  for (const int c : counts) CHECK(std::abs(c - 10000) < 400);
  std::vector<int64_t> wide(1000);
  rk::run_random_integers(Context{}, DType::I64, kKey, 1000, wide.data(), INT64_MIN, INT64_MAX);
  CHECK(*std::min_element(wide.begin(), wide.end()) < INT64_MIN / 2);
  CHECK(*std::max_element(wide.begin(), wide.end()) > INT64_MAX / 2);
}

TEST_CASE("permutation: every index once, another key another order") {
  for (const int64_t n : {0, 1, 2, 33, 5000}) {
    std::vector<int64_t> wide(n), sorted;
    std::vector<int32_t> narrow(n);
    rk::run_permutation(DType::I64, kKey, n, wide.data());
    rk::run_permutation(DType::I32, kKey, n, narrow.data());
    CHECK(std::equal(wide.begin(), wide.end(), narrow.begin(), narrow.end()));
    sorted = wide;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < n; ++i) REQUIRE(sorted[i] == i);
    if (n < 33) continue;
    const uint32_t other[2] = {kKey[0], kKey[1] + 1};
    std::vector<int64_t> second(n);
    rk::run_permutation(DType::I64, other, n, second.data());
    CHECK(second != wide);
    CHECK(wide != sorted);
  }
}

TEST_CASE("categorical draws follow the probabilities") {
  const int64_t draws = 30000;
  const float logits[] = {std::log(0.5f), std::log(0.3f), std::log(0.2f), 0, 0, -100};
  std::vector<int32_t> x(2 * draws);
  rk::run_categorical(Context{}, kKey, 2, 3, draws, x.data(), logits);
  const double want[] = {0.5, 0.3, 0.2, 0.5, 0.5, 0};
  for (int64_t r = 0; r < 2; ++r)
    for (int32_t c = 0; c < 3; ++c) {
      const auto row = x.begin() + r * draws;
      const auto share = static_cast<double>(std::count(row, row + draws, c)) / draws;
      CHECK(std::abs(share - want[r * 3 + c]) < 0.012);
    }
}

TEST_CASE("random arrays: same bits for any number of threads") {
  using D = rk::Distribution;
  for (const D d : {D::Uniform, D::Normal, D::TruncatedNormal, D::Bernoulli}) {
    check_threads([&](const Context& context) {
      return draw<float>(context, d, DType::F32, 100003, 0.5, 1);
    });
    check_threads([&](const Context& context) {
      return draw<double>(context, d, DType::F64, 10003, 0.5, 1);
    });
  }
}
