#pragma once
// Lookups that need no step of their own: the rows that a `take` would copy are read from the table
// by the pointwise programs that use them.

#include <optional>
#include <vector>

#include "compiler/graph.h"

namespace ranvier::compiler {

struct Lookup {
  ValueId table, indices;
  int64_t row;       // elements
  uint64_t outside;  // what an index reads that names no row (kernels/cpu/data/gather.h)
};

class Lookups {
 public:
  // Finds the takes that element-wise nodes alone read.
  explicit Lookups(const Graph& graph);
  // The lookup whose dense result the value is, perhaps with other axes of one element.
  std::optional<Lookup> of(const Graph& graph, ValueId value) const;

 private:
  std::vector<uint8_t> read_in_programs_;  // per value
};

}  // namespace ranvier::compiler
