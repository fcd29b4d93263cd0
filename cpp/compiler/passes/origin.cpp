#include "compiler/passes/origin.h"

#include <algorithm>

#include "compiler/plan_memory.h"

namespace ranvier::compiler {
namespace {

bool has_body(const GraphNode& node) {
  return std::any_of(node.attrs.items().begin(), node.attrs.items().end(),
                     [](const auto& item) { return std::holds_alternative<Body>(item.second); });
}

bool is_pure(const GraphNode& node) {
  return !node.op->traits.effect && !is_guard(node) && !has_body(node);
}

}  // namespace

std::vector<Origin> origins(const Graph& graph) {
  std::vector<Origin> origin(graph.values.size(), Origin::Constants);
  for (const GraphInput& input : graph.inputs)
    origin[input.value] = input.variable && input.write == kNone ? Origin::State : Origin::Run;
  for (const GraphNode& node : graph.nodes) {
    if (!node.alive()) continue;
    Origin made = is_pure(node) ? Origin::Constants : Origin::Run;
    for (ValueId value : node.inputs) made = std::max(made, origin[value]);
    for (ValueId value : node.outputs) origin[value] = made;
  }
  return origin;
}

}  // namespace ranvier::compiler
