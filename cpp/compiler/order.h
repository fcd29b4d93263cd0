#pragma once
// The order of the steps and the writes to inputs: which node may write straight into the memory of
// an input, and what must have run before.

#include "compiler/plan_memory.h"

namespace ranvier::compiler {

struct StepOrder {
  std::vector<NodeId> nodes;      // every step
  std::vector<uint32_t> home_of;  // per value: the input whose memory it is made in, or kNone
};

// Adds copy nodes where a write to an input needs one (swaps, a.assign(b), guards in the way).
StepOrder order_steps(Graph& graph);

}  // namespace ranvier::compiler
