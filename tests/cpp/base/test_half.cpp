#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/half.h"

using namespace ranvier;

namespace {

// Nearest of the format's values by search in double, ties to the even code: the slow definition.
template <class Widen>
uint16_t nearest_code(float x, uint16_t infinity_code, double first_beyond, Widen widen) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double magnitude = std::fabs(static_cast<double>(x));
  uint16_t low = 0, high = infinity_code;  // low <= magnitude < high
  while (high - low > 1) {
    const uint16_t middle = static_cast<uint16_t>((low + high) / 2);
    (static_cast<double>(widen(middle)) <= magnitude ? low : high) = middle;
  }
  const double below = widen(low), above = high == infinity_code ? first_beyond : widen(high);
  const double down = magnitude - below, up = above - magnitude;
  const bool take_high = up < down || (up == down && (high & 1) == 0);
  return sign | (take_high ? high : low);
}

uint32_t next_random(uint32_t& state) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

}  // namespace

TEST_CASE("every float16 and bfloat16 that is no NaN survives the way through float32") {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const uint16_t c = static_cast<uint16_t>(code);
    if (!std::isnan(f16_to_f32(c))) REQUIRE(f32_to_f16(f16_to_f32(c)) == c);
    if (!std::isnan(bf16_to_f32(c))) REQUIRE(f32_to_bf16(bf16_to_f32(c)) == c);
  }
}

TEST_CASE("rounding is to nearest, ties to even") {
  uint32_t state = 2463534242u;
  for (int i = 0; i < 100000; ++i) {
    // Random bits hit the exponents of float16 too seldom: draw half of them near its range.
    uint32_t bits = next_random(state);
    if (i % 2 == 0) bits = (bits & 0x807fffffu) | ((95 + bits % 50) << 23);
    if (i % 4 == 0) bits &= 0xfffff000u;  // ties
    const float x = std::bit_cast<float>(bits);
    if (std::isnan(x) || std::isinf(x)) continue;
    CAPTURE(bits);
    REQUIRE(f32_to_f16(x) == nearest_code(x, 0x7c00, 65536.0, f16_to_f32));
    REQUIRE(f32_to_bf16(x) == nearest_code(x, 0x7f80, std::ldexp(1.0, 128), bf16_to_f32));
  }
}

TEST_CASE("special values") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(f32_to_f16(infinity) == 0x7c00);
  CHECK(f32_to_f16(-infinity) == 0xfc00);
  CHECK(f32_to_f16(65504.0f) == 0x7bff);
  CHECK(f32_to_f16(65520.0f) == 0x7c00);
  CHECK(f32_to_f16(-0.0f) == 0x8000);
  CHECK(f16_to_f32(0x0001) == 0x1p-24f);
  CHECK(f32_to_bf16(-infinity) == 0xff80);
  // A NaN whose payload lies in the dropped bits must not become infinity.
  const float quiet = std::bit_cast<float>(0x7f800001u);
  CHECK(std::isnan(f16_to_f32(f32_to_f16(quiet))));
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(quiet))));
}
