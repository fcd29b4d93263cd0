#include "compiler/passes/rules.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"

namespace ranvier::compiler {
namespace {

bool is(const GraphNode* node, std::string_view name) { return node && node->op->name == name; }

// The number in every element of a constant of moderate size.
std::optional<double> scalar_of(const Tensor& t) {
  constexpr int64_t kLooked = 65536;
  if (t.size() < 1 || t.size() > kLooked) return {};
  const auto* bytes = t.data_as<std::byte>();
  const size_t element = size_of(t.dtype());
  if (std::memcmp(bytes, bytes + element, t.spec().bytes() - element) != 0) return {};
  switch (t.dtype()) {
    case DType::F32:
      return *t.data_as<float>();
    case DType::F64:
      return *t.data_as<double>();
    case DType::F16:
      return f16_to_f32(*t.data_as<uint16_t>());
    case DType::BF16:
      return bf16_to_f32(*t.data_as<uint16_t>());
    case DType::I32:
      return *t.data_as<int32_t>();
    case DType::Bool:
      return *t.data_as<bool>();
    default:
      return {};
  }
}

Ints dims_of(const Shape& shape) { return Ints(shape.begin(), shape.end()); }

const Shape& out_shape(const Graph& graph, const GraphNode& node) {
  return graph.spec(node.outputs[0]).shape;
}

// The other operand when operand `k` is the number `value` throughout and adds no broadcasting.
ValueId without_operand(const Graph& graph, NodeId id, size_t k, double value) {
  const GraphNode& node = graph.nodes[id];
  const ValueId other = node.inputs[1 - k];
  if (graph.spec(other) != graph.spec(node.outputs[0])) return kNone;
  const auto splat = splat_value(graph, node.inputs[k]);
  return splat && *splat == value && !std::signbit(*splat) ? other : kNone;
}

ValueId multiply_by_one(Graph& graph, NodeId id) {
  const ValueId right = without_operand(graph, id, 1, 1.0);
  return right != kNone ? right : without_operand(graph, id, 0, 1.0);
}
ValueId divide_by_one(Graph& graph, NodeId id) { return without_operand(graph, id, 1, 1.0); }
ValueId subtract_zero(Graph& graph, NodeId id) { return without_operand(graph, id, 1, 0.0); }
// -0 + 0 is +0: not exact.
ValueId add_zero(Graph& graph, NodeId id) {
  const ValueId right = without_operand(graph, id, 1, 0.0);
  return right != kNone ? right : without_operand(graph, id, 0, 0.0);
}

ValueId double_negative(Graph& graph, NodeId id) {
  const GraphNode* inner = graph.producer(graph.nodes[id].inputs[0]);
  return is(inner, "negative") ? inner->inputs[0] : kNone;
}

// a + (-b) = a - b, and a - (-b) = a + b: the same rounding.
ValueId add_negative(Graph& graph, NodeId id) {
  static const OpRecord& subtract = *find_op("subtract");
  const GraphNode node = graph.nodes[id];
  for (size_t k : {1, 0}) {
    const GraphNode* inner = graph.producer(node.inputs[k]);
    if (!is(inner, "negative")) continue;
    const NodeId made = graph.add_node(subtract, {node.inputs[1 - k], inner->inputs[0]}, {},
                                       {graph.spec(node.outputs[0])}, node.site, node.region);
    return graph.nodes[made].outputs[0];
  }
  return kNone;
}

// How many trailing axes of `shape` hold `count` elements together; 0 where none do.
int trailing_axes(const Shape& shape, int64_t count) {
  int64_t product = 1;
  for (int axes = 1; axes <= shape.rank(); ++axes) {
    product *= shape.at(-axes);
    if (product == count) return axes;
  }
  return 0;
}

// reshape(x) + b = reshape(x + b) where b is one row of x: the bias of a projection to several
// heads then rides on its product.
ValueId add_row_before_reshape(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  static const OpRecord& add = *find_op("add");
  const TypeSpec out = graph.spec(node.outputs[0]);
  for (size_t k : {0, 1}) {
    const GraphNode* inner = graph.producer(node.inputs[k]);
    if (!is(inner, "reshape") || graph.spec(node.inputs[k]) != out) continue;
    const ValueId x = inner->inputs[0], b = node.inputs[1 - k];
    const Shape &flat = graph.spec(x).shape, &row = graph.spec(b).shape;
    if (!is(graph.producer(x), "matmul") || flat.rank() < 2 || row.size() != flat.at(-1)) continue;
    const int axes = trailing_axes(out.shape, flat.at(-1));
    bool same = axes > 0 && row.rank() >= axes;
    for (int i = 1; same && i <= axes; ++i) same = row.at(-i) == out.shape.at(-i);
    if (!same) continue;
    const NodeId sum = graph.add_node(add, {x, reshaped(graph, b, Shape{flat.at(-1)}, node.site)},
                                      {}, {graph.spec(x)}, node.site, node.region);
    return reshaped(graph, graph.nodes[sum].outputs[0], out.shape, node.site);
  }
  return kNone;
}

// reshape(x) + r = reshape(x + reshape(r)), where x ends a product: r rides on its store.
ValueId add_residual_before_reshape(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  static const OpRecord& add = *find_op("add");
  const TypeSpec out = graph.spec(node.outputs[0]);
  const auto ends_product = [&](ValueId x) {
    const GraphNode* by = graph.producer(x);
    if (is(by, "matmul")) return true;
    return is(by, "add") && (is(graph.producer(by->inputs[0]), "matmul") ||
                             is(graph.producer(by->inputs[1]), "matmul"));
  };
  for (size_t k : {0, 1}) {
    const GraphNode* inner = graph.producer(node.inputs[k]);
    if (!is(inner, "reshape") || !ends_product(inner->inputs[0])) continue;
    const ValueId x = inner->inputs[0], residual = node.inputs[1 - k];
    if (graph.spec(node.inputs[k]) != out || graph.spec(residual) != out) continue;
    const TypeSpec flat = graph.spec(x);
    const NodeId sum = graph.add_node(add, {x, reshaped(graph, residual, flat.shape, node.site)},
                                      {}, {flat}, node.site, node.region);
    return reshaped(graph, graph.nodes[sum].outputs[0], out.shape, node.site);
  }
  return kNone;
}

ValueId merge_reshape(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const Shape& shape = out_shape(graph, node);
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (graph.spec(node.inputs[0]).shape == shape) return node.inputs[0];
  if (!is(inner, "reshape")) return kNone;
  return reshaped(graph, inner->inputs[0], shape, node.site);
}

ValueId merge_transpose(Graph& graph, NodeId id) {
  static const OpRecord& transpose = *find_op("transpose");
  const GraphNode node = graph.nodes[id];
  const Ints& perm = node.attrs.ints("perm");
  const Shape& in = graph.spec(node.inputs[0]).shape;
  const auto axis = [&](size_t i) { return perm[i] < 0 ? perm[i] + in.rank() : perm[i]; };
  // Axes of one element may go anywhere: the bytes stay when the others keep their order.
  int64_t last = -1;
  bool moves = false;
  for (size_t i = 0; i < perm.size(); ++i) {
    if (in[static_cast<int>(axis(i))] == 1) continue;
    moves |= axis(i) < last;
    last = axis(i);
  }
  if (!moves) return reshaped(graph, node.inputs[0], out_shape(graph, node), node.site);
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (!is(inner, "transpose")) return kNone;
  const Ints& first = inner->attrs.ints("perm");
  Ints both;
  for (size_t i = 0; i < perm.size(); ++i) both.push_back(first[static_cast<size_t>(axis(i))]);
  const NodeId made = graph.add_node(transpose, {inner->inputs[0]}, {{"perm", both}},
                                     {graph.spec(node.outputs[0])}, node.site, node.region);
  return graph.nodes[made].outputs[0];
}

bool swaps_last_two(const Ints& perm) {
  const auto rank = static_cast<int64_t>(perm.size());
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t from = perm[static_cast<size_t>(i)], axis = from < 0 ? from + rank : from;
    if (axis != (i < rank - 2 ? i : 2 * rank - 3 - i)) return false;
  }
  return rank >= 2;
}

// A product reads a transposed operand as it lies. Blocks of the sum may be cut elsewhere then.
ValueId transpose_in_product(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const TypeSpec out = graph.spec(node.outputs[0]);
  std::vector<ValueId> inputs = node.inputs;
  bool flags[2];
  for (size_t k : {0, 1}) {
    flags[k] = node.attrs.flag(k == 0 ? "trans_a" : "trans_b", false);
    const TypeSpec& spec = graph.spec(inputs[k]);
    if (spec.shape.rank() < 2 || spec.dtype != out.dtype) return kNone;
    const GraphNode* by = graph.producer(inputs[k]);
    if (!is(by, "transpose") || !swaps_last_two(by->attrs.ints("perm"))) continue;
    inputs[k] = by->inputs[0];
    flags[k] = !flags[k];
  }
  if (inputs == node.inputs) return kNone;
  Attrs attrs = node.attrs;
  attrs.set("trans_a", flags[0]);
  attrs.set("trans_b", flags[1]);
  const NodeId made =
      graph.add_node(*node.op, std::move(inputs), attrs, {out}, node.site, node.region);
  return graph.nodes[made].outputs[0];
}

// Every value of `from` is one of `to`.
bool holds(DType to, DType from) {
  if (to == from) return true;
  if (from == DType::Bool) return true;
  if (to == DType::F64) return from != DType::I64 && from != DType::U64;
  if (to == DType::F32)
    return from == DType::F16 || from == DType::BF16 || from == DType::U8 || from == DType::I8 ||
           from == DType::U16 || from == DType::I16;
  if (is_integer(to) && is_integer(from) && size_of(to) > size_of(from))
    return is_unsigned(from) || !is_unsigned(to);
  return false;
}

ValueId merge_cast(Graph& graph, NodeId id) {
  static const OpRecord& cast = *find_op("cast");
  const GraphNode node = graph.nodes[id];
  const TypeSpec out = graph.spec(node.outputs[0]);
  if (graph.spec(node.inputs[0]) == out) return node.inputs[0];
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (!is(inner, "cast")) return kNone;
  const ValueId source = inner->inputs[0];
  if (!holds(graph.spec(node.inputs[0]).dtype, graph.spec(source).dtype)) return kNone;
  if (graph.spec(source).dtype == out.dtype) return source;
  const NodeId made =
      graph.add_node(cast, {source}, {{"dtype", out.dtype}}, {out}, node.site, node.region);
  return graph.nodes[made].outputs[0];
}

// Whether nodes of these ops alone read the value.
bool only_read_by(const Graph& graph, ValueId value, std::initializer_list<std::string_view> ops) {
  const std::vector<uint8_t> outside = graph.used_outside();
  if (outside[value]) return false;
  return std::all_of(graph.nodes.begin(), graph.nodes.end(), [&](const GraphNode& node) {
    return !node.alive() || std::count(ops.begin(), ops.end(), node.op->name) > 0 ||
           std::find(node.inputs.begin(), node.inputs.end(), value) == node.inputs.end();
  });
}

// Whole rows of looked-up rows are the rows of a slice of the indices.
ValueId slice_of_take(Graph& graph, NodeId id) {
  static const OpRecord &slice = *find_op("slice"), &take = *find_op("take");
  const GraphNode node = graph.nodes[id];
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (!is(inner, "take")) return kNone;
  const ValueId table = inner->inputs[0], indices = inner->inputs[1];
  const Attrs attrs = inner->attrs;  // adding nodes moves them
  const Shape &rows = graph.spec(node.inputs[0]).shape, &out = out_shape(graph, node);
  const int64_t axis = inner->attrs.integer("axis"), rank = graph.spec(table).shape.rank();
  if (axis != 0 && axis + rank != 0) return kNone;
  const int positions = graph.spec(indices).shape.rank();
  const Ints &starts = node.attrs.ints("starts"), &strides = node.attrs.ints("strides");
  for (int i = positions; i < rows.rank(); ++i)
    if (out[i] != rows[i] || strides[static_cast<size_t>(i)] != 1) return kNone;
  if (!only_read_by(graph, node.inputs[0], {"slice"})) return kNone;
  const auto first = [&](const Ints& all) { return Ints(all.begin(), all.begin() + positions); };
  const Ints sizes(out.begin(), out.begin() + positions);
  Shape shape;
  for (const int64_t size : sizes) shape.push_back(size);
  const NodeId part = graph.add_node(
      slice, {indices}, {{"starts", first(starts)}, {"sizes", sizes}, {"strides", first(strides)}},
      {{graph.spec(indices).dtype, shape}}, node.site, node.region);
  const NodeId made = graph.add_node(take, {table, graph.nodes[part].outputs[0]}, attrs,
                                     {graph.spec(node.outputs[0])}, node.site, node.region);
  return graph.nodes[made].outputs[0];
}

// The padding of a window of `size` that takes in the zeros around an image, made by `pad`; none
// where there are others, or whole windows of them.
std::optional<Ints> padding_with_zeros(const GraphNode* pad, Ints padding,
                                       std::span<const int64_t> size) {
  if (!is(pad, "pad")) return {};
  if (pad->attrs.has("mode") && pad->attrs.text("mode") != "constant") return {};
  if (pad->attrs.has("value") && pad->attrs.real("value") != 0) return {};
  const Ints& zeros = pad->attrs.ints("padding");
  if (zeros[0] + zeros[1] + zeros[zeros.size() - 2] + zeros.back() != 0) return {};
  for (size_t i = 0; i < padding.size(); ++i) {
    padding[i] += zeros[i + 2];  // of the spatial axes
    if (padding[i] >= size[i / 2]) return {};
  }
  return padding;
}

// The node reads what was padded, and so may all nodes of these ops.
ValueId without_zeros(Graph& graph, const GraphNode& node, const std::optional<Ints>& padding,
                      std::initializer_list<std::string_view> ops) {
  if (!padding || !only_read_by(graph, node.inputs[0], ops)) return kNone;
  Attrs attrs = node.attrs;
  attrs.set("padding", *padding);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = graph.producer(inputs[0])->inputs[0];
  const NodeId made = graph.add_node(*node.op, std::move(inputs), std::move(attrs),
                                     {graph.spec(node.outputs[0])}, node.site, node.region);
  return graph.nodes[made].outputs[0];
}

// Of a convolution and of its gradient to the filter.
ValueId zeros_as_padding(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  if (node.inputs[0] == node.inputs[1]) return kNone;
  const Shape& filter =
      is(&node, "conv") ? graph.spec(node.inputs[1]).shape : out_shape(graph, node);
  return without_zeros(
      graph, node,
      padding_with_zeros(graph.producer(node.inputs[0]), node.attrs.ints("padding"), filter.dims()),
      {"conv", "conv_grad_filter"});
}

// The gradient to an image without the zeros around it.
ValueId slice_of_data_gradient(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (!is(inner, "conv_grad_data") || !only_read_by(graph, node.inputs[0], {"slice"})) return kNone;
  const GraphNode gradient = *inner;
  const Shape &padded = graph.spec(node.inputs[0]).shape, &out = out_shape(graph, node);
  const Shape& filter = graph.spec(gradient.inputs[1]).shape;
  const Ints &starts = node.attrs.ints("starts"), &strides = node.attrs.ints("strides");
  if (std::count(strides.begin(), strides.end(), 1) != padded.rank()) return kNone;
  if (out[0] != padded[0] || out.at(-1) != padded.at(-1)) return kNone;
  Ints padding = gradient.attrs.ints("padding"), size;
  for (int axis = 1; axis + 1 < padded.rank(); ++axis) {
    const auto at = static_cast<size_t>(axis), low = 2 * at - 2;
    padding[low] += starts[at];
    padding[low + 1] += padded[axis] - starts[at] - out[axis];
    if (std::max(padding[low], padding[low + 1]) >= filter[axis - 1]) return kNone;
    size.push_back(out[axis]);
  }
  Attrs attrs = gradient.attrs;
  attrs.set("padding", padding).set("input_size", size);
  const NodeId made = graph.add_node(*gradient.op, gradient.inputs, std::move(attrs),
                                     {graph.spec(node.outputs[0])}, gradient.site, node.region);
  return graph.nodes[made].outputs[0];
}

// What relu leaves is at least the zeros around it, and each window meets some of it.
ValueId zeros_as_pool_padding(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const GraphNode* pad = graph.producer(node.inputs[0]);
  if (!pad || pad->inputs.empty() || !is(graph.producer(pad->inputs[0]), "relu")) return kNone;
  return without_zeros(
      graph, node,
      padding_with_zeros(pad, node.attrs.ints("padding"), node.attrs.ints("pool_size")),
      {"max_pool"});
}

// Whether the value is only read as the gradient that the relu which made `result` got.
bool only_through_relu(const Graph& graph, ValueId value, ValueId result) {
  const std::vector<ValueId> through{result, value};
  return only_read_by(graph, value, {"relu_grad"}) &&
         std::all_of(graph.nodes.begin(), graph.nodes.end(), [&](const GraphNode& node) {
           return !node.named("relu_grad") || node.inputs == through ||
                  std::count(node.inputs.begin(), node.inputs.end(), value) == 0;
         });
}

// The gradient to what relu left without the zeros around it. Where a window's maximum is zero the
// gradient may go to another zero now, but relu lets none of them pass.
ValueId slice_of_pool_gradient(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const GraphNode* inner = graph.producer(node.inputs[0]);
  if (!is(inner, "max_pool_grad") || !only_read_by(graph, node.inputs[0], {"slice"})) return kNone;
  const GraphNode gradient = *inner;
  const GraphNode* pad = graph.producer(gradient.inputs[0]);
  const auto padding =
      padding_with_zeros(pad, gradient.attrs.ints("padding"), gradient.attrs.ints("pool_size"));
  if (!padding || !is(graph.producer(pad->inputs[0]), "relu")) return kNone;
  const ValueId x = pad->inputs[0];
  const Ints &zeros = pad->attrs.ints("padding"), &starts = node.attrs.ints("starts");
  const Ints& strides = node.attrs.ints("strides");
  if (graph.spec(x) != graph.spec(node.outputs[0])) return kNone;
  for (size_t axis = 0; axis < starts.size(); ++axis)
    if (starts[axis] != zeros[2 * axis] || strides[axis] != 1) return kNone;
  if (!only_through_relu(graph, node.outputs[0], x)) return kNone;
  Attrs attrs = gradient.attrs;
  attrs.set("padding", *padding);
  const NodeId made = graph.add_node(*gradient.op, {x, gradient.inputs[1]}, std::move(attrs),
                                     {graph.spec(x)}, gradient.site, node.region);
  return graph.nodes[made].outputs[0];
}

ValueId same_shape(Graph& graph, NodeId id) {
  const GraphNode& node = graph.nodes[id];
  return graph.spec(node.inputs[0]) == graph.spec(node.outputs[0]) ? node.inputs[0] : kNone;
}

// Reducing axes of one element only changes the shape.
ValueId reduce_nothing(Graph& graph, NodeId id) {
  const GraphNode& node = graph.nodes[id];
  const TypeSpec in = graph.spec(node.inputs[0]), out = graph.spec(node.outputs[0]);
  if (in.dtype != out.dtype || in.size() != out.size() || in.size() == 0) return kNone;
  return reshaped(graph, node.inputs[0], out.shape, node.site);
}

// relu(x) > 0 exactly where x > 0, so the gradient may look at the result, which a fused product
// stores anyway.
ValueId relu_grad_of_result(Graph& graph, NodeId id) {
  static const OpRecord& relu_grad = *find_op("relu_grad");
  const GraphNode node = graph.nodes[id];
  if (is(graph.producer(node.inputs[0]), "relu")) return kNone;
  for (NodeId other = 0; other < id; ++other) {
    if (!graph.nodes[other].alive() || !is(&graph.nodes[other], "relu")) continue;
    if (graph.nodes[other].inputs[0] != node.inputs[0]) continue;
    if (graph.nodes[other].region != node.region) continue;
    const NodeId made = graph.add_node(relu_grad, {graph.nodes[other].outputs[0], node.inputs[1]},
                                       {}, {graph.spec(node.outputs[0])}, node.site, node.region);
    return graph.nodes[made].outputs[0];
  }
  return kNone;
}

// Inference of batch normalization is x * s + t with one s and t per channel, which then fuses with
// what follows. Other roundings than the kernel's ((x - mean) * inv) * gamma + beta.
ValueId batch_norm_as_affine(Graph& graph, NodeId id) {
  const GraphNode node = graph.nodes[id];
  const TypeSpec x = graph.spec(node.inputs[0]), row = graph.spec(node.inputs[1]);
  if (x.dtype != DType::F32 || row.dtype != DType::F32) return kNone;
  const auto make = [&](const char* op, std::vector<ValueId> inputs, const TypeSpec& type) {
    const NodeId made = graph.add_node(*find_op(op), std::move(inputs), {}, {type}, node.site);
    return graph.nodes[made].outputs[0];
  };
  const ValueId epsilon =
      graph.add_constant(Tensor::full(DType::F32, {}, node.attrs.real("epsilon")));
  const ValueId mean = node.inputs[1], variance = node.inputs[2];
  const ValueId inverse = make("rsqrt", {make("add", {variance, epsilon}, row)}, row);
  const ValueId scale = make("multiply", {inverse, node.inputs[3]}, row);
  const ValueId shift =
      make("subtract", {node.inputs[4], make("multiply", {mean, scale}, row)}, row);
  return make("add", {make("multiply", {node.inputs[0], scale}, x), shift}, x);
}

constexpr bool kExact = true, kRounding = false;

constexpr Rule kRules[] = {
    {"multiply", "x * 1 = x", kExact, multiply_by_one},
    {"divide", "x / 1 = x", kExact, divide_by_one},
    {"subtract", "x - 0 = x", kExact, subtract_zero},
    {"add", "x + 0 = x", kRounding, add_zero},
    {"add", "a + (-b) = a - b", kExact, add_negative},
    {"add", "a row is added before a reshape", kExact, add_row_before_reshape},
    {"add", "a residual is added before a reshape", kExact, add_residual_before_reshape},
    {"negative", "-(-x) = x", kExact, double_negative},
    {"reshape", "reshape of reshape", kExact, merge_reshape},
    {"transpose", "transpose of transpose, or of axes of one element", kExact, merge_transpose},
    {"matmul", "transposes are read as they lie", kRounding, transpose_in_product},
    {"cast", "cast of a cast that loses nothing", kExact, merge_cast},
    {"slice", "slice of the rows of a lookup", kExact, slice_of_take},
    {"conv", "zeros around the image are padding", kRounding, zeros_as_padding},
    {"conv_grad_filter", "zeros around the image are padding", kRounding, zeros_as_padding},
    {"slice", "gradient to an image without its zeros", kRounding, slice_of_data_gradient},
    {"max_pool", "zeros around what relu leaves are padding", kRounding, zeros_as_pool_padding},
    {"slice", "gradient of a pooling to what relu left", kRounding, slice_of_pool_gradient},
    {"broadcast_to", "broadcast to the same shape", kExact, same_shape},
    {"sum", "sum over axes of one element", kExact, reduce_nothing},
    {"mean", "mean over axes of one element", kExact, reduce_nothing},
    {"max", "max over axes of one element", kExact, reduce_nothing},
    {"min", "min over axes of one element", kExact, reduce_nothing},
    {"batch_norm_infer", "one multiply and add per element", kRounding, batch_norm_as_affine},
    {"relu_grad", "gradient of relu from its result", kExact, relu_grad_of_result},
};

}  // namespace

ValueId reshaped(Graph& graph, ValueId x, const Shape& shape, Site site) {
  if (graph.spec(x).shape == shape) return x;
  static const OpRecord& reshape = *find_op("reshape");
  const NodeId id = graph.add_node(reshape, {x}, {{"shape", dims_of(shape)}},
                                   {{graph.spec(x).dtype, shape}}, site);
  return graph.nodes[id].outputs[0];
}

std::optional<double> splat_value(const Graph& graph, ValueId value) {
  for (;;) {
    if (graph.constant(value)) return scalar_of(graph.constant(value));
    const GraphNode* node = graph.producer(value);
    if (is(node, "full")) return node->attrs.real("value");
    if (!is(node, "broadcast_to") && !is(node, "reshape")) return {};
    value = node->inputs[0];
  }
}

std::vector<const Rule*> rules_for(std::string_view op) {
  std::vector<const Rule*> found;
  for (const Rule& rule : kRules)
    if (op == rule.op) found.push_back(&rule);
  return found;
}

}  // namespace ranvier::compiler
