// Conversion between all dtypes, and the rounding rules of the narrow ones.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/reference.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "support.h"

namespace {

using namespace pw_test;

template <class F>
void on_every_level(F f) {
  const Isa before = active_isa();
  for (Isa isa : levels()) {
    set_active_isa(isa);
    CAPTURE(std::string(name_of(isa)));
    f();
  }
  set_active_isa(before);
}

void convert_every_pair() {
  for (int from = 0; from < kDTypeCount; ++from)
    for (int to = 0; to < kDTypeCount; ++to) {
      const DType a = static_cast<DType>(from), b = static_cast<DType>(to);
      CAPTURE(std::string(name_of(a)));
      CAPTURE(std::string(name_of(b)));
      for (int64_t n : {1, 5, 1030}) {
        std::vector<uint8_t> src(static_cast<size_t>(n) * 8), dst(static_cast<size_t>(n) * 8 + 1);
        dst[static_cast<size_t>(n) * size_of(b)] = 99;
        const bool small = std::max(from, to) >= kPromotableCount;  // 8-bit floats
        const int64_t limit = a == DType::Bool || b == DType::Bool ? 2 : small ? 8 : 100;
        for (int64_t i = 0; i < n; ++i) {
          reference::Value value{register_of(a), static_cast<double>(i % limit), i % limit,
                                 static_cast<uint64_t>(i % limit)};
          reference::store(a, src.data(), i, value);
        }
        convert(Context(), a, b, src.data(), dst.data(), n);
        size_t wrong = 0;
        for (int64_t i = 0; i < n; ++i) {
          const reference::Value got = reference::load(b, dst.data(), i);
          wrong += got.f + static_cast<double>(got.i) + static_cast<double>(got.u) !=
                   static_cast<double>(i % limit);
        }
        CHECK(wrong == 0);
        CHECK(dst[static_cast<size_t>(n) * size_of(b)] == 99);
      }
    }
}

TEST_CASE("every pair of dtypes converts small integers exactly") {
  on_every_level(convert_every_pair);
}

void truncate_and_saturate() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {1.9f, -1.9f, 3e9f, -3e9f, nan, 300.0f, -1.0f, 0.5f};
  std::vector<int32_t> y(x.size());
  convert(Context(), DType::F32, DType::I32, x.data(), y.data(), 8);
  CHECK(y == std::vector<int32_t>{1, -1, INT32_MAX, INT32_MIN, 0, 300, -1, 0});
  std::vector<uint8_t> bytes(x.size());
  convert(Context(), DType::F32, DType::U8, x.data(), bytes.data(), 8);
  CHECK(bytes == std::vector<uint8_t>{1, 0, 255, 0, 0, 255, 0, 0});
  std::vector<int8_t> small(x.size());
  convert(Context(), DType::F32, DType::I8, x.data(), small.data(), 8);
  CHECK(small == std::vector<int8_t>{1, -1, 127, -128, 0, 127, -1, 0});
  std::vector<uint32_t> words(x.size());
  convert(Context(), DType::F32, DType::U32, x.data(), words.data(), 8);
  CHECK(words == std::vector<uint32_t>{1, 0, 3000000000u, 0, 0, 300, 0, 0});
  std::vector<uint64_t> wide(x.size());
  const std::vector<double> big = {1e30, -1e30, 1.8e19, -5, nan, 2.5, 0, 9.3e18};
  convert(Context(), DType::F64, DType::U64, big.data(), wide.data(), 8);
  CHECK(wide == std::vector<uint64_t>{UINT64_MAX, 0, 18000000000000000000u, 0, 0, 2, 0,
                                      9300000000000000000u});
  std::vector<uint8_t> flags(x.size());
  convert(Context(), DType::F32, DType::Bool, x.data(), flags.data(), 8);
  CHECK(flags == std::vector<uint8_t>{1, 1, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("float to integer truncates and saturates, NaN gives zero") {
  on_every_level(truncate_and_saturate);
}

template <class T>
std::vector<T> narrowed(DType from, DType to, const void* src, int64_t n) {
  std::vector<T> dst(static_cast<size_t>(n));
  convert(Context(), from, to, src, dst.data(), n);
  return dst;
}

void saturate_alike() {
  std::vector<float> x = random_floats(1031, -70000, 70000);
  for (size_t i = 0; i < x.size(); i += 7) x[i] *= 1e-3f;
  x[5] = std::numeric_limits<float>::infinity();
  x[1030] = -std::numeric_limits<float>::infinity();
  x[6] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<double> wide(x.begin(), x.end());
  for (int64_t n : {1, 3, 4, 1031}) {
    CHECK(narrowed<int8_t>(DType::F32, DType::I8, x.data(), n) ==
          narrowed<int8_t>(DType::F64, DType::I8, wide.data(), n));
    CHECK(narrowed<uint16_t>(DType::F32, DType::U16, x.data(), n) ==
          narrowed<uint16_t>(DType::F64, DType::U16, wide.data(), n));
    CHECK(narrowed<int32_t>(DType::F32, DType::I32, x.data(), n) ==
          narrowed<int32_t>(DType::F64, DType::I32, wide.data(), n));
  }
}

TEST_CASE("float and double saturate to the same narrow integers, at every length") {
  on_every_level(saturate_alike);
}

TEST_CASE("half precision rounds to nearest even on every level, every 16-bit value survives") {
  on_every_level([] {
    std::vector<uint16_t> all(65536), back(65536);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
    std::vector<float> wide(65536);
    for (DType half : {DType::F16, DType::BF16}) {
      convert(Context(), half, DType::F32, all.data(), wide.data(), 65536);
      convert(Context(), DType::F32, half, wide.data(), back.data(), 65536);
      size_t wrong = 0;
      for (size_t i = 0; i < all.size(); ++i)
        wrong += std::isnan(wide[i]) ? (back[i] & 0x7fff) <= (half == DType::F16 ? 0x7c00 : 0x7f80)
                                     : back[i] != all[i];
      CHECK(wrong == 0);
    }
    std::vector<float> x = random_floats(5000, -70000, 70000);
    for (size_t i = 0; i < 2000; ++i) x[i] *= 1e-9f;
    std::vector<uint16_t> f16(x.size()), bf16(x.size());
    convert(Context(), DType::F32, DType::F16, x.data(), f16.data(), 5000);
    convert(Context(), DType::F32, DType::BF16, x.data(), bf16.data(), 5000);
    size_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i)
      wrong += f16[i] != f32_to_f16(x[i]) || bf16[i] != f32_to_bf16(x[i]);
    CHECK(wrong == 0);
  });
}

TEST_CASE("a register rounded to bfloat16 is what a store would leave, in place too") {
  std::vector<float> x = random_floats(5003, -70000, 70000);
  for (size_t i = 0; i < 2000; ++i) x[i] *= 1e-9f;
  x[7] = NAN, x[100] = INFINITY, x[101] = -INFINITY, x[5002] = 3.4e38f, x[5001] = 1e-40f;
  for (Isa isa : levels()) {
    for (const int64_t n : {1, 15, 16, 5003}) {
      for (const int64_t step : {0, 1}) {
        std::vector<float> got = x;
        narrow_fn(DType::BF16, isa)({got.data(), {got.data()}, {step}, n});
        size_t wrong = 0;
        for (int64_t i = 0; i < 5003; ++i) {
          const auto at = static_cast<size_t>(i);
          const float want = i < n ? bf16_to_f32(f32_to_bf16(x[step == 0 ? 0 : at])) : x[at];
          wrong += std::memcmp(&got[at], &want, sizeof want) != 0;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("every 8-bit float survives the way to float32 and back") {
  for (int bits = 0; bits < 256; ++bits) {
    const auto x = static_cast<uint8_t>(bits);
    const float a = f8_to_f32<4>(x), b = f8_to_f32<5>(x);
    CHECK((std::isnan(a) ? std::isnan(f8_to_f32<4>(f32_to_f8<4>(a))) : f32_to_f8<4>(a) == x));
    CHECK((std::isnan(b) ? std::isnan(f8_to_f32<5>(f32_to_f8<5>(b))) : f32_to_f8<5>(b) == x));
  }
}

TEST_CASE("8-bit floats round to nearest, ties to even, and saturate to their last value") {
  CHECK(f32_to_f8<4>(448.0f) == 0x7e);
  CHECK(f32_to_f8<4>(464.0f) == 0x7e);  // half way to 480, even
  CHECK(f32_to_f8<4>(465.0f) == 0x7f);  // NaN: the format has no infinity
  CHECK(f32_to_f8<4>(0x1p-9f) == 1);
  CHECK(f32_to_f8<4>(0x1p-10f) == 0);
  CHECK(f32_to_f8<4>(0x1.8p-9f) == 2);
  CHECK(f32_to_f8<4>(-17.0f) == 0xd8);  // 16 and 18 are as near
  CHECK(f32_to_f8<5>(57344.0f) == 0x7b);
  CHECK(f32_to_f8<5>(61440.0f) == 0x7c);
  CHECK(f32_to_f8<5>(0x1p-16f) == 1);
}

}  // namespace
