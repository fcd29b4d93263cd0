#pragma once
// What may ride on the store of a matrix product or a convolution.

#include <cstdint>

namespace ranvier::kernels {

enum class Activation : uint8_t {
  None,
  Relu,
  LeakyRelu,  // x < 0 ? slope * x : x
  Sigmoid,
  Tanh,
  GeluErf,   // x/2 (1 + erf(x/√2))
  GeluTanh,  // x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
  Silu,      // x * sigmoid(x)
};
inline constexpr int kActivationCount = 8;

}  // namespace ranvier::kernels
