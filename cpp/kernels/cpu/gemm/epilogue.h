#pragma once
// What may ride on the store of a matrix product or a convolution.

#include <cstdint>

namespace ranvier::kernels {

enum class Activation : uint8_t {
  None,
  Relu,       // x < 0 ? 0 : x, keeps NaN
  LeakyRelu,  // x < 0 ? slope * x : x
  Relu6,      // min(relu(x), 6), keeps NaN
  Sigmoid,
  Tanh,
};
inline constexpr int kActivationCount = 6;

}  // namespace ranvier::kernels
