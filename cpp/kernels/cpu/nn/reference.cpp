#include "kernels/cpu/nn/reference.h"

#include <algorithm>
#include <cmath>

namespace ranvier::kernels::reference {
namespace {

template <class T>
double row_max(const T* x, int64_t cols) {
  double m = -INFINITY;
  for (int64_t c = 0; c < cols; ++c) m = std::max(m, static_cast<double>(x[c]));
  return m;
}

template <class T>
double exp_sum(const T* x, int64_t cols, double m) {
  double sum = 0;
  for (int64_t c = 0; c < cols; ++c) sum += std::exp(x[c] - m);
  return sum;
}

}  // namespace

template <class T>
void softmax(int64_t rows, int64_t cols, T* y, const T* x) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const double m = row_max(x, cols), sum = exp_sum(x, cols, m);
    for (int64_t c = 0; c < cols; ++c) y[c] = static_cast<T>(std::exp(x[c] - m) / sum);
  }
}

template <class T>
void log_softmax(int64_t rows, int64_t cols, T* y, const T* x) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const double m = row_max(x, cols), log_sum = std::log(exp_sum(x, cols, m));
    for (int64_t c = 0; c < cols; ++c) y[c] = static_cast<T>(x[c] - m - log_sum);
  }
}

template <class T>
void softmax_backward(int64_t rows, int64_t cols, T* dx, const T* dy, const T* y) {
  for (int64_t r = 0; r < rows; ++r, dx += cols, dy += cols, y += cols) {
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += static_cast<double>(dy[c]) * y[c];
    for (int64_t c = 0; c < cols; ++c) dx[c] = static_cast<T>(y[c] * (dy[c] - sum));
  }
}

template <class T>
void log_softmax_backward(int64_t rows, int64_t cols, T* dx, const T* dy, const T* y) {
  for (int64_t r = 0; r < rows; ++r, dx += cols, dy += cols, y += cols) {
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += dy[c];
    for (int64_t c = 0; c < cols; ++c)
      dx[c] = static_cast<T>(dy[c] - std::exp(static_cast<double>(y[c])) * sum);
  }
}

template <class T>
void cross_entropy(int64_t rows, int64_t cols, T* loss, T* prob, const T* logits, const T* labels) {
  for (int64_t r = 0; r < rows; ++r, prob += cols, logits += cols, labels += cols) {
    const double m = row_max(logits, cols), sum = exp_sum(logits, cols, m);
    double total = 0;
    for (int64_t c = 0; c < cols; ++c) total -= labels[c] * (logits[c] - m - std::log(sum));
    loss[r] = static_cast<T>(total);
    for (int64_t c = 0; c < cols; ++c) prob[c] = static_cast<T>(std::exp(logits[c] - m) / sum);
  }
}

template <class T>
void cross_entropy_backward(int64_t rows, int64_t cols, T* dlogits, const T* prob, const T* labels,
                            const T* dloss) {
  for (int64_t r = 0; r < rows; ++r, dlogits += cols, prob += cols, labels += cols) {
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += labels[c];
    for (int64_t c = 0; c < cols; ++c)
      dlogits[c] = static_cast<T>((prob[c] * sum - labels[c]) * dloss[r]);
  }
}

template <class T>
void batch_norm_infer(int64_t rows, int64_t cols, double epsilon, T* y, const T* x, const T* mean,
                      const T* variance, const T* gamma, const T* beta) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const double xhat = (static_cast<double>(x[r * cols + c]) - mean[c]) /
                          std::sqrt(static_cast<double>(variance[c]) + epsilon);
      y[r * cols + c] = static_cast<T>(xhat * (gamma ? gamma[c] : 1) + (beta ? beta[c] : 0));
    }
}

template <class T>
void batch_norm_train(int64_t rows, int64_t cols, double epsilon, T* y, T* mean, T* variance,
                      const T* x, const T* gamma, const T* beta) {
  for (int64_t c = 0; c < cols; ++c) {
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < rows; ++r) sum += x[r * cols + c];
    const double m = rows > 0 ? sum / static_cast<double>(rows) : 0;
    for (int64_t r = 0; r < rows; ++r) squares += (x[r * cols + c] - m) * (x[r * cols + c] - m);
    mean[c] = static_cast<T>(m);
    variance[c] = static_cast<T>(rows > 0 ? squares / static_cast<double>(rows) : 0);
  }
  batch_norm_infer(rows, cols, epsilon, y, x, mean, variance, gamma, beta);
}

template <class T>
void batch_norm_backward(int64_t rows, int64_t cols, double epsilon, bool through_moments, T* dx,
                         T* dgamma, T* dbeta, const T* dy, const T* x, const T* mean,
                         const T* variance, const T* gamma) {
  const double n = static_cast<double>(rows);
  for (int64_t c = 0; c < cols; ++c) {
    const double s = 1 / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    double sum = 0, sum_xhat = 0;
    const auto xhat = [&](int64_t r) {
      return (static_cast<double>(x[r * cols + c]) - mean[c]) * s;
    };
    for (int64_t r = 0; r < rows; ++r) {
      sum += dy[r * cols + c];
      sum_xhat += dy[r * cols + c] * xhat(r);
    }
    dbeta[c] = static_cast<T>(sum);
    dgamma[c] = static_cast<T>(sum_xhat);
    for (int64_t r = 0; r < rows; ++r) {
      const double through = through_moments ? sum / n + xhat(r) * sum_xhat / n : 0;
      dx[r * cols + c] = static_cast<T>((gamma ? gamma[c] : 1) * s * (dy[r * cols + c] - through));
    }
  }
}

template <class T>
void layer_norm(int64_t rows, int64_t cols, double epsilon, bool centred, T* y, T* mean, T* inv,
                const T* x, const T* gamma, const T* beta) {
  const double n = static_cast<double>(cols);
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < cols; ++c) sum += x[c];
    const double m = centred ? sum / n : 0;
    for (int64_t c = 0; c < cols; ++c) squares += (x[c] - m) * (x[c] - m);
    const double s = 1 / std::sqrt(squares / n + epsilon);
    if (centred) mean[r] = static_cast<T>(m);
    inv[r] = static_cast<T>(s);
    for (int64_t c = 0; c < cols; ++c)
      y[c] = static_cast<T>((x[c] - m) * s * (gamma ? gamma[c] : 1) + (beta ? beta[c] : 0));
  }
}

template <class T>
void layer_norm_backward(int64_t rows, int64_t cols, bool centred, T* dx, T* dgamma, T* dbeta,
                         const T* dy, const T* x, const T* mean, const T* inv, const T* gamma) {
  const double n = static_cast<double>(cols);
  const auto at = [&](int64_t r, int64_t c) { return r * cols + c; };
  const auto xhat = [&](int64_t r, int64_t c) {
    return (x[at(r, c)] - (centred ? static_cast<double>(mean[r]) : 0.0)) * inv[r];
  };
  for (int64_t c = 0; c < cols; ++c) {
    double sum = 0, sum_xhat = 0;
    for (int64_t r = 0; r < rows; ++r) {
      sum += dy[at(r, c)];
      sum_xhat += dy[at(r, c)] * xhat(r, c);
    }
    if (dbeta) dbeta[c] = static_cast<T>(sum);
    dgamma[c] = static_cast<T>(sum_xhat);
  }
  for (int64_t r = 0; r < rows; ++r) {
    double sum_g = 0, sum_gx = 0;
    const auto g = [&](int64_t c) {
      return dy[at(r, c)] * static_cast<double>(gamma ? gamma[c] : 1);
    };
    for (int64_t c = 0; c < cols; ++c) {
      sum_g += g(c);
      sum_gx += g(c) * xhat(r, c);
    }
    for (int64_t c = 0; c < cols; ++c)
      dx[at(r, c)] =
          static_cast<T>(inv[r] * (g(c) - (centred ? sum_g / n : 0) - xhat(r, c) * sum_gx / n));
  }
}

#define RV_INSTANTIATE(T)                                                                       \
  template void softmax<T>(int64_t, int64_t, T*, const T*);                                     \
  template void log_softmax<T>(int64_t, int64_t, T*, const T*);                                 \
  template void softmax_backward<T>(int64_t, int64_t, T*, const T*, const T*);                  \
  template void log_softmax_backward<T>(int64_t, int64_t, T*, const T*, const T*);              \
  template void cross_entropy<T>(int64_t, int64_t, T*, T*, const T*, const T*);                 \
  template void cross_entropy_backward<T>(int64_t, int64_t, T*, const T*, const T*, const T*);  \
  template void batch_norm_train<T>(int64_t, int64_t, double, T*, T*, T*, const T*, const T*,   \
                                    const T*);                                                  \
  template void batch_norm_infer<T>(int64_t, int64_t, double, T*, const T*, const T*, const T*, \
                                    const T*, const T*);                                        \
  template void batch_norm_backward<T>(int64_t, int64_t, double, bool, T*, T*, T*, const T*,    \
                                       const T*, const T*, const T*, const T*);                 \
  template void layer_norm<T>(int64_t, int64_t, double, bool, T*, T*, T*, const T*, const T*,   \
                              const T*);                                                        \
  template void layer_norm_backward<T>(int64_t, int64_t, bool, T*, T*, T*, const T*, const T*,  \
                                       const T*, const T*, const T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier::kernels::reference
