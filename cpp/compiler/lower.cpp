#include "compiler/lower.h"

#include <atomic>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

thread_local PassOptions t_options;

class OptionsScope {
 public:
  explicit OptionsScope(const PassOptions& options) : previous_(t_options) { t_options = options; }
  ~OptionsScope() { t_options = previous_; }
  OptionsScope(const OptionsScope&) = delete;

 private:
  PassOptions previous_;
};

std::atomic<uint32_t> g_next_guard{1};

Kernel prepare(const Graph& graph, const GraphNode& node) {
  Specs in, out;
  for (ValueId value : node.inputs) in.push_back(graph.spec(value));
  for (ValueId value : node.outputs) out.push_back(graph.spec(value));
  return prepare_kernel({*node.op, in, out, node.attrs});
}

std::string step_text(const Graph& graph, const GraphNode& node) {
  std::ostringstream out;
  out << '(';
  for (size_t i = 0; i < node.inputs.size(); ++i)
    out << (i ? ", " : "") << graph.spec(node.inputs[i]).str();
  out << ") ->";
  for (ValueId value : node.outputs) out << ' ' << graph.spec(value).str();
  return out.str();
}

class Lowerer {
 public:
  Lowerer(const Graph& graph, const MemoryPlan& plan, std::vector<Kernel> kernels)
      : graph_(graph), plan_(plan), kernels_(std::move(kernels)) {}

  Lowered run() {
    for (const GraphInput& input : graph_.inputs)
      out_.inputs.push_back(
          {graph_.spec(input.value), input.variable, input.write != kNone, input.held});
    for (ValueId value : graph_.outputs) out_.outputs.push_back(graph_.spec(value));
    for (ValueId value = 0; value < graph_.values.size(); ++value)
      if (graph_.constant(value)) out_.constants.push_back(graph_.constant(value));
    out_.arena_bytes = plan_.arena_bytes;
    for (uint32_t step = 0; step < plan_.order.size(); ++step) add_step(step);
    collect(Place::Input, out_.inputs.size(), out_.input_starts, out_.input_entries);
    collect(Place::Output, out_.outputs.size(), out_.output_starts, out_.output_entries);
    return std::move(out_);
  }

 private:
  uint32_t add_entry(uint32_t storage_id, const void* constant) {
    const Storage& storage = plan_.storages[storage_id];
    out_.table.push_back({storage.place, storage.index, storage.offset, constant});
    return static_cast<uint32_t>(out_.table.size() - 1);
  }

  uint32_t add_entries(const std::vector<ValueId>& values) {
    const auto first = static_cast<uint32_t>(out_.table.size());
    for (ValueId value : values) {
      const uint32_t storage = plan_.storage_of[value];
      RV_CHECK(storage != kNone);
      const bool constant = plan_.storages[storage].place == Place::Constant;
      add_entry(storage,
                constant ? graph_.constant(plan_.storages[storage].index).data() : nullptr);
    }
    return first;
  }

  void add_step(uint32_t index) {
    const NodeId id = plan_.order[index];
    const GraphNode& node = graph_.nodes[id];
    Kernel& kernel = kernels_[id];
    Step step{};
    step.run = kernel.run;
    step.params = kernel.params.get();
    step.in = add_entries(node.inputs);
    step.out = add_entries(node.outputs);
    const uint32_t shared = plan_.scratch_of[index];
    step.shared = shared == kNone ? kNone : add_entry(shared, nullptr);
    if (is_guard(node)) {
      step.guard = g_next_guard.fetch_add(1);
      out_.guard_end = out_.steps.size() + 1;
    }
    out_.worker_bytes = std::max(out_.worker_bytes, aligned(kernel.scratch.per_worker));
    out_.steps.push_back(step);
    out_.notes.push_back(
        {node.op, node.attrs, node.site, std::move(kernel), step_text(graph_, node)});
  }

  void collect(Place place, size_t count, std::vector<uint32_t>& starts,
               std::vector<uint32_t>& entries) const {
    for (uint32_t i = 0; i < count; ++i) {
      starts.push_back(static_cast<uint32_t>(entries.size()));
      for (uint32_t entry = 0; entry < out_.table.size(); ++entry)
        if (out_.table[entry].place == place && out_.table[entry].index == i)
          entries.push_back(entry);
    }
    starts.push_back(static_cast<uint32_t>(entries.size()));
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  std::vector<Kernel> kernels_;
  Lowered out_;
};

Lowered plan_and_prepare(Graph& graph, const std::string& name) {
  std::vector<Kernel> kernels(graph.nodes.size());
  std::vector<size_t> scratch(graph.nodes.size(), 0);
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (!is_step(graph.nodes[id])) continue;
    kernels[id] = prepare(graph, graph.nodes[id]);
    scratch[id] = kernels[id].scratch.shared;
  }
  const MemoryPlan plan = plan_memory(graph, scratch);
  kernels.resize(graph.nodes.size());  // the plan may have added copies
  for (NodeId id = 0; id < graph.nodes.size(); ++id)
    if (is_step(graph.nodes[id]) && !kernels[id].run) kernels[id] = prepare(graph, graph.nodes[id]);
  check_plan(graph, plan, scratch);
  std::string text = plan_text(graph, plan);
  dump(name, "plan", text);
  Lowered lowered = Lowerer(graph, plan, std::move(kernels)).run();
  lowered.text = std::move(text);
  return lowered;
}

}  // namespace

PassOptions current_pass_options() { return t_options; }

Lowered lower(Graph graph, const PassOptions& options, const std::string& name) {
  const OptionsScope scope(options);
  rewrite(graph, options, name);
  std::optional<Graph> prologue;
  if (options.prologue) prologue = split_prologue(graph, name);
  if (options.fuse) fuse(graph, options, name);
  Lowered lowered = plan_and_prepare(graph, name);
  if (prologue) {
    PassOptions whole = options;
    whole.prologue = false;
    lowered.prologue = prologue_parts(*prologue, whole);
  }
  return lowered;
}

}  // namespace ranvier::compiler
