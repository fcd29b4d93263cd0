#pragma once
// The element-wise operations as data: one row per operation, used by the builder, the kernel
// tables, the text dump and the tests. Plain enough for kernel sources to include.

#include <cstdint>

#include "base/dtype.h"

namespace ranvier::kernels {

// The six types a register can have. Narrower storage types widen to one of them on load.
enum class RegType : uint8_t { F32, F64, I32, I64, U64, Bool };
inline constexpr int kRegTypeCount = 6;

// Result type of an operation.
enum class PwRule : uint8_t {
  Same,     // all operands and the result share one type
  Bool,     // operands share one type, the result is Bool
  Select,   // (Bool, T, T) -> T
  Convert,  // Cast: any type to any type
};

// Bits of the register types an operation accepts.
inline constexpr uint8_t kPwF = 0x03, kPwI = 0x1c, kPwB = 0x20, kPwF32 = 0x01;
inline constexpr uint8_t kPwFI = kPwF | kPwI, kPwIB = kPwI | kPwB, kPwAny = 0x3f;

// X(name, text, arity, rule, types, cost): cost in nanoseconds per 1,024 float32 values, roughly,
// on one AVX-512 core; it only sizes chunks. An integer remainder by zero is 0; shifts
// use the count modulo the width. Pow of integers wraps; a negative exponent gives 0 except for
// bases 1 and -1. Min and Max propagate NaN. FloorDiv and Mod follow Python: the remainder has the
// sign of the divisor. Rich operations (after Rich_) equal the sequence of simple ones they replace
// to the bit.
#define RV_PW_OPS(X)                                                                              \
  X(Copy, "copy", 1, Same, kPwAny, 16)                                                            \
  X(Cast, "cast", 1, Convert, kPwAny, 40)                                                         \
  X(Narrow, "narrow", 1, Same, kPwAny, 60)                                                        \
  X(Add, "add", 2, Same, kPwFI, 18)                                                               \
  X(Sub, "sub", 2, Same, kPwFI, 18)                                                               \
  X(Mul, "mul", 2, Same, kPwFI, 18)                                                               \
  X(Div, "div", 2, Same, kPwF, 60)                                                                \
  X(FloorDiv, "floor_div", 2, Same, kPwFI, 400)                                                   \
  X(Mod, "mod", 2, Same, kPwFI, 800)                                                              \
  X(Pow, "pow", 2, Same, kPwFI, 1200)                                                             \
  X(Min, "min", 2, Same, kPwAny, 25)                                                              \
  X(Max, "max", 2, Same, kPwAny, 25)                                                              \
  X(Atan2, "atan2", 2, Same, kPwF, 450)                                                           \
  X(Equal, "equal", 2, Bool, kPwAny, 40)                                                          \
  X(NotEqual, "not_equal", 2, Bool, kPwAny, 40)                                                   \
  X(Less, "less", 2, Bool, kPwAny, 40)                                                            \
  X(LessEqual, "less_equal", 2, Bool, kPwAny, 40)                                                 \
  X(Greater, "greater", 2, Bool, kPwAny, 40)                                                      \
  X(GreaterEqual, "greater_equal", 2, Bool, kPwAny, 40)                                           \
  X(LogicalAnd, "logical_and", 2, Same, kPwB, 16)                                                 \
  X(LogicalOr, "logical_or", 2, Same, kPwB, 16)                                                   \
  X(LogicalXor, "logical_xor", 2, Same, kPwB, 16)                                                 \
  X(LogicalNot, "logical_not", 1, Same, kPwB, 16)                                                 \
  X(BitAnd, "bit_and", 2, Same, kPwIB, 30)                                                        \
  X(BitOr, "bit_or", 2, Same, kPwIB, 30)                                                          \
  X(BitXor, "bit_xor", 2, Same, kPwIB, 30)                                                        \
  X(BitNot, "bit_not", 1, Same, kPwIB, 30)                                                        \
  X(ShiftLeft, "shift_left", 2, Same, kPwI, 200)                                                  \
  X(ShiftRight, "shift_right", 2, Same, kPwI, 200)                                                \
  X(Select, "select", 3, Select, kPwAny, 50)                                                      \
  X(Neg, "neg", 1, Same, kPwFI, 16)                                                               \
  X(Abs, "abs", 1, Same, kPwFI, 16)                                                               \
  X(Sign, "sign", 1, Same, kPwFI, 30)                                                             \
  X(Floor, "floor", 1, Same, kPwFI, 20)                                                           \
  X(Ceil, "ceil", 1, Same, kPwFI, 20)                                                             \
  X(Round, "round", 1, Same, kPwFI, 20)                                                           \
  X(Trunc, "trunc", 1, Same, kPwFI, 20)                                                           \
  X(Exp, "exp", 1, Same, kPwF, 250)                                                               \
  X(Expm1, "expm1", 1, Same, kPwF, 350)                                                           \
  X(Exp2, "exp2", 1, Same, kPwF, 250)                                                             \
  X(Log, "log", 1, Same, kPwF, 300)                                                               \
  X(Log1p, "log1p", 1, Same, kPwF, 400)                                                           \
  X(Log2, "log2", 1, Same, kPwF, 400)                                                             \
  X(Log10, "log10", 1, Same, kPwF, 450)                                                           \
  X(Sqrt, "sqrt", 1, Same, kPwF, 100)                                                             \
  X(Rsqrt, "rsqrt", 1, Same, kPwF, 150)                                                           \
  X(Square, "square", 1, Same, kPwFI, 16)                                                         \
  X(Reciprocal, "reciprocal", 1, Same, kPwF, 60)                                                  \
  X(Sin, "sin", 1, Same, kPwF, 500)                                                               \
  X(Cos, "cos", 1, Same, kPwF, 500)                                                               \
  X(Tan, "tan", 1, Same, kPwF, 700)                                                               \
  X(Asin, "asin", 1, Same, kPwF, 300)                                                             \
  X(Acos, "acos", 1, Same, kPwF, 300)                                                             \
  X(Atan, "atan", 1, Same, kPwF, 350)                                                             \
  X(Sinh, "sinh", 1, Same, kPwF, 350)                                                             \
  X(Cosh, "cosh", 1, Same, kPwF, 350)                                                             \
  X(Tanh, "tanh", 1, Same, kPwF, 400)                                                             \
  X(Asinh, "asinh", 1, Same, kPwF, 1400)                                                          \
  X(Acosh, "acosh", 1, Same, kPwF, 1100)                                                          \
  X(Atanh, "atanh", 1, Same, kPwF, 1000)                                                          \
  X(Erf, "erf", 1, Same, kPwF, 500)                                                               \
  X(Erfc, "erfc", 1, Same, kPwF, 12000)                                                           \
  X(Erfinv, "erfinv", 1, Same, kPwF, 20000)                                                       \
  X(Sigmoid, "sigmoid", 1, Same, kPwF, 320)                                                       \
  X(Softplus, "softplus", 1, Same, kPwF, 600)                                                     \
  X(Relu, "relu", 1, Same, kPwFI, 16)                                                             \
  X(Gelu, "gelu", 1, Same, kPwF, 550)          /* x (1 + erf(x/sqrt 2)) / 2 */                    \
  X(GeluTanh, "gelu_tanh", 1, Same, kPwF, 500) /* the tanh approximation */                       \
  X(Silu, "silu", 1, Same, kPwF, 340)          /* x sigmoid(x) */                                 \
  X(IsNan, "isnan", 1, Bool, kPwFI, 30)                                                           \
  X(IsInf, "isinf", 1, Bool, kPwFI, 30)                                                           \
  X(IsFinite, "isfinite", 1, Bool, kPwFI, 30)                                                     \
  X(ReluGrad, "relu_grad", 2, Same, kPwF, 20)       /* (x, dy): x > 0 ? dy : 0 */                 \
  X(SigmoidGrad, "sigmoid_grad", 2, Same, kPwF, 25) /* (y, dy): dy y (1 - y) */                   \
  X(TanhGrad, "tanh_grad", 2, Same, kPwF, 25)       /* (y, dy): dy (1 - y y) */                   \
  X(GeluGrad, "gelu_grad", 2, Same, kPwF, 850)      /* (x, dy) */                                 \
  X(GeluTanhGrad, "gelu_tanh_grad", 2, Same, kPwF, 600)                                           \
  X(SiluGrad, "silu_grad", 2, Same, kPwF, 400)               /* (x, dy) */                        \
  X(LeakyRelu, "leaky_relu", 2, Same, kPwF, 25)              /* (x, slope) */                     \
  X(LeakyReluGrad, "leaky_relu_grad", 3, Same, kPwF, 30)     /* (x, dy, slope) */                 \
  X(Elu, "elu", 2, Same, kPwF, 380)                          /* (x, alpha) */                     \
  X(EluGrad, "elu_grad", 3, Same, kPwF, 300)                 /* (x, dy, alpha) */                 \
  X(Clip, "clip", 3, Same, kPwFI, 40)                        /* min(max(x, low), high) */         \
  X(MulAdd, "mul_add", 3, Same, kPwF32, 22)                  /* a b + c */                        \
  X(MulSub, "mul_sub", 3, Same, kPwF32, 22)                  /* a b - c */                        \
  X(SubProduct, "sub_product", 3, Same, kPwF32, 22)          /* c - a b, as (a, b, c) */          \
  X(AddMul, "add_mul", 3, Same, kPwF32, 22)                  /* (a + b) c */                      \
  X(SubMul, "sub_mul", 3, Same, kPwF32, 22)                  /* (a - b) c */                      \
  X(MulMul, "mul_mul", 3, Same, kPwF32, 22)                  /* (a b) c */                        \
  X(AddAdd, "add_add", 3, Same, kPwF32, 22)                  /* (a + b) + c */                    \
  X(MulAddMul, "mul_add_mul", 4, Same, kPwF32, 30)           /* a s + b t, as (a, s, b, t) */     \
  X(MulMulAddMul, "mul_mul_add_mul", 5, Same, kPwF32, 36)    /* (a b) s + c t */                  \
  X(SubMulMul, "sub_mul_mul", 4, Same, kPwF32, 30)           /* ((x - m) r) g */                  \
  X(SubMulMulAdd, "sub_mul_mul_add", 5, Same, kPwF32, 36)    /* ((x - m) r) g + b */              \
  X(SqrtAdd, "sqrt_add", 2, Same, kPwF32, 110)               /* sqrt(a) + b */                    \
  X(MulSqrtAddDiv, "mul_sqrt_add_div", 4, Same, kPwF32, 150) /* a b / (sqrt(c) + e) */            \
  X(SqrtAddDiv, "sqrt_add_div", 3, Same, kPwF32, 140)        /* a / (sqrt(b) + e) */              \
  X(AdamStep, "adam_step", 5, Same, kPwF32, 160)     /* w - (m a) / (sqrt(v) + e): (m,a,v,e,w) */ \
  X(Lerp, "lerp", 3, Same, kPwF32, 24)               /* (a - b) s + b */                          \
  X(SquareLerp, "square_lerp", 3, Same, kPwF32, 26)  /* (a a - b) s + b */                        \
  X(AddRelu, "add_relu", 2, Same, kPwF32, 20)        /* max(a + b, 0) */                          \
  X(MulAddRelu, "mul_add_relu", 3, Same, kPwF32, 24) /* max(a b + c, 0) */                        \
  X(SigmoidSub, "sigmoid_sub", 2, Same, kPwF32, 330) /* sigmoid(a) - b */

enum class PwOp : uint8_t {
#define RV_PW_ENUM(name, text, arity, rule, types, cost) name,
  RV_PW_OPS(RV_PW_ENUM)
#undef RV_PW_ENUM
};
inline constexpr int kPwOpCount = static_cast<int>(PwOp::SigmoidSub) + 1;
inline constexpr PwOp kFirstRichOp = PwOp::MulAdd;

struct PwOpInfo {
  const char* name;
  uint8_t arity;
  PwRule rule;
  uint8_t types;  // accepted operand types (of the two values for Select), one bit per RegType
  float cost;
};
const PwOpInfo& info_of(PwOp op);
const char* name_of(RegType type);  // "f32", "f64", "i32", "i64", "u64", "bool"
int size_of(RegType type);          // bytes of one element in a register: 4, 8, 4, 8, 8, 1
RegType register_of(DType dtype);   // U8 U16 I8 I16 I32 -> I32; U32 I64 -> I64; F16 BF16 -> F32

// One operation on n elements. A source with step 1 is an array of n values; with step 0 it is one
// value that stands, repeated, in the 64 bytes at its address. dst may equal any source. No
// alignment is assumed; no element beyond n is written.
struct TileArgs {
  void* dst;
  const void* src[5];
  int64_t step[5];
  int64_t n;
};
using TileFn = void (*)(const TileArgs&) noexcept;

}  // namespace ranvier::kernels
