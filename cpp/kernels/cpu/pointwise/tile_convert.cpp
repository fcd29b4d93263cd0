// Conversions: memory to registers and back, register type to register type, and the rounding of a
// register to the range of a narrower storage dtype.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

#if defined(__SSE2__)
// Four floats at a time: the conversion gives the smallest integer where the value does not fit,
// which is right below and turned into the largest above. `low` and `high` clamp before.
template <int kLow, int kHigh>
void saturate_f32(const TileArgs& args) noexcept {
  constexpr bool kNarrow = kHigh < std::numeric_limits<int>::max();
  const float* x = static_cast<const float*>(args.src[0]);
  int32_t* dst = static_cast<int32_t*>(args.dst);
  const auto convert = [](__m128 v) {
    v = _mm_and_ps(v, _mm_cmpord_ps(v, v));
    if constexpr (kNarrow) {
      v = _mm_min_ps(_mm_max_ps(v, _mm_set1_ps(kLow)), _mm_set1_ps(kHigh));
      return _mm_cvttps_epi32(v);
    } else {
      const __m128 above = _mm_cmpge_ps(v, _mm_set1_ps(2147483648.0f));
      return _mm_xor_si128(_mm_cvttps_epi32(v), _mm_castps_si128(above));
    }
  };
  if (!args.step[0]) {
    std::fill_n(dst, args.n, _mm_cvtsi128_si32(convert(_mm_set1_ps(*x))));
    return;
  }
  int64_t i = 0;
  for (; i + 4 <= args.n; i += 4)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + i), convert(_mm_loadu_ps(x + i)));
  for (; i < args.n; ++i) dst[i] = _mm_cvtsi128_si32(convert(_mm_set_ss(x[i])));
}
TileFn saturating_f32(DType to) {
  switch (to) {
    case DType::U8:
      return saturate_f32<0, 255>;
    case DType::I8:
      return saturate_f32<-128, 127>;
    case DType::U16:
      return saturate_f32<0, 65535>;
    case DType::I16:
      return saturate_f32<-32768, 32767>;
    case DType::I32:
      return saturate_f32<std::numeric_limits<int>::min(), std::numeric_limits<int>::max()>;
    default:
      return saturating<float>(to);
  }
}
#else
TileFn saturating_f32(DType to) { return saturating<float>(to); }
#endif

template <class R, class Narrow>
TileFn wrap() {
  return lanes<R, R>([](R x) noexcept -> R { return static_cast<R>(static_cast<Narrow>(x)); });
}

}  // namespace

TileFn cast_fn(RegType from, DType dtype) {
  const TileFn narrow = from == RegType::F32   ? saturating_f32(dtype)
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

TileFn narrow_fn(DType dtype, Isa isa) {
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
      return pw_kernels(isa).narrow_bf16;
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
