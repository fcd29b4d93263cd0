// Takes out of a program what depends on variables alone: casts and transposes of weights, scales
// and shifts of normalizations, folded and packed weights. Exact: the same steps, run earlier.

#include <algorithm>
#include <string_view>

#include "compiler/internal_ops.h"
#include "compiler/passes/origin.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {

namespace {

// A value is held when it took work to make, from more than single numbers, and takes at most
// kGrowth times the memory of the variables it comes from, or little. So float32 copies of float16
// weights are held, those of int8 weights are made again in each run, and a broadcast is never
// written out.
constexpr size_t kGrowth = 2, kLittle = 65536;

class Splitter {
 public:
  explicit Splitter(Graph& graph) : graph_(graph), origin_(origins(graph)) {}

  std::optional<Graph> run(const std::string& name) {
    if (runs_on_state_alone()) return {};
    const std::vector<ValueId> held = choose();
    if (held.empty()) return {};
    Graph prologue = graph_;
    prologue.outputs = held;
    for (GraphInput& input : prologue.inputs) input.write = kNone;
    for (GraphNode& node : prologue.nodes)
      if (in_run(node)) node.op = nullptr;
    remove_dead_nodes(prologue);
    drop_unread_inputs(prologue);
    finish_pass(prologue, "prologue", name);
    for (uint32_t i = 0; i < held.size(); ++i) {
      const ValueId value = graph_.add_value(graph_.spec(held[i]));
      graph_.replace(held[i], value);
      graph_.inputs.push_back({value, {}, kNone, i});
    }
    remove_dead_nodes(graph_);
    finish_pass(graph_, "split_prologue", name);
    return prologue;
  }

 private:
  // Such a program (metric results pulled from their variables) is its own prologue.
  bool runs_on_state_alone() const {
    return std::all_of(graph_.outputs.begin(), graph_.outputs.end(),
                       [&](ValueId value) { return origin_[value] != Origin::Run; }) &&
           std::all_of(graph_.inputs.begin(), graph_.inputs.end(),
                       [](const GraphInput& input) { return input.write == kNone; });
  }

  bool in_run(const GraphNode& node) const {
    return node.outputs.empty() || origin_[node.outputs[0]] == Origin::Run;
  }

  // From the results back: what a run needs is held or, where that does not pay, made in the run
  // from its operands. Results of the program itself are made in the run.
  std::vector<ValueId> choose() const {
    const std::vector<uint8_t> outside = graph_.used_outside();
    std::vector<uint8_t> needed(graph_.values.size(), 0);
    std::vector<ValueId> held;
    for (auto id = static_cast<NodeId>(graph_.nodes.size()); id-- > 0;) {
      const GraphNode& node = graph_.nodes[id];
      if (!node.alive()) continue;
      std::vector<ValueId> wanted;
      bool stays = in_run(node);
      for (ValueId value : node.outputs) {
        stays |= outside[value] != 0;
        if (needed[value]) wanted.push_back(value);
      }
      if (!stays && wanted.empty()) continue;
      if (!stays && worth_holding(node, wanted)) {
        held.insert(held.end(), wanted.rbegin(), wanted.rend());
        continue;
      }
      for (ValueId value : node.inputs) needed[value] = 1;
    }
    std::reverse(held.begin(), held.end());
    return held;
  }

  bool worth_holding(const GraphNode& node, const std::vector<ValueId>& values) const {
    if (origin_[node.outputs[0]] != Origin::State || node.op->traits.alias) return false;
    if (std::string_view(node.op->name) == "broadcast_to") return false;
    const FusedPayload* payload = fused_payload(node.attrs);
    if (payload && payload->held) return true;
    const Sources sources = sources_of(values[0]);
    size_t bytes = 0;
    for (ValueId value : values) bytes += graph_.spec(value).bytes();
    return sources.elements > 1 && bytes <= std::max(kGrowth * sources.bytes, kLittle);
  }

  struct Sources {
    size_t bytes = 0;      // of the variables a value comes from
    int64_t elements = 0;  // of the largest of them
  };

  Sources sources_of(ValueId value) const {
    Sources sources;
    std::vector<uint8_t> seen(graph_.values.size(), 0);
    std::vector<ValueId> stack{value};
    while (!stack.empty()) {
      const ValueId at = stack.back();
      stack.pop_back();
      if (seen[at]) continue;
      seen[at] = 1;
      if (const GraphNode* node = graph_.producer(at)) {
        stack.insert(stack.end(), node->inputs.begin(), node->inputs.end());
      } else if (!graph_.constant(at)) {
        sources.bytes += graph_.spec(at).bytes();
        sources.elements = std::max(sources.elements, graph_.spec(at).size());
      }
    }
    return sources;
  }

  static void drop_unread_inputs(Graph& graph) {
    const auto readers = graph.readers();
    std::erase_if(graph.inputs,
                  [&](const GraphInput& input) { return readers[input.value].empty(); });
  }

  Graph& graph_;
  const std::vector<Origin> origin_;
};

}  // namespace

std::optional<Graph> split_prologue(Graph& graph, const std::string& name) {
  return Splitter(graph).run(name);
}

}  // namespace ranvier::compiler
