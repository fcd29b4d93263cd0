#pragma once
// Plain twins of this folder's kernels: single loops, sums in double. The oracle of the tests.

#include <cstdint>

namespace ranvier::kernels::reference {

template <class T>
void softmax(int64_t rows, int64_t cols, T* y, const T* x);
template <class T>
void log_softmax(int64_t rows, int64_t cols, T* y, const T* x);
template <class T>
void softmax_backward(int64_t rows, int64_t cols, T* dx, const T* dy, const T* y);
template <class T>
void log_softmax_backward(int64_t rows, int64_t cols, T* dx, const T* dy, const T* y);
// Dense labels. Sparse ones are one-hot rows here.
template <class T>
void cross_entropy(int64_t rows, int64_t cols, T* loss, T* prob, const T* logits, const T* labels);
template <class T>
void cross_entropy_backward(int64_t rows, int64_t cols, T* dlogits, const T* prob, const T* labels,
                            const T* dloss);

// gamma and beta may be null.
template <class T>
void batch_norm_train(int64_t rows, int64_t cols, double epsilon, T* y, T* mean, T* variance,
                      const T* x, const T* gamma, const T* beta);
template <class T>
void batch_norm_infer(int64_t rows, int64_t cols, double epsilon, T* y, const T* x, const T* mean,
                      const T* variance, const T* gamma, const T* beta);
// through_moments: the gradient of batch_norm_train, else of batch_norm_infer.
template <class T>
void batch_norm_backward(int64_t rows, int64_t cols, double epsilon, bool through_moments, T* dx,
                         T* dgamma, T* dbeta, const T* dy, const T* x, const T* mean,
                         const T* variance, const T* gamma);
// centred: layer norm, else RMS norm (mean and beta unused).
template <class T>
void layer_norm(int64_t rows, int64_t cols, double epsilon, bool centred, T* y, T* mean, T* inv,
                const T* x, const T* gamma, const T* beta);
template <class T>
void layer_norm_backward(int64_t rows, int64_t cols, bool centred, T* dx, T* dgamma, T* dbeta,
                         const T* dy, const T* x, const T* mean, const T* inv, const T* gamma);

}  // namespace ranvier::kernels::reference
