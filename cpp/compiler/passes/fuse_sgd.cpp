// w - lr * (xᵀ dz) becomes one product that accumulates into w. Rounding: the product is scaled
// before it is summed into w, not after.

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/passes.h"

namespace ranvier::compiler {
namespace {

using kernels::PwOp;

bool is(const GraphNode* node, PwOp op) {
  return node && node->alive() && node->op->traits.pointwise && node->op->micro_op == op;
}

// Is `result` what the memory of `weight` holds in the end? Elsewhere accumulating would cost a
// copy.
bool updates_itself(const Graph& graph, ValueId weight, ValueId result) {
  return std::any_of(graph.inputs.begin(), graph.inputs.end(), [&](const GraphInput& input) {
    return input.value == weight && input.write == result;
  });
}

bool read_once(const std::vector<std::vector<NodeId>>& readers, const std::vector<uint8_t>& outside,
               ValueId value) {
  return value < readers.size() && !outside[value] && readers[value].size() == 1;
}

}  // namespace

void fuse_sgd(Graph& graph) {
  const auto readers = graph.readers();
  const auto outside = graph.used_outside();
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode node = graph.nodes[id];
    if (!is(&node, PwOp::Sub) || !updates_itself(graph, node.inputs[0], node.outputs[0])) continue;
    const ValueId weight = node.inputs[0], scaled = node.inputs[1];
    const GraphNode* multiply = graph.producer(scaled);
    if (!is(multiply, PwOp::Mul) || !read_once(readers, outside, scaled)) continue;
    for (size_t k : {0, 1}) {
      const ValueId gradient = multiply->inputs[k], rate = multiply->inputs[1 - k];
      const GraphNode* product = graph.producer(gradient);
      if (!product || !product->alive() || std::string_view(product->op->name) != "matmul" ||
          !read_once(readers, outside, gradient))
        continue;
      const TypeSpec& type = graph.spec(weight);
      const auto shape = single_product(graph, *product);
      if (!shape || graph.spec(gradient) != type || graph.spec(rate).size() != 1 ||
          graph.spec(rate).dtype != type.dtype)
        continue;
      auto payload = make_ref<MatmulPayload>();
      kernels::GemmEpilogue epilogue;
      epilogue.alpha = -1;
      epilogue.beta = 1;
      payload->scale = payload->accumulate = true;
      payload->pairs = {{3, 0}};
      payload->plan = kernels::gemm_prepare(*shape, type.dtype, epilogue);
      const NodeId nodes[]{id, graph.values[scaled].producer, graph.values[gradient].producer};
      replace_by_fused(graph, nodes, fused_matmul_record(),
                       {product->inputs[0], product->inputs[1], rate, weight}, *payload,
                       node.outputs);
      break;
    }
  }
}

}  // namespace ranvier::compiler
