// Gradient of a scan: a scan in the other direction that carries the gradient of the carry.
//
// forward   the scan again, with what the gradient reads of each step as outputs: the carries it
//           began with and the kept values. In a program the compiler merges it with the scan
//           itself (passes/merge_scans.cpp).
// backward  carry: gradients of the floating carries, sums of gradients of constants
//           xs: gradients of the stacked outputs, what the forward scan stacked, the scan's xs
//           constants: the scan's own
//           stacked outputs: gradients of the xs, and what other gradients of constants are made
//           from when all steps are done (scan_rows.h)

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/scan_kept.h"
#include "ops/scan_rows.h"
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

bool contains(const Tensors& list, const Tensor& t) {
  return std::find(list.begin(), list.end(), t) != list.end();
}

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
    choose_row_sums();
    kept_ = choose_kept(scan_.body, read_values());
    collect_known();
    const Tensors outputs = apply_backward();
    Tensors results(scan_.n_inputs);
    size_t next = 0;
    for (const auto* list : {&carries_, &sums_, &sequences_})
      for (const size_t i : *list) results[i] = outputs[next++];
    for (const RowSums& one : row_sums_) results[one.input] = sum_rows(one, outputs);
    for (size_t i = 0; i < scan_.n_inputs; ++i)
      if (!args_.needs[i]) results[i] = Tensor();
    return results;
  }

 private:
  // step_: (gradients of the carry, of the stacked outputs, every value of the body) ->
  // (gradients of the carry, of the x slices, of the constants; null where there is none)
  void trace_step() {
    Specs specs;
    for (const size_t i : carries_) specs.push_back(scan_.symbol(i).spec());
    for (const size_t i : stacked_) specs.push_back(scan_.body.outputs()[i].spec());
    const size_t n_given = specs.size();
    for (const Tensor& value : values_) specs.push_back(value.spec());
    step_ = trace_of(specs, [&](TensorSpan symbols) {
      Values values(scan_.body);
      for (size_t i = 0; i < values_.size(); ++i) values[values_[i]] = symbols[n_given + i];
      gradients_ = gradients_of_step(symbols.first(n_given), values);
      return Tensors{};
    });
  }

  Tensors gradients_of_step(TensorSpan given, const Values& values) const {
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
    for (size_t i = 0; i < carries_.size() + sequences_.size(); ++i)
      if (!found[i]) found[i] = zeros(sources[i].spec());
    return found;
  }

  // Which gradients of constants are row sums, whose operands take less memory, step for step, than
  // a sum that each step reads and writes; and what a step backwards makes:
  // results_ = gradients of the carry, terms of sums_, gradients of the x slices, operands
  void choose_row_sums() {
    const auto constants =
        gradients_.begin() + static_cast<ptrdiff_t>(carries_.size() + sequences_.size());
    results_.assign(gradients_.begin(), constants);
    const auto sequences = results_.begin() + static_cast<ptrdiff_t>(carries_.size());
    Tensors terms, stacked(sequences, results_.end());
    // The largest first: their operands are often those of the smaller ones.
    std::vector<size_t> order;
    for (size_t i = 0; i < constants_.size(); ++i)
      if (constants[static_cast<ptrdiff_t>(i)]) order.push_back(i);
    const auto bytes_of = [&](size_t i) { return scan_.symbol(constants_[i]).spec().bytes(); };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return bytes_of(a) > bytes_of(b); });
    for (const size_t i : order) {
      const Tensor& gradient = constants[static_cast<ptrdiff_t>(i)];
      RowSums sums{constants_[i], row_terms(*step_, gradient)};
      const Tensors more = unstacked_operands(sums, stacked);
      size_t bytes = 0;
      for (const Tensor& t : more) bytes += t.spec().bytes();
      if (sums.terms.empty() || scan_.length == 0 || bytes > 2 * bytes_of(i)) {
        sums_.push_back(constants_[i]);
        terms.push_back(gradient);
      } else {
        append(stacked, more);
        row_sums_.push_back(std::move(sums));
      }
    }
    results_.resize(carries_.size());
    append(results_, terms);
    append(results_, stacked);
  }

  // Operands that are neither among `stacked` nor something that the step is given slices of.
  Tensors unstacked_operands(const RowSums& sums, const Tensors& stacked) const {
    Tensors more;
    for (const Node* term : sums.terms)
      for (const Tensor& t : term->inputs)
        if (!is_slice(t) && !contains(stacked, t) && !contains(more, t)) more.push_back(t);
    return more;
  }

  // Whether the value of step_ is an argument that has another value in each step.
  bool is_slice(const Tensor& value) const {
    const size_t i = argument(value);
    const size_t first = carries_.size() + stacked_.size();
    return i >= carries_.size() && i < step_->inputs().size() &&
           (i < first + scan_.first_constant() || i >= first + scan_.n_inputs);
  }

  size_t argument(const Tensor& value) const {
    const auto& inputs = step_->inputs();
    return static_cast<size_t>(
        std::find_if(inputs.begin(), inputs.end(),
                     [&](const TraceInput& input) { return input.symbol == value; }) -
        inputs.begin());
  }

  // Which values of the body the gradients read, by their numbers.
  std::vector<uint8_t> read_values() const {
    std::vector<uint8_t> used(step_->value_count(), 0), read(scan_.body.value_count(), 0);
    const auto use = [&](const Tensor& t) {
      if (t.is_symbol()) used[t.get()->value] = 1;
    };
    for (const Tensor& result : results_) use(result);
    for (const RowSums& sums : row_sums_)
      for (const Node* term : sums.terms)
        for (const Tensor& t : term->inputs) use(t);
    const TraceRef needed = step_->part({}, results_);
    for (const NodeRef& node : needed->nodes())
      for (const Tensor& input : node->inputs) use(input);
    const size_t n_given = carries_.size() + stacked_.size();
    for (size_t i = 0; i < values_.size(); ++i)
      read[values_[i].get()->value] = used[step_->inputs()[n_given + i].symbol.get()->value];
    return read;
  }

  // known_: the values of the body that a step backwards is given; known_operands_: for all steps,
  // or for every one.
  void collect_known() {
    for (size_t i = 0; i < scan_.n_carry; ++i)
      if (kept_.inputs[i]) known_.push_back(scan_.symbol(i));
    append(known_, kept_.values);
    known_operands_ = stack(known_);
    for (size_t i = scan_.n_carry; i < scan_.n_inputs; ++i) {
      if (i == scan_.first_constant()) n_known_slices_ = known_.size();
      if (!kept_.inputs[i]) continue;
      known_.push_back(scan_.symbol(i));
      known_operands_.push_back(scan_.node.inputs[i]);
    }
    if (scan_.n_inputs == scan_.first_constant()) n_known_slices_ = known_.size();
    // What is computed again and wanted of all steps is stacked like the other operands.
    for (const RowSums& sums : row_sums_)
      for (const Node* term : sums.terms)
        for (const Tensor& t : term->inputs)
          if (!slices_of(t) && !contains(results_, t)) results_.push_back(t);
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
    Tensors operands;
    for (const size_t i : carries_)
      operands.push_back(args_.grads[i] ? args_.grads[i] : zeros(scan_.symbol(i).spec()));
    for (const size_t i : sums_) operands.push_back(zeros(scan_.symbol(i).spec()));
    const size_t n_carry = operands.size(), n_xs = stacked_.size() + n_known_slices_;
    for (const size_t i : stacked_) operands.push_back(args_.grads[i]);
    append(operands, known_operands_);
    Specs specs = specs_of(operands);
    for (size_t i = n_carry; i < n_carry + n_xs; ++i) specs[i].shape = specs[i].shape.erase(0);
    const TraceRef body = trace_of(specs, [&](TensorSpan symbols) {
      const size_t n_given = n_carry + stacked_.size();
      return replay_step(symbols.first(n_given), symbols.subspan(n_given));
    });
    return apply_scan(body, std::move(operands), n_carry, n_xs, scan_.length, !scan_.reverse);
  }

  // (gradients of the carry, sums, gradients of the stacked outputs), (values of known_) ->
  // (gradients of the carry, sums, the rest of results_)
  Tensors replay_step(TensorSpan given, TensorSpan known) const {
    const size_t n_carries = carries_.size(), n_sums = sums_.size();
    Values values(scan_.body);
    for (size_t i = 0; i < known.size(); ++i) values[known_[i]] = known[i];
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
    Tensors outputs = replay(*step_->part(inputs, results_), operands);
    for (size_t i = n_carries; i < n_carries + n_sums; ++i)
      outputs[i] = accumulate(given[i], outputs[i]);
    return outputs;
  }

  // What the step is given slices of under this name; null where it makes the value itself.
  Tensor slices_of(const Tensor& value) const {
    const size_t i = argument(value), first = carries_.size() + stacked_.size();
    if (!is_slice(value)) return {};
    if (i < first) return args_.grads[stacked_[i - carries_.size()]];
    for (size_t k = 0; k < n_known_slices_; ++k)
      if (known_[k] == values_[i - first]) return known_operands_[k];
    return {};
  }

  Tensor sum_rows(const RowSums& sums, const Tensors& outputs) const {
    Tensor total;
    for (const Node* term : sums.terms) {
      Tensors stacked;
      for (const Tensor& t : term->inputs) {
        const Tensor slices = slices_of(t);
        const auto made =
            std::find(results_.begin() + static_cast<ptrdiff_t>(carries_.size() + sums_.size()),
                      results_.end(), t);
        stacked.push_back(slices ? slices : outputs[static_cast<size_t>(made - results_.begin())]);
      }
      total = accumulate(total, over_all_steps(*term, stacked));
    }
    return total;
  }

  const VjpArgs& args_;
  const ScanView scan_;
  std::vector<size_t> carries_;    // floating carries
  std::vector<size_t> constants_;  // inputs that are wanted constants
  std::vector<size_t> sequences_;  // inputs that are wanted xs
  std::vector<size_t> stacked_;    // outputs that are stacked and have a gradient
  Tensors values_;                 // of the body: inputs, and outputs of its nodes
  TraceRef step_;
  Tensors gradients_, results_;  // values of step_
  std::vector<size_t> sums_;     // the constants whose gradients are carried
  std::vector<RowSums> row_sums_;
  KeptValues kept_;
  Tensors known_, known_operands_;
  size_t n_known_slices_ = 0;
};

}  // namespace

Tensors vjp_scan(const VjpArgs& args) { return ScanGradient(args).run(); }

}  // namespace ranvier::ops
