#include "base/dtype.h"

#include <cstring>
#include <string>

#include "base/error.h"

namespace ranvier {
namespace {

struct Facts {
  const char* name;
  size_t bytes;
};
constexpr Facts kFacts[kDTypeCount] = {
    {"bool", 1},     {"uint8", 1},   {"uint16", 2},  {"uint32", 4},        {"uint64", 8},
    {"int8", 1},     {"int16", 2},   {"int32", 4},   {"int64", 8},         {"float16", 2},
    {"bfloat16", 2}, {"float32", 4}, {"float64", 8}, {"float8_e4m3fn", 1}, {"float8_e5m2", 1},
};

using enum DType;
// Least upper bounds in the lattice Keras 3 documents for `backend.result_type`, where its weak
// "float" (uint64 with a signed integer) stands for the default floatx, float32. Nothing becomes
// wider than 32 bits by promotion, as on Keras' JAX engine: uint32 with a signed integer is int32.
constexpr DType kPromotion[kPromotableCount][kPromotableCount] = {
    {Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, BF16, F32, F64},            // Bool
    {U8, U8, U16, U32, U64, I16, I16, I32, I64, F16, BF16, F32, F64},             // U8
    {U16, U16, U16, U32, U64, I32, I32, I32, I64, F16, BF16, F32, F64},           // U16
    {U32, U32, U32, U32, U64, I32, I32, I32, I64, F16, BF16, F32, F64},           // U32
    {U64, U64, U64, U64, U64, F32, F32, F32, F32, F16, BF16, F32, F64},           // U64
    {I8, I16, I32, I32, F32, I8, I16, I32, I64, F16, BF16, F32, F64},             // I8
    {I16, I16, I32, I32, F32, I16, I16, I32, I64, F16, BF16, F32, F64},           // I16
    {I32, I32, I32, I32, F32, I32, I32, I32, I64, F16, BF16, F32, F64},           // I32
    {I64, I64, I64, I64, F32, I64, I64, I64, I64, F16, BF16, F32, F64},           // I64
    {F16, F16, F16, F16, F16, F16, F16, F16, F16, F16, F32, F32, F64},            // F16
    {BF16, BF16, BF16, BF16, BF16, BF16, BF16, BF16, BF16, F32, BF16, F32, F64},  // BF16
    {F32, F32, F32, F32, F32, F32, F32, F32, F32, F32, F32, F32, F64},            // F32
    {F64, F64, F64, F64, F64, F64, F64, F64, F64, F64, F64, F64, F64},            // F64
};

int index(DType dtype) { return static_cast<int>(dtype); }

}  // namespace

size_t size_of(DType dtype) { return kFacts[index(dtype)].bytes; }
const char* name_of(DType dtype) { return kFacts[index(dtype)].name; }
bool is_floating(DType dtype) { return dtype >= F16; }
bool is_integer(DType dtype) { return dtype >= U8 && dtype <= I64; }
bool is_unsigned(DType dtype) { return dtype >= U8 && dtype <= U64; }

DType dtype_from_name(const char* name) {
  std::string known;
  for (int i = 0; i < kDTypeCount; ++i) {
    if (std::strcmp(name, kFacts[i].name) == 0) return static_cast<DType>(i);
    known += (i > 0 ? ", " : "") + std::string(kFacts[i].name);
  }
  fail<DTypeError>("dtype: unknown name. Expected one of: ", known, ". Received: '", name, "'.");
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (index(a) >= kPromotableCount || index(b) >= kPromotableCount)
    fail<ValueError>(
        "There is no implicit conversions from float8 dtypes to others. You must cast it "
        "explicitly. Received: (",
        name_of(a), ", ", name_of(b), ")");
  return kPromotion[index(a)][index(b)];
}

}  // namespace ranvier
