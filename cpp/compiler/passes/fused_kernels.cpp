#include "compiler/passes/fused_kernels.h"

#include <cstring>
#include <sstream>

#include "base/error.h"
#include "ops/window.h"

namespace ranvier::compiler {
namespace {

template <class T>
std::shared_ptr<const void> hold(const PrepareArgs& args) {
  auto owner = std::make_shared<Payload>(args.attrs.payload("fused"));
  return std::shared_ptr<const void>(owner, static_cast<const T*>(owner->get()));
}

kernels::Cost copy_cost(const PrepareArgs& args) {
  return {0, static_cast<double>(args.inputs[0].bytes() + args.outputs[0].bytes())};
}

void run_fused_matmul(const Context& context, const Slots& slots, const void* params) noexcept {
  const auto& payload = *static_cast<const MatmulPayload*>(params);
  kernels::GemmOperands operands;
  operands.a = slots.in[0];
  operands.b = slots.in[1];
  operands.c = slots.out[0];
  size_t next = 2;
  if (payload.bias) operands.bias = slots.in[next++];
  if (payload.residual) operands.residual = slots.in[next++];
  if (payload.mask) operands.mask = slots.in[next++];
  if (payload.scale) operands.scale = slots.in[next++];
  if (payload.accumulate && slots.in[next] != slots.out[0])
    std::memcpy(slots.out[0], slots.in[next], payload.outputs[0].bytes());
  kernels::gemm_run(context, payload.plan, operands, slots.shared, slots.worker,
                    slots.worker_stride);
}

Kernel prepare_fused_matmul(const PrepareArgs& args) {
  const auto& payload = static_cast<const MatmulPayload&>(*args.attrs.payload("fused"));
  return {run_fused_matmul, hold<MatmulPayload>(args), payload.plan.scratch, payload.plan.cost,
          name_of(payload.plan.variant)};
}

void run_pack(const Context& context, const Slots& slots, const void* params) noexcept {
  kernels::gemm_pack(context, static_cast<const PackPayload*>(params)->plan, slots.in[0],
                     slots.out[0]);
}

Kernel prepare_pack(const PrepareArgs& args) {
  return {run_pack, hold<PackPayload>(args), {}, copy_cost(args), "panels"};
}

void run_fused_conv(const Context& context, const Slots& slots, const void* params) noexcept {
  const auto& payload = *static_cast<const ConvPayload*>(params);
  kernels::ConvEpilogue epilogue;
  size_t next = 2;
  if (payload.bias) epilogue.bias = slots.in[next++];
  if (payload.residual) epilogue.residual = slots.in[next++];
  epilogue.activation = payload.activation;
  if (payload.winograd)
    return kernels::run_winograd(context, *payload.winograd, static_cast<const float*>(slots.in[0]),
                                 static_cast<const float*>(slots.in[1]), epilogue,
                                 static_cast<float*>(slots.out[0]), slots.shared, slots.worker,
                                 slots.worker_stride);
  kernels::run_conv_forward(context, payload.plan, slots.in[0], slots.in[1], epilogue, slots.out[0],
                            slots.shared, slots.worker, slots.worker_stride);
}

Kernel prepare_fused_conv(const PrepareArgs& args) {
  const auto& payload = static_cast<const ConvPayload&>(*args.attrs.payload("fused"));
  if (payload.winograd)
    return {run_fused_conv, hold<ConvPayload>(args), payload.winograd->scratch,
            payload.winograd->cost, payload.winograd->staged ? "winograd, staged" : "winograd"};
  return {run_fused_conv, hold<ConvPayload>(args), payload.plan.scratch, payload.plan.cost,
          payload.plan.variant};
}

void run_conv_pair(const Context& context, const Slots& slots, const void* params) noexcept {
  const auto& payload = *static_cast<const ConvPairPayload*>(params);
  size_t next = 1;
  const auto take = [&](const ConvPairPayload::Closing& closing, const float*& filter,
                        kernels::ConvEpilogue& epilogue) {
    filter = static_cast<const float*>(slots.in[next++]);
    if (closing.bias) epilogue.bias = slots.in[next++];
    if (closing.residual) epilogue.residual = slots.in[next++];
    epilogue.activation = closing.activation;
  };
  kernels::ConvPairOperands operands;
  operands.x = static_cast<const float*>(slots.in[0]);
  operands.y = static_cast<float*>(slots.out[0]);
  take(payload.first, operands.first_filter, operands.first);
  take(payload.second, operands.second_filter, operands.second);
  kernels::run_conv_pair(context, payload.plan, operands, slots.worker, slots.worker_stride);
}

Kernel prepare_conv_pair(const PrepareArgs& args) {
  const auto& payload = static_cast<const ConvPairPayload&>(*args.attrs.payload("fused"));
  return {run_conv_pair, hold<ConvPairPayload>(args), payload.plan.scratch, payload.plan.cost,
          "product, depthwise"};
}

void run_winograd_filter(const Context& context, const Slots& slots, const void* params) noexcept {
  const auto& payload = *static_cast<const WinogradFilterPayload*>(params);
  kernels::run_winograd_filter(context, payload.plan, static_cast<const float*>(slots.in[0]),
                               static_cast<float*>(slots.out[0]));
}

Kernel prepare_winograd_filter(const PrepareArgs& args) {
  return {run_winograd_filter,
          hold<WinogradFilterPayload>(args),
          {},
          copy_cost(args),
          "winograd filter"};
}

const char* name_of(kernels::Activation activation) {
  static constexpr const char* kNames[kernels::kActivationCount] = {
      "none", "relu", "leaky_relu", "relu6", "sigmoid", "tanh"};
  return kNames[static_cast<size_t>(activation)];
}

}  // namespace

std::string MatmulPayload::str() const {
  std::ostringstream out;
  const kernels::GemmShape shape = plan.turned ? turned(plan.shape) : plan.shape;
  out << shape.m << 'x' << shape.n << 'x' << shape.k << (shape.trans_a ? " trans_a" : "")
      << (shape.trans_b ? " trans_b" : "") << (shape.packed_b ? " packed" : "")
      << (plan.turned ? " turned" : "") << (bias ? " bias" : "") << (residual ? " residual" : "")
      << (mask ? " mask" : "");
  if (accumulate) out << " accumulate alpha=" << plan.epilogue.alpha;
  if (plan.epilogue.activation != kernels::Activation::None)
    out << ' ' << name_of(plan.epilogue.activation);
  return out.str();
}

const OpRecord& fused_matmul_record() {
  static const OpRecord record{
      "fused_matmul", infer_fused, nullptr, {prepare_fused_matmul, nullptr}};
  return record;
}

const OpRecord& pack_record() {
  static const OpRecord record{"pack", infer_fused, nullptr, {prepare_pack, nullptr}};
  return record;
}

std::optional<kernels::GemmShape> single_product(const Graph& graph, const GraphNode& node) {
  const TypeSpec &a = graph.spec(node.inputs[0]), &b = graph.spec(node.inputs[1]);
  if (a.dtype != DType::F32 && a.dtype != DType::F64) return {};
  if (a.shape.rank() < 2 || b.shape.rank() != 2 || graph.spec(node.outputs[0]).size() == 0)
    return {};
  kernels::GemmShape shape;
  shape.trans_a = node.attrs.flag("trans_a", false);
  shape.trans_b = node.attrs.flag("trans_b", false);
  if (shape.trans_a && a.shape.rank() != 2) return {};
  shape.n = b.shape[shape.trans_b ? 0 : 1];
  shape.k = b.shape[shape.trans_b ? 1 : 0];
  shape.m = graph.spec(node.outputs[0]).size() / shape.n;
  return shape;
}

std::string ConvPayload::str() const {
  std::ostringstream out;
  out << (winograd ? "winograd" : plan.variant) << (bias ? " bias" : "")
      << (residual ? " residual" : "");
  if (activation != kernels::Activation::None) out << ' ' << name_of(activation);
  return out.str();
}

const OpRecord& fused_conv_record() {
  static const OpRecord record{"fused_conv", infer_fused, nullptr, {prepare_fused_conv, nullptr}};
  return record;
}

std::string ConvPairPayload::str() const {
  std::ostringstream out;
  const char* separator = "product";
  for (const Closing& closing : {first, second}) {
    out << separator << (closing.bias ? " bias" : "") << (closing.residual ? " residual" : "");
    if (closing.activation != kernels::Activation::None) out << ' ' << name_of(closing.activation);
    separator = ", depthwise";
  }
  return out.str();
}

const OpRecord& conv_pair_record() {
  static const OpRecord record{"conv_pair", infer_fused, nullptr, {prepare_conv_pair, nullptr}};
  return record;
}

const OpRecord& winograd_filter_record() {
  static const OpRecord record{
      "winograd_filter", infer_fused, nullptr, {prepare_winograd_filter, nullptr}};
  return record;
}

namespace {

// Of the convolution of x to y, whichever of the three the node computes.
kernels::ConvShape shape_of_conv(const GraphNode& node, const TypeSpec& x, const TypeSpec& filter,
                                 const TypeSpec& y) {
  const Specs specs{x, filter};
  const ops::Window window = ops::window_of({*node.op, specs, node.attrs}, x.shape);
  kernels::ConvShape shape;
  shape.batch = x.shape[0];
  shape.in_channels = x.shape.at(-1);
  shape.out_channels = filter.shape.at(-1);
  shape.groups = node.attrs.integer("groups", 1);
  shape.in = ops::three(ops::spatial_of(x.shape));
  shape.filter = ops::three(filter.shape.dims().first(static_cast<size_t>(window.spatial)));
  shape.out = ops::three(ops::spatial_of(y.shape));
  shape.stride = window.stride;
  shape.dilation = window.dilation;
  shape.pad_lo = window.pad_lo;
  shape.pad_hi = window.pad_hi;
  return shape;
}

}  // namespace

std::optional<kernels::ConvShape> conv_shape_of(const Graph& graph, const GraphNode& node) {
  const TypeSpec &x = graph.spec(node.inputs[0]), &y = graph.spec(node.outputs[0]);
  if ((x.dtype != DType::F32 && x.dtype != DType::F64) || y.size() == 0) return {};
  return shape_of_conv(node, x, graph.spec(node.inputs[1]), y);
}

std::optional<kernels::GemmShape> data_product(const Graph& graph, const GraphNode& node) {
  const TypeSpec &dy = graph.spec(node.inputs[0]), &dx = graph.spec(node.outputs[0]);
  if (dy.dtype != DType::F32 || dy.size() == 0 || dx.size() == 0) return {};
  const kernels::ConvShape shape = shape_of_conv(node, dx, graph.spec(node.inputs[1]), dy);
  return kernels::conv_product(kernels::ConvPass::BackwardData, shape);
}

}  // namespace ranvier::compiler
