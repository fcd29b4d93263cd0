#include <algorithm>
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

template <class T>
void check_sort(DType dtype, const std::vector<T>& src, int64_t rows, int64_t cols) {
  CAPTURE(name_of(dtype));
  CAPTURE(cols);
  for (const bool descending : {false, true}) {
    const rk::Sort p = rk::prepare_sort(dtype, rows, cols, descending);
    std::vector<std::byte> scratch(p.scratch.per_worker);
    std::vector<T> values(src.size());
    std::vector<int32_t> indices(src.size()), order(static_cast<size_t>(cols));
    rk::run_sort(Context{}, p, values.data(), indices.data(), src.data(), scratch.data(),
                 scratch.size());
    const int64_t k = (cols + 2) / 3;
    const rk::Sort top = rk::prepare_top_k(dtype, rows, cols, k);
    std::vector<T> top_values(static_cast<size_t>(rows * k));
    std::vector<int32_t> top_indices(top_values.size());
    rk::run_top_k(Context{}, top, top_values.data(), top_indices.data(), src.data(), scratch.data(),
                  scratch.size());
    for (int64_t r = 0; r < rows; ++r) {
      const T* row = src.data() + r * cols;
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
        return descending ? less(row[b], row[a]) : less(row[a], row[b]);
      });
      for (int64_t i = 0; i < cols; ++i) {
        REQUIRE(indices[r * cols + i] == order[i]);
        REQUIRE(std::memcmp(&values[r * cols + i], &row[order[i]], sizeof(T)) == 0);
      }
      if (descending)
        for (int64_t i = 0; i < k; ++i) {
          REQUIRE(top_indices[r * k + i] == order[i]);
          REQUIRE(std::memcmp(&top_values[r * k + i], &row[order[i]], sizeof(T)) == 0);
        }
    }
  }
}

template <class T>
void check_type(DType dtype) {
  for (const int64_t cols : {1, 2, 7, 32, 33, 1000, 5000}) {
    auto src =
        numbers<T>(2 * cols, 3, std::is_floating_point_v<T> ? 9 : 60, std::is_signed_v<T> ? 0 : 60);
    if constexpr (std::is_floating_point_v<T>) {
      for (size_t i = 0; i < src.size(); i += 5) src[i] = std::round(src[i]);  // ties, zeros
      src[0] = NAN, src.back() = -INFINITY, src[src.size() / 2] = -T(NAN), src[1] = -T(0);
    }
    check_sort(dtype, src, 2, cols);
  }
}

}  // namespace

TEST_CASE("sort, argsort and top-k: stable, both directions, NaN last") {
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
}

TEST_CASE("half floats sort by value") {
  const std::vector<float> want = {-INFINITY, -2.5f, 0.0f, 1e-5f, 3.0f};
  for (const DType dtype : {DType::F16, DType::BF16}) {
    const auto narrow = dtype == DType::F16 ? f32_to_f16 : f32_to_bf16;
    std::vector<uint16_t> src, expected, values(5);
    for (const int i : {3, 0, 4, 2, 1}) src.push_back(narrow(want[i]));
    for (const float x : want) expected.push_back(narrow(x));
    const rk::Sort p = rk::prepare_sort(dtype, 1, 5, false);
    std::vector<std::byte> scratch(p.scratch.per_worker);
    rk::run_sort(Context{}, p, values.data(), nullptr, src.data(), scratch.data(), scratch.size());
    CHECK(values == expected);
  }
}

TEST_CASE("sorting rows is the same for any number of threads; empty arrays") {
  const auto src = numbers<float>(400 * 50, 1);
  const rk::Sort p = rk::prepare_sort(DType::F32, 400, 50, false);
  check_threads([&](const Context& context) {
    const auto workers = static_cast<size_t>(context.workers);
    std::vector<std::byte> scratch(p.scratch.per_worker * workers);
    std::vector<float> values(src.size());
    rk::run_sort(context, p, values.data(), nullptr, src.data(), scratch.data(),
                 p.scratch.per_worker);
    return values;
  });
  float none = 4;
  rk::run_sort(Context{}, rk::prepare_sort(DType::F32, 0, 5, false), &none, nullptr, nullptr,
               nullptr, 0);
  rk::run_sort(Context{}, rk::prepare_sort(DType::F32, 3, 0, false), &none, nullptr, nullptr,
               nullptr, 0);
  CHECK(none == 4);
}

TEST_CASE("searchsorted and bincount") {
  const float sorted[] = {1, 2, 2, 3}, values[] = {0, 2, 2.5f, 3, 9, NAN};
  int32_t left[6], right[6];
  rk::run_searchsorted(Context{}, DType::F32, 4, sorted, 6, values, false, left);
  rk::run_searchsorted(Context{}, DType::F32, 4, sorted, 6, values, true, right);
  const int32_t want_left[] = {0, 1, 3, 3, 4, 4}, want_right[] = {0, 3, 3, 4, 4, 4};
  for (int i = 0; i < 6; ++i) {
    CHECK(left[i] == want_left[i]);
    CHECK(right[i] == want_right[i]);
  }
  const int32_t index[] = {0, 2, 2, -1, 7, 1};
  const float weights[] = {1, 2, 3, 4, 5, 6};
  std::vector<float> weighted(6);
  std::vector<int32_t> counts(6);
  rk::run_bincount(Context{}, DType::F32, 2, 3, 3, weighted.data(), DType::I32, index, weights);
  rk::run_bincount(Context{}, DType::I32, 2, 3, 3, counts.data(), DType::I32, index, nullptr);
  CHECK(weighted == std::vector<float>{1, 0, 5, 0, 6, 0});
  CHECK(counts == std::vector<int32_t>{1, 0, 2, 0, 1, 0});
}
