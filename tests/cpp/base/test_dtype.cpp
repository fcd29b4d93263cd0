#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"

using namespace ranvier;

namespace {

using Names = std::set<std::string>;

// Keras 3's published lattice: each dtype with those directly above it. "int" and "float" are the
// weak dtypes of Python scalars; where the bound is a weak one, its default dtype stands for it.
const std::map<std::string, std::vector<std::string>> kLattice = {
    {"bool", {"int"}},
    {"int", {"uint8", "int8"}},
    {"uint8", {"int16", "uint16"}},
    {"uint16", {"int32", "uint32"}},
    {"uint32", {"int64", "uint64"}},
    {"uint64", {"float"}},
    {"int8", {"int16"}},
    {"int16", {"int32"}},
    {"int32", {"int64"}},
    {"int64", {"float"}},
    {"float", {"bfloat16", "float16"}},
    {"bfloat16", {"float32"}},
    {"float16", {"float32"}},
    {"float32", {"float64"}},
    {"float64", {}},
};

Names upper_bounds(const std::string& name) {
  Names out = {name};
  for (const auto& above : kLattice.at(name)) out.merge(upper_bounds(above));
  return out;
}

std::string least_upper_bound(const std::string& a, const std::string& b) {
  const Names above_a = upper_bounds(a), above_b = upper_bounds(b);
  Names common;
  for (const auto& name : above_a)
    if (above_b.count(name)) common.insert(name);
  for (const auto& name : common)
    if (upper_bounds(name) == common) {
      const bool widened = name == "int64" && a != name && b != name;
      return name == "float" ? "float32" : widened ? "int32" : name;
    }
  return "none";
}

}  // namespace

TEST_CASE(
    "promotion is the least upper bound of Keras' lattice, for every pair, in at most 32 bits "
    "unless given") {
  for (int i = 0; i < kPromotableCount; ++i) {
    for (int j = 0; j < kPromotableCount; ++j) {
      const DType a = static_cast<DType>(i), b = static_cast<DType>(j);
      CAPTURE(name_of(a));
      CAPTURE(name_of(b));
      CHECK(std::string(name_of(promote(a, b))) == least_upper_bound(name_of(a), name_of(b)));
      CHECK(promote(a, b) == promote(b, a));
    }
    CHECK(promote(static_cast<DType>(i), static_cast<DType>(i)) == static_cast<DType>(i));
  }
}

TEST_CASE("8-bit floats promote to themselves alone") {
  CHECK(promote(DType::F8E4M3, DType::F8E4M3) == DType::F8E4M3);
  CHECK_THROWS_AS(promote(DType::F8E4M3, DType::F8E5M2), ValueError);
  CHECK_THROWS_AS(promote(DType::F32, DType::F8E5M2), ValueError);
}

TEST_CASE("promotion cases that NumPy decides otherwise") {
  CHECK(promote(DType::I64, DType::F32) == DType::F32);
  CHECK(promote(DType::I32, DType::F16) == DType::F16);
  CHECK(promote(DType::U64, DType::I8) == DType::F32);
  CHECK(promote(DType::F16, DType::BF16) == DType::F32);
  CHECK(promote(DType::U8, DType::I8) == DType::I16);
  CHECK(promote(DType::U32, DType::I32) == DType::I32);
}

TEST_CASE("names round-trip and unknown names list the known ones") {
  for (int i = 0; i < kDTypeCount; ++i)
    CHECK(dtype_from_name(name_of(static_cast<DType>(i))) == static_cast<DType>(i));
  CHECK_THROWS_WITH_AS(dtype_from_name("float33"),
                       "dtype: unknown name. Expected one of: bool, uint8, uint16, uint32, uint64, "
                       "int8, int16, int32, int64, float16, bfloat16, float32, float64, "
                       "float8_e4m3fn, float8_e5m2. Received: 'float33'.",
                       DTypeError);
}

TEST_CASE("kinds and sizes") {
  CHECK(size_of(DType::Bool) == 1);
  CHECK(size_of(DType::BF16) == 2);
  CHECK(size_of(DType::F64) == 8);
  CHECK(is_floating(DType::BF16));
  CHECK_FALSE(is_floating(DType::I64));
  CHECK(is_integer(DType::U8));
  CHECK(is_integer(DType::I64));
  CHECK_FALSE(is_integer(DType::Bool));
  CHECK_FALSE(is_integer(DType::F16));
  CHECK(is_unsigned(DType::U64));
  CHECK_FALSE(is_unsigned(DType::I8));
}
