// A max pooling and its gradient in one program: the pooling also stores, for each output, which
// tap of the window held the maximum, and the gradient reads these bytes instead of searching x
// again. x then need not live until the gradient. Exact.

#include <algorithm>
#include <optional>

#include "compiler/internal_ops.h"
#include "compiler/passes/passes.h"
#include "ops/window.h"

namespace ranvier::compiler {
namespace {

struct PoolPayload : FusedPayload {
  kernels::PoolPlan plan;
  std::string str() const override { return plan.variant; }
};

const PoolPayload& payload_of(const Attrs& attrs) {
  return static_cast<const PoolPayload&>(*attrs.payload("fused"));
}

void run_forward(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::run_pool_forward(context, *static_cast<const kernels::PoolPlan*>(params), slots.in[0],
                            slots.out[0], slots.out[1]);
}
void run_gradient(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::run_max_pool_scatter(context, *static_cast<const kernels::PoolPlan*>(params),
                                slots.in[0], slots.in[1], slots.out[0]);
}

template <StepFn run>
Kernel prepare(const PrepareArgs& args) {
  const kernels::PoolPlan& plan = payload_of(args.attrs).plan;
  return {run, std::make_shared<kernels::PoolPlan>(plan), {}, plan.cost, plan.variant};
}

// x -> y, index
const OpRecord kIndexed{"max_pool_indexed", infer_fused, nullptr, {prepare<run_forward>, nullptr}};
// index, dy -> dx
const OpRecord kIndexedGrad{
    "max_pool_indexed_grad", infer_fused, nullptr, {prepare<run_gradient>, nullptr}};

NodeId add(Graph& graph, const OpRecord& op, std::vector<ValueId> inputs, bool backward,
           const kernels::PoolShape& shape, Specs outputs, const GraphNode& like) {
  auto payload = make_ref<PoolPayload>();
  payload->plan = kernels::prepare_indexed_pool(backward, shape, outputs[0].dtype);
  return add_fused(graph, op, std::move(inputs), *payload, std::move(outputs), like);
}

// A pooling whose gradient was met.
struct Indexed {
  NodeId pool;
  kernels::PoolShape shape;
  ValueId index;
};

// The living pooling of x with these windows; kNone where there is none.
NodeId find_pool(const Graph& graph, ValueId x, const Attrs& attrs) {
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const GraphNode& node = graph.nodes[id];
    if (node.named("max_pool") && node.inputs[0] == x && node.attrs == attrs) return id;
  }
  return kNone;
}

std::optional<Indexed> index_pool(Graph& graph, NodeId id) {
  constexpr int64_t kByteTaps = 256;
  const GraphNode pool = graph.nodes[id];
  const TypeSpec x = graph.spec(pool.inputs[0]), y = graph.spec(pool.outputs[0]);
  if ((x.dtype != DType::F32 && x.dtype != DType::F64) || y.size() == 0) return {};
  const Specs inputs{x};
  const auto shape = ops::pool_shape({*pool.op, inputs, pool.attrs}, x.shape, y.shape);
  if (shape.window[0] * shape.window[1] * shape.window[2] > kByteTaps) return {};
  const NodeId made =
      add(graph, kIndexed, pool.inputs, false, shape, {y, {DType::U8, y.shape}}, pool);
  return Indexed{id, shape, graph.nodes[made].outputs[1]};
}

}  // namespace

void index_pools(Graph& graph) {
  std::vector<Indexed> known;
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const GraphNode gradient = graph.nodes[id];
    if (!gradient.named("max_pool_grad")) continue;
    const NodeId pool = find_pool(graph, gradient.inputs[0], gradient.attrs);
    if (pool == kNone) continue;
    const auto met = std::find_if(known.begin(), known.end(),
                                  [&](const Indexed& one) { return one.pool == pool; });
    std::optional<Indexed> one;
    if (met != known.end())
      one = *met;
    else if (one = index_pool(graph, pool); one)
      known.push_back(*one);
    if (!one) continue;
    const NodeId made = add(graph, kIndexedGrad, {one->index, gradient.inputs[1]}, true, one->shape,
                            {graph.spec(gradient.outputs[0])}, gradient);
    graph.replace(gradient.outputs[0], graph.nodes[made].outputs[0]);
    graph.nodes[id].op = nullptr;
  }
  for (const Indexed& one : known) {
    const ValueId y = graph.values[one.index].producer;
    graph.replace(graph.nodes[one.pool].outputs[0], graph.nodes[y].outputs[0]);
    graph.nodes[one.pool].op = nullptr;
  }
}

}  // namespace ranvier::compiler
