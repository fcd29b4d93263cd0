// float32 tile kernels, once per instruction set: operations, float16 and bfloat16 conversion.
// Every formula below rounds after each operation (no contraction), so that a rich operation equals
// the simple ones it stands for; fma() occurs only inside elementary functions.

#include <cmath>

#include "kernels/cpu/pointwise/reduce_f32.h"
#include "kernels/cpu/pointwise/tile_loop.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/simd/extremes.h"
#include "kernels/cpu/simd/fill_values.h"
#include "kernels/cpu/simd/gelu.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/powers.h"
#include "kernels/cpu/simd/remainder.h"
#include "kernels/cpu/simd/stream_values.h"
#include "kernels/cpu/simd/trigonometry.h"

namespace ranvier::kernels::RV_ISA {
extern const PwKernels kPwKernels;
namespace {

// One kernel: name, operands, vectors in flight, value in terms of x[0], x[1], ...
#define RV_TILE(name, arity, unroll, ...)                                                     \
  void name(const TileArgs& args) noexcept {                                                  \
    for_tile<float, arity, unroll, false>(args,                                               \
                                          [](const VecF(&x)[arity]) { return __VA_ARGS__; }); \
  }
// As fast as memory: an operand that is one value is loaded once, not for every vector.
#define RV_VALUE_TILE(name, arity, values, ...)                                                   \
  RV_INLINE VecF name##_of(const VecF(&x)[arity]) { return __VA_ARGS__; }                         \
  template <unsigned Values>                                                                      \
  void name##_with(const TileArgs& args) noexcept {                                               \
    for_tile<float, arity, 4, false, Values>(args,                                                \
                                             [](const VecF(&x)[arity]) { return name##_of(x); }); \
  }                                                                                               \
  void name(const TileArgs& args) noexcept {                                                      \
    unsigned one = 0;                                                                             \
    for (int k = 0; k < arity; ++k) one |= args.step[k] ? 0u : 1u << k;                           \
    (one == (values) ? name##_with<(values)> : one == 1 ? name##_with<1> : name##_with<0>)(args); \
  }
// And a second one, name##streamed: arithmetic as long as memory takes goes on between its stores,
// which would wait for each other where a tile is copied out.
#define RV_STREAMED_TILE(name, arity, unroll, ...)                                                 \
  RV_TILE(name, arity, unroll, __VA_ARGS__)                                                        \
  void name##streamed(const TileArgs& args) noexcept {                                             \
    for_tile<float, arity, unroll, true>(args, [](const VecF(&x)[arity]) { return __VA_ARGS__; }); \
  }

RV_INLINE VecF relu(VecF x) { return select(x < vf(0.0f), vf(0.0f), x); }
RV_INLINE VecF silu(VecF x) { return x * sigmoid(x); }
RV_INLINE VecF silu_grad(VecF x, VecF dy) {
  const VecF s = sigmoid(x);
  return dy * (s * (vf(1.0f) + x * (vf(1.0f) - s)));
}
RV_INLINE VecF sign(VecF x) {
  return select(x > vf(0.0f), vf(1.0f), select(x < vf(0.0f), vf(-1.0f), x));
}
RV_INLINE VecF trunc(VecF x) { return or_bits(floor(abs(x)), sign_bits(x)); }
RV_INLINE VecF positive(VecF x, VecF yes) { return select(x > vf(0.0f), yes, vf(0.0f)); }

RV_TILE(copy, 1, 4, x[0])
RV_VALUE_TILE(add, 2, 2, x[0] + x[1])
RV_VALUE_TILE(sub, 2, 2, x[0] - x[1])
RV_VALUE_TILE(mul, 2, 2, x[0] * x[1])
RV_TILE(div, 2, 2, x[0] / x[1])
RV_TILE(floor_divide, 2, 1, floor_div(x[0], x[1]))
RV_TILE(remainder_, 2, 1, mod(x[0], x[1]))
RV_TILE(square_, 1, 4, x[0] * x[0])
RV_TILE(general_powers, 2, 2, general_power(x[0], x[1]))
RV_TILE(mixed_powers, 2, 1, pow(x[0], x[1]))
void powers(const TileArgs& args) noexcept {
  (any_short(static_cast<const float*>(args.src[1]), args.n) ? mixed_powers : general_powers)(args);
}
template <class F>
RV_INLINE void power_tile(const TileArgs& args, F f) {
  for_tile<float, 1, 4, false>(args, [f](const VecF(&x)[1]) { return f(x[0]); });
}
// What one exponent asks for is decided once.
void power(const TileArgs& args) noexcept {
  if (args.step[1] != 0) return powers(args);
  const float y = *static_cast<const float*>(args.src[1]);
  if (y == 2.0f) return square_(args);
  if (y == 3.0f) return power_tile(args, [](VecF x) { return cube(x); });
  if (y == 0.5f) return power_tile(args, [](VecF x) { return root_power(x); });
  if (y == -0.5f) return power_tile(args, [](VecF x) { return vf(1.0f) / root_power(x); });
  if (!is_whole_power(y)) return general_powers(args);
  const unsigned n = static_cast<unsigned>(std::abs(y));
  if (y < 0.0f) return power_tile(args, [n](VecF x) { return inverse_power(x, n); });
  return power_tile(args, [n](VecF x) { return whole_power(x, n); });
}
RV_VALUE_TILE(minimum, 2, 2, min_nan(x[0], x[1]))
RV_VALUE_TILE(maximum, 2, 2, max_nan(x[0], x[1]))
RV_TILE(negate, 1, 4, -x[0])
RV_TILE(absolute, 1, 4, abs(x[0]))
RV_TILE(signum, 1, 4, sign(x[0]))
RV_TILE(floor_, 1, 4, or_bits(floor(x[0]), sign_bits(x[0])))
RV_TILE(ceil_, 1, 4, xor_bits(floor(-x[0]), vf(-0.0f)))
RV_TILE(round_, 1, 4, round(x[0]))
RV_TILE(trunc_, 1, 4, trunc(x[0]))
RV_STREAMED_TILE(exp_, 1, 4, exp(x[0]))
RV_TILE(expm1_, 1, 4, expm1(x[0]))
RV_TILE(exp2_, 1, 4, exp2(x[0]))
RV_STREAMED_TILE(log_, 1, 4, log(x[0]))
RV_TILE(log1p_, 1, 4, log1p(x[0]))
RV_TILE(log2_, 1, 2, log2(x[0]))
RV_TILE(log10_, 1, 2, log10(x[0]))
RV_TILE(sqrt_, 1, 2, sqrt(x[0]))
RV_TILE(rsqrt_, 1, 2, vf(1.0f) / sqrt(x[0]))
RV_TILE(reciprocal_, 1, 2, vf(1.0f) / x[0])
RV_TILE(sin_, 1, 1, sin(x[0]))
RV_TILE(cos_, 1, 1, cos(x[0]))
RV_TILE(tan_, 1, 1, tan(x[0]))
RV_TILE(asin_, 1, 2, asin(x[0]))
RV_TILE(acos_, 1, 2, acos(x[0]))
RV_TILE(atan_, 1, 2, atan(x[0]))
RV_TILE(atan2_, 2, 2, atan2(x[0], x[1]))
RV_TILE(sinh_, 1, 2, sinh(x[0]))
RV_TILE(cosh_, 1, 2, cosh(x[0]))
RV_TILE(asinh_, 1, 1, asinh(x[0]))
RV_TILE(acosh_, 1, 1, acosh(x[0]))
RV_TILE(atanh_, 1, 1, atanh(x[0]))
RV_STREAMED_TILE(tanh_, 1, 4, tanh(x[0]))
RV_STREAMED_TILE(erf_, 1, 4, erf(x[0]))
RV_STREAMED_TILE(sigmoid_, 1, 4, sigmoid(x[0]))
RV_STREAMED_TILE(softplus_, 1, 4, softplus(x[0]))
RV_TILE(relu_, 1, 4, relu(x[0]))
RV_STREAMED_TILE(gelu_, 1, 4, gelu(x[0]))
RV_STREAMED_TILE(gelu_tanh_, 1, 4, gelu_tanh(x[0]))
RV_STREAMED_TILE(silu_, 1, 4, silu(x[0]))
RV_TILE(relu_grad, 2, 4, positive(x[0], x[1]))
RV_TILE(sigmoid_grad, 2, 4, x[1] * x[0] * (vf(1.0f) - x[0]))
RV_TILE(tanh_grad, 2, 4, x[1] * (vf(1.0f) - x[0] * x[0]))
RV_TILE(gelu_grad_, 2, 4, gelu_grad(x[0], x[1]))
RV_TILE(gelu_tanh_grad_, 2, 4, gelu_tanh_grad(x[0], x[1]))
RV_TILE(silu_grad_, 2, 4, silu_grad(x[0], x[1]))
RV_TILE(leaky_relu, 2, 4, select(x[0] < vf(0.0f), x[0] * x[1], x[0]))
RV_TILE(leaky_relu_grad, 3, 4, select(x[0] >= vf(0.0f), x[1], x[1] * x[2]))
RV_TILE(elu, 2, 4, select(x[0] > vf(0.0f), x[0], x[1] * expm1(x[0])))
RV_TILE(elu_grad, 3, 4, select(x[0] > vf(0.0f), x[1], x[1] * (x[2] * exp(x[0]))))
RV_VALUE_TILE(clip, 3, 6, min_nan(max_nan(x[0], x[1]), x[2]))

RV_TILE(mul_add, 3, 4, x[0] * x[1] + x[2])
RV_TILE(mul_sub, 3, 4, x[0] * x[1] - x[2])
RV_TILE(sub_product, 3, 4, x[2] - x[0] * x[1])
RV_TILE(add_mul, 3, 4, (x[0] + x[1]) * x[2])
RV_TILE(sub_mul, 3, 4, (x[0] - x[1]) * x[2])
RV_TILE(mul_mul, 3, 4, x[0] * x[1] * x[2])
RV_TILE(add_add, 3, 4, x[0] + x[1] + x[2])
RV_TILE(mul_add_mul, 4, 4, x[0] * x[1] + x[2] * x[3])
RV_TILE(mul_mul_add_mul, 5, 2, x[0] * x[1] * x[2] + x[3] * x[4])
RV_TILE(sub_mul_mul, 4, 4, (x[0] - x[1]) * x[2] * x[3])
RV_TILE(sub_mul_mul_add, 5, 2, (x[0] - x[1]) * x[2] * x[3] + x[4])
RV_TILE(sqrt_add, 2, 2, sqrt(x[0]) + x[1])
RV_TILE(mul_sqrt_add_div, 4, 2, x[0] * x[1] / (sqrt(x[2]) + x[3]))
RV_TILE(sqrt_add_div, 3, 2, x[0] / (sqrt(x[1]) + x[2]))
RV_TILE(adam_step, 5, 2, x[4] - x[0] * x[1] / (sqrt(x[2]) + x[3]))
RV_TILE(lerp, 3, 4, (x[0] - x[1]) * x[2] + x[1])
RV_TILE(square_lerp, 3, 4, (x[0] * x[0] - x[1]) * x[2] + x[1])
RV_TILE(add_relu, 2, 4, relu(x[0] + x[1]))
RV_TILE(mul_add_relu, 3, 4, relu(x[0] * x[1] + x[2]))
RV_TILE(sigmoid_sub, 2, 4, sigmoid(x[0]) - x[1])

void stream_tile(const void* values, void* dst, size_t bytes) noexcept {
  stream_values(values, dst, bytes);
}

// ---- half precision ---------------------------------------------------------------------------

void load_bf16(const void* src, void* values, int64_t n) noexcept {
  const uint16_t* p = static_cast<const uint16_t*>(src);
  uint32_t* out = static_cast<uint32_t*>(values);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(p[i]) << 16;
}
// The bits of the nearest bfloat16 as a float32, ties to even; NaN stays NaN.
RV_INLINE uint32_t nearest_bf16(uint32_t bits) {
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return ((bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : rounded) & 0xffff0000;
}
void store_bf16(const void* values, void* dst, int64_t n) noexcept {
  const uint32_t* p = static_cast<const uint32_t*>(values);
  uint16_t* out = static_cast<uint16_t*>(dst);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint16_t>(nearest_bf16(p[i]) >> 16);
}
// The same without leaving float32; dst may be the source.
void narrow_bf16(const TileArgs& args) noexcept {
  const uint32_t* p = static_cast<const uint32_t*>(args.src[0]);
  uint32_t* out = static_cast<uint32_t*>(args.dst);
  if (args.step[0] == 0) {
    std::fill_n(out, args.n, nearest_bf16(p[0]));
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < args.n; ++i) out[i] = nearest_bf16(p[i]);
}
#if defined(__F16C__)
void load_f16(const void* src, void* values, int64_t n) noexcept {
  const uint16_t* p = static_cast<const uint16_t*>(src);
  float* out = static_cast<float*>(values);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i))));
  for (; i < n; ++i) out[i] = _cvtsh_ss(p[i]);
}
void store_f16(const void* values, void* dst, int64_t n) noexcept {
  const float* p = static_cast<const float*>(values);
  uint16_t* out = static_cast<uint16_t*>(dst);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(p + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; ++i) out[i] = _cvtss_sh(p[i], _MM_FROUND_TO_NEAREST_INT);
}
constexpr auto kLoadF16 = load_f16;
constexpr auto kStoreF16 = store_f16;
#else
constexpr decltype(PwKernels::load_f16) kLoadF16 = nullptr;
constexpr decltype(PwKernels::store_f16) kStoreF16 = nullptr;
#endif

constexpr PwKernels make_kernels() {
  PwKernels k{};
#define RV_SET(op, fn) k.f32[static_cast<int>(PwOp::op)] = fn
#define RV_SET_STREAMED(op, fn) \
  RV_SET(op, fn);               \
  k.f32_streamed[static_cast<int>(PwOp::op)] = fn##streamed
  RV_SET(Copy, copy);
  RV_SET(Add, add);
  RV_SET(Sub, sub);
  RV_SET(Mul, mul);
  RV_SET(Div, div);
  RV_SET(FloorDiv, floor_divide);
  RV_SET(Mod, remainder_);
  RV_SET(Pow, power);
  RV_SET(Min, minimum);
  RV_SET(Max, maximum);
  RV_SET(Neg, negate);
  RV_SET(Abs, absolute);
  RV_SET(Sign, signum);
  RV_SET(Floor, floor_);
  RV_SET(Ceil, ceil_);
  RV_SET(Round, round_);
  RV_SET(Trunc, trunc_);
  RV_SET_STREAMED(Exp, exp_);
  RV_SET(Expm1, expm1_);
  RV_SET(Exp2, exp2_);
  RV_SET_STREAMED(Log, log_);
  RV_SET(Log1p, log1p_);
  RV_SET(Log2, log2_);
  RV_SET(Log10, log10_);
  RV_SET(Sqrt, sqrt_);
  RV_SET(Rsqrt, rsqrt_);
  RV_SET(Square, square_);
  RV_SET(Reciprocal, reciprocal_);
  RV_SET(Sin, sin_);
  RV_SET(Cos, cos_);
  RV_SET(Tan, tan_);
  RV_SET(Asin, asin_);
  RV_SET(Acos, acos_);
  RV_SET(Atan, atan_);
  RV_SET(Atan2, atan2_);
  RV_SET(Sinh, sinh_);
  RV_SET(Cosh, cosh_);
  RV_SET(Asinh, asinh_);
  RV_SET(Acosh, acosh_);
  RV_SET(Atanh, atanh_);
  RV_SET_STREAMED(Tanh, tanh_);
  RV_SET_STREAMED(Erf, erf_);
  RV_SET_STREAMED(Sigmoid, sigmoid_);
  RV_SET_STREAMED(Softplus, softplus_);
  RV_SET(Relu, relu_);
  RV_SET_STREAMED(Gelu, gelu_);
  RV_SET_STREAMED(GeluTanh, gelu_tanh_);
  RV_SET_STREAMED(Silu, silu_);
  RV_SET(ReluGrad, relu_grad);
  RV_SET(SigmoidGrad, sigmoid_grad);
  RV_SET(TanhGrad, tanh_grad);
  RV_SET(GeluGrad, gelu_grad_);
  RV_SET(GeluTanhGrad, gelu_tanh_grad_);
  RV_SET(SiluGrad, silu_grad_);
  RV_SET(LeakyRelu, leaky_relu);
  RV_SET(LeakyReluGrad, leaky_relu_grad);
  RV_SET(Elu, elu);
  RV_SET(EluGrad, elu_grad);
  RV_SET(Clip, clip);
  RV_SET(MulAdd, mul_add);
  RV_SET(MulSub, mul_sub);
  RV_SET(SubProduct, sub_product);
  RV_SET(AddMul, add_mul);
  RV_SET(SubMul, sub_mul);
  RV_SET(MulMul, mul_mul);
  RV_SET(AddAdd, add_add);
  RV_SET(MulAddMul, mul_add_mul);
  RV_SET(MulMulAddMul, mul_mul_add_mul);
  RV_SET(SubMulMul, sub_mul_mul);
  RV_SET(SubMulMulAdd, sub_mul_mul_add);
  RV_SET(SqrtAdd, sqrt_add);
  RV_SET(MulSqrtAddDiv, mul_sqrt_add_div);
  RV_SET(SqrtAddDiv, sqrt_add_div);
  RV_SET(AdamStep, adam_step);
  RV_SET(Lerp, lerp);
  RV_SET(SquareLerp, square_lerp);
  RV_SET(AddRelu, add_relu);
  RV_SET(MulAddRelu, mul_add_relu);
  RV_SET(SigmoidSub, sigmoid_sub);
#undef RV_SET
#undef RV_SET_STREAMED
  k.sum_f32 = &kSum;
  k.sum_squares_f32 = &kSumSquares;
  k.max_f32 = &kMax;
  k.min_f32 = &kMin;
  k.repeat = repeat_value;
  k.fill = fill_values;
  k.stream = stream_tile;
  k.load_f16 = kLoadF16;
  k.load_bf16 = load_bf16;
  k.store_f16 = kStoreF16;
  k.store_bf16 = store_bf16;
  k.narrow_bf16 = narrow_bf16;
  return k;
}

}  // namespace

const PwKernels kPwKernels = make_kernels();

}  // namespace ranvier::kernels::RV_ISA
