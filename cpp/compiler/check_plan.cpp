// The independent checker: runs the plan on a map from bytes to the value they hold. It uses
// nothing of the planner but its result.

#include <algorithm>
#include <map>
#include <tuple>

#include "base/error.h"
#include "compiler/plan_memory.h"

namespace ranvier::compiler {
namespace {

struct Range {
  Place place;
  uint32_t index;
  size_t begin, end;
  bool same(const Range& other) const {
    return std::tie(place, index, begin, end) ==
           std::tie(other.place, other.index, other.begin, other.end);
  }
  bool overlaps(const Range& other) const {
    return place == other.place && index == other.index && begin < other.end && other.begin < end;
  }
};

struct Held {
  Range range;
  ValueId value;
};

class Checker {
 public:
  Checker(const Graph& graph, const MemoryPlan& plan, const std::vector<size_t>& scratch)
      : graph_(graph), plan_(plan), scratch_(scratch), root_(alias_roots(graph)) {}

  void run() {
    for (const GraphInput& input : graph_.inputs) hold(input.value);
    for (ValueId value = 0; value < graph_.values.size(); ++value)
      if (graph_.constant(value)) hold(value);
    size_t guards_left = 0, steps = 0;
    for (NodeId id : plan_.order) guards_left += is_guard(graph_.nodes[id]);
    for (const GraphNode& node : graph_.nodes) steps += is_step(node);
    if (steps != plan_.order.size()) fail("the number of steps is wrong", kNone, kNone);
    for (uint32_t step = 0; step < plan_.order.size(); ++step) {
      const NodeId id = plan_.order[step];
      check_reads(id);
      check_overlaps(step, id);
      guards_left -= is_guard(graph_.nodes[id]);
      write_results(step, id, guards_left + is_guard(graph_.nodes[id]));
    }
    for (ValueId value : graph_.outputs) expect(value, kNone);
    for (uint32_t i = 0; i < graph_.inputs.size(); ++i) check_input_at_end(i);
  }

 private:
  [[noreturn]] void fail(const char* what, NodeId node, ValueId value) const {
    ranvier::fail<InternalError>("memory plan: ", what, ". Node ",
                                 node == kNone ? "(end)" : graph_.nodes[node].op->name, ", value %",
                                 value, ".\n", plan_text(graph_, plan_));
  }

  Range range_of(ValueId value) const {
    const uint32_t id = plan_.storage_of[value];
    if (id == kNone) fail("a value has no memory", kNone, value);
    const Storage& s = plan_.storages[id];
    const size_t bytes = graph_.spec(value).bytes();
    if (bytes > s.bytes) fail("a value is larger than its memory", kNone, value);
    const size_t begin = s.place == Place::Arena ? s.offset : 0;
    if (s.place == Place::Arena && (begin % kAlignment || begin + bytes > plan_.arena_bytes))
      fail("an arena offset is out of place", kNone, value);
    return {s.place, s.place == Place::Arena ? 0 : s.index, begin, begin + bytes};
  }

  void hold(ValueId value) {
    const Range range = range_of(value);
    held_[{range.place, range.index}].push_back({range, value});
  }

  void expect(ValueId value, NodeId reader) {
    const Range range = range_of(value);
    if (range.begin == range.end) return;
    for (const Held& held : held_[{range.place, range.index}])
      if (held.range.same(range) && root_[held.value] == root_[value]) return;
    fail("the memory of a value holds something else when it is read", reader, value);
  }

  void check_reads(NodeId id) {
    for (ValueId value : graph_.nodes[id].inputs) expect(value, id);
  }

  void check_overlaps(uint32_t step, NodeId id) const {
    const GraphNode& node = graph_.nodes[id];
    const auto pairs = in_place_pairs(graph_, node);
    for (uint32_t out = 0; out < node.outputs.size(); ++out) {
      const Range mine = range_of(node.outputs[out]);
      for (uint32_t other = 0; other < out; ++other)
        if (mine.overlaps(range_of(node.outputs[other])))
          fail("two outputs of one step overlap", id, node.outputs[out]);
      for (uint32_t in = 0; in < node.inputs.size(); ++in) {
        const Range read = range_of(node.inputs[in]);
        if (!mine.overlaps(read)) continue;
        const bool allowed =
            read.same(mine) && std::any_of(pairs.begin(), pairs.end(), [&](const InPlacePair& p) {
              return p.input == in && p.output == out;
            });
        if (!allowed) fail("an output overlaps an input of its step", id, node.outputs[out]);
      }
    }
    const auto scratch = scratch_range(step, id);
    if (scratch.begin == scratch.end) return;
    for (const auto* list : {&node.inputs, &node.outputs})
      for (ValueId value : *list)
        if (scratch.overlaps(range_of(value))) fail("scratch overlaps an operand", id, value);
  }

  Range scratch_range(uint32_t step, NodeId id) const {
    const size_t bytes = id < scratch_.size() ? scratch_[id] : 0;
    if (!bytes) return {Place::Arena, 0, 0, 0};
    const uint32_t storage = plan_.scratch_of[step];
    if (storage == kNone || plan_.storages[storage].bytes < bytes)
      fail("scratch is missing", id, kNone);
    const size_t begin = plan_.storages[storage].offset;
    if (begin + bytes > plan_.arena_bytes) fail("scratch is outside the arena", id, kNone);
    return {Place::Arena, 0, begin, begin + bytes};
  }

  void overwrite(const Range& range) {
    std::erase_if(held_[{range.place, range.index}],
                  [&](const Held& held) { return held.range.overlaps(range); });
  }

  void write_results(uint32_t step, NodeId id, size_t guards_left) {
    overwrite(scratch_range(step, id));
    for (ValueId value : graph_.nodes[id].outputs) {
      const Range range = range_of(value);
      if (range.place == Place::Constant) fail("a step writes a constant", id, value);
      if (range.place == Place::Input && guards_left)
        fail("an input is written before the last guard", id, value);
      overwrite(range);
      hold(value);
    }
  }

  void check_input_at_end(uint32_t i) {
    const GraphInput& input = graph_.inputs[i];
    const ValueId expected = input.write == kNone ? input.value : input.write;
    Range range = range_of(input.value);
    if (range.begin == range.end) return;
    for (const Held& held : held_[{range.place, range.index}])
      if (held.range.same(range) && root_[held.value] == root_[expected]) return;
    fail("an input does not hold its last value in the end", kNone, expected);
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  const std::vector<size_t>& scratch_;
  const std::vector<ValueId> root_;
  std::map<std::pair<Place, uint32_t>, std::vector<Held>> held_;  // per piece of memory
};

}  // namespace

void check_plan(const Graph& graph, const MemoryPlan& plan, const std::vector<size_t>& scratch) {
  Checker(graph, plan, scratch).run();
}

}  // namespace ranvier::compiler
