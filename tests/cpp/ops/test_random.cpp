// Random records: pure functions of the seed, with the moments they promise; dropout's gradient.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

struct Moments {
  double mean, variance;
};
Moments moments(const Tensor& t) {
  const Tensor x = ops::cast(t, DType::F64);
  const double n = static_cast<double>(x.size());
  const double mean = value(ops::sum_all(x)) / n;
  const double square = value(ops::sum_all(ops::square(x))) / n;
  return {mean, square - mean * mean};
}

}  // namespace

TEST_CASE("draws repeat with their seed and have the right moments") {
  const Ints shape{64, 1024};
  const auto check = [&](const char* name, Attrs attrs, double mean, double variance) {
    CAPTURE(name);
    attrs.set("shape", shape).set("dtype", DType::F32);
    const Tensor a = run1(name, {seed(1, 2)}, attrs), b = run1(name, {seed(1, 2)}, attrs);
    const Tensor c = run1(name, {seed(1, 3)}, attrs);
    int64_t same = 0, equal = 0;
    for (int64_t i = 0; i < a.size(); ++i) {
      same += a.data_as<float>()[i] == b.data_as<float>()[i];
      equal += a.data_as<float>()[i] == c.data_as<float>()[i];
    }
    CHECK(same == a.size());
    CHECK(equal < a.size() * 9 / 10);
    CHECK(std::abs(moments(a).mean - mean) < 0.02);
    CHECK(std::abs(moments(a).variance - variance) < 0.02);
  };
  check("random_uniform", {{"low", -1.0}, {"high", 1.0}}, 0, 1.0 / 3);
  check("random_normal", {{"mean", 0.5}, {"stddev", 0.5}}, 0.5, 0.25);
  check("random_truncated_normal", {{"mean", 0.0}, {"stddev", 1.0}}, 0, 0.774);
  check("random_bernoulli", {{"p", 0.3}}, 0.3, 0.21);
}

TEST_CASE("integers, permutations and classes stay in range") {
  const Tensor n = run1(
      "random_integers", {seed(5, 6)},
      {{"shape", Ints{4000}}, {"dtype", DType::I32}, {"low", int64_t{-2}}, {"high", int64_t{3}}});
  CHECK(std::abs(moments(n).mean) < 0.1);
  std::vector<int> seen(100, 0);
  const Tensor p =
      run1("random_permutation", {seed(5, 6)}, {{"size", int64_t{100}}, {"dtype", DType::I64}});
  for (int64_t i = 0; i < 100; ++i) ++seen[static_cast<size_t>(p.data_as<int64_t>()[i])];
  CHECK(seen == std::vector<int>(100, 1));
  const Tensor classes =
      run1("random_categorical", {seed(7, 8), f32({1, 3}, {0, 50, 0})}, {{"draws", int64_t{20}}});
  expect_values<int32_t>(classes, {1, 20}, std::vector<int32_t>(20, 1));
}

TEST_CASE("dropout scales what it keeps and lets the same gradients through") {
  for (const DType dtype : {DType::F32, DType::F64}) {
    const Tensor x = ops::cast(values({32, 32}, 1, 2), dtype);
    const Tensors out = run("dropout", {x, seed(1, 9)}, {{"rate", 0.25}});
    const Tensor y = ops::cast(out[0], DType::F64), wide = ops::cast(x, DType::F64);
    int64_t kept = 0;
    for (int64_t i = 0; i < x.size(); ++i) {
      const double expected = out[1].data_as<bool>()[i] ? wide.data_as<double>()[i] / 0.75 : 0.0;
      kept += out[1].data_as<bool>()[i];
      CHECK(std::abs(y.data_as<double>()[i] - expected) < 1e-6);
    }
    CHECK(std::abs(static_cast<double>(kept) / 1024 - 0.75) < 0.06);
  }
  check_row({"dropout", {values({4, 4}), seed(3, 4)}, {{"rate", 0.5}}});
}
