#pragma once
// The algebra rules of the simplify pass, as data.

#include <optional>
#include <string_view>

#include "compiler/graph.h"

namespace ranvier::compiler {

struct Rule {
  const char* op;    // the ops it looks at
  const char* name;  // what it does, for readers and tests
  bool exact;        // keeps every bit
  // The value that takes the place of the node's first output, or kNone where it does not apply.
  ValueId (*apply)(Graph& graph, NodeId id);
};
std::vector<const Rule*> rules_for(std::string_view op);

// x under another shape; x itself when it has it.
ValueId reshaped(Graph& graph, ValueId x, const Shape& shape, Site site);

// The number that every element of a value is, where that is known.
std::optional<double> splat_value(const Graph& graph, ValueId value);

}  // namespace ranvier::compiler
