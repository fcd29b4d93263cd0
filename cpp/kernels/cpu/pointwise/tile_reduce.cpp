// Reduction blocks of every register type, once per instruction set, but those of float32 that
// tile_f32.cpp has.

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/simd/extremes.h"
#include "kernels/cpu/simd/in_double.h"

namespace ranvier::kernels::RV_ISA {
extern const ReducerChoice kLevelReducers;
namespace reductions {
namespace {

// The wide type a total has for registers of type T.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

template <class W>
RV_INLINE W& member(PwTotal& total) {
  if constexpr (std::is_same_v<W, double>)
    return total.f;
  else if constexpr (std::is_same_v<W, int64_t>)
    return total.i;
  else
    return total.u;
}
template <class W>
RV_INLINE W member(const PwTotal& total) {
  return member<W>(const_cast<PwTotal&>(total));
}

// What is joined, where it is not a function of the values.
struct Values {
  template <class A>
  RV_INLINE static A map(A x) {
    return x;
  }
};

// Each join takes two numbers or two vectors of float64. `InWide`: rows of narrower values are
// joined in the wide type.
struct Sum : Values {
  static constexpr bool kInWide = true;
  template <class T>
  static constexpr T kIdentity = 0;
  template <class A>
  RV_INLINE static A join(A a, A b) {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
};
struct Prod : Values {
  static constexpr bool kInWide = true;
  template <class T>
  static constexpr T kIdentity = 1;
  template <class A>
  RV_INLINE static A join(A a, A b) {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    else
      return a * b;
  }
};
struct SumSquares : Sum {
  template <class A>
  RV_INLINE static A map(A x) {
    return Prod::join(x, x);
  }
};
struct Max : Values {
  static constexpr bool kInWide = false;
  template <class T>
  static constexpr T kIdentity = std::numeric_limits<T>::has_infinity
                                     ? -std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::lowest();
  template <class A>
  RV_INLINE static A join(A a, A b) {
    return (a > b) | (a != a) ? a : b;
  }
  RV_INLINE static VecD join(VecD a, VecD b) { return max_nan(a, b); }
};
struct Min : Values {
  static constexpr bool kInWide = false;
  template <class T>
  static constexpr T kIdentity = std::numeric_limits<T>::has_infinity
                                     ? std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::max();
  template <class A>
  RV_INLINE static A join(A a, A b) {
    return (a < b) | (a != a) ? a : b;
  }
  RV_INLINE static VecD join(VecD a, VecD b) { return min_nan(a, b); }
};
// Of bytes that are 0 or 1.
struct Any : Values {
  static constexpr bool kInWide = false;
  template <class T>
  static constexpr T kIdentity = 0;
  template <class A>
  RV_INLINE static A join(A a, A b) {
    return static_cast<A>(a | b);
  }
};
struct All : Any {
  template <class T>
  static constexpr T kIdentity = 1;
  template <class A>
  RV_INLINE static A join(A a, A b) {
    return static_cast<A>(a & b);
  }
};

template <class T, class Op>
void integer_rows(const void* values, int64_t rows, int64_t n, PwTotal* out) noexcept {
  using A = std::conditional_t<Op::kInWide, Wide<T>, T>;
  const T* p = static_cast<const T*>(values);
  for (int64_t r = 0; r < rows; ++r, p += n) {
    A all = Op::template kIdentity<A>;
    for (int64_t i = 0; i < n; ++i) all = Op::join(all, Op::map(static_cast<A>(p[i])));
    member<Wide<T>>(out[r]) = all;
  }
}

RV_INLINE VecD load_wide(const double* p) { return VecD::load(p); }
RV_INLINE VecD load_wide(const float* p) { return load_double(p); }
// Lanes joined as a tree: halves, then halves of halves.
template <class Op>
RV_INLINE double fold(VecD x) {
  double lanes[VecD::kLanes];
  x.store(lanes);
  for (int half = VecD::kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] = Op::join(lanes[i], lanes[i + half]);
  return lanes[0];
}
template <class T, class Op>
void float_rows(const void* values, int64_t rows, int64_t n, PwTotal* out) noexcept {
  constexpr int kLanes = VecD::kLanes;
  const T* p = static_cast<const T*>(values);
  for (int64_t r = 0; r < rows; ++r, p += n) {
    double total = Op::template kIdentity<double>;
    int64_t i = 0;
    if (n >= 2 * kLanes) {
      const VecD start = VecD::set1(total);
      VecD all[4] = {start, start, start, start};
      for (; i + 4 * kLanes <= n; i += 4 * kLanes)
#pragma GCC unroll 4
        for (int u = 0; u < 4; ++u)
          all[u] = Op::join(all[u], Op::map(load_wide(p + i + u * kLanes)));
      for (; i + kLanes <= n; i += kLanes) all[0] = Op::join(all[0], Op::map(load_wide(p + i)));
      total = fold<Op>(Op::join(Op::join(all[0], all[1]), Op::join(all[2], all[3])));
    }
    for (; i < n; ++i) total = Op::join(total, Op::map(double{p[i]}));
    out[r].f = total;
  }
}

template <class T, class Op>
void columns_of(const void* values, int64_t rows, int64_t n, void* block) noexcept {
  const T* p = static_cast<const T*>(values);
  T* all = static_cast<T*>(block);
  for (int64_t r = 0; r < rows; ++r, p += n)
#pragma GCC ivdep
    for (int64_t c = 0; c < n; ++c) all[c] = Op::join(all[c], Op::map(p[c]));
}
template <class T, class Op>
void clear_block(void* block, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(block)[i] = Op::template kIdentity<T>;
}
template <class T>
void start_totals(PwTotal* total, const void* block, int64_t n) noexcept {
  const T* p = static_cast<const T*>(block);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) member<Wide<T>>(total[i]) = p[i];
}
template <class T, class Op>
void flush_block(PwTotal* total, const void* block, int64_t n) noexcept {
  using W = Wide<T>;
  const T* p = static_cast<const T*>(block);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    member<W>(total[i]) = Op::join(member<W>(total[i]), static_cast<W>(p[i]));
}
template <class T, class Op>
void combine_totals(PwTotal* total, const PwTotal* more, int64_t n) noexcept {
  using W = Wide<T>;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    member<W>(total[i]) = Op::join(member<W>(total[i]), member<W>(more[i]));
}
template <class T>
void finish_totals(const PwTotal* total, int64_t n, int64_t divisor, void* values) noexcept {
  using W = Wide<T>;
  T* out = static_cast<T*>(values);
  for (int64_t i = 0; i < n; ++i) {
    W value = member<W>(total[i]);
    if (divisor) value = static_cast<W>(value / static_cast<W>(divisor));
    out[i] = static_cast<T>(value);
  }
}

template <class T, class Op>
constexpr PwReducer make_reducer() {
  PwReducer r{nullptr,
              columns_of<T, Op>,
              clear_block<T, Op>,
              start_totals<T>,
              flush_block<T, Op>,
              combine_totals<T, Op>,
              finish_totals<T>,
              {}};
  constexpr Wide<T> kIdentity = Op::template kIdentity<T>;
  if constexpr (std::is_floating_point_v<T>) {
    r.rows = float_rows<T, Op>;
    r.identity = {.f = kIdentity};
  } else {
    r.rows = integer_rows<T, Op>;
    r.identity = {.u = static_cast<uint64_t>(kIdentity)};
  }
  return r;
}
template <class T, class Op>
constexpr PwReducer kReducer = make_reducer<T, Op>();

template <class T>
const PwReducer* reducer_for(int kind) {
  switch (static_cast<ReduceOp>(kind)) {
    case ReduceOp::Prod:
      return &kReducer<T, Prod>;
    case ReduceOp::Max:
    case ReduceOp::Any:
      return &kReducer<T, Max>;
    case ReduceOp::Min:
    case ReduceOp::All:
      return &kReducer<T, Min>;
    case ReduceOp::SumSquares:
      return &kReducer<T, SumSquares>;
    default:
      return &kReducer<T, Sum>;
  }
}
// Whether one is true, for products and minima whether all are.
const PwReducer* flag_reducer(int kind) {
  const auto op = static_cast<ReduceOp>(kind);
  const bool all = op == ReduceOp::Prod || op == ReduceOp::Min || op == ReduceOp::All;
  return all ? &kReducer<uint8_t, All> : &kReducer<uint8_t, Any>;
}

const PwReducer* reducer_of(RegType type, int kind) noexcept {
  switch (type) {
    case RegType::F32:
      return static_cast<ReduceOp>(kind) == ReduceOp::Prod ? &kReducer<float, Prod> : nullptr;
    case RegType::F64:
      return reducer_for<double>(kind);
    case RegType::I32:
      return reducer_for<int32_t>(kind);
    case RegType::I64:
      return reducer_for<int64_t>(kind);
    case RegType::U64:
      return reducer_for<uint64_t>(kind);
    default:
      return flag_reducer(kind);
  }
}

}  // namespace
}  // namespace reductions

const ReducerChoice kLevelReducers = reductions::reducer_of;

}  // namespace ranvier::kernels::RV_ISA
