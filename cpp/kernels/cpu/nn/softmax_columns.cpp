// Softmax and log-softmax down the columns of matrices; float32 at every level, float64 at
// baseline.

#include <cstdint>

#include "kernels/cpu/nn/columns.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/nn/softmax.h"
#include "kernels/cpu/nn/softmax_math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// f.template operator()<V>(at, lanes) for groups of at most four vectors of neighbouring columns,
// the first of which begins at element `at`; lanes counts the last vector's.
template <class T, class F>
RV_INLINE void for_each_group(const Context& context, const SoftmaxColumns& p, const F& f) {
  constexpr int64_t kWide = 4 * Vec<T>::kLanes, kChunk = 8192;  // elements: about 10 µs
  const int64_t groups = (p.inner + kWide - 1) / kWide, work = kWide * (p.count < 1 ? 1 : p.count);
  context.parallel_for(
      p.outer * groups, work < kChunk ? kChunk / work : 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t g = begin; g < end; ++g) {
          const int64_t first = g % groups * kWide, left = p.inner - first;
          const int64_t at = g / groups * p.count * p.inner + first;
          for_each_column_group<T>(left < kWide ? left : kWide,
                                   [&]<int V>(int64_t c, int lanes) RV_INLINE_LAMBDA {
                                     f.template operator()<V>(at + c, lanes);
                                   });
        }
      });
}

// Sums over the rows of what f(row, v) gives, in blocks, so that long columns lose no digits.
template <class T, int V, class F>
RV_INLINE void column_sums(int64_t count, Vec<T> (&sums)[V], const F& f) {
  constexpr int64_t kBlock = 32;
  for (auto& sum : sums) sum = Vec<T>::zero();
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = count - begin < kBlock ? count : begin + kBlock;
    Vec<T> block[V];
    for (auto& sum : block) sum = Vec<T>::zero();
    for (int64_t r = begin; r < end; ++r)
      for (int v = 0; v < V; ++v) block[v] = block[v] + f(r, v);
    for (int v = 0; v < V; ++v) sums[v] = sums[v] + block[v];
  }
}

template <class T, int V>
RV_INLINE void column_maxima(const SoftmaxColumns& p, const T* x, int lanes, Vec<T> (&best)[V]) {
  for (auto& b : best) b = Vec<T>::set1(lowest<T>());
  for (int64_t r = 0; r < p.count; ++r, x += p.inner)
    for (int v = 0; v < V; ++v) best[v] = max(load_lanes(x + v * Vec<T>::kLanes, lanes), best[v]);
}

// y = f(row, v) in every row.
template <class T, int V, class F>
RV_INLINE void fill_columns(const SoftmaxColumns& p, T* y, int lanes, const F& f) {
  for (int64_t r = 0; r < p.count; ++r)
    for (int v = 0; v < V; ++v) store_lanes(f(r, v), y + r * p.inner + v * Vec<T>::kLanes, lanes);
}

// Element (row, v) of a group of columns.
template <class T>
RV_INLINE Vec<T> element(const SoftmaxColumns& p, const T* x, int64_t row, int v, int lanes) {
  return load_lanes(x + row * p.inner + v * Vec<T>::kLanes, lanes);
}

template <class T>
void softmax_columns(const Context& context, const SoftmaxColumns& p, void* y_,
                     const void* x_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, int lanes) RV_INLINE_LAMBDA {
    const T* x = static_cast<const T*>(x_) + at;
    T* y = static_cast<T*>(y_) + at;
    Vec<T> m[V], sum[V];
    column_maxima<T, V>(p, x, lanes, m);
    column_sums<T, V>(p.count, sum, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      const Vec<T> e = exp_of(element(p, x, r, v, lanes) - m[v]);
      store_lanes(e, y + r * p.inner + v * Vec<T>::kLanes, lanes);
      return e;
    });
    for (int v = 0; v < V; ++v) sum[v] = Vec<T>::set1(1) / sum[v];
    fill_columns<T, V>(p, y, lanes, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, y, r, v, lanes) * sum[v];
    });
  });
}

template <class T>
void log_softmax_columns(const Context& context, const SoftmaxColumns& p, void* y_,
                         const void* x_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, int lanes) RV_INLINE_LAMBDA {
    const T* x = static_cast<const T*>(x_) + at;
    Vec<T> m[V], sum[V];
    column_maxima<T, V>(p, x, lanes, m);
    column_sums<T, V>(p.count, sum, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return exp_of(element(p, x, r, v, lanes) - m[v]);
    });
    for (int v = 0; v < V; ++v) sum[v] = log_of(sum[v]);
    fill_columns<T, V>(p, static_cast<T*>(y_) + at, lanes, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, x, r, v, lanes) - m[v] - sum[v];
    });
  });
}

template <class T>
void softmax_columns_backward(const Context& context, const SoftmaxColumns& p, void* dx,
                              const void* dy_, const void* y_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, int lanes) RV_INLINE_LAMBDA {
    const T* dy = static_cast<const T*>(dy_) + at;
    const T* y = static_cast<const T*>(y_) + at;
    Vec<T> sum[V];
    column_sums<T, V>(p.count, sum, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, dy, r, v, lanes) * element(p, y, r, v, lanes);
    });
    fill_columns<T, V>(p, static_cast<T*>(dx) + at, lanes, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, y, r, v, lanes) * (element(p, dy, r, v, lanes) - sum[v]);
    });
  });
}

template <class T>
void log_softmax_columns_backward(const Context& context, const SoftmaxColumns& p, void* dx,
                                  const void* dy_, const void* y_) noexcept {
  for_each_group<T>(context, p, [&]<int V>(int64_t at, int lanes) RV_INLINE_LAMBDA {
    const T* dy = static_cast<const T*>(dy_) + at;
    const T* y = static_cast<const T*>(y_) + at;
    Vec<T> sum[V];
    column_sums<T, V>(p.count, sum, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, dy, r, v, lanes);
    });
    fill_columns<T, V>(p, static_cast<T*>(dx) + at, lanes, [&](int64_t r, int v) RV_INLINE_LAMBDA {
      return element(p, dy, r, v, lanes) - exp_of(element(p, y, r, v, lanes)) * sum[v];
    });
  });
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
