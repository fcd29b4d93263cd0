#pragma once
// What the op families share: checks of inputs and attributes, kernels from parameters, gradients
// by composition.

#include <functional>
#include <memory>
#include <utility>

#include "base/error.h"
#include "ops/ops.h"

namespace ranvier::ops {

// Records of one family, listed by registry.cpp.
using Records = std::span<const OpRecord* const>;

// --- inference ---
void expect_count(const InferArgs& args, size_t count);
void expect_same_dtype(const InferArgs& args, size_t first = 0, size_t last = SIZE_MAX);
void expect_floating(const InferArgs& args, size_t input = 0);
void expect_index(const InferArgs& args, size_t input);  // int32 or int64
void expect_seed(const InferArgs& args, size_t input);   // uint32 (2,)
void expect_rank_at_least(const InferArgs& args, size_t input, int rank);
void expect_shape(const InferArgs& args, size_t input, const char* what, const Shape& shape);
// The attribute as a list of `count` integers, else ValueError.
const Ints& expect_ints(const InferArgs& args, const char* name, size_t count);
// The attribute as a shape; entries below zero are a ShapeError.
Shape shape_attr(const InferArgs& args, const char* name);

// {axes} of a reduction over `rank` dimensions: normalized, rising; all where it is missing.
std::vector<int> axes_attr(const char* op, const Attrs& attrs, int rank);
// The shape that is left when the axes are reduced.
Shape reduced_shape(const Shape& shape, std::span<const int> axes, bool keepdims);

// --- binding ---
template <class Params>
Kernel make_kernel(StepFn run, Params&& params, kernels::Scratch scratch = {},
                   kernels::Cost cost = {}, const char* variant = "") {
  using Plain = std::remove_cvref_t<Params>;
  return {run, std::make_shared<const Plain>(std::forward<Params>(params)), scratch, cost, variant};
}
template <class Params>
const Params& as(const void* params) {
  return *static_cast<const Params*>(params);
}
kernels::Cost traffic(const PrepareArgs& args, double flops = 0);

// Runs `prepare`'s kernel in another dtype: operands of the dtypes in `from` are converted to `to`
// through shared scratch and results back. Serves dtypes that have no kernel of their own.
Kernel through(const PrepareArgs& args, std::span<const DType> from, DType to, PrepareFn prepare);
// float16 and bfloat16 by float32, all else as it is.
Kernel through_f32(const PrepareArgs& args, PrepareFn prepare);
// The same, and integers up to 32 bits by float64, which holds them exactly.
Kernel through_float(const PrepareArgs& args, PrepareFn prepare);
// PrepareFn of a kernel that exists in float32 and float64 only.
template <PrepareFn prepare>
Kernel in_f32(const PrepareArgs& args) {
  return through_f32(args, prepare);
}
template <PrepareFn prepare>
Kernel in_float(const PrepareArgs& args) {
  return through_float(args, prepare);
}

// Copies when the memory differs; for ops that change a part of input 0.
void copy_bytes(const Context& ctx, void* dst, const void* src, size_t bytes) noexcept;

// One element of a dtype.
struct Element {
  alignas(8) std::byte bytes[8] = {};
};
Element element_of(DType dtype, double value);
Element element_of(DType dtype, int64_t value);
Element element_attr(const Attrs& attrs, const char* name, DType dtype);

// --- gradients ---
using ComposeFn = std::function<Tensors(TensorSpan inputs)>;
// Gradient of a node whose outputs `compose` rebuilds from the node's inputs by simpler ops. For
// second derivatives of fused kernels, where one formula in ops is worth more than speed.
Tensors vjp_by(const VjpArgs& args, const ComposeFn& compose);

// A finished trace without captures of fn(arguments). Tapes do not see its making.
TraceRef trace_of(const Specs& arguments, const ComposeFn& fn);
// Inside a trace: gradients of the inputs that are wanted, given those of the outputs of `compose`
// (null: unused); null where there is none.
Tensors gradients_inside(const ComposeFn& compose, TensorSpan inputs, TensorSpan grads,
                         std::span<const uint8_t> needs);
// The gradient of a node as one trace of (inputs, given gradients): vjp_by replays it, `call` keeps
// it whole.
struct GradientTrace {
  TraceRef trace;
  Tensors operands;
  std::vector<size_t> places;  // the inputs whose gradients the trace returns
};
GradientTrace gradient_trace(const VjpArgs& args, const ComposeFn& compose);

inline const Tensor& input(const VjpArgs& args, size_t i) { return args.node.inputs[i]; }
inline const Tensor& output(const VjpArgs& args, size_t i) { return args.node.outputs[i]; }
// grads[i], or zeros where the output is not used.
Tensor grad_or_zeros(const VjpArgs& args, size_t i);

// The last axis, as an attribute list.
inline Ints last_axis() { return {-1}; }

Records pointwise_records();
Records cast_records();
Records reduce_records();
Records matmul_records();
Records conv_records();
Records pool_records();
Records softmax_records();
Records norm_records();
Records rnn_records();
Records attention_records();
Records shape_records();
Records slice_records();
Records index_records();
Records resample_records();
Records sample_records();
Records join_records();
Records create_records();
Records random_records();
Records sort_records();
Records guard_records();
Records control_flow_records();
Records custom_gradient_records();

}  // namespace ranvier::ops
