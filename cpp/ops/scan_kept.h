#pragma once
// What the steps of a scan keep for its gradient, and what the gradient computes again.

#include "tensor/trace.h"

namespace ranvier::ops {

struct KeptValues {
  std::vector<uint8_t> inputs;  // per input of the body: is it read
  Tensors values;               // of nodes of the body, to be stacked by the forward scan
  std::vector<NodeRef> again;   // in program order; they read inputs, `values` and each other
};

// `read` says of each value of the body, by its number, whether the gradient reads it. A value is
// kept where its step costs more than to write and read it: products, reductions, exp, tanh. Cheap
// ones (sums, moved elements) are computed again, unless the kept values this needs take as many
// bytes as the value itself. Nodes under remat are always computed again.
KeptValues choose_kept(const Trace& body, const std::vector<uint8_t>& read);

}  // namespace ranvier::ops
