// Convolution and its two gradients. The three are linear in each operand, and the gradients of any
// of them are the other two; so derivatives of every order need no further kernel.

#include "kernels/cpu/conv/conv.h"

#include <algorithm>

#include "ops/window.h"

namespace ranvier::ops {
namespace {

using kernels::ConvPass;
using kernels::ConvShape;

extern const OpRecord kConv, kConvGradData, kConvGradFilter;

int64_t groups_of(const InferArgs& args) {
  const int64_t groups = args.attrs.integer("groups", 1);
  if (groups < 1)
    fail<ValueError>(args.op.name, ": bad `groups`. Expected >= 1. Received: ", groups);
  return groups;
}

void expect_numbers(const InferArgs& args) {
  expect_count(args, 2);
  expect_same_dtype(args);
  const DType dtype = args.inputs[0].dtype;
  if (dtype == DType::Bool || dtype == DType::I64 || dtype == DType::U64)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected a floating dtype or an integer of "
                     "at most 32 bits. Received: ",
                     args.inputs[0].str(), ". Hint: ops.cast");
}

void expect_kernel_rank(const InferArgs& args, const Shape& x, const Shape& kernel) {
  if (kernel.rank() != x.rank())
    fail<ShapeError>(args.op.name, ": the kernel has a wrong rank. Expected ", x.rank(),
                     " (spatial..., channels / groups, filters). Received: ", kernel.str());
}

// The problem, from the shapes of image, kernel and result.
ConvShape problem(const InferArgs& args, const Shape& x, const Shape& kernel, const Shape& y) {
  const Window window = window_of(args, x);
  ConvShape shape;
  shape.batch = x[0];
  shape.in_channels = x.at(-1);
  shape.out_channels = y.at(-1);
  shape.groups = groups_of(args);
  shape.in = three(spatial_of(x));
  shape.filter = three(kernel.dims().first(static_cast<size_t>(window.spatial)));
  shape.out = three(spatial_of(y));
  shape.stride = window.stride;
  shape.dilation = window.dilation;
  shape.pad_lo = window.pad_lo;
  shape.pad_hi = window.pad_hi;
  return shape;
}

// --- inference ---

void check_channels(const InferArgs& args, int64_t channels, const Shape& kernel) {
  const int64_t groups = groups_of(args), inner = kernel.at(-2), filters = kernel.at(-1);
  if (inner * groups != channels)
    fail<ShapeError>(args.op.name, ": channels do not match. Expected ", inner * groups,
                     " (kernel ", kernel.str(), ", groups=", groups, "). Received: ", channels,
                     " channels");
  if (filters % groups != 0)
    fail<ShapeError>(args.op.name,
                     ": filters must be a multiple of groups. Expected a multiple of ", groups,
                     ". Received: ", filters, " filters");
}

Specs infer_conv(const InferArgs& args) {
  expect_numbers(args);
  const Shape &x = args.inputs[0].shape, &kernel = args.inputs[1].shape;
  const Window window = window_of(args, x);
  expect_kernel_rank(args, x, kernel);
  check_channels(args, x.at(-1), kernel);
  const auto size = kernel.dims().first(static_cast<size_t>(window.spatial));
  const Ints out = window_output(args, window, spatial_of(x), size);
  return {{args.inputs[0].dtype, image_shape(x[0], out, kernel.at(-1))}};
}

void check_result(const InferArgs& args, const Shape& x, std::span<const int64_t> kernel,
                  const Shape& y) {
  const Ints out = window_output(args, window_of(args, x), spatial_of(x), kernel);
  if (image_shape(x[0], out, y.at(-1)) != y)
    fail<ShapeError>(args.op.name, ": sizes do not match. Expected ",
                     image_shape(x[0], out, y.at(-1)).str(), " as convolution of ", x.str(),
                     ". Received: ", y.str());
}

Specs infer_grad_data(const InferArgs& args) {
  expect_numbers(args);
  const Shape &y = args.inputs[0].shape, &kernel = args.inputs[1].shape;
  const Window window = window_of(args, y);
  expect_kernel_rank(args, y, kernel);
  const Ints& size = positive_sizes(args, "input_size", window.spatial);
  const Shape x = image_shape(y[0], size, kernel.at(-2) * groups_of(args));
  check_channels(args, x.at(-1), kernel);
  if (kernel.at(-1) != y.at(-1))
    fail<ShapeError>(args.op.name, ": filters do not match. Expected ", kernel.at(-1),
                     " channels. Received: ", y.str());
  check_result(args, x, kernel.dims().first(static_cast<size_t>(window.spatial)), y);
  return {{args.inputs[0].dtype, x}};
}

Specs infer_grad_filter(const InferArgs& args) {
  expect_numbers(args);
  const Shape &x = args.inputs[0].shape, &y = args.inputs[1].shape;
  const Window window = window_of(args, x);
  const Ints& size = positive_sizes(args, "kernel_size", window.spatial);
  if (x.rank() != y.rank() || x.at(-1) % groups_of(args) != 0)
    fail<ShapeError>(args.op.name,
                     ": shapes do not match. Expected dy of the rank of x, channels a "
                     "multiple of groups. Received: x ",
                     x.str(), ", dy ", y.str());
  Shape kernel{std::span<const int64_t>(size)};
  kernel.push_back(x.at(-1) / groups_of(args));
  kernel.push_back(y.at(-1));
  check_channels(args, x.at(-1), kernel);
  check_result(args, x, size, y);
  return {{args.inputs[0].dtype, kernel}};
}

// --- gradients ---

Attrs window_attrs(const Node& node) {
  const Attrs& from = node.attrs;
  Attrs attrs{{"strides", from.ints("strides")}, {"padding", from.ints("padding")}};
  if (from.has("dilations")) attrs.set("dilations", from.ints("dilations"));
  if (from.has("groups")) attrs.set("groups", from.integer("groups"));
  return attrs;
}

Ints spatial_ints(const Tensor& x) {
  const auto sizes = spatial_of(x.shape());
  return Ints(sizes.begin(), sizes.end());
}

Tensor forward(const Node& node, const Tensor& x, const Tensor& kernel) {
  return apply1(kConv, {x, kernel}, window_attrs(node));
}
Tensor grad_data(const Node& node, const Tensor& dy, const Tensor& kernel, const Ints& input_size) {
  return apply1(kConvGradData, {dy, kernel}, window_attrs(node).set("input_size", input_size));
}
Tensor grad_filter(const Node& node, const Tensor& x, const Tensor& dy, const Shape& kernel) {
  const auto size = kernel.dims().first(static_cast<size_t>(kernel.rank() - 2));
  return apply1(kConvGradFilter, {x, dy},
                window_attrs(node).set("kernel_size", Ints(size.begin(), size.end())));
}

Tensors vjp_conv(const VjpArgs& args) {
  const Tensor &x = input(args, 0), &kernel = input(args, 1), &dy = args.grads[0];
  Tensors results(2);
  if (args.needs[0]) results[0] = grad_data(args.node, dy, kernel, spatial_ints(x));
  if (args.needs[1]) results[1] = grad_filter(args.node, x, dy, kernel.shape());
  return results;
}

Tensors vjp_grad_data(const VjpArgs& args) {
  const Tensor &dy = input(args, 0), &kernel = input(args, 1), &g = args.grads[0];
  Tensors results(2);
  if (args.needs[0]) results[0] = forward(args.node, g, kernel);
  if (args.needs[1]) results[1] = grad_filter(args.node, g, dy, kernel.shape());
  return results;
}

Tensors vjp_grad_filter(const VjpArgs& args) {
  const Tensor &x = input(args, 0), &dy = input(args, 1), &g = args.grads[0];
  Tensors results(2);
  if (args.needs[0]) results[0] = grad_data(args.node, dy, g, spatial_ints(x));
  if (args.needs[1]) results[1] = forward(args.node, x, g);
  return results;
}

// --- kernels ---

template <ConvPass pass>
void run_conv(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& plan = as<kernels::ConvPlan>(params);
  if constexpr (pass == ConvPass::Forward)
    kernels::run_conv_forward(ctx, plan, s.in[0], s.in[1], {}, s.out[0], s.shared, s.worker,
                              s.worker_stride);
  else if constexpr (pass == ConvPass::BackwardData)
    kernels::run_conv_backward_data(ctx, plan, s.in[0], s.in[1], s.out[0], s.shared, s.worker,
                                    s.worker_stride);
  else
    kernels::run_conv_backward_filter(ctx, plan, s.in[0], s.in[1], s.out[0], s.shared, s.worker,
                                      s.worker_stride);
}

template <ConvPass pass>
ConvShape shape_of(const PrepareArgs& args) {
  // Which of input 0, input 1 and the output is image, kernel and result.
  constexpr int kImage = pass == ConvPass::BackwardData ? 2 : 0;
  constexpr int kFilter = pass == ConvPass::BackwardFilter ? 2 : 1;
  constexpr int kResult = 3 - kImage - kFilter;
  const Shape* shapes[] = {&args.inputs[0].shape, &args.inputs[1].shape, &args.outputs[0].shape};
  return problem({args.op, args.inputs, args.attrs}, *shapes[kImage], *shapes[kFilter],
                 *shapes[kResult]);
}

template <ConvPass pass>
Kernel prepare_supported(const PrepareArgs& args) {
  kernels::ConvPlan plan = kernels::prepare_conv(pass, shape_of<pass>(args), args.inputs[0].dtype);
  const kernels::Scratch scratch = plan.scratch;
  const kernels::Cost cost = plan.cost;
  const char* variant = plan.variant;
  return make_kernel(run_conv<pass>, std::move(plan), scratch, cost, variant);
}

template <ConvPass pass>
Kernel prepare_pass(const PrepareArgs& args) {
  const DType dtype = args.inputs[0].dtype;
  if (kernels::conv_supports(pass, shape_of<pass>(args), dtype))
    return prepare_supported<pass>(args);
  return through_float(args, prepare_supported<pass>);
}

// --- records ---

const OpRecord kConv{.name = "conv",
                     .infer = infer_conv,
                     .vjp = vjp_conv,
                     .prepare = {prepare_pass<ConvPass::Forward>}};
const OpRecord kConvGradData{.name = "conv_grad_data",
                             .infer = infer_grad_data,
                             .vjp = vjp_grad_data,
                             .prepare = {prepare_pass<ConvPass::BackwardData>}};
const OpRecord kConvGradFilter{.name = "conv_grad_filter",
                               .infer = infer_grad_filter,
                               .vjp = vjp_grad_filter,
                               .prepare = {prepare_pass<ConvPass::BackwardFilter>}};
constexpr const OpRecord* kList[] = {&kConv, &kConvGradData, &kConvGradFilter};

}  // namespace

Records conv_records() { return kList; }

}  // namespace ranvier::ops
