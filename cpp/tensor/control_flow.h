#pragma once
// The four structured ops. Their bodies are closed traces: every captured tensor and every variable
// read is an explicit input, every variable written an explicit output.
//
//   call   inputs: operands                       attrs: body
//          outputs: the body's
//   cond   inputs: predicate (bool), operands     attrs: then_body, else_body (same inputs, same
//   outputs) while  inputs: carry[n_carry], constants      attrs: cond_body (-> bool), body (->
//   carry), n_carry scan   inputs: carry[n_carry], xs[n_xs], constants
//          attrs: body (carry, x slices, constants -> carry, y slices), n_carry, n_xs, length,
//          reverse outputs: carry, ys stacked along a new leading axis
//
// The runtime executes them as one step with sub-programs.

#include <functional>

#include "tensor/apply.h"

namespace ranvier {

using BodyFn = std::function<Tensors(TensorSpan)>;

// Each traces the functions, closes over captures and variables, adds the node and performs the
// bodies' variable writes in the current environment. On values `cond` just runs the taken branch.
Tensors cond(const Tensor& predicate, const std::function<Tensors()>& then_fn,
             const std::function<Tensors()>& else_fn);
// max_iterations < 0: unbounded, and then without gradient.
Tensors while_loop(const BodyFn& condition, const BodyFn& body, Tensors carry,
                   int64_t max_iterations);
// Returns {carry..., ys...}. length is needed when xs is empty.
Tensors scan(const BodyFn& body, Tensors carry, Tensors xs, int64_t length, bool reverse);
// A finished trace used as a function of its arguments: one node on values, inlined inside a trace.
// Captures and variables are read, and its variable writes performed, in the current environment.
Tensors call(const Trace& trace, TensorSpan arguments);

// A function as a closed trace: its arguments, then what it takes from outside, whose operands here
// `outer` lists. The function must not assign variables.
struct ClosedBody {
  TraceRef body;
  Tensors outer;
};
ClosedBody close_over(const BodyFn& fn, const Specs& arguments);

// The step of a structured op, made by the runtime, which stands above this floor; set once when it
// loads.
void set_body_compiler(PrepareFn prepare);

}  // namespace ranvier
