// Conversions of integers and between register types, once per instruction set: memory to registers
// and back, casts, and the wrapping of a register to the range of a narrower storage dtype.

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels::RV_ISA {
extern const PwConversions kConversions;
namespace conversions {
namespace {

// Wider, narrower or exact floats; `values` and src are apart.
template <class From, class To>
void resize(const void* src, void* values, int64_t n) noexcept {
  const From* p = static_cast<const From*>(src);
  fill_lanes(static_cast<To*>(values), n, [p](int64_t i) { return static_cast<To>(p[i]); });
}

// Truncates toward zero, saturates, NaN gives 0. The limits are powers of two (or exact), so the
// comparisons are exact in either float type.
template <class To, class From>
To saturate(From x) {
  constexpr From kEnd = std::is_signed_v<To>
                            ? static_cast<From>(uint64_t{1} << (8 * sizeof(To) - 1))
                            : static_cast<From>(uint64_t{1} << (8 * sizeof(To) - 2)) * 4;
  constexpr From kStart = std::is_signed_v<To> ? -kEnd : From(0);
  const bool above = x >= kEnd, below = x < kStart;
  const To inside = static_cast<To>(x >= kStart && x < kEnd ? x : From(0));
  return above ? std::numeric_limits<To>::max() : below ? std::numeric_limits<To>::min() : inside;
}

template <RegType R>
struct Lane;
template <>
struct Lane<RegType::F32> {
  using type = float;
};
template <>
struct Lane<RegType::F64> {
  using type = double;
};
template <>
struct Lane<RegType::I32> {
  using type = int32_t;
};
template <>
struct Lane<RegType::I64> {
  using type = int64_t;
};
template <>
struct Lane<RegType::U64> {
  using type = uint64_t;
};
template <>
struct Lane<RegType::Bool> {
  using type = uint8_t;
};

template <RegType From, RegType To>
TileFn cast() noexcept {
  using A = typename Lane<From>::type;
  using B = typename Lane<To>::type;
  return lanes<B, A>([](A x) noexcept -> B {
    if constexpr (To == RegType::Bool)
      return x != A(0);
    else if constexpr (std::is_floating_point_v<A> && !std::is_floating_point_v<B>)
      return saturate<B>(x);
    else
      return static_cast<B>(x);
  });
}
template <RegType From>
TileFn cast_from(RegType to) {
  switch (to) {
    case RegType::F32:
      return cast<From, RegType::F32>();
    case RegType::F64:
      return cast<From, RegType::F64>();
    case RegType::I32:
      return cast<From, RegType::I32>();
    case RegType::I64:
      return cast<From, RegType::I64>();
    case RegType::U64:
      return cast<From, RegType::U64>();
    default:
      return cast<From, RegType::Bool>();
  }
}

// A float to an integer dtype narrower than its register saturates at the limits of the dtype. The
// limits of 8 and 16 bits are exact in float, so it is the float that is clamped; NaN gives 0.
template <class Narrow, class From>
int32_t saturate_narrow(From x) {
  constexpr From kLow = std::numeric_limits<Narrow>::min(),
                 kHigh = std::numeric_limits<Narrow>::max();
  const From number = x == x ? x : From(0);
  const From above = number > kLow ? number : kLow;
  return static_cast<int32_t>(above < kHigh ? above : kHigh);
}
template <class From>
TileFn saturating(DType to) {
  switch (to) {
    case DType::U8:
      return lanes<int32_t, From>([](From x) noexcept { return saturate_narrow<uint8_t>(x); });
    case DType::I8:
      return lanes<int32_t, From>([](From x) noexcept { return saturate_narrow<int8_t>(x); });
    case DType::U16:
      return lanes<int32_t, From>([](From x) noexcept { return saturate_narrow<uint16_t>(x); });
    case DType::I16:
      return lanes<int32_t, From>([](From x) noexcept { return saturate_narrow<int16_t>(x); });
    case DType::U32:
      return lanes<int64_t, From>([](From x) noexcept -> int64_t {
        const int64_t value = saturate<int64_t>(x);
        const int64_t above = value > 0 ? value : 0;
        return above < 4294967295 ? above : 4294967295;
      });
    default:
      return nullptr;
  }
}

template <class R, class Narrow>
TileFn wrap() {
  return lanes<R, R>([](R x) noexcept -> R { return static_cast<R>(static_cast<Narrow>(x)); });
}

TileFn cast_of(RegType from, DType dtype) noexcept {
  const TileFn narrow = from == RegType::F32   ? saturating<float>(dtype)
                        : from == RegType::F64 ? saturating<double>(dtype)
                                               : nullptr;
  if (narrow) return narrow;
  const RegType to = register_of(dtype);
  switch (from) {
    case RegType::F32:
      return cast_from<RegType::F32>(to);
    case RegType::F64:
      return cast_from<RegType::F64>(to);
    case RegType::I32:
      return cast_from<RegType::I32>(to);
    case RegType::I64:
      return cast_from<RegType::I64>(to);
    case RegType::U64:
      return cast_from<RegType::U64>(to);
    default:
      return cast_from<RegType::Bool>(to);
  }
}

TileFn wrap_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::U8:
      return wrap<int32_t, uint8_t>();
    case DType::U16:
      return wrap<int32_t, uint16_t>();
    case DType::U32:
      return wrap<int64_t, uint32_t>();
    case DType::I8:
      return wrap<int32_t, int8_t>();
    case DType::I16:
      return wrap<int32_t, int16_t>();
    default:
      return nullptr;
  }
}

LoadFn load_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::U8:
      return resize<uint8_t, int32_t>;
    case DType::U16:
      return resize<uint16_t, int32_t>;
    case DType::U32:
      return resize<uint32_t, int64_t>;
    case DType::I8:
      return resize<int8_t, int32_t>;
    case DType::I16:
      return resize<int16_t, int32_t>;
    default:
      return nullptr;
  }
}

StoreFn store_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::U8:
      return resize<int32_t, uint8_t>;
    case DType::U16:
      return resize<int32_t, uint16_t>;
    case DType::U32:
      return resize<int64_t, uint32_t>;
    case DType::I8:
      return resize<int32_t, int8_t>;
    case DType::I16:
      return resize<int32_t, int16_t>;
    default:
      return nullptr;
  }
}

LoadFn whole_of(DType from, DType to) noexcept {
  if (to != DType::F32) return nullptr;
  switch (from) {
    case DType::U8:
      return resize<uint8_t, float>;
    case DType::U16:
      return resize<uint16_t, float>;
    case DType::I8:
      return resize<int8_t, float>;
    case DType::I16:
      return resize<int16_t, float>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace conversions

const PwConversions kConversions{conversions::load_of, conversions::store_of, conversions::cast_of,
                                 conversions::wrap_of, conversions::whole_of};

}  // namespace ranvier::kernels::RV_ISA
