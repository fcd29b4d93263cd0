#include "compiler/internal_ops.h"

#include "base/error.h"

namespace ranvier::compiler {

const FusedPayload* fused_payload(const Attrs& attrs) {
  if (!attrs.has("fused")) return nullptr;
  return static_cast<const FusedPayload*>(attrs.payload("fused").get());
}

NodeId add_fused(Graph& graph, const OpRecord& record, std::vector<ValueId> inputs,
                 FusedPayload& payload, Specs outputs, const GraphNode& like) {
  payload.outputs = outputs;
  return graph.add_node(record, std::move(inputs), Attrs{{"fused", Payload(&payload)}},
                        std::move(outputs), like.site, like.region);
}

void replace_by_fused(Graph& graph, std::span<const NodeId> nodes, const OpRecord& record,
                      std::vector<ValueId> inputs, FusedPayload& payload,
                      std::span<const ValueId> results) {
  Specs outputs;
  for (ValueId value : results) outputs.push_back(graph.spec(value));
  const NodeId made = add_fused(graph, record, std::move(inputs), payload, std::move(outputs),
                                graph.nodes[nodes[0]]);
  for (NodeId id : nodes) graph.nodes[id].op = nullptr;
  for (size_t i = 0; i < results.size(); ++i)
    graph.replace(results[i], graph.nodes[made].outputs[i]);
}

const std::vector<InPlacePair>* internal_pairs(const GraphNode& node) {
  const FusedPayload* payload = fused_payload(node.attrs);
  return payload ? &payload->pairs : nullptr;
}

Specs infer_fused(const InferArgs& args) {
  const FusedPayload* payload = fused_payload(args.attrs);
  RV_CHECK(payload != nullptr);
  return payload->outputs;
}

bool is_structured(const OpRecord& op) {
  const std::string_view name = op.name;
  return name == "cond" || name == "while" || name == "scan";
}

namespace {

// Operand k is input k + 1 of a cond.
std::vector<InPlacePair> cond_pairs(const Attrs& attrs) {
  std::vector<InPlacePair> pairs;
  const Trace& then_body = *attrs.body("then_body");
  const size_t operands = then_body.inputs().size();
  std::vector<uint8_t> taken(operands, 0);
  for (uint32_t out = 0; out < then_body.outputs().size(); ++out) {
    for (const char* name : {"else_body", "then_body"}) {
      const Trace& body = *attrs.body(name);
      uint32_t k = 0;
      while (k < operands && !(body.inputs()[k].symbol == body.outputs()[out])) ++k;
      if (k == operands || taken[k]) continue;
      taken[k] = 1;
      pairs.push_back({k + 1, out});
      break;
    }
  }
  return pairs;
}

}  // namespace

std::vector<InPlacePair> structured_pairs(std::string_view op, const Attrs& attrs) {
  if (op == "cond") return cond_pairs(attrs);
  std::vector<InPlacePair> pairs;
  const auto n_carry = static_cast<uint32_t>(attrs.integer("n_carry"));
  for (uint32_t i = 0; i < n_carry; ++i) pairs.push_back({i, i});
  return pairs;
}

}  // namespace ranvier::compiler
