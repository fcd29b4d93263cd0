#pragma once
// Softmax, log-softmax and softmax cross-entropy from logits, over the rows of a dense rows x cols
// matrix (the last axis). All pointers hold the table's dtype unless said otherwise.

#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

struct SoftmaxKernels {
  using Forward = void (*)(const Context&, int64_t rows, int64_t cols, void* y,
                           const void* x) noexcept;
  using Backward = void (*)(const Context&, int64_t rows, int64_t cols, void* dx, const void* dy,
                            const void* y) noexcept;

  // y = exp(x - m) / sum(exp(x - m)), m = max(x). y may be x. A row of -inf alone gives NaN. In
  // float32, exponentials below e^-87 count as zero.
  Forward softmax;
  // y = x - m - log(sum(exp(x - m))). y may be x.
  Forward log_softmax;
  // dx = y * (dy - sum(dy * y)), y the softmax. dx may be dy or y.
  Backward softmax_backward;
  // dx = dy - exp(y) * sum(dy), y the log-softmax. dx may be dy or y.
  Backward log_softmax_backward;

  // loss[r] = -sum_c labels[r,c] * log_softmax(logits)[r,c]; prob = softmax(logits), kept for the
  // gradient. prob may be logits.
  void (*cross_entropy)(const Context&, int64_t rows, int64_t cols, void* loss, void* prob,
                        const void* logits, const void* labels) noexcept;
  // dlogits = (prob * sum_c(labels) - labels) * dloss[r]. dlogits may be prob.
  void (*cross_entropy_backward)(const Context&, int64_t rows, int64_t cols, void* dlogits,
                                 const void* prob, const void* labels, const void* dloss) noexcept;

  // The same with one class index per row, I32 or I64 as label_dtype says. An index outside
  // [0, cols) is clamped: the range is guarded elsewhere (nn/guard.h).
  void (*sparse_cross_entropy)(const Context&, int64_t rows, int64_t cols, void* loss, void* prob,
                               const void* logits, const void* labels, DType label_dtype) noexcept;
  void (*sparse_cross_entropy_backward)(const Context&, int64_t rows, int64_t cols, void* dlogits,
                                        const void* prob, const void* labels, DType label_dtype,
                                        const void* dloss) noexcept;
};

// The same down the columns: x is (outer, count, inner), and the softmax is one over count.
struct SoftmaxColumns {
  int64_t outer = 0, count = 0, inner = 0;
};
struct SoftmaxColumnsKernels {
  using Forward = void (*)(const Context&, const SoftmaxColumns&, void* y, const void* x) noexcept;
  using Backward = void (*)(const Context&, const SoftmaxColumns&, void* dx, const void* dy,
                            const void* y) noexcept;
  Forward softmax, log_softmax;
  Backward softmax_backward, log_softmax_backward;
};

// F32 (one table per level) or F64 (one table); other dtypes are cast before. No scratch.
const SoftmaxKernels& softmax_kernels(DType dtype, Isa isa);
inline const SoftmaxKernels& softmax_kernels(DType dtype) {
  return softmax_kernels(dtype, active_isa());
}
const SoftmaxColumnsKernels& softmax_columns_kernels(DType dtype, Isa isa = active_isa());
Cost softmax_cost(DType dtype, int64_t rows, int64_t cols);

}  // namespace ranvier::kernels
