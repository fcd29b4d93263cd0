#include "kernels/cpu/pointwise/planner.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/pointwise/rich_rules.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
namespace {

constexpr int64_t kMaxPeriod = 2 * kTile;  // longest bias that is kept repeated in scratch
constexpr int kEnd = INT16_MAX;            // "read after the last instruction"

}  // namespace

ReduceExtent reduce_extent(const Shape& shape, std::span<const int> axes) {
  std::array<bool, kMaxRank> reduced{};
  for (int axis : axes) reduced[axis] = true;
  ReduceExtent extent{true, 1, 1, 1};
  int stage = 0;  // 0: before the run, 1: inside, 2: after
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    if (reduced[i]) {
      if (stage == 2) extent.contiguous = false;
      stage = 1;
      extent.reduce *= shape[i];
    } else {
      if (stage == 1) stage = 2;
      (stage == 0 ? extent.outer : extent.inner) *= shape[i];
    }
  }
  return extent;
}

ProgramPlanner::ProgramPlanner(const ProgramBuilder& builder, Isa isa,
                               ProgramBuilder::Options options)
    : options_(options),
      nodes_(builder.nodes_),
      outputs_(builder.outputs_),
      reductions_(builder.reductions_),
      axes_(builder.axes_) {
  program_.isa = isa;
  program_.repeat = pw_kernels(isa).repeat;
  program_.fill = pw_kernels(isa).fill;
  program_.stream = pw_kernels(isa).stream;
  program_.shape = builder.shape_;
  program_.size = builder.shape_.size();
  if (options.merge_rich) absorb_squares();
  materialize_ends();
  find_scalars();
  if (options.merge_rich) merge_rich(nodes_, pinned_, scalar_);
}

PointwiseProgram ProgramPlanner::plan() {
  collapse_space();
  place_inputs();
  place_constants();
  emit_instructions();
  place_outputs();
  place_reductions(axes_);
  if (options_.merge_rich) join_instructions(program_);
  cut_work();
  book_scratch();
  return std::move(program_);
}

// A sum of squares squares what it adds: no tile of squares is written to be read once. An operand
// keeps its square where a result is stored, which may be in the operand's memory.
void ProgramPlanner::absorb_squares() {
  std::vector<int> uses(nodes_.size(), 0);
  for (const Node& node : nodes_)
    for (int s : node.src) ++uses[s];
  for (int id : outputs_) ++uses[id];
  for (const auto& closing : reductions_) ++uses[closing.node];
  for (auto& closing : reductions_) {
    const Node& node = nodes_[closing.node];
    const bool sum = closing.op == ReduceOp::Sum || closing.op == ReduceOp::Mean;
    const bool floating = node.type == RegType::F32 || node.type == RegType::F64;
    const bool square = node.kind == Node::Kind::Op && node.op == PwOp::Square;
    if (!sum || !floating || !square || uses[closing.node] > 1) continue;
    if (nodes_[node.src[0]].kind == Node::Kind::Input && !outputs_.empty()) continue;
    closing.node = node.src[0];
    closing.squares = true;
  }
}

// Every output gets an instruction and a register of its own, and every reduced value a whole tile,
// so that neither reads memory that another output may have overwritten.
void ProgramPlanner::materialize_ends() {
  pinned_.assign(nodes_.size(), false);
  const auto copy_of = [this](int id) {
    const Node from = nodes_[id];
    nodes_.push_back({Node::Kind::Op, from.dtype, from.type, PwOp::Copy, from.type, {id}});
    pinned_.push_back(true);
    return static_cast<int>(nodes_.size()) - 1;
  };
  for (int& id : outputs_) {
    if (nodes_[id].kind != Node::Kind::Op || pinned_[id]) id = copy_of(id);
    pinned_[id] = true;
  }
  for (auto& closing : reductions_) {
    const Node& node = nodes_[closing.node];
    bool whole = node.kind != Node::Kind::Constant;
    for (int axis = 0; node.kind == Node::Kind::Input && axis < program_.shape.rank(); ++axis)
      whole &= node.strides[axis] != 0 || program_.shape[axis] == 1;
    if (!whole) closing.node = copy_of(closing.node);
    pinned_[closing.node] = true;
  }
}

// One value for the whole space: constants, operands without a stride, what follows from them. An
// output or reduced value of a larger space is a tile even if all its elements are equal.
void ProgramPlanner::find_scalars() {
  const bool one = program_.size == 1;
  scalar_.assign(nodes_.size(), false);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    bool scalar = true;
    if (node.kind == Node::Kind::Input)
      for (int axis = 0; axis < program_.shape.rank(); ++axis)
        scalar &= node.strides[axis] == 0 || program_.shape[axis] == 1;
    for (int s : node.src) scalar &= scalar_[s];
    const bool ends = node.kind == Node::Kind::Op && pinned_[i] && !one;
    scalar_[i] = one || (scalar && !ends);
  }
}

// Axes that every operand walks as one are merged; axes of size one vanish.
void ProgramPlanner::collapse_space() {
  std::vector<Node*> inputs;
  for (Node& node : nodes_)
    if (node.kind == Node::Kind::Input) inputs.push_back(&node);
  int rank = 0;
  auto& dims = program_.dims;
  for (int axis = 0; axis < program_.shape.rank(); ++axis) {
    const int64_t size = program_.shape[axis];
    if (size == 1) continue;
    const bool merge = rank > 0 && std::all_of(inputs.begin(), inputs.end(), [&](Node* node) {
                         return node->strides[rank - 1] == node->strides[axis] * size;
                       });
    if (!merge) ++rank;
    dims[rank - 1] = merge ? dims[rank - 1] * size : size;
    for (Node* node : inputs) node->strides[rank - 1] = node->strides[axis];
  }
  for (Node* node : inputs) std::fill(node->strides.begin() + rank, node->strides.end(), 0);
  program_.rank = rank;
}

int ProgramPlanner::new_slot(RegType type, bool scalar) {
  RV_CHECK(program_.slots.size() < kMaxSlots);
  program_.slots.push_back({type, scalar, static_cast<uint8_t>(size_of(type)), 0});
  return static_cast<int>(program_.slots.size()) - 1;
}

void ProgramPlanner::place_inputs() {
  slot_of_.assign(nodes_.size(), -1);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.kind != Node::Kind::Input) continue;
    PwInput input{.dtype = node.dtype, .kind = OperandKind::Strided, .strides = node.strides};
    const int last = program_.rank - 1;
    bool full = true, row = last > 0 && node.strides[last] == 1;
    int64_t dense = 1;
    for (int axis = last; axis >= 0; dense *= program_.dims[axis--]) {
      full &= node.strides[axis] == dense;
      row &= axis == last || node.strides[axis] == 0;
    }
    if (node.chain >= 0) {
      input.kind = OperandKind::Rows;
      input.row = node.row;
      input.chain = static_cast<int16_t>(node.chain);
      input.parts = node.parts;
    } else if (node.table_rows > 0) {
      input.kind = OperandKind::Lookup;
      input.row = node.row;
      input.table_rows = node.table_rows;
      input.positions = node.positions;
      input.index_dtype = node.index_dtype;
      input.outside = node.outside;
      input.outer_axes = program_.rank;
      while (input.outer_axes > 0 && node.strides[input.outer_axes - 1] == input.run)
        input.run *= program_.dims[--input.outer_axes];
    } else if (scalar_[i]) {
      input.kind = OperandKind::Scalar;
    } else if (full) {
      input.kind = OperandKind::Full;
    } else if (row && program_.dims[last] <= kMaxPeriod) {
      input.kind = OperandKind::Periodic;
      input.period = program_.dims[last];
    }
    input.element = static_cast<uint8_t>(size_of(node.dtype));
    input.load = load_fn(node.dtype, program_.isa);
    input.in_place = input.kind == OperandKind::Full && !input.load;
    input.slot = static_cast<uint8_t>(new_slot(node.type, scalar_[i]));
    slot_of_[i] = input.slot;
    program_.inputs.push_back(input);
  }
  number_extras();
}

// Where the pointers behind the operands are: three of each chain, then those of the operands.
void ProgramPlanner::number_extras() {
  int chains = 0;
  for (const PwInput& input : program_.inputs) chains = std::max(chains, input.chain + 1);
  auto next = static_cast<uint32_t>(program_.inputs.size()) + 3 * static_cast<uint32_t>(chains);
  for (PwInput& input : program_.inputs) {
    input.extra = next;
    if (input.kind == OperandKind::Lookup) ++next;
    for (const PwRowPart& part : input.parts) next += part.scaled ? 2 : 1;
    if (!input.parts.empty()) --next;  // the first values are the operand
  }
}

void ProgramPlanner::place_constants() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.kind != Node::Kind::Constant) continue;
    slot_of_[i] = new_slot(node.type, true);
    PwConstant constant{node.type, static_cast<uint8_t>(slot_of_[i]), {}};
    program_.repeat(&node.bits, constant.bits.data(), size_of(node.type));
    program_.constants.push_back(constant);
  }
}

int ProgramPlanner::take_register(RegType type) {
  auto& list = free_[size_of(type)];
  if (list.empty()) return new_slot(type, false);
  const int slot = list.back();
  list.pop_back();
  program_.slots[slot].type = type;
  return slot;
}

// Nodes are in topological order. A register is free after its last reader; that reader's result
// may take it at once, since kernels allow dst to equal a source of the same element size.
void ProgramPlanner::emit_instructions() {
  const int count = static_cast<int>(nodes_.size());
  live_.assign(count, false);
  last_reader_.assign(count, -1);
  for (int i = count - 1; i >= 0; --i) {
    if (pinned_[i]) live_[i] = true;
    if (!live_[i]) continue;
    for (int s : nodes_[i].src) {
      live_[s] = true;
      last_reader_[s] = std::max(last_reader_[s], i);
    }
  }
  for (int i = 0; i < count; ++i)
    if (live_[i] && nodes_[i].kind == Node::Kind::Op) emit(i);
}

void ProgramPlanner::emit(int id) {
  const Node& node = nodes_[id];
  PwInstr instr{.op = node.op,
                .type = node.operand_type,
                .result = node.type,
                .once = 1,
                .narrow = node.dtype,
                .dst = 0,
                .arity = static_cast<uint8_t>(node.src.size()),
                .src = {},
                .fn = nullptr};
  auto& list = scalar_[id] ? program_.prologue : program_.body;
  const int index = static_cast<int>(program_.body.size());
  for (size_t k = 0; k < node.src.size(); ++k) {
    const int s = node.src[k];
    instr.src[k] = static_cast<uint8_t>(slot_of_[s]);
    if (nodes_[s].kind == Node::Kind::Input && !scalar_[id])
      for (PwInput& input : program_.inputs)
        if (input.slot == slot_of_[s]) input.last_use = static_cast<int16_t>(index);
  }
  for (size_t k = 0; k < node.src.size(); ++k) {
    const int s = node.src[k];
    const bool repeated =
        std::find(node.src.begin(), node.src.begin() + k, s) != node.src.begin() + k;
    if (nodes_[s].kind == Node::Kind::Op && !scalar_[s] && !pinned_[s] && last_reader_[s] == id &&
        !repeated)
      free_[size_of(nodes_[s].type)].push_back(slot_of_[s]);
  }
  slot_of_[id] = scalar_[id]   ? new_slot(node.type, true)
                 : pinned_[id] ? new_slot(node.type, false)
                               : take_register(node.type);
  instr.dst = static_cast<uint8_t>(slot_of_[id]);
  instr.fn = node.op == PwOp::Cast     ? cast_fn(node.operand_type, node.dtype, program_.isa)
             : node.op == PwOp::Narrow ? narrow_fn(node.dtype, program_.isa)
                                       : tile_fn(node.op, node.operand_type, program_.isa);
  RV_CHECK(instr.fn != nullptr);
  const bool vector = instr.type == RegType::F32 && instr.result == RegType::F32 &&
                      instr.fn == pw_kernels(program_.isa).f32[static_cast<int>(instr.op)];
  if (vector) instr.once = 16;
  list.push_back(instr);
  RV_CHECK(program_.body.size() < kEnd);
}

void ProgramPlanner::place_outputs() {
  for (int id : outputs_) {
    PwOutput output{nodes_[id].dtype, static_cast<uint8_t>(slot_of_[id]),
                    static_cast<uint8_t>(size_of(nodes_[id].dtype)), -1,
                    store_fn(nodes_[id].dtype, program_.isa)};
    for (size_t i = 0; i < program_.body.size(); ++i)
      if (program_.body[i].dst == output.slot) output.written_by = static_cast<int16_t>(i);
    output.streamed = !output.store && leaves_caches(program_.size * output.element);
    program_.outputs.push_back(output);
  }
}

void ProgramPlanner::place_reductions(std::span<const int> axes) {
  if (reductions_.empty()) {
    program_.outer = program_.size;
    return;
  }
  const ReduceExtent extent = reduce_extent(program_.shape, axes);
  RV_CHECK(extent.contiguous);
  program_.outer = extent.outer;
  program_.reduce = extent.reduce;
  program_.inner = extent.inner;
  const PwReducers& reducers = pw_reducers(program_.isa);
  for (const auto& closing : reductions_) {
    const RegType type = nodes_[closing.node].type;
    for (PwInput& input : program_.inputs)
      if (input.slot == slot_of_[closing.node]) input.last_use = kEnd;
    const ReduceOp joined = closing.squares ? ReduceOp::SumSquares : closing.op;
    program_.reductions.push_back({closing.op, closing.squares, closing.dtype, type,
                                   static_cast<uint8_t>(slot_of_[closing.node]),
                                   reducers.of[static_cast<int>(type)][static_cast<int>(joined)],
                                   store_fn(closing.dtype, program_.isa), 0, 0});
  }
}

}  // namespace ranvier::kernels
