// Softmax and log-softmax over an axis, cross-entropy from logits over the last one.

#include "kernels/cpu/nn/softmax.h"

#include <algorithm>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::SoftmaxColumnsKernels;
using kernels::SoftmaxKernels;

extern const OpRecord kSoftmax, kLogSoftmax, kSoftmaxGrad, kLogSoftmaxGrad, kCrossEntropy,
    kSparseCrossEntropy, kCrossEntropyGrad, kSparseCrossEntropyGrad;

Tensor sum_last(const Tensor& x) { return sum(x, last_axis(), true); }
Tensor sum_axis(const Tensor& x, const Attrs& attrs) {
  return sum(x, {attrs.integer("axis", -1)}, true);
}
Tensor softmax_grad(const Tensor& dy, const Tensor& y, const Attrs& attrs) {
  return apply1(kSoftmaxGrad, {dy, y}, attrs);
}

// --- inference ---

void expect_axis(const InferArgs& args) {
  expect_rank_at_least(args, 0, 1);
  normalize_axis(args.op.name, args.attrs.integer("axis", -1), args.inputs[0].shape.rank());
}

Specs infer_same(const InferArgs& args) {
  expect_count(args, 1);
  expect_floating(args);
  expect_axis(args);
  return {args.inputs[0]};
}

Specs infer_grad(const InferArgs& args) {
  expect_count(args, 2);
  expect_floating(args);
  expect_same_dtype(args);
  expect_axis(args);
  expect_shape(args, 1, "y", args.inputs[0].shape);
  return {args.inputs[0]};
}

// Checks (x, labels) and gives the shape of the rows.
Shape row_shape(const InferArgs& args, bool sparse) {
  expect_floating(args);
  expect_rank_at_least(args, 0, 1);
  const Shape& x = args.inputs[0].shape;
  if (sparse)
    expect_index(args, 1);
  else
    expect_same_dtype(args, 0, 2);
  expect_shape(args, 1, "labels", sparse ? x.erase(x.rank() - 1) : x);
  if (x.at(-1) == 0)
    fail<ShapeError>(args.op.name, ": no classes. Expected at least one. Received: ", x.str());
  return x.erase(x.rank() - 1);
}

template <bool sparse>
Specs infer_cross_entropy(const InferArgs& args) {
  expect_count(args, 2);
  const Shape rows = row_shape(args, sparse);
  return {{args.inputs[0].dtype, rows}, args.inputs[0]};
}

template <bool sparse>
Specs infer_cross_entropy_grad(const InferArgs& args) {
  expect_count(args, 3);
  expect_shape(args, 2, "dloss", row_shape(args, sparse));
  if (args.inputs[2].dtype != args.inputs[0].dtype)
    fail<DTypeError>(args.op.name, ": dloss has a wrong dtype. Expected ", args.inputs[0].str(),
                     ". Received: ", args.inputs[2].str());
  return {args.inputs[0]};
}

// --- gradients ---

Tensors vjp_softmax(const VjpArgs& args) {
  return {softmax_grad(args.grads[0], output(args, 0), args.node.attrs)};
}
Tensors vjp_log_softmax(const VjpArgs& args) {
  return {apply1(kLogSoftmaxGrad, {args.grads[0], output(args, 0)}, args.node.attrs)};
}

// dx = y (dy - Σ dy y), and g its gradient:
//   to dy: y (g - Σ g y),   to y: g (dy - Σ dy y) - dy Σ g y.
Tensors vjp_softmax_grad(const VjpArgs& args) {
  const Tensor &dy = input(args, 0), &y = input(args, 1), &g = args.grads[0];
  Tensors results(2);
  const Attrs& attrs = args.node.attrs;
  if (args.needs[0]) results[0] = softmax_grad(g, y, attrs);
  if (args.needs[1])
    results[1] =
        sub(mul(g, sub(dy, sum_axis(mul(dy, y), attrs))), mul(dy, sum_axis(mul(g, y), attrs)));
  return results;
}

// dx = dy - exp(y) Σ dy:  to dy: g - Σ g exp(y),  to y: -g exp(y) Σ dy.
Tensors vjp_log_softmax_grad(const VjpArgs& args) {
  const Tensor &dy = input(args, 0), &g = args.grads[0];
  const Tensor weighted = mul(g, exp(input(args, 1)));
  Tensors results(2);
  if (args.needs[0]) results[0] = sub(g, sum_axis(weighted, args.node.attrs));
  if (args.needs[1]) results[1] = neg(mul(weighted, sum_axis(dy, args.node.attrs)));
  return results;
}

template <bool sparse>
Tensors vjp_cross_entropy(const VjpArgs& args) {
  const Tensor &logits = input(args, 0), &labels = input(args, 1), &prob = output(args, 1);
  const Tensor &dloss = args.grads[0], &dprob = args.grads[1];
  Tensors results(2);
  if (args.needs[0]) {
    if (dloss)
      results[0] =
          apply1(sparse ? kSparseCrossEntropyGrad : kCrossEntropyGrad, {prob, labels, dloss});
    if (dprob) results[0] = accumulate(results[0], softmax_grad(dprob, prob, {}));
  }
  if (!sparse && args.needs[1] && dloss)
    results[1] = neg(mul(log_softmax(logits), expand_dims(dloss, -1)));
  return results;
}

template <bool sparse>
Tensors vjp_cross_entropy_grad(const VjpArgs& args) {
  return vjp_by(args, [](TensorSpan x) -> Tensors {
    const Tensor labels = sparse ? one_hot(x[1], x[0].shape().at(-1), x[0].dtype()) : x[1];
    return {mul(sub(mul(x[0], sum_last(labels)), labels), expand_dims(x[2], -1))};
  });
}

// --- kernels ---

struct Params {
  const SoftmaxKernels* kernels;
  int64_t rows, cols;
  DType label_dtype;
};

template <SoftmaxKernels::Forward SoftmaxKernels::*member>
void run_forward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  (p.kernels->*member)(ctx, p.rows, p.cols, s.out[0], s.in[0]);
}

template <SoftmaxKernels::Backward SoftmaxKernels::*member>
void run_backward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  (p.kernels->*member)(ctx, p.rows, p.cols, s.out[0], s.in[0], s.in[1]);
}

void run_loss(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->cross_entropy(ctx, p.rows, p.cols, s.out[0], s.out[1], s.in[0], s.in[1]);
}
void run_loss_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->cross_entropy_backward(ctx, p.rows, p.cols, s.out[0], s.in[0], s.in[1], s.in[2]);
}
void run_sparse_loss(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->sparse_cross_entropy(ctx, p.rows, p.cols, s.out[0], s.out[1], s.in[0], s.in[1],
                                  p.label_dtype);
}
void run_sparse_loss_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->sparse_cross_entropy_backward(ctx, p.rows, p.cols, s.out[0], s.in[0], s.in[1],
                                           p.label_dtype, s.in[2]);
}

struct ColumnParams {
  const SoftmaxColumnsKernels* kernels;
  kernels::SoftmaxColumns shape;
};

template <SoftmaxColumnsKernels::Forward SoftmaxColumnsKernels::*member>
void run_columns(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ColumnParams>(params);
  (p.kernels->*member)(ctx, p.shape, s.out[0], s.in[0]);
}

template <SoftmaxColumnsKernels::Backward SoftmaxColumnsKernels::*member>
void run_columns_backward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ColumnParams>(params);
  (p.kernels->*member)(ctx, p.shape, s.out[0], s.in[0], s.in[1]);
}

template <StepFn run>
Kernel prepare_rows(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int64_t cols = x.shape.at(-1);
  Params params{&kernels::softmax_kernels(x.dtype), x.size() / std::max<int64_t>(1, cols), cols,
                args.inputs.size() > 1 ? args.inputs[1].dtype : DType::I32};
  return make_kernel(run, params, {}, kernels::softmax_cost(x.dtype, params.rows, cols));
}
template <StepFn run>
constexpr PrepareFn kPrepare = in_f32<prepare_rows<run>>;

// Rows where nothing lies behind the axis.
template <StepFn rows, StepFn columns>
Kernel prepare_axis(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis", -1), x.shape.rank());
  kernels::SoftmaxColumns shape{1, x.shape[axis], 1};
  for (int i = 0; i < axis; ++i) shape.outer *= x.shape[i];
  for (int i = axis + 1; i < x.shape.rank(); ++i) shape.inner *= x.shape[i];
  const auto cost = kernels::softmax_cost(x.dtype, shape.outer * shape.inner, shape.count);
  if (shape.inner == 1) {
    const Params params{&kernels::softmax_kernels(x.dtype), shape.outer, shape.count, DType::I32};
    return make_kernel(rows, params, {}, cost, "rows");
  }
  const ColumnParams params{&kernels::softmax_columns_kernels(x.dtype), shape};
  return make_kernel(columns, params, {}, cost, "columns");
}
template <StepFn rows, StepFn columns>
constexpr PrepareFn kPrepareAxis = in_f32<prepare_axis<rows, columns>>;

// --- records ---

const OpRecord kSoftmax{.name = "softmax",
                        .infer = infer_same,
                        .vjp = vjp_softmax,
                        .prepare = {kPrepareAxis<run_forward<&SoftmaxKernels::softmax>,
                                                 run_columns<&SoftmaxColumnsKernels::softmax>>},
                        .traits = {.in_place = 0}};
const OpRecord kLogSoftmax{
    .name = "log_softmax",
    .infer = infer_same,
    .vjp = vjp_log_softmax,
    .prepare = {kPrepareAxis<run_forward<&SoftmaxKernels::log_softmax>,
                             run_columns<&SoftmaxColumnsKernels::log_softmax>>},
    .traits = {.in_place = 0}};
const OpRecord kSoftmaxGrad{
    .name = "softmax_grad",
    .infer = infer_grad,
    .vjp = vjp_softmax_grad,
    .prepare = {kPrepareAxis<run_backward<&SoftmaxKernels::softmax_backward>,
                             run_columns_backward<&SoftmaxColumnsKernels::softmax_backward>>},
    .traits = {.in_place = 0}};
const OpRecord kLogSoftmaxGrad{
    .name = "log_softmax_grad",
    .infer = infer_grad,
    .vjp = vjp_log_softmax_grad,
    .prepare = {kPrepareAxis<run_backward<&SoftmaxKernels::log_softmax_backward>,
                             run_columns_backward<&SoftmaxColumnsKernels::log_softmax_backward>>},
    .traits = {.in_place = 0}};
const OpRecord kCrossEntropy{.name = "softmax_cross_entropy",
                             .infer = infer_cross_entropy<false>,
                             .vjp = vjp_cross_entropy<false>,
                             .prepare = {kPrepare<run_loss>}};
const OpRecord kSparseCrossEntropy{.name = "sparse_softmax_cross_entropy",
                                   .infer = infer_cross_entropy<true>,
                                   .vjp = vjp_cross_entropy<true>,
                                   .prepare = {kPrepare<run_sparse_loss>}};
const OpRecord kCrossEntropyGrad{.name = "softmax_cross_entropy_grad",
                                 .infer = infer_cross_entropy_grad<false>,
                                 .vjp = vjp_cross_entropy_grad<false>,
                                 .prepare = {kPrepare<run_loss_grad>},
                                 .traits = {.in_place = 0}};
const OpRecord kSparseCrossEntropyGrad{.name = "sparse_softmax_cross_entropy_grad",
                                       .infer = infer_cross_entropy_grad<true>,
                                       .vjp = vjp_cross_entropy_grad<true>,
                                       .prepare = {kPrepare<run_sparse_loss_grad>},
                                       .traits = {.in_place = 0}};
constexpr const OpRecord* kList[] = {
    &kSoftmax,      &kLogSoftmax,         &kSoftmaxGrad,      &kLogSoftmaxGrad,
    &kCrossEntropy, &kSparseCrossEntropy, &kCrossEntropyGrad, &kSparseCrossEntropyGrad};

}  // namespace

Records softmax_records() { return kList; }
Tensor softmax(const Tensor& x) { return apply1(kSoftmax, {x}); }
Tensor log_softmax(const Tensor& x) { return apply1(kLogSoftmax, {x}); }

}  // namespace ranvier::ops
