#pragma once
// The one definition of a primitive operation: shape rule, gradient, traits and the kernel on each
// device.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/nn/guard.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/kernel.h"
#include "tensor/attrs.h"
#include "tensor/tensor.h"

namespace ranvier {

struct OpRecord;
struct Node;

struct InferArgs {
  const OpRecord& op;
  std::span<const TypeSpec> inputs;
  const Attrs& attrs;
};
using Specs = std::vector<TypeSpec>;
// Output types. Every user error of shape, dtype or attribute is found and thrown here.
using InferFn = Specs (*)(const InferArgs&);

struct VjpArgs {
  const Node& node;
  TensorSpan grads;                // one per output; a null Tensor where the output is not used
  std::span<const uint8_t> needs;  // one per input: is its gradient wanted
};
// Gradients of the inputs, built with ops; a null Tensor where there is none or none is needed.
using VjpFn = Tensors (*)(const VjpArgs&);

// What a prepared kernel is given at run time. Pointers are bound by the frame of one call.
struct Slots {
  const void* const* in;
  void* const* out;
  void* shared;       // Scratch::shared bytes
  std::byte* worker;  // Scratch::per_worker bytes for each worker index
  size_t worker_stride;
  kernels::GuardReport* guard;
};
using StepFn = void (*)(const Context&, const Slots&, const void* params) noexcept;

struct Kernel {
  StepFn run = nullptr;
  std::shared_ptr<const void> params;  // immutable; shared by all frames
  kernels::Scratch scratch;
  kernels::Cost cost;
  const char* variant = "";
};

struct PrepareArgs {
  const OpRecord& op;
  std::span<const TypeSpec> inputs;
  std::span<const TypeSpec> outputs;
  const Attrs& attrs;
};
using PrepareFn = Kernel (*)(const PrepareArgs&);

enum class Device : uint8_t { Cpu, Cuda };
inline constexpr int kDeviceCount = 2;

struct Traits {
  bool pointwise = false;  // element-wise with broadcasting; micro_op below says which
  bool alias = false;      // output 0 has the bytes of input 0 (reshape): no step
  bool moves = false;      // places elements, computes none
  bool guard =
      false;  // may fail by value: sets the status word; never removed or moved after a commit
  bool effect = false;        // kept although nothing reads its outputs
  bool calls_back = false;    // runs functions of the host language
  int8_t in_place = -1;       // this input's memory may become output 0's
  bool creation = false;      // no inputs; folds into a constant
  const char* sizes[4] = {};  // attributes that are sizes (depend on the batch size)
};

struct OpRecord {
  const char* name;
  InferFn infer;
  VjpFn vjp;  // no_gradient where there is none; null is an error that names the op
  std::array<PrepareFn, kDeviceCount> prepare{};  // null for alias ops
  Traits traits{};
  kernels::PwOp micro_op{};  // with traits.pointwise
};

// The op's kernel for these types. With RANVIER_VERBOSE=dispatch each choice is printed: op, types,
// variant.
Kernel prepare_kernel(const PrepareArgs& args, Device device = Device::Cpu);

// Declares that an op has no gradient: its inputs get none.
Tensors no_gradient(const VjpArgs&);

// The table of all primitives; nullptr when the name is unknown.
const OpRecord* find_op(std::string_view name);
std::span<const OpRecord* const> all_ops();

}  // namespace ranvier
