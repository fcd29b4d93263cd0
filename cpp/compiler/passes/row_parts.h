#pragma once
// The gradient of a lookup as the parts that it is made of, so that they need not be put together
// in memory first: slices of the looked-up rows each give a padded array of which only the inside
// counts, and a product with one number per position gives rows that many positions share.

#include <vector>

#include "compiler/graph.h"

namespace ranvier::compiler {

// Position i of the part has the row values[i / repeat] (times scale[i]) and the index indices[i].
struct RowPart {
  ValueId values = kNone, indices = kNone, scale = kNone;
  int64_t count = 0, repeat = 1;
};

// The parts of a rows_grad over axis 0. With `exact` only those that keep every bit: several parts
// are summed part after part instead of position after position.
std::vector<RowPart> row_parts_of(Graph& graph, NodeId rows_grad, bool exact);

}  // namespace ranvier::compiler
