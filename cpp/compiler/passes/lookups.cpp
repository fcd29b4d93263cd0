#include "compiler/passes/lookups.h"

#include <algorithm>
#include <string_view>

#include "compiler/passes/pointwise.h"
#include "kernels/cpu/data/gather.h"

namespace ranvier::compiler {
namespace {

// Shorter rows are copied faster all at once.
constexpr size_t kShortestRow = 64;  // bytes

bool is_row_lookup(const Graph& graph, const GraphNode& node) {
  if (!node.alive() || std::string_view(node.op->name) != "take") return false;
  const TypeSpec &table = graph.spec(node.inputs[0]), &out = graph.spec(node.outputs[0]);
  const int64_t axis = node.attrs.integer("axis");
  if (axis != 0 && axis + table.shape.rank() != 0) return false;
  if (table.size() == 0 || out.size() == 0) return false;
  return table.bytes() / static_cast<size_t>(table.shape[0]) >= kShortestRow;
}

}  // namespace

Lookups::Lookups(const Graph& graph) : read_in_programs_(graph.values.size(), 0) {
  const auto readers = graph.readers();
  const auto outside = graph.used_outside();
  // Readers stand behind what they read: from the last to the first, renames know of theirs.
  for (NodeId id = static_cast<NodeId>(graph.nodes.size()); id-- > 0;) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive() || node.outputs.size() != 1) continue;
    const ValueId value = node.outputs[0];
    if (outside[value] || readers[value].empty()) continue;
    read_in_programs_[value] =
        std::all_of(readers[value].begin(), readers[value].end(), [&](NodeId reader) {
          const GraphNode& by = graph.nodes[reader];
          const MemberKind kind = member_of(graph, by).kind;
          if (kind == MemberKind::Rename) return read_in_programs_[by.outputs[0]] != 0;
          return kind != MemberKind::None && kind != MemberKind::Broadcast &&
                 by.region == node.region;
        });
  }
}

std::optional<Lookup> Lookups::of(const Graph& graph, ValueId value) const {
  const GraphNode* node = graph.producer(value);
  while (node && node->alive() && member_of(graph, *node).kind == MemberKind::Rename) {
    value = node->inputs[0];
    node = graph.producer(value);
  }
  if (!node || value >= read_in_programs_.size() || !read_in_programs_[value]) return {};
  if (!is_row_lookup(graph, *node)) return {};
  const TypeSpec& table = graph.spec(node->inputs[0]);
  return Lookup{node->inputs[0], node->inputs[1], table.size() / table.shape[0],
                kernels::outside_value(table.dtype, node->attrs.flag("zero", false))};
}

}  // namespace ranvier::compiler
