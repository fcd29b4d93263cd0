// How a program is cut into tiles and chunks, and the scratch that they need.

#include <algorithm>

#include "base/rounding.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
namespace {

constexpr int32_t whole_lines(int64_t bytes) { return static_cast<int32_t>(round_up(bytes, 64)); }

}  // namespace

int64_t part_of(const PointwiseProgram& program, int64_t elements) {
  if (!program.joints.empty()) return INT64_MAX;  // a joint fetches what it reads itself
  constexpr int64_t kShort = 256;                 // loads, arithmetic and stores take turns
  int64_t bytes = 0;
  for (const PwInput& input : program.inputs)
    if (input.kind == OperandKind::Full) bytes += elements * input.element;
  return leaves_caches(bytes) ? kShort : kTile;
}

// How many blocks reduce x inner of a column reduction a tile holds; 0 where only one, or a part of
// it, which may be cut into panels of columns and groups of rows.
int64_t blocks_in_tile(const PointwiseProgram& p) {
  const int64_t block = p.reduce * p.inner;
  const bool product = std::any_of(p.reductions.begin(), p.reductions.end(),
                                   [](const auto& r) { return r.op == ReduceOp::Prod; });
  const bool short_enough = block > 0 && 2 * block <= kTile && !(product && p.reduce > kBlockRows);
  return p.outer > 1 && short_enough ? kTile / block : 0;
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
  } else if ((p.tile_blocks = blocks_in_tile(p)) > 0) {
    p.tile = p.tile_blocks * p.reduce * p.inner;
    p.units = ceil_div(p.outer, p.tile_blocks);
    work += 8.0 * static_cast<double>(p.tile_blocks * p.reductions.size());
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
    offset += whole_lines(bytes);
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
  const int64_t width = p.tile_blocks > 0 ? p.tile_blocks * p.inner : std::min(p.inner, kTile);
  for (PwReduction& reduction : p.reductions) {
    if (!columns) continue;
    reduction.block_offset = take(width * size_of(reduction.type) + 64);
    reduction.total_offset = take(width * sizeof(PwTotal));
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
