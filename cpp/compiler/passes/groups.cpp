#include "compiler/passes/groups.h"

#include <algorithm>

namespace ranvier::compiler {

Groups::Groups(const Graph& graph) : next_(graph.nodes.size()), mark_(graph.nodes.size(), 0) {
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    group_.push_back(id);
    members_.push_back({id});
    if (!graph.nodes[id].alive()) continue;
    for (ValueId value : graph.nodes[id].inputs) {
      const NodeId producer = graph.values[value].producer;
      if (producer == kNone) continue;
      auto& list = next_[producer];
      if (list.empty() || list.back() != id) list.push_back(id);
    }
  }
}

// Is there a path from `from` to `to` through at least one other group?
bool Groups::reaches_around(uint32_t from, uint32_t to) {
  ++stamp_;
  stack_.clear();
  const auto visit = [&](uint32_t group) {
    if (group == from || mark_[group] == stamp_) return;
    mark_[group] = stamp_;
    stack_.push_back(group);
  };
  for (NodeId node : members_[from])
    for (NodeId next : next_[node])
      if (group_[next] != to) visit(group_[next]);
  while (!stack_.empty()) {
    const uint32_t group = stack_.back();
    stack_.pop_back();
    for (NodeId node : members_[group])
      for (NodeId next : next_[node]) {
        if (group_[next] == to) return true;
        visit(group_[next]);
      }
  }
  return false;
}

bool Groups::can_merge(uint32_t a, uint32_t b) {
  return !reaches_around(a, b) && !reaches_around(b, a);
}

void Groups::merge(uint32_t a, uint32_t b) {
  for (NodeId node : members_[b]) group_[node] = a;
  members_[a].insert(members_[a].end(), members_[b].begin(), members_[b].end());
  std::sort(members_[a].begin(), members_[a].end());
  members_[b].clear();
}

}  // namespace ranvier::compiler
