// Common float kernels, element by element through libm: every operation on float64, and those
// float32 operations that no instruction set level writes as vectors.

#include <cmath>
#include <limits>

#include "kernels/cpu/pointwise/erfinv.h"
#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

// Python's remainder: the sign of the divisor; x % 0 is NaN as in NumPy.
template <class T>
T mod(T a, T b) {
  const T r = std::fmod(a, b);
  if (r == T(0)) return std::copysign(T(0), b);
  return (r < T(0)) != (b < T(0)) ? r + b : r;
}
template <class T>
T floor_div(T a, T b) {
  if (b == T(0)) return a / b;
  const T r = mod(a, b);
  const T q = (a - r) / b;
  const T whole = std::floor(q);
  return q - whole > T(0.5) ? whole + T(1) : whole;
}
template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
template <class T>
T max_nan(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
T min_nan(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
T relu(T x) {
  return x < T(0) ? T(0) : x;
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
TileFn arithmetic_fn(PwOp op) {
  switch (op) {
    RV_1(Copy, x);
    RV_2(Add, x + y);
    RV_2(Sub, x - y);
    RV_2(Mul, x * y);
    RV_2(Div, x / y);
    RV_2(FloorDiv, floor_div(x, y));
    RV_2(Mod, mod(x, y));
    RV_2(Pow, std::pow(x, y));
    RV_2(Min, min_nan(x, y));
    RV_2(Max, max_nan(x, y));
    RV_2(Atan2, std::atan2(x, y));
    RV_P2(Equal, x == y);
    RV_P2(NotEqual, x != y);
    RV_P2(Less, x < y);
    RV_P2(LessEqual, x <= y);
    RV_P2(Greater, x > y);
    RV_P2(GreaterEqual, x >= y);
    RV_P1(IsNan, x != x);
    RV_P1(IsInf, std::abs(x) == std::numeric_limits<T>::infinity());
    RV_P1(IsFinite, std::abs(x) < std::numeric_limits<T>::infinity());
    RV_1(Neg, -x);
    RV_1(Abs, std::abs(x));
    RV_1(Sign, x > T(0) ? T(1) : x < T(0) ? T(-1) : x);
    RV_1(Floor, std::floor(x));
    RV_1(Ceil, std::ceil(x));
    RV_1(Round, std::nearbyint(x));
    RV_1(Trunc, std::trunc(x));
    RV_1(Sqrt, std::sqrt(x));
    RV_1(Rsqrt, T(1) / std::sqrt(x));
    RV_1(Square, x * x);
    RV_1(Reciprocal, T(1) / x);
    RV_1(Relu, relu(x));
    RV_2(ReluGrad, x > T(0) ? y : T(0));
    RV_2(SigmoidGrad, y * x * (T(1) - x));
    RV_2(TanhGrad, y * (T(1) - x * x));
    RV_2(LeakyRelu, x < T(0) ? x * y : x);
    RV_3(LeakyReluGrad, x >= T(0) ? y : y * z);
    RV_3(Clip, min_nan(max_nan(x, y), z));
    case PwOp::Select:
      return select_lanes<T>();
    default:
      return nullptr;
  }
}

template <class T>
TileFn function_fn(PwOp op) {
  switch (op) {
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

TileFn common_float_fn(PwOp op, RegType type) {
  if (type == RegType::F32) {
    if (TileFn fn = arithmetic_fn<float>(op)) return fn;
    return function_fn<float>(op);
  }
  if (TileFn fn = arithmetic_fn<double>(op)) return fn;
  return function_fn<double>(op);
}

}  // namespace ranvier::kernels
