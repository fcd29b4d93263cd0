// Gradient of a scan: a scan in the other direction that carries the gradient of the carry.
//
//   forward    the scan again, that also stacks what the gradient reads of each step: the carries
//   it
//              began with and the kept values. In a program the compiler merges it with the scan
//              itself (passes/merge_scans.cpp).
//   backward   carry: gradients of the floating carries, sums of the gradients of wanted constants
//              xs: the stacked values, the scan's own xs, gradients of its stacked outputs
//              constants: the scan's own
//              stacked: gradients of the xs

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/scan_kept.h"
#include "ops/support.h"
#include "tensor/tape.h"

namespace ranvier::ops {
namespace {

// A scan node and what its gradient needs to know of it.
struct ScanView {
  const Node& node;
  const Trace& body;
  size_t n_carry, n_xs, n_inputs;
  int64_t length;
  bool reverse;

  explicit ScanView(const Node& n)
      : node(n),
        body(*n.attrs.body("body")),
        n_carry(static_cast<size_t>(n.attrs.integer("n_carry"))),
        n_xs(static_cast<size_t>(n.attrs.integer("n_xs"))),
        n_inputs(n.inputs.size()),
        length(n.attrs.integer("length")),
        reverse(n.attrs.flag("reverse", false)) {}

  size_t first_constant() const { return n_carry + n_xs; }
  const Tensor& symbol(size_t input) const { return body.inputs()[input].symbol; }
};

Tensors apply_scan(const TraceRef& body, Tensors operands, size_t n_carry, size_t n_xs,
                   int64_t length, bool reverse) {
  return apply(kScan, std::move(operands),
               {{"body", body},
                {"n_carry", static_cast<int64_t>(n_carry)},
                {"n_xs", static_cast<int64_t>(n_xs)},
                {"length", length},
                {"reverse", reverse}});
}

// Values of a body by their numbers.
class Values {
 public:
  explicit Values(const Trace& body) : found_(body.value_count()) {}
  Tensor& operator[](const Tensor& symbol) { return found_[symbol.get()->value]; }
  Tensor resolve(const Tensor& t) const { return t.is_symbol() ? found_[t.get()->value] : t; }
  Tensors resolve(TensorSpan tensors) const {
    Tensors result;
    for (const Tensor& t : tensors) result.push_back(resolve(t));
    return result;
  }

 private:
  Tensors found_;
};

void append(Tensors& list, TensorSpan more) { list.insert(list.end(), more.begin(), more.end()); }

class ScanGradient {
 public:
  explicit ScanGradient(const VjpArgs& args) : args_(args), scan_(args.node) {
    for (size_t i = 0; i < scan_.n_inputs; ++i) {
      if (i < scan_.n_carry) {
        if (is_floating(scan_.symbol(i).dtype())) carries_.push_back(i);
      } else if (args.needs[i]) {
        (i < scan_.first_constant() ? sequences_ : constants_).push_back(i);
      }
    }
    for (size_t i = scan_.n_carry; i < args.grads.size(); ++i)
      if (args.grads[i]) stacked_.push_back(i);
    for (const TraceInput& input : scan_.body.inputs()) values_.push_back(input.symbol);
    for (const NodeRef& node : scan_.body.nodes()) append(values_, node->outputs);
  }

  Tensors run() {
    trace_step();
    kept_ = choose_kept(scan_.body, read_values());
    const Tensors outputs = apply_backward();
    Tensors results(scan_.n_inputs);
    size_t next = 0;
    for (const auto* list : {&carries_, &sums_, &sequences_})
      for (const size_t i : *list) results[i] = outputs[next++];
    for (size_t i = 0; i < scan_.n_inputs; ++i)
      if (!args_.needs[i]) results[i] = Tensor();
    return results;
  }

 private:
  // step_: (gradients of the carry, of the stacked outputs, every value of the body) ->
  // (gradients of the carry, of the x slices, of the constants in sums_)
  void trace_step() {
    Specs specs;
    for (const size_t i : carries_) specs.push_back(scan_.symbol(i).spec());
    for (const size_t i : stacked_) specs.push_back(scan_.body.outputs()[i].spec());
    const size_t n_given = specs.size();
    for (const Tensor& value : values_) specs.push_back(value.spec());
    step_ = trace_of(specs, [&](TensorSpan symbols) {
      Values values(scan_.body);
      for (size_t i = 0; i < values_.size(); ++i) values[values_[i]] = symbols[n_given + i];
      return gradients_of_step(symbols.first(n_given), values);
    });
  }

  Tensors gradients_of_step(TensorSpan given, const Values& values) {
    std::vector<NodeRef> nodes;
    for (const NodeRef& node : scan_.body.nodes()) {
      nodes.push_back(make_ref<Node>());
      nodes.back()->op = node->op;
      nodes.back()->attrs = node->attrs;
      nodes.back()->inputs = values.resolve(node->inputs);
      nodes.back()->outputs = values.resolve(node->outputs);
      nodes.back()->site = node->site;
    }
    Tensors targets, sources;
    for (const auto* list : {&carries_, &stacked_})
      for (const size_t i : *list) targets.push_back(values.resolve(scan_.body.outputs()[i]));
    for (const auto* list : {&carries_, &sequences_, &constants_})
      for (const size_t i : *list) sources.push_back(values.resolve(scan_.symbol(i)));
    Tensors found = backward(nodes, targets, given, sources);
    const size_t n_steps = carries_.size() + sequences_.size();
    for (size_t i = 0; i < n_steps; ++i)
      if (!found[i]) found[i] = zeros(sources[i].spec());
    for (size_t i = 0; i < constants_.size(); ++i)
      if (found[n_steps + i]) sums_.push_back(constants_[i]);
    std::erase_if(found, [](const Tensor& t) { return !t; });
    return found;
  }

  // Which values of the body the step reads, by their numbers.
  std::vector<uint8_t> read_values() const {
    std::vector<uint8_t> used(step_->value_count(), 0), read(scan_.body.value_count(), 0);
    const auto use = [&](const Tensor& t) {
      if (t.is_symbol()) used[t.get()->value] = 1;
    };
    for (const Tensor& output : step_->outputs()) use(output);
    const TraceRef needed = step_->part({}, step_->outputs());
    for (const NodeRef& node : needed->nodes())
      for (const Tensor& input : node->inputs) use(input);
    const size_t n_given = carries_.size() + stacked_.size();
    for (size_t i = 0; i < values_.size(); ++i)
      read[values_[i].get()->value] = used[step_->inputs()[n_given + i].symbol.get()->value];
    return read;
  }

  // Values of the body in every step: outputs of the scan where it has them, else of the forward
  // scan.
  Tensors stack(const Tensors& symbols) const {
    const Tensors& outputs = scan_.body.outputs();
    const auto carry_end = outputs.begin() + static_cast<ptrdiff_t>(scan_.n_carry);
    const auto place = [&](const Tensor& symbol) {
      return static_cast<size_t>(std::find(carry_end, outputs.end(), symbol) - outputs.begin());
    };
    Tensors wanted(outputs.begin(), carry_end), stacked, result;
    for (const Tensor& symbol : symbols)
      if (place(symbol) == outputs.size()) wanted.push_back(symbol);
    if (wanted.size() > scan_.n_carry)
      stacked = apply_scan(scan_.body.with_outputs(std::move(wanted)), scan_.node.inputs,
                           scan_.n_carry, scan_.n_xs, scan_.length, scan_.reverse);
    size_t next = scan_.n_carry;
    for (const Tensor& symbol : symbols) {
      const size_t output = place(symbol);
      result.push_back(output < outputs.size() ? scan_.node.outputs[output] : stacked[next++]);
    }
    return result;
  }

  Tensors apply_backward() const {
    Tensors operands, known;  // known: the values of the body that the later operands are
    for (const size_t i : carries_)
      operands.push_back(args_.grads[i] ? args_.grads[i] : zeros(scan_.symbol(i).spec()));
    for (const size_t i : sums_) operands.push_back(zeros(scan_.symbol(i).spec()));
    const size_t n_carry = operands.size();
    for (const size_t i : stacked_) operands.push_back(args_.grads[i]);
    const size_t n_given = operands.size();
    for (size_t i = 0; i < scan_.n_carry; ++i)
      if (kept_.inputs[i]) known.push_back(scan_.symbol(i));
    append(known, kept_.values);
    append(operands, stack(known));
    size_t n_xs = operands.size() - n_carry;
    for (size_t i = scan_.n_carry; i < scan_.n_inputs; ++i) {
      if (!kept_.inputs[i]) continue;
      known.push_back(scan_.symbol(i));
      operands.push_back(scan_.node.inputs[i]);
      n_xs += i < scan_.first_constant();
    }
    Specs specs;
    for (size_t i = 0; i < operands.size(); ++i) {
      specs.push_back(operands[i].spec());
      if (i >= n_carry && i < n_carry + n_xs) specs[i].shape = specs[i].shape.erase(0);
    }
    const TraceRef body = trace_of(specs, [&](TensorSpan symbols) {
      return replay_step(symbols.first(n_given), known, symbols.subspan(n_given));
    });
    return apply_scan(body, std::move(operands), n_carry, n_xs, scan_.length, !scan_.reverse);
  }

  // (gradients of the carry, sums, gradients of the stacked outputs), (values of `known`) ->
  // (gradients of the carry, sums, gradients of the x slices)
  Tensors replay_step(TensorSpan given, const Tensors& known, TensorSpan symbols) const {
    const size_t n_carries = carries_.size(), n_sums = sums_.size(), n_xs = sequences_.size();
    Values values(scan_.body);
    for (size_t i = 0; i < known.size(); ++i) values[known[i]] = symbols[i];
    for (const NodeRef& node : kept_.again) {
      const SiteScope scope(node->site);
      const Tensors outputs = apply(*node->op, values.resolve(node->inputs), node->attrs);
      for (size_t i = 0; i < outputs.size(); ++i) values[node->outputs[i]] = outputs[i];
    }
    Tensors arguments(given.begin(), given.begin() + static_cast<ptrdiff_t>(n_carries)), inputs,
        operands;
    append(arguments, given.subspan(n_carries + n_sums));
    append(arguments, values.resolve(values_));
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (!arguments[i]) continue;
      inputs.push_back(step_->inputs()[i].symbol);
      operands.push_back(arguments[i]);
    }
    const Tensors found = replay(*step_->part(inputs, step_->outputs()), operands);
    const TensorSpan all(found);
    Tensors outputs(found.begin(), found.begin() + static_cast<ptrdiff_t>(n_carries));
    for (size_t i = 0; i < n_sums; ++i)
      outputs.push_back(accumulate(given[n_carries + i], all[n_carries + n_xs + i]));
    append(outputs, all.subspan(n_carries, n_xs));
    return outputs;
  }

  const VjpArgs& args_;
  const ScanView scan_;
  std::vector<size_t> carries_;    // floating carries
  std::vector<size_t> constants_;  // inputs that are wanted constants
  std::vector<size_t> sequences_;  // inputs that are wanted xs
  std::vector<size_t> stacked_;    // outputs that are stacked and have a gradient
  Tensors values_;                 // of the body: inputs, and outputs of its nodes
  TraceRef step_;
  std::vector<size_t> sums_;  // the constants that a step has a gradient of
  KeptValues kept_;
};

}  // namespace

Tensors vjp_scan(const VjpArgs& args) { return ScanGradient(args).run(); }

}  // namespace ranvier::ops
