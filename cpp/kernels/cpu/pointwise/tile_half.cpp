// Common conversions of float16 and the 8-bit floats, and the choice of a conversion for a dtype.

#include <cstdint>

#include "base/half.h"
#include "kernels/cpu/levels.h"
#include "kernels/cpu/pointwise/lanes.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {

RV_TABLES(PwConversions, kConversions, conversions)

namespace {

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

}  // namespace

TileFn cast_fn(RegType from, DType to, Isa isa) { return conversions(isa).cast(from, to); }

TileFn narrow_fn(DType dtype, Isa isa) {
  switch (dtype) {
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
      return conversions(isa).wrap(dtype);
  }
}

LoadFn load_fn(DType dtype, Isa isa) {
  const PwKernels& level = pw_kernels(isa);
  switch (dtype) {
    case DType::F16:
      return level.load_f16 ? level.load_f16 : load_f16;
    case DType::BF16:
      return level.load_bf16;
    case DType::F8E4M3:
      return load_f8<4>;
    case DType::F8E5M2:
      return load_f8<5>;
    default:
      return conversions(isa).load(dtype);
  }
}

StoreFn store_fn(DType dtype, Isa isa) {
  const PwKernels& level = pw_kernels(isa);
  switch (dtype) {
    case DType::F16:
      return level.store_f16 ? level.store_f16 : store_f16;
    case DType::BF16:
      return level.store_bf16;
    case DType::F8E4M3:
      return store_f8<4>;
    case DType::F8E5M2:
      return store_f8<5>;
    default:
      return conversions(isa).store(dtype);
  }
}

}  // namespace ranvier::kernels
