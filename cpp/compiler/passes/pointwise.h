#pragma once
// Clusters of element-wise nodes over one index space, and the programs they become.
//
// The space of a node is its output shape without axes of size one, so that (32, 1) and (32,) are
// one space and all scalars are another. A reshape that only adds or drops such axes is a member
// without an instruction; a broadcast is an operand read with other strides.

#include <optional>
#include <string>
#include <vector>

#include "compiler/internal_ops.h"
#include "compiler/passes/lookups.h"
#include "kernels/cpu/pointwise/program.h"

namespace ranvier::compiler {

enum class MemberKind : uint8_t { None, Op, Cast, Broadcast, Rename, Reduce };

struct Member {
  MemberKind kind = MemberKind::None;
  Shape space;
  std::vector<int> axes;  // Reduce: axes of the space
};
// What the node can be in a cluster.
Member member_of(const Graph& graph, const GraphNode& node);

kernels::ReduceOp reduce_op_of(const GraphNode& node);

// A dense constant operand that a program can hold as an immediate.
std::optional<double> immediate_of(const Graph& graph, ValueId value);

struct PointwisePayload : FusedPayload {
  kernels::PointwiseProgram program;
  // The program without its sizes; equal text means that the two can be one list step. Empty when
  // an operand is neither dense nor a scalar, or when there is a reduction.
  std::string form;
  std::string str() const override;
};

struct ListPayload : FusedPayload {
  kernels::PointwiseList list;
  std::string str() const override;
};

const OpRecord& pointwise_record();
const OpRecord& pointwise_list_record();

// Replaces the members (in program order) by one node, which reads rows of tables straight from
// them where `lookups` allow it. False when the program would be too large; then nothing changed.
bool emit_cluster(Graph& graph, const std::vector<NodeId>& members, const Lookups& lookups);

}  // namespace ranvier::compiler
