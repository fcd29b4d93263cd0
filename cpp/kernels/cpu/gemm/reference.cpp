// The oracle of the matrix product: the formula of gemm.h, term by term.

#include <cmath>

#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::kernels::reference {
namespace {

double activate(Activation activation, double x, double slope) {
  switch (activation) {
    case Activation::None:
      return x;
    case Activation::Relu:
      return x < 0 ? 0 : x;
    case Activation::LeakyRelu:
      return x < 0 ? slope * x : x;
    case Activation::Relu6:
      return x < 0 ? 0 : (x > 6 ? 6 : x);
    case Activation::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::Tanh:
      return std::tanh(x);
  }
  return x;
}

template <class T>
void gemm_of(const GemmShape& s, const GemmEpilogue& e, const GemmOperands& operands) {
  const int64_t lda = s.lda ? s.lda : (s.trans_a ? s.m : s.k);
  const int64_t ldb = s.ldb ? s.ldb : (s.trans_b ? s.k : s.n);
  const int64_t ldc = s.ldc ? s.ldc : s.n;
  const int64_t ldr = e.ld_residual ? e.ld_residual : s.n;
  const double scale =
      e.alpha * (operands.scale ? static_cast<double>(*static_cast<const T*>(operands.scale)) : 1);
  for (int64_t item = 0; item < s.batch; ++item) {
    const T* a = static_cast<const T*>(operands.a) + item * s.stride_a;
    const T* b = static_cast<const T*>(operands.b) + item * s.stride_b;
    T* c = static_cast<T*>(operands.c) + item * s.stride_c;
    const T* mask = static_cast<const T*>(operands.mask) + (e.mask ? item * s.stride_c : 0);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < s.k; ++p)
          sum += static_cast<double>(s.trans_a ? a[p * lda + i] : a[i * lda + p]) *
                 static_cast<double>(s.trans_b ? b[j * ldb + p] : b[p * ldb + j]);
        double x = scale * sum;
        if (e.beta != 0) x += e.beta * static_cast<double>(c[i * ldc + j]);
        if (e.bias) x += static_cast<double>(static_cast<const T*>(operands.bias)[j]);
        if (e.residual)
          x += static_cast<double>(
              static_cast<const T*>(operands.residual)[item * e.stride_residual + i * ldr + j]);
        x = activate(e.activation, x, e.slope);
        if (e.mask && !(mask[i * ldc + j] > 0)) x = 0;
        c[i * ldc + j] = static_cast<T>(x);
      }
    }
  }
}

}  // namespace

void gemm(const GemmShape& shape, DType dtype, const GemmEpilogue& epilogue,
          const GemmOperands& operands) {
  if (dtype == DType::F64)
    gemm_of<double>(shape, epilogue, operands);
  else
    gemm_of<float>(shape, epilogue, operands);
}

}  // namespace ranvier::kernels::reference
