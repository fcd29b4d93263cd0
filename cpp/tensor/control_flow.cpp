#include "tensor/control_flow.h"

#include <algorithm>

#include "base/error.h"
#include "ops/scan_hoist.h"

namespace ranvier {
namespace {

using Kind = TraceInput::Kind;
using Inputs = std::vector<TraceInput>;

TraceRef trace_body(const BodyFn& fn, const Specs& arguments) {
  auto trace = make_ref<Trace>();
  const EnvGuard guard(trace.get());
  Tensors symbols;
  for (const TypeSpec& spec : arguments) symbols.push_back(trace->add_argument(spec));
  trace->finish(fn(symbols));
  return trace;
}

// Adds to `list` what `trace` takes from outside and the list does not have yet.
void add_outer_inputs(Inputs& list, const Trace& trace) {
  for (const TraceInput& input : trace.inputs()) {
    if (input.kind == Kind::Argument) continue;
    const bool known = std::any_of(list.begin(), list.end(), [&](const TraceInput& other) {
      return other.same_source(input);
    });
    if (!known) list.push_back(input);
  }
}

TraceInput variable_input(const VariableRef& variable) {
  return {Kind::Variable, Tensor::symbol(variable->spec(), 0, 0), {}, variable};
}

void add_variable(Inputs& list, const VariableRef& variable) {
  const TraceInput input = variable_input(variable);
  const bool known = std::any_of(list.begin(), list.end(),
                                 [&](const TraceInput& other) { return other.same_source(input); });
  if (!known) list.push_back(input);
}

Tensor operand_of(const TraceInput& input) {
  return input.kind == Kind::Variable ? input.variable->read() : input.outer;
}

std::vector<VariableRef> written_variables(std::initializer_list<const Trace*> traces) {
  std::vector<VariableRef> variables;
  for (const Trace* trace : traces)
    for (const auto& [variable, value] : trace->written())
      if (std::find(variables.begin(), variables.end(), variable) == variables.end())
        variables.push_back(variable);
  return variables;
}

void check_same_outputs(const char* op, const char* what, TensorSpan expected,
                        TensorSpan received) {
  if (expected.size() != received.size())
    fail<ShapeError>(op, ": ", what, " differ in number. Expected ", expected.size(),
                     " tensors. Received: ", received.size(), ".");
  for (size_t i = 0; i < expected.size(); ++i)
    if (expected[i].spec() != received[i].spec())
      fail<ShapeError>(op, ": ", what, " differ at position ", i, ". Expected ",
                       expected[i].spec().str(), ". Received: ", received[i].spec().str(),
                       ". Hint: cast or reshape so that both agree.");
}

// Assigns the last outputs to the written variables and returns the others.
Tensors perform_writes(Tensors outputs, size_t position, const std::vector<VariableRef>& written) {
  for (size_t i = 0; i < written.size(); ++i) written[i]->assign(outputs[position + i]);
  outputs.erase(outputs.begin() + static_cast<ptrdiff_t>(position),
                outputs.begin() + static_cast<ptrdiff_t>(position + written.size()));
  return outputs;
}

// The inputs of a loop body as operands see them: arguments, then written variables (carried), then
// the rest.
struct LoopInputs {
  Inputs order;
  std::vector<VariableRef> written;
  Tensors outer;  // operands of the rest, in order
};

LoopInputs loop_inputs(const char* op, const Trace& body, size_t n_carry, const Trace* condition) {
  LoopInputs loop;
  loop.written = written_variables({&body});
  if (condition && !condition->written().empty())
    fail<GraphError>(op, ": the condition assigns variable '",
                     condition->written()[0].first->name(),
                     "'. Expected a condition without side effects. Hint: assign in the body.");
  Inputs rest;
  add_outer_inputs(rest, body);
  if (condition) add_outer_inputs(rest, *condition);
  std::erase_if(rest, [&](const TraceInput& input) {
    return input.kind == Kind::Variable && std::find(loop.written.begin(), loop.written.end(),
                                                     input.variable) != loop.written.end();
  });
  for (size_t i = 0; i < n_carry; ++i) loop.order.push_back(body.inputs()[i]);
  for (const VariableRef& variable : loop.written) loop.order.push_back(variable_input(variable));
  for (const TraceInput& input : body.inputs())
    if (input.kind == Kind::Argument &&
        std::none_of(loop.order.begin(), loop.order.end(),
                     [&](const TraceInput& o) { return o.symbol == input.symbol; }))
      loop.order.push_back(input);  // slices of xs
  for (const TraceInput& input : rest) {
    loop.order.push_back(input);
    loop.outer.push_back(operand_of(input));
  }
  return loop;
}

}  // namespace

Tensors cond(const Tensor& predicate, const std::function<Tensors()>& then_fn,
             const std::function<Tensors()>& else_fn) {
  static const OpRecord& record = *find_op("cond");
  if (!current_trace()) return *predicate.data_as<bool>() ? then_fn() : else_fn();

  const TraceRef then_trace = trace_body([&](TensorSpan) { return then_fn(); }, {});
  const TraceRef else_trace = trace_body([&](TensorSpan) { return else_fn(); }, {});
  check_same_outputs("cond", "results of the two branches", then_trace->outputs(),
                     else_trace->outputs());
  const size_t n_results = then_trace->outputs().size();
  const auto written = written_variables({then_trace.get(), else_trace.get()});
  Inputs order;
  add_outer_inputs(order, *then_trace);
  add_outer_inputs(order, *else_trace);
  for (const VariableRef& variable : written) add_variable(order, variable);

  Tensors operands{predicate};
  for (const TraceInput& input : order) operands.push_back(operand_of(input));
  Tensors outputs = apply(record, std::move(operands),
                          {{"then_body", then_trace->closed(order, written, n_results)},
                           {"else_body", else_trace->closed(order, written, n_results)}});
  return perform_writes(std::move(outputs), n_results, written);
}

Tensors while_loop(const BodyFn& condition, const BodyFn& body, Tensors carry,
                   int64_t max_iterations) {
  static const OpRecord& record = *find_op("while");
  static const OpRecord& logical_and = *find_op("logical_and");
  if (max_iterations >= 0) {
    // A scan whose body is skipped once the condition has failed; this form has a gradient.
    Tensors flagged{Tensor::full_int(DType::Bool, {}, 1)};
    flagged.insert(flagged.end(), carry.begin(), carry.end());
    Tensors result = scan(
        [&](TensorSpan state) {
          const TensorSpan values = state.subspan(1);
          Tensor active = apply1(logical_and, {state[0], condition(values).at(0)});
          Tensors next = cond(
              active, [&] { return body(values); },
              [&] { return Tensors(values.begin(), values.end()); });
          next.insert(next.begin(), active);
          return next;
        },
        std::move(flagged), {}, max_iterations, false);
    result.erase(result.begin());
    return result;
  }

  const Specs specs = specs_of(carry);
  const TraceRef condition_trace = trace_body(condition, specs);
  const TraceRef body_trace = trace_body(body, specs);
  check_same_outputs("while_loop", "loop variables before and after the body", carry,
                     body_trace->outputs());
  if (condition_trace->outputs().size() != 1 ||
      condition_trace->outputs()[0].spec() != TypeSpec{DType::Bool, {}})
    fail<ShapeError>(
        "while_loop: the condition must give one boolean scalar. Received: ",
        condition_trace->outputs().empty() ? "nothing" : condition_trace->outputs()[0].spec().str(),
        ".");
  LoopInputs loop = loop_inputs("while_loop", *body_trace, carry.size(), condition_trace.get());
  const size_t n_results = carry.size();
  for (const VariableRef& variable : loop.written) carry.push_back(variable->read());
  const auto n_carry = static_cast<int64_t>(carry.size());
  Inputs condition_order = loop.order;
  for (size_t i = 0; i < n_results; ++i) condition_order[i] = condition_trace->inputs()[i];
  carry.insert(carry.end(), loop.outer.begin(), loop.outer.end());
  Tensors outputs = apply(record, std::move(carry),
                          {{"body", body_trace->closed(loop.order, loop.written, n_results)},
                           {"cond_body", condition_trace->closed(condition_order, {}, 0)},
                           {"n_carry", n_carry}});
  return perform_writes(std::move(outputs), n_results, loop.written);
}

Tensors scan(const BodyFn& body, Tensors carry, Tensors xs, int64_t length, bool reverse) {
  static const OpRecord& record = *find_op("scan");
  Specs specs = specs_of(carry);
  for (const Tensor& x : xs) {
    if (x.rank() == 0 || (length >= 0 && x.shape()[0] != length))
      fail<ShapeError>("scan: every sequence needs a leading axis of the same length. Expected ",
                       length, " steps. Received: ", x.spec().str(), ".");
    length = x.shape()[0];
    specs.push_back({x.dtype(), x.shape().erase(0)});
  }
  if (length < 0)
    fail<ShapeError>(
        "scan: without sequences the number of steps is not known. Hint: pass length.");
  const TraceRef trace = trace_body(body, specs);
  if (trace->outputs().size() < carry.size())
    fail<ShapeError>(
        "scan: the body must return the carry and the outputs of a step. Expected at least ",
        carry.size(), " tensors. Received: ", trace->outputs().size(), ".");
  check_same_outputs("scan", "carried tensors before and after the body", carry,
                     TensorSpan(trace->outputs()).first(carry.size()));
  LoopInputs loop = loop_inputs("scan", *trace, carry.size(), nullptr);
  const size_t n_results = carry.size();
  for (const VariableRef& variable : loop.written) carry.push_back(variable->read());
  ops::Loop all{trace->closed(loop.order, loop.written, n_results), carry, carry.size(), xs.size()};
  all.operands.insert(all.operands.end(), xs.begin(), xs.end());
  all.operands.insert(all.operands.end(), loop.outer.begin(), loop.outer.end());
  ops::hoist(all);
  Tensors outputs = apply(record, std::move(all.operands),
                          {{"body", all.body},
                           {"n_carry", static_cast<int64_t>(all.n_carry)},
                           {"n_xs", static_cast<int64_t>(all.n_xs)},
                           {"length", length},
                           {"reverse", reverse}});
  return perform_writes(std::move(outputs), n_results, loop.written);
}

ClosedBody close_over(const BodyFn& fn, const Specs& arguments) {
  const TraceRef trace = trace_body(fn, arguments);
  if (!trace->written().empty())
    fail<GraphError>("closure: the function assigns variable '", trace->written()[0].first->name(),
                     "'. Expected a function without side effects.");
  Inputs order(trace->inputs().begin(),
               trace->inputs().begin() + static_cast<ptrdiff_t>(arguments.size()));
  add_outer_inputs(order, *trace);
  ClosedBody closed{trace->closed(order, {}, 0), {}};
  for (size_t i = arguments.size(); i < order.size(); ++i)
    closed.outer.push_back(operand_of(order[i]));
  return closed;
}

Tensors call(const Trace& trace, TensorSpan arguments) {
  static const OpRecord& record = *find_op("call");
  const auto written = written_variables({&trace});
  Inputs order = trace.inputs();
  for (const VariableRef& variable : written) add_variable(order, variable);
  Tensors operands;
  size_t next = 0;
  for (const TraceInput& input : order)
    operands.push_back(input.kind == Kind::Argument ? arguments[next++] : operand_of(input));
  RV_CHECK(next == arguments.size());
  const TraceRef body = trace.closed(order, written, trace.outputs().size());
  Tensors outputs = current_trace() ? replay(*body, operands)
                                    : apply(record, std::move(operands), {{"body", body}});
  return perform_writes(std::move(outputs), trace.outputs().size(), written);
}

}  // namespace ranvier
