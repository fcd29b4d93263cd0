// Common reduction blocks: every register type, and for float32 what no level writes as vectors.

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

// The wide type a total has for registers of type T.
template <class T>
using Wide =
    std::conditional_t<std::is_floating_point_v<T>, double,
                       std::conditional_t<std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>,
                                          int64_t, uint64_t>>;

template <class W>
W& member(PwTotal& total) {
  if constexpr (std::is_same_v<W, double>)
    return total.f;
  else if constexpr (std::is_same_v<W, int64_t>)
    return total.i;
  else
    return total.u;
}
template <class W>
W member(const PwTotal& total) {
  return member<W>(const_cast<PwTotal&>(total));
}

template <class A>
A wrap_add(A a, A b) {
  if constexpr (std::is_floating_point_v<A>)
    return a + b;
  else
    return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class A>
A wrap_mul(A a, A b) {
  if constexpr (std::is_floating_point_v<A>)
    return a * b;
  else
    return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <class T>
struct Sum {
  static constexpr T kIdentity = 0;
  template <class A>
  static A map(A x) {
    return x;
  }
  template <class A>
  static A join(A a, A b) {
    return wrap_add(a, b);
  }
};
template <class T>
struct SumSquares : Sum<T> {
  template <class A>
  static A map(A x) {
    return wrap_mul(x, x);
  }
};
template <class T>
struct Prod {
  static constexpr T kIdentity = 1;
  template <class A>
  static A map(A x) {
    return x;
  }
  template <class A>
  static A join(A a, A b) {
    return wrap_mul(a, b);
  }
};
template <class T>
struct Max {
  static constexpr T kIdentity = std::numeric_limits<T>::has_infinity
                                     ? -std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::lowest();
  template <class A>
  static A map(A x) {
    return x;
  }
  template <class A>
  static A join(A a, A b) {
    return a > b || a != a ? a : b;
  }
};
template <class T>
struct Min {
  static constexpr T kIdentity = std::numeric_limits<T>::has_infinity
                                     ? std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::max();
  template <class A>
  static A map(A x) {
    return x;
  }
  template <class A>
  static A join(A a, A b) {
    return a < b || a != a ? a : b;
  }
};

template <class T, class Op>
void rows_of(const void* values, int64_t rows, int64_t n, PwTotal* out) noexcept {
  using W = Wide<T>;
  const T* p = static_cast<const T*>(values);
  const W start = static_cast<W>(Op::kIdentity);
  for (int64_t r = 0; r < rows; ++r, p += n) {
    W acc[4] = {start, start, start, start};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
      for (int u = 0; u < 4; ++u)
        acc[u] = Op::join(acc[u], static_cast<W>(Op::map(static_cast<W>(p[i + u]))));
    for (; i < n; ++i) acc[0] = Op::join(acc[0], static_cast<W>(Op::map(static_cast<W>(p[i]))));
    member<W>(out[r]) = Op::join(Op::join(acc[0], acc[1]), Op::join(acc[2], acc[3]));
  }
}
template <class T, class Op>
void columns_of(const void* values, int64_t rows, int64_t n, void* block) noexcept {
  const T* p = static_cast<const T*>(values);
  T* acc = static_cast<T*>(block);
  for (int64_t r = 0; r < rows; ++r, p += n)
    for (int64_t c = 0; c < n; ++c) acc[c] = static_cast<T>(Op::join(acc[c], Op::map(p[c])));
}
template <class T, class Op>
void clear_block(void* block, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(block)[i] = Op::kIdentity;
}
template <class T>
void start_totals(PwTotal* total, const void* block, int64_t n) noexcept {
  using W = Wide<T>;
  for (int64_t i = 0; i < n; ++i)
    member<W>(total[i]) = static_cast<W>(static_cast<const T*>(block)[i]);
}
template <class T, class Op>
void flush_block(PwTotal* total, const void* block, int64_t n) noexcept {
  using W = Wide<T>;
  for (int64_t i = 0; i < n; ++i)
    member<W>(total[i]) =
        Op::join(member<W>(total[i]), static_cast<W>(static_cast<const T*>(block)[i]));
}
template <class T, class Op>
void combine_totals(PwTotal* total, const PwTotal* more, int64_t n) noexcept {
  using W = Wide<T>;
  for (int64_t i = 0; i < n; ++i)
    member<W>(total[i]) = Op::join(member<W>(total[i]), member<W>(more[i]));
}
template <class T>
void finish(const PwTotal* total, int64_t n, int64_t divisor, void* values) noexcept {
  using W = Wide<T>;
  T* out = static_cast<T*>(values);
  for (int64_t i = 0; i < n; ++i) {
    W value = member<W>(total[i]);
    if (divisor) value = static_cast<W>(value / static_cast<W>(divisor));
    out[i] = static_cast<T>(value);
  }
}

template <class T, class Op>
PwReducer make_reducer() {
  PwReducer r{rows_of<T, Op>,     columns_of<T, Op>,     clear_block<T, Op>, start_totals<T>,
              flush_block<T, Op>, combine_totals<T, Op>, finish<T>,          {}};
  member<Wide<T>>(r.identity) = static_cast<Wide<T>>(Op::kIdentity);
  return r;
}

template <class T>
const PwReducer& reducer_for(int kind) {
  static const PwReducer sum = make_reducer<T, Sum<T>>();
  static const PwReducer squares = make_reducer<T, SumSquares<T>>();
  static const PwReducer prod = make_reducer<T, Prod<T>>();
  static const PwReducer max = make_reducer<T, Max<T>>();
  static const PwReducer min = make_reducer<T, Min<T>>();
  switch (static_cast<ReduceOp>(kind)) {
    case ReduceOp::Prod:
      return prod;
    case ReduceOp::Max:
    case ReduceOp::Any:
      return max;
    case ReduceOp::Min:
    case ReduceOp::All:
      return min;
    case ReduceOp::SumSquares:
      return squares;
    default:
      return sum;
  }
}

}  // namespace

const PwReducer& common_reducer(RegType type, int kind) {
  switch (type) {
    case RegType::F32:
      return reducer_for<float>(kind);
    case RegType::F64:
      return reducer_for<double>(kind);
    case RegType::I32:
      return reducer_for<int32_t>(kind);
    case RegType::I64:
      return reducer_for<int64_t>(kind);
    case RegType::U64:
      return reducer_for<uint64_t>(kind);
    default:
      return reducer_for<bool>(kind);
  }
}

}  // namespace ranvier::kernels
