// Common float kernels, element by element through libm: the elementary functions that no
// instruction set level writes as vectors.

#include <cmath>

#include "kernels/cpu/pointwise/erfinv.h"
#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

double sigmoid(double x) {
  const double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
double cdf(double x) { return 0.5 * (1 + std::erf(x * 0.70710678118654752440)); }
// Exponents that products and roots serve as well, at a tenth of the time; of cubes 1.5 ULP.
double power(double x, double y) {
  if (y == 2) return x * x;
  if (y == 3) return x * x * x;
  if (y == -1) return 1 / x;
  if (y == 0.5) return std::isinf(x) ? std::abs(x) : std::sqrt(x + 0.0);
  return std::pow(x, y);
}
double gelu_inner(double x) { return 0.79788456080286535588 * (x + 0.044715 * x * x * x); }
double gelu_tanh_grad(double x, double dy) {
  const double t = std::tanh(gelu_inner(x));
  const double slope = 0.79788456080286535588 * (1 + 0.134145 * x * x);
  return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope);
}
double silu_grad(double x, double dy) {
  const double s = sigmoid(x);
  return dy * (s * (1 + x * (1 - s)));
}

template <class T>
TileFn rare_fn(PwOp op) {
  switch (op) {
    RV_1(Erfc, std::erfc(x));
    RV_1(Erfinv, static_cast<T>(erfinv(static_cast<double>(x))));
    default:
      return nullptr;
  }
}

TileFn double_fn(PwOp op) {
  using T = double;
  switch (op) {
    RV_2(Pow, power(x, y));
    RV_2(Atan2, std::atan2(x, y));
    RV_1(Exp2, std::exp2(x));
    RV_1(Log2, std::log2(x));
    RV_1(Log10, std::log10(x));
    RV_1(Sin, std::sin(x));
    RV_1(Cos, std::cos(x));
    RV_1(Tan, std::tan(x));
    RV_1(Asin, std::asin(x));
    RV_1(Acos, std::acos(x));
    RV_1(Atan, std::atan(x));
    RV_1(Sinh, std::sinh(x));
    RV_1(Cosh, std::cosh(x));
    RV_1(Asinh, std::asinh(x));
    RV_1(Acosh, std::acosh(x));
    RV_1(Atanh, std::atanh(x));
    RV_1(Erf, std::erf(x));
    RV_1(Gelu, x * cdf(x));
    RV_1(GeluTanh, 0.5 * x * (1 + std::tanh(gelu_inner(x))));
    RV_2(GeluGrad, y * (cdf(x) + x * (0.39894228040143267794 * std::exp(-0.5 * x * x))));
    RV_2(GeluTanhGrad, gelu_tanh_grad(x, y));
    RV_2(SiluGrad, silu_grad(x, y));
    RV_2(Elu, x > 0 ? x : y * std::expm1(x));
    RV_3(EluGrad, x > 0 ? y : y * (z * std::exp(x)));
    default:
      return rare_fn<double>(op);
  }
}

}  // namespace

TileFn libm_tile(PwOp op, RegType type) {
  return type == RegType::F32 ? rare_fn<float>(op) : double_fn(op);
}

}  // namespace ranvier::kernels
