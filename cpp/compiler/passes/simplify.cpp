// Dead code, common subexpressions, constants, and the algebra rules of rules.cpp, in one walk over
// the nodes in program order.

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rules.h"
#include "tensor/apply.h"

namespace ranvier::compiler {
namespace {

constexpr size_t kFoldedBytes = 16384;   // a larger constant is cheaper to compute than to hold
constexpr size_t kCreationBytes = 1024;  // the same for ops without inputs, which fuse

bool stays(const GraphNode& node) {
  return node.op->traits.effect || node.op->traits.guard || is_guard(node);
}

class Simplifier {
 public:
  Simplifier(Graph& graph, bool exact) : graph_(graph), exact_(exact) {
    forward_.resize(graph.values.size());
    for (ValueId value = 0; value < forward_.size(); ++value) forward_[value] = value;
  }

  bool run() {
    const auto count = static_cast<NodeId>(graph_.nodes.size());  // rules append more
    for (NodeId id = 0; id < count; ++id) {
      if (!graph_.nodes[id].alive()) continue;
      for (ValueId& value : graph_.nodes[id].inputs) value = resolve(value);
      if (fold_constants(id) || merge_equal(id)) continue;
      apply_rules(id);
    }
    for (GraphNode& node : graph_.nodes)
      for (ValueId& value : node.inputs) value = resolve(value);
    for (ValueId& value : graph_.outputs) value = resolve(value);
    for (GraphInput& input : graph_.inputs)
      if (input.write != kNone) input.write = resolve(input.write);
    return changed_;
  }

 private:
  ValueId resolve(ValueId value) {
    while (value < forward_.size() && forward_[value] != value) value = forward_[value];
    return value;
  }

  void forward(ValueId from, ValueId to) {
    forward_[from] = to;
    changed_ = true;
  }

  bool fold_constants(NodeId id) {
    const GraphNode& node = graph_.nodes[id];
    if (stays(node) || node.outputs.empty() || is_structured_name(node)) return false;
    size_t bytes = 0;
    for (ValueId value : node.outputs) bytes += graph_.spec(value).bytes();
    if (bytes > (node.inputs.empty() ? kCreationBytes : kFoldedBytes)) return false;
    Tensors operands;
    for (ValueId value : node.inputs) {
      if (!graph_.constant(value)) return false;
      operands.push_back(graph_.constant(value));
    }
    const Tensors results = run_eager(*node.op, operands, node.attrs);
    const std::vector<ValueId> outputs = node.outputs;
    graph_.nodes[id].op = nullptr;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId constant = graph_.add_constant(results[i]);
      grow();
      forward(outputs[i], constant);
    }
    return true;
  }

  static bool is_structured_name(const GraphNode& node) {
    return std::any_of(node.attrs.items().begin(), node.attrs.items().end(),
                       [](const auto& item) { return std::holds_alternative<Body>(item.second); });
  }

  bool merge_equal(NodeId id) {
    const GraphNode& node = graph_.nodes[id];
    if (node.op->traits.effect || node.outputs.empty()) return false;
    size_t hash = std::hash<const void*>()(node.op) ^ node.attrs.hash() ^ node.region;
    for (ValueId value : node.inputs) hash = hash * 1000003u + value;
    auto [begin, end] = seen_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      const GraphNode& other = graph_.nodes[it->second];
      if (other.op != node.op || other.inputs != node.inputs || other.region != node.region ||
          !(other.attrs == node.attrs))
        continue;
      for (size_t i = 0; i < node.outputs.size(); ++i) forward(node.outputs[i], other.outputs[i]);
      graph_.nodes[id].op = nullptr;
      return true;
    }
    seen_.emplace(hash, id);
    return false;
  }

  void apply_rules(NodeId id) {
    for (const Rule* rule : rules_for(graph_.nodes[id].op->name)) {
      if (exact_ && !rule->exact) continue;
      const ValueId replacement = rule->apply(graph_, id);
      grow();
      if (replacement == kNone) continue;
      RV_CHECK(graph_.spec(replacement) == graph_.spec(graph_.nodes[id].outputs[0]));
      forward(graph_.nodes[id].outputs[0], replacement);
      return;
    }
  }

  void grow() {
    while (forward_.size() < graph_.values.size())
      forward_.push_back(static_cast<ValueId>(forward_.size()));
  }

  Graph& graph_;
  const bool exact_;
  bool changed_ = false;
  std::vector<ValueId> forward_;
  std::unordered_multimap<size_t, NodeId> seen_;
};

}  // namespace

bool remove_dead_nodes(Graph& graph) {
  std::vector<uint8_t> used = graph.used_outside();
  bool changed = false;
  graph.sort_nodes();
  for (NodeId id = static_cast<NodeId>(graph.nodes.size()); id-- > 0;) {
    GraphNode& node = graph.nodes[id];
    const bool wanted = stays(node) || std::any_of(node.outputs.begin(), node.outputs.end(),
                                                   [&](ValueId value) { return used[value]; });
    if (wanted) {
      for (ValueId value : node.inputs) used[value] = 1;
    } else {
      node.op = nullptr;
      changed = true;
    }
  }
  if (changed) graph.sort_nodes();
  for (ValueId value = 0; value < used.size(); ++value)
    if (!used[value]) graph.values[value].constant = {};
  return changed;
}

bool simplify(Graph& graph, bool exact) {
  remove_dead_nodes(graph);
  const bool changed = Simplifier(graph, exact).run();
  remove_dead_nodes(graph);
  return changed;
}

}  // namespace ranvier::compiler
