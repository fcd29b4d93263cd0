#pragma once
// Bias, residual, activation and mask of a block of C that was just stored. The operations are
// those of the separate passes, in their order, so fusing changes no bit.

#include "kernels/cpu/gemm/epilogue.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct EpilogueRows {
  const T* bias = nullptr;  // one value per column, or one for all with scalar_bias
  const T* residual = nullptr;
  int64_t ld_residual = 0;
  bool scalar_bias = false;
  Activation activation = Activation::None;
  T slope = 0;
  const T* mask = nullptr;  // its rows lie ldc apart

  bool closes() const { return bias || residual || activation != Activation::None; }
  bool any() const { return closes() || mask; }
};

template <class T, Activation kActivation>
RV_INLINE Vec<T> activate(Vec<T> x, [[maybe_unused]] Vec<T> slope) {
  if constexpr (kActivation == Activation::Relu)
    return max(Vec<T>::zero(), x);  // keeps NaN
  else if constexpr (kActivation == Activation::Relu6)
    return min(Vec<T>::set1(6), max(Vec<T>::zero(), x));
  else if constexpr (kActivation == Activation::LeakyRelu)
    return select(x < Vec<T>::zero(), slope * x, x);
  else if constexpr (kActivation == Activation::Sigmoid)
    return sigmoid(x);
  else if constexpr (kActivation == Activation::Tanh)
    return tanh(x);
  else
    return x;
}

template <class T, Activation kActivation>
void finish_rows(const EpilogueRows<T>& e, int64_t rows, int64_t columns, T* c,
                 int64_t ldc) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> slope = Vec<T>::set1(e.slope);
  const Vec<T> one_bias = Vec<T>::set1(e.scalar_bias ? e.bias[0] : T(0));
  for (int64_t r = 0; r < rows; ++r) {
    T* row = c + r * ldc;
    const T* other = e.residual ? e.residual + r * e.ld_residual : nullptr;
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int n = static_cast<int>(columns - j < kLanes ? columns - j : kLanes);
      const bool full = n == kLanes;
      Vec<T> x = full ? Vec<T>::load(row + j) : Vec<T>::load_partial(row + j, n);
      if (e.scalar_bias)
        x = x + one_bias;
      else if (e.bias)
        x = x + (full ? Vec<T>::load(e.bias + j) : Vec<T>::load_partial(e.bias + j, n));
      if (other) x = x + (full ? Vec<T>::load(other + j) : Vec<T>::load_partial(other + j, n));
      x = activate<T, kActivation>(x, slope);
      if (full)
        x.store(row + j);
      else
        x.store_partial(row + j, n);
    }
  }
}

// c = 0 where the mask is not above zero.
template <class T>
void mask_rows(const T* mask, int64_t rows, int64_t columns, T* c, int64_t ldc) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  const Vec<T> zero = Vec<T>::zero();
  for (int64_t r = 0; r < rows; ++r, mask += ldc, c += ldc) {
    int64_t j = 0;
    for (; j + kLanes <= columns; j += kLanes)
      select(zero < Vec<T>::load(mask + j), Vec<T>::load(c + j), zero).store(c + j);
    const int rest = static_cast<int>(columns - j);
    if (rest == 0) continue;
    const Vec<T> m = Vec<T>::load_partial(mask + j, rest), x = Vec<T>::load_partial(c + j, rest);
    select(zero < m, x, zero).store_partial(c + j, rest);
  }
}

// c = act(c + bias + residual).
template <class T>
void activate_rows(const EpilogueRows<T>& e, int64_t rows, int64_t columns, T* c,
                   int64_t ldc) noexcept {
  switch (e.activation) {
#define RV_CASE(name)    \
  case Activation::name: \
    return finish_rows<T, Activation::name>(e, rows, columns, c, ldc)
    RV_CASE(None);
    RV_CASE(Relu);
    RV_CASE(LeakyRelu);
    RV_CASE(Relu6);
    default:
      break;
  }
  if constexpr (sizeof(T) == 4) {
    switch (e.activation) {
      RV_CASE(Sigmoid);
      RV_CASE(Tanh);
      default:
        break;
    }
  }
#undef RV_CASE
}

// c = act(c + bias + residual), and zero where the mask is not above zero, in place.
template <class T>
void finish(const EpilogueRows<T>& e, int64_t rows, int64_t columns, T* c, int64_t ldc) noexcept {
  if (e.closes()) activate_rows(e, rows, columns, c, ldc);
  if (e.mask) mask_rows(e.mask, rows, columns, c, ldc);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
