// Grows clusters of element-wise nodes: each node joins the clusters of its producers over the same
// space, then those that read the same operands. All scalar work gathers in as few programs as the
// order of things allows. Exact: a program rounds after every op as the separate steps would.

#include <algorithm>
#include <map>
#include <string>

#include "base/error.h"
#include "compiler/passes/groups.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/pointwise.h"
#include "compiler/passes/sparse_rows.h"

namespace ranvier::compiler {
namespace {

class Grower {
 public:
  explicit Grower(Graph& graph) : graph_(graph), groups_(graph), lookups_(graph) {
    for (const GraphNode& node : graph.nodes) {
      members_.push_back(member_of(graph, node));
      info_.push_back({1, members_.back().axes});
    }
    readers_ = graph.readers();
  }

  void run() {
    const auto count = static_cast<NodeId>(graph_.nodes.size());
    for (NodeId id = 0; id < count; ++id)
      if (members_[id].kind != MemberKind::None) join_producers(id);
    for (NodeId id = 0; id < count; ++id)
      if (members_[id].kind != MemberKind::None) join_neighbours(id);
    join_small();
    for (uint32_t group = 0; group < count; ++group) {
      const std::vector<NodeId> nodes = groups_.members(group);
      if (worth_a_program(nodes)) emit(nodes);
    }
  }

 private:
  struct GroupInfo {
    int size;               // members, an upper bound of instructions
    std::vector<int> axes;  // of its reductions
  };

  bool feeds(NodeId producer, ValueId value) const {
    return members_[producer].kind != MemberKind::None &&
           members_[producer].kind != MemberKind::Reduce &&
           graph_.values[value].producer == producer;
  }

  void try_merge(NodeId a, NodeId b) {
    const uint32_t ga = groups_.of(a), gb = groups_.of(b);
    if (ga == gb || members_[a].space != members_[b].space) return;
    // What is computed again must not be drawn forward to the first computation.
    if (graph_.nodes[a].region != graph_.nodes[b].region) return;
    GroupInfo &first = info_[ga], &second = info_[gb];
    if (first.size + second.size > kernels::kMaxInstructions / 2) return;
    if (!first.axes.empty() && !second.axes.empty() && first.axes != second.axes) return;
    // A reduction closes its program: nobody inside may read its result.
    if (operands(ga, gb) > kernels::kMaxInputs || !groups_.can_merge(ga, gb)) return;
    if (reads_reduction(ga, gb) || reads_reduction(gb, ga)) return;
    first.size += second.size;
    if (first.axes.empty()) first.axes = second.axes;
    groups_.merge(ga, gb);
  }

  bool reads_reduction(uint32_t reader, uint32_t from) const {
    for (NodeId node : groups_.members(reader))
      for (ValueId value : graph_.nodes[node].inputs) {
        const NodeId producer = graph_.values[value].producer;
        if (producer != kNone && groups_.of(producer) == from &&
            members_[producer].kind == MemberKind::Reduce)
          return true;
      }
    return false;
  }

  int operands(uint32_t a, uint32_t b) const {
    std::vector<ValueId> seen;
    for (uint32_t group : {a, b})
      for (NodeId node : groups_.members(group))
        for (ValueId value : graph_.nodes[node].inputs) {
          const NodeId producer = graph_.values[value].producer;
          if (producer != kNone && (groups_.of(producer) == a || groups_.of(producer) == b))
            continue;
          if (!graph_.constant(value)) seen.push_back(value);
        }
    std::sort(seen.begin(), seen.end());
    return static_cast<int>(std::unique(seen.begin(), seen.end()) - seen.begin());
  }

  void join_producers(NodeId id) {
    for (ValueId value : graph_.nodes[id].inputs) {
      const NodeId producer = graph_.values[value].producer;
      if (producer != kNone && feeds(producer, value)) try_merge(producer, id);
    }
  }

  // Nodes that read the same memory over the same space share one pass over it.
  void join_neighbours(NodeId id) {
    constexpr size_t kLooked = 4;
    if (members_[id].space.rank() == 0) return;
    for (ValueId value : graph_.nodes[id].inputs) {
      if (graph_.spec(value).size() != members_[id].space.size()) continue;
      size_t looked = 0;
      for (NodeId other : readers_[value]) {
        if (other >= id || ++looked > kLooked) break;
        if (members_[other].kind != MemberKind::None) try_merge(other, id);
      }
    }
  }

  // Over a space of one tile a step costs more than its work: all that may run together does, the
  // scalars first of all.
  void join_small() {
    std::map<std::string, std::vector<NodeId>> leaders_of;
    for (NodeId id = 0; id < members_.size(); ++id) {
      if (members_[id].kind == MemberKind::None) continue;
      if (members_[id].space.size() > kernels::kTile) continue;
      std::vector<NodeId>& leaders = leaders_of[members_[id].space.str()];
      const auto joined = [&](NodeId leader) { return groups_.of(leader) == groups_.of(id); };
      for (NodeId leader : leaders) {
        if (joined(leader)) break;
        try_merge(leader, id);
      }
      if (std::none_of(leaders.begin(), leaders.end(), joined)) leaders.push_back(id);
    }
  }

  // Renames and broadcasts alone are no work; with a broadcast alone its own op is as good.
  bool does_work(const std::vector<NodeId>& nodes) const {
    return std::any_of(nodes.begin(), nodes.end(), [&](NodeId id) {
      const MemberKind kind = members_[id].kind;
      return kind == MemberKind::Op || kind == MemberKind::Cast || kind == MemberKind::Reduce;
    });
  }

  // A node that reads rows of a table or its gradient is one even when alone: these then need not
  // be written out.
  bool worth_a_program(const std::vector<NodeId>& nodes) const {
    if (nodes.empty() || !does_work(nodes)) return false;
    if (nodes.size() > 1) return true;
    const auto& inputs = graph_.nodes[nodes[0]].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](ValueId value) {
      return rows_view_of(graph_, value) != nullptr || lookups_.of(graph_, value).has_value();
    });
  }

  void emit(std::vector<NodeId> nodes) {
    // Renames whose operand comes from outside stay outside: they need no step.
    std::erase_if(nodes, [&](NodeId id) {
      if (members_[id].kind != MemberKind::Rename) return false;
      const NodeId producer = graph_.values[graph_.nodes[id].inputs[0]].producer;
      const bool made_since = producer >= members_.size();  // a cluster, or kNone
      return made_since || groups_.of(producer) != groups_.of(id);
    });
    if (worth_a_program(nodes)) emit_cluster(graph_, nodes, lookups_);
  }

  Graph& graph_;
  Groups groups_;
  const Lookups lookups_;
  std::vector<Member> members_;
  std::vector<GroupInfo> info_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

void fuse_pointwise(Graph& graph) { Grower(graph).run(); }

}  // namespace ranvier::compiler
