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

template <class T>
using SumOf =
    std::conditional_t<std::is_floating_point_v<decltype(value_of(T{}))>, double, uint64_t>;

template <class T>
void store_sum(SumOf<T> sum, T* dst) {
  if constexpr (std::is_same_v<T, Half>)
    dst->bits = f32_to_f16(static_cast<float>(sum));
  else if constexpr (std::is_same_v<T, Brain>)
    dst->bits = f32_to_bf16(static_cast<float>(sum));
  else if constexpr (std::is_same_v<T, Small<4>>)
    dst->bits = f32_to_f8<4>(static_cast<float>(sum));
  else if constexpr (std::is_same_v<T, Small<5>>)
    dst->bits = f32_to_f8<5>(static_cast<float>(sum));
  else
    *dst = static_cast<T>(sum);
}

// Several lines side by side: a sum waits for the one before it, those of other lines do not.
// Integers wrap in 64 bits, floats accumulate in float64; each element is rounded once.

template <bool product, class T>
void accumulate(SumOf<T>& sum, T x, T* dst) {
  const auto value = static_cast<SumOf<T>>(value_of(x));
  sum = product ? sum * value : sum + value;
  store_sum(sum, dst);
}

// Neighbours. Their values pass through an array, since src may be dst.
template <int columns, bool product, class T>
void cumulate_columns(const CumulativeParams& p, const T* src, T* dst) noexcept {
  SumOf<T> sums[columns];
  std::fill_n(sums, columns, SumOf<T>(product ? 1 : 0));
  const int64_t step = p.reverse ? -p.inner : p.inner;
  int64_t at = p.reverse ? (p.axis - 1) * p.inner : 0;
  for (int64_t k = 0; k < p.axis; ++k, at += step) {
    T x[columns];
    std::copy_n(src + at, columns, x);
    for (int j = 0; j < columns; ++j) accumulate<product>(sums[j], x[j], x + j);
    std::copy_n(x, columns, dst + at);
  }
}

// Four rows.
template <bool product, class T>
void cumulate_rows(const CumulativeParams& p, const T* src, T* dst) noexcept {
  constexpr auto kStart = SumOf<T>(product ? 1 : 0);
  SumOf<T> a = kStart, b = kStart, c = kStart, d = kStart;
  const int64_t n = p.axis, step = p.reverse ? -1 : 1;
  int64_t at = p.reverse ? n - 1 : 0;
  for (int64_t k = 0; k < n; ++k, at += step) {
    accumulate<product>(a, src[at], dst + at);
    accumulate<product>(b, src[at + n], dst + at + n);
    accumulate<product>(c, src[at + 2 * n], dst + at + 2 * n);
    accumulate<product>(d, src[at + 3 * n], dst + at + 3 * n);
  }
}

// The lines [begin, end).
template <bool product, class T>
void cumulate_range(const CumulativeParams& p, int64_t begin, int64_t end, const T* src,
                    T* dst) noexcept {
  constexpr int kColumns = 32, kRows = 4;
  while (begin < end) {
    const int64_t column = begin % p.inner;
    const int64_t at = begin / p.inner * p.axis * p.inner + column;
    if (std::min(end - begin, p.inner - column) >= kColumns) {
      cumulate_columns<kColumns, product>(p, src + at, dst + at);
      begin += kColumns;
    } else if (p.inner == 1 && end - begin >= kRows) {
      cumulate_rows<product>(p, src + at, dst + at);
      begin += kRows;
    } else {
      cumulate_columns<1, product>(p, src + at, dst + at);
      ++begin;
    }
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
      const T* from = static_cast<const T*>(src);
      T* to = static_cast<T*>(dst);
      if (params.product)
        cumulate_range<true>(params, begin, end, from, to);
      else
        cumulate_range<false>(params, begin, end, from, to);
    });
  });
}

}  // namespace ranvier::kernels
