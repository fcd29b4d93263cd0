#pragma once
// Where every value lives: in the memory of an input, an output or a constant, or at an offset of
// one arena. Buffers share arena bytes when their lives do not overlap.

#include <string>
#include <utility>
#include <vector>

#include "compiler/graph.h"

namespace ranvier::compiler {

enum class Place : uint8_t { Arena, Input, Output, Constant };

// A piece of memory. Several values may live in it: aliases, and results written in place.
struct Storage {
  Place place = Place::Arena;
  uint32_t index = 0;  // which input or output; Constant: the value
  size_t offset = 0;   // Arena
  size_t bytes = 0;
  uint32_t begin = 0, end = 0;  // steps [begin, end] in which the bytes must not change hands
};

struct MemoryPlan {
  std::vector<NodeId> order;         // nodes that are steps, in the order they run
  std::vector<uint32_t> storage_of;  // per value; kNone where it needs no memory
  std::vector<Storage> storages;
  std::vector<uint32_t> scratch_of;  // per step: storage of its shared scratch, or kNone
  size_t arena_bytes = 0;
};

// Memory of `input` that may become that of `output`.
struct InPlacePair {
  uint32_t input, output;
};
std::vector<InPlacePair> in_place_pairs(const Graph& graph, const GraphNode& node);

// May the node stop the program?
bool is_guard(const GraphNode& node);
// Nodes whose output has the bytes of their first input need no step.
inline bool is_step(const GraphNode& node) { return node.alive() && !node.op->traits.alias; }

// The value whose bytes each value has: itself, or what it is an alias of.
std::vector<ValueId> alias_roots(const Graph& graph);

// Copies `source` into memory of its own.
const OpRecord& copy_record();

// Adds copies where an output or a written input needs its own memory, orders the nodes (guards
// before any write to an input; readers of an old value before its write), and gives every value
// its place. scratch[node]: bytes of shared scratch.
MemoryPlan plan_memory(Graph& graph, const std::vector<size_t>& scratch);

// Proves by simulating the steps, without the planner's data on lives, that every step reads what
// was written for it and nothing is written before the last guard. Throws InternalError.
void check_plan(const Graph& graph, const MemoryPlan& plan, const std::vector<size_t>& scratch);

std::string plan_text(const Graph& graph, const MemoryPlan& plan);

}  // namespace ranvier::compiler
