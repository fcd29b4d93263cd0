#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/half.h"
#include "kernels/cpu/data/gather.h"
#include "kernels/cpu/data/group_rows.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

// As the kernels read an index: from the end below zero, then -1 for none.
int64_t named(int64_t i, int64_t n) {
  i = i < 0 ? i + n : i;
  return i < 0 || i >= n ? -1 : i;
}

template <class Index>
constexpr DType kIndex = sizeof(Index) == 4 ? DType::I32 : DType::I64;
template <class T>
constexpr DType kNumber = std::is_integral_v<T> ? kIndex<T>
                          : sizeof(T) == 4      ? DType::F32
                                                : DType::F64;

}  // namespace

TEST_CASE_TEMPLATE("take along every axis, any row length, wild indices", Index, int32_t, int64_t) {
  const std::vector<Index> index = {0, 2, -1, 1, 99, -99, 2};
  const auto count = static_cast<int64_t>(index.size());
  for (const int64_t inner : {1, 2, 3, 4, 5, 8, 11, 16, 31, 100})
    for (const int64_t outer : {1, 4}) {
      const bool zero = inner % 2 == 0;
      const auto src = numbers<float>(outer * 3 * inner, 1);
      std::vector<float> dst(static_cast<size_t>(outer * count * inner));
      const Shape shape = {outer, 3, inner};
      rk::run_take(Context{}, rk::prepare_take(DType::F32, shape, 1, kIndex<Index>, count, zero),
                   dst.data(), src.data(), index.data());
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < count; ++i)
          for (int64_t k = 0; k < inner; ++k) {
            const float got = dst[(o * count + i) * inner + k];
            const int64_t row = named(index[i], 3);
            if (row >= 0)
              REQUIRE(got == src[(o * 3 + row) * inner + k]);
            else
              REQUIRE((zero ? got == 0 : std::isnan(got)));
          }
    }
}

TEST_CASE("outside: NaN, the smallest signed, the largest unsigned, true, or zero") {
  CHECK(rk::outside_value(DType::Bool, false) == 1);
  CHECK((rk::outside_value(DType::U8, false) & 0xFF) == 0xFF);
  CHECK(rk::outside_value(DType::U64, false) == ~uint64_t{0});
  CHECK(rk::outside_value(DType::I8, false) == 0x80);
  CHECK(rk::outside_value(DType::I32, false) == 0x80000000);
  CHECK(rk::outside_value(DType::I64, false) == 0x8000000000000000);
  CHECK(std::isnan(std::bit_cast<double>(rk::outside_value(DType::F64, false))));
  CHECK(std::isnan(
      std::bit_cast<float>(static_cast<uint32_t>(rk::outside_value(DType::F32, false)))));
  CHECK(std::isnan(f16_to_f32(static_cast<uint16_t>(rk::outside_value(DType::F16, false)))));
  CHECK(std::isnan(bf16_to_f32(static_cast<uint16_t>(rk::outside_value(DType::BF16, false)))));
  for (const DType dtype : {DType::Bool, DType::I8, DType::F64})
    CHECK(rk::outside_value(dtype, true) == 0);
}

TEST_CASE_TEMPLATE("take_along and its gradient", T, float, double, int32_t, int64_t) {
  const DType dtype = std::is_same_v<T, float>     ? DType::F32
                      : std::is_same_v<T, double>  ? DType::F64
                      : std::is_same_v<T, int32_t> ? DType::I32
                                                   : DType::I64;
  for (const int64_t inner : {3, 1}) {
    const Shape shape = {2, 5, inner};
    const int64_t count = 4;
    const auto src = numbers<T>(shape.size(), 1, 100);
    std::vector<int32_t> index(static_cast<size_t>(2 * count * inner));
    for (size_t i = 0; i < index.size(); ++i) index[i] = static_cast<int32_t>(i * 7 % 9) - 2;
    index[0] = 99;
    index[1] = -6;
    const auto p = rk::prepare_take_along(dtype, shape, 1, DType::I32, count);
    std::vector<T> dst(index.size()), gradient(src.size()), want(src.size());
    rk::run_take_along(Context{}, p, dst.data(), src.data(), index.data());
    rk::run_add_along(Context{}, p, dtype, gradient.data(), dst.data(), index.data());
    for (size_t i = 0; i < index.size(); ++i) {
      const int64_t o = static_cast<int64_t>(i) / (count * inner),
                    k = static_cast<int64_t>(i) % inner;
      const int64_t row = named(index[i], 5), at = (o * 5 + row) * inner + k;
      if (row < 0) {
        if constexpr (std::is_floating_point_v<T>)
          CHECK(std::isnan(dst[i]));
        else
          CHECK(dst[i] == std::numeric_limits<T>::min());
        continue;
      }
      CHECK(dst[i] == src[at]);
      want[at] += dst[i];
    }
    CHECK(gradient == want);
  }
}

TEST_CASE("scatter-add of repeated rows, many owners, any number of threads") {
  const int64_t vocabulary = 1000, count = 9000, inner = 33;
  const auto src = numbers<float>(count * inner, 1);
  std::vector<int64_t> index(count);
  for (int64_t i = 0; i < count; ++i) index[i] = i * i % 317;
  const Shape shape = {vocabulary, inner};
  const auto p = rk::prepare_scatter(DType::F32, shape, 0, DType::I64, count, true);
  REQUIRE(p.owners > 1);
  std::vector<float> want(static_cast<size_t>(vocabulary * inner));
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < inner; ++k) want[index[i] * inner + k] += src[i * inner + k];
  check_threads([&](const Context& context) {
    std::vector<float> dst(want.size());
    rk::run_scatter(context, p, dst.data(), src.data(), index.data());
    CHECK(same_bits(dst, want));
    return dst;
  });
}

TEST_CASE_TEMPLATE(
    "scatter of rows of any length, wild indices, every level, any number of threads", T, float,
    double, int32_t, int64_t) {
  const int64_t count = 5000, outer = 2;
  std::vector<int32_t> index(count);
  for (int64_t i = 0; i < count; ++i) index[i] = static_cast<int32_t>(i * i % 131 - 20);
  for (const int64_t inner : {1, 3, 7, 8, 15, 16, 21, 32, 33, 48, 80})
    for (const int64_t axis : {1, 9, 100}) {
      INFO("rows of ", inner, ", ", axis, " of them");
      const auto src = numbers<T>(outer * count * inner, 1, 1000);
      std::vector<T> added(static_cast<size_t>(outer * axis * inner), T(3)), set = added;
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < count; ++i) {
          const int64_t row = named(index[i], axis);
          for (int64_t k = 0; row >= 0 && k < inner; ++k) {
            const T value = src[(o * count + i) * inner + k];
            added[(o * axis + row) * inner + k] += value;
            set[(o * axis + row) * inner + k] = value;
          }
        }
      for_each_isa([&](Isa isa) {
        for (const bool add : {true, false}) {
          const auto p = rk::prepare_scatter(kNumber<T>, Shape{outer, axis, inner}, 1, DType::I32,
                                             count, add, isa);
          check_threads([&](const Context& context) {
            std::vector<T> dst(added.size(), T(3));
            rk::run_scatter(context, p, dst.data(), src.data(), index.data());
            CHECK(same_bits(dst, add ? added : set));
            return dst;
          });
        }
      });
    }
}

TEST_CASE("scatter along an inner axis; set keeps the last row") {
  const Shape shape = {3, 4, 2};
  const std::vector<int32_t> index = {1, 3, 1};
  const auto src = numbers<double>(3 * 3 * 2, 1);
  std::vector<double> added(24), set(24, 5.0);
  rk::run_scatter(Context{}, rk::prepare_scatter(DType::F64, shape, 1, DType::I32, 3, true),
                  added.data(), src.data(), index.data());
  rk::run_scatter(Context{}, rk::prepare_scatter(DType::F64, shape, 1, DType::I32, 3, false),
                  set.data(), src.data(), index.data());
  for (int64_t o = 0; o < 3; ++o)
    for (int64_t k = 0; k < 2; ++k) {
      const auto at = [&](int64_t i) { return src[(o * 3 + i) * 2 + k]; };
      const auto to = [&](int64_t row) { return (o * 4 + row) * 2 + k; };
      CHECK(added[to(0)] == 0);
      CHECK(added[to(1)] == at(0) + at(2));
      CHECK(added[to(3)] == at(1));
      CHECK(set[to(0)] == 5.0);
      CHECK(set[to(1)] == at(2));
      CHECK(set[to(3)] == at(1));
    }
}

TEST_CASE("one-hot: an index outside leaves the row off") {
  const int64_t index[] = {2, -1, 0, 3};
  const float on = 1, off = 0.25f;
  std::vector<float> dst(12);
  rk::run_one_hot(Context{}, 4, 4, 3, dst.data(), DType::I64, index, &on, &off);
  CHECK(dst == std::vector<float>{off, off, on, off, off, off, on, off, off, off, off, off});
}

namespace {

template <class To, class From, class Convert>
void check_gather(DType to, DType from, const Convert& convert) {
  CAPTURE(name_of(to));
  CAPTURE(name_of(from));
  for_each_isa([&](Isa isa) {
    for (const int64_t row : {1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64, 100, 784}) {
      CAPTURE(row);
      std::vector<From> src(static_cast<size_t>(50 * row));
      for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<From>(i * 37 % 251);
      const std::vector<int64_t> rows = {49, 0, 7, 7, 21, 3};
      std::vector<To> dst(rows.size() * static_cast<size_t>(row) + 1, To(99));
      const rk::GatherRows p = rk::prepare_gather_rows(to, from, row, isa);
      REQUIRE(static_cast<bool>(p.copy));
      rk::run_gather_rows(Context{}, p, dst.data(), src.data(), rows.data(), 6);
      for (size_t i = 0; i < rows.size(); ++i)
        for (int64_t k = 0; k < row; ++k)
          REQUIRE(dst[i * static_cast<size_t>(row) + k] == convert(src[rows[i] * row + k]));
      CHECK(dst.back() == To(99));
    }
  });
}

template <class To, class From>
void check_cast(DType to, DType from) {
  check_gather<To, From>(to, from, [](From x) { return static_cast<To>(x); });
}

}  // namespace

TEST_CASE("epoch gather: every conversion at every level") {
  check_cast<float, float>(DType::F32, DType::F32);
  check_cast<double, double>(DType::F64, DType::F64);
  check_cast<uint8_t, uint8_t>(DType::U8, DType::U8);
  check_cast<uint16_t, uint16_t>(DType::F16, DType::F16);
  check_cast<float, uint8_t>(DType::F32, DType::U8);
  check_cast<float, uint8_t>(DType::F32, DType::Bool);
  check_cast<float, uint16_t>(DType::F32, DType::U16);
  check_cast<float, uint32_t>(DType::F32, DType::U32);
  check_cast<float, uint64_t>(DType::F32, DType::U64);
  check_cast<float, int8_t>(DType::F32, DType::I8);
  check_cast<float, int16_t>(DType::F32, DType::I16);
  check_cast<float, int32_t>(DType::F32, DType::I32);
  check_cast<float, int64_t>(DType::F32, DType::I64);
  check_cast<float, double>(DType::F32, DType::F64);
  check_cast<int32_t, int64_t>(DType::I32, DType::I64);
  check_cast<int32_t, uint8_t>(DType::I32, DType::U8);
  check_cast<int32_t, int8_t>(DType::I32, DType::I8);
  check_cast<int32_t, uint16_t>(DType::I32, DType::U16);
  check_cast<int32_t, int16_t>(DType::I32, DType::I16);
  check_cast<int32_t, uint32_t>(DType::I32, DType::U32);
  check_cast<double, float>(DType::F64, DType::F32);
  check_gather<float, uint16_t>(DType::F32, DType::F16, f16_to_f32);
  check_gather<float, uint16_t>(DType::F32, DType::BF16, bf16_to_f32);
  CHECK_FALSE(static_cast<bool>(rk::prepare_gather_rows(DType::U8, DType::F32, 3).copy));
}

TEST_CASE("epoch gather of many rows: same bits for any number of threads") {
  const auto src = numbers<float>(3000 * 130, 1);
  std::vector<int64_t> rows(3000);
  for (int64_t i = 0; i < 3000; ++i) rows[i] = i * 1231 % 3000;
  const auto p = rk::prepare_gather_rows(DType::F32, DType::F32, 130);
  check_threads([&](const Context& context) {
    std::vector<float> dst(src.size());
    rk::run_gather_rows(context, p, dst.data(), src.data(), rows.data(), 3000);
    CHECK(dst[130] == src[1231 * 130]);
    return dst;
  });
}

TEST_CASE_TEMPLATE("group_rows chains the positions of equal indices", Index, int32_t, int64_t) {
  const std::vector<Index> index = {3, 0, 3, -1,
                                    4, 3, 5, -99};  // 5 rows: -1 is row 4, the last two none
  for (const size_t cut : {0, 2, 7, 8}) {           // one list, or the same as two
    std::vector<int32_t> head(5), next(index.size()), touched(index.size() + 1, -7);
    const auto first = static_cast<int64_t>(cut);
    const rk::GroupRows params{
        kIndex<Index>, {first, static_cast<int64_t>(index.size()) - first}, 5};
    const void* lists[] = {index.data(), index.data() + cut};
    rk::run_group_rows(Context{}, params, lists, head.data(), next.data(), touched.data());
    CHECK(head == std::vector<int32_t>{1, -1, -1, 0, 3});
    CHECK(next == std::vector<int32_t>{2, -1, 5, 4, -1, -1, -1, -1});
    CHECK(touched[0] == 3);
    CHECK(std::vector<int32_t>(touched.begin() + 1, touched.begin() + 4) ==
          std::vector<int32_t>{3, 0, 4});
  }
}
