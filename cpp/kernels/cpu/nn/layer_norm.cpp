// Layer and RMS normalization of rows; float32 at every level, float64 at baseline.

#include <cmath>
#include <cstdint>

#include "kernels/cpu/nn/columns.h"
#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
RV_INLINE T inverse_root(T x) {
  if constexpr (sizeof(T) == 4)
    return 1 / __builtin_sqrtf(x);
  else
    return 1 / __builtin_sqrt(x);
}

template <class T>
RV_INLINE Vec<T> load_or(const T* p, int64_t c, int lanes, T otherwise) {
  return p ? load_lanes(p + c, lanes) : Vec<T>::set1(otherwise);
}

template <class T>
void layer_norm(const Context& context, const NormParams& p, void* y_, void* mean_, void* inv_,
                const void* x_, const void* gamma_, const void* beta_) noexcept {
  const T* gamma = static_cast<const T*>(gamma_);
  const T* beta = static_cast<const T*>(beta_);
  const T n = static_cast<T>(p.cols), epsilon = static_cast<T>(p.epsilon);
  context.parallel_for(p.rows, row_grain(p.cols), [=, &p](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = static_cast<const T*>(x_) + r * p.cols;
      T* y = static_cast<T*>(y_) + r * p.cols;
      T sum[1];
      row_sums<T>(p.cols, sum, [&](int64_t c, int lanes, Vec<T>(&out)[1]) RV_INLINE_LAMBDA {
        out[0] = load_lanes(x + c, lanes);
      });
      const T mean = sum[0] / n;
      const Vec<T> m = Vec<T>::set1(mean);
      row_sums<T>(p.cols, sum, [&](int64_t c, int lanes, Vec<T>(&out)[1]) RV_INLINE_LAMBDA {
        const Vec<T> d = keep_lanes(load_lanes(x + c, lanes) - m, lanes, Vec<T>::zero());
        out[0] = d * d;
      });
      const T inv = inverse_root(sum[0] / n + epsilon);
      static_cast<T*>(mean_)[r] = mean;
      static_cast<T*>(inv_)[r] = inv;
      const Vec<T> s = Vec<T>::set1(inv);
      for_each_vector<T>(p.cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        const Vec<T> xhat = (load_lanes(x + c, lanes) - m) * s;
        const Vec<T> scaled =
            fma(xhat, load_or(gamma, c, lanes, T{1}), load_or(beta, c, lanes, T{0}));
        store_lanes(scaled, y + c, lanes);
      });
    }
  });
}

template <class T>
void rms_norm(const Context& context, const NormParams& p, void* y_, void* inv_, const void* x_,
              const void* gamma_) noexcept {
  const T* gamma = static_cast<const T*>(gamma_);
  const T n = static_cast<T>(p.cols), epsilon = static_cast<T>(p.epsilon);
  context.parallel_for(p.rows, row_grain(p.cols), [=, &p](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = static_cast<const T*>(x_) + r * p.cols;
      T* y = static_cast<T*>(y_) + r * p.cols;
      T sum[1];
      row_sums<T>(p.cols, sum, [&](int64_t c, int lanes, Vec<T>(&out)[1]) RV_INLINE_LAMBDA {
        const Vec<T> v = load_lanes(x + c, lanes);
        out[0] = v * v;
      });
      const T inv = inverse_root(sum[0] / n + epsilon);
      static_cast<T*>(inv_)[r] = inv;
      const Vec<T> s = Vec<T>::set1(inv);
      for_each_vector<T>(p.cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        store_lanes(load_lanes(x + c, lanes) * s * load_or(gamma, c, lanes, T{1}), y + c, lanes);
      });
    }
  });
}

// One row of either gradient. xhat = (x - mean) inv; centred: dx = inv (g - mean(g) - xhat
// mean(g xhat)), else without the mean(g). Adds dy xhat and dy to the chunk's sums where wanted.
template <class T, bool kCentred>
RV_INLINE void backward_row(const NormParams& p, T* dx, const T* dy, const T* x, T mean, T inv,
                            const T* gamma, T* gamma_sum, T* beta_sum) {
  const Vec<T> m = Vec<T>::set1(mean), s = Vec<T>::set1(inv);
  const auto xhat_at = [&](int64_t c, int lanes)
                           RV_INLINE_LAMBDA { return (load_lanes(x + c, lanes) - m) * s; };
  T sums[2];
  row_sums<T>(p.cols, sums, [&](int64_t c, int lanes, Vec<T>(&out)[2]) RV_INLINE_LAMBDA {
    const Vec<T> d = load_lanes(dy + c, lanes), xhat = xhat_at(c, lanes);
    if (gamma_sum) store_lanes(load_lanes(gamma_sum + c, lanes) + d * xhat, gamma_sum + c, lanes);
    if (beta_sum) store_lanes(load_lanes(beta_sum + c, lanes) + d, beta_sum + c, lanes);
    out[0] = d * load_or(gamma, c, lanes, T{1});
    out[1] = out[0] * xhat;
  });
  const T n = static_cast<T>(p.cols);
  const Vec<T> mean_g = Vec<T>::set1(kCentred ? sums[0] / n : T{0});
  const Vec<T> mean_gx = Vec<T>::set1(sums[1] / n);
  for_each_vector<T>(p.cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
    const Vec<T> g = load_lanes(dy + c, lanes) * load_or(gamma, c, lanes, T{1});
    store_lanes(s * (g - mean_g - xhat_at(c, lanes) * mean_gx), dx + c, lanes);
  });
}

template <class T, bool kCentred>
void backward(const Context& context, const NormParams& p, void* dx, void* dgamma, void* dbeta,
              const void* dy, const void* x, const void* mean, const void* inv, const void* gamma,
              void* shared) {
  context.parallel_for(p.chunks, 1, [=, &p](int64_t first, int64_t last, int) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      T* gamma_sum = dgamma ? partial_row<T>(p, shared, chunk, 0) : nullptr;
      T* beta_sum = dbeta ? partial_row<T>(p, shared, chunk, 1) : nullptr;
      for (int64_t c = 0; c < p.cols; ++c) {
        if (gamma_sum) gamma_sum[c] = 0;
        if (beta_sum) beta_sum[c] = 0;
      }
      const int64_t stop = (chunk + 1) * p.chunk_rows;
      for (int64_t r = chunk * p.chunk_rows; r < (stop < p.rows ? stop : p.rows); ++r)
        backward_row<T, kCentred>(
            p, static_cast<T*>(dx) + r * p.cols, static_cast<const T*>(dy) + r * p.cols,
            static_cast<const T*>(x) + r * p.cols, kCentred ? static_cast<const T*>(mean)[r] : T{0},
            static_cast<const T*>(inv)[r], static_cast<const T*>(gamma), gamma_sum, beta_sum);
    }
  });
  void* out[2] = {dgamma, dbeta};
  for (int which = 0; which < 2; ++which) {
    if (!out[which]) continue;
    if (p.chunks > 0) add_chunks<T>(p, shared, which);
    for (int64_t c = 0; c < p.cols; ++c)
      static_cast<T*>(out[which])[c] = p.chunks > 0 ? partial_row<T>(p, shared, 0, which)[c] : T{0};
  }
}

template <class T>
void layer_norm_backward(const Context& context, const NormParams& p, void* dx, void* dgamma,
                         void* dbeta, const void* dy, const void* x, const void* mean,
                         const void* inv, const void* gamma, void* shared) noexcept {
  backward<T, true>(context, p, dx, dgamma, dbeta, dy, x, mean, inv, gamma, shared);
}

template <class T>
void rms_norm_backward(const Context& context, const NormParams& p, void* dx, void* dgamma,
                       const void* dy, const void* x, const void* inv, const void* gamma,
                       void* shared) noexcept {
  backward<T, false>(context, p, dx, dgamma, nullptr, dy, x, nullptr, inv, gamma, shared);
}

template <class T>
constexpr LayerNormKernels kTable{layer_norm<T>, layer_norm_backward<T>, rms_norm<T>,
                                  rms_norm_backward<T>};

}  // namespace

extern const LayerNormKernels kLayerNormF32;
const LayerNormKernels kLayerNormF32 = kTable<float>;
#if !defined(__AVX2__)
extern const LayerNormKernels kLayerNormF64;
const LayerNormKernels kLayerNormF64 = kTable<double>;
#endif

}  // namespace ranvier::kernels::RV_ISA
