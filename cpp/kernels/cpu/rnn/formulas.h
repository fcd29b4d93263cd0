#pragma once
// Gates and their derivatives, a vector of units at a time.

#include "kernels/cpu/gemm/epilogue.h"
#include "kernels/cpu/simd/math_double.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
RV_INLINE Vec<T> one() {
  return Vec<T>::set1(T(1));
}
// Derivatives by the value: of the logistic function and of tanh.
template <class T>
RV_INLINE Vec<T> logistic_slope(Vec<T> y) {
  return y * (one<T>() - y);
}
template <class T>
RV_INLINE Vec<T> hyperbolic_slope(Vec<T> y) {
  return one<T>() - y * y;
}

template <class T>
RV_INLINE Vec<T> activate(Activation activation, Vec<T> x) {
  switch (activation) {
    case Activation::Relu:
      return select(x < Vec<T>::zero(), Vec<T>::zero(), x);
    case Activation::Sigmoid:
      return sigmoid(x);
    case Activation::Tanh:
      return tanh(x);
    default:
      return x;
  }
}
template <class T>
RV_INLINE Vec<T> activation_slope(Activation activation, Vec<T> y) {
  switch (activation) {
    case Activation::Relu:
      return select(y > Vec<T>::zero(), one<T>(), Vec<T>::zero());
    case Activation::Sigmoid:
      return logistic_slope(y);
    case Activation::Tanh:
      return hyperbolic_slope(y);
    default:
      return one<T>();
  }
}

// The lanes of one vector of units: the last one of a row may be partial.
template <class T>
struct Lanes {
  int n;
  RV_INLINE Vec<T> load(const T* p) const {
    return n == Vec<T>::kLanes ? Vec<T>::load(p) : Vec<T>::load_partial(p, n);
  }
  RV_INLINE void store(Vec<T> x, T* p) const {
    if (n == Vec<T>::kLanes)
      x.store(p);
    else
      x.store_partial(p, n);
  }
};

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
