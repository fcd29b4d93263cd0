// Equal programs over different dense operands, such as an optimizer's over every variable, become
// one step over a list. Exact: the same program runs on every element.

#include <map>

#include "base/error.h"
#include "compiler/passes/groups.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/pointwise.h"

namespace ranvier::compiler {
namespace {

// A large tuple fills the machine alone, and waiting for the others would keep its operands alive.
constexpr int64_t kLargestTuple = 32768;
constexpr size_t kMostTuples = 256;

const PointwisePayload* program_of(const GraphNode& node) {
  if (!node.alive() || node.op != &pointwise_record()) return nullptr;
  return static_cast<const PointwisePayload*>(fused_payload(node.attrs));
}

void emit_list(Graph& graph, const std::vector<NodeId>& nodes) {
  auto payload = make_ref<ListPayload>();
  std::vector<ValueId> inputs, results;
  std::vector<int64_t> sizes;
  for (NodeId id : nodes) {
    const GraphNode& node = graph.nodes[id];
    const PointwisePayload& one = *program_of(node);
    for (const InPlacePair& pair : one.pairs)
      payload->pairs.push_back({pair.input + static_cast<uint32_t>(inputs.size()),
                                pair.output + static_cast<uint32_t>(results.size())});
    inputs.insert(inputs.end(), node.inputs.begin(), node.inputs.end());
    results.insert(results.end(), node.outputs.begin(), node.outputs.end());
    sizes.push_back(one.program.size);
  }
  payload->list =
      kernels::prepare_pointwise_list(program_of(graph.nodes[nodes[0]])->program, sizes);
  replace_by_fused(graph, nodes, pointwise_list_record(), std::move(inputs), *payload, results);
}

}  // namespace

void merge_lists(Graph& graph) {
  std::map<std::string, std::vector<NodeId>> by_form;
  Groups groups(graph);
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const PointwisePayload* payload = program_of(graph.nodes[id]);
    if (!payload || payload->form.empty()) continue;
    // A program on one element is all prologue: no body to run over tuples.
    if (payload->program.size < 2 || payload->program.size > kLargestTuple) continue;
    auto& list = by_form[payload->form + std::to_string(graph.nodes[id].region)];
    if (list.size() == kMostTuples) continue;
    if (!list.empty()) {
      if (!groups.can_merge(groups.of(list[0]), groups.of(id))) continue;
      bool reads_each_other = false;
      for (ValueId value : graph.nodes[id].inputs) {
        const NodeId producer = graph.values[value].producer;
        reads_each_other |= producer != kNone && groups.of(producer) == groups.of(list[0]);
      }
      if (reads_each_other) continue;
      groups.merge(groups.of(list[0]), groups.of(id));
    }
    list.push_back(id);
  }
  for (const auto& [form, nodes] : by_form)
    if (nodes.size() > 1) emit_list(graph, nodes);
}

}  // namespace ranvier::compiler
