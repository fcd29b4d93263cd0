// Bias, residual and activation ride on the store of a matrix product or a convolution. Exact: the
// kernels promise the bits of the separate passes.

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rules.h"

namespace ranvier::compiler {
namespace {

using kernels::Activation;
using kernels::PwOp;

// The chain product -> bias -> residual -> activation, as far as it goes.
struct Chain {
  NodeId product = kNone;
  std::vector<NodeId> absorbed;  // after the product
  ValueId bias = kNone, residual = kNone;
  Activation activation = Activation::None;
  double slope = 0;
  ValueId result = kNone;
};

class Finder {
 public:
  explicit Finder(Graph& graph)
      : graph_(graph), readers_(graph.readers()), outside_(graph.used_outside()) {}

  Chain find(NodeId product) {
    Chain chain;
    chain.product = product;
    region_ = graph_.nodes[product].region;
    chain.result = graph_.nodes[product].outputs[0];
    while (extend(chain)) {
    }
    return chain;
  }

 private:
  // The one node that reads the value; kNone when there are others.
  NodeId only_reader(ValueId value) const {
    if (outside_[value] || readers_[value].size() != 1) return kNone;
    const GraphNode& reader = graph_.nodes[readers_[value][0]];
    if (std::count(reader.inputs.begin(), reader.inputs.end(), value) != 1) return kNone;
    return reader.alive() && reader.region == region_ ? readers_[value][0] : kNone;
  }

  bool extend(Chain& chain) {
    if (chain.activation != Activation::None && chain.activation != Activation::Relu) return false;
    const NodeId id = only_reader(chain.result);
    if (id == kNone || !graph_.nodes[id].op->traits.pointwise) return false;
    const GraphNode& node = graph_.nodes[id];
    const TypeSpec& type = graph_.spec(chain.result);
    if (graph_.spec(node.outputs[0]) != type) return false;
    const bool taken = chain.activation == Activation::Relu ? cap(chain, node)
                       : node.op->micro_op == PwOp::Add     ? add_operand(chain, node, type)
                                                            : activate(chain, node);
    if (!taken) return false;
    chain.absorbed.push_back(id);
    chain.result = node.outputs[0];
    return true;
  }

  bool add_operand(Chain& chain, const GraphNode& node, const TypeSpec& type) const {
    const ValueId other = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
    const TypeSpec& spec = graph_.spec(other);
    if (spec == type && type.size() != type.shape.at(-1)) {
      if (chain.residual != kNone || needs(other, chain.product)) return false;
      chain.residual = other;
      return true;
    }
    const bool row = spec.shape.rank() >= 1 && spec.size() == type.shape.at(-1) &&
                     spec.shape.at(-1) == type.shape.at(-1);
    if (!row || chain.bias != kNone || chain.residual != kNone || needs(other, chain.product))
      return false;
    chain.bias = other;
    return true;
  }

  // Does computing `value` need the product itself?
  bool needs(ValueId value, NodeId product) const {
    std::vector<uint8_t> seen(graph_.nodes.size(), 0);
    std::vector<ValueId> stack{value};
    while (!stack.empty()) {
      const NodeId producer = graph_.values[stack.back()].producer;
      stack.pop_back();
      if (producer == product) return true;
      if (producer == kNone || seen[producer]) continue;
      seen[producer] = 1;
      for (ValueId input : graph_.nodes[producer].inputs) stack.push_back(input);
    }
    return false;
  }

  // min(relu(x), 6) is one activation.
  bool cap(Chain& chain, const GraphNode& node) const {
    if (node.op->micro_op != PwOp::Min) return false;
    const ValueId limit = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
    if (splat_value(graph_, limit) != 6.0) return false;
    chain.activation = Activation::Relu6;
    return true;
  }

  bool activate(Chain& chain, const GraphNode& node) const {
    switch (node.op->micro_op) {
      case PwOp::Relu:
        chain.activation = Activation::Relu;
        return true;
      case PwOp::Sigmoid:
        chain.activation = Activation::Sigmoid;
        return true;
      case PwOp::Tanh:
        chain.activation = Activation::Tanh;
        return true;
      default:
        return false;
    }
  }

  Graph& graph_;
  const std::vector<std::vector<NodeId>> readers_;
  const std::vector<uint8_t> outside_;
  uint32_t region_ = 0;  // of the chain being found
};

// The residual is read after the product is stored, so it never shares memory with the result.
void replace_chain(Graph& graph, const Chain& chain, const OpRecord& record,
                   FusedPayload& payload) {
  std::vector<ValueId> inputs = graph.nodes[chain.product].inputs;
  inputs.resize(2);
  if (chain.bias != kNone) inputs.push_back(chain.bias);
  if (chain.residual != kNone) inputs.push_back(chain.residual);
  std::vector<NodeId> nodes{chain.product};
  nodes.insert(nodes.end(), chain.absorbed.begin(), chain.absorbed.end());
  replace_by_fused(graph, nodes, record, std::move(inputs), payload, {{chain.result}});
}

// The activation, one node and last in the chain, stays a step of its own.
void leave_activation(const Graph& graph, Chain& chain) {
  RV_CHECK(graph.nodes[chain.absorbed.back()].alive());
  chain.absorbed.pop_back();
  chain.activation = Activation::None;
  const NodeId last = chain.absorbed.empty() ? chain.product : chain.absorbed.back();
  chain.result = graph.nodes[last].outputs[0];
}

// A product that has no epilogue yet.
std::optional<kernels::GemmShape> plain_product(const Graph& graph, const GraphNode& node) {
  if (node.op != &fused_matmul_record()) return single_product(graph, node);
  const auto& payload = *static_cast<const MatmulPayload*>(fused_payload(node.attrs));
  if (!payload.plan.shape.packed_b) return {};
  return payload.plan.shape;
}

bool fuse_matmul(Graph& graph, Finder& finder, NodeId id) {
  const auto shape = plain_product(graph, graph.nodes[id]);
  if (!shape) return false;
  Chain chain = finder.find(id);
  if (!kernels::gemm_fuses(graph.spec(graph.nodes[id].outputs[0]).dtype, chain.activation))
    leave_activation(graph, chain);
  if (chain.absorbed.empty()) return false;
  auto payload = make_ref<MatmulPayload>();
  kernels::GemmEpilogue epilogue;
  epilogue.bias = payload->bias = chain.bias != kNone;
  epilogue.residual = payload->residual = chain.residual != kNone;
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

bool fuse_conv(Graph& graph, Finder& finder, NodeId id) {
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
  Finder finder(graph);  // a chain only takes values with one reader, so its lists stay true
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive()) continue;
    const std::string_view name = node.op->name;
    if (name == "matmul" || name == "fused_matmul")
      fuse_matmul(graph, finder, id);
    else if (name == "conv" || name == "fused_conv")
      fuse_conv(graph, finder, id);
  }
}

}  // namespace ranvier::compiler
