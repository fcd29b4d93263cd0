#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "compiler/passes/pointwise.h"
#include "compiler/passes/rules.h"
#include "compiler/passes/sparse_rows.h"
#include "kernels/cpu/pointwise/rows.h"

namespace ranvier::compiler {
namespace {

using kernels::PwValue;

Shape squeezed(const Shape& shape) {
  Shape result;
  for (int64_t dim : shape)
    if (dim != 1) result.push_back(dim);
  return result;
}

// `shape`, aligned to the right of `target` and cut down to the axes of target that are not one.
Shape operand_in_space(const Shape& shape, const Shape& target) {
  Shape result;
  const int missing = target.rank() - shape.rank();
  for (int axis = 0; axis < target.rank(); ++axis)
    if (target[axis] != 1) result.push_back(axis < missing ? 1 : shape[axis - missing]);
  return result;
}

std::vector<int> axes_in_space(const Attrs& attrs, const Shape& shape) {
  std::vector<uint8_t> reduced(static_cast<size_t>(shape.rank()), !attrs.has("axes"));
  if (attrs.has("axes"))
    for (int64_t axis : attrs.ints("axes"))
      reduced[static_cast<size_t>(axis < 0 ? axis + shape.rank() : axis)] = 1;
  std::vector<int> axes;
  int position = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    if (reduced[static_cast<size_t>(axis)]) axes.push_back(position);
    ++position;
  }
  return axes;
}

bool contiguous(const std::vector<int>& axes) {
  return !axes.empty() && axes.back() - axes.front() + 1 == static_cast<int>(axes.size());
}

}  // namespace

kernels::ReduceOp reduce_op_of(const GraphNode& node) {
  using kernels::ReduceOp;
  const std::string_view name = node.op->name;
  if (name == "mean") return ReduceOp::Mean;
  if (name == "max") return ReduceOp::Max;
  if (name == "min") return ReduceOp::Min;
  return ReduceOp::Sum;
}

Member member_of(const Graph& graph, const GraphNode& node) {
  if (!node.alive() || node.outputs.size() != 1 || node.inputs.empty()) return {};
  const TypeSpec& out = graph.spec(node.outputs[0]);
  const TypeSpec& in = graph.spec(node.inputs[0]);
  if (out.size() == 0 || in.size() == 0) return {};
  const std::string_view name = node.op->name;
  if (node.op->traits.pointwise)
    return {node.op->micro_op == kernels::PwOp::Cast ? MemberKind::Cast : MemberKind::Op,
            squeezed(out.shape),
            {}};
  if (name == "broadcast_to") return {MemberKind::Broadcast, squeezed(out.shape), {}};
  if (node.op->traits.alias) {
    if (squeezed(in.shape) != squeezed(out.shape)) return {};
    return {MemberKind::Rename, squeezed(out.shape), {}};
  }
  if (name == "sum" || name == "mean" || name == "max" || name == "min") {
    if (in.dtype != out.dtype || (in.dtype != DType::F32 && in.dtype != DType::F64)) return {};
    std::vector<int> axes = axes_in_space(node.attrs, in.shape);
    if (!contiguous(axes)) return {};
    return {MemberKind::Reduce, squeezed(in.shape), std::move(axes)};
  }
  return {};
}

std::optional<double> immediate_of(const Graph& graph, ValueId value) {
  const auto splat = splat_value(graph, value);
  constexpr double kExactIntegers = 9007199254740992.0;
  if (!splat || (!is_floating(graph.spec(value).dtype) && std::abs(*splat) > kExactIntegers))
    return {};
  return splat;
}

std::string PointwisePayload::str() const { return kernels::to_string(program); }

std::string ListPayload::str() const {
  std::ostringstream out;
  out << "sizes";
  for (int64_t size : list.sizes) out << ' ' << size;
  out << '\n' << kernels::to_string(list.program);
  return out.str();
}

namespace {

const AttrPayload& fused(const PrepareArgs& args) { return *args.attrs.payload("fused"); }

// Keeps the payload alive as long as the step.
template <class T>
std::shared_ptr<const void> hold(const PrepareArgs& args, const T* object) {
  auto owner = std::make_shared<Payload>(args.attrs.payload("fused"));
  return std::shared_ptr<const void>(owner, object);
}

void run_program(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::run_pointwise(context, *static_cast<const kernels::PointwiseProgram*>(params), slots.in,
                         slots.out, slots.shared, slots.worker, slots.worker_stride);
}

Kernel prepare_program(const PrepareArgs& args) {
  const auto& payload = static_cast<const PointwisePayload&>(fused(args));
  return {run_program, hold(args, &payload.program), payload.program.scratch, payload.program.cost,
          "pointwise"};
}

void run_list(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::run_pointwise_list(context, *static_cast<const kernels::PointwiseList*>(params),
                              slots.in, slots.out, slots.shared, slots.worker, slots.worker_stride);
}

Kernel prepare_list(const PrepareArgs& args) {
  const auto& payload = static_cast<const ListPayload&>(fused(args));
  return {run_list, hold(args, &payload.list), payload.list.scratch, payload.list.cost, "list"};
}

// Writes one cluster as a program.
class Emitter {
 public:
  Emitter(Graph& graph, const std::vector<NodeId>& members, const Lookups& lookups)
      : graph_(graph),
        members_(members),
        lookups_(lookups),
        space_(member_of(graph, graph.nodes[members[0]]).space),
        builder_(space_) {
    for (NodeId id : members_) inside_[id] = true;
    form_ << (space_.rank() == 0 ? "scalar;" : "dense;");
  }

  bool run() {
    for (NodeId id : members_) add_member(graph_.nodes[id], member_of(graph_, graph_.nodes[id]));
    if (builder_.input_count() > kernels::kMaxInputs ||
        builder_.instruction_count() > kernels::kMaxInstructions)
      return false;
    find_outputs();
    if (slots() > kernels::kMaxSlots) return false;
    replace();
    return true;
  }

 private:
  int slots() const {
    return builder_.input_count() + constants_ + builder_.instruction_count() +
           static_cast<int>(outputs_.size() + reduced_.size());
  }

  PwValue operand(ValueId value, const Shape& target) {
    const auto made = made_.find(value);
    if (made != made_.end()) {
      form_ << '%' << made->second.id << ';';
      return made->second;
    }
    const DType dtype = graph_.spec(value).dtype;
    if (const auto number = immediate_of(graph_, value)) {
      form_ << "const " << name_of(dtype) << ' ' << std::hexfloat << *number << ';';
      ++constants_;
      return is_floating(dtype) ? builder_.constant(*number, dtype)
                                : builder_.constant_int(static_cast<int64_t>(*number), dtype);
    }
    const Shape shape = operand_in_space(graph_.spec(value).shape, target);
    if (const GraphNode* rows = rows_view_of(graph_, value); rows && shape == space_)
      return rows_operand(value, *rows);
    const auto key = std::make_pair(value, shape.str());
    const auto known = loaded_.find(key);
    if (known != loaded_.end()) {
      form_ << "again " << known->second.id << ';';
      return known->second;
    }
    const bool full = shape == space_, scalar = shape.size() == 1;
    const auto lookup = lookups_.of(graph_, value);
    if (lookup && rows_fit(*lookup, shape)) return loaded_[key] = lookup_operand(*lookup, shape);
    dense_ &= full || scalar;
    form_ << (full && !scalar ? "full " : "one ") << name_of(dtype) << ';';
    const PwValue loaded = builder_.input(dtype, scalar ? Shape{} : shape);
    add_input(value, loaded, full);
    return loaded_[key] = loaded;
  }

  void add_input(ValueId value, PwValue loaded, bool full, std::vector<ValueId> extra = {}) {
    inputs_.push_back(value);
    full_.push_back(full);
    loaded_ids_.push_back(loaded.id);
    extra_inputs_.insert(extra_inputs_.end(), extra.begin(), extra.end());
  }

  // Whether the last axes of the operand are whole rows, walked as they lie in the table.
  bool rows_fit(const Lookup& lookup, const Shape& shape) const {
    int64_t elements = 1;
    for (int axis = space_.rank() - 1; axis >= 0 && elements < lookup.row; --axis) {
      if (shape[axis] != space_[axis]) return false;
      elements *= shape[axis];
    }
    return elements == lookup.row;
  }

  PwValue lookup_operand(const Lookup& lookup, const Shape& shape) {
    const TypeSpec& table = graph_.spec(lookup.table);
    const PwValue loaded = builder_.input_lookup(table.dtype, shape, lookup.row, table.shape[0],
                                                 graph_.spec(lookup.indices).dtype, lookup.outside);
    add_input(lookup.table, loaded, false, {lookup.indices});
    dense_ = false;
    return loaded;
  }

  // The gradient of a table is read through its chains instead of being written out.
  PwValue rows_operand(ValueId value, const GraphNode& rows) {
    const auto key = std::make_pair(value, std::string("rows"));
    const auto known = loaded_.find(key);
    if (known != loaded_.end()) return known->second;
    const RowsOperand operand = rows_operand_of(graph_, rows);
    const ValueId head = operand.chain[0];
    auto chain = std::find(chains_.begin(), chains_.end(), head);
    if (chain == chains_.end()) {
      chains_.push_back(head);
      chain_inputs_.insert(chain_inputs_.end(), operand.chain.begin(), operand.chain.end());
      chain = chains_.end() - 1;
    }
    const PwValue loaded = builder_.input_rows(graph_.spec(value).dtype, operand.row, operand.parts,
                                               static_cast<int>(chain - chains_.begin()));
    add_input(operand.values, loaded, false, operand.extra);
    dense_ = false;
    return loaded_[key] = loaded;
  }

  void add_member(const GraphNode& node, const Member& member) {
    const Shape& in_shape = graph_.spec(node.inputs[0]).shape;
    const Shape& out_shape = graph_.spec(node.outputs[0]).shape;
    form_ << node.op->name << ':';
    switch (member.kind) {
      case MemberKind::Op: {
        std::vector<PwValue> operands;
        for (ValueId value : node.inputs) operands.push_back(operand(value, out_shape));
        made_[node.outputs[0]] = builder_.op(node.op->micro_op, operands);
        break;
      }
      case MemberKind::Cast:
        made_[node.outputs[0]] =
            builder_.cast(operand(node.inputs[0], out_shape), graph_.spec(node.outputs[0]).dtype);
        form_ << name_of(graph_.spec(node.outputs[0]).dtype);
        break;
      case MemberKind::Broadcast:
        made_[node.outputs[0]] = operand(node.inputs[0], out_shape);
        break;
      case MemberKind::Rename:
        made_[node.outputs[0]] = operand(node.inputs[0], in_shape);
        break;
      case MemberKind::Reduce: {
        const PwValue value = operand(node.inputs[0], in_shape);
        builder_.reduce(reduce_op_of(node), value, member.axes, graph_.spec(node.outputs[0]).dtype);
        reduced_.push_back(node.outputs[0]);
        closing_.insert(value.id);
        dense_ = false;
        break;
      }
      case MemberKind::None:
        RV_CHECK(false);
    }
    form_ << ';';
  }

  // Values that somebody outside the cluster reads.
  void find_outputs() {
    const std::vector<uint8_t> outside = graph_.used_outside();
    std::vector<uint8_t> used(graph_.values.size(), 0);
    for (NodeId id = 0; id < graph_.nodes.size(); ++id)
      if (graph_.nodes[id].alive() && !inside_.contains(id))
        for (ValueId value : graph_.nodes[id].inputs) used[value] = 1;
    for (NodeId id : members_) {
      const ValueId value = graph_.nodes[id].outputs[0];
      if (!made_.contains(value) || !(used[value] || outside[value])) continue;
      builder_.output(made_.at(value));
      closing_.insert(made_.at(value).id);
      form_ << "out " << made_.at(value).id << ';';
      outputs_.push_back(value);
    }
  }

  void replace() {
    auto payload = make_ref<PointwisePayload>();
    payload->program = builder_.build();
    if (dense_) payload->form = form_.str();
    std::vector<ValueId> results = outputs_;
    results.insert(results.end(), reduced_.begin(), reduced_.end());
    // An operand that is itself stored or reduced is read after results are stored: it keeps its
    // memory to itself.
    for (uint32_t in = 0; in < inputs_.size(); ++in) {
      if (!full_[in] || closing_.contains(loaded_ids_[in])) continue;
      for (uint32_t out = 0; out < outputs_.size(); ++out)
        if (size_of(graph_.spec(inputs_[in]).dtype) == size_of(graph_.spec(outputs_[out]).dtype))
          payload->pairs.push_back({in, out});
    }
    if (!chains_.empty() && reduced_.empty()) {
      std::vector<uint32_t> same_as = same_where_rows_are_zero(graph_, members_, inputs_, outputs_);
      if (!same_as.empty()) kernels::restrict_to_touched(payload->program, std::move(same_as));
    }
    inputs_.insert(inputs_.end(), chain_inputs_.begin(), chain_inputs_.end());
    inputs_.insert(inputs_.end(), extra_inputs_.begin(), extra_inputs_.end());
    const std::vector<NodeId> last_first(members_.rbegin(), members_.rend());
    replace_by_fused(graph_, last_first, pointwise_record(), inputs_, *payload, results);
  }

  Graph& graph_;
  const std::vector<NodeId>& members_;
  const Lookups& lookups_;
  const Shape space_;
  kernels::ProgramBuilder builder_;
  std::map<NodeId, bool> inside_;
  std::map<ValueId, PwValue> made_;
  std::map<std::pair<ValueId, std::string>, PwValue> loaded_;
  std::vector<ValueId> inputs_, outputs_, reduced_;
  std::vector<uint8_t> full_;
  std::vector<int> loaded_ids_;                 // of inputs_
  std::vector<ValueId> chains_, chain_inputs_;  // heads; head, next, touched of each
  std::vector<ValueId> extra_inputs_;           // of inputs_, in their order
  std::set<int> closing_;  // values that are stored or reduced after the body of a tile
  bool dense_ = true;
  int constants_ = 0;
  std::ostringstream form_;
};

}  // namespace

const OpRecord& pointwise_record() {
  static const OpRecord record{"pointwise", infer_fused, nullptr, {prepare_program, nullptr}};
  return record;
}

const OpRecord& pointwise_list_record() {
  static const OpRecord record{"pointwise_list", infer_fused, nullptr, {prepare_list, nullptr}};
  return record;
}

bool emit_cluster(Graph& graph, const std::vector<NodeId>& members, const Lookups& lookups) {
  return Emitter(graph, members, lookups).run();
}

}  // namespace ranvier::compiler
