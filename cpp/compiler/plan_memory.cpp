#include "compiler/plan_memory.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "compiler/internal_ops.h"
#include "compiler/order.h"

namespace ranvier::compiler {
namespace {

bool body_can_fail(const Trace& body) {
  for (const NodeRef& node : body.nodes()) {
    if (node->op->traits.guard) return true;
    for (const auto& [name, value] : node->attrs.items())
      if (const Body* inner = std::get_if<Body>(&value); inner && body_can_fail(**inner))
        return true;
  }
  return false;
}

}  // namespace

bool is_guard(const GraphNode& node) {
  if (node.op->traits.guard) return true;
  for (const auto& [name, value] : node.attrs.items())
    if (const Body* body = std::get_if<Body>(&value); body && body_can_fail(**body)) return true;
  return false;
}

std::vector<ValueId> alias_roots(const Graph& graph) {
  std::vector<ValueId> root(graph.values.size());
  for (ValueId value = 0; value < root.size(); ++value) root[value] = value;
  // Aliases of aliases: follow the chain; producers may stand in any order.
  for (ValueId value = 0; value < root.size(); ++value) {
    ValueId at = value;
    for (const GraphNode* node = graph.producer(at);
         node && node->alive() && node->op->traits.alias; node = graph.producer(at))
      at = node->inputs[0];
    root[value] = at;
  }
  return root;
}

std::vector<InPlacePair> in_place_pairs(const Graph& graph, const GraphNode& node) {
  std::vector<InPlacePair> pairs;
  const auto same_bytes = [&](uint32_t input, uint32_t output) {
    return graph.spec(node.inputs[input]).bytes() == graph.spec(node.outputs[output]).bytes();
  };
  if (const auto* internal = internal_pairs(node)) {
    for (const InPlacePair& pair : *internal)
      if (same_bytes(pair.input, pair.output)) pairs.push_back(pair);
    return pairs;
  }
  if (node.op->traits.pointwise && node.op->micro_op != kernels::PwOp::Cast) {
    const TypeSpec& out = graph.spec(node.outputs[0]);
    for (uint32_t k = 0; k < node.inputs.size(); ++k) {
      const TypeSpec& in = graph.spec(node.inputs[k]);
      if (in.shape == out.shape && size_of(in.dtype) == size_of(out.dtype)) pairs.push_back({k, 0});
    }
    return pairs;
  }
  if (is_structured(*node.op)) return structured_pairs(node.op->name, node.attrs);
  const int slot = node.op->traits.in_place;
  if (slot >= 0 && same_bytes(static_cast<uint32_t>(slot), 0))
    pairs.push_back({static_cast<uint32_t>(slot), 0});
  return pairs;
}

namespace {

class Planner {
 public:
  Planner(Graph& graph, const std::vector<size_t>& scratch) : graph_(graph), scratch_(scratch) {}

  MemoryPlan run() {
    StepOrder order = order_steps(graph_);
    plan_.order = std::move(order.nodes);
    root_ = alias_roots(graph_);
    home_ = std::move(order.home_of);
    plan_.storage_of.assign(graph_.values.size(), kNone);
    find_last_reads();
    place_outside();
    for (uint32_t step = 0; step < plan_.order.size(); ++step) place_step(step);
    for (ValueId value = 0; value < graph_.values.size(); ++value)
      plan_.storage_of[value] = plan_.storage_of[root_[value]];
    pack();
    return std::move(plan_);
  }

 private:
  uint32_t add(Place place, uint32_t index, size_t bytes, uint32_t begin, uint32_t end) {
    plan_.storages.push_back({place, index, 0, bytes, begin, end});
    return static_cast<uint32_t>(plan_.storages.size() - 1);
  }

  void find_last_reads() {
    last_read_.assign(graph_.values.size(), 0);
    for (uint32_t step = 0; step < plan_.order.size(); ++step)
      for (ValueId value : graph_.nodes[plan_.order[step]].inputs) last_read_[root_[value]] = step;
  }

  void place_outside() {
    const auto end = static_cast<uint32_t>(plan_.order.size());
    for (uint32_t i = 0; i < graph_.inputs.size(); ++i) {
      const ValueId value = graph_.inputs[i].value;
      plan_.storage_of[value] = add(Place::Input, i, graph_.spec(value).bytes(), 0, end);
      input_storage_.push_back(plan_.storage_of[value]);
    }
    for (uint32_t i = 0; i < graph_.outputs.size(); ++i) {
      const ValueId value = root_[graph_.outputs[i]];
      plan_.storage_of[value] = add(Place::Output, i, graph_.spec(value).bytes(), 0, end);
    }
    for (ValueId value = 0; value < graph_.values.size(); ++value)
      if (graph_.constant(value))
        plan_.storage_of[value] = add(Place::Constant, value, graph_.spec(value).bytes(), 0, end);
  }

  // The storage of an input that dies in this step, for the step's output number `out`.
  uint32_t taken_over(uint32_t step, const GraphNode& node, uint32_t out,
                      std::vector<uint32_t>& taken) const {
    const auto pairs = in_place_pairs(graph_, node);
    for (const InPlacePair& pair : pairs) {
      if (pair.output != out) continue;
      const ValueId base = root_[node.inputs[pair.input]];
      const uint32_t storage = plan_.storage_of[base];
      if (plan_.storages[storage].place != Place::Arena) continue;
      if (plan_.storages[storage].end != step) continue;  // somebody reads it later
      if (plan_.storages[storage].bytes != graph_.spec(node.outputs[out]).bytes()) continue;
      if (std::find(taken.begin(), taken.end(), storage) != taken.end()) continue;
      bool all_paired = true;
      for (uint32_t k = 0; k < node.inputs.size(); ++k) {
        if (plan_.storage_of[root_[node.inputs[k]]] != storage) continue;
        all_paired &= std::any_of(pairs.begin(), pairs.end(), [&](const InPlacePair& other) {
          return other.input == k && other.output == out;
        });
      }
      if (!all_paired) continue;
      taken.push_back(storage);
      return storage;
    }
    return kNone;
  }

  void place_step(uint32_t step) {
    const NodeId id = plan_.order[step];
    const GraphNode& node = graph_.nodes[id];
    std::vector<uint32_t> taken;
    for (uint32_t out = 0; out < node.outputs.size(); ++out) {
      const ValueId value = node.outputs[out];
      if (plan_.storage_of[value] != kNone) continue;
      if (value < home_.size() && home_[value] != kNone) {
        plan_.storage_of[value] = input_storage_[home_[value]];
        continue;
      }
      const uint32_t end = std::max(step, last_read_[value]);
      uint32_t storage = taken_over(step, node, out, taken);
      if (storage == kNone)
        storage = add(Place::Arena, 0, graph_.spec(value).bytes(), step, end);
      else
        plan_.storages[storage].end = end;
      plan_.storage_of[value] = storage;
    }
    const size_t shared = id < scratch_.size() ? scratch_[id] : 0;
    plan_.scratch_of.push_back(shared ? add(Place::Arena, 0, shared, step, step) : kNone);
  }

  // Greedy best fit: large buffers first, each into the tightest gap between those whose lives
  // overlap its own.
  void pack() {
    std::vector<uint32_t> by_size;
    for (uint32_t i = 0; i < plan_.storages.size(); ++i)
      if (plan_.storages[i].place == Place::Arena) by_size.push_back(i);
    std::stable_sort(by_size.begin(), by_size.end(), [&](uint32_t a, uint32_t b) {
      return plan_.storages[a].bytes > plan_.storages[b].bytes;
    });
    std::vector<uint32_t> placed;  // by offset
    for (uint32_t i : by_size) {
      Storage& mine = plan_.storages[i];
      const size_t need = aligned(mine.bytes);
      size_t best = SIZE_MAX, best_gap = SIZE_MAX, free_from = 0;
      for (uint32_t j : placed) {
        const Storage& other = plan_.storages[j];
        if (other.end < mine.begin || mine.end < other.begin) continue;
        if (other.offset >= free_from + need && other.offset - free_from < best_gap) {
          best = free_from;
          best_gap = other.offset - free_from;
        }
        free_from = std::max(free_from, other.offset + aligned(other.bytes));
      }
      mine.offset = best != SIZE_MAX ? best : free_from;
      plan_.arena_bytes = std::max(plan_.arena_bytes, mine.offset + need);
      const auto at = std::upper_bound(
          placed.begin(), placed.end(), mine.offset,
          [&](size_t offset, uint32_t j) { return offset < plan_.storages[j].offset; });
      placed.insert(at, i);
    }
  }

  Graph& graph_;
  const std::vector<size_t>& scratch_;
  MemoryPlan plan_;
  std::vector<ValueId> root_;
  std::vector<uint32_t> home_, last_read_, input_storage_;
};

void run_copy(const Context& context, const Slots& slots, const void* params) noexcept {
  const size_t bytes = *static_cast<const size_t*>(params);
  if (slots.in[0] == slots.out[0]) return;
  constexpr int64_t kGrain = 1 << 20;
  context.parallel_for(static_cast<int64_t>(bytes), kGrain, [&](int64_t begin, int64_t end, int) {
    std::memcpy(static_cast<char*>(slots.out[0]) + begin,
                static_cast<const char*>(slots.in[0]) + begin, static_cast<size_t>(end - begin));
  });
}

Kernel prepare_copy(const PrepareArgs& args) {
  const size_t bytes = args.outputs[0].bytes();
  return {run_copy,
          std::make_shared<const size_t>(bytes),
          {},
          {0, 2.0 * static_cast<double>(bytes)},
          "memcpy"};
}

Specs infer_copy(const InferArgs& args) { return {args.inputs[0]}; }

}  // namespace

const OpRecord& copy_record() {
  static const OpRecord record{"copy_to", infer_copy, nullptr, {prepare_copy, nullptr}};
  return record;
}

MemoryPlan plan_memory(Graph& graph, const std::vector<size_t>& scratch) {
  return Planner(graph, scratch).run();
}

std::string plan_text(const Graph& graph, const MemoryPlan& plan) {
  std::ostringstream out;
  const auto place = [&](ValueId value) {
    std::ostringstream text;
    const Storage& storage = plan.storages[plan.storage_of[value]];
    switch (storage.place) {
      case Place::Arena:
        text << '@' << storage.offset;
        break;
      case Place::Input:
        text << "in" << storage.index;
        break;
      case Place::Output:
        text << "out" << storage.index;
        break;
      case Place::Constant:
        text << "const";
        break;
    }
    return text.str();
  };
  for (NodeId id : plan.order) {
    const GraphNode& node = graph.nodes[id];
    for (size_t i = 0; i < node.outputs.size(); ++i)
      out << (i ? ", " : "") << place(node.outputs[i]) << ' ' << graph.spec(node.outputs[i]).str();
    out << (node.outputs.empty() ? "" : " = ") << node.op->name << '(';
    for (size_t i = 0; i < node.inputs.size(); ++i) out << (i ? ", " : "") << place(node.inputs[i]);
    out << ")\n";
  }
  out << "arena " << plan.arena_bytes << " bytes\n";
  return out.str();
}

}  // namespace ranvier::compiler
