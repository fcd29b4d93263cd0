// Products of few rows with weights that a run does not change read them packed: the packing is a
// node of its own, which the prologue holds. Rounding, for sums are cut into other blocks.

#include <string_view>

#include "base/verbose.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/origin.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

// Of a node "matmul", or of a "conv" that is one.
std::optional<kernels::GemmShape> product_of(const Graph& graph, const GraphNode& node) {
  const std::string_view op = node.op->name;
  if (op == "matmul") return single_product(graph, node);
  if (op != "conv") return {};
  const auto shape = conv_shape_of(graph, node);
  return shape ? kernels::conv_product(*shape) : std::nullopt;
}

void pack(Graph& graph, NodeId id, kernels::GemmShape shape) {
  const GraphNode product = graph.nodes[id];
  shape.packed_b = true;
  const kernels::GemmPlan plan = kernels::gemm_prepare(shape, DType::F32);
  auto packing = make_ref<PackPayload>();
  packing->plan = plan;
  packing->held = true;
  const Specs panels{{DType::F32, {shape.k, kernels::gemm_packed_columns(plan)}}};
  const NodeId packed =
      add_fused(graph, pack_record(), {product.inputs[1]}, *packing, panels, product);
  auto payload = make_ref<MatmulPayload>();
  payload->plan = plan;
  const NodeId made =
      add_fused(graph, fused_matmul_record(), {product.inputs[0], graph.nodes[packed].outputs[0]},
                *payload, {graph.spec(product.outputs[0])}, product);
  graph.replace(product.outputs[0], graph.nodes[made].outputs[0]);
  graph.nodes[id].op = nullptr;
}

}  // namespace

bool pack_weights(Graph& graph) {
  const std::vector<Origin> origin = origins(graph);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  bool changed = false;
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive()) continue;
    const auto shape = product_of(graph, node);
    if (!shape) continue;
    const char* reason = kernels::gemm_panels_refusal(*shape, graph.spec(node.outputs[0]).dtype);
    if (!reason && origin[node.inputs[1]] != Origin::State)
      reason = "the program changes the weights";
    if (reason) {
      if (prints_dispatch()) print_refusal("product " + site_text(node.site), "panels", reason);
      continue;
    }
    pack(graph, id, *shape);
    changed = true;
  }
  return changed;
}

}  // namespace ranvier::compiler
