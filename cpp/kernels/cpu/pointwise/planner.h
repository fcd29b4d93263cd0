#pragma once
// From a recorded program to a runnable one: merging, index maps, registers, cuts of the work.

#include <vector>

#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

// Chunks of about this much estimated work (ns), so that small programs run inline, and of at most
// so many tiles: what lies in the third cache or in memory takes longer than the estimate.
inline constexpr double kChunkNanoseconds = 4000;
inline constexpr int64_t kMostTiles = 48;
// Column sums: rows per float32 block, and the work of one group of rows.
inline constexpr int64_t kBlockRows = 64;

// Into how many chunks of at most `longest` n is cut evenly: one or a multiple of four, so that of
// two or four threads none has a chunk more than the others. And the length of such chunks.
inline int64_t even_chunks(int64_t n, int64_t longest) {
  return n <= longest ? 1 : ((n - 1) / longest / 4 + 1) * 4;
}
inline int64_t even_grain(int64_t n, int64_t longest) {
  return n <= longest ? longest : (n - 1) / even_chunks(n, longest) + 1;
}

class ProgramPlanner {
 public:
  ProgramPlanner(const ProgramBuilder& builder, Isa isa, ProgramBuilder::Options options);
  PointwiseProgram plan();

 private:
  using Node = ProgramBuilder::Node;

  void absorb_squares();
  void materialize_ends();
  void find_scalars();
  void collapse_space();
  void place_inputs();
  void number_extras();
  void place_constants();
  void emit_instructions();
  void place_outputs();
  void place_reductions(std::span<const int> axes);
  void cut_work();
  void book_scratch();

  int new_slot(RegType type, bool scalar);
  int take_register(RegType type);
  void emit(int id);

  const ProgramBuilder::Options options_;
  std::vector<Node> nodes_;
  std::vector<int> outputs_;  // node ids
  std::vector<ProgramBuilder::Closing> reductions_;
  std::vector<int> axes_;
  std::vector<bool> pinned_, scalar_, live_;
  std::vector<int> slot_of_, last_reader_, released_at_;
  std::vector<int> free_[9];  // registers free for reuse, by element size
  PointwiseProgram program_;
};

// PointwiseProgram::part of a program that is run on so many elements.
int64_t part_of(const PointwiseProgram& program, int64_t elements);

// Whether a reduction over `axes` of `shape` is one run of axes, and its outer, reduce and inner
// sizes. Axes of size one belong to any run.
struct ReduceExtent {
  bool contiguous;
  int64_t outer, reduce, inner;
};
ReduceExtent reduce_extent(const Shape& shape, std::span<const int> axes);

}  // namespace ranvier::kernels
