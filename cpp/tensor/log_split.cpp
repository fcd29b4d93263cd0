#include "tensor/log_split.h"

#include "base/error.h"
#include "tensor/apply.h"

namespace ranvier {
namespace {

constexpr uint8_t kUnknown = 0, kLog = 1, kStep = 2;

// Classifies the values of a trace: computable from the final values of variables, or not.
class Classifier {
 public:
  explicit Classifier(const Trace& trace) : kind_(trace.value_count(), kUnknown) {
    for (const auto& [variable, value] : trace.written())
      if (value.is_symbol()) final_[value.get()->value] = variable;
    for (const TraceInput& input : trace.inputs()) {
      const uint32_t id = input.symbol.get()->value;
      const bool read_only =
          input.kind == TraceInput::Kind::Variable && !is_written(trace, *input.variable);
      kind_[id] = read_only || final_.contains(id) ? kLog : kStep;
      if (read_only) final_.try_emplace(id, input.variable);
    }
    for (const NodeRef& node : trace.nodes()) {
      uint8_t kind = node->op->traits.guard || node->op->traits.effect ? kStep : kLog;
      for (const Tensor& in : node->inputs)
        if (in.is_symbol() && kind_[in.get()->value] == kStep) kind = kStep;
      for (const Tensor& out : node->outputs) {
        const uint32_t id = out.get()->value;
        kind_[id] = final_.contains(id) ? kLog : kind;
      }
    }
  }
  bool is_log(const Tensor& t) const { return !t.is_symbol() || kind_[t.get()->value] == kLog; }
  const VariableRef* final_of(uint32_t id) const {
    auto it = final_.find(id);
    return it == final_.end() ? nullptr : &it->second;
  }

 private:
  static bool is_written(const Trace& trace, const Variable& variable) {
    for (const auto& [written, value] : trace.written())
      if (written.get() == &variable) return true;
    return false;
  }
  std::vector<uint8_t> kind_;
  std::unordered_map<uint32_t, VariableRef> final_;
};

// Rebuilds values of the trace inside the current one, starting from variable reads.
class Rebuilder {
 public:
  Rebuilder(const Trace& trace, const Classifier& classes)
      : trace_(trace), classes_(classes), made_(trace.value_count()) {
    for (size_t i = 0; i < trace.nodes().size(); ++i)
      for (const Tensor& out : trace.nodes()[i]->outputs) producer_[out.get()->value] = i;
  }
  Tensor get(const Tensor& t) {
    if (!t.is_symbol()) return t;
    const uint32_t id = t.get()->value;
    if (made_[id]) return made_[id];
    if (const VariableRef* variable = classes_.final_of(id)) return made_[id] = (*variable)->read();
    const Node& node = *trace_.nodes()[producer_.at(id)];
    Tensors inputs;
    for (const Tensor& in : node.inputs) inputs.push_back(get(in));
    Tensors outputs = apply(*node.op, std::move(inputs), node.attrs);
    for (size_t k = 0; k < outputs.size(); ++k) made_[node.outputs[k].get()->value] = outputs[k];
    return made_[id];
  }

 private:
  const Trace& trace_;
  const Classifier& classes_;
  Tensors made_;
  std::unordered_map<uint32_t, size_t> producer_;
};

}  // namespace

LogSplit split_logs(const Trace& trace) {
  RV_CHECK(trace.finished());
  const Classifier classes(trace);
  LogSplit split;
  Tensors stays, logs;
  for (const Tensor& output : trace.outputs()) {
    const bool log = classes.is_log(output);
    split.places.push_back(log ? -1 - static_cast<int>(logs.size())
                               : static_cast<int>(stays.size()));
    (log ? logs : stays).push_back(output);
  }
  split.step = trace.with_outputs(std::move(stays));
  split.logs = make_ref<Trace>();
  const EnvGuard guard(nullptr);
  const EnvGuard inner(split.logs.get());
  Rebuilder rebuilder(trace, classes);
  Tensors results;
  for (const Tensor& log : logs) results.push_back(rebuilder.get(log));
  split.logs->finish(std::move(results));
  return split;
}

}  // namespace ranvier
