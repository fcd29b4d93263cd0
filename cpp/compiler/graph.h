#pragma once
// The compiler's own form of a trace: values in single assignment, nodes in program order, and the
// memory of the outside world as inputs that may also be written.

#include <string>
#include <string_view>
#include <vector>

#include "tensor/trace.h"

namespace ranvier::compiler {

using ValueId = uint32_t;
using NodeId = uint32_t;
inline constexpr uint32_t kNone = 0xffffffffu;

struct GraphValue {
  TypeSpec spec;
  NodeId producer = kNone;  // kNone: input or constant
  uint32_t index = 0;       // which output of the producer
  Tensor constant;          // value known at compile time; null otherwise
};

struct GraphNode {
  const OpRecord* op = nullptr;  // null: removed
  Attrs attrs;
  std::vector<ValueId> inputs, outputs;
  Site site;
  uint32_t region = 0;

  bool alive() const { return op != nullptr; }
  bool named(std::string_view name) const { return alive() && name == op->name; }
};

// An argument, a variable, a carried value of a body, or a result of the prologue. `write` is what
// its memory holds in the end; kNone where it stays as it is.
struct GraphInput {
  ValueId value = kNone;
  VariableRef variable;  // null: argument or result of the prologue
  ValueId write = kNone;
  uint32_t held = kNone;  // result of the prologue: which

  std::string source() const;  // in dumps
};

class Graph {
 public:
  std::vector<GraphValue> values;
  std::vector<GraphNode> nodes;  // in program order: producers before consumers
  std::vector<GraphInput> inputs;
  std::vector<ValueId> outputs;

  ValueId add_value(const TypeSpec& spec);
  ValueId add_constant(Tensor tensor);
  // Appends a node and its output values. Callers restore program order by sort_nodes().
  NodeId add_node(const OpRecord& op, std::vector<ValueId> inputs, Attrs attrs,
                  const Specs& outputs, Site site, uint32_t region = 0);
  const TypeSpec& spec(ValueId value) const { return values[value].spec; }
  const Tensor& constant(ValueId value) const { return values[value].constant; }
  const GraphNode* producer(ValueId value) const {
    const NodeId node = values[value].producer;
    return node == kNone ? nullptr : &nodes[node];
  }
  // Every use of `from` (nodes, outputs, writes) becomes a use of `to`.
  void replace(ValueId from, ValueId to);
  // The nodes that read each value; graph outputs and writes are not nodes: see used_outside().
  std::vector<std::vector<NodeId>> readers() const;
  std::vector<uint8_t> used_outside() const;
  // Drops removed nodes and orders the rest, producers first, otherwise as they stand.
  void sort_nodes();
  // Structure always; with `infer` also every node's types against its record. Throws
  // InternalError that names the pass.
  void verify(const char* pass, bool infer) const;
  std::string str() const;  // one node a line
};

// A top-level trace: Argument inputs, variables with their writes; captured values are constants.
Graph graph_of(const Trace& trace);
// The body of a structured op: every input is an argument. pairs[i] = output written into the
// memory of input i, or kNone.
Graph graph_of_body(const Trace& body, const std::vector<uint32_t>& pairs);

}  // namespace ranvier::compiler
