#include "compiler/passes/row_parts.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "kernels/cpu/pointwise/pw_op.h"
#include "kernels/cpu/pointwise/rows.h"

namespace ranvier::compiler {
namespace {

using kernels::PwOp;

bool computes(const GraphNode* node, PwOp op) {
  return node && node->op->traits.pointwise && node->op->micro_op == op;
}

// An array padded with zeros, by the box of positions that it fills.
struct Box {
  ValueId inside;
  Ints starts, sizes;
};

bool padded_positions(const Graph& graph, const GraphNode& node, int positions, Box& box) {
  if (std::string_view(node.op->name) != "pad" || node.attrs.has("value")) return false;
  if (node.attrs.has("mode") && node.attrs.text("mode") != "constant") return false;
  const Ints& padding = node.attrs.ints("padding");
  const Shape& shape = graph.spec(node.inputs[0]).shape;
  box.inside = node.inputs[0];
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto low = static_cast<size_t>(2 * axis);
    if (axis >= positions && (padding[low] != 0 || padding[low + 1] != 0)) return false;
    if (axis >= positions) continue;
    box.starts.push_back(padding[low]);
    box.sizes.push_back(shape[axis]);
  }
  return true;
}

// `value` as a sum of padded arrays; false when it is something else.
bool collect_boxes(const Graph& graph, ValueId value, int positions, std::vector<Box>& boxes) {
  const GraphNode* node = graph.producer(value);
  if (!node || boxes.size() >= kernels::RowChain::kMaxParts) return false;
  if (computes(node, PwOp::Add))
    return std::all_of(node->inputs.begin(), node->inputs.end(), [&](ValueId input) {
      return graph.spec(input) == graph.spec(value) &&
             collect_boxes(graph, input, positions, boxes);
    });
  Box box;
  if (!padded_positions(graph, *node, positions, box)) return false;
  boxes.push_back(std::move(box));
  return true;
}

// The indices of the box: a slice, one that stands there already where there is one.
ValueId sliced_indices(Graph& graph, ValueId indices, const Box& box, const GraphNode& reader) {
  static const OpRecord& slice = *find_op("slice");
  const Attrs attrs{
      {"starts", box.starts}, {"sizes", box.sizes}, {"strides", Ints(box.starts.size(), 1)}};
  for (const GraphNode& node : graph.nodes)
    if (node.op == &slice && node.inputs[0] == indices && node.region == reader.region &&
        node.attrs == attrs)
      return node.outputs[0];
  Shape shape;
  for (const int64_t size : box.sizes) shape.push_back(size);
  const NodeId made = graph.add_node(slice, {indices}, attrs, {{graph.spec(indices).dtype, shape}},
                                     reader.site, reader.region);
  return graph.nodes[made].outputs[0];
}

// Does `shape` have one number for every position and none per element of a row?
bool one_per_position(const Shape& shape, const Shape& out, int positions) {
  if (shape.rank() != out.rank()) return false;
  for (int axis = 0; axis < out.rank(); ++axis)
    if (shape[axis] != (axis < positions ? out[axis] : 1)) return false;
  return true;
}

// How many neighbouring positions share a row of an operand of this shape; 0 when its rows are not
// repeated in this way.
int64_t repeat_of(const Shape& shape, const Shape& out, int positions) {
  int64_t repeat = 1;
  bool repeated = false;
  const int missing = out.rank() - shape.rank();
  for (int axis = 0; axis < out.rank(); ++axis) {
    const int64_t dim = axis < missing ? 1 : shape[axis - missing];
    if (dim == out[axis] && !(repeated && axis < positions && dim != 1)) continue;
    if (axis >= positions || dim != 1) return 0;
    repeated = true;
    repeat *= out[axis];
  }
  return repeat;
}

ValueId behind_broadcast(const Graph& graph, ValueId value) {
  const GraphNode* node = graph.producer(value);
  return node && std::string_view(node->op->name) == "broadcast_to" ? node->inputs[0] : value;
}

// Looks behind a product or a broadcast for the rows that positions share.
void share_rows(const Graph& graph, RowPart& part, int positions) {
  const GraphNode* node = graph.producer(part.values);
  const Shape& out = graph.spec(part.values).shape;
  const auto share = [&](ValueId rows, ValueId scale) {
    const int64_t repeat = repeat_of(graph.spec(rows).shape, out, positions);
    if (repeat <= 1 || part.count % repeat != 0) return false;
    if (graph.spec(rows).dtype != graph.spec(part.values).dtype) return false;
    part.values = rows;
    part.scale = scale;
    part.repeat = repeat;
    return true;
  };
  share(behind_broadcast(graph, part.values), kNone);
  if (!computes(node, PwOp::Mul)) return;
  for (size_t k : {0, 1}) {
    const ValueId scale = behind_broadcast(graph, node->inputs[k]);
    if (one_per_position(graph.spec(scale).shape, out, positions) &&
        share(behind_broadcast(graph, node->inputs[1 - k]), scale))
      return;
  }
}

}  // namespace

std::vector<RowPart> row_parts_of(Graph& graph, NodeId rows_grad, bool exact) {
  const GraphNode node = graph.nodes[rows_grad];
  const ValueId values = node.inputs[0], indices = node.inputs[1];
  const int positions = graph.spec(indices).shape.rank();
  const int64_t count = graph.spec(indices).size();
  std::vector<RowPart> parts;
  std::vector<Box> boxes;
  int64_t inside = 0;
  const bool boxed = collect_boxes(graph, values, positions, boxes);
  for (const Box& box : boxes) {
    RowPart part{box.inside, kNone, kNone, 1, 1};
    for (const int64_t size : box.sizes) part.count *= size;
    inside += part.count;
    parts.push_back(part);
  }
  // Zeros of the padding change no sum; one part keeps the order too.
  const bool several = boxed && inside > 0 && inside <= count && (!exact || boxes.size() == 1);
  if (several)
    for (size_t k = 0; k < boxes.size(); ++k)
      parts[k].indices = sliced_indices(graph, indices, boxes[k], node);
  else
    parts = {{values, indices, kNone, count, 1}};
  std::erase_if(parts, [](const RowPart& part) { return part.count == 0; });
  for (RowPart& part : parts) share_rows(graph, part, positions);
  return parts;
}

}  // namespace ranvier::compiler
