#pragma once
// What the ladders share: a vector type, data, times, one line per rung.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/parallel.h"
#include "runtime/roofline.h"

namespace ladder {

// Sixteen floats: one AVX-512 register, or what the compiler makes of it on this machine.
using Vector [[gnu::vector_size(64)]] = float;
inline constexpr int kLanes = 16;

inline Vector load(const float* p) {
  Vector x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline void store(Vector x, float* p) { __builtin_memcpy(p, &x, sizeof x); }

inline std::vector<float> random_floats(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Shortest of several calls within half a second, at least two.
template <class Fn>
double shortest(Fn&& fn) {
  double best = 1e30;
  const double end = seconds() + 0.5;
  for (int i = 0; i < 2 || seconds() < end; ++i) {
    const double start = seconds();
    fn();
    best = std::min(best, seconds() - start);
  }
  return best;
}

// Runs rungs on one problem, checks each against the first, and prints what it gained.
class Ladder {
 public:
  Ladder(double flops, std::vector<float>& result) : flops_(flops), result_(result) {
    ranvier::set_num_threads(1);
    const double peak = ranvier::machine_roofline().flops_per_second;
    std::printf("one core's FMA peak: %.0f GFLOP/s\n%-46s %10s %10s %7s\n", peak * 1e-9, "", "ms",
                "GFLOP/s", "share");
    peak_ = peak;
  }

  template <class Fn>
  void rung(const char* name, Fn&& fn, int threads = 1) {
    std::fill(result_.begin(), result_.end(), NAN);
    const double time = shortest(fn);
    const double speed = flops_ / time;
    std::printf("%-46s %10.2f %10.1f %6.0f%%\n", name, time * 1e3, speed * 1e-9,
                100 * speed / (peak_ * threads));
    if (first_.empty()) first_ = result_;
    check(name);
  }

 private:
  void check(const char* name) const {
    double squares = 0, worst = 0;
    for (size_t i = 0; i < first_.size(); ++i) {
      squares += static_cast<double>(first_[i]) * first_[i];
      const double difference = std::abs(static_cast<double>(result_[i]) - first_[i]);
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    const double rms = std::sqrt(squares / static_cast<double>(first_.size()));
    if (worst <= 1e-3 * rms) return;
    std::printf("%s: differs from the first rung by %g of the RMS\n", name, worst / rms);
    std::exit(1);
  }

  double flops_, peak_ = 0;
  std::vector<float>& result_;
  std::vector<float> first_;
};

}  // namespace ladder
