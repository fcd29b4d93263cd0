// Softmax and log-softmax down the columns of matrices; float32 at every level, float64 at
// baseline.

#include <cstdint>

#include "kernels/cpu/nn/columns.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/nn/softmax.h"
#include "kernels/cpu/nn/softmax_math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Neighbouring columns that are worked on together: `rows` rows of V vectors, `stride` elements
// apart, the last vector of a row with `lanes` of them. Where a whole matrix is narrow, a vector
// holds `folds` of its rows side by side, and the last one maybe fewer: `last` lanes.
struct ColumnGroup {
  int64_t rows, stride;
  int lanes, last, folds;

  RV_INLINE int lanes_of(int64_t row) const { return row + 1 == rows ? last : lanes; }
};

// Lanes that belong to one column become their sum or maximum, op(a, b).
template <class T, class Op>
RV_INLINE Vec<T> fold_lanes(const ColumnGroup& g, Vec<T> x, const Op& op) {
  if (g.folds == 1) return x;
  T lanes[Vec<T>::kLanes];
  x.store(lanes);
  const int columns = g.lanes / g.folds;
  for (int i = columns; i < g.lanes; ++i) lanes[i % columns] = op(lanes[i % columns], lanes[i]);
  for (int i = columns; i < g.lanes; ++i) lanes[i] = lanes[i % columns];
  return Vec<T>::load(lanes);
}

// f.template operator()<V>(at, group) for groups of columns, the first of which begins at element
// `at`.
template <class T, class F>
RV_INLINE void for_each_group(const Context& context, const SoftmaxColumns& p, const F& f) {
  constexpr int kLanes = Vec<T>::kLanes;
  constexpr int64_t kWide = 4 * kLanes, kChunk = 8192;  // elements: about 10 µs
  if (p.outer * p.count * p.inner == 0) return;
  const int64_t matrix = p.count * p.inner;
  if (2 * p.inner <= kLanes) {
    const int64_t folds = kLanes / p.inner, lanes = folds * p.inner;
    const int64_t rows = (p.count + folds - 1) / folds, last = matrix - (rows - 1) * lanes;
    const ColumnGroup group{rows, lanes, static_cast<int>(lanes), static_cast<int>(last),
                            static_cast<int>(folds)};
    return context.parallel_for(p.outer, matrix < kChunk ? kChunk / matrix : 1,
                                [&](int64_t begin, int64_t end, int) {
                                  for (int64_t o = begin; o < end; ++o)
                                    f.template operator()<1>(o * matrix, group);
                                });
  }
  const int64_t groups = (p.inner + kWide - 1) / kWide, work = kWide * p.count;
  context.parallel_for(
      p.outer * groups, work < kChunk ? kChunk / work : 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t n = begin; n < end; ++n) {
          const int64_t first = n % groups * kWide, left = p.inner - first;
          const int64_t at = n / groups * matrix + first;
          for_each_column_group<T>(left < kWide ? left : kWide,
                                   [&]<int V>(int64_t c, int lanes) RV_INLINE_LAMBDA {
                                     const ColumnGroup group{p.count, p.inner, lanes, lanes, 1};
                                     f.template operator()<V>(at + c, group);
                                   });
        }
      });
}

template <class T>
RV_INLINE Vec<T> element(const ColumnGroup& g, const T* x, int64_t row, int v, int lanes) {
  return load_lanes(x + row * g.stride + v * Vec<T>::kLanes, lanes);
}

// Sums down the columns of what f(row, v, lanes) gives, in blocks, so that long columns lose no
// digits.
template <class T, int V, class F>
RV_INLINE void column_sums(const ColumnGroup& g, Vec<T> (&sums)[V], const F& f) {
  constexpr int64_t kBlock = 32;
  for (auto& sum : sums) sum = Vec<T>::zero();
  for (int64_t begin = 0; begin < g.rows; begin += kBlock) {
    const int64_t end = g.rows - begin < kBlock ? g.rows : begin + kBlock;
    Vec<T> block[V];
    for (auto& sum : block) sum = Vec<T>::zero();
    for (int64_t r = begin; r < end; ++r)
      for (int v = 0; v < V; ++v)
        block[v] = block[v] + keep_lanes(f(r, v, g.lanes_of(r)), g.lanes_of(r), Vec<T>::zero());
    for (int v = 0; v < V; ++v) sums[v] = sums[v] + block[v];
  }
  for (auto& sum : sums) sum = fold_lanes(g, sum, [](T a, T b) { return a + b; });
}

template <class T, int V>
RV_INLINE void column_maxima(const ColumnGroup& g, const T* x, Vec<T> (&best)[V]) {
  const Vec<T> least = Vec<T>::set1(lowest<T>());
  for (auto& b : best) b = least;
  for (int64_t r = 0; r < g.rows; ++r)
    for (int v = 0; v < V; ++v) {
      const int lanes = g.lanes_of(r);
      best[v] = max(keep_lanes(element(g, x, r, v, lanes), lanes, least), best[v]);
    }
  for (auto& b : best) b = fold_lanes(g, b, [](T a, T b) { return a > b ? a : b; });
}

// y = f(row, v, lanes) in every row.
template <class T, int V, class F>
RV_INLINE void fill_columns(const ColumnGroup& g, T* y, const F& f) {
  for (int64_t r = 0; r < g.rows; ++r)
    for (int v = 0; v < V; ++v)
      store_lanes(f(r, v, g.lanes_of(r)), y + r * g.stride + v * Vec<T>::kLanes, g.lanes_of(r));
}

template <class T>
void softmax_columns(const Context& context, const SoftmaxColumns& p, void* y_,
                     const void* x_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, const ColumnGroup& g) RV_INLINE_LAMBDA {
    const T* x = static_cast<const T*>(x_) + at;
    T* y = static_cast<T*>(y_) + at;
    Vec<T> m[V], sum[V];
    column_maxima<T, V>(g, x, m);
    column_sums<T, V>(g, sum, [&](int64_t r, int v, int lanes) RV_INLINE_LAMBDA {
      const Vec<T> e = exp_of(element(g, x, r, v, lanes) - m[v]);
      store_lanes(e, y + r * g.stride + v * Vec<T>::kLanes, lanes);
      return e;
    });
    for (int v = 0; v < V; ++v) sum[v] = Vec<T>::set1(1) / sum[v];
    fill_columns<T, V>(g, y, [&](int64_t r, int v, int lanes) RV_INLINE_LAMBDA {
      return element(g, y, r, v, lanes) * sum[v];
    });
  });
}

template <class T>
void log_softmax_columns(const Context& context, const SoftmaxColumns& p, void* y_,
                         const void* x_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, const ColumnGroup& g) RV_INLINE_LAMBDA {
    const T* x = static_cast<const T*>(x_) + at;
    Vec<T> m[V], sum[V];
    column_maxima<T, V>(g, x, m);
    column_sums<T, V>(g, sum, [&](int64_t r, int v, int lanes) RV_INLINE_LAMBDA {
      return exp_of(element(g, x, r, v, lanes) - m[v]);
    });
    for (int v = 0; v < V; ++v) sum[v] = log(sum[v]);
    fill_columns<T, V>(g, static_cast<T*>(y_) + at,
                       [&](int64_t r, int v, int lanes)
                           RV_INLINE_LAMBDA { return element(g, x, r, v, lanes) - m[v] - sum[v]; });
  });
}

// dx = close(dy, y, sum of term(dy, y) down the column).
template <class T, class Term, class Close>
RV_INLINE void columns_backward(const Context& context, const SoftmaxColumns& p, void* dx,
                                const void* dy_, const void* y_, const Term& term,
                                const Close& close) {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, const ColumnGroup& g) RV_INLINE_LAMBDA {
    const T* dy = static_cast<const T*>(dy_) + at;
    const T* y = static_cast<const T*>(y_) + at;
    Vec<T> sum[V];
    column_sums<T, V>(g, sum, [&](int64_t r, int v, int lanes) RV_INLINE_LAMBDA {
      return term(element(g, dy, r, v, lanes), element(g, y, r, v, lanes));
    });
    fill_columns<T, V>(
        g, static_cast<T*>(dx) + at, [&](int64_t r, int v, int lanes) RV_INLINE_LAMBDA {
          return close(element(g, dy, r, v, lanes), element(g, y, r, v, lanes), sum[v]);
        });
  });
}

template <class T>
void softmax_columns_backward(const Context& context, const SoftmaxColumns& p, void* dx,
                              const void* dy, const void* y) noexcept {
  using V = Vec<T>;
  columns_backward<T>(
      context, p, dx, dy, y, [](V dy, V y) RV_INLINE_LAMBDA { return dy * y; },
      [](V dy, V y, V sum) RV_INLINE_LAMBDA { return y * (dy - sum); });
}

template <class T>
void log_softmax_columns_backward(const Context& context, const SoftmaxColumns& p, void* dx,
                                  const void* dy, const void* y) noexcept {
  using V = Vec<T>;
  columns_backward<T>(
      context, p, dx, dy, y, [](V dy, V) RV_INLINE_LAMBDA { return dy; },
      [](V dy, V y, V sum) RV_INLINE_LAMBDA { return dy - exp_of(y) * sum; });
}

template <class T>
constexpr SoftmaxColumnsKernels kColumnsTable{softmax_columns<T>, log_softmax_columns<T>,
                                              softmax_columns_backward<T>,
                                              log_softmax_columns_backward<T>};

}  // namespace

extern const SoftmaxColumnsKernels kSoftmaxColumnsF32;
const SoftmaxColumnsKernels kSoftmaxColumnsF32 = kColumnsTable<float>;
#if !defined(__AVX2__)
extern const SoftmaxColumnsKernels kSoftmaxColumnsF64;
const SoftmaxColumnsKernels kSoftmaxColumnsF64 = kColumnsTable<double>;
#endif

}  // namespace ranvier::kernels::RV_ISA
