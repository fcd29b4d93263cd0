#include "tensor/trace.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "tensor/apply.h"
#include "tensor/tape.h"

namespace ranvier {
namespace {

std::atomic<uint64_t> g_next_trace{1};
thread_local uint32_t t_remat = 0, t_region = 0;
std::atomic<uint32_t> g_next_remat{1};

Trace* trace_at(Env* env) { return dynamic_cast<Trace*>(env); }

std::string described(const Tensor& t) {
  return " (shape=" + t.shape().str() + ", dtype=" + name_of(t.dtype()) + ")";
}

[[noreturn]] void leaked(const Tensor& symbol) {
  fail<GraphError>(
      "trace: a traced tensor", described(symbol),
      " is used outside the function in which it was made. Expected a tensor of the running "
      "function. Hint: return it from the traced function instead of storing it in a global, a "
      "closure or an attribute.");
}

bool taped(const Tensor& value) {
  for (const Tape* tape : active_tapes())
    if (tape->tracks(value)) return true;
  return false;
}

void print_operand(std::ostream& out, const Tensor& t) {
  if (t.is_symbol())
    out << '%' << t.get()->value;
  else
    out << "const " << t.spec().str();
}

// Nodes of `trace` that `target` needs, oldest first; false when an input is among them.
bool constant_nodes(const Trace& trace, const Tensor& target, std::vector<NodeRef>& needed) {
  std::vector<uint8_t> wanted(trace.value_count(), 0);
  wanted[target.get()->value] = 1;
  for (size_t i = trace.nodes().size(); i-- > 0;) {
    const NodeRef& node = trace.nodes()[i];
    bool used = false;
    for (const Tensor& out : node->outputs) used |= wanted[out.get()->value] != 0;
    if (!used) continue;
    for (const Tensor& out : node->outputs) wanted[out.get()->value] = 0;
    for (const Tensor& in : node->inputs)
      if (in.is_symbol()) wanted[in.get()->value] = 1;
    needed.push_back(node);
  }
  for (uint8_t w : wanted)
    if (w) return false;
  std::reverse(needed.begin(), needed.end());
  return true;
}

}  // namespace

Trace::Trace() : id_(g_next_trace.fetch_add(1)) {}

Tensor Trace::new_symbol(const TypeSpec& spec) { return Tensor::symbol(spec, id_, value_count_++); }

Trace* Trace::enclosing() const {
  for (Env* env = enclosing_env(); env; env = env->enclosing_env())
    if (Trace* trace = trace_at(env)) return trace;
  return nullptr;
}

Tensor Trace::add_argument(const TypeSpec& spec) {
  Tensor symbol = new_symbol(spec);
  inputs_.push_back({TraceInput::Kind::Argument, symbol, {}, {}});
  return symbol;
}

Tensor Trace::capture(const Tensor& outer) {
  if (outer.is_symbol() && outer.get()->trace == id_) return outer;
  if (!outer.is_symbol() && !taped(outer)) return outer;
  if (auto it = captured_.find(outer.get()); it != captured_.end()) return it->second;
  if (outer.is_symbol()) {
    Trace* above = finished_ ? nullptr : enclosing();
    if (!above) leaked(outer);
    above->capture(outer);  // finds the owner, or throws
  }
  Tensor symbol = new_symbol(outer.spec());
  inputs_.push_back({TraceInput::Kind::Capture, symbol, outer, {}});
  captured_[outer.get()] = symbol;
  return symbol;
}

Tensor Trace::known_as(const Tensor& outer) const {
  auto it = captured_.find(outer.get());
  return it == captured_.end() ? outer : it->second;
}

Tensor Trace::import(Variable& variable, Tensor outer) {
  Tensor symbol = new_symbol(outer.spec());
  inputs_.push_back({TraceInput::Kind::Variable, symbol, {}, VariableRef(&variable)});
  return symbol;
}

Tensors Trace::add_node(const OpRecord& op, Tensors inputs, Attrs attrs, const Specs& outputs) {
  RV_CHECK(!finished_);
  auto node = make_ref<Node>();
  for (Tensor& input : inputs) input = capture(input);
  node->op = &op;
  node->attrs = std::move(attrs);
  node->inputs = std::move(inputs);
  for (const TypeSpec& spec : outputs) node->outputs.push_back(new_symbol(spec));
  node->site = current_site();
  node->remat = t_remat;
  node->region = t_region;
  nodes_.push_back(node);
  return node->outputs;
}

void Trace::finish(Tensors outputs) {
  RV_CHECK(!finished_);
  for (Tensor& output : outputs) output = capture(output);
  for (auto& [variable, value] : mutable_written()) value = capture(value);
  outputs_ = std::move(outputs);
  finished_ = true;
}

TraceRef Trace::closed(const std::vector<TraceInput>& order,
                       const std::vector<VariableRef>& written_order, size_t position) const {
  RV_CHECK(finished_);
  auto body = make_ref<Trace>();
  body->id_ = id_;  // the nodes' symbols stay valid
  body->value_count_ = value_count_;
  body->nodes_ = nodes_;
  size_t arguments = 0;
  for (const TraceInput& wanted : order) {
    auto mine = std::find_if(inputs_.begin(), inputs_.end(), [&](const TraceInput& input) {
      return wanted.kind == TraceInput::Kind::Argument ? input.symbol == wanted.symbol
                                                       : input.same_source(wanted);
    });
    const TypeSpec& spec = wanted.symbol.spec();
    Tensor symbol = mine != inputs_.end() ? mine->symbol : body->new_symbol(spec);
    arguments += mine != inputs_.end();
    body->inputs_.push_back({TraceInput::Kind::Argument, symbol, {}, {}});
  }
  RV_CHECK(arguments == inputs_.size());
  Tensors last_values;
  for (const VariableRef& variable : written_order) {
    auto last = std::find_if(written().begin(), written().end(),
                             [&](const auto& item) { return item.first == variable; });
    if (last != written().end()) {
      last_values.push_back(last->second);
      continue;
    }
    for (size_t i = 0; i < order.size(); ++i)
      if (order[i].kind == TraceInput::Kind::Variable && order[i].variable == variable)
        last_values.push_back(body->inputs_[i].symbol);
  }
  RV_CHECK(last_values.size() == written_order.size());
  body->outputs_ = outputs_;
  body->outputs_.insert(body->outputs_.begin() + static_cast<ptrdiff_t>(position),
                        last_values.begin(), last_values.end());
  body->finished_ = true;
  return body;
}

TraceRef Trace::with_outputs(Tensors outputs) const {
  RV_CHECK(finished_);
  auto copy = make_ref<Trace>();
  copy->id_ = id_;
  copy->value_count_ = value_count_;
  copy->inputs_ = inputs_;
  copy->nodes_ = nodes_;
  copy->mutable_written() = written();
  copy->outputs_ = std::move(outputs);
  copy->finished_ = true;
  return copy;
}

TraceRef Trace::part(TensorSpan inputs, Tensors outputs) const {
  RV_CHECK(finished_);
  auto copy = make_ref<Trace>();
  copy->id_ = id_;
  copy->value_count_ = value_count_;
  std::vector<uint8_t> wanted(value_count_, 0), given(value_count_, 0);
  for (const Tensor& input : inputs) {
    given[input.get()->value] = 1;
    copy->inputs_.push_back({TraceInput::Kind::Argument, input, {}, {}});
  }
  const auto want = [&](const Tensor& t) {
    if (t.is_symbol()) wanted[t.get()->value] = 1;
  };
  for (const Tensor& output : outputs) want(output);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Traits& traits = nodes_[i]->op->traits;
    const bool needed = std::any_of(
        nodes_[i]->outputs.begin(), nodes_[i]->outputs.end(),
        [&](const Tensor& t) { return wanted[t.get()->value] && !given[t.get()->value]; });
    if (!needed && !traits.effect && !traits.guard) continue;
    for (const Tensor& input : nodes_[i]->inputs) want(input);
    copy->nodes_.push_back(nodes_[i]);
  }
  std::reverse(copy->nodes_.begin(), copy->nodes_.end());
  copy->outputs_ = std::move(outputs);
  copy->finished_ = true;
  return copy;
}

std::string Trace::str() const {
  std::ostringstream out;
  for (const TraceInput& input : inputs_) {
    out << '%' << input.symbol.get()->value << " = ";
    if (input.kind == TraceInput::Kind::Argument)
      out << "argument";
    else if (input.kind == TraceInput::Kind::Capture)
      out << "capture";
    else
      out << "variable '" << input.variable->name() << '\'';
    out << " : " << input.symbol.spec().str() << '\n';
  }
  for (const NodeRef& node : nodes_) {
    for (size_t i = 0; i < node->outputs.size(); ++i)
      out << (i ? ", " : "") << '%' << node->outputs[i].get()->value;
    out << " = " << node->op->name << '(';
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (i) out << ", ";
      print_operand(out, node->inputs[i]);
    }
    out << ')' << node->attrs.str();
    for (const Tensor& output : node->outputs) out << " : " << output.spec().str();
    if (node->site) out << "  # " << site_text(node->site);
    out << '\n';
  }
  for (const auto& [variable, value] : written()) {
    out << "'" << variable->name() << "' <- ";
    print_operand(out, value);
    out << '\n';
  }
  out << "return";
  for (const Tensor& output : outputs_) {
    out << ' ';
    print_operand(out, output);
  }
  out << '\n';
  return out.str();
}

Trace* current_trace() {
  for (Env* env = current_env(); env; env = env->enclosing_env())
    if (Trace* trace = trace_at(env)) return trace;
  return nullptr;
}

Tensors replay(const Trace& trace, TensorSpan inputs) {
  RV_CHECK(trace.finished() && inputs.size() == trace.inputs().size());
  Tensors values(trace.value_count());
  for (size_t i = 0; i < inputs.size(); ++i)
    values[trace.inputs()[i].symbol.get()->value] = inputs[i];
  auto resolve = [&](const Tensor& t) { return t.is_symbol() ? values[t.get()->value] : t; };
  const SiteScope scope(current_site());
  for (const NodeRef& node : trace.nodes()) {
    Tensors operands;
    for (const Tensor& input : node->inputs) operands.push_back(resolve(input));
    set_current_site(node->site);
    Tensors results = apply(*node->op, std::move(operands), node->attrs);
    for (size_t i = 0; i < results.size(); ++i) values[node->outputs[i].get()->value] = results[i];
  }
  Tensors outputs;
  for (const Tensor& output : trace.outputs()) outputs.push_back(resolve(output));
  return outputs;
}

void throw_value_needed(const Tensor& symbol) {
  for (Env* env = current_env(); env; env = env->enclosing_env())
    if (const Trace* trace = trace_at(env); trace && trace->id() == symbol.get()->trace)
      fail<GraphError>(
          "tensor: the value of a traced tensor", described(symbol),
          " is not known while its function is being traced. Hint: use ops (ops.where, "
          "ops.cond, ops.while_loop) instead of Python's if, while, int() or NumPy on it, "
          "or run without compilation (run_eagerly=True).");
  leaked(symbol);
}

Tensor constant_value(const Tensor& symbol) {
  if (!symbol.is_symbol()) return symbol;
  for (Env* env = current_env(); env; env = env->enclosing_env()) {
    Trace* trace = trace_at(env);
    if (!trace || trace->id() != symbol.get()->trace) continue;
    std::vector<NodeRef> needed;
    if (!constant_nodes(*trace, symbol, needed)) return {};
    std::unordered_map<uint32_t, Tensor> values;
    for (const NodeRef& node : needed) {
      Tensors operands;
      for (const Tensor& in : node->inputs)
        operands.push_back(in.is_symbol() ? values.at(in.get()->value) : in);
      Tensors results = run_eager(*node->op, operands, node->attrs);
      for (size_t i = 0; i < results.size(); ++i)
        values[node->outputs[i].get()->value] = results[i];
    }
    return values.at(symbol.get()->value);
  }
  leaked(symbol);
}

uint32_t current_remat() { return t_remat; }
void set_current_remat(uint32_t group) { t_remat = group; }
uint32_t new_remat_group() { return g_next_remat.fetch_add(1); }
uint32_t current_region() { return t_region; }
void set_current_region(uint32_t region) { t_region = region; }

}  // namespace ranvier
