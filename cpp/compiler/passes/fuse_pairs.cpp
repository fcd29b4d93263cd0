// A 1×1 convolution whose result only a depthwise one reads becomes one step with it, where that
// result would leave the caches. Exact.

#include <algorithm>

#include "base/verbose.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

const ConvPayload* conv_payload(const GraphNode& node) {
  if (node.op != &fused_conv_record()) return nullptr;
  const auto* payload = static_cast<const ConvPayload*>(fused_payload(node.attrs));
  return payload->winograd ? nullptr : payload;
}

// The operands that follow x and the filter.
void add_operands(std::vector<ValueId>& to, const GraphNode& node) {
  to.insert(to.end(), node.inputs.begin() + 1, node.inputs.end());
}

void join(Graph& graph, NodeId first_id, NodeId second_id) {
  const GraphNode first = graph.nodes[first_id], second = graph.nodes[second_id];
  const ConvPayload &one = *conv_payload(first), &two = *conv_payload(second);
  auto payload = make_ref<ConvPairPayload>();
  payload->plan = kernels::prepare_conv_pair(one.plan.shape, two.plan.shape);
  payload->first = {one.bias, one.residual, one.activation};
  payload->second = {two.bias, two.residual, two.activation};
  std::vector<ValueId> inputs{first.inputs[0]};
  add_operands(inputs, first);
  add_operands(inputs, second);
  const NodeId nodes[]{second_id, first_id};
  replace_by_fused(graph, nodes, conv_pair_record(), std::move(inputs), *payload, second.outputs);
}

}  // namespace

void fuse_pairs(Graph& graph) {
  const auto readers = graph.readers();
  const auto outside = graph.used_outside();
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& second = graph.nodes[id];
    const ConvPayload* two = second.alive() ? conv_payload(second) : nullptr;
    if (!two) continue;
    const ValueId between = second.inputs[0];
    const NodeId first_id = graph.values[between].producer;
    if (first_id == kNone || !graph.nodes[first_id].alive()) continue;
    const GraphNode& first = graph.nodes[first_id];
    const ConvPayload* one = conv_payload(first);
    if (!one || one->residual || one->packed() || first.region != second.region) continue;
    const char* reason =
        kernels::conv_pair_refusal(one->plan.shape, two->plan.shape, graph.spec(between).dtype);
    if (!reason && (outside[between] || readers[between].size() != 1))
      reason = "others read what the first makes";
    if (reason) {
      if (prints_dispatch()) print_refusal("conv " + site_text(second.site), "pair", reason);
      continue;
    }
    join(graph, first_id, id);
  }
}

}  // namespace ranvier::compiler
