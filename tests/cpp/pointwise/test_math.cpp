// The float32 elementary functions of every level against float64 libm: stated errors, special
// values, independence of position.

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>

#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/reference.h"
#include "support.h"

namespace {

using namespace pw_test;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> apply(Isa isa, PwOp op, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  run_unary(Context(), prepare_direct(op, DType::F32, isa), y.data(), x.data(),
            static_cast<int64_t>(x.size()));
  return y;
}

// Distance of y from the exact value in units of the last place of the exact value's float32.
double ulp_error(float y, double exact) {
  const float nearest = static_cast<float>(exact);
  if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e9;
  if (y == nearest) return 0;
  if (!std::isfinite(nearest) || !std::isfinite(y)) return 1e9;
  const float magnitude = std::abs(nearest);
  const double unit = static_cast<double>(std::nextafter(magnitude, kInf)) - magnitude;
  return std::abs(y - exact) / unit;
}

// Every 100,003rd float of the whole line, and dense random samples of an interval.
std::vector<float> samples(float low, float high) {
  std::vector<float> x = random_floats(200000, low, high);
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 100003) {
    const uint32_t word = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, 4);
    x.push_back(value);
  }
  for (float special : {0.0f, -0.0f, kInf, -kInf, kNan, 1.0f, -1.0f, 1e-45f, -1e-45f, 1e-38f,
                        3.4e38f, -3.4e38f, 88.7f, 88.8f, -87.4f, -103.9f, -104.1f, 0.9f, -0.9f})
    x.push_back(special);
  return x;
}

struct Bound {
  PwOp op;
  float low, high;
  double ulp, ulp_without_fma;
};
constexpr Bound kBounds[] = {
    {PwOp::Exp, -105, 90, 1.1, 1.6},   {PwOp::Expm1, -20, 89, 1.6, 2.1},
    {PwOp::Log, 0, 10, 1.0, 1.5},      {PwOp::Log1p, -1, 4, 1.6, 2.1},
    {PwOp::Tanh, -10, 10, 2.6, 3.1},   {PwOp::Sigmoid, -105, 20, 2.2, 2.6},
    {PwOp::Erf, -4, 4, 1.6, 2.1},      {PwOp::Softplus, -105, 30, 2.1, 2.6},
    {PwOp::Sin, -100, 100, 1.6, 2.1},  {PwOp::Cos, -100, 100, 1.6, 2.1},
    {PwOp::Exp2, -150, 129, 1.1, 1.1}, {PwOp::Log2, 0, 10, 1.1, 1.6},
    {PwOp::Log10, 0, 10, 1.1, 2.0},    {PwOp::Sqrt, 0, 100, 0.51, 0.51},
    {PwOp::Rsqrt, 0, 100, 1.6, 1.6},   {PwOp::Reciprocal, -10, 10, 0.51, 0.51},
    {PwOp::Tan, -10, 10, 0.6, 0.6},    {PwOp::Asin, -1, 1, 1.4, 1.4},
    {PwOp::Acos, -1, 1, 1.3, 1.3},     {PwOp::Atan, -10, 10, 1.3, 1.4},
    {PwOp::Sinh, -90, 90, 1.3, 1.4},   {PwOp::Cosh, -90, 90, 1.2, 1.4},
    {PwOp::Asinh, -10, 10, 0.6, 0.6},  {PwOp::Acosh, 1, 10, 0.6, 0.6},
    {PwOp::Atanh, -1, 1, 0.6, 0.6},    {PwOp::Erfc, -4, 9, 4.1, 4.1},
    {PwOp::Floor, -100, 100, 0, 0},    {PwOp::Ceil, -100, 100, 0, 0},
    {PwOp::Round, -100, 100, 0, 0},    {PwOp::Trunc, -100, 100, 0, 0},
    {PwOp::Sign, -100, 100, 0, 0},     {PwOp::Abs, -100, 100, 0, 0},
    {PwOp::Neg, -100, 100, 0, 0},      {PwOp::Relu, -100, 100, 0, 0},
};

TEST_CASE("elementary functions keep their stated error on every level") {
  for (const Bound& bound : kBounds) {
    const std::vector<float> x = samples(bound.low, bound.high);
    for (Isa isa : levels()) {
      CAPTURE(std::string(info_of(bound.op).name));
      CAPTURE(std::string(name_of(isa)));
      const std::vector<float> y = apply(isa, bound.op, x);
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double in[] = {x[i]};
        const double error = ulp_error(y[i], reference::apply_float(bound.op, in));
        if (error > worst) worst = error, where = x[i];
      }
      CAPTURE(where);
      CHECK(worst <= (isa == Isa::Baseline ? bound.ulp_without_fma : bound.ulp));
    }
  }
}

// |y - exact| in units of 2^-24 max(1, |x|). dy is 1 in gradients.
double absolute_error(float y, double exact, float x) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e9;
  if (y == static_cast<float>(exact)) return 0;
  return std::abs(y - exact) / std::max(1.0, std::abs(double{x})) * (1 << 24);
}

TEST_CASE("GELU and its gradients keep their absolute error on every level, over all magnitudes") {
  struct Row {
    PwOp op;
    double wide, narrow;  // bounds with AVX-512 and without
  };
  for (const Row& row : {Row{PwOp::Gelu, 1.3, 1.9}, Row{PwOp::GeluTanh, 1.3, 2.7},
                         Row{PwOp::GeluGrad, 1.6, 2.4}, Row{PwOp::GeluTanhGrad, 1.6, 6.7}}) {
    std::vector<float> x = samples(-10, 10);
    const std::vector<float> ones(x.size(), 1.0f);
    for (Isa isa : levels()) {
      CAPTURE(std::string(info_of(row.op).name));
      CAPTURE(std::string(name_of(isa)));
      std::vector<float> y(x.size());
      const void* src[] = {x.data(), ones.data()};
      const bool scalar[] = {false, false};
      run_direct(Context(), prepare_direct(row.op, DType::F32, isa), y.data(), src, scalar,
                 static_cast<int64_t>(x.size()));
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        if (std::abs(x[i]) > 1e12f) continue;  // the reference's cube overflows, and 0 * inf
        const double in[] = {x[i], 1};
        const auto operands = std::span(in).first(info_of(row.op).arity);
        const double error = absolute_error(y[i], reference::apply_float(row.op, operands), x[i]);
        if (error > worst) worst = error, where = x[i];
      }
      CAPTURE(where);
      CHECK(worst <= (isa == Isa::Avx512 ? row.wide : row.narrow));
    }
  }
}

TEST_CASE("far out GELU is 0 or x, its slope 0 or 1") {
  for (Isa isa : levels())
    for (float x : {20.0f, 1e10f, 3e38f}) {
      const float xs[] = {x, -x}, ones[] = {1, 1};
      float y[2];
      for (PwOp op : {PwOp::Gelu, PwOp::GeluTanh}) {
        CAPTURE(std::string(info_of(op).name));
        CAPTURE(std::string(name_of(isa)));
        run_unary(Context(), prepare_direct(op, DType::F32, isa), y, xs, 2);
        CHECK(y[0] == x);
        CHECK(y[1] == 0.0f);
      }
      for (PwOp op : {PwOp::GeluGrad, PwOp::GeluTanhGrad}) {
        CAPTURE(std::string(info_of(op).name));
        CAPTURE(std::string(name_of(isa)));
        run_binary(Context(), prepare_direct(op, DType::F32, isa), y, xs, false, ones, false, 2);
        CHECK(y[0] == 1.0f);
        CHECK(y[1] == 0.0f);
      }
    }
}

TEST_CASE("signed zeros survive odd functions") {
  for (Isa isa : levels())
    for (PwOp op : {PwOp::Expm1, PwOp::Log1p, PwOp::Tanh, PwOp::Erf, PwOp::Sin, PwOp::Sqrt,
                    PwOp::Floor, PwOp::Ceil, PwOp::Round, PwOp::Trunc, PwOp::Sign, PwOp::Asinh,
                    PwOp::Tan, PwOp::Asin, PwOp::Atan, PwOp::Sinh, PwOp::Atanh}) {
      CAPTURE(std::string(info_of(op).name));
      const std::vector<float> y = apply(isa, op, {-0.0f, 0.0f});
      CHECK(y[0] == 0.0f);
      CHECK(std::signbit(y[0]));
      CHECK(!std::signbit(y[1]));
    }
}

TEST_CASE("logarithms and powers of the base are exact where the result is a whole number") {
  for (Isa isa : levels()) {
    CAPTURE(std::string(name_of(isa)));
    std::vector<float> whole, power;
    for (int n = -149; n <= 127; ++n)
      whole.push_back(static_cast<float>(n)), power.push_back(std::ldexp(1.0f, n));
    CHECK(same_bits(apply(isa, PwOp::Log2, power), whole));
    CHECK(same_bits(apply(isa, PwOp::Exp2, whole), power));
    std::vector<float> tens, exact;
    for (int n = -44; n <= 38; ++n) {
      tens.push_back(std::strtof(("1e" + std::to_string(n)).c_str(), nullptr));
      exact.push_back(static_cast<float>(std::log10(double{tens.back()})));
    }
    CHECK(same_bits(apply(isa, PwOp::Log10, tens), exact));
  }
}

TEST_CASE("pow and atan2 follow C's rules and keep their error") {
  const std::vector<float> special = {0.0f,  -0.0f, 1.0f, -1.0f, 2.0f,  -2.0f, 0.5f,   -0.5f,
                                      3.0f,  -3.0f, 4.5f, -4.5f, kInf,  -kInf, kNan,   1e-40f,
                                      1e30f, 1e10f, 2e9f, -7.0f, 127.f, 128.f, -149.f, 16777217.f};
  struct Row {
    PwOp op;
    double (*exact)(double, double);
    float low;  // of the first operand
    double ulp;
  };
  for (const Row& row :
       {Row{PwOp::Pow, std::pow, 0, 0.6}, Row{PwOp::Atan2, std::atan2, -20, 1.6}}) {
    CAPTURE(std::string(info_of(row.op).name));
    std::vector<float> x, y;
    for (float a : special)
      for (float b : special) x.push_back(a), y.push_back(b);
    const std::vector<float> more_x = random_floats(100000, row.low, 20, 3);
    const std::vector<float> more_y = random_floats(100000, -30, 30, 4);
    x.insert(x.end(), more_x.begin(), more_x.end());
    y.insert(y.end(), more_y.begin(), more_y.end());
    for (Isa isa : levels()) {
      std::vector<float> z(x.size());
      run_binary(Context(), prepare_direct(row.op, DType::F32, isa), z.data(), x.data(), false,
                 y.data(), false, static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = row.exact(static_cast<double>(x[i]), static_cast<double>(y[i]));
        const double error = ulp_error(z[i], exact);
        const bool twice = row.op == PwOp::Pow && (y[i] == 3 || y[i] == -0.5f);  // rounded
        const double most = twice ? 1.6 : row.ulp;
        if (error <= most && std::signbit(z[i]) == std::signbit(exact)) continue;
        if (std::isnan(exact) && std::isnan(z[i])) continue;
        CAPTURE(x[i]);
        CAPTURE(y[i]);
        CAPTURE(z[i]);
        CHECK(error <= most);
      }
    }
  }
}

TEST_CASE("the result of one element does not depend on its position") {
  const std::vector<float> x = random_floats(131, -3, 3);
  for (Isa isa : levels())
    for (int i = 0; i < kPwOpCount; ++i) {
      const PwOp op = static_cast<PwOp>(i);
      const PwOpInfo& info = info_of(op);
      if (info.arity != 1 || info.rule != PwRule::Same || !(info.types & kPwF32) ||
          op == PwOp::Narrow)
        continue;
      CAPTURE(std::string(info.name));
      const std::vector<float> whole = apply(isa, op, x);
      for (size_t first : {size_t{1}, size_t{5}, size_t{64}, size_t{130}}) {
        const std::vector<float> rest(x.begin() + static_cast<std::ptrdiff_t>(first), x.end());
        const std::vector<float> part = apply(isa, op, rest);
        CHECK(std::memcmp(part.data(), whole.data() + first, part.size() * 4) == 0);
      }
    }
}

TEST_CASE("erfinv inverts erf") {
  for (double y = -0.999999; y < 1; y += 0.000999) {
    double x, back;
    const DirectOp inverse = prepare_direct(PwOp::Erfinv, DType::F64);
    run_unary(Context(), inverse, &x, &y, 1);
    back = std::erf(x);
    CHECK(back == doctest::Approx(y).epsilon(1e-14));
  }
  const std::vector<float> ends = apply(Isa::Baseline, PwOp::Erfinv, {1.0f, -1.0f, 1.5f, 0.0f});
  CHECK(ends[0] == kInf);
  CHECK(ends[1] == -kInf);
  CHECK(std::isnan(ends[2]));
  CHECK(ends[3] == 0.0f);
}

}  // namespace
