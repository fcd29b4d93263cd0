// Bias, residual and activation ride on the store of a matrix product or a convolution, and the
// gradient of a relu on that of the gradient before it. Exact: the kernels promise the bits of the
// separate passes.

#include <string_view>

#include "base/error.h"
#include "compiler/passes/chain.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

using kernels::Activation;

// The residual is read after the product is stored, so it never shares memory with the result.
void replace_chain(Graph& graph, const Chain& chain, const OpRecord& record,
                   FusedPayload& payload) {
  std::vector<ValueId> inputs = graph.nodes[chain.producer].inputs;
  inputs.resize(2);
  if (chain.bias != kNone) inputs.push_back(chain.bias);
  if (chain.residual != kNone) inputs.push_back(chain.residual);
  if (chain.mask != kNone) inputs.push_back(chain.mask);
  std::vector<NodeId> nodes{chain.producer};
  nodes.insert(nodes.end(), chain.absorbed.begin(), chain.absorbed.end());
  replace_by_fused(graph, nodes, record, std::move(inputs), payload, {{chain.result}});
}

// The activation, one node and last in the chain, stays a step of its own.
void leave_activation(const Graph& graph, Chain& chain) {
  RV_CHECK(graph.nodes[chain.absorbed.back()].alive());
  chain.absorbed.pop_back();
  chain.activation = Activation::None;
  const NodeId last = chain.absorbed.empty() ? chain.producer : chain.absorbed.back();
  chain.result = graph.nodes[last].outputs[0];
}

// A product that has no epilogue yet.
std::optional<kernels::GemmShape> plain_product(const Graph& graph, const GraphNode& node) {
  if (node.named("conv_grad_data")) return data_product(graph, node);
  if (node.op != &fused_matmul_record()) return single_product(graph, node);
  const auto& payload = *static_cast<const MatmulPayload*>(fused_payload(node.attrs));
  if (!payload.plan.shape.packed_b) return {};
  return payload.plan.shape;
}

bool fuse_matmul(Graph& graph, ChainFinder& finder, NodeId id) {
  const auto shape = plain_product(graph, graph.nodes[id]);
  if (!shape) return false;
  Chain chain = finder.find(id, true);
  if (!kernels::gemm_fuses(graph.spec(graph.nodes[id].outputs[0]).dtype, chain.activation))
    leave_activation(graph, chain);
  if (chain.absorbed.empty()) return false;
  auto payload = make_ref<MatmulPayload>();
  kernels::GemmEpilogue epilogue;
  epilogue.bias = payload->bias = chain.bias != kNone;
  epilogue.residual = payload->residual = chain.residual != kNone;
  epilogue.mask = payload->mask = chain.mask != kNone;
  epilogue.activation = chain.activation;
  payload->plan =
      kernels::gemm_prepare(*shape, graph.spec(graph.nodes[id].outputs[0]).dtype, epilogue);
  replace_chain(graph, chain, fused_matmul_record(), *payload);
  return true;
}

// The kernel of a convolution that has no epilogue yet; false where there is none.
bool plan_conv(const Graph& graph, const GraphNode& node, ConvPayload& payload) {
  if (node.op == &fused_conv_record()) {
    const auto& made = *static_cast<const ConvPayload*>(fused_payload(node.attrs));
    payload.plan = made.plan;
    payload.winograd = made.winograd;
    return true;
  }
  const auto shape = conv_shape_of(graph, node);
  if (!shape) return false;
  const DType dtype = graph.spec(node.outputs[0]).dtype;
  payload.plan = kernels::prepare_conv(kernels::ConvPass::Forward, *shape, dtype);
  return true;
}

bool fuse_conv(Graph& graph, ChainFinder& finder, NodeId id) {
  auto payload = make_ref<ConvPayload>();
  if (!plan_conv(graph, graph.nodes[id], *payload)) return false;
  Chain chain = finder.find(id);
  if (!kernels::conv_fuses(chain.activation)) leave_activation(graph, chain);
  if (chain.absorbed.empty()) return false;
  payload->bias = chain.bias != kNone;
  payload->residual = chain.residual != kNone;
  payload->activation = chain.activation;
  replace_chain(graph, chain, fused_conv_record(), *payload);
  return true;
}

}  // namespace

void fuse_epilogue(Graph& graph) {
  ChainFinder finder(graph);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive()) continue;
    const std::string_view name = node.op->name;
    if (name == "matmul" || name == "fused_matmul" || name == "conv_grad_data")
      fuse_matmul(graph, finder, id);
    else if (name == "conv" || name == "fused_conv")
      fuse_conv(graph, finder, id);
  }
}

}  // namespace ranvier::compiler
