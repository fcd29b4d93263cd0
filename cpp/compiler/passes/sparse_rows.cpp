#include "compiler/passes/sparse_rows.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/error.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/pointwise.h"
#include "compiler/passes/row_parts.h"
#include "kernels/cpu/data/group_rows.h"
#include "kernels/cpu/pointwise/rows.h"

namespace ranvier::compiler {
namespace {

using kernels::PwOp;

// A smaller table stays in cache, and its updates share steps with other small variables.
constexpr size_t kSmallTable = 64 << 10;

// --- the internal ops ---

Specs infer_group_rows(const InferArgs& args) {
  int64_t count = 0;
  for (const TypeSpec& indices : args.inputs) count += indices.size();
  return {
      {DType::I32, {args.attrs.integer("size")}}, {DType::I32, {count}}, {DType::I32, {count + 1}}};
}

void run_group(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::run_group_rows(context, *static_cast<const kernels::GroupRows*>(params), slots.in,
                          static_cast<int32_t*>(slots.out[0]), static_cast<int32_t*>(slots.out[1]),
                          static_cast<int32_t*>(slots.out[2]));
}

Kernel prepare_group(const PrepareArgs& args) {
  kernels::GroupRows params{args.inputs[0].dtype, {}, args.outputs[0].size()};
  auto bytes = static_cast<double>(args.outputs[0].bytes() + args.outputs[1].bytes());
  for (const TypeSpec& indices : args.inputs) {
    params.counts.push_back(indices.size());
    bytes += static_cast<double>(2 * indices.bytes());
  }
  return {run_group,
          std::make_shared<const kernels::GroupRows>(std::move(params)),
          {},
          {0, bytes},
          "chains"};
}

// Three numbers of each part: count, repeat, whether it has scales.
std::vector<kernels::PwRowPart> parts_of(const Attrs& attrs) {
  const Ints& numbers = attrs.ints("parts");
  std::vector<kernels::PwRowPart> parts;
  for (size_t k = 0; k < numbers.size(); k += 3)
    parts.push_back({numbers[k], numbers[k + 1], numbers[k + 2] != 0});
  return parts;
}

Specs infer_rows_view(const InferArgs& args) {
  Shape shape = args.inputs[args.inputs.size() - 3].shape;
  const auto dims = args.attrs.ints("row");
  for (const int64_t dim : dims) shape.push_back(dim);
  return {{args.inputs[0].dtype, shape}};
}

struct ViewParams {
  std::vector<kernels::PwRowPart> parts;
  Isa isa;
  DType dtype;
  int64_t size, row;
  size_t chain;  // of the inputs: where head, next and touched begin
};

void run_view(const Context& context, const Slots& slots, const void* params) noexcept {
  const auto& p = *static_cast<const ViewParams*>(params);
  const kernels::RowChain chain(
      p.parts, p.row, p.dtype, p.isa, static_cast<const int32_t*>(slots.in[p.chain]),
      static_cast<const int32_t*>(slots.in[p.chain + 1]), slots.in[0], slots.in + 1);
  const auto element = static_cast<int64_t>(size_of(p.dtype));
  constexpr int64_t kElements = 32768;  // of one chunk
  const int64_t grain = std::max<int64_t>(1, kElements / p.row);
  context.parallel_for(p.size, grain, [&](int64_t begin, int64_t end, int) {
    chain.load(begin * p.row, (end - begin) * p.row,
               static_cast<std::byte*>(slots.out[0]) + begin * p.row * element);
  });
}

Kernel prepare_view(const PrepareArgs& args) {
  const TypeSpec& out = args.outputs[0];
  const ViewParams params{parts_of(args.attrs),      active_isa(),          out.dtype, out.shape[0],
                          out.size() / out.shape[0], args.inputs.size() - 3};
  auto bytes = static_cast<double>(out.bytes());
  for (size_t k = 0; k < params.chain; ++k) bytes += static_cast<double>(args.inputs[k].bytes());
  return {run_view, std::make_shared<const ViewParams>(params), {}, {0, bytes}, "dense"};
}

// --- the rewrite ---

bool is_table_gradient(const Graph& graph, const GraphNode& node) {
  if (!node.alive() || std::string_view(node.op->name) != "rows_grad") return false;
  const TypeSpec &out = graph.spec(node.outputs[0]), &indices = graph.spec(node.inputs[1]);
  const int64_t axis = node.attrs.integer("axis");
  if (axis != 0 && axis + out.shape.rank() != 0) return false;
  if (out.dtype != DType::F32 && out.dtype != DType::F64) return false;
  constexpr int64_t kMostPositions = INT32_MAX;
  return out.bytes() >= kSmallTable && indices.size() > 0 && indices.size() <= out.shape[0] &&
         out.shape[0] < kMostPositions;
}

bool read_by_cluster(const Graph& graph, const std::vector<NodeId>& readers) {
  return std::any_of(readers.begin(), readers.end(), [&](NodeId id) {
    const MemberKind kind = member_of(graph, graph.nodes[id]).kind;
    return kind != MemberKind::None && kind != MemberKind::Rename;
  });
}

}  // namespace

const OpRecord& group_rows_record() {
  static const OpRecord record{"group_rows", infer_group_rows, nullptr, {prepare_group, nullptr}};
  return record;
}

const OpRecord& rows_view_record() {
  static const OpRecord record{"rows_view", infer_rows_view, nullptr, {prepare_view, nullptr}};
  return record;
}

const GraphNode* rows_view_of(const Graph& graph, ValueId value) {
  const GraphNode* node = graph.producer(value);
  return node && node->op == &rows_view_record() ? node : nullptr;
}

RowsOperand rows_operand_of(const Graph& graph, const GraphNode& rows_view) {
  const TypeSpec& out = graph.spec(rows_view.outputs[0]);
  const auto chain = rows_view.inputs.end() - 3;
  return {out.size() / out.shape[0],
          parts_of(rows_view.attrs),
          rows_view.inputs[0],
          {rows_view.inputs.begin() + 1, chain},
          {chain, rows_view.inputs.end()}};
}

namespace {

// head, next and touched of the parts' indices; the node that stands there already for the same.
NodeId chain_of(Graph& graph, const std::vector<RowPart>& parts, int64_t size, Site site) {
  std::vector<ValueId> lists;
  Specs types;
  for (const RowPart& part : parts) {
    lists.push_back(part.indices);
    types.push_back(graph.spec(part.indices));
  }
  Attrs attrs{{"size", size}};
  for (NodeId id = 0; id < graph.nodes.size(); ++id)
    if (graph.nodes[id].op == &group_rows_record() && graph.nodes[id].inputs == lists &&
        graph.nodes[id].attrs == attrs)
      return id;
  const Specs specs = infer_group_rows({group_rows_record(), types, attrs});
  return graph.add_node(group_rows_record(), lists, std::move(attrs), specs, site);
}

}  // namespace

void group_row_gradients(Graph& graph, bool exact) {
  const auto readers = graph.readers();
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode node = graph.nodes[id];
    if (!is_table_gradient(graph, node) || !read_by_cluster(graph, readers[node.outputs[0]]))
      continue;
    const TypeSpec out = graph.spec(node.outputs[0]);
    const std::vector<RowPart> parts = row_parts_of(graph, id, exact);
    std::vector<ValueId> inputs;
    Ints numbers;
    for (const RowPart& part : parts) {
      inputs.push_back(part.values);
      if (part.scale != kNone) inputs.push_back(part.scale);
      numbers.insert(numbers.end(), {part.count, part.repeat, part.scale != kNone});
    }
    const NodeId chain = chain_of(graph, parts, out.shape[0], node.site);
    for (ValueId part : graph.nodes[chain].outputs) inputs.push_back(part);
    const Ints row(out.shape.begin() + 1, out.shape.end());
    const NodeId view = graph.add_node(rows_view_record(), inputs,
                                       {{"row", row}, {"parts", numbers}}, {out}, node.site);
    graph.replace(node.outputs[0], graph.nodes[view].outputs[0]);
    graph.nodes[id].op = nullptr;
  }
  graph.sort_nodes();
}

// --- what untouched rows keep ---

namespace {

// What a value is in elements where every rows_view is zero.
struct Kept {
  enum class Kind : uint8_t { Zero, Operand, Other } kind = Kind::Other;
  ValueId operand = kNone;
};

class Keeper {
 public:
  explicit Keeper(const Graph& graph) : graph_(graph) {}

  Kept of(ValueId value) const {
    const auto known = values_.find(value);
    if (known != values_.end()) return known->second;
    if (rows_view_of(graph_, value)) return {Kept::Kind::Zero, kNone};
    const auto number = immediate_of(graph_, value);
    if (number && *number == 0) return {Kept::Kind::Zero, kNone};
    return {Kept::Kind::Operand, value};
  }

  void add(const GraphNode& node, MemberKind kind) {
    Kept result;
    if (kind == MemberKind::Op)
      result = of_op(node);
    else if (kind == MemberKind::Rename || zero(node.inputs[0]))
      result = of(node.inputs[0]);  // casts and broadcasts of zero are zero
    values_[node.outputs[0]] = result;
  }

 private:
  bool zero(ValueId value) const { return of(value).kind == Kept::Kind::Zero; }

  Kept of_op(const GraphNode& node) const {
    const Kept none, nothing{Kept::Kind::Zero, kNone};
    const std::vector<ValueId>& in = node.inputs;
    switch (node.op->micro_op) {
      case PwOp::Add:
        return zero(in[1]) ? of(in[0]) : zero(in[0]) ? of(in[1]) : none;
      case PwOp::Sub:
        return zero(in[1]) ? of(in[0]) : none;
      case PwOp::Mul:
        return zero(in[0]) || zero(in[1]) ? nothing : none;
      case PwOp::Div:
      case PwOp::Neg:
      case PwOp::Abs:
      case PwOp::Sign:
      case PwOp::Square:
      case PwOp::Sqrt:
        return zero(in[0]) ? nothing : none;
      case PwOp::Min:
      case PwOp::Max:
        return bounded(node.op->micro_op, in) ? nothing : none;
      case PwOp::Clip: {
        const auto low = immediate_of(graph_, in[1]), high = immediate_of(graph_, in[2]);
        return zero(in[0]) && low && high && *low <= 0 && *high >= 0 ? nothing : none;
      }
      default:
        return none;
    }
  }

  // min(0, c) with c >= 0, max(0, c) with c <= 0
  bool bounded(PwOp op, const std::vector<ValueId>& in) const {
    for (size_t k : {0, 1}) {
      const auto bound = immediate_of(graph_, in[1 - k]);
      if (zero(in[k]) && bound && (op == PwOp::Min ? *bound >= 0 : *bound <= 0)) return true;
    }
    return false;
  }

  const Graph& graph_;
  std::map<ValueId, Kept> values_;
};

}  // namespace

std::vector<uint32_t> same_where_rows_are_zero(const Graph& graph,
                                               const std::vector<NodeId>& members,
                                               const std::vector<ValueId>& inputs,
                                               const std::vector<ValueId>& outputs) {
  Keeper keeper(graph);
  for (NodeId id : members) keeper.add(graph.nodes[id], member_of(graph, graph.nodes[id]).kind);
  std::vector<uint32_t> same_as;
  for (ValueId output : outputs) {
    const Kept kept = keeper.of(output);
    if (kept.kind != Kept::Kind::Operand || graph.spec(kept.operand) != graph.spec(output))
      return {};
    const auto input = std::find(inputs.begin(), inputs.end(), kept.operand);
    if (input == inputs.end()) return {};
    same_as.push_back(static_cast<uint32_t>(input - inputs.begin()));
  }
  return same_as;
}

}  // namespace ranvier::compiler
