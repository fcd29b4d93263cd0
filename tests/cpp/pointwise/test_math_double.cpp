// The float64 functions of every level against long double: stated errors, special values.
// Remainders and floor divisions of both float types against their definition.

#include <cmath>
#include <limits>

#include "kernels/cpu/pointwise/direct.h"
#include "support.h"

namespace {

using namespace pw_test;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Wide = long double;

double ulp_error(double y, Wide exact) {
  const auto nearest = static_cast<double>(exact);
  if (std::isnan(nearest)) return std::isnan(y) ? 0 : 1e9;
  if (y == nearest) return std::signbit(y) == std::signbit(nearest) ? 0 : 1e9;
  if (!std::isfinite(nearest) || !std::isfinite(y)) return 1e9;
  const double magnitude = std::abs(nearest);
  const double unit = std::nextafter(magnitude, kInf) - magnitude;
  return static_cast<double>(std::abs(Wide{y} - exact) / unit);
}

// Random numbers of an interval, powers of two over the whole line, special values.
std::vector<double> samples(double low, double high) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> uniform(low, high), tenth(1, 2);
  std::vector<double> x;
  for (int i = 0; i < 200003; ++i) x.push_back(uniform(engine));
  for (int exponent = -1074; exponent < 1024; ++exponent)
    for (double sign : {-1.0, 1.0}) x.push_back(std::ldexp(sign * tenth(engine), exponent));
  for (double special : {0.0, -0.0, kInf, -kInf, kNan, 1.0, -1.0, 5e-324, -5e-324, 709.7, 709.8,
                         -708.5, -745.1, -745.2, -746.5, 36.8, -36.8, 1.7976931348623157e308})
    x.push_back(special);
  return x;
}

Wide exact(PwOp op, Wide x) {
  switch (op) {
    case PwOp::Exp:
      return std::exp(x);
    case PwOp::Expm1:
      return std::expm1(x);
    case PwOp::Log:
      return std::log(x);
    case PwOp::Log1p:
      return std::log1p(x);
    case PwOp::Tanh:
      return std::tanh(x);
    case PwOp::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case PwOp::Softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    default:
      return x / (1 + std::exp(-x));
  }
}

struct Bound {
  PwOp op;
  double low, high, ulp, ulp_without_fma;
};

TEST_CASE("float64 functions keep their stated error on every level") {
  for (const Bound& bound :
       {Bound{PwOp::Exp, -746, 711, 1.0, 1.5}, Bound{PwOp::Expm1, -40, 710, 1.3, 1.8},
        Bound{PwOp::Log, 0, 10, 0.9, 1.4}, Bound{PwOp::Log1p, -1, 4, 1.5, 2.0},
        Bound{PwOp::Tanh, -20, 20, 2.6, 3.1}, Bound{PwOp::Sigmoid, -745, 40, 2.0, 2.5},
        Bound{PwOp::Softplus, -745, 40, 1.6, 2.1}, Bound{PwOp::Silu, -700, 40, 2.7, 3.2}}) {
    const std::vector<double> x = samples(bound.low, bound.high);
    for (Isa isa : levels()) {
      CAPTURE(std::string(info_of(bound.op).name));
      CAPTURE(std::string(name_of(isa)));
      std::vector<double> y(x.size());
      run_unary(Context(), prepare_direct(bound.op, DType::F64, isa), y.data(), x.data(),
                static_cast<int64_t>(x.size()));
      double worst = 0, where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        if (bound.op == PwOp::Silu && x[i] < -745)
          continue;  // 0 times -inf, see the scalar formula
        const double error = ulp_error(y[i], exact(bound.op, x[i]));
        if (error > worst) worst = error, where = x[i];
      }
      CAPTURE(where);
      CHECK(worst <= (isa == Isa::Baseline ? bound.ulp_without_fma : bound.ulp));
    }
  }
}

// The remainder by C's exact one.
template <class T>
T remainder(T a, T b) {
  const T r = std::fmod(a, b);
  if (r == 0) return std::copysign(T(0), b);
  return (r < 0) != (b < 0) ? r + b : r;
}

template <class T>
void check_division(DType dtype) {
  std::vector<T> a, b;
  const T inf = std::numeric_limits<T>::infinity(), most = std::numeric_limits<T>::max();
  const T ends[] = {T(0),
                    -T(0),
                    T(1),
                    T(-1),
                    T(0.5),
                    inf,
                    -inf,
                    most,
                    T(1e-30),
                    T(7),
                    T(-3),
                    std::numeric_limits<T>::quiet_NaN(),
                    std::numeric_limits<T>::denorm_min()};
  for (T x : ends)
    for (T y : ends) a.push_back(x), b.push_back(y);
  std::mt19937_64 engine(4);
  std::uniform_real_distribution<double> uniform(1, 2);
  for (int i = 0; i < 100003; ++i) {
    const int apart = static_cast<int>(engine() % 60) - 6;
    const double y = std::ldexp(uniform(engine), -10) * (engine() % 2 ? 1 : -1);
    const double times = i % 3 == 0 ? std::floor(std::ldexp(uniform(engine), std::min(apart, 20)))
                                    : std::ldexp(uniform(engine), apart);
    // Multiples, what is next to them, and anything.
    T x = static_cast<T>(static_cast<T>(y) * static_cast<T>(times));
    if (i % 6 == 0) x = std::nextafter(x, i % 12 ? inf : -inf);
    a.push_back(engine() % 2 ? x : -x);
    b.push_back(static_cast<T>(y));
  }
  const auto n = static_cast<int64_t>(a.size());
  for (Isa isa : levels()) {
    std::vector<T> rest(a.size()), quotient(a.size());
    run_binary(Context(), prepare_direct(PwOp::Mod, dtype, isa), rest.data(), a.data(), false,
               b.data(), false, n);
    run_binary(Context(), prepare_direct(PwOp::FloorDiv, dtype, isa), quotient.data(), a.data(),
               false, b.data(), false, n);
    size_t wrong = 0, far = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const T want = remainder(a[i], b[i]);
      const bool same = want == want
                            ? rest[i] == want && std::signbit(rest[i]) == std::signbit(want)
                            : rest[i] != rest[i];
      wrong += !same;
      const Wide whole = std::floor(Wide{a[i]} / Wide{b[i]});
      if (!std::isfinite(a[i]) || !std::isfinite(b[i]) || b[i] == 0 || std::abs(whole) > 0x1p20)
        continue;
      far += quotient[i] != static_cast<T>(whole);
    }
    CAPTURE(std::string(name_of(isa)));
    CAPTURE(std::string(name_of(dtype)));
    CHECK(wrong == 0);
    CHECK(far == 0);
  }
}

TEST_CASE("remainders are exact, floor divisions whole, of all signs, infinities and zeros") {
  check_division<float>(DType::F32);
  check_division<double>(DType::F64);
}

}  // namespace
