// Softmax and cross-entropy over rows; float32 at every level, float64 at baseline.

#include "kernels/cpu/nn/softmax.h"

#include <cstdint>

#include "kernels/cpu/nn/rows.h"
#include "kernels/cpu/nn/softmax_math.h"
#include "kernels/cpu/simd/stream_values.h"
#include "kernels/cpu/simd/vec.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Four maxima side by side: one alone would wait for itself.
template <class T>
RV_INLINE T row_max(const T* x, int64_t cols) {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> least = Vec<T>::set1(lowest<T>());
  Vec<T> best = least;
  int64_t c = 0;
  if (cols >= 4 * kLanes) {
    Vec<T> side[4] = {least, least, least, least};
    for (; c + 4 * kLanes <= cols; c += 4 * kLanes)
      for (int k = 0; k < 4; ++k) side[k] = max(Vec<T>::load(x + c + k * kLanes), side[k]);
    best = max(max(side[0], side[1]), max(side[2], side[3]));
  }
  for_each_vector<T>(cols - c, [&](int64_t i, int lanes) RV_INLINE_LAMBDA {
    best = max(keep_lanes(load_lanes(x + c + i, lanes), lanes, least), best);
  });
  return max_lanes(best);
}

// exp(x - m), 0 beyond the lanes.
template <class T>
RV_INLINE Vec<T> shifted_exp(const T* x, int lanes, Vec<T> m) {
  const Vec<T> e = exp_of(load_lanes(x, lanes) - m);
  return keep_lanes(e, lanes, Vec<T>::zero());
}

template <class T>
RV_INLINE void scale_row(T* y, int64_t cols, T factor) {
  const Vec<T> f = Vec<T>::set1(factor);
  fill_row(y, cols,
           [&](int64_t c, int lanes) RV_INLINE_LAMBDA { return load_lanes(y + c, lanes) * f; });
}

template <class T>
struct MaxSum {
  T max, sum;
};

// y = softmax(x) of one row; gives max(x) and sum(exp(x - max)). A row of one vector stays in
// registers. kFetch: the rows to come are fetched meanwhile.
template <class T, bool kFetch = false>
RV_INLINE MaxSum<T> softmax_row(T* y, const T* x, int64_t cols) {
  if (cols > 0 && cols <= Vec<T>::kLanes) {
    const int lanes = static_cast<int>(cols);
    const Vec<T> row = keep_lanes(Vec<T>::load_partial(x, lanes), lanes, Vec<T>::set1(lowest<T>()));
    const T largest = max_lanes(row);
    const Vec<T> e = keep_lanes(exp_of(row - Vec<T>::set1(largest)), lanes, Vec<T>::zero());
    const T sum = sum_lanes(e);
    (e * Vec<T>::set1(1 / sum)).store_partial(y, lanes);
    return {largest, sum};
  }
  const T largest = row_max(x, cols);
  const Vec<T> m = Vec<T>::set1(largest);
  T sum[1];
  row_sums<T>(
      cols, sum,
      [&](int64_t c, int lanes, Vec<T>(&value)[1]) RV_INLINE_LAMBDA {
        if constexpr (kFetch) fetch_ahead(x + c, kVectorBytes);
        value[0] = shifted_exp(x + c, lanes, m);
      },
      [&](int64_t c, int lanes, Vec<T>(&value)[1])
          RV_INLINE_LAMBDA { store_lanes(value[0], y + c, lanes); });
  scale_row(y, cols, 1 / sum[0]);
  return {largest, sum[0]};
}

constexpr int64_t kLongestStreamed = 4096;

// Of rows that are short enough to be computed in the first cache, from memory to memory.
template <class T>
void softmax_streamed(const Context& context, int64_t rows, int64_t cols, T* y,
                      const T* x) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    RowStream<T, kLongestStreamed> stream(y + begin * cols);
    for (int64_t r = begin; r < end; ++r) {
      softmax_row<T, true>(stream.row(), x + r * cols, cols);
      stream.send(cols, r + 1 == end);
    }
    _mm_sfence();
  });
}

template <class T>
void softmax(const Context& context, int64_t rows, int64_t cols, void* y, const void* x) noexcept {
  if (y != x && cols <= kLongestStreamed &&
      leaves_caches(rows * cols * static_cast<int64_t>(sizeof(T))))
    return softmax_streamed(context, rows, cols, static_cast<T*>(y), static_cast<const T*>(x));
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      softmax_row(static_cast<T*>(y) + r * cols, static_cast<const T*>(x) + r * cols, cols);
  });
}

template <class T>
void log_softmax(const Context& context, int64_t rows, int64_t cols, void* y_,
                 const void* x_) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = static_cast<const T*>(x_) + r * cols;
      T* y = static_cast<T*>(y_) + r * cols;
      const Vec<T> m = Vec<T>::set1(row_max(x, cols));
      T sum[1];
      row_sums<T>(cols, sum, [&](int64_t c, int lanes, Vec<T>(&value)[1]) RV_INLINE_LAMBDA {
        value[0] = shifted_exp(x + c, lanes, m);
      });
      const Vec<T> log_sum = log(Vec<T>::set1(sum[0]));
      fill_row(y, cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        return load_lanes(x + c, lanes) - m - log_sum;
      });
    }
  });
}

template <class T>
void softmax_backward(const Context& context, int64_t rows, int64_t cols, void* dx_,
                      const void* dy_, const void* y_) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* dy = static_cast<const T*>(dy_) + r * cols;
      const T* y = static_cast<const T*>(y_) + r * cols;
      T* dx = static_cast<T*>(dx_) + r * cols;
      T sum[1];
      row_sums<T>(cols, sum, [&](int64_t c, int lanes, Vec<T>(&value)[1]) RV_INLINE_LAMBDA {
        value[0] = load_lanes(dy + c, lanes) * load_lanes(y + c, lanes);
      });
      const Vec<T> s = Vec<T>::set1(sum[0]);
      fill_row(dx, cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        return load_lanes(y + c, lanes) * (load_lanes(dy + c, lanes) - s);
      });
    }
  });
}

template <class T>
void log_softmax_backward(const Context& context, int64_t rows, int64_t cols, void* dx_,
                          const void* dy_, const void* y_) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* dy = static_cast<const T*>(dy_) + r * cols;
      const T* y = static_cast<const T*>(y_) + r * cols;
      T* dx = static_cast<T*>(dx_) + r * cols;
      T sum[1];
      row_sums<T>(cols, sum, [&](int64_t c, int lanes, Vec<T>(&value)[1]) RV_INLINE_LAMBDA {
        value[0] = load_lanes(dy + c, lanes);
      });
      const Vec<T> s = Vec<T>::set1(sum[0]);
      fill_row(dx, cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        return load_lanes(dy + c, lanes) - exp_of(load_lanes(y + c, lanes)) * s;
      });
    }
  });
}

// Loss and softmax of a row of one vector.
template <class T>
RV_INLINE T short_cross_entropy(T* prob, const T* x, const T* labels, int lanes) {
  const Vec<T> row = keep_lanes(Vec<T>::load_partial(x, lanes), lanes, Vec<T>::set1(lowest<T>()));
  const Vec<T> label = Vec<T>::load_partial(labels, lanes);
  const Vec<T> d = row - Vec<T>::set1(max_lanes(row));
  const Vec<T> e = keep_lanes(exp_of(d), lanes, Vec<T>::zero());
  const T sum = sum_lanes(e);
  (e * Vec<T>::set1(1 / sum)).store_partial(prob, lanes);
  return log(Vec<T>::set1(sum))[0] * sum_lanes(label) -
         sum_lanes(keep_lanes(label * d, lanes, Vec<T>::zero()));
}

template <class T>
void cross_entropy(const Context& context, int64_t rows, int64_t cols, void* loss_, void* prob_,
                   const void* logits_, const void* labels_) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = static_cast<const T*>(logits_) + r * cols;
      const T* labels = static_cast<const T*>(labels_) + r * cols;
      T* prob = static_cast<T*>(prob_) + r * cols;
      if (cols == 0) {
        static_cast<T*>(loss_)[r] = 0;
        continue;
      }
      if (cols <= Vec<T>::kLanes) {
        static_cast<T*>(loss_)[r] = short_cross_entropy(prob, x, labels, static_cast<int>(cols));
        continue;
      }
      const Vec<T> m = Vec<T>::set1(row_max(x, cols));
      // sum exp(x - m), sum labels, sum labels (x - m): read before prob, which may be the logits.
      T sums[3];
      row_sums<T>(
          cols, sums,
          [&](int64_t c, int lanes, Vec<T>(&value)[3]) RV_INLINE_LAMBDA {
            const Vec<T> label = load_lanes(labels + c, lanes);
            value[2] = label * (load_lanes(x + c, lanes) - m);
            value[1] = label;
            value[0] = shifted_exp(x + c, lanes, m);
          },
          [&](int64_t c, int lanes, Vec<T>(&value)[3])
              RV_INLINE_LAMBDA { store_lanes(value[0], prob + c, lanes); });
      static_cast<T*>(loss_)[r] = log(Vec<T>::set1(sums[0]))[0] * sums[1] - sums[2];
      scale_row(prob, cols, 1 / sums[0]);
    }
  });
}

template <class T>
void cross_entropy_backward(const Context& context, int64_t rows, int64_t cols, void* dlogits_,
                            const void* prob_, const void* labels_, const void* dloss_) noexcept {
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* prob = static_cast<const T*>(prob_) + r * cols;
      const T* labels = static_cast<const T*>(labels_) + r * cols;
      T* dlogits = static_cast<T*>(dlogits_) + r * cols;
      T sum[1];
      row_sums<T>(cols, sum, [&](int64_t c, int lanes, Vec<T>(&value)[1]) RV_INLINE_LAMBDA {
        value[0] = load_lanes(labels + c, lanes);
      });
      const Vec<T> s = Vec<T>::set1(sum[0]);
      const Vec<T> d = Vec<T>::set1(static_cast<const T*>(dloss_)[r]);
      fill_row(dlogits, cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        return (load_lanes(prob + c, lanes) * s - load_lanes(labels + c, lanes)) * d;
      });
    }
  });
}

RV_INLINE int64_t class_of(const void* labels, DType dtype, int64_t r, int64_t cols) {
  const int64_t c = dtype == DType::I64 ? static_cast<const int64_t*>(labels)[r]
                                        : static_cast<const int32_t*>(labels)[r];
  return c < 0 ? 0 : c < cols ? c : cols - 1;
}

template <class T>
void sparse_cross_entropy(const Context& context, int64_t rows, int64_t cols, void* loss_,
                          void* prob_, const void* logits_, const void* labels,
                          DType label_dtype) noexcept {
  if (cols == 0) return;
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = static_cast<const T*>(logits_) + r * cols;
      T* prob = static_cast<T*>(prob_) + r * cols;
      // Read before prob is written, which may be the logits.
      const T chosen = x[class_of(labels, label_dtype, r, cols)];
      const MaxSum<T> row = softmax_row(prob, x, cols);
      static_cast<T*>(loss_)[r] = log(Vec<T>::set1(row.sum))[0] - (chosen - row.max);
    }
  });
}

template <class T>
void sparse_cross_entropy_backward(const Context& context, int64_t rows, int64_t cols,
                                   void* dlogits_, const void* prob_, const void* labels,
                                   DType label_dtype, const void* dloss_) noexcept {
  if (cols == 0) return;
  context.parallel_for(rows, row_grain(cols), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const T* prob = static_cast<const T*>(prob_) + r * cols;
      T* dlogits = static_cast<T*>(dlogits_) + r * cols;
      const T d = static_cast<const T*>(dloss_)[r];
      const int64_t label = class_of(labels, label_dtype, r, cols);
      const T at_label = (prob[label] - 1) * d;
      fill_row(dlogits, cols, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        return load_lanes(prob + c, lanes) * Vec<T>::set1(d);
      });
      dlogits[label] = at_label;
    }
  });
}

template <class T>
constexpr SoftmaxKernels kTable{softmax<T>,
                                log_softmax<T>,
                                softmax_backward<T>,
                                log_softmax_backward<T>,
                                cross_entropy<T>,
                                cross_entropy_backward<T>,
                                sparse_cross_entropy<T>,
                                sparse_cross_entropy_backward<T>};

}  // namespace

extern const SoftmaxKernels kSoftmaxF32;
const SoftmaxKernels kSoftmaxF32 = kTable<float>;
#if !defined(__AVX2__)
extern const SoftmaxKernels kSoftmaxF64;
const SoftmaxKernels kSoftmaxF64 = kTable<double>;
#endif

}  // namespace ranvier::kernels::RV_ISA
