// Powers: whole exponents and halves give the same bits as one value and in an array, in every
// lane, with C's rules for special values.

#include <cmath>
#include <limits>

#include "base/thread_pool.h"
#include "kernels/cpu/pointwise/direct.h"
#include "support.h"

namespace {

using namespace pw_test;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> bases() {
  std::vector<float> x = random_floats(5000, -4, 4);
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 1000003) {
    const uint32_t word = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, 4);
    x.push_back(value);
  }
  for (float value : {0.0f, -0.0f, 1.0f, -1.0f, kInf, -kInf, kNan, 1e-45f, -1e-45f, 1e-38f, 3.4e38f,
                      -3.4e38f, 1e19f, 1e-20f})
    x.push_back(value);
  return x;
}

std::vector<float> power(Isa isa, const std::vector<float>& x, const std::vector<float>& y,
                         const Context& ctx = Context()) {
  std::vector<float> z(x.size());
  run_binary(ctx, prepare_direct(PwOp::Pow, DType::F32, isa), z.data(), x.data(), false, y.data(),
             y.size() == 1, static_cast<int64_t>(x.size()));
  return z;
}

// In units of the last place of the exact value's float32.
double ulp_error(float y, double exact) {
  const float nearest = static_cast<float>(exact);
  if (y == nearest || (std::isnan(exact) && std::isnan(y))) return 0;
  if (!std::isfinite(nearest) || !std::isfinite(y)) return 1e9;
  const float size = std::abs(nearest);
  return std::abs(y - exact) / (double{std::nextafter(size, kInf)} - size);
}

constexpr float kExponents[] = {0,  1,  -1,  2,  -2,  3,    -3,    4,    -4,   5,    7,     8,   -8,
                                13, 15, -15, 16, -17, 0.5f, -0.5f, 1.5f, 2.5f, 1e9f, -kInf, kNan};

TEST_CASE("one exponent keeps its error, and its bits in an array among others") {
  const std::vector<float> x = bases();
  for (Isa isa : levels())
    for (float exponent : kExponents) {
      CAPTURE(std::string(name_of(isa)));
      CAPTURE(exponent);
      const std::vector<float> z = power(isa, x, {exponent});
      double worst = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = std::pow(double{x[i]}, double{exponent});
        worst = std::max(worst, ulp_error(z[i], exact));
        if (!std::isnan(exact) && std::signbit(z[i]) != std::signbit(exact)) worst = 1e9;
      }
      CHECK(worst <= (exponent == 3 || exponent == -0.5f ? 1.6 : 0.6));

      std::vector<float> mixed(x.size());
      for (size_t i = 0; i < x.size(); ++i) mixed[i] = i % 3 == 1 ? 1.25f : exponent;
      const std::vector<float> other = power(isa, x, mixed);
      int different = 0;
      for (size_t i = 0; i < x.size(); ++i)
        if (i % 3 != 1 && !std::isnan(z[i])) different += std::memcmp(&z[i], &other[i], 4) != 0;
      CHECK(different == 0);
    }
}

TEST_CASE("powers of any length, with any number of threads, give the same bits") {
  const std::vector<float> x = random_floats(70001, -3, 3);
  ThreadPool pool(2, 0);
  for (float exponent : {2.0f, 3.0f, -2.0f, 6.0f, 0.5f, 2.5f}) {
    const std::vector<float> z = power(active_isa(), x, {exponent});
    CHECK(same_bits(z, power(active_isa(), x, {exponent}, Context{&pool, 2})));
    for (size_t n : {size_t{0}, size_t{1}, size_t{5}, size_t{67}}) {
      const std::vector<float> few(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
      const std::vector<float> part(z.begin(), z.begin() + static_cast<std::ptrdiff_t>(n));
      CHECK(same_bits(part, power(active_isa(), few, {exponent})));
    }
  }
}

TEST_CASE("float64 powers") {
  const double inf = std::numeric_limits<double>::infinity();
  for (double exponent : {-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 2.5})
    for (double x : {0.0, -0.0, 1.7, -1.7, 1e-200, 1e200, inf, -inf, 5e-324}) {
      CAPTURE(x);
      CAPTURE(exponent);
      double z;
      run_binary(Context(), prepare_direct(PwOp::Pow, DType::F64), &z, &x, false, &exponent, true,
                 1);
      const double exact = std::pow(x, exponent);
      CHECK((z == doctest::Approx(exact).epsilon(4e-16) || z == exact ||
             (std::isnan(z) && std::isnan(exact))));
      CHECK((std::isnan(exact) || std::signbit(z) == std::signbit(exact)));
    }
}

}  // namespace
