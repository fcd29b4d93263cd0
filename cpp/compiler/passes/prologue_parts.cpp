// Cuts a prologue into pieces that have no value in common, and says by a text what each of them
// makes: programs of the same model then hold equal pieces once.

#include <bit>
#include <numeric>
#include <sstream>
#include <unordered_map>

#include "base/cpu.h"
#include "compiler/internal_ops.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

// Constants up to this size are told by their bytes, larger ones by their place.
constexpr size_t kShortConstant = 4096;

struct AttrKey {
  std::ostream& out;
  void operator()(double v) const { out << std::bit_cast<uint64_t>(v); }
  void operator()(DType v) const { out << name_of(v); }
  void operator()(const std::string& v) const { out << v.size() << ':' << v; }
  void operator()(const Body& v) const { out << v.get(); }
  void operator()(const Payload& v) const {
    if (dynamic_cast<const FusedPayload*>(v.get()))
      out << v->str();
    else
      out << v.get();
  }
  void operator()(const Ints& v) const {
    for (int64_t item : v) out << item << ',';
  }
  void operator()(const Floats& v) const {
    for (double item : v) {
      (*this)(item);
      out << ',';
    }
  }
  template <class T>
  void operator()(const T& v) const {
    out << v;
  }
};

void print_constant(std::ostream& out, const Tensor& tensor) {
  const size_t bytes = tensor.spec().bytes();
  out << tensor.spec().str() << '=';
  if (bytes > kShortConstant) {
    out << tensor.data();
    return;
  }
  const auto* data = static_cast<const unsigned char*>(tensor.data());
  for (size_t i = 0; i < bytes; ++i) out << static_cast<int>(data[i]) << ',';
}

std::string key_of(const ProloguePart& part) {
  const Graph& graph = part.graph;
  std::ostringstream out;
  out << name_of(active_isa()) << part.options.exact << part.options.fuse;
  for (const GraphInput& input : graph.inputs) out << " %" << input.value << input.variable.get();
  for (ValueId value = 0; value < graph.values.size(); ++value) {
    if (!graph.constant(value)) continue;
    out << " %" << value;
    print_constant(out, graph.constant(value));
  }
  for (const GraphNode& node : graph.nodes) {
    out << "\n" << static_cast<const void*>(node.op);
    for (ValueId value : node.inputs) out << " %" << value;
    for (const auto& [name, value] : node.attrs.items()) {
      out << ' ' << name << value.index() << '=';
      std::visit(AttrKey{out}, value);
    }
    for (ValueId value : node.outputs) out << " %" << value << graph.spec(value).str();
  }
  out << "\n";
  for (ValueId value : graph.outputs) out << " %" << value;
  return out.str();
}

class Cutter {
 public:
  Cutter(const Graph& whole, const PassOptions& options)
      : whole_(whole), leader_(whole.nodes.size()) {
    std::iota(leader_.begin(), leader_.end(), NodeId{0});
    for (NodeId id = 0; id < whole_.nodes.size(); ++id)
      for (ValueId value : whole_.nodes[id].inputs)
        if (const NodeId producer = whole_.values[value].producer; producer != kNone)
          leader_[find(producer)] = find(id);
    for (uint32_t i = 0; i < whole_.outputs.size(); ++i) {
      const NodeId root = find(whole_.values[whole_.outputs[i]].producer);
      const auto [place, added] = part_of_.try_emplace(root, parts_.size());
      if (added) parts_.push_back({{{}, {}, options, {}}, {}});
      parts_[place->second].part.results.push_back(i);
    }
  }

  std::vector<ProloguePart> run() {
    for (NodeId id = 0; id < whole_.nodes.size(); ++id)
      copy(whole_.nodes[id], parts_[part_of_.at(find(id))]);
    std::vector<ProloguePart> result;
    for (Piece& piece : parts_) {
      for (uint32_t i : piece.part.results)
        piece.part.graph.outputs.push_back(piece.known.at(whole_.outputs[i]));
      piece.part.key = key_of(piece.part);
      result.push_back(std::move(piece.part));
    }
    return result;
  }

 private:
  struct Piece {
    ProloguePart part;
    std::unordered_map<ValueId, ValueId> known;  // value of the whole -> of the part
  };

  NodeId find(NodeId id) {
    while (leader_[id] != id) id = leader_[id] = leader_[leader_[id]];
    return id;
  }

  ValueId bring(ValueId value, Piece& piece) {
    const auto [place, added] = piece.known.try_emplace(value, kNone);
    if (!added) return place->second;
    Graph& graph = piece.part.graph;
    if (whole_.constant(value)) return place->second = graph.add_constant(whole_.constant(value));
    place->second = graph.add_value(whole_.spec(value));
    for (const GraphInput& input : whole_.inputs)
      if (input.value == value) graph.inputs.push_back({place->second, input.variable});
    return place->second;
  }

  void copy(const GraphNode& node, Piece& piece) {
    std::vector<ValueId> inputs;
    for (ValueId value : node.inputs) inputs.push_back(bring(value, piece));
    Specs specs;
    for (ValueId value : node.outputs) specs.push_back(whole_.spec(value));
    Graph& graph = piece.part.graph;
    const NodeId id =
        graph.add_node(*node.op, std::move(inputs), node.attrs, specs, node.site, node.region);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      piece.known[node.outputs[i]] = graph.nodes[id].outputs[i];
  }

  const Graph& whole_;
  std::vector<NodeId> leader_;  // of the nodes that hang together
  std::unordered_map<NodeId, size_t> part_of_;
  std::vector<Piece> parts_;
};

}  // namespace

std::vector<ProloguePart> prologue_parts(const Graph& prologue, const PassOptions& options) {
  return Cutter(prologue, options).run();
}

}  // namespace ranvier::compiler
