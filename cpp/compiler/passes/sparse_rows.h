#pragma once
// Sparse gradients. `rows_grad`, the gradient of a lookup in a table, is dense in meaning. Here it
// is split into group_rows, which chains the positions of equal indices, and rows_view, the
// table-sized sum over the chains. Pointwise programs read a rows_view without its being written
// out; whoever else reads it gets the dense array. Exact where it has one part (row_parts.h): rows
// are summed in the order of positions either way.

#include <cstdint>
#include <vector>

#include "compiler/graph.h"
#include "kernels/cpu/pointwise/program.h"

namespace ranvier::compiler {

// group_rows (indices...) {size} -> head (size), next (count), touched (1 + count), all int32
const OpRecord& group_rows_record();
// rows_view (values [, scale] of every part; head, next, touched) {row, parts} -> (size, row...)
const OpRecord& rows_view_record();

// The rows_view that makes the value, or null.
const GraphNode* rows_view_of(const Graph& graph, ValueId value);
// A rows_view as an operand of a pointwise program (PwInput says what the pointers are).
struct RowsOperand {
  int64_t row;  // elements
  std::vector<kernels::PwRowPart> parts;
  ValueId values;
  std::vector<ValueId> extra, chain;
};
RowsOperand rows_operand_of(const Graph& graph, const GraphNode& rows_view);

// For a cluster of `members`: per output the index in `inputs` of the operand that it equals
// wherever all rows_views are zero, provided the other operands are finite and no divisor is zero.
// Empty when some output is not of this kind.
std::vector<uint32_t> same_where_rows_are_zero(const Graph& graph,
                                               const std::vector<NodeId>& members,
                                               const std::vector<ValueId>& inputs,
                                               const std::vector<ValueId>& outputs);

}  // namespace ranvier::compiler
