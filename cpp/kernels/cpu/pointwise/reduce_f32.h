#pragma once
// Blocks of float32 sums and extremes, once per instruction set (PwReducer in tile_ops.h).

#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/simd/extremes.h"
#include "kernels/cpu/simd/in_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

constexpr int kLanes = VecF::kLanes;

struct Sum {
  static constexpr float kIdentity = 0.0f;
  RV_INLINE static VecF map(VecF x) { return x; }
  template <class T>
  RV_INLINE static Vec<T> join(Vec<T> a, Vec<T> b) {
    return a + b;
  }
  RV_INLINE static double join(double a, double b) { return a + b; }
};
struct SumSquares {
  static constexpr float kIdentity = 0.0f;
  RV_INLINE static VecF map(VecF x) { return x * x; }
  template <class T>
  RV_INLINE static Vec<T> join(Vec<T> a, Vec<T> b) {
    return a + b;
  }
  RV_INLINE static double join(double a, double b) { return a + b; }
};
struct Max {
  static constexpr float kIdentity = -kInf;
  RV_INLINE static VecF map(VecF x) { return x; }
  template <class T>
  RV_INLINE static Vec<T> join(Vec<T> a, Vec<T> b) {
    return max_nan(a, b);
  }
  RV_INLINE static double join(double a, double b) { return a > b || a != a ? a : b; }
};
struct Min {
  static constexpr float kIdentity = kInf;
  RV_INLINE static VecF map(VecF x) { return x; }
  template <class T>
  RV_INLINE static Vec<T> join(Vec<T> a, Vec<T> b) {
    return min_nan(a, b);
  }
  RV_INLINE static double join(double a, double b) { return a < b || a != a ? a : b; }
};

// The first n lanes of x, the identity in the others.
RV_INLINE VecF keep_first(VecF x, int n, float identity) {
  return select(VecI::iota() < VecI::set1(n), x, vf(identity));
}
// Lanes joined as a tree: halves, then halves of halves.
template <class Op>
RV_INLINE double join_lanes(VecF x) {
  float lanes[2 * kLanes];
  x.store(lanes);
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i)
      lanes[i] = static_cast<float>(Op::join(double{lanes[i]}, double{lanes[i + half]}));
  return lanes[0];
}
#if defined(__AVX512F__)
template <class Op>
RV_INLINE double fold_lanes(VecF x) {
  VecF y = Op::join(x, VecF{_mm512_shuffle_f32x4(x.v, x.v, 0x4e)});
  y = Op::join(y, VecF{_mm512_shuffle_f32x4(y.v, y.v, 0xb1)});
  y = Op::join(y, VecF{_mm512_permute_ps(y.v, 0x4e)});
  y = Op::join(y, VecF{_mm512_permute_ps(y.v, 0xb1)});
  return double{y.v[0]};
}
#else
template <class Op>
RV_INLINE double fold_lanes(VecF x) {
  return join_lanes<Op>(x);
}
#endif

template <class Op>
void rows_of(const void* values, int64_t rows, int64_t n, PwTotal* out) noexcept {
  const float* p = static_cast<const float*>(values);
  for (int64_t r = 0; r < rows; ++r, p += n) {
    VecF acc[4] = {vf(Op::kIdentity), vf(Op::kIdentity), vf(Op::kIdentity), vf(Op::kIdentity)};
    int64_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u)
        acc[u] = Op::join(acc[u], Op::map(VecF::load(p + i + u * kLanes)));
    for (; i + kLanes <= n; i += kLanes) acc[0] = Op::join(acc[0], Op::map(VecF::load(p + i)));
    if (i < n) {
      const int left = static_cast<int>(n - i);
      const VecF tail = Op::map(VecF::load_partial(p + i, left));
      acc[1] = Op::join(acc[1], keep_first(tail, left, Op::kIdentity));
    }
    out[r].f = fold_lanes<Op>(Op::join(Op::join(acc[0], acc[1]), Op::join(acc[2], acc[3])));
  }
}

template <class Op>
RV_INLINE VecF join_chains(const VecF (&a)[4]) {
  return Op::join(Op::join(a[0], a[1]), Op::join(a[2], a[3]));
}
// Columns that are a half, a quarter, ... of a vector: rows lie side by side in it. For few rows
// the folds at the end would cost more than they save.
template <class Op>
void columns_side_by_side(const float* p, int64_t rows, int64_t n, float* acc) {
  const VecF none = vf(Op::kIdentity);
  VecF a[4] = {none, none, none, none};
  const int64_t size = rows * n;
  int64_t i = 0;
  for (; i + 4 * kLanes <= size; i += 4 * kLanes)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) a[u] = Op::join(a[u], Op::map(VecF::load(p + i + u * kLanes)));
  for (; i < size; i += kLanes) {
    const int left = size - i < kLanes ? static_cast<int>(size - i) : kLanes;
    a[0] =
        Op::join(a[0], keep_first(Op::map(VecF::load_partial(p + i, left)), left, Op::kIdentity));
  }
  float lanes[2 * kLanes];
  join_chains<Op>(a).store(lanes);
  for (int half = kLanes / 2; half >= n; half /= 2)
    Op::join(VecF::load_partial(lanes, half), VecF::load_partial(lanes + half, half))
        .store_partial(lanes, half);
  const int columns = static_cast<int>(n);
  Op::join(VecF::load_partial(acc, columns), VecF::load_partial(lanes, columns))
      .store_partial(acc, columns);
}
// At most a vector of columns: four rows at a time, whose sums do not wait for each other.
template <class Op>
void columns_of_part(const float* p, int64_t rows, int64_t n, int lanes, float* acc) {
  const VecF none = vf(Op::kIdentity);
  VecF a[4] = {VecF::load_partial(acc, lanes), none, none, none};
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u)
      a[u] = Op::join(a[u], Op::map(VecF::load_partial(p + (r + u) * n, lanes)));
  for (; r < rows; ++r) a[0] = Op::join(a[0], Op::map(VecF::load_partial(p + r * n, lanes)));
  join_chains<Op>(a).store_partial(acc, lanes);
}

template <class Op>
void columns_of(const void* values, int64_t rows, int64_t n, void* block) noexcept {
  const float* p = static_cast<const float*>(values);
  float* acc = static_cast<float*>(block);
  if (n < kLanes && kLanes % n == 0 && rows > 4) return columns_side_by_side<Op>(p, rows, n, acc);
  int64_t c = 0;
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) {
    VecF a[4];
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) a[u] = VecF::load(acc + c + u * kLanes);
    for (int64_t r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u)
        a[u] = Op::join(a[u], Op::map(VecF::load(p + r * n + c + u * kLanes)));
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) a[u].store(acc + c + u * kLanes);
  }
  for (; c < n; c += kLanes) {
    const int lanes = n - c < kLanes ? static_cast<int>(n - c) : kLanes;
    columns_of_part<Op>(p + c, rows, n, lanes, acc + c);
  }
}

template <class Op>
void clear_block(void* block, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) static_cast<float*>(block)[i] = Op::kIdentity;
}
// Widens a block to float64 totals: the first block becomes them, later ones join.
template <class Op, bool First>
void flush_block(PwTotal* total, const void* block, int64_t n) noexcept {
  const float* p = static_cast<const float*>(block);
  double* sums = &total->f;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VecF x = VecF::load(p + i);
    VecD low = low_double(x), high = high_double(x);
    if constexpr (!First) {
      low = Op::join(VecD::load(sums + i), low);
      high = Op::join(VecD::load(sums + i + VecD::kLanes), high);
    }
    low.store(sums + i);
    high.store(sums + i + VecD::kLanes);
  }
  for (; i < n; ++i) sums[i] = First ? double{p[i]} : Op::join(sums[i], double{p[i]});
}
template <class Op>
void combine_totals(PwTotal* total, const PwTotal* more, int64_t n) noexcept {
  for (int64_t i = 0; i < n; ++i) total[i].f = Op::join(total[i].f, more[i].f);
}
void finish_f32(const PwTotal* total, int64_t n, int64_t divisor, void* values) noexcept {
  float* out = static_cast<float*>(values);
  if (divisor) {
    const double by = static_cast<double>(divisor);
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(total[i].f / by);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(total[i].f);
  }
}

template <class Op>
constexpr PwReducer reducer() {
  return {rows_of<Op>,
          columns_of<Op>,
          clear_block<Op>,
          flush_block<Op, true>,
          flush_block<Op, false>,
          combine_totals<Op>,
          finish_f32,
          {.f = double{Op::kIdentity}}};
}
constexpr PwReducer kSum = reducer<Sum>();
constexpr PwReducer kSumSquares = reducer<SumSquares>();
constexpr PwReducer kMax = reducer<Max>();
constexpr PwReducer kMin = reducer<Min>();

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
