// A scale and a shift per channel after a product with weights, as inference of batch normalization
// leaves them, go into the weights: (x W + b) s + t = x (W s) + (b s + t). The right-hand factors
// depend on variables alone, so the prologue computes them. Rounding.

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "compiler/passes/origin.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rules.h"

namespace ranvier::compiler {
namespace {

class Folder {
 public:
  explicit Folder(Graph& graph)
      : graph_(graph),
        origin_(origins(graph)),
        readers_(graph.readers()),
        outside_(graph.used_outside()) {}

  bool run() {
    bool changed = false;
    const auto count = static_cast<NodeId>(graph_.nodes.size());
    for (NodeId id = 0; id < count; ++id) {
      if (!graph_.nodes[id].alive()) continue;
      const std::string_view name = graph_.nodes[id].op->name;
      if (name == "multiply") changed |= fold_scale(id);
      if (name == "add") changed |= fold_shift(id);
    }
    return changed;
  }

 private:
  // The product, with the bias that was added to it.
  struct Affine {
    NodeId product = kNone, sum = kNone;
    size_t bias = 0;  // which operand of the sum
  };

  // The node that makes `value`, if only `reader` reads it.
  NodeId made_for(ValueId value, NodeId reader) const {
    const bool alone = !outside_[value] && readers_[value] == std::vector<NodeId>{reader};
    return alone ? graph_.values[value].producer : kNone;
  }

  bool is_product(NodeId id) const {
    const GraphNode& node = graph_.nodes[id];
    const std::string_view name = node.op->name;
    if (name != "conv" && name != "matmul") return false;
    const TypeSpec &left = graph_.spec(node.inputs[0]), &weights = graph_.spec(node.inputs[1]);
    const DType dtype = graph_.spec(node.outputs[0]).dtype;
    if (dtype != DType::F32 && dtype != DType::F64) return false;
    if (origin_[node.inputs[1]] != Origin::State || node.region != 0) return false;
    return name == "conv" ||
           (weights.shape.rank() == 2 && left.shape.rank() >= 2 && left.dtype == dtype);
  }

  // Is `value` one number per channel of `like`, known before the run?
  bool is_row(ValueId value, ValueId like) const {
    const TypeSpec &row = graph_.spec(value), &type = graph_.spec(like);
    return origin_[value] != Origin::Run && row.dtype == type.dtype && row.shape.rank() >= 1 &&
           row.shape.rank() <= type.shape.rank() && row.size() == type.shape.at(-1) &&
           row.shape.at(-1) == type.shape.at(-1);
  }

  // What `value` is, read by `reader` alone: x W, or x W + b.
  Affine affine_of(ValueId value, NodeId reader) const {
    Affine affine;
    const NodeId made = made_for(value, reader);
    if (made == kNone) return {};
    if (std::string_view(graph_.nodes[made].op->name) == "add") {
      const GraphNode& sum = graph_.nodes[made];
      for (size_t k : {0, 1}) {
        const NodeId product = made_for(sum.inputs[1 - k], made);
        if (product == kNone || !is_product(product) || !is_row(sum.inputs[k], value)) continue;
        if (graph_.spec(sum.inputs[1 - k]) == graph_.spec(value)) return {product, made, k};
      }
      return {};
    }
    if (is_product(made)) affine.product = made;
    return affine;
  }

  ValueId add_node(const char* op, std::vector<ValueId> inputs, const TypeSpec& type, Site site) {
    const NodeId id = graph_.add_node(*find_op(op), std::move(inputs), {}, {type}, site);
    origin_.resize(graph_.values.size(), Origin::State);
    readers_.resize(graph_.values.size());
    outside_.resize(graph_.values.size());
    return graph_.nodes[id].outputs[0];
  }

  ValueId combined(const char* op, ValueId a, ValueId b, Site site) {
    const Shape row{graph_.spec(a).size()};
    const DType dtype = graph_.spec(a).dtype;
    return add_node(op, {reshaped(graph_, a, row, site), reshaped(graph_, b, row, site)},
                    {dtype, row}, site);
  }

  // The node passes its operand on.
  void drop(NodeId id, ValueId operand) {
    const ValueId result = graph_.nodes[id].outputs[0];
    graph_.replace(result, operand);
    readers_[operand] = readers_[result];
    outside_[operand] = outside_[result];
    graph_.nodes[id].op = nullptr;
  }

  bool fold_scale(NodeId id) {
    for (size_t k : {0, 1}) {
      const ValueId value = graph_.nodes[id].inputs[k], scale = graph_.nodes[id].inputs[1 - k];
      const TypeSpec type = graph_.spec(value);
      if (graph_.spec(graph_.nodes[id].outputs[0]) != type || !is_row(scale, value)) continue;
      const Affine affine = affine_of(value, id);
      if (affine.product == kNone) continue;
      const GraphNode product = graph_.nodes[affine.product];
      const ValueId weights = product.inputs[1];
      const TypeSpec weights_type = graph_.spec(weights);
      const int64_t channels = type.shape.at(-1);
      const Shape row = product.attrs.flag("trans_b", false) ? Shape{channels, 1} : Shape{channels};
      graph_.nodes[affine.product].inputs[1] =
          add_node("multiply", {weights, reshaped(graph_, scale, row, product.site)}, weights_type,
                   product.site);
      if (affine.sum != kNone) {
        const ValueId bias = graph_.nodes[affine.sum].inputs[affine.bias];
        const ValueId scaled = combined("multiply", bias, scale, product.site);
        graph_.nodes[affine.sum].inputs[affine.bias] = scaled;
      }
      drop(id, value);
      return true;
    }
    return false;
  }

  bool fold_shift(NodeId id) {
    for (size_t k : {0, 1}) {
      const ValueId value = graph_.nodes[id].inputs[k], shift = graph_.nodes[id].inputs[1 - k];
      if (graph_.spec(graph_.nodes[id].outputs[0]) != graph_.spec(value)) continue;
      if (!is_row(shift, value)) continue;
      const Affine affine = affine_of(value, id);
      if (affine.sum == kNone) continue;
      const ValueId bias = graph_.nodes[affine.sum].inputs[affine.bias];
      const ValueId both = combined("add", bias, shift, graph_.nodes[affine.sum].site);
      graph_.nodes[affine.sum].inputs[affine.bias] = both;
      drop(id, value);
      return true;
    }
    return false;
  }

  Graph& graph_;
  std::vector<Origin> origin_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<uint8_t> outside_;
};

}  // namespace

bool fold_scale(Graph& graph) { return Folder(graph).run(); }

}  // namespace ranvier::compiler
