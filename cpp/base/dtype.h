#pragma once
// Element types. Their order is the order of the promotion table and of the file formats: append
// only.

#include <cstddef>
#include <cstdint>

namespace ranvier {

enum class DType : uint8_t {
  Bool,
  U8,
  U16,
  U32,
  U64,
  I8,
  I16,
  I32,
  I64,
  F16,
  BF16,
  F32,
  F64,
  F8E4M3,
  F8E5M2
};
inline constexpr int kDTypeCount = 15;
inline constexpr int kPromotableCount = 13;  // the 8-bit floats promote to nothing else

size_t size_of(DType dtype);
const char* name_of(DType dtype);  // Keras' name: "float32", "bfloat16", "bool", ...
bool is_floating(DType dtype);     // F16 .. F8E5M2
bool is_integer(DType dtype);      // signed or unsigned, not Bool
bool is_unsigned(DType dtype);     // U8 .. U64
// Parses Keras' name; throws DTypeError that lists the known names.
DType dtype_from_name(const char* name);
// The common dtype of a binary operation, as Keras 3 defines it (its lattice: int64 with float32 is
// float32). An 8-bit float with another dtype is a ValueError, as in Keras.
DType promote(DType a, DType b);

}  // namespace ranvier
