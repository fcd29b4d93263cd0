// Gradients of the structured ops, as structured ops again: so they have every further derivative.

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

ComposeFn replay_of(const Trace& body) {
  return [&body](TensorSpan inputs) { return replay(body, inputs); };
}

TypeSpec slice_spec(const TypeSpec& stacked) { return {stacked.dtype, stacked.shape.erase(0)}; }

}  // namespace

Tensors vjp_call(const VjpArgs& args) {
  const GradientTrace gradient = gradient_trace(args, replay_of(*args.node.attrs.body("body")));
  Tensors results(args.node.inputs.size());
  if (gradient.places.empty()) return results;
  const Tensors values = call(*gradient.trace, gradient.operands);
  for (size_t i = 0; i < values.size(); ++i) results[gradient.places[i]] = values[i];
  return results;
}

// A cond of the branches' gradients. An operand that one branch does not use gets zeros there.
Tensors vjp_cond(const VjpArgs& args) {
  const size_t n_operands = args.node.inputs.size() - 1;
  Tensors operands = args.node.inputs;
  Specs specs;
  for (size_t i = 0; i < n_operands; ++i) specs.push_back(input(args, i + 1).spec());
  for (const Tensor& grad : args.grads) {
    if (!grad) continue;
    operands.push_back(grad);
    specs.push_back(grad.spec());
  }
  const auto branch = [&](const Trace& body) {
    return trace_of(specs, [&](TensorSpan symbols) {
      Tensors grads;
      size_t next = n_operands;
      for (const Tensor& grad : args.grads) grads.push_back(grad ? symbols[next++] : Tensor());
      Tensors found = gradients_inside(replay_of(body), symbols.first(n_operands), grads,
                                       args.needs.subspan(1));
      Tensors outputs;
      for (size_t i = 0; i < n_operands; ++i) {
        if (args.needs[i + 1]) outputs.push_back(found[i] ? found[i] : zeros(specs[i]));
      }
      return outputs;
    });
  };
  const Attrs& attrs = args.node.attrs;
  const Tensors values = apply(kCond, operands,
                               {{"then_body", branch(*attrs.body("then_body"))},
                                {"else_body", branch(*attrs.body("else_body"))}});
  Tensors results(args.node.inputs.size());
  for (size_t i = 0, next = 0; i < n_operands; ++i) {
    if (args.needs[i + 1]) results[i + 1] = values[next++];
  }
  return results;
}

Tensors vjp_while(const VjpArgs&) {
  fail<GraphError>(
      "while_loop: no gradient for a loop of unknown length. Expected a bound on the iterations. "
      "Received: none. Hint: pass maximum_iterations, or use scan or fori_loop");
}

namespace {

// A scan node and what its gradient needs to know of it.
struct ScanView {
  const Node& node;
  const Trace& body;
  size_t n_carry, n_xs, n_inputs, n_outputs;
  int64_t length;
  bool reverse;

  explicit ScanView(const Node& n)
      : node(n),
        body(*n.attrs.body("body")),
        n_carry(static_cast<size_t>(n.attrs.integer("n_carry"))),
        n_xs(static_cast<size_t>(n.attrs.integer("n_xs"))),
        n_inputs(n.inputs.size()),
        n_outputs(n.outputs.size()),
        length(n.attrs.integer("length")),
        reverse(n.attrs.flag("reverse", false)) {}

  size_t first_constant() const { return n_carry + n_xs; }
  TypeSpec carry(size_t i) const { return node.inputs[i].spec(); }
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

// The carry that each step began with, where it is already an output of every step: the sequence
// moved by one, with the initial carry in front. A null Tensor where the scan does not put it out.
Tensor shifted_output(const ScanView& scan, size_t carry) {
  const Tensors& outputs = scan.body.outputs();
  for (size_t i = scan.n_carry; scan.length > 0 && i < outputs.size(); ++i) {
    if (!(outputs[i] == outputs[carry])) continue;
    const Tensor& stacked = scan.node.outputs[i];
    const Tensor first = expand_dims(scan.node.inputs[carry], 0);
    Ints starts(static_cast<size_t>(stacked.rank()), 0);
    Ints sizes(stacked.shape().begin(), stacked.shape().end());
    starts[0] = scan.reverse ? 1 : 0;
    sizes[0] = scan.length - 1;
    const Tensor others = slice(stacked, starts, sizes);
    return scan.reverse ? concat({others, first}, 0) : concat({first, others}, 0);
  }
  return {};
}

// The carries that the steps began with, stacked: from the outputs where they are, else by running
// the scan again with the carry as its output.
Tensors saved_carries(const ScanView& scan) {
  Tensors saved;
  for (size_t i = 0; i < scan.n_carry; ++i) saved.push_back(shifted_output(scan, i));
  if (std::all_of(saved.begin(), saved.end(), [](const Tensor& t) { return bool(t); }))
    return saved;
  Specs specs;
  for (const TraceInput& body_input : scan.body.inputs()) specs.push_back(body_input.symbol.spec());
  const TraceRef forward = trace_of(specs, [&](TensorSpan symbols) {
    Tensors outputs = replay(scan.body, symbols);
    outputs.resize(scan.n_carry);
    outputs.insert(outputs.end(), symbols.begin(),
                   symbols.begin() + static_cast<ptrdiff_t>(scan.n_carry));
    return outputs;
  });
  const Tensors outputs =
      apply_scan(forward, scan.node.inputs, scan.n_carry, scan.n_xs, scan.length, scan.reverse);
  return Tensors(outputs.begin() + static_cast<ptrdiff_t>(scan.n_carry), outputs.end());
}

// The operands of the reversed scan, in order, with the places their parts begin at:
//   carry: gradients of the floating carries, sums of the gradients of wanted constants
//   xs: saved carries, the original xs, gradients of the stacked outputs
//   constants: the original ones
struct BackwardScan {
  std::vector<size_t> carries;    // floating carries
  std::vector<size_t> constants;  // inputs that are wanted constants
  std::vector<size_t> sequences;  // inputs that are wanted xs
  std::vector<size_t> stacked;    // outputs that are stacked and have a gradient
  Tensors carry, xs;
};

BackwardScan backward_operands(const VjpArgs& args, const ScanView& scan) {
  BackwardScan back;
  for (size_t i = 0; i < scan.n_carry; ++i) {
    if (!is_floating(scan.carry(i).dtype)) continue;
    back.carries.push_back(i);
    back.carry.push_back(args.grads[i] ? args.grads[i] : zeros(scan.carry(i)));
  }
  for (size_t i = scan.first_constant(); i < scan.n_inputs; ++i) {
    if (!args.needs[i]) continue;
    back.constants.push_back(i);
    back.carry.push_back(zeros(scan.node.inputs[i].spec()));
  }
  back.xs = saved_carries(scan);
  for (size_t i = 0; i < scan.n_xs; ++i) {
    back.xs.push_back(scan.node.inputs[scan.n_carry + i]);
    if (args.needs[scan.n_carry + i]) back.sequences.push_back(scan.n_carry + i);
  }
  for (size_t i = scan.n_carry; i < scan.n_outputs; ++i) {
    if (!args.grads[i]) continue;
    back.stacked.push_back(i);
    back.xs.push_back(args.grads[i]);
  }
  return back;
}

// One step backwards: (carry, x slices, constants) -> (carry, gradients of the x slices).
Tensors backward_step(const ScanView& scan, const BackwardScan& back, TensorSpan symbols) {
  const size_t n_carry = back.carry.size();
  const TensorSpan slices = symbols.subspan(n_carry, back.xs.size());
  Tensors inputs(slices.begin(), slices.begin() + static_cast<ptrdiff_t>(scan.first_constant()));
  inputs.insert(inputs.end(), symbols.begin() + static_cast<ptrdiff_t>(n_carry + back.xs.size()),
                symbols.end());
  Tensors grads(scan.n_outputs);
  for (size_t i = 0; i < back.carries.size(); ++i) grads[back.carries[i]] = symbols[i];
  for (size_t i = 0; i < back.stacked.size(); ++i)
    grads[back.stacked[i]] = slices[scan.first_constant() + i];
  std::vector<uint8_t> needs(scan.n_inputs, 0);
  for (const auto* list : {&back.carries, &back.constants, &back.sequences}) {
    for (const size_t i : *list) needs[i] = 1;
  }
  const Tensors found = gradients_inside(replay_of(scan.body), inputs, grads, needs);
  const auto or_zeros = [&](size_t i) { return found[i] ? found[i] : zeros(inputs[i].spec()); };
  Tensors outputs;
  for (const size_t i : back.carries) outputs.push_back(or_zeros(i));
  for (size_t i = 0; i < back.constants.size(); ++i)
    outputs.push_back(accumulate(symbols[back.carries.size() + i], found[back.constants[i]]));
  for (const size_t i : back.sequences) outputs.push_back(or_zeros(i));
  return outputs;
}

}  // namespace

// A scan in the other direction that carries the gradient of the carry.
Tensors vjp_scan(const VjpArgs& args) {
  const ScanView scan(args.node);
  const BackwardScan back = backward_operands(args, scan);
  Tensors operands = back.carry;
  operands.insert(operands.end(), back.xs.begin(), back.xs.end());
  Specs specs;
  for (const Tensor& t : back.carry) specs.push_back(t.spec());
  for (const Tensor& t : back.xs) specs.push_back(slice_spec(t.spec()));
  for (size_t i = scan.first_constant(); i < scan.n_inputs; ++i) {
    operands.push_back(scan.node.inputs[i]);
    specs.push_back(scan.node.inputs[i].spec());
  }
  const TraceRef body =
      trace_of(specs, [&](TensorSpan symbols) { return backward_step(scan, back, symbols); });
  const Tensors outputs = apply_scan(body, std::move(operands), back.carry.size(), back.xs.size(),
                                     scan.length, !scan.reverse);
  Tensors results(scan.n_inputs);
  size_t next = 0;
  for (const auto* list : {&back.carries, &back.constants, &back.sequences}) {
    for (const size_t i : *list) results[i] = outputs[next++];
  }
  for (size_t i = 0; i < scan.n_inputs; ++i) {
    if (!args.needs[i]) results[i] = Tensor();
  }
  return results;
}

}  // namespace ranvier::ops
