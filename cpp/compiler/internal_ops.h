#pragma once
// Ops that only the compiler makes: what fusion leaves in a graph, and the structured ops' use of
// memory.

#include <span>
#include <string_view>
#include <vector>

#include "compiler/plan_memory.h"

namespace ranvier::compiler {

// An op made by a pass carries its decisions as a payload under the attribute "fused".
struct FusedPayload : AttrPayload {
  Specs outputs;
  std::vector<InPlacePair> pairs;
  bool held = false;  // made to be held by the prologue, whatever its size
};
const FusedPayload* fused_payload(const Attrs& attrs);
// Adds a node with this payload and these outputs, at the place of `like`.
NodeId add_fused(Graph& graph, const OpRecord& record, std::vector<ValueId> inputs,
                 FusedPayload& payload, Specs outputs, const GraphNode& like);
// `nodes` become one node with this payload that makes `results`, at the place of the first.
void replace_by_fused(Graph& graph, std::span<const NodeId> nodes, const OpRecord& record,
                      std::vector<ValueId> inputs, FusedPayload& payload,
                      std::span<const ValueId> results);

// Pairs of a fused node; nullptr for any other.
const std::vector<InPlacePair>* internal_pairs(const GraphNode& node);
// Outputs of a fused node as its payload lists them.
Specs infer_fused(const InferArgs& args);

bool is_structured(const OpRecord& op);
// cond: an operand that a branch passes through shares memory with that output; scan and while: the
// carry. Their kernels work in place in the output's memory.
std::vector<InPlacePair> structured_pairs(std::string_view op, const Attrs& attrs);

}  // namespace ranvier::compiler
