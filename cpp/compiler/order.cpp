#include "compiler/order.h"

#include <algorithm>
#include <queue>

#include "base/error.h"

namespace ranvier::compiler {
namespace {

class Orderer {
 public:
  explicit Orderer(Graph& graph) : graph_(graph) {}

  StepOrder run() {
    copy_outputs();
    copy_outside_values();
    build_edges();
    homes_.assign(graph_.values.size(), kNone);
    for (uint32_t i = 0; i < graph_.inputs.size(); ++i) place_write(i);
    return {sorted(), std::move(homes_)};
  }

 private:
  ValueId copy_of(ValueId value) {
    const NodeId id = graph_.add_node(copy_record(), {value}, {}, {graph_.spec(value)}, 0);
    return graph_.nodes[id].outputs[0];
  }

  // Every output gets memory that a step of this program writes, each its own. A value that is also
  // written to an input stays there, and the output is the copy.
  void copy_outputs() {
    const std::vector<ValueId> root = alias_roots(graph_);
    std::vector<uint8_t> taken(graph_.values.size(), 0);
    for (const GraphInput& input : graph_.inputs)
      if (input.write != kNone) taken[root[input.write]] = 1;
    for (ValueId& output : graph_.outputs) {
      const ValueId base = root[output];
      if (graph_.values[base].producer == kNone || taken[base])
        output = copy_of(output);
      else
        taken[base] = 1;
    }
  }

  // A written value that no step makes (another input, a constant) is made by a copy, so that all
  // readers of old values are known before the first write finds its place.
  void copy_outside_values() {
    const std::vector<ValueId> root = alias_roots(graph_);
    for (GraphInput& input : graph_.inputs) {
      if (input.write == kNone || graph_.values[root[input.write]].producer != kNone) continue;
      if (root[input.write] == input.value)
        input.write = kNone;
      else
        input.write = copy_of(input.write);
    }
  }

  void build_edges() {
    root_ = alias_roots(graph_);
    before_.assign(graph_.nodes.size(), {});
    readers_.assign(graph_.values.size(), {});
    for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
      const GraphNode& node = graph_.nodes[id];
      if (!is_step(node)) continue;
      if (is_guard(node)) guards_.push_back(id);
      add_reads(id);
    }
  }

  void add_reads(NodeId id) {
    for (ValueId value : graph_.nodes[id].inputs) {
      const ValueId base = root_[value];
      auto& list = readers_[base];
      if (list.empty() || list.back() != id) list.push_back(id);
      const NodeId producer = graph_.values[base].producer;
      if (producer != kNone) before_[id].push_back(producer);
    }
  }

  // Is `target` among what must run before `start`?
  bool comes_before(NodeId target, NodeId start) {
    std::vector<uint8_t> seen(graph_.nodes.size(), 0);
    std::vector<NodeId> stack{start};
    while (!stack.empty()) {
      const NodeId id = stack.back();
      stack.pop_back();
      for (NodeId other : before_[id]) {
        if (other == target) return true;
        if (!seen[other]) seen[other] = 1, stack.push_back(other);
      }
    }
    return false;
  }

  // Everything that must have run before the node `writer` may write to input i.
  std::vector<NodeId> needed_before(uint32_t i, NodeId writer) const {
    std::vector<NodeId> needed = guards_;
    for (NodeId reader : readers_[graph_.inputs[i].value])
      if (reader != writer) needed.push_back(reader);
    return needed;
  }

  bool may_write_in_place(uint32_t i, NodeId writer, ValueId base) {
    const GraphNode& node = graph_.nodes[writer];
    if (is_guard(node) || homes_[base] != kNone) return false;
    if (std::find_if(graph_.outputs.begin(), graph_.outputs.end(),
                     [&](ValueId output) { return root_[output] == base; }) != graph_.outputs.end())
      return false;
    const auto pairs = in_place_pairs(graph_, node);
    for (uint32_t k = 0; k < node.inputs.size(); ++k) {
      if (root_[node.inputs[k]] != graph_.inputs[i].value) continue;
      const bool paired = std::any_of(pairs.begin(), pairs.end(), [&](const InPlacePair& pair) {
        return pair.input == k && node.outputs[pair.output] == base;
      });
      if (!paired) return false;
    }
    for (NodeId other : needed_before(i, writer))
      if (comes_before(writer, other)) return false;
    return true;
  }

  void place_write(uint32_t i) {
    GraphInput& input = graph_.inputs[i];
    if (input.write == kNone) return;
    ValueId base = root_[input.write];
    NodeId writer = graph_.values[base].producer;
    if (!may_write_in_place(i, writer, base)) {
      input.write = base = copy_of(input.write);
      writer = graph_.values[base].producer;
      root_ = alias_roots(graph_);
      homes_.push_back(kNone);
      readers_.emplace_back();
      before_.emplace_back();
      add_reads(writer);
    }
    homes_[base] = i;
    for (NodeId other : needed_before(i, writer)) before_[writer].push_back(other);
  }

  // Guards and what they need come first, then nodes that write inputs as soon as they can, the
  // rest in program order.
  std::vector<NodeId> sorted() {
    const size_t n = graph_.nodes.size();
    std::vector<uint8_t> rank(n, 2);
    for (ValueId value = 0; value < homes_.size(); ++value)
      if (homes_[value] != kNone) rank[graph_.values[value].producer] = 1;
    std::vector<NodeId> stack = guards_;
    while (!stack.empty()) {
      const NodeId id = stack.back();
      stack.pop_back();
      if (rank[id] == 0) continue;
      rank[id] = 0;
      for (NodeId other : before_[id]) stack.push_back(other);
    }
    std::vector<std::vector<NodeId>> after(n);
    std::vector<uint32_t> waiting(n, 0);
    for (NodeId id = 0; id < n; ++id) {
      auto& list = before_[id];
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
      waiting[id] = static_cast<uint32_t>(list.size());
      for (NodeId other : list) after[other].push_back(id);
    }
    using Entry = std::pair<uint8_t, NodeId>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    size_t steps = 0;
    for (NodeId id = 0; id < n; ++id) {
      if (!is_step(graph_.nodes[id])) continue;
      ++steps;
      if (waiting[id] == 0) ready.push({rank[id], id});
    }
    std::vector<NodeId> order;
    while (!ready.empty()) {
      const NodeId id = ready.top().second;
      ready.pop();
      order.push_back(id);
      for (NodeId next : after[id])
        if (--waiting[next] == 0) ready.push({rank[next], next});
    }
    RV_CHECK(order.size() == steps);
    return order;
  }

  Graph& graph_;
  std::vector<ValueId> root_;
  std::vector<uint32_t> homes_;
  std::vector<NodeId> guards_;
  std::vector<std::vector<NodeId>> before_;   // per node: what must run earlier
  std::vector<std::vector<NodeId>> readers_;  // per alias root
};

}  // namespace

StepOrder order_steps(Graph& graph) { return Orderer(graph).run(); }

}  // namespace ranvier::compiler
