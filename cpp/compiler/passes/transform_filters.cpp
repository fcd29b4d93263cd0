// 3×3 convolutions whose filters a run does not change are computed by Winograd's minimal filtering
// where that pays: the filters' transform is a node of its own, which the prologue holds. Rounding.
// Under RANVIER_WINOGRAD=always training steps transform their filters in each run.

#include <string_view>

#include "base/error.h"
#include "base/verbose.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/origin.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

void transform(Graph& graph, NodeId id, const kernels::ConvShape& shape) {
  const GraphNode conv = graph.nodes[id];
  const kernels::WinogradPlan plan = kernels::prepare_winograd(4, shape);
  auto filter = make_ref<WinogradFilterPayload>();
  filter->plan = plan;
  filter->held = true;
  const Specs points{{DType::F32, {plan.points(), shape.in_channels, plan.columns}}};
  const NodeId transformed =
      add_fused(graph, winograd_filter_record(), {conv.inputs[1]}, *filter, points, conv);
  auto payload = make_ref<ConvPayload>();
  payload->winograd = plan;
  replace_by_fused(graph, {{id}}, fused_conv_record(),
                   {conv.inputs[0], graph.nodes[transformed].outputs[0]}, *payload, conv.outputs);
}

}  // namespace

bool transform_filters(Graph& graph) {
  using kernels::WinogradUse;
  const WinogradUse use = kernels::winograd_use();
  if (use == WinogradUse::Off) return false;
  const std::vector<Origin> origin = origins(graph);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  bool changed = false;
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode& node = graph.nodes[id];
    if (!node.alive() || std::string_view(node.op->name) != "conv") continue;
    const auto shape = conv_shape_of(graph, node);
    if (!shape) continue;
    const char* reason = kernels::winograd_refusal(4, *shape, graph.spec(node.inputs[0]).dtype);
    if (!reason && use == WinogradUse::Inference && origin[node.inputs[1]] != Origin::State)
      reason = "the program changes the filter";
    if (reason) {
      if (prints_dispatch()) print_refusal("conv " + site_text(node.site), "winograd", reason);
      continue;
    }
    transform(graph, id, *shape);
    changed = true;
  }
  return changed;
}

}  // namespace ranvier::compiler
