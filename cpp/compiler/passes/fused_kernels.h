#pragma once
// The internal ops that carry an epilogue on a matrix product or a convolution.

#include <optional>
#include <string>

#include "compiler/internal_ops.h"
#include "kernels/cpu/conv/conv.h"
#include "kernels/cpu/conv/conv_pair.h"
#include "kernels/cpu/conv/winograd.h"
#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::compiler {

// Inputs: a, b, then those of bias, residual, mask, scale, accumulator that are used, in this
// order. out = act(alpha * scale * op(a) op(b) + accumulator + bias + residual), zero where the
// mask is not above zero.
struct MatmulPayload : FusedPayload {
  kernels::GemmPlan plan;
  bool bias = false, residual = false, mask = false, scale = false, accumulate = false;
  std::string str() const override;
};
const OpRecord& fused_matmul_record();
// Input: the b of a plan with packed_b, as it lies.
struct PackPayload : FusedPayload {
  kernels::GemmPlan plan;
  std::string str() const override {
    return plan.shape.trans_b ? "panels of the transpose" : "panels";
  }
};
const OpRecord& pack_record();

// The product of one matrix b with all rows of a; nullopt for other forms and dtypes.
std::optional<kernels::GemmShape> single_product(const Graph& graph, const GraphNode& node);

// Inputs: x, kernel, then bias and residual where used. With `winograd` the kernel is transformed.
struct ConvPayload : FusedPayload {
  kernels::ConvPlan plan;
  std::optional<kernels::WinogradPlan> winograd;
  bool bias = false, residual = false;
  kernels::Activation activation = kernels::Activation::None;
  bool packed() const { return plan.product && plan.product->shape.packed_b; }
  std::string str() const override;
};
const OpRecord& fused_conv_record();
// Inputs: x, then of both convolutions the kernel, bias and residual where used.
struct ConvPairPayload : FusedPayload {
  struct Closing {
    bool bias = false, residual = false;
    kernels::Activation activation = kernels::Activation::None;
  };
  kernels::ConvPairPlan plan;
  Closing first, second;
  std::string str() const override;
};
const OpRecord& conv_pair_record();
// Input: a kernel (3, 3, C, F).
struct WinogradFilterPayload : FusedPayload {
  kernels::WinogradPlan plan;
  std::string str() const override { return "F(4x4, 3x3)"; }
};
const OpRecord& winograd_filter_record();
// Of a node "conv".
std::optional<kernels::ConvShape> conv_shape_of(const Graph& graph, const GraphNode& node);
// The product dy w^T that a node "conv_grad_data" is; nullopt where it is computed otherwise.
std::optional<kernels::GemmShape> data_product(const Graph& graph, const GraphNode& node);

}  // namespace ranvier::compiler
