// Batch normalization over the columns; float32 at every level, float64 at baseline.

#include <cmath>
#include <cstdint>

#include "kernels/cpu/nn/columns.h"
#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

constexpr int64_t kBlockRows = 128, kFirstRows = 8;

// Adds the moments of `count` rows to those of the `before` rows above them (Chan's formula).
template <class T>
RV_INLINE void merge_moments(Vec<T> mean, Vec<T> m2, T before, T count, T* mean_at, T* m2_at,
                             int lanes) {
  if (before != 0) {
    const Vec<T> weight = Vec<T>::set1(count / (before + count));
    const Vec<T> cross = Vec<T>::set1(before * count / (before + count));
    const Vec<T> old = load_lanes(mean_at, lanes), delta = mean - old;
    mean = old + delta * weight;
    m2 = load_lanes(m2_at, lanes) + m2 + delta * delta * cross;
  }
  store_lanes(mean, mean_at, lanes);
  store_lanes(m2, m2_at, lanes);
}

// Mean and sum of squared deviations m2 of one chunk. A block of n rows is read once, as
// differences d from the mean of its first k rows (from 0 where that is infinite, as the mean is),
//   mean = first + sum d / n,   m2 = sum d^2 - (sum d)^2 / n,
// and blocks are merged. The first rows are of those whose deviations count:
// sum d^2 <= (1 + n / k) m2, so that the difference keeps all but a few bits.
template <class T>
void chunk_moments(const NormParams& p, const T* x, int64_t begin, int64_t end, T* mean, T* m2) {
  for (int64_t r0 = begin; r0 < end; r0 += kBlockRows) {
    const int64_t r1 = r0 + kBlockRows < end ? r0 + kBlockRows : end;
    const int64_t few = r1 - r0 < kFirstRows ? r1 - r0 : kFirstRows;
    const T count = static_cast<T>(r1 - r0), before = static_cast<T>(r0 - begin);
    for_each_column_group<T>(p.cols, [&]<int V>(int64_t c, int lanes) RV_INLINE_LAMBDA {
      constexpr int kLanes = Vec<T>::kLanes;
      const auto value = [&](int64_t row, int v) RV_INLINE_LAMBDA {
        return load_lanes(x + row * p.cols + c + v * kLanes, V == 1 ? lanes : kLanes);
      };
      Vec<T> first[V], sum[1][V], sums[2][V];
      sum_rows<T>(r0, r0 + few, sum, [&](int64_t row, int v, Vec<T>(&to)[1]) RV_INLINE_LAMBDA {
        to[0] = to[0] + value(row, v);
      });
      for (int v = 0; v < V; ++v) {
        first[v] = sum[0][v] / Vec<T>::set1(static_cast<T>(few));
        first[v] = select(first[v] - first[v] < Vec<T>::set1(1), first[v], Vec<T>::zero());
      }
      sum_rows<T>(r0, r1, sums, [&](int64_t row, int v, Vec<T>(&to)[2]) RV_INLINE_LAMBDA {
        const Vec<T> d = value(row, v) - first[v];
        to[0] = to[0] + d;
        to[1] = fma(d, d, to[1]);
      });
      for (int v = 0; v < V; ++v) {
        const Vec<T> shift = sums[0][v] / Vec<T>::set1(count), m = first[v] + shift;
        const Vec<T> deviation = max(Vec<T>::zero(), fma(-shift, sums[0][v], sums[1][v]));
        merge_moments(m, deviation, before, count, mean + c + v * kLanes, m2 + c + v * kLanes,
                      V == 1 ? lanes : kLanes);
      }
    });
  }
}

RV_INLINE int64_t chunk_end(const NormParams& p, int64_t chunk) {
  const int64_t end = (chunk + 1) * p.chunk_rows;
  return end < p.rows ? end : p.rows;
}

template <class T>
void channel_moments(const Context& context, const NormParams& p, void* mean_, void* variance_,
                     const void* x_, void* shared) noexcept {
  T* mean = static_cast<T*>(mean_);
  T* variance = static_cast<T*>(variance_);
  const T* x = static_cast<const T*>(x_);
  if (p.rows == 0) {
    for (int64_t c = 0; c < p.cols; ++c) mean[c] = variance[c] = 0;
    return;
  }
  context.parallel_for(p.chunks, 1, [&, x](int64_t begin, int64_t end, int) {
    for (int64_t chunk = begin; chunk < end; ++chunk)
      chunk_moments(p, x, chunk * p.chunk_rows, chunk_end(p, chunk),
                    partial_row<T>(p, shared, chunk, 0), partial_row<T>(p, shared, chunk, 1));
  });
  T* total_mean = partial_row<T>(p, shared, 0, 0);
  T* total_m2 = partial_row<T>(p, shared, 0, 1);
  for (int64_t chunk = 1; chunk < p.chunks; ++chunk) {
    const T before = static_cast<T>(chunk * p.chunk_rows);
    const T count = static_cast<T>(chunk_end(p, chunk) - chunk * p.chunk_rows);
    const T weight = count / (before + count), cross = before * weight;
    const T* part_mean = partial_row<T>(p, shared, chunk, 0);
    const T* part_m2 = partial_row<T>(p, shared, chunk, 1);
    for (int64_t c = 0; c < p.cols; ++c) {
      const T delta = part_mean[c] - total_mean[c];
      total_mean[c] += delta * weight;
      total_m2[c] += part_m2[c] + delta * delta * cross;
    }
  }
  const T n = static_cast<T>(p.rows);
  for (int64_t c = 0; c < p.cols; ++c) {
    mean[c] = total_mean[c];
    variance[c] = total_m2[c] / n;
  }
}

template <class T>
RV_INLINE T inverse_deviation(const NormParams& p, T variance) {
  const T v = variance + static_cast<T>(p.epsilon);
  if constexpr (sizeof(T) == 4)
    return 1 / __builtin_sqrtf(v);
  else
    return 1 / __builtin_sqrt(v);
}

// The bits of the element-wise relu: NaN and -0 pass.
template <class T>
RV_INLINE Vec<T> relu(Vec<T> x) {
  return select(x < Vec<T>::zero(), Vec<T>::zero(), x);
}

// y = close((x - mean) * scale + beta, position, lanes) over rows.
template <class T, class F>
void normalize_rows(const Context& context, const NormParams& p, T* y, const T* x, const T* mean,
                    const T* scale, const T* beta, const F& close) {
  context.parallel_for(p.rows, row_grain(p.cols), [=, &p](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for_each_vector<T>(p.cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        const int64_t at = r * p.cols + c;
        const Vec<T> d = load_lanes(x + at, lanes) - load_lanes(mean + c, lanes);
        const Vec<T> v = fma(d, load_lanes(scale + c, lanes), load_lanes(beta + c, lanes));
        store_lanes(close(v, at, lanes), y + at, lanes);
      });
  });
}

// Coefficient rows 0 and 1: the factor of x - mean, and beta.
template <class T>
void set_scale(const NormParams& p, const T* variance, const T* gamma, const T* beta, T* scale,
               T* offset) {
  for (int64_t c = 0; c < p.cols; ++c) {
    const T inv = inverse_deviation(p, variance[c]);
    scale[c] = gamma ? gamma[c] * inv : inv;
    offset[c] = beta ? beta[c] : 0;
  }
}

template <class T>
void normalize(const Context& context, const NormParams& p, void* y_, const void* x_,
               const void* mean_, const void* variance, const void* gamma, const void* beta,
               const BatchNormClosing& closing, void* shared) {
  T* scale = coefficient_row<T>(p, shared, 0);
  T* offset = coefficient_row<T>(p, shared, 1);
  set_scale(p, static_cast<const T*>(variance), static_cast<const T*>(gamma),
            static_cast<const T*>(beta), scale, offset);
  T* y = static_cast<T*>(y_);
  const T* x = static_cast<const T*>(x_);
  const T* mean = static_cast<const T*>(mean_);
  const T* residual = static_cast<const T*>(closing.residual);
  const auto run = [&](const auto& close) {
    normalize_rows(context, p, y, x, mean, scale, offset, close);
  };
  if (residual && closing.relu)
    run([=](Vec<T> v, int64_t at, int lanes)
            RV_INLINE_LAMBDA { return relu(v + load_lanes(residual + at, lanes)); });
  else if (residual)
    run([=](Vec<T> v, int64_t at, int lanes)
            RV_INLINE_LAMBDA { return v + load_lanes(residual + at, lanes); });
  else if (closing.relu)
    run([](Vec<T> v, int64_t, int) RV_INLINE_LAMBDA { return relu(v); });
  else
    run([](Vec<T> v, int64_t, int) RV_INLINE_LAMBDA { return v; });
}

template <class T>
void batch_norm_infer(const Context& context, const NormParams& p, void* y, const void* x,
                      const void* mean, const void* variance, const void* gamma, const void* beta,
                      void* shared) noexcept {
  normalize<T>(context, p, y, x, mean, variance, gamma, beta, {}, shared);
}

template <class T>
void batch_norm_train(const Context& context, const NormParams& p, void* y, void* mean,
                      void* variance, const void* x, const void* gamma, const void* beta,
                      const BatchNormClosing& closing, void* shared) noexcept {
  channel_moments<T>(context, p, mean, variance, x, shared);
  normalize<T>(context, p, y, x, mean, variance, gamma, beta, closing, shared);
}

enum class Gradient { OfConstantMoments, ThroughMoments, ThroughMomentsAndRelu };

// dy, or what of it a relu lets pass.
template <Gradient kind, class T>
RV_INLINE Vec<T> let_pass(Vec<T> dy, Vec<T> deviation, Vec<T> scale, Vec<T> offset) {
  if constexpr (kind == Gradient::ThroughMomentsAndRelu)
    return select(Vec<T>::zero() < fma(deviation, scale, offset), dy, Vec<T>::zero());
  else
    return dy;
}

// sum dy and sum dy (x - mean) into the partial sums of chunk 0.
template <Gradient kind, class T>
void gradient_sums(const Context& context, const NormParams& p, const T* dy, const T* x,
                   const T* mean, const T* scale, const T* offset, void* shared) {
  context.parallel_for(p.chunks, 1, [=, &p](int64_t first, int64_t last, int) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * p.chunk_rows, end = chunk_end(p, chunk);
      T* row[2] = {partial_row<T>(p, shared, chunk, 0), partial_row<T>(p, shared, chunk, 1)};
      for (int64_t r0 = begin; r0 < end; r0 += kBlockRows) {
        const int64_t r1 = r0 + kBlockRows < end ? r0 + kBlockRows : end;
        for_each_column_group<T>(p.cols, [&]<int V>(int64_t c, int lanes) RV_INLINE_LAMBDA {
          constexpr int kLanes = Vec<T>::kLanes;
          const int n = V == 1 ? lanes : kLanes;
          Vec<T> m[V], s[V], o[V], sums[2][V];
          for (int v = 0; v < V; ++v) {
            m[v] = load_lanes(mean + c + v * kLanes, n);
            s[v] = load_lanes(scale + c + v * kLanes, n);
            o[v] = load_lanes(offset + c + v * kLanes, n);
          }
          sum_rows<T>(r0, r1, sums, [&](int64_t r, int v, Vec<T>(&sum)[2]) RV_INLINE_LAMBDA {
            const int64_t at = r * p.cols + c + v * kLanes;
            const Vec<T> deviation = load_lanes(x + at, n) - m[v];
            const Vec<T> passed = let_pass<kind>(load_lanes(dy + at, n), deviation, s[v], o[v]);
            sum[0] = sum[0] + passed;
            sum[1] = sum[1] + passed * deviation;
          });
          for (int k = 0; k < 2; ++k)
            for (int v = 0; v < V; ++v) {
              T* at = row[k] + c + v * kLanes;
              store_lanes(r0 == begin ? sums[k][v] : load_lanes(at, n) + sums[k][v], at, n);
            }
        });
      }
    }
  });
  add_chunks<T>(p, shared, 0);
  add_chunks<T>(p, shared, 1);
}

// dx = a ((dy - b) - (x - mean) k) per channel; through the moments b = sum dy / n and
// k = s^2 sum dy (x - mean) / n, else both are zero.
template <class T, Gradient kind>
void backward(const Context& context, const NormParams& p, void* dx_, void* dgamma, void* dbeta,
              const void* dy_, const void* x_, const void* mean_, const void* variance_,
              const void* gamma, const void* beta, void* shared) noexcept {
  constexpr bool kThroughMoments = kind != Gradient::OfConstantMoments;
  const T* dy = static_cast<const T*>(dy_);
  const T* x = static_cast<const T*>(x_);
  const T* mean = static_cast<const T*>(mean_);
  const T* variance = static_cast<const T*>(variance_);
  T* dx = static_cast<T*>(dx_);
  T* a = coefficient_row<T>(p, shared, 0);
  T* offset = coefficient_row<T>(p, shared, 1);
  T* b = coefficient_row<T>(p, shared, 2);
  T* k = coefficient_row<T>(p, shared, 3);
  set_scale(p, variance, static_cast<const T*>(gamma), static_cast<const T*>(beta), a, offset);
  const bool sums_wanted = dgamma || dbeta || (kThroughMoments && dx);
  if (p.rows > 0 && sums_wanted) gradient_sums<kind>(context, p, dy, x, mean, a, offset, shared);
  const T* sum_dy = partial_row<T>(p, shared, 0, 0);
  const T* sum_dy_d = partial_row<T>(p, shared, 0, 1);
  const T n = static_cast<T>(p.rows);
  for (int64_t c = 0; c < p.cols; ++c) {
    const T inv = inverse_deviation(p, variance[c]);
    if (dbeta) static_cast<T*>(dbeta)[c] = p.rows > 0 ? sum_dy[c] : 0;
    if (dgamma) static_cast<T*>(dgamma)[c] = p.rows > 0 ? sum_dy_d[c] * inv : 0;
    if (kThroughMoments && p.rows > 0 && dx) {
      b[c] = sum_dy[c] / n;
      k[c] = sum_dy_d[c] * inv * inv / n;
    }
  }
  if (!dx) return;
  context.parallel_for(p.rows, row_grain(p.cols), [=, &p](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for_each_vector<T>(p.cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        const int64_t at = r * p.cols + c;
        const Vec<T> scale = load_lanes(a + c, lanes);
        Vec<T> d = load_lanes(dy + at, lanes);
        if constexpr (kThroughMoments) {
          const Vec<T> deviation = load_lanes(x + at, lanes) - load_lanes(mean + c, lanes);
          d = let_pass<kind>(d, deviation, scale, load_lanes(offset + c, lanes));
          d = fma(-deviation, load_lanes(k + c, lanes), d - load_lanes(b + c, lanes));
        }
        store_lanes(scale * d, dx + at, lanes);
      });
  });
}

// For a gradient that needs no beta.
template <class T, Gradient kind>
void plain_backward(const Context& context, const NormParams& p, void* dx, void* dgamma,
                    void* dbeta, const void* dy, const void* x, const void* mean,
                    const void* variance, const void* gamma, void* shared) noexcept {
  backward<T, kind>(context, p, dx, dgamma, dbeta, dy, x, mean, variance, gamma, nullptr, shared);
}

template <class T>
constexpr BatchNormKernels kTable{channel_moments<T>,
                                  batch_norm_train<T>,
                                  batch_norm_infer<T>,
                                  plain_backward<T, Gradient::ThroughMoments>,
                                  backward<T, Gradient::ThroughMomentsAndRelu>,
                                  plain_backward<T, Gradient::OfConstantMoments>};

}  // namespace

extern const BatchNormKernels kBatchNormF32;
const BatchNormKernels kBatchNormF32 = kTable<float>;
#if !defined(__AVX2__)
extern const BatchNormKernels kBatchNormF64;
const BatchNormKernels kBatchNormF64 = kTable<double>;
#endif

}  // namespace ranvier::kernels::RV_ISA
