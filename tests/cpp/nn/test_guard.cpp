#include "base/half.h"
#include "kernels/cpu/nn/guard.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

template <class T>
void check_integers(DType dtype, T bad) {
  CAPTURE(name_of(dtype));
  std::vector<T> values(5000, T(3));
  rk::GuardReport report;
  CHECK(rk::check_range(Context{}, dtype, 5000, values.data(), 0, 10, &report));
  CHECK(report.code == 0);
  values[4999] = values[1234] = bad;
  CHECK_FALSE(rk::check_range(Context{}, dtype, 5000, values.data(), 0, 10, &report));
  CHECK(report.code == static_cast<uint32_t>(rk::GuardCode::OutOfRange));
  CHECK(report.index == 1234);
  CHECK(report.value == static_cast<int64_t>(bad));
}

}  // namespace

TEST_CASE("range guard finds the first value out of range, in every integer type") {
  check_integers<uint8_t>(DType::U8, 10);
  check_integers<uint16_t>(DType::U16, 65535);
  check_integers<uint32_t>(DType::U32, 10);
  check_integers<uint64_t>(DType::U64, UINT64_MAX);
  check_integers<int8_t>(DType::I8, -1);
  check_integers<int16_t>(DType::I16, -300);
  check_integers<int32_t>(DType::I32, 10);
  check_integers<int64_t>(DType::I64, INT64_MIN);
}

TEST_CASE("the first failure of a report stays; an empty array passes") {
  const int32_t values[] = {7, -1};
  rk::GuardReport report;
  CHECK(rk::check_range(Context{}, DType::I32, 0, nullptr, 0, 1, &report));
  CHECK_FALSE(rk::check_range(Context{}, DType::I32, 2, values, 0, 5, &report));
  CHECK_FALSE(rk::check_range(Context{}, DType::I32, 1, values + 1, -5, 5, &report));
  CHECK(report.index == 0);
  CHECK(report.value == 7);
}

TEST_CASE("the first index does not depend on the threads") {
  std::vector<int64_t> labels(400000, 1);
  for (const int64_t i : {70001, 200000, 399999}) labels[i] = 5;
  check_threads([&](const Context& context) {
    rk::GuardReport report;
    rk::check_range(context, DType::I64, 400000, labels.data(), 0, 5, &report);
    CHECK(report.index == 70001);
    return std::vector<int64_t>{report.index};
  });
}

TEST_CASE("finite guard: NaN and infinities of every float type, none in large finite numbers") {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    rk::GuardReport r32, r64, r16, rb16;
    std::vector<float> f(2000, 3.4e38f);
    std::vector<double> d(2000, -1.7e308);
    std::vector<uint16_t> h(2000, f32_to_f16(65504.0f)), b(2000, f32_to_bf16(3e38f));
    CHECK(rk::check_finite(Context{}, DType::F32, 2000, f.data(), &r32));
    CHECK(rk::check_finite(Context{}, DType::F64, 2000, d.data(), &r64));
    CHECK(rk::check_finite(Context{}, DType::F16, 2000, h.data(), &r16));
    CHECK(rk::check_finite(Context{}, DType::BF16, 2000, b.data(), &rb16));
    f[1500] = bad, d[7] = bad, h[0] = f32_to_f16(bad), b[1999] = f32_to_bf16(bad);
    CHECK_FALSE(rk::check_finite(Context{}, DType::F32, 2000, f.data(), &r32));
    CHECK_FALSE(rk::check_finite(Context{}, DType::F64, 2000, d.data(), &r64));
    CHECK_FALSE(rk::check_finite(Context{}, DType::F16, 2000, h.data(), &r16));
    CHECK_FALSE(rk::check_finite(Context{}, DType::BF16, 2000, b.data(), &rb16));
    CHECK(r32.index == 1500);
    CHECK(r64.index == 7);
    CHECK(r16.index == 0);
    CHECK(rb16.index == 1999);
    CHECK(r32.code == static_cast<uint32_t>(rk::GuardCode::NotFinite));
  }
}
