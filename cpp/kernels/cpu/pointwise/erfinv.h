#pragma once
// Inverse error function in float64.

#include <cmath>
#include <limits>

namespace ranvier::kernels {

// Winitzki's closed approximation (2e-3), then Newton steps with Halley's correction, which triple
// the number of correct digits each: f = erf(y) - x, f' = 2/sqrt(pi) exp(-y^2), f''/f' = -2 y. Near
// 1 the difference is formed from erfc, which keeps its relative precision there.
inline double erfinv(double x) noexcept {
  const double a = std::abs(x);
  if (!(a <= 1.0)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 1.0) return std::copysign(std::numeric_limits<double>::infinity(), x);
  if (a < 1e-8) return x * 0.88622692545275801365;
  const double l = std::log1p(-a * a);
  const double t = 4.330746750799873 + 0.5 * l;  // 2 / (pi 0.147)
  double y = std::sqrt(std::sqrt(t * t - l / 0.147) - t);
  const double tail = 1.0 - a;
  for (int i = 0; i < 3; ++i) {
    const double f = a < 0.5 ? std::erf(y) - a : tail - std::erfc(y);
    const double step = f / (1.1283791670955125739 * std::exp(-y * y));
    y -= step / (1.0 + y * step);
  }
  return std::copysign(y, x);
}

}  // namespace ranvier::kernels
