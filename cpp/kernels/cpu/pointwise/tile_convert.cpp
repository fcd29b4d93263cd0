// Conversions: memory to registers and back, register type to register type, and the rounding of a
// register to the range of a narrower storage dtype.

#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/half.h"
#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

template <class From, class To>
void widen(const void* src, void* values, int64_t n) noexcept {
  const From* p = static_cast<const From*>(src);
  To* out = static_cast<To*>(values);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<To>(p[i]);
}
void load_f16(const void* src, void* values, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i)
    static_cast<float*>(values)[i] = f16_to_f32(static_cast<const uint16_t*>(src)[i]);
}
void store_f16(const void* values, void* dst, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i)
    static_cast<uint16_t*>(dst)[i] = f32_to_f16(static_cast<const float*>(values)[i]);
}

template <int E>
void load_f8(const void* src, void* values, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i)
    static_cast<float*>(values)[i] = f8_to_f32<E>(static_cast<const uint8_t*>(src)[i]);
}
template <int E>
void store_f8(const void* values, void* dst, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i)
    static_cast<uint8_t*>(dst)[i] = f32_to_f8<E>(static_cast<const float*>(values)[i]);
}
template <int E>
TileFn round_f8() {
  return lanes<float, float>(
      [](float x) noexcept -> float { return f8_to_f32<E>(f32_to_f8<E>(x)); });
}

// Truncates toward zero, saturates, NaN gives 0. The limits are powers of two (or exact), so the
// comparisons are exact in either float type.
template <class To, class From>
To saturate(From x) {
  if (!(x == x)) return 0;
  constexpr From kEnd = std::is_signed_v<To>
                            ? static_cast<From>(uint64_t{1} << (8 * sizeof(To) - 1))
                            : static_cast<From>(uint64_t{1} << (8 * sizeof(To) - 2)) * 4;
  if (x >= kEnd) return std::numeric_limits<To>::max();
  if (x <= (std::is_signed_v<To> ? -kEnd : From(0))) return std::numeric_limits<To>::min();
  return static_cast<To>(x);
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
TileFn cast() {
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

template <class R, class Narrow>
TileFn wrap() {
  return lanes<R, R>([](R x) noexcept -> R { return static_cast<R>(static_cast<Narrow>(x)); });
}

}  // namespace

TileFn cast_fn(RegType from, RegType to) {
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

TileFn narrow_fn(DType dtype) {
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
    case DType::F16:
      return lanes<float, float>(
          [](float x) noexcept -> float { return f16_to_f32(f32_to_f16(x)); });
    case DType::BF16:
      return lanes<float, float>(
          [](float x) noexcept -> float { return bf16_to_f32(f32_to_bf16(x)); });
    case DType::F8E4M3:
      return round_f8<4>();
    case DType::F8E5M2:
      return round_f8<5>();
    default:
      return nullptr;
  }
}

LoadFn load_fn(DType dtype, Isa isa) {
  const PwKernels& level = pw_kernels(isa);
  switch (dtype) {
    case DType::U8:
      return widen<uint8_t, int32_t>;
    case DType::U16:
      return widen<uint16_t, int32_t>;
    case DType::U32:
      return widen<uint32_t, int64_t>;
    case DType::I8:
      return widen<int8_t, int32_t>;
    case DType::I16:
      return widen<int16_t, int32_t>;
    case DType::F16:
      return level.load_f16 ? level.load_f16 : load_f16;
    case DType::BF16:
      return level.load_bf16;
    case DType::F8E4M3:
      return load_f8<4>;
    case DType::F8E5M2:
      return load_f8<5>;
    default:
      return nullptr;
  }
}

StoreFn store_fn(DType dtype, Isa isa) {
  const PwKernels& level = pw_kernels(isa);
  switch (dtype) {
    case DType::U8:
      return widen<int32_t, uint8_t>;
    case DType::U16:
      return widen<int32_t, uint16_t>;
    case DType::U32:
      return widen<int64_t, uint32_t>;
    case DType::I8:
      return widen<int32_t, int8_t>;
    case DType::I16:
      return widen<int32_t, int16_t>;
    case DType::F16:
      return level.store_f16 ? level.store_f16 : store_f16;
    case DType::BF16:
      return level.store_bf16;
    case DType::F8E4M3:
      return store_f8<4>;
    case DType::F8E5M2:
      return store_f8<5>;
    default:
      return nullptr;
  }
}

}  // namespace ranvier::kernels
