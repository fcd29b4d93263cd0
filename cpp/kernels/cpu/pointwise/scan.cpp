// Cumulative operations: one loop per storage dtype, over outer x axis x inner.

#include <algorithm>
#include <type_traits>

#include "base/error.h"
#include "base/half.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/reduce.h"

namespace ranvier::kernels {
namespace {

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};
template <int E>
struct Small {
  uint8_t bits;
};
template <int E>
float value_of(Small<E> x) {
  return f8_to_f32<E>(x.bits);
}
float value_of(Half x) { return f16_to_f32(x.bits); }
float value_of(Brain x) { return bf16_to_f32(x.bits); }
template <class T>
requires std::is_arithmetic_v<T> T value_of(T x) { return x; }

// Calls f with a value of the C++ type that stores the dtype.
template <class F>
void with_type(DType dtype, F f) {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return f(uint8_t{});
    case DType::U16:
      return f(uint16_t{});
    case DType::U32:
      return f(uint32_t{});
    case DType::U64:
      return f(uint64_t{});
    case DType::I8:
      return f(int8_t{});
    case DType::I16:
      return f(int16_t{});
    case DType::I32:
      return f(int32_t{});
    case DType::I64:
      return f(int64_t{});
    case DType::F16:
      return f(Half{});
    case DType::BF16:
      return f(Brain{});
    case DType::F8E4M3:
      return f(Small<4>{});
    case DType::F8E5M2:
      return f(Small<5>{});
    case DType::F32:
      return f(float{});
    case DType::F64:
      return f(double{});
  }
}

// Chunks of about 32,768 elements.
int64_t lines_per_chunk(int64_t axis) {
  return std::max<int64_t>(1, 32 * kTile / std::max<int64_t>(1, axis));
}

// Integers wrap in 64 bits, floats accumulate in float64; each element is rounded once.
template <class T>
void cumulate_line(const CumulativeParams& params, const T* src, T* dst) noexcept {
  using V = decltype(value_of(T{}));
  using Sum = std::conditional_t<std::is_floating_point_v<V>, double, uint64_t>;
  Sum sum = params.product ? 1 : 0;
  const int64_t n = params.axis, stride = params.inner;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = (params.reverse ? n - 1 - k : k) * stride;
    const Sum x = static_cast<Sum>(value_of(src[i]));
    sum = params.product ? sum * x : sum + x;
    if constexpr (std::is_same_v<T, Half>)
      dst[i].bits = f32_to_f16(static_cast<float>(sum));
    else if constexpr (std::is_same_v<T, Brain>)
      dst[i].bits = f32_to_bf16(static_cast<float>(sum));
    else if constexpr (std::is_same_v<T, Small<4>>)
      dst[i].bits = f32_to_f8<4>(static_cast<float>(sum));
    else if constexpr (std::is_same_v<T, Small<5>>)
      dst[i].bits = f32_to_f8<5>(static_cast<float>(sum));
    else
      dst[i] = static_cast<T>(sum);
  }
}

}  // namespace

CumulativeParams prepare_cumulative(bool product, bool reverse, DType dtype, const Shape& shape,
                                    int axis) {
  const int only[] = {axis};
  const ReduceExtent extent = reduce_extent(shape, only);
  CumulativeParams params{product,
                          reverse,
                          dtype,
                          extent.outer,
                          extent.reduce,
                          extent.inner,
                          (lines_per_chunk(extent.reduce) + 15) / 16 * 16,
                          {}};
  params.cost.flops = static_cast<double>(shape.size());
  params.cost.bytes = 2 * params.cost.flops * static_cast<double>(size_of(dtype));
  return params;
}

void run_cumulative(const Context& ctx, const CumulativeParams& params, const void* src,
                    void* dst) noexcept {
  const int64_t lines = params.outer * params.inner;
  ctx.parallel_for(lines, params.grain, [&](int64_t begin, int64_t end, int) {
    with_type(params.dtype, [&](auto type) {
      using T = decltype(type);
      for (int64_t line = begin; line < end; ++line) {
        const int64_t at = line / params.inner * params.axis * params.inner + line % params.inner;
        cumulate_line(params, static_cast<const T*>(src) + at, static_cast<T*>(dst) + at);
      }
    });
  });
}

}  // namespace ranvier::kernels
