#pragma once
// Gradients of a scan's constants that are sums over rows: of products A_t^T B_t, of filter
// gradients, of plain sums. Their sum over the steps is the same op once, over the rows of all
// steps.

#include "tensor/trace.h"

namespace ranvier::ops {

// A gradient that steps make, as the sum of the results of these nodes.
struct RowSums {
  size_t input = 0;  // of the scan: the constant
  std::vector<const Node*> terms;
};

// The terms whose sum `gradient` is in the trace of a step; none where it is another sum.
std::vector<const Node*> row_terms(const Trace& step, const Tensor& gradient);

// The sum over all steps of the node's result, from its operands of all steps (steps, ...).
Tensor over_all_steps(const Node& node, TensorSpan stacked);

}  // namespace ranvier::ops
