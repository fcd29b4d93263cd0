#pragma once
// What the tests of convolution and pooling share: random data, pools of a given size, bounds.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/thread_pool.h"

namespace ranvier::testing {

inline std::vector<Isa> levels() {
  std::vector<Isa> all;
  for (int i = 0; i <= static_cast<int>(vector_level(detected_isa())); ++i)
    all.push_back(static_cast<Isa>(i));
  return all;
}

// A context with its own pool.
struct Threads {
  explicit Threads(int count) : pool(count, 10) {
    context.pool = &pool;
    context.workers = count;
  }
  ThreadPool pool;
  Context context;
};

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 4 ? DType::F32 : DType::F64;
}

template <class T>
std::vector<T> random_values(std::mt19937& rng, size_t count) {
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> values(count);
  for (T& v : values) v = static_cast<T>(uniform(rng));
  return values;
}

inline int64_t pick(std::mt19937& rng, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(rng);
}

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
  }
  return worst;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// 64-byte aligned scratch of exactly the bytes asked for, so that a sanitizer sees overruns.
class Aligned {
 public:
  explicit Aligned(size_t bytes) : storage_(bytes + 64) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    data_ = storage_.data() + (64 - address % 64) % 64;
    std::fill(storage_.begin(), storage_.end(), std::byte{0xff});  // NaN: never read before written
  }
  std::byte* data() { return data_; }

 private:
  std::vector<std::byte> storage_;
  std::byte* data_;
};

}  // namespace ranvier::testing
