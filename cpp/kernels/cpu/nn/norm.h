#pragma once
// Batch normalization over the channel axis (a rows x channels matrix: NHWC with everything but C
// flattened), layer and RMS normalization over the last axis. All pointers hold the table's dtype.
// gamma and beta may be null: 1 and 0. Sums are blocked by shape and combined in a fixed order.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

struct NormParams {
  DType dtype = DType::F32;
  int64_t rows = 0;
  int64_t cols = 0;  // channels of a batch norm; normalized elements of a layer norm
  double epsilon = 1e-3;
  int64_t chunk_rows = 1;  // rows that one partial sum covers
  int64_t chunks = 0;
  Scratch scratch;  // one booking serves every kernel of both tables; `shared` below is it
};
// F32 or F64. rows may be 0: then mean and variance are 0.
NormParams prepare_norm(DType dtype, int64_t rows, int64_t cols, double epsilon);
Cost norm_cost(const NormParams& params);

// What becomes of y before it is stored: residual, a matrix like y, is added, then max(y, 0).
struct BatchNormClosing {
  const void* residual = nullptr;
  bool relu = false;
};

struct BatchNormKernels {
  // mean[c], variance[c] (biased) over the rows.
  void (*channel_moments)(const Context&, const NormParams&, void* mean, void* variance,
                          const void* x, void* shared) noexcept;
  // Writes the moments and y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, closed. y may
  // be the residual, and x only where the gradient is not wanted: it reads x.
  void (*batch_norm_train)(const Context&, const NormParams&, void* y, void* mean, void* variance,
                           const void* x, const void* gamma, const void* beta,
                           const BatchNormClosing&, void* shared) noexcept;
  // The same y from given moments. y may be x.
  void (*batch_norm_infer)(const Context&, const NormParams&, void* y, const void* x,
                           const void* mean, const void* variance, const void* gamma,
                           const void* beta, void* shared) noexcept;
  // Gradient of batch_norm_train, through mean and variance, with n = rows, s = 1/sqrt(var + eps),
  // xhat = (x - mean) s:
  //   dbeta = sum dy,  dgamma = sum dy xhat,  dx = gamma s (dy - dbeta / n - xhat dgamma / n).
  // dx may be dy or x; dx, dgamma, dbeta may each be null: not wanted.
  void (*batch_norm_backward)(const Context&, const NormParams&, void* dx, void* dgamma,
                              void* dbeta, const void* dy, const void* x, const void* mean,
                              const void* variance, const void* gamma, void* shared) noexcept;
  // The same through a relu that closed y: dy counts where (x - mean) s gamma + beta, found again
  // with the bits of the forward pass, was positive.
  void (*batch_norm_relu_backward)(const Context&, const NormParams&, void* dx, void* dgamma,
                                   void* dbeta, const void* dy, const void* x, const void* mean,
                                   const void* variance, const void* gamma, const void* beta,
                                   void* shared) noexcept;
  // Gradient of batch_norm_infer: the moments are constants, dx = dy gamma s.
  void (*batch_norm_infer_backward)(const Context&, const NormParams&, void* dx, void* dgamma,
                                    void* dbeta, const void* dy, const void* x, const void* mean,
                                    const void* variance, const void* gamma, void* shared) noexcept;
};

struct LayerNormKernels {
  // Per row: y = (x - mean) * inv * gamma[c] + beta[c], inv = 1/sqrt(var + epsilon). mean[r] and
  // inv[r] are written for the gradient. y may be x as above.
  void (*layer_norm)(const Context&, const NormParams&, void* y, void* mean, void* inv,
                     const void* x, const void* gamma, const void* beta) noexcept;
  // dbeta = sum_r dy, dgamma = sum_r dy xhat, and with g = dy gamma:
  //   dx = inv (g - mean_c(g) - xhat mean_c(g xhat)). dx may be dy; dgamma, dbeta may be
  // null.
  void (*layer_norm_backward)(const Context&, const NormParams&, void* dx, void* dgamma,
                              void* dbeta, const void* dy, const void* x, const void* mean,
                              const void* inv, const void* gamma, void* shared) noexcept;
  // Per row: y = x * inv * gamma[c], inv = 1/sqrt(mean_c(x^2) + epsilon).
  void (*rms_norm)(const Context&, const NormParams&, void* y, void* inv, const void* x,
                   const void* gamma) noexcept;
  // dgamma = sum_r dy x inv, g = dy gamma, dx = inv (g - x inv^2 mean_c(g x)). dx may be dy.
  void (*rms_norm_backward)(const Context&, const NormParams&, void* dx, void* dgamma,
                            const void* dy, const void* x, const void* inv, const void* gamma,
                            void* shared) noexcept;
};

const BatchNormKernels& batch_norm_kernels(DType dtype, Isa isa);
inline const BatchNormKernels& batch_norm_kernels(DType dtype) {
  return batch_norm_kernels(dtype, active_isa());
}
const LayerNormKernels& layer_norm_kernels(DType dtype, Isa isa);
inline const LayerNormKernels& layer_norm_kernels(DType dtype) {
  return layer_norm_kernels(dtype, active_isa());
}

}  // namespace ranvier::kernels
