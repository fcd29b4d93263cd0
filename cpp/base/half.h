#pragma once
// Conversions between the 16-bit floating formats and float32, on the bits. Rounding is to nearest,
// ties to even; NaN stays NaN (quiet), overflow becomes infinity, subnormals are kept.

#include <bit>
#include <cstdint>

namespace ranvier {

// bfloat16: the upper half of a float32.
inline float bf16_to_f32(uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); }

inline uint16_t f32_to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// float16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
inline float f16_to_f32(uint16_t x) {
  const uint32_t sign = uint32_t{x & 0x8000u} << 16;
  const uint32_t exponent = (x >> 10) & 0x1fu, fraction = x & 0x3ffu;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13) |
                                (fraction ? 0x400000u : 0u));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

inline uint16_t f32_to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 puts one unit of 2^-24 at the last bit, and the adder rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

// 8-bit floats of E exponent and 7 - E fraction bits. float8_e4m3fn (E = 4, bias 7) has no
// infinity: what rounds beyond 448 is NaN. float8_e5m2 (E = 5, bias 15) is the upper half of a
// float16.
template <int E>
inline uint8_t f32_to_f8(float x) {
  constexpr uint32_t kShift = 16 + E, kBias = (1u << (E - 1)) - 1;  // 23 less the fraction bits
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 24 & 0x80u, magnitude = bits & 0x7fffffffu;
  constexpr uint32_t kNan = E == 4 ? 0x7fu : 0x7eu, kBeyond = E == 4 ? 0x7fu : 0x7cu;
  if (magnitude > 0x7f800000u) return static_cast<uint8_t>(sign | kNan);
  uint32_t rounded;
  if (magnitude < (128 - kBias) << 23) {
    // Below the least normal number: the adder rounds to its units.
    constexpr uint32_t kMagic = (128 - kBias + kShift) << 23;
    const float shifted = std::bit_cast<float>(magnitude) + std::bit_cast<float>(kMagic);
    rounded = std::bit_cast<uint32_t>(shifted) - kMagic;
  } else {
    rounded = magnitude + ((1u << (kShift - 1)) - 1) + (magnitude >> kShift & 1u);
    rounded = (rounded - ((127 - kBias) << 23)) >> kShift;
  }
  return static_cast<uint8_t>(sign | (rounded < kBeyond ? rounded : kBeyond));
}

template <int E>
inline float f8_to_f32(uint8_t x) {
  if constexpr (E == 5) return f16_to_f32(static_cast<uint16_t>(x << 8));
  const uint32_t sign = uint32_t{x & 0x80u} << 24, exponent = x >> 3 & 15u, fraction = x & 7u;
  if ((x & 0x7fu) == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 120) << 23) | (fraction << 20));
}

}  // namespace ranvier
