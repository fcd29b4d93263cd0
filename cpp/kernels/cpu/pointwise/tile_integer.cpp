// Kernels for int32, int64, uint64 and Bool registers, once per instruction set. Arithmetic wraps;
// nothing here has undefined behaviour for any operand.

#include <limits>
#include <type_traits>

#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels::RV_ISA {
extern const TileChoice kIntegerTiles;
namespace integers {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

template <class T>
T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <class T>
T wrap_sub(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
}
template <class T>
T wrap_mul(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
}
// Rounded toward zero, for b other than 0 and -1. The quotient of two int32 in float64 is exact or
// further from the next integer than its rounding reaches: vectors have no integer division.
template <class T>
T quotient(T a, T b) {
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(static_cast<double>(a) / static_cast<double>(b));
  else
    return a / b;
}
// The quotient, one less where the remainder has not the sign of the divisor.
// By 0 as XLA has it, whose quotient is -1 with a remainder of a, so that it is rounded down to -2
// where a is not 0; of uint64 all bits. (For narrower unsigned types, see `at_least_minus_one`.)
template <class T>
T floor_div(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    const T divisor = b == 0 || b == -1 ? T(1) : b;
    const T q = quotient(a, divisor), rest = wrap_sub(a, wrap_mul(q, divisor));
    const T down = wrap_sub(q, static_cast<T>(rest != 0 && (rest ^ divisor) < 0));
    const T by_zero = a != 0 ? T(-2) : T(-1);
    return b == 0 ? by_zero : b == -1 ? wrap_sub(T(0), a) : down;
  } else {
    return b == 0 ? static_cast<T>(-1) : a / b;
  }
}
template <class T>
T mod(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    const T divisor = b == 0 || b == -1 ? T(1) : b;
    const T rest = wrap_sub(a, wrap_mul(quotient(a, divisor), divisor));
    return rest != 0 && (rest ^ divisor) < 0 ? wrap_add(rest, divisor) : rest;
  } else {
    return b == 0 ? T(0) : a % b;
  }
}
template <class T>
T power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == -1) return exponent % 2 == 0 ? T(1) : T(-1);
      return 0;
    }
  }
  T result = 1;
  for (; exponent; exponent /= 2) {
    if (exponent % 2 != 0) result = wrap_mul(result, base);
    base = wrap_mul(base, base);
  }
  return result;
}
// By less than 0 or all bits and more, as XLA: nothing of a is left but its sign.
template <class T>
constexpr Unsigned<T> kBits = 8 * sizeof(T);
template <class T>
T shift_left(T a, T count) {
  const auto by = static_cast<Unsigned<T>>(count);
  const auto bits = static_cast<Unsigned<T>>(a) << (by % kBits<T>);
  return by < kBits<T> ? static_cast<T>(bits) : T(0);
}
template <class T>
T shift_right(T a, T count) {
  const auto by = static_cast<Unsigned<T>>(count);
  return static_cast<T>(a >> (by < kBits<T> ? by : kBits<T> - 1) >> (by < kBits<T> ? 0 : 1));
}
template <class T>
T negate(T a) {
  return wrap_sub(T(0), a);
}
template <class T>
T absolute(T a) {
  return a < 0 ? negate(a) : a;
}
template <class T>
T larger(T a, T b) {
  return a > b ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
T sign(T a) {
  return a > 0 ? T(1) : a == 0 ? T(0) : static_cast<T>(-1);
}

// What every type that is not a float has.
template <class T>
TileFn discrete_fn(PwOp op) {
  switch (op) {
    RV_1(Copy, x);
    RV_2(Min, smaller(x, y));
    RV_2(Max, larger(x, y));
    RV_COMPARISONS;
    RV_2(BitAnd, x & y);
    RV_2(BitOr, x | y);
    RV_2(BitXor, x ^ y);
    case PwOp::Select:
      return select_lanes<T>;
    default:
      return nullptr;
  }
}

template <class T>
TileFn integer_fn(PwOp op) {
  switch (op) {
    RV_2(Add, wrap_add(x, y));
    RV_2(Sub, wrap_sub(x, y));
    RV_2(Mul, wrap_mul(x, y));
    RV_2(FloorDiv, floor_div(x, y));
    RV_2(Mod, mod(x, y));
    RV_2(Pow, power(x, y));
    RV_1(BitNot, static_cast<T>(~x));
    RV_2(ShiftLeft, shift_left(x, y));
    RV_2(ShiftRight, shift_right(x, y));
    RV_1(Neg, negate(x));
    RV_1(Abs, absolute(x));
    RV_1(Sign, sign(x));
    case PwOp::Floor:
    case PwOp::Ceil:
    case PwOp::Round:
    case PwOp::Trunc:
      return discrete_fn<T>(PwOp::Copy);
      RV_1(Square, wrap_mul(x, x));
      RV_1(Relu, larger(x, T(0)));
      RV_3(Clip, smaller(larger(x, y), z));
      RV_P1(IsNan, 0);
      RV_P1(IsInf, 0);
      RV_P1(IsFinite, 1);
    default:
      return discrete_fn<T>(op);
  }
}

TileFn bool_fn(PwOp op) {
  using T = uint8_t;
  switch (op) {
    RV_2(LogicalAnd, x & y);
    RV_2(LogicalOr, x | y);
    RV_2(LogicalXor, x ^ y);
    case PwOp::BitNot:
      RV_1(LogicalNot, x ^ 1);
    default:
      return discrete_fn<T>(op);
  }
}

TileFn tile_of(PwOp op, RegType type) noexcept {
  switch (type) {
    case RegType::I32:
      return integer_fn<int32_t>(op);
    case RegType::I64:
      return integer_fn<int64_t>(op);
    case RegType::U64:
      return integer_fn<uint64_t>(op);
    default:
      return bool_fn(op);
  }
}

}  // namespace
}  // namespace integers

const TileChoice kIntegerTiles = integers::tile_of;

}  // namespace ranvier::kernels::RV_ISA
