// The gradient of a split: each part's gradient padded with zeros, and their sum. It is the parts
// side by side. Rounding: -0 + 0 is +0.

#include <algorithm>
#include <optional>
#include <string_view>

#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

// Sums that meet themselves again and again have more terms than any split has parts.
constexpr size_t kMostParts = 1024;

struct Part {
  ValueId value;
  int axis;
  int64_t begin;  // along the axis
};

// What a node pads with zeros along one axis alone.
std::optional<Part> padded_part(const Graph& graph, const GraphNode* node) {
  if (!node || !node->named("pad")) return {};
  if (node->attrs.has("mode") && node->attrs.text("mode") != "constant") return {};
  if (node->attrs.has("value") && node->attrs.real("value") != 0) return {};
  const Shape &in = graph.spec(node->inputs[0]).shape, &out = graph.spec(node->outputs[0]).shape;
  int axis = -1;
  for (int i = 0; i < out.rank(); ++i) {
    if (in[i] == out[i]) continue;
    if (axis >= 0) return {};
    axis = i;
  }
  if (axis < 0) return {};
  const int64_t begin = node->attrs.ints("padding")[2 * static_cast<size_t>(axis)];
  return Part{node->inputs[0], axis, begin};
}

// The parts that are summed; false where something else is.
bool collect_parts(const Graph& graph, ValueId value, std::vector<Part>& parts) {
  if (parts.size() > kMostParts) return false;
  const GraphNode* node = graph.producer(value);
  if (node && node->named("add"))
    return std::all_of(node->inputs.begin(), node->inputs.end(), [&](ValueId input) {
      return graph.spec(input) == graph.spec(value) && collect_parts(graph, input, parts);
    });
  const std::optional<Part> part = padded_part(graph, node);
  if (part) parts.push_back(*part);
  return part.has_value();
}

void join_parts(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const TypeSpec out = graph.spec(node.outputs[0]);
  std::vector<Part> parts;
  if (!collect_parts(graph, node.outputs[0], parts)) return;
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.begin < b.begin; });
  const int axis = parts[0].axis;
  std::vector<ValueId> inputs;
  int64_t end = 0;
  for (const Part& part : parts) {
    if (part.axis != axis || part.begin != end) return;
    end += graph.spec(part.value).shape[axis];
    inputs.push_back(part.value);
  }
  if (end != out.shape[axis]) return;
  const NodeId made =
      graph.add_node(*find_op("concatenate"), std::move(inputs),
                     {{"axis", static_cast<int64_t>(axis)}}, {out}, node.site, node.region);
  graph.replace(node.outputs[0], graph.nodes[made].outputs[0]);
}

}  // namespace

void join_pads(Graph& graph) {
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id)
    if (graph.nodes[id].named("add")) join_parts(graph, id);
}

}  // namespace ranvier::compiler
