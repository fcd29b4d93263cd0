#pragma once
// Nodes gathered into groups that are to become one node each. A merge is legal when no path leads
// out of the merged group and back into it.

#include <vector>

#include "compiler/graph.h"

namespace ranvier::compiler {

class Groups {
 public:
  explicit Groups(const Graph& graph);

  uint32_t of(NodeId node) const { return group_[node]; }
  const std::vector<NodeId>& members(uint32_t group) const { return members_[group]; }
  // Would a and b as one group still leave a graph without cycles?
  bool can_merge(uint32_t a, uint32_t b);
  // Merges b into a.
  void merge(uint32_t a, uint32_t b);

 private:
  bool reaches_around(uint32_t from, uint32_t to);

  std::vector<std::vector<NodeId>> next_;  // per node: readers of its outputs
  std::vector<uint32_t> group_;
  std::vector<std::vector<NodeId>> members_;
  std::vector<uint32_t> mark_;
  uint32_t stamp_ = 0;
  std::vector<uint32_t> stack_;
};

}  // namespace ranvier::compiler
