// Training a batch normalization with what follows it: a residual and a relu ride on the store of
// y, and the gradient finds again where the relu let y pass, instead of reading its result. x, y
// and dy leave the caches in deep networks, so each pass over them that is saved counts. Exact.

#include <algorithm>
#include <span>

#include "compiler/passes/chain.h"
#include "compiler/passes/fused_kernels.h"
#include "compiler/passes/passes.h"
#include "kernels/cpu/nn/norm.h"

namespace ranvier::compiler {
namespace {

using kernels::Activation;

struct NormPayload : FusedPayload {
  kernels::NormParams params;
  bool residual = false, relu = false;
  const char* variant() const {
    return residual && relu ? "residual, relu" : residual ? "residual" : "relu";
  }
  std::string str() const override { return variant(); }
};

const NormPayload& norm_payload(const Attrs& attrs) {
  return static_cast<const NormPayload&>(*attrs.payload("fused"));
}

const kernels::BatchNormKernels& norm_kernels(const NormPayload& payload) {
  return kernels::batch_norm_kernels(payload.params.dtype);
}

// x, gamma, beta and, where used, the residual -> y, mean, variance
void run_norm(const Context& context, const Slots& s, const void* params) noexcept {
  const auto& payload = *static_cast<const NormPayload*>(params);
  const kernels::BatchNormClosing closing{payload.residual ? s.in[3] : nullptr, payload.relu};
  norm_kernels(payload).batch_norm_train(context, payload.params, s.out[0], s.out[1], s.out[2],
                                         s.in[0], s.in[1], s.in[2], closing, s.shared);
}

// dy, x, mean, variance, gamma, beta -> dx, dgamma, dbeta
void run_norm_gradient(const Context& context, const Slots& s, const void* params) noexcept {
  const auto& payload = *static_cast<const NormPayload*>(params);
  norm_kernels(payload).batch_norm_relu_backward(context, payload.params, s.out[0], s.out[1],
                                                 s.out[2], s.in[0], s.in[1], s.in[2], s.in[3],
                                                 s.in[4], s.in[5], s.shared);
}

template <StepFn run>
Kernel prepare_norm_step(const PrepareArgs& args) {
  const NormPayload& payload = norm_payload(args.attrs);
  auto owner = std::make_shared<Payload>(args.attrs.payload("fused"));
  return {run, std::shared_ptr<const void>(owner, &payload), payload.params.scratch,
          kernels::norm_cost(payload.params), payload.variant()};
}

const OpRecord kClosedNorm{
    "fused_batch_norm_train", infer_fused, nullptr, {prepare_norm_step<run_norm>, nullptr}};
const OpRecord kOpenedGradient{"fused_batch_norm_train_grad",
                               infer_fused,
                               nullptr,
                               {prepare_norm_step<run_norm_gradient>, nullptr}};

Ref<NormPayload> make_norm_payload(const GraphNode& node, const TypeSpec& x) {
  auto payload = make_ref<NormPayload>();
  const int64_t cols = x.shape.at(-1);
  payload->params = kernels::prepare_norm(x.dtype, x.size() / std::max<int64_t>(1, cols), cols,
                                          node.attrs.real("epsilon"));
  return payload;
}

// A normalization whose y a relu closed, and nothing before that.
struct ClosedNorm {
  std::vector<ValueId> inputs;   // x, gamma, beta
  std::vector<ValueId> results;  // relu(y), mean, variance
};

void close_norm(Graph& graph, ChainFinder& finder, NodeId id, std::vector<ClosedNorm>& closed) {
  const Chain chain = finder.find(id);
  const bool relu = chain.activation == Activation::Relu;
  if (chain.absorbed.empty() || chain.bias != kNone) return;
  if (!relu && chain.activation != Activation::None) return;
  const GraphNode node = graph.nodes[id];
  auto payload = make_norm_payload(node, graph.spec(node.inputs[0]));
  payload->relu = relu;
  payload->residual = chain.residual != kNone;
  std::vector<ValueId> inputs = node.inputs;
  if (payload->residual) {
    inputs.push_back(chain.residual);
    payload->pairs = {{3, 0}};
  }
  std::vector<NodeId> nodes{id};
  nodes.insert(nodes.end(), chain.absorbed.begin(), chain.absorbed.end());
  const ValueId results[]{chain.result, node.outputs[1], node.outputs[2]};
  replace_by_fused(graph, nodes, kClosedNorm, std::move(inputs), *payload, results);
  if (relu && !payload->residual) closed.push_back({node.inputs, graph.nodes.back().outputs});
}

// Gradients that find their normalization again.
class NormOpener {
 public:
  NormOpener(Graph& graph, std::span<const ClosedNorm> closed)
      : graph_(graph), closed_(closed), readers_(graph.readers()), outside_(graph.used_outside()) {}

  // Of a node "batch_norm_train_grad" (dy, x, mean, variance, gamma).
  void open(NodeId id) {
    const GraphNode node = graph_.nodes[id];
    const NodeId relu = relu_before(node);
    const ClosedNorm* one = relu == kNone ? nullptr : normalization_of(node, relu);
    if (!one) return;
    auto payload = make_norm_payload(node, graph_.spec(node.inputs[1]));
    payload->relu = true;
    payload->pairs = {{0, 0}};
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = graph_.nodes[relu].inputs[1];
    inputs.push_back(one->inputs[2]);
    const NodeId nodes[]{id, relu};
    replace_by_fused(graph_, nodes, kOpenedGradient, std::move(inputs), *payload, node.outputs);
  }

 private:
  // The gradient of a relu that made dy for this node alone; kNone where dy is something else.
  NodeId relu_before(const GraphNode& node) const {
    const ValueId dy = node.inputs[0];
    const NodeId relu = graph_.values[dy].producer;
    if (relu == kNone || outside_[dy] || readers_[dy].size() != 1) return kNone;
    const bool same = graph_.nodes[relu].region == node.region;
    return same && graph_.nodes[relu].named("relu_grad") ? relu : kNone;
  }

  const ClosedNorm* normalization_of(const GraphNode& node, NodeId relu) const {
    const ValueId passed = graph_.nodes[relu].inputs[0];
    const auto met = std::find_if(closed_.begin(), closed_.end(), [&](const ClosedNorm& one) {
      return one.results[0] == passed && one.inputs[0] == node.inputs[1] &&
             one.results[1] == node.inputs[2] && one.results[2] == node.inputs[3] &&
             one.inputs[1] == node.inputs[4];
    });
    return met == closed_.end() ? nullptr : &*met;
  }

  Graph& graph_;
  const std::span<const ClosedNorm> closed_;
  const std::vector<std::vector<NodeId>> readers_;
  const std::vector<uint8_t> outside_;
};

}  // namespace

void fuse_norm(Graph& graph) {
  ChainFinder finder(graph);
  std::vector<ClosedNorm> closed;
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id)
    if (graph.nodes[id].named("batch_norm_train")) close_norm(graph, finder, id, closed);
  if (closed.empty()) return;
  NormOpener opener(graph, closed);
  for (NodeId id = 0; id < count; ++id)
    if (graph.nodes[id].named("batch_norm_train_grad")) opener.open(id);
}

}  // namespace ranvier::compiler
