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

constexpr int32_t round_up(int64_t bytes) { return static_cast<int32_t>((bytes + 63) / 64 * 64); }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

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

int64_t part_of(const PointwiseProgram& program, int64_t elements) {
  if (!program.joints.empty()) return INT64_MAX;  // a joint fetches what it reads itself
  constexpr int64_t kShort = 256;                 // loads, arithmetic and stores take turns
  int64_t bytes = 0;
  for (const PwInput& input : program.inputs)
    if (input.kind == OperandKind::Full) bytes += elements * input.element;
  return leaves_caches(bytes) ? kShort : kTile;
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
    program_.reductions.push_back(
        {closing.op, closing.dtype, type, static_cast<uint8_t>(slot_of_[closing.node]),
         reducers.of[static_cast<int>(type)][static_cast<int>(closing.op)],
         store_fn(closing.dtype, program_.isa), 0, 0});
  }
}

// Tiles hold whole rows where a reduction needs them; the cut depends on the shape alone.
void ProgramPlanner::cut_work() {
  double nanoseconds = 10;  // of one full tile
  for (const PwInstr& instr : program_.body)
    nanoseconds += info_of(instr.op).cost * (instr.type == RegType::F32 ? 1 : 3) + 2;
  for (const PwInput& input : program_.inputs)
    nanoseconds += input.kind == OperandKind::Strided  ? 200
                   : input.kind == OperandKind::Lookup ? 400
                   : input.in_place                    ? 20
                                                       : 60;
  nanoseconds += 20.0 * program_.outputs.size() + 40.0 * program_.reductions.size();

  PointwiseProgram& p = program_;
  double work = nanoseconds;  // of one unit
  if (p.reductions.empty()) {
    p.tile = kTile;
    p.units = ceil_div(p.size, kTile);
  } else if (p.inner == 1) {
    p.tile = p.reduce <= kTile ? std::max<int64_t>(1, kTile / std::max<int64_t>(1, p.reduce)) *
                                     std::max<int64_t>(1, p.reduce)
                               : kTile;
    p.tile_rows = p.reduce <= kTile ? p.tile / std::max<int64_t>(1, p.reduce) : 1;
    p.units = p.reduce <= kTile ? ceil_div(p.outer * p.reduce, p.tile)
                                : p.outer * ceil_div(p.reduce, kTile);
  } else {
    // A power of two of rows, so that blocks of kBlockRows end with a tile, or are a longer one.
    const int64_t width = std::clamp<int64_t>(p.inner, 1, kTile);
    int64_t rows = 1;
    while (2 * rows * width <= kTile) rows *= 2;
    const bool product = std::any_of(p.reductions.begin(), p.reductions.end(),
                                     [](const auto& r) { return r.op == ReduceOp::Prod; });
    if (product) rows = std::min(rows, kBlockRows);  // of many values, it leaves float32's range
    p.tile = rows * width;
    p.tile_rows = rows;
    p.panels = ceil_div(p.inner, kTile);
    const int64_t by_work = ceil_div(32 * kTile, width), by_count = ceil_div(p.reduce, 64);
    const int64_t block = std::max(rows, kBlockRows);
    p.group_rows = ceil_div(std::max({by_work, by_count, int64_t{1}}), block) * block;
    p.groups = std::max<int64_t>(1, ceil_div(p.reduce, p.group_rows));
    p.units = p.outer * p.groups * p.panels;
    work = nanoseconds * static_cast<double>(ceil_div(std::min(p.reduce, p.group_rows), rows));
  }
  p.part = part_of(p, p.size);
  const int64_t longest = std::clamp<int64_t>(
      static_cast<int64_t>(kChunkNanoseconds / std::max(work, 1.0)), 1, kMostTiles);
  p.grain = even_grain(p.units, longest);
}

void ProgramPlanner::book_scratch() {
  PointwiseProgram& p = program_;
  int64_t offset = 0;
  const auto take = [&offset](int64_t bytes) {
    const int64_t at = offset;
    offset += round_up(bytes);
    return static_cast<int32_t>(at);
  };
  // Tiles are staggered by one cache line, so that equal indices do not share a cache set.
  std::vector<int64_t> elements(p.slots.size(), kTile);
  for (const PwInput& input : p.inputs)
    elements[input.slot] = input.in_place ? 0 : kTile + input.period;
  for (size_t i = 0; i < p.slots.size(); ++i) {
    PwSlot& slot = p.slots[i];
    slot.offset = slot.scalar ? take(64) : take(elements[i] * size_of(slot.type) + 64);
  }
  p.staging_offset = take(2 * kTile * 8);
  const bool columns = !p.reductions.empty() && p.inner > 1;
  for (PwReduction& reduction : p.reductions) {
    if (!columns) continue;
    reduction.block_offset = take(std::min(p.inner, kTile) * size_of(reduction.type) + 64);
    reduction.total_offset = take(std::min(p.inner, kTile) * sizeof(PwTotal));
  }
  p.scratch.per_worker = static_cast<size_t>(offset);
  int64_t partials = 0;  // per reduction, where a result has more than one part
  if (columns && p.groups > 1) partials = p.outer * p.groups * p.inner;
  if (!p.reductions.empty() && p.inner == 1 && p.reduce > kTile) partials = p.units;
  p.scratch.shared = static_cast<size_t>(partials) * sizeof(PwTotal) * p.reductions.size();

  double operations = 0;
  for (const PwInstr& instr : p.body) operations += std::max(1.0, info_of(instr.op).cost / 20.0);
  p.cost.flops = operations * static_cast<double>(p.size);
  p.cost.flops += static_cast<double>(p.size) * static_cast<double>(p.reductions.size());
  for (const PwInput& input : p.inputs) {
    double elements = 1;
    for (int axis = 0; axis < p.rank; ++axis)
      if (input.strides[axis]) elements *= static_cast<double>(p.dims[axis]);
    for (size_t k = 0; k < input.parts.size(); ++k) {
      if (k == 0) elements = 0;
      elements += static_cast<double>(input.row * input.parts[k].count);
    }
    p.cost.bytes += elements * static_cast<double>(size_of(input.dtype));
  }
  for (const PwOutput& output : p.outputs)
    p.cost.bytes += static_cast<double>(p.size) * static_cast<double>(size_of(output.dtype));
  for (const PwReduction& reduction : p.reductions)
    p.cost.bytes +=
        static_cast<double>(p.outer * p.inner) * static_cast<double>(size_of(reduction.dtype));
}

}  // namespace ranvier::kernels
