#pragma once
// Arrays of reproducible numbers, every level of this machine, thread counts.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"

namespace ranvier::testing {

template <class F>
void for_each_isa(const F& f) {
  const Isa before = active_isa();
  for (int i = 0; i <= static_cast<int>(vector_level(detected_isa())); ++i) {
    const Isa isa = static_cast<Isa>(i);
    INFO("isa ", name_of(isa));
    set_active_isa(isa);
    f(isa);
  }
  set_active_isa(before);
}

// Numbers in [-1, 1) from a linear congruential generator.
template <class T>
std::vector<T> numbers(int64_t n, uint64_t seed, double scale = 1, double shift = 0) {
  std::vector<T> out(static_cast<size_t>(n));
  uint64_t state = seed * 2862933555777941757u + 3037000493u;
  for (T& x : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = static_cast<T>(static_cast<double>(static_cast<int64_t>(state) >> 11) * 0x1p-52 * scale +
                       shift);
  }
  return out;
}

// |a - b| <= tolerance (1 + |b|) everywhere, NaN meeting NaN.
template <class T>
void check_close(const std::vector<T>& a, const std::vector<T>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) {
      CHECK(std::isnan(a[i]));
      continue;
    }
    const double error = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(error <= tolerance * (1 + std::abs(static_cast<double>(b[i]))))) {
      INFO("element ", i, ": ", a[i], " instead of ", b[i]);
      REQUIRE(error <= tolerance);
    }
  }
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// f(context) returns a vector; with 1, 2 and 3 threads it must hold the same bits.
template <class F>
void check_threads(const F& f) {
  const int before = num_threads();
  set_num_threads(1);
  const auto one = f(default_context());
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    INFO(threads, " threads");
    CHECK(same_bits(one, f(default_context())));
  }
  set_num_threads(before);
}

}  // namespace ranvier::testing
