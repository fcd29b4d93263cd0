#include "kernels/cpu/pointwise/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/half.h"
#include "kernels/cpu/pointwise/erfinv.h"

namespace ranvier::kernels::reference {
namespace {

template <class T>
const T& at(const void* memory, int64_t index) {
  return static_cast<const T*>(memory)[index];
}
template <class T, class V>
void put(void* memory, int64_t index, V value) {
  static_cast<T*>(memory)[index] = static_cast<T>(value);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double normal_cdf(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }
double normal_pdf(double x) {
  return std::exp(-0.5 * x * x) / std::sqrt(2 * 3.14159265358979323846);
}
double gelu_inner(double x) {
  return std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
}
double python_mod(double a, double b) {
  const double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
double max_nan(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }
double min_nan(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b); }

double apply_one(PwOp op, double x) {
  switch (op) {
    case PwOp::Copy:
      return x;
    case PwOp::Neg:
      return -x;
    case PwOp::Abs:
      return std::abs(x);
    case PwOp::Sign:
      return std::isnan(x) ? x : (x > 0) - (x < 0);
    case PwOp::Floor:
      return std::floor(x);
    case PwOp::Ceil:
      return std::ceil(x);
    case PwOp::Round:
      return std::nearbyint(x);
    case PwOp::Trunc:
      return std::trunc(x);
    case PwOp::Exp:
      return std::exp(x);
    case PwOp::Expm1:
      return std::expm1(x);
    case PwOp::Exp2:
      return std::exp2(x);
    case PwOp::Log:
      return std::log(x);
    case PwOp::Log1p:
      return std::log1p(x);
    case PwOp::Log2:
      return std::log2(x);
    case PwOp::Log10:
      return std::log10(x);
    case PwOp::Sqrt:
      return std::sqrt(x);
    case PwOp::Rsqrt:
      return 1 / std::sqrt(x);
    case PwOp::Square:
      return x * x;
    case PwOp::Reciprocal:
      return 1 / x;
    case PwOp::Sin:
      return std::sin(x);
    case PwOp::Cos:
      return std::cos(x);
    case PwOp::Tan:
      return std::tan(x);
    case PwOp::Asin:
      return std::asin(x);
    case PwOp::Acos:
      return std::acos(x);
    case PwOp::Atan:
      return std::atan(x);
    case PwOp::Sinh:
      return std::sinh(x);
    case PwOp::Cosh:
      return std::cosh(x);
    case PwOp::Tanh:
      return std::tanh(x);
    case PwOp::Asinh:
      return std::asinh(x);
    case PwOp::Acosh:
      return std::acosh(x);
    case PwOp::Atanh:
      return std::atanh(x);
    case PwOp::Erf:
      return std::erf(x);
    case PwOp::Erfc:
      return std::erfc(x);
    case PwOp::Erfinv:
      return erfinv(x);
    case PwOp::Sigmoid:
      return sigmoid(x);
    case PwOp::Softplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case PwOp::Relu:
      return x < 0 ? 0 : x;
    case PwOp::Gelu:
      return x * normal_cdf(x);
    case PwOp::GeluTanh:
      return 0.5 * x * (1 + std::tanh(gelu_inner(x)));
    case PwOp::Silu:
      return x * sigmoid(x);
    case PwOp::IsNan:
      return std::isnan(x);
    case PwOp::IsInf:
      return std::isinf(x);
    case PwOp::IsFinite:
      return std::isfinite(x);
    default:
      fail<InternalError>("reference: ", info_of(op).name, " is not a float operation");
  }
}

double apply_two(PwOp op, double x, double y) {
  switch (op) {
    case PwOp::Add:
      return x + y;
    case PwOp::Sub:
      return x - y;
    case PwOp::Mul:
      return x * y;
    case PwOp::Div:
      return x / y;
    case PwOp::FloorDiv:
      return y == 0 ? x / y : std::round((x - python_mod(x, y)) / y);
    case PwOp::Mod:
      return python_mod(x, y);
    case PwOp::Pow:
      return std::pow(x, y);
    case PwOp::Min:
      return min_nan(x, y);
    case PwOp::Max:
      return max_nan(x, y);
    case PwOp::Atan2:
      return std::atan2(x, y);
    case PwOp::Equal:
      return x == y;
    case PwOp::NotEqual:
      return x != y;
    case PwOp::Less:
      return x < y;
    case PwOp::LessEqual:
      return x <= y;
    case PwOp::Greater:
      return x > y;
    case PwOp::GreaterEqual:
      return x >= y;
    case PwOp::ReluGrad:
      return x > 0 ? y : 0;
    case PwOp::SigmoidGrad:
      return y * x * (1 - x);
    case PwOp::TanhGrad:
      return y * (1 - x * x);
    case PwOp::GeluGrad:
      return y * (normal_cdf(x) + x * normal_pdf(x));
    case PwOp::GeluTanhGrad: {
      const double t = std::tanh(gelu_inner(x));
      const double slope = std::sqrt(2 / 3.14159265358979323846) * (1 + 3 * 0.044715 * x * x);
      return y * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope);
    }
    case PwOp::SiluGrad:
      return y * sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case PwOp::LeakyRelu:
      return x < 0 ? x * y : x;
    case PwOp::Elu:
      return x > 0 ? x : y * std::expm1(x);
    case PwOp::SqrtAdd:
      return std::sqrt(x) + y;
    case PwOp::AddRelu:
      return x + y < 0 ? 0 : x + y;
    case PwOp::SigmoidSub:
      return sigmoid(x) - y;
    default:
      fail<InternalError>("reference: ", info_of(op).name, " is not a float operation");
  }
}

double apply_many(PwOp op, std::span<const double> x) {
  switch (op) {
    case PwOp::LeakyReluGrad:
      return x[0] >= 0 ? x[1] : x[1] * x[2];
    case PwOp::EluGrad:
      return x[0] > 0 ? x[1] : x[1] * x[2] * std::exp(x[0]);
    case PwOp::Clip:
      return min_nan(max_nan(x[0], x[1]), x[2]);
    case PwOp::MulAdd:
      return x[0] * x[1] + x[2];
    case PwOp::MulSub:
      return x[0] * x[1] - x[2];
    case PwOp::SubProduct:
      return x[2] - x[0] * x[1];
    case PwOp::AddMul:
      return (x[0] + x[1]) * x[2];
    case PwOp::SubMul:
      return (x[0] - x[1]) * x[2];
    case PwOp::MulMul:
      return x[0] * x[1] * x[2];
    case PwOp::AddAdd:
      return x[0] + x[1] + x[2];
    case PwOp::MulAddMul:
      return x[0] * x[1] + x[2] * x[3];
    case PwOp::MulMulAddMul:
      return x[0] * x[1] * x[2] + x[3] * x[4];
    case PwOp::SubMulMul:
      return (x[0] - x[1]) * x[2] * x[3];
    case PwOp::SubMulMulAdd:
      return (x[0] - x[1]) * x[2] * x[3] + x[4];
    case PwOp::MulSqrtAddDiv:
      return x[0] * x[1] / (std::sqrt(x[2]) + x[3]);
    case PwOp::SqrtAddDiv:
      return x[0] / (std::sqrt(x[1]) + x[2]);
    case PwOp::AdamStep:
      return x[4] - x[0] * x[1] / (std::sqrt(x[2]) + x[3]);
    case PwOp::Lerp:
      return (x[0] - x[1]) * x[2] + x[1];
    case PwOp::SquareLerp:
      return (x[0] * x[0] - x[1]) * x[2] + x[1];
    case PwOp::MulAddRelu:
      return std::max(x[0] * x[1] + x[2], 0.0);
    default:
      fail<InternalError>("reference: ", info_of(op).name, " is not a float operation");
  }
}

double join(ReduceOp op, double a, double x) {
  switch (op) {
    case ReduceOp::Sum:
    case ReduceOp::Mean:
      return a + x;
    case ReduceOp::SumSquares:
      return a + x * x;
    case ReduceOp::Prod:
      return a * x;
    case ReduceOp::Max:
      return max_nan(a, x);
    case ReduceOp::Min:
      return min_nan(a, x);
    case ReduceOp::Any:
      return a != 0 || x != 0;
    case ReduceOp::All:
      return a != 0 && x != 0;
  }
  return a;
}

double identity(ReduceOp op) {
  switch (op) {
    case ReduceOp::Prod:
    case ReduceOp::All:
      return 1;
    case ReduceOp::Max:
      return -std::numeric_limits<double>::infinity();
    case ReduceOp::Min:
      return std::numeric_limits<double>::infinity();
    default:
      return 0;
  }
}

}  // namespace

Value load(DType dtype, const void* memory, int64_t index) {
  const RegType type = register_of(dtype);
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return {type, 0, at<uint8_t>(memory, index), 0};
    case DType::U16:
      return {type, 0, at<uint16_t>(memory, index), 0};
    case DType::U32:
      return {type, 0, at<uint32_t>(memory, index), 0};
    case DType::U64:
      return {type, 0, 0, at<uint64_t>(memory, index)};
    case DType::I8:
      return {type, 0, at<int8_t>(memory, index), 0};
    case DType::I16:
      return {type, 0, at<int16_t>(memory, index), 0};
    case DType::I32:
      return {type, 0, at<int32_t>(memory, index), 0};
    case DType::I64:
      return {type, 0, at<int64_t>(memory, index), 0};
    case DType::F16:
      return {type, f16_to_f32(at<uint16_t>(memory, index)), 0, 0};
    case DType::BF16:
      return {type, bf16_to_f32(at<uint16_t>(memory, index)), 0, 0};
    case DType::F8E4M3:
      return {type, f8_to_f32<4>(at<uint8_t>(memory, index)), 0, 0};
    case DType::F8E5M2:
      return {type, f8_to_f32<5>(at<uint8_t>(memory, index)), 0, 0};
    case DType::F32:
      return {type, at<float>(memory, index), 0, 0};
    case DType::F64:
      return {type, at<double>(memory, index), 0, 0};
  }
  return {type, 0, 0, 0};
}

void store(DType dtype, void* memory, int64_t index, const Value& value) {
  switch (dtype) {
    case DType::Bool:
      return put<uint8_t>(memory, index, value.i != 0);
    case DType::U8:
      return put<uint8_t>(memory, index, value.i);
    case DType::U16:
      return put<uint16_t>(memory, index, value.i);
    case DType::U32:
      return put<uint32_t>(memory, index, value.i);
    case DType::U64:
      return put<uint64_t>(memory, index, value.u);
    case DType::I8:
      return put<int8_t>(memory, index, value.i);
    case DType::I16:
      return put<int16_t>(memory, index, value.i);
    case DType::I32:
      return put<int32_t>(memory, index, value.i);
    case DType::I64:
      return put<int64_t>(memory, index, value.i);
    case DType::F16:
      return put<uint16_t>(memory, index, f32_to_f16(static_cast<float>(value.f)));
    case DType::BF16:
      return put<uint16_t>(memory, index, f32_to_bf16(static_cast<float>(value.f)));
    case DType::F8E4M3:
      return put<uint8_t>(memory, index, f32_to_f8<4>(static_cast<float>(value.f)));
    case DType::F8E5M2:
      return put<uint8_t>(memory, index, f32_to_f8<5>(static_cast<float>(value.f)));
    case DType::F32:
      return put<float>(memory, index, value.f);
    case DType::F64:
      return put<double>(memory, index, value.f);
  }
}

double apply_float(PwOp op, std::span<const double> x) {
  if (x.size() == 1) return apply_one(op, x[0]);
  if (x.size() == 2) return apply_two(op, x[0], x[1]);
  return apply_many(op, x);
}

void reduce(ReduceOp op, const double* src, const Shape& shape, std::span<const int> axes,
            double* dst) {
  std::array<bool, kMaxRank> reduced{};
  for (int axis : axes) reduced[axis] = true;
  std::array<int64_t, kMaxRank> stride{};  // of the result
  int64_t results = 1, count = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    stride[axis] = reduced[axis] ? 0 : results;
    (reduced[axis] ? count : results) *= shape[axis];
  }
  std::fill(dst, dst + results, identity(op));
  for (int64_t i = 0; i < shape.size(); ++i) {
    int64_t rest = i, to = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      to += rest % shape[axis] * stride[axis];
      rest /= shape[axis];
    }
    dst[to] = join(op, dst[to], src[i]);
  }
  if (op == ReduceOp::Mean)
    for (int64_t i = 0; i < results; ++i) dst[i] /= static_cast<double>(count);
}

}  // namespace ranvier::kernels::reference
