// Common float kernels, element by element through libm: the elementary functions that no
// instruction set level writes as vectors.

#include <cmath>

#include "kernels/cpu/pointwise/erfinv.h"
#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
template <class T>
T cdf(T x) {
  return T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
}
template <class T>
T gelu_inner(T x) {
  return T(0.79788456080286535588) * (x + T(0.044715) * x * x * x);
}
template <class T>
T gelu_tanh_grad(T x, T dy) {
  const T t = std::tanh(gelu_inner(x));
  const T slope = T(0.79788456080286535588) * (T(1) + T(0.134145) * x * x);
  return dy * (T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * slope);
}
template <class T>
T silu_grad(T x, T dy) {
  const T s = sigmoid(x);
  return dy * (s * (T(1) + x * (T(1) - s)));
}

template <class T>
TileFn function_fn(PwOp op) {
  switch (op) {
    RV_2(Pow, std::pow(x, y));
    RV_2(Atan2, std::atan2(x, y));
    RV_1(Exp, std::exp(x));
    RV_1(Expm1, std::expm1(x));
    RV_1(Exp2, std::exp2(x));
    RV_1(Log, std::log(x));
    RV_1(Log1p, std::log1p(x));
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
    RV_1(Tanh, std::tanh(x));
    RV_1(Asinh, std::asinh(x));
    RV_1(Acosh, std::acosh(x));
    RV_1(Atanh, std::atanh(x));
    RV_1(Erf, std::erf(x));
    RV_1(Erfc, std::erfc(x));
    RV_1(Erfinv, static_cast<T>(erfinv(static_cast<double>(x))));
    RV_1(Sigmoid, sigmoid(x));
    RV_1(Softplus, (x > T(0) ? x : T(0)) + std::log1p(std::exp(-std::abs(x))));
    RV_1(Gelu, x * cdf(x));
    RV_1(GeluTanh, T(0.5) * x * (T(1) + std::tanh(gelu_inner(x))));
    RV_1(Silu, x * sigmoid(x));
    RV_2(GeluGrad, y * (cdf(x) + x * (T(0.39894228040143267794) * std::exp(T(-0.5) * x * x))));
    RV_2(GeluTanhGrad, gelu_tanh_grad(x, y));
    RV_2(SiluGrad, silu_grad(x, y));
    RV_2(Elu, x > T(0) ? x : y * std::expm1(x));
    RV_3(EluGrad, x > T(0) ? y : y * (z * std::exp(x)));
    default:
      return nullptr;
  }
}

}  // namespace

TileFn libm_tile(PwOp op, RegType type) {
  return type == RegType::F32 ? function_fn<float>(op) : function_fn<double>(op);
}

}  // namespace ranvier::kernels
