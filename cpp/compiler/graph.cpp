#include "compiler/graph.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace ranvier::compiler {

std::string GraphInput::source() const {
  if (variable) return "variable '" + variable->name() + "'";
  return held == kNone ? "argument" : "prologue " + std::to_string(held);
}

ValueId Graph::add_value(const TypeSpec& spec) {
  values.push_back({spec, kNone, 0, {}});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(Tensor tensor) {
  const ValueId id = add_value(tensor.spec());
  values[id].constant = std::move(tensor);
  return id;
}

NodeId Graph::add_node(const OpRecord& op, std::vector<ValueId> node_inputs, Attrs attrs,
                       const Specs& specs, Site site, uint32_t region) {
  const auto id = static_cast<NodeId>(nodes.size());
  GraphNode node{&op, std::move(attrs), std::move(node_inputs), {}, site, region};
  for (const TypeSpec& spec : specs) {
    const ValueId value = add_value(spec);
    values[value].producer = id;
    values[value].index = static_cast<uint32_t>(node.outputs.size());
    node.outputs.push_back(value);
  }
  nodes.push_back(std::move(node));
  return id;
}

void Graph::replace(ValueId from, ValueId to) {
  for (GraphNode& node : nodes)
    if (node.alive()) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
  for (GraphInput& input : inputs)
    if (input.write == from) input.write = to;
}

std::vector<std::vector<NodeId>> Graph::readers() const {
  std::vector<std::vector<NodeId>> result(values.size());
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (!nodes[id].alive()) continue;
    for (ValueId value : nodes[id].inputs)
      if (result[value].empty() || result[value].back() != id) result[value].push_back(id);
  }
  return result;
}

std::vector<uint8_t> Graph::used_outside() const {
  std::vector<uint8_t> used(values.size(), 0);
  for (ValueId value : outputs) used[value] = 1;
  for (const GraphInput& input : inputs)
    if (input.write != kNone) used[input.write] = 1;
  return used;
}

void Graph::sort_nodes() {
  std::vector<NodeId> order;
  std::vector<uint8_t> state(nodes.size(), 0);  // 1: on the stack, 2: done
  std::vector<std::pair<NodeId, size_t>> stack;
  for (NodeId root = 0; root < nodes.size(); ++root) {
    if (!nodes[root].alive() || state[root]) continue;
    stack.push_back({root, 0});
    state[root] = 1;
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      if (next == nodes[id].inputs.size()) {
        state[id] = 2;
        order.push_back(id);
        stack.pop_back();
        continue;
      }
      const NodeId producer = values[nodes[id].inputs[next++]].producer;
      if (producer == kNone || state[producer] == 2) continue;
      RV_CHECK(state[producer] == 0 && nodes[producer].alive());
      state[producer] = 1;
      stack.push_back({producer, 0});
    }
  }
  std::vector<GraphNode> sorted;
  sorted.reserve(order.size());
  for (GraphValue& value : values) value.producer = kNone;
  for (NodeId id : order) {
    for (ValueId value : nodes[id].outputs)
      values[value].producer = static_cast<NodeId>(sorted.size());
    sorted.push_back(std::move(nodes[id]));
  }
  nodes = std::move(sorted);
}

namespace {

[[noreturn]] void broken(const char* pass, const Graph& graph, NodeId id, const std::string& what) {
  fail<InternalError>("compiler: after pass '", pass, "', node ", id, " (",
                      graph.nodes[id].op->name, "): ", what);
}

void verify_types(const Graph& graph, const char* pass, NodeId id) {
  const GraphNode& node = graph.nodes[id];
  if (!node.op->infer) return;
  Specs in;
  for (ValueId value : node.inputs) in.push_back(graph.spec(value));
  const Specs out = node.op->infer({*node.op, in, node.attrs});
  if (out.size() != node.outputs.size()) broken(pass, graph, id, "wrong number of outputs");
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] != graph.spec(node.outputs[i]))
      broken(pass, graph, id,
             "output " + std::to_string(i) + " should be " + out[i].str() + ", is " +
                 graph.spec(node.outputs[i]).str());
}

}  // namespace

void Graph::verify(const char* pass, bool infer) const {
  std::vector<uint8_t> defined(values.size(), 0);
  for (ValueId value = 0; value < values.size(); ++value)
    if (values[value].constant) defined[value] = 1;
  for (const GraphInput& input : inputs) defined[input.value] = 1;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const GraphNode& node = nodes[id];
    if (!node.alive()) continue;
    for (ValueId value : node.inputs)
      if (!defined[value])
        broken(pass, *this, id, "reads %" + std::to_string(value) + " too early");
    for (uint32_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId value = node.outputs[i];
      if (defined[value] || values[value].producer != id || values[value].index != i)
        broken(pass, *this, id, "does not own its output %" + std::to_string(value));
      defined[value] = 1;
    }
    if (infer) verify_types(*this, pass, id);
  }
  for (ValueId value : outputs)
    if (!defined[value]) fail<InternalError>("compiler: pass '", pass, "' lost an output");
  for (const GraphInput& input : inputs)
    if (input.write != kNone && (!defined[input.write] || spec(input.write) != spec(input.value)))
      fail<InternalError>("compiler: pass '", pass, "' broke the write to an input");
}

namespace {

std::string constant_text(const Tensor& tensor) {
  if (tensor.size() == 1 && tensor.dtype() == DType::F32) {
    std::ostringstream out;
    out << *tensor.data_as<float>();
    return out.str();
  }
  return "const " + tensor.spec().str();
}

void print_value(std::ostream& out, const Graph& graph, ValueId value) {
  if (graph.constant(value))
    out << constant_text(graph.constant(value));
  else
    out << '%' << value;
}

}  // namespace

std::string Graph::str() const {
  std::ostringstream out;
  for (const GraphInput& input : inputs)
    out << '%' << input.value << " = " << input.source() << " : " << spec(input.value).str()
        << '\n';
  for (const GraphNode& node : nodes) {
    if (!node.alive()) continue;
    for (size_t i = 0; i < node.outputs.size(); ++i) out << (i ? ", %" : "%") << node.outputs[i];
    out << (node.outputs.empty() ? "" : " = ") << node.op->name << '(';
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (i) out << ", ";
      print_value(out, *this, node.inputs[i]);
    }
    out << ')' << node.attrs.str();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      out << (i ? ", " : " : ") << spec(node.outputs[i]).str();
    out << '\n';
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].write == kNone) continue;
    out << (inputs[i].variable ? "'" + inputs[i].variable->name() + "'"
                               : "input " + std::to_string(i))
        << " <- ";
    print_value(out, *this, inputs[i].write);
    out << '\n';
  }
  out << "return";
  for (ValueId value : outputs) {
    out << ' ';
    print_value(out, *this, value);
  }
  out << '\n';
  return out.str();
}

namespace {

// Whether nothing but a gradient, of which none is built any more, tells a node from its operand.
bool is_identity(const Node& node) {
  return node.op->traits.alias && node.outputs[0].spec() == node.inputs[0].spec();
}

// Copies nodes of traces into a graph; a `call` is replaced by its body.
class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  using Map = std::vector<ValueId>;

  ValueId resolve(const Tensor& tensor, const Map& map) {
    if (tensor.is_symbol()) {
      const ValueId value = map.at(tensor.get()->value);
      RV_CHECK(value != kNone);
      return value;
    }
    auto [it, added] = constants_.try_emplace(tensor.get(), kNone);
    if (added) it->second = graph_.add_constant(tensor);
    return it->second;
  }

  void add_nodes(const Trace& trace, Map& map, uint32_t region = 0) {
    for (const NodeRef& node : trace.nodes()) {
      if (is_identity(*node)) {
        map[node->outputs[0].get()->value] = resolve(node->inputs[0], map);
        continue;
      }
      std::vector<ValueId> inputs;
      for (const Tensor& input : node->inputs) inputs.push_back(resolve(input, map));
      if (std::string_view(node->op->name) == "call") {
        inline_call(*node, inputs, map, region ? region : node->region);
        continue;
      }
      Specs specs;
      for (const Tensor& output : node->outputs) specs.push_back(output.spec());
      const NodeId id = graph_.add_node(*node->op, std::move(inputs), node->attrs, specs,
                                        node->site, region ? region : node->region);
      for (size_t i = 0; i < node->outputs.size(); ++i)
        map[node->outputs[i].get()->value] = graph_.nodes[id].outputs[i];
    }
  }

 private:
  void inline_call(const Node& node, const std::vector<ValueId>& operands, Map& map,
                   uint32_t region) {
    const Trace& body = *node.attrs.body("body");
    Map inner(body.value_count(), kNone);
    RV_CHECK(body.inputs().size() == operands.size());
    for (size_t i = 0; i < operands.size(); ++i)
      inner[body.inputs()[i].symbol.get()->value] = operands[i];
    add_nodes(body, inner, region);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      map[node.outputs[i].get()->value] = resolve(body.outputs()[i], inner);
  }

  Graph& graph_;
  std::unordered_map<const TensorImpl*, ValueId> constants_;
};

}  // namespace

Graph graph_of(const Trace& trace) {
  RV_CHECK(trace.finished());
  Graph graph;
  Builder builder(graph);
  Builder::Map map(trace.value_count(), kNone);
  for (const TraceInput& input : trace.inputs()) {
    ValueId& value = map[input.symbol.get()->value];
    if (input.kind == TraceInput::Kind::Capture) {
      if (input.outer.is_symbol())
        fail<GraphError>("compile: the function uses a tensor ", input.outer.spec().str(),
                         " of an unfinished trace around it.");
      value = graph.add_constant(input.outer);
      continue;
    }
    value = graph.add_value(input.symbol.spec());
    graph.inputs.push_back({value, input.variable});
  }
  builder.add_nodes(trace, map);
  for (const Tensor& output : trace.outputs())
    graph.outputs.push_back(builder.resolve(output, map));
  for (const auto& [variable, tensor] : trace.written()) {
    auto input = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                              [&](const GraphInput& i) { return i.variable == variable; });
    if (input == graph.inputs.end()) {
      const ValueId value = graph.add_value(variable->spec());
      graph.inputs.push_back({value, variable});
      input = graph.inputs.end() - 1;
    }
    input->write = builder.resolve(tensor, map);
  }
  return graph;
}

Graph graph_of_body(const Trace& body, const std::vector<uint32_t>& pairs) {
  RV_CHECK(body.finished());
  Graph graph;
  Builder builder(graph);
  Builder::Map map(body.value_count(), kNone);
  for (const TraceInput& input : body.inputs()) {
    const ValueId value = graph.add_value(input.symbol.spec());
    map[input.symbol.get()->value] = value;
    graph.inputs.push_back({value, {}});
  }
  builder.add_nodes(body, map);
  std::vector<uint8_t> paired(body.outputs().size(), 0);
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i] == kNone) continue;
    graph.inputs[i].write = builder.resolve(body.outputs()[pairs[i]], map);
    paired[pairs[i]] = 1;
  }
  for (size_t i = 0; i < paired.size(); ++i)
    if (!paired[i]) graph.outputs.push_back(builder.resolve(body.outputs()[i], map));
  return graph;
}

}  // namespace ranvier::compiler
