// Float arithmetic, comparisons and selection as loops over lanes, once per instruction set:
// float64, and what `tile_f32.cpp` does not have. Every formula rounds after each operation.

#include <limits>

#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels::RV_ISA {
extern const TileChoice kArithmeticTiles;
namespace arithmetic {
namespace {

template <class T>
constexpr T kMost = std::numeric_limits<T>::max();

inline double max_nan(double a, double b) { return a > b || a != a ? a : b; }
inline double min_nan(double a, double b) { return a < b || a != a ? a : b; }

template <class T>
TileFn shared_fn(PwOp op) {
  switch (op) {
    RV_COMPARISONS;
    RV_P1(IsNan, x != x);
    RV_P1(IsInf, (x > kMost<T>) | (x < -kMost<T>));
    RV_P1(IsFinite, (x <= kMost<T>)&(x >= -kMost<T>));
    case PwOp::Select:
      return select_lanes<T>;
    default:
      return nullptr;
  }
}

TileFn double_fn(PwOp op) {
  using T = double;
  switch (op) {
    RV_1(Copy, x);
    RV_2(Add, x + y);
    RV_2(Sub, x - y);
    RV_2(Mul, x * y);
    RV_2(Div, x / y);
    RV_2(Min, min_nan(x, y));
    RV_2(Max, max_nan(x, y));
    RV_1(Neg, -x);
    RV_1(Abs, __builtin_fabs(x));
    RV_1(Sign, x > 0 ? 1 : x < 0 ? -1 : x);
    RV_1(Floor, __builtin_floor(x));
    RV_1(Ceil, __builtin_ceil(x));
    RV_1(Round, __builtin_nearbyint(x));
    RV_1(Trunc, __builtin_trunc(x));
    RV_1(Sqrt, __builtin_sqrt(x));
    RV_1(Rsqrt, 1 / __builtin_sqrt(x));
    RV_1(Square, x * x);
    RV_1(Reciprocal, 1 / x);
    RV_1(Relu, x < 0 ? 0 : x);
    RV_2(ReluGrad, x > 0 ? y : 0);
    RV_2(SigmoidGrad, y * x * (1 - x));
    RV_2(TanhGrad, y * (1 - x * x));
    RV_2(LeakyRelu, x < 0 ? x * y : x);
    RV_3(LeakyReluGrad, x >= 0 ? y : y * z);
    RV_3(Clip, min_nan(max_nan(x, y), z));
    default:
      return shared_fn<double>(op);
  }
}

TileFn tile_of(PwOp op, RegType type) noexcept {
  return type == RegType::F32 ? shared_fn<float>(op) : double_fn(op);
}

}  // namespace
}  // namespace arithmetic

const TileChoice kArithmeticTiles = arithmetic::tile_of;

}  // namespace ranvier::kernels::RV_ISA
