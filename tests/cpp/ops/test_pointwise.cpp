// Element-wise records: the binding of names to micro-ops, dtypes, broadcasting, gradients.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

struct Unary {
  const char* name;
  double (*f)(double);
  double low, high;
};

double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * logistic(x); }
double softplus(double x) { return std::log1p(std::exp(x)); }

const Unary kUnary[] = {
    {"negative", [](double x) { return -x; }, -2, 2},
    {"absolute", [](double x) { return std::abs(x); }, -2, 2},
    {"exp", std::exp, -2, 2},
    {"expm1", std::expm1, -2, 2},
    {"exp2", std::exp2, -2, 2},
    {"log", std::log, 0.3, 3},
    {"log1p", std::log1p, -0.5, 3},
    {"log2", std::log2, 0.3, 3},
    {"log10", std::log10, 0.3, 3},
    {"sqrt", std::sqrt, 0.3, 3},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.3, 3},
    {"square", [](double x) { return x * x; }, -2, 2},
    {"reciprocal", [](double x) { return 1 / x; }, 0.4, 2},
    {"sin", std::sin, -2, 2},
    {"cos", std::cos, -2, 2},
    {"tan", std::tan, -1, 1},
    {"arcsin", std::asin, -0.8, 0.8},
    {"arccos", std::acos, -0.8, 0.8},
    {"arctan", std::atan, -2, 2},
    {"sinh", std::sinh, -2, 2},
    {"cosh", std::cosh, -2, 2},
    {"tanh", std::tanh, -2, 2},
    {"arcsinh", std::asinh, -2, 2},
    {"arccosh", std::acosh, 1.3, 3},
    {"arctanh", std::atanh, -0.8, 0.8},
    {"erf", std::erf, -2, 2},
    {"erfc", std::erfc, -2, 2},
    {"sigmoid", logistic, -3, 3},
    {"softplus", softplus, -3, 3},
    {"relu", [](double x) { return x > 0 ? x : 0.0; }, -2, 2},
    {"gelu", gelu, -2, 2},
    {"gelu_tanh", gelu_tanh, -2, 2},
    {"silu", silu, -2, 2},
};

struct Binary {
  const char* name;
  double (*f)(double, double);
  double low, high;
};
const Binary kBinary[] = {
    {"add", [](double a, double b) { return a + b; }, -2, 2},
    {"subtract", [](double a, double b) { return a - b; }, -2, 2},
    {"multiply", [](double a, double b) { return a * b; }, -2, 2},
    {"divide", [](double a, double b) { return a / b; }, 0.5, 2},
    {"power", [](double a, double b) { return std::pow(a, b); }, 0.5, 2},
    {"maximum", [](double a, double b) { return std::max(a, b); }, -2, 2},
    {"minimum", [](double a, double b) { return std::min(a, b); }, -2, 2},
    {"arctan2", [](double a, double b) { return std::atan2(a, b); }, 0.5, 2},
};

}  // namespace

TEST_CASE("unary ops: values and two derivatives") {
  for (const Unary& row : kUnary) {
    CAPTURE(row.name);
    const Tensor x = values({2, 4}, row.low, row.high);
    const Tensor y = run1(row.name, {x});
    for (int64_t i = 0; i < x.size(); ++i) {
      const double expected = row.f(x.data_as<double>()[i]);
      CHECK(std::abs(y.data_as<double>()[i] - expected) <= 1e-12 * (1 + std::abs(expected)));
    }
    check_row({row.name, {x}, {}});
  }
  check_row({"erfinv", {values({5}, -0.7, 0.7)}, {}});
}

TEST_CASE("binary ops broadcast, and their gradients sum over what was repeated") {
  for (const Binary& row : kBinary) {
    CAPTURE(row.name);
    const Tensor a = values({2, 1, 3}, row.low, row.high, 1);
    const Tensor b = values({4, 1}, row.low, row.high, 2);
    const Tensor y = run1(row.name, {a, b});
    CHECK(y.shape() == Shape{2, 4, 3});
    for (int64_t i = 0; i < y.size(); ++i) {
      const int64_t outer = i / 12, row_b = i / 3 % 4, col = i % 3;
      const double expected =
          row.f(a.data_as<double>()[outer * 3 + col], b.data_as<double>()[row_b]);
      CHECK(std::abs(y.data_as<double>()[i] - expected) <= 1e-12 * (1 + std::abs(expected)));
    }
    check_row({row.name, {a, b}, {}});
    check_row({row.name, {a, values({}, row.low, row.high, 3)}, {}});
  }
}

TEST_CASE("gradients of gradients are ops with gradients of their own") {
  const Tensor x = values({6}, -2, 2, 1), dy = values({6}, -1, 1, 2);
  for (const char* name : {"relu_grad", "silu_grad", "gelu_grad", "gelu_tanh_grad"})
    check_row({name, {x, dy}, {}});
  for (const char* name : {"sigmoid_grad", "tanh_grad"})
    check_row({name, {values({6}, 0.1, 0.9), dy}, {}});
  const Tensor slope = values({}, 0.1, 0.4);
  check_row({"leaky_relu", {x, slope}, {}});
  check_row({"elu", {x, slope}, {}});
  check_row({"leaky_relu_grad", {x, dy, slope}, {}});
  check_row({"elu_grad", {x, dy, slope}, {}});
  check_row({"clip", {x, values({}, -0.6, -0.5), values({}, 0.5, 0.6)}, {}});
}

TEST_CASE("division with remainder, its gradient, and where") {
  const Tensor a = f32({4}, {7, -7, 7, -7}), b = f32({4}, {3, 3, -3, -3});
  expect_values<float>(run1("mod", {a, b}), {4}, {1, 2, -2, -1});
  expect_values<float>(run1("floor_divide", {a, b}), {4}, {2, -3, -3, 2});
  check_row({"mod", {values({4}, 2.1, 2.9), values({4}, 0.8, 0.95, 2)}, {}});
  const Tensor condition = tensor<bool>(DType::Bool, {2, 1}, {true, false});
  check_row({"where", {condition, values({2, 3}), values({3}, -1, 1, 2)}, {}});
}

TEST_CASE("a power with base zero has a finite gradient") {
  const Tensor x = tensor<double>(DType::F64, {3}, {0, 0, 0});
  const Tensor n = tensor<double>(DType::F64, {3}, {0, 1, 2});
  const Tensors grads =
      gradients([](TensorSpan in) { return ops::sum_all(ops::power(in[0], in[1])); },
                std::vector<Tensor>{x, n});
  expect_values<double>(grads[0], {3}, {0, 1, 0});
  expect_values<double>(grads[1], {3}, {0, 0, 0});
}

TEST_CASE("equal extrema share the gradient") {
  const Tensor x = tensor<double>(DType::F64, {2}, {1, 3}),
               y = tensor<double>(DType::F64, {2}, {1, 2});
  const Tensors grads =
      gradients([](TensorSpan in) { return ops::sum_all(ops::maximum(in[0], in[1])); },
                std::vector<Tensor>{x, y});
  expect_values<double>(grads[0], {2}, {0.5, 1});
  expect_values<double>(grads[1], {2}, {0.5, 0});
}

TEST_CASE("comparisons, logic and bits") {
  const Tensor a = i32({3}, {1, 2, 3}), b = i32({3}, {3, 2, 1});
  expect_values<bool>(run1("less", {a, b}), {3}, {true, false, false});
  expect_values<bool>(run1("less_equal", {a, b}), {3}, {true, true, false});
  expect_values<bool>(run1("greater", {a, b}), {3}, {false, false, true});
  expect_values<bool>(run1("greater_equal", {a, b}), {3}, {false, true, true});
  expect_values<bool>(run1("equal", {a, b}), {3}, {false, true, false});
  expect_values<bool>(run1("not_equal", {a, b}), {3}, {true, false, true});
  expect_values<int32_t>(run1("bitwise_and", {a, b}), {3}, {1, 2, 1});
  expect_values<int32_t>(run1("bitwise_or", {a, b}), {3}, {3, 2, 3});
  expect_values<int32_t>(run1("bitwise_xor", {a, b}), {3}, {2, 0, 2});
  expect_values<int32_t>(run1("bitwise_not", {a}), {3}, {-2, -3, -4});
  expect_values<int32_t>(run1("left_shift", {a, b}), {3}, {8, 8, 6});
  expect_values<int32_t>(run1("right_shift", {b, a}), {3}, {1, 0, 0});
  const Tensor p = run1("less", {a, b}), q = run1("equal", {a, b});
  expect_values<bool>(run1("logical_or", {p, q}), {3}, {true, true, false});
  expect_values<bool>(run1("logical_and", {p, q}), {3}, {false, false, false});
  expect_values<bool>(run1("logical_xor", {p, p}), {3}, {false, false, false});
  expect_values<bool>(run1("logical_not", {p}), {3}, {false, true, true});
  const Tensor x = f32({4}, {1, INFINITY, NAN, -INFINITY});
  expect_values<bool>(run1("isfinite", {x}), {4}, {true, false, false, false});
  expect_values<bool>(run1("isinf", {x}), {4}, {false, true, false, true});
  expect_values<bool>(run1("isnan", {x}), {4}, {false, false, true, false});
}

TEST_CASE("narrow dtypes compute in their own range, casts convert and carry gradients") {
  const Tensor a = tensor<uint8_t>(DType::U8, {3}, {250, 1, 2});
  const Tensor b = tensor<uint8_t>(DType::U8, {1}, {10});
  expect_values<uint8_t>(run1("add", {a, b}), {3}, {4, 11, 12});
  const Tensor x = f32({3}, {1.5f, -2.5f, 3});
  expect_values<int32_t>(ops::cast(x, DType::I32), {3}, {1, -2, 3});
  const Tensor half = ops::cast(x, DType::BF16);
  const Tensor twice = ops::cast(ops::add(half, half), DType::F32);
  expect_values<float>(twice, {3}, {3, -5, 6});
  check_row({"cast", {values({3})}, {{"dtype", DType::F64}}});
  const Tensors grads = gradients(
      [](TensorSpan in) {
        return ops::sum_all(ops::cast(ops::cast(in[0], DType::F16), DType::F64));
      },
      std::vector<Tensor>{values({3})});
  expect_values<double>(grads[0], {3}, {1, 1, 1});
}

TEST_CASE("empty tensors pass through") {
  const Tensor x = Tensor::empty(DType::F32, {0, 3});
  CHECK(run1("exp", {x}).shape() == Shape{0, 3});
  CHECK(run1("add", {x, f32({3}, {1, 2, 3})}).shape() == Shape{0, 3});
}
