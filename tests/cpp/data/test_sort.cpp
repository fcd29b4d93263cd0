#include <algorithm>
#include <limits>
#include <numeric>

#include "base/half.h"
#include "kernels/cpu/data/sort.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

// NaN is the largest.
template <class T>
bool less(T a, T b) {
  if (a != a) return false;
  return b != b || a < b;
}

void run(const Context& context, const rk::Sort& p, void* values, int32_t* indices,
         const void* src) {
  const size_t stride = (p.scratch.per_worker + 63) / 64 * 64;
  std::vector<std::byte> shared(p.scratch.shared),
      worker(stride * static_cast<size_t>(context.workers));
  rk::run_sort(context, p, values, indices, src, shared.data(), worker.data(), stride);
}

// The first k of every sorted row are the elements that order[0..k) of the row names, to the bit.
template <class T>
void check_leading(const rk::Sort& p, const std::vector<T>& src, bool with_indices,
                   const std::vector<int32_t>& order) {
  const auto size = static_cast<size_t>(p.rows * p.k);
  std::vector<T> values(size), want(size);
  std::vector<int32_t> indices(size), want_indices(size);
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t i = 0; i < p.k; ++i) {
      want_indices[r * p.k + i] = order[r * p.cols + i];
      want[r * p.k + i] = src[r * p.cols + order[r * p.cols + i]];
    }
  run(Context{}, p, values.data(), with_indices ? indices.data() : nullptr, src.data());
  CHECK(std::memcmp(values.data(), want.data(), size * sizeof(T)) == 0);
  if (with_indices) CHECK(indices == want_indices);
}

template <class T>
void check_sort(DType dtype, const std::vector<T>& src, int64_t rows, int64_t cols) {
  CAPTURE(name_of(dtype));
  CAPTURE(cols);
  std::vector<int32_t> order(src.size());
  for (const bool descending : {false, true}) {
    CAPTURE(descending);
    for (int64_t r = 0; r < rows; ++r) {
      const T* row = src.data() + r * cols;
      const auto begin = order.begin() + r * cols;
      std::iota(begin, begin + cols, 0);
      std::stable_sort(begin, begin + cols, [&](int32_t a, int32_t b) {
        return descending ? less(row[b], row[a]) : less(row[a], row[b]);
      });
    }
    for (const bool indices : {false, true})
      check_leading(rk::prepare_sort(dtype, rows, cols, descending, indices), src, indices, order);
  }
  for (const int64_t k : {int64_t{1}, std::min<int64_t>(cols, 5), (cols + 2) / 3})
    check_leading(rk::prepare_top_k(dtype, rows, cols, k), src, true, order);
}

template <class T>
void check_type(DType dtype) {
  for (const int64_t cols : {1, 2, 7, 32, 33, 65, 129, 256, 257, 1000, 5000}) {
    auto src =
        numbers<T>(2 * cols, 3, std::is_floating_point_v<T> ? 9 : 60, std::is_signed_v<T> ? 0 : 60);
    if (!std::is_floating_point_v<T> && cols > 2) {
      src[0] = std::numeric_limits<T>::max(), src[1] = std::numeric_limits<T>::min();
    }
    if constexpr (std::is_floating_point_v<T>) {
      for (size_t i = 0; i < src.size(); i += 5) src[i] = std::round(src[i]);  // ties, zeros
      src[0] = NAN, src.back() = -INFINITY, src[src.size() / 2] = -T(NAN), src[1] = -T(0);
    }
    check_sort(dtype, src, 2, cols);
  }
}

}  // namespace

TEST_CASE("sort, argsort and top-k at every level: stable, both directions, NaN last") {
  for_each_isa([](Isa) {
    check_type<float>(DType::F32);
    check_type<double>(DType::F64);
    check_type<int8_t>(DType::I8);
    check_type<int16_t>(DType::I16);
    check_type<int32_t>(DType::I32);
    check_type<int64_t>(DType::I64);
    check_type<uint8_t>(DType::U8);
    check_type<uint16_t>(DType::U16);
    check_type<uint32_t>(DType::U32);
    check_type<uint64_t>(DType::U64);
  });
}

TEST_CASE("rows in order, falling, of one value, of few values; one long row by many threads") {
  for_each_isa([](Isa) {
    constexpr int64_t kCols = 70000;
    const auto noise = numbers<float>(kCols, 4);
    for (int pattern = 0; pattern < 5; ++pattern) {
      CAPTURE(pattern);
      std::vector<float> src(kCols);
      for (int64_t i = 0; i < kCols; ++i) {
        const float x = static_cast<float>(i);
        const float patterns[] = {x, -x, 2, static_cast<float>(i % 3) - 1, noise[i]};
        src[i] = patterns[pattern];
      }
      src[500] = -0.0f, src[400] = 0.0f, src[300] = -NAN, src[600] = NAN;
      check_sort(DType::F32, src, 1, kCols);
      const rk::Sort p = rk::prepare_sort(DType::F32, 1, kCols, false, false);
      CHECK(p.whole);
      check_threads([&](const Context& context) {
        std::vector<float> values(src.size());
        run(context, p, values.data(), nullptr, src.data());
        return values;
      });
    }
  });
}

TEST_CASE("half floats sort by value") {
  const std::vector<float> want = {-INFINITY, -2.5f, 0.0f, 1e-5f, 3.0f};
  for (const DType dtype : {DType::F16, DType::BF16}) {
    const auto narrow = dtype == DType::F16 ? f32_to_f16 : f32_to_bf16;
    std::vector<uint16_t> src, expected, values(5);
    for (const int i : {3, 0, 4, 2, 1}) src.push_back(narrow(want[i]));
    for (const float x : want) expected.push_back(narrow(x));
    run(Context{}, rk::prepare_sort(dtype, 1, 5, false, false), values.data(), nullptr, src.data());
    CHECK(values == expected);
  }
}

TEST_CASE("sorting rows is the same for any number of threads; empty arrays") {
  const auto src = numbers<float>(400 * 50, 1);
  const rk::Sort p = rk::prepare_sort(DType::F32, 400, 50, false, false);
  check_threads([&](const Context& context) {
    std::vector<float> values(src.size());
    run(context, p, values.data(), nullptr, src.data());
    return values;
  });
  float none = 4;
  run(Context{}, rk::prepare_sort(DType::F32, 0, 5, false, false), &none, nullptr, nullptr);
  run(Context{}, rk::prepare_sort(DType::F32, 3, 0, false, false), &none, nullptr, nullptr);
  CHECK(none == 4);
}

TEST_CASE("searchsorted at every level: few and many values, both sides, NaN last") {
  const auto search = [](const std::vector<float>& sorted, const std::vector<float>& values,
                         bool right) {
    const rk::Search p = rk::prepare_search(DType::F32, static_cast<int64_t>(sorted.size()),
                                            static_cast<int64_t>(values.size()), right);
    std::vector<std::byte> shared(p.scratch.shared), worker(p.scratch.per_worker);
    std::vector<int32_t> places(values.size());
    rk::run_search(Context{}, p, sorted.data(), values.data(), places.data(), shared.data(),
                   worker.data(), 0);
    return places;
  };
  for_each_isa([&](Isa) {
    const std::vector<float> values = {0, 2, 2.5f, 3, 9, NAN};
    CHECK(search({1, 2, 2, 3}, values, false) == std::vector<int32_t>{0, 1, 3, 3, 4, 4});
    CHECK(search({1, 2, 2, 3}, values, true) == std::vector<int32_t>{0, 3, 3, 4, 4, 4});
    CHECK(search({}, values, true) == std::vector<int32_t>(6, 0));
    for (const int64_t count : {1, 5, 100, 5000}) {
      auto sorted = numbers<float>(300, 1), wanted = numbers<float>(count, 2);
      for (float& x : sorted) x = std::round(20 * x);
      for (float& x : wanted) x = std::round(20 * x);
      std::sort(sorted.begin(), sorted.end());
      for (const bool right : {false, true}) {
        std::vector<int32_t> expected;
        for (const float x : wanted) {
          const auto at = right ? std::upper_bound(sorted.begin(), sorted.end(), x)
                                : std::lower_bound(sorted.begin(), sorted.end(), x);
          expected.push_back(static_cast<int32_t>(at - sorted.begin()));
        }
        CHECK(search(sorted, wanted, right) == expected);
      }
    }
  });
}

TEST_CASE("bincount skips what lies outside") {
  const int32_t index[] = {0, 2, 2, -1, 7, 1};
  const float weights[] = {1, 2, 3, 4, 5, 6};
  std::vector<float> weighted(6, 9.0f);
  std::vector<int32_t> counts(6, 9);
  rk::run_bincount(Context{}, rk::prepare_bincount(DType::I32, 2, 3, 3, true), weighted.data(),
                   index, weights, nullptr);
  rk::run_bincount(Context{}, rk::prepare_bincount(DType::I32, 2, 3, 3, false), counts.data(),
                   index, nullptr, nullptr);
  CHECK(weighted == std::vector<float>{1, 0, 5, 0, 6, 0});
  CHECK(counts == std::vector<int32_t>{1, 0, 2, 0, 1, 0});
}

TEST_CASE("a long row is counted in parts") {
  constexpr int64_t kCols = 100001, kLength = 50;
  std::vector<int64_t> index(kCols);
  std::vector<int32_t> want(kLength);
  for (int64_t i = 0; i < kCols; ++i) {
    index[i] = i * i % 61 - 3;
    if (index[i] >= 0 && index[i] < kLength) ++want[index[i]];
  }
  const rk::BinCount p = rk::prepare_bincount(DType::I64, 1, kCols, kLength, false);
  REQUIRE(p.parts > 1);
  check_threads([&](const Context& context) {
    std::vector<int32_t> counts(kLength, -1);
    std::vector<std::byte> shared(p.scratch.shared);
    rk::run_bincount(context, p, counts.data(), index.data(), nullptr, shared.data());
    CHECK(counts == want);
    return counts;
  });
}
