// Products and convolutions of few rows or pixels with weights that a run does not change read them
// packed: the packing is a node of its own, which the prologue holds. Rounding, for sums are cut
// into other blocks.

#include <string_view>

#include "base/verbose.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/origin.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

// A node that reads packed weights instead of another, and the product that says how they lie.
struct Packing {
  const char* refusal = nullptr;
  const OpRecord* record = nullptr;
  Ref<FusedPayload> payload{};
  kernels::GemmPlan product{};
};

Packing pack_product(kernels::GemmShape shape, DType dtype) {
  if (const char* refusal = kernels::gemm_panels_refusal(shape, dtype)) return {refusal};
  shape.packed_b = true;
  auto payload = make_ref<MatmulPayload>();
  payload->plan = kernels::gemm_prepare(shape, dtype);
  return {nullptr, &fused_matmul_record(), Ref<FusedPayload>(payload.get()), payload->plan};
}

Packing pack_conv(const kernels::ConvShape& shape, DType dtype) {
  if (const auto product = kernels::conv_product(kernels::ConvPass::Forward, shape))
    return pack_product(*product, dtype);
  if (const char* refusal = kernels::conv_panels_refusal(shape, dtype)) return {refusal};
  auto payload = make_ref<ConvPayload>();
  payload->plan = kernels::prepare_packed_conv(shape);
  return {nullptr, &fused_conv_record(), Ref<FusedPayload>(payload.get()), *payload->plan.product};
}

// nullopt for other nodes.
std::optional<Packing> packing_of(const Graph& graph, const GraphNode& node) {
  const std::string_view op = node.op->name;
  const auto dtype = [&] { return graph.spec(node.outputs[0]).dtype; };
  if (op == "matmul") {
    const auto shape = single_product(graph, node);
    return shape ? std::optional(pack_product(*shape, dtype())) : std::nullopt;
  }
  if (op != "conv") return {};
  const auto shape = conv_shape_of(graph, node);
  return shape ? std::optional(pack_conv(*shape, dtype())) : std::nullopt;
}

void pack(Graph& graph, NodeId id, const Packing& packing) {
  const GraphNode product = graph.nodes[id];
  auto panels = make_ref<PackPayload>();
  panels->plan = packing.product;
  panels->held = true;
  const Specs packed{
      {DType::F32, {packing.product.shape.k, kernels::gemm_packed_columns(packing.product)}}};
  const NodeId weights =
      add_fused(graph, pack_record(), {product.inputs[1]}, *panels, packed, product);
  replace_by_fused(graph, {{id}}, *packing.record,
                   {product.inputs[0], graph.nodes[weights].outputs[0]}, *packing.payload,
                   product.outputs);
}

}  // namespace

bool pack_weights(Graph& graph) {
  const std::vector<Origin> origin = origins(graph);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  bool changed = false;
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive()) continue;
    const auto packing = packing_of(graph, node);
    if (!packing) continue;
    const char* reason = packing->refusal;
    if (!reason && origin[node.inputs[1]] != Origin::State)
      reason = "the program changes the weights";
    if (reason) {
      if (prints_dispatch()) print_refusal("product " + site_text(node.site), "panels", reason);
      continue;
    }
    pack(graph, id, *packing);
    changed = true;
  }
  return changed;
}

}  // namespace ranvier::compiler
