// Scans of one loop, such as the one a program runs and the one its gradient runs for the values of
// every step, become one with the outputs of both. Exact: the same steps.

#include <algorithm>

#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

// Whether both bodies compute the same carries by the same nodes. The one or the other may put out
// more of its values.
bool same_steps(const Trace& a, const Trace& b, size_t n_carry) {
  const auto same_symbol = [](const TraceInput& x, const TraceInput& y) {
    return x.symbol == y.symbol;
  };
  return std::equal(a.inputs().begin(), a.inputs().end(), b.inputs().begin(), b.inputs().end(),
                    same_symbol) &&
         a.nodes() == b.nodes() &&
         std::equal(a.outputs().begin(), a.outputs().begin() + static_cast<ptrdiff_t>(n_carry),
                    b.outputs().begin());
}

bool same_loop(const GraphNode& a, const GraphNode& b) {
  for (const char* name : {"n_carry", "n_xs", "length"})
    if (a.attrs.integer(name) != b.attrs.integer(name)) return false;
  return a.inputs == b.inputs && a.region == b.region &&
         a.attrs.flag("reverse", false) == b.attrs.flag("reverse", false) &&
         same_steps(*a.attrs.body("body"), *b.attrs.body("body"),
                    static_cast<size_t>(a.attrs.integer("n_carry")));
}

// A node with the outputs of both takes their place.
NodeId merge(Graph& graph, NodeId a, NodeId b) {
  const GraphNode first = graph.nodes[a], second = graph.nodes[b];
  const auto n_carry = static_cast<size_t>(first.attrs.integer("n_carry"));
  Tensors symbols = first.attrs.body("body")->outputs();
  const Tensors& others = second.attrs.body("body")->outputs();
  Specs specs;
  for (ValueId value : first.outputs) specs.push_back(graph.spec(value));
  std::vector<size_t> place(others.size());
  for (size_t i = 0; i < others.size(); ++i) {
    const auto stacked = symbols.begin() + static_cast<ptrdiff_t>(n_carry);
    place[i] =
        i < n_carry
            ? i
            : static_cast<size_t>(std::find(stacked, symbols.end(), others[i]) - symbols.begin());
    if (place[i] < symbols.size()) continue;
    symbols.push_back(others[i]);
    specs.push_back(graph.spec(second.outputs[i]));
  }
  Attrs attrs = first.attrs;
  attrs.set("body", first.attrs.body("body")->with_outputs(std::move(symbols)));
  const NodeId made =
      graph.add_node(*first.op, first.inputs, std::move(attrs), specs, first.site, first.region);
  const std::vector<ValueId> outputs = graph.nodes[made].outputs;
  for (size_t i = 0; i < first.outputs.size(); ++i) graph.replace(first.outputs[i], outputs[i]);
  for (size_t i = 0; i < place.size(); ++i) graph.replace(second.outputs[i], outputs[place[i]]);
  graph.nodes[a].op = graph.nodes[b].op = nullptr;
  return made;
}

}  // namespace

bool merge_scans(Graph& graph) {
  std::vector<NodeId> scans;  // that no equal one was found of yet
  bool changed = false;
  const auto count = static_cast<NodeId>(graph.nodes.size());  // merged ones are appended
  for (NodeId id = 0; id < count; ++id) {
    if (!graph.nodes[id].named("scan")) continue;
    const auto met = std::find_if(scans.begin(), scans.end(), [&](NodeId other) {
      return same_loop(graph.nodes[other], graph.nodes[id]);
    });
    if (met == scans.end()) {
      scans.push_back(id);
      continue;
    }
    *met = merge(graph, *met, id);
    changed = true;
  }
  if (changed) graph.sort_nodes();
  return changed;
}

}  // namespace ranvier::compiler
