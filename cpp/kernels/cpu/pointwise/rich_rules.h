#pragma once
// The peephole pass of pointwise programs: pairs of simple float32 operations become rich ones.
// Each rule is exact: the rich operation rounds where the simple ones did.

#include <vector>

#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

// Rewrites nodes in place until no rule applies; nodes that were absorbed lose their uses.
// `pinned[i]`: node i is an output or is reduced, so it must stay. `scalar[i]`: node i is one value
// for the whole space, computed once, never absorbed into an operation on tiles.
void merge_rich(std::vector<ProgramBuilder::Node>& nodes, const std::vector<bool>& pinned,
                const std::vector<bool>& scalar);

}  // namespace ranvier::kernels
