// One program over many tuples of operands: all variables of an optimizer in one step.

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/pointwise/frame.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

// Pieces of about one chunk's work, none of which crosses from one tuple to the next; small tuples
// are grouped by the grain.
PointwiseList prepare_pointwise_list(PointwiseProgram program, std::span<const int64_t> sizes) {
  RV_CHECK(program.reductions.empty() && program.size > 1);
  for (const PwInput& input : program.inputs)
    RV_CHECK(input.kind == OperandKind::Full || input.kind == OperandKind::Scalar);
  PointwiseList list;
  list.sizes.assign(sizes.begin(), sizes.end());
  const int64_t most = std::max<int64_t>(1, program.grain) * kTile;
  int64_t total = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    total += sizes[t];
    for (int64_t at = 0; at < sizes[t]; at += most)
      list.pieces.push_back({static_cast<int32_t>(t), at, std::min(sizes[t], at + most)});
  }
  // Where pieces are small on average, several make a chunk.
  const int64_t pieces = static_cast<int64_t>(list.pieces.size());
  if (total > 0)
    list.grain = std::clamp<int64_t>(most * pieces / total, 1, std::max<int64_t>(1, pieces));
  const double scale = static_cast<double>(total) / static_cast<double>(program.size);
  list.cost = {program.cost.flops * scale, program.cost.bytes * scale};
  list.scratch = program.scratch;
  program.part = part_of(program, total);
  list.program = std::move(program);
  return list;
}

void run_pointwise_list(const Context& ctx, const PointwiseList& list, const void* const* inputs,
                        void* const* outputs, void*, std::byte* worker_scratch,
                        size_t worker_stride) noexcept {
  const PointwiseProgram& p = list.program;
  const size_t in = p.inputs.size(), out = p.outputs.size();
  const int64_t pieces = static_cast<int64_t>(list.pieces.size());
  ctx.parallel_for(pieces, list.grain, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t i = begin; i < end; ++i) {
      const PointwiseList::Piece& piece = list.pieces[i];
      Frame frame(p, inputs + piece.tuple * in, outputs + piece.tuple * out,
                  worker_scratch + worker * worker_stride);
      frame.run_tiles(piece.begin, piece.end);
    }
  });
}

}  // namespace ranvier::kernels
