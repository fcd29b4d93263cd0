#pragma once
// Divides the outputs of a training step. Those that depend only on variables as the step leaves
// them (results of metrics) go to a second small trace, run when somebody looks; the others stay
// outputs.

#include "tensor/trace.h"

namespace ranvier {

struct LogSplit {
  TraceRef step;  // the same inputs and variable writes, and the outputs that stay
  TraceRef logs;  // inputs: variables only
  // For every output of the original: its index among step's outputs, or -1 - index among logs'
  // outputs.
  std::vector<int> places;
};

LogSplit split_logs(const Trace& trace);

}  // namespace ranvier
