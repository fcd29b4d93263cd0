#include "compiler/passes/chain.h"

#include <algorithm>

#include "compiler/passes/rules.h"

namespace ranvier::compiler {

using kernels::Activation;
using kernels::PwOp;

namespace {

bool activate(Chain& chain, const GraphNode& node) {
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

}  // namespace

Chain ChainFinder::find(NodeId producer, bool masks) {
  Chain chain;
  chain.producer = producer;
  masks_ = masks;
  region_ = graph_.nodes[producer].region;
  chain.result = graph_.nodes[producer].outputs[0];
  while (extend(chain)) {
  }
  return chain;
}

// The one node that reads the value; kNone when there are others.
NodeId ChainFinder::only_reader(ValueId value) const {
  if (outside_[value] || readers_[value].size() != 1) return kNone;
  const GraphNode& reader = graph_.nodes[readers_[value][0]];
  if (std::count(reader.inputs.begin(), reader.inputs.end(), value) != 1) return kNone;
  return reader.alive() && reader.region == region_ ? readers_[value][0] : kNone;
}

bool ChainFinder::extend(Chain& chain) const {
  if (chain.mask != kNone) return false;
  if (chain.activation != Activation::None && chain.activation != Activation::Relu) return false;
  const NodeId id = only_reader(chain.result);
  if (id == kNone || !graph_.nodes[id].op->traits.pointwise) return false;
  const GraphNode& node = graph_.nodes[id];
  const TypeSpec& type = graph_.spec(chain.result);
  if (graph_.spec(node.outputs[0]) != type) return false;
  const bool taken = chain.activation == Activation::Relu  ? cap(chain, node)
                     : node.op->micro_op == PwOp::Add      ? add_operand(chain, node, type)
                     : node.op->micro_op == PwOp::ReluGrad ? add_mask(chain, node)
                                                           : activate(chain, node);
  if (!taken) return false;
  chain.absorbed.push_back(id);
  chain.result = node.outputs[0];
  return true;
}

bool ChainFinder::add_operand(Chain& chain, const GraphNode& node, const TypeSpec& type) const {
  const ValueId other = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
  const TypeSpec& spec = graph_.spec(other);
  if (spec == type && type.size() != type.shape.at(-1)) {
    if (chain.residual != kNone || needs(other, chain.producer)) return false;
    chain.residual = other;
    return true;
  }
  const bool row = spec.shape.rank() >= 1 && spec.size() == type.shape.at(-1) &&
                   spec.shape.at(-1) == type.shape.at(-1);
  if (!row || chain.bias != kNone || chain.residual != kNone || needs(other, chain.producer))
    return false;
  chain.bias = other;
  return true;
}

// relu_grad(mask, dy)
bool ChainFinder::add_mask(Chain& chain, const GraphNode& node) const {
  const ValueId mask = node.inputs[0];
  if (!masks_ || mask == chain.result || graph_.spec(mask) != graph_.spec(chain.result) ||
      needs(mask, chain.producer))
    return false;
  chain.mask = mask;
  return true;
}

// min(relu(x), 6) is one activation.
bool ChainFinder::cap(Chain& chain, const GraphNode& node) const {
  if (node.op->micro_op != PwOp::Min) return false;
  const ValueId limit = node.inputs[node.inputs[0] == chain.result ? 1 : 0];
  if (splat_value(graph_, limit) != 6.0) return false;
  chain.activation = Activation::Relu6;
  return true;
}

// Does computing `value` need the producer itself?
bool ChainFinder::needs(ValueId value, NodeId producer) const {
  std::vector<uint8_t> seen(graph_.nodes.size(), 0);
  std::vector<ValueId> stack{value};
  while (!stack.empty()) {
    const NodeId node = graph_.values[stack.back()].producer;
    stack.pop_back();
    if (node == producer) return true;
    if (node == kNone || seen[node]) continue;
    seen[node] = 1;
    for (ValueId input : graph_.nodes[node].inputs) stack.push_back(input);
  }
  return false;
}

}  // namespace ranvier::compiler
