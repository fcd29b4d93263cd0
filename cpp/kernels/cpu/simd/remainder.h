#pragma once
// Python's remainder and floor division: the remainder has the sign of the divisor, x % 0 is NaN as
// in NumPy. Lanes whose quotient is too large, or not a number, take libm's remainder.

#include <math.h>

#include "kernels/cpu/simd/in_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline double mod_by_libm(double a, double b) {
  const double r = ::fmod(a, b);
  if (r == 0) return __builtin_copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
inline double floor_div_by_libm(double a, double b) {
  if (b == 0) return a / b;
  const double q = (a - mod_by_libm(a, b)) / b, whole = __builtin_floor(q);
  return q - whole > 0.5 ? whole + 1 : whole;
}

struct Divided {
  VecD quotient, rest;  // rounded down; of the divisor's sign, or zero
  VecL usual;           // the other lanes are garbage
};
RV_INLINE VecD zero_with_sign(VecD rest, VecD b) {
  const VecD zero = bit_cast<double>(bit_cast<int64_t>(b) & VecL::set1(INT64_MIN));
  return select(rest == vd(0.0), zero, rest);
}
// Of float32 values: no quotient below 2^28 is nearer to an integer than its rounding reaches, and
// the product has 52 bits.
RV_INLINE Divided divide_floats(VecD a, VecD b) {
  const VecD q = floor(a / b), rest = a - q * b;
  return {q, zero_with_sign(rest, b), (abs(q) < vd(0x1p28)) & (rest == rest)};
}
// A quotient that was rounded up to an integer leaves a remainder of the wrong sign, exact since
// its product is not rounded: without that every lane is left to libm.
RV_INLINE Divided divide_doubles(VecD a, VecD b) {
#if defined(__FMA__)
  const VecD q = floor(a / b), rest = fma(-q, b, a);
  const VecL over = ((rest < vd(0.0)) & (b > vd(0.0))) | ((rest > vd(0.0)) & (b < vd(0.0)));
  return {select(over, q - vd(1.0), q), zero_with_sign(select(over, rest + b, rest), b),
          (abs(q) < vd(0x1p52)) & (rest == rest)};
#else
  return {a, b, VecL::zero()};
#endif
}

template <class F>
RV_INLINE VecD mend_unusual(VecD a, VecD b, VecD y, VecL usual, F scalar) {
  if (!any(~usual)) return y;
  for (int i = 0; i < VecD::kLanes; ++i)
    if (!usual.v[i]) y.v[i] = scalar(a.v[i], b.v[i]);
  return y;
}
template <class Divide>
RV_INLINE VecD mod_by(Divide divide, VecD a, VecD b) {
  const Divided d = divide(a, b);
  return mend_unusual(a, b, d.rest, d.usual, mod_by_libm);
}
template <class Divide>
RV_INLINE VecD floor_div_by(Divide divide, VecD a, VecD b) {
  const Divided d = divide(a, b);
  return mend_unusual(a, b, d.quotient, d.usual, floor_div_by_libm);
}

RV_INLINE VecD mod(VecD a, VecD b) { return mod_by(divide_doubles, a, b); }
RV_INLINE VecD floor_div(VecD a, VecD b) { return floor_div_by(divide_doubles, a, b); }
RV_INLINE VecF mod(VecF a, VecF b) {
  return join_float(mod_by(divide_floats, low_double(a), low_double(b)),
                    mod_by(divide_floats, high_double(a), high_double(b)));
}
RV_INLINE VecF floor_div(VecF a, VecF b) {
  return join_float(floor_div_by(divide_floats, low_double(a), low_double(b)),
                    floor_div_by(divide_floats, high_double(a), high_double(b)));
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
