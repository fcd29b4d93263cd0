// Batch, layer and RMS normalization over the last axis: fused kernels forward and backward; second
// derivatives by the formulas in ops.

#include "kernels/cpu/nn/norm.h"

#include <algorithm>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::NormParams;

extern const OpRecord kBatchTrainGrad, kBatchInferGrad, kLayerGrad, kRmsGrad;

// --- inference ---

// x is input `at`; every input from `first` on has the shape of its last axis.
void check_norm(const InferArgs& args, size_t count, size_t at, size_t first) {
  expect_count(args, count);
  expect_same_dtype(args);
  expect_floating(args);
  expect_rank_at_least(args, at, 1);
  if (args.attrs.real("epsilon") < 0)
    fail<ValueError>(args.op.name,
                     ": bad `epsilon`. Expected >= 0. Received: ", args.attrs.real("epsilon"));
  const Shape channels{args.inputs[at].shape.at(-1)};
  for (size_t i = first; i < count; ++i) expect_shape(args, i, "a parameter", channels);
}

TypeSpec last_of(const TypeSpec& x) { return {x.dtype, {x.shape.at(-1)}}; }
TypeSpec rows_of(const TypeSpec& x) { return {x.dtype, x.shape.erase(x.shape.rank() - 1)}; }

Specs infer_moments(const InferArgs& args) {
  expect_count(args, 1);
  expect_floating(args);
  expect_rank_at_least(args, 0, 1);
  const TypeSpec channels = last_of(args.inputs[0]);
  return {channels, channels};
}
Specs infer_batch_train(const InferArgs& args) {
  check_norm(args, 3, 0, 1);
  const TypeSpec channels = last_of(args.inputs[0]);
  return {args.inputs[0], channels, channels};
}
Specs infer_batch_infer(const InferArgs& args) {
  check_norm(args, 5, 0, 1);
  return {args.inputs[0]};
}
Specs infer_batch_grad(const InferArgs& args) {
  check_norm(args, 5, 1, 2);
  expect_shape(args, 0, "dy", args.inputs[1].shape);
  const TypeSpec channels = last_of(args.inputs[1]);
  return {args.inputs[1], channels, channels};
}
Specs infer_layer(const InferArgs& args) {
  check_norm(args, 3, 0, 1);
  const TypeSpec rows = rows_of(args.inputs[0]);
  return {args.inputs[0], rows, rows};
}
Specs infer_layer_grad(const InferArgs& args) {
  check_norm(args, 5, 1, 4);
  const TypeSpec channels = last_of(args.inputs[1]);
  expect_shape(args, 0, "dy", args.inputs[1].shape);
  expect_shape(args, 2, "mean", rows_of(args.inputs[1]).shape);
  expect_shape(args, 3, "inv", rows_of(args.inputs[1]).shape);
  return {args.inputs[1], channels, channels};
}
Specs infer_rms(const InferArgs& args) {
  check_norm(args, 2, 0, 1);
  return {args.inputs[0], rows_of(args.inputs[0])};
}
Specs infer_rms_grad(const InferArgs& args) {
  check_norm(args, 4, 1, 3);
  expect_shape(args, 0, "dy", args.inputs[1].shape);
  expect_shape(args, 2, "inv", rows_of(args.inputs[1]).shape);
  return {args.inputs[1], last_of(args.inputs[1])};
}

// --- gradients ---

Ints row_axes(const Tensor& x) {
  Ints axes;
  for (int axis = 0; axis + 1 < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}
double row_count(const Tensor& x) {
  return static_cast<double>(x.size()) /
         static_cast<double>(std::max<int64_t>(1, x.shape().at(-1)));
}
Tensor rows_mean(const Tensor& x) { return mean(x, last_axis(), true); }
double epsilon_of(const Node& node) { return node.attrs.real("epsilon"); }
Attrs attrs_of(const Node& node) { return {{"epsilon", epsilon_of(node)}}; }

// What gradients of the moments add to that of x; either may be missing.
Tensor moments_grad(const Tensor& x, const Tensor& mean, const Tensor& dmean,
                    const Tensor& dvariance) {
  const double n = std::max(1.0, row_count(x));
  Tensor dx;
  if (dvariance) dx = mul(sub(x, mean), scale(dvariance, 2 / n));
  if (dmean) {
    const Tensor part = scale(dmean, 1 / n);
    dx = dx ? add(dx, part) : broadcast_to(part, x.shape());
  }
  return dx;
}

Tensors vjp_moments(const VjpArgs& args) {
  return {moments_grad(input(args, 0), output(args, 0), args.grads[0], args.grads[1])};
}

Tensors vjp_batch_train(const VjpArgs& args) {
  const Tensor &x = input(args, 0), &mean = output(args, 1), &variance = output(args, 2);
  Tensors results(3);
  if (args.grads[0]) {
    const Tensors grads = apply(kBatchTrainGrad, {args.grads[0], x, mean, variance, input(args, 1)},
                                attrs_of(args.node));
    for (size_t i = 0; i < 3; ++i) results[i] = args.needs[i] ? grads[i] : Tensor();
  }
  if (args.needs[0] && (args.grads[1] || args.grads[2]))
    results[0] = accumulate(results[0], moments_grad(x, mean, args.grads[1], args.grads[2]));
  return results;
}

Tensors vjp_batch_infer(const VjpArgs& args) {
  const Tensor &x = input(args, 0), &mean = input(args, 1), &variance = input(args, 2),
               &gamma = input(args, 3);
  const Tensors grads =
      apply(kBatchInferGrad, {args.grads[0], x, mean, variance, gamma}, attrs_of(args.node));
  Tensors results(5);
  if (args.needs[0]) results[0] = grads[0];
  if (args.needs[1] || args.needs[2]) {
    const Tensor spread = shift(variance, epsilon_of(args.node));
    if (args.needs[1]) results[1] = neg(mul(mul(gamma, rsqrt(spread)), grads[2]));
    if (args.needs[2]) results[2] = div(scale(mul(grads[1], gamma), -0.5), spread);
  }
  if (args.needs[3]) results[3] = grads[1];
  if (args.needs[4]) results[4] = grads[2];
  return results;
}

// (dy, x, mean, variance, gamma) -> dx, dgamma, dbeta. `train`: through the moments as well.
template <bool train>
Tensors vjp_batch_grad(const VjpArgs& args) {
  const double epsilon = epsilon_of(args.node);
  return vjp_by(args, [epsilon](TensorSpan in) -> Tensors {
    const Tensor &dy = in[0], &x = in[1];
    const Ints axes = row_axes(x);
    const Tensor s = rsqrt(shift(in[3], epsilon));
    const Tensor xhat = mul(sub(x, in[2]), s);
    const Tensor dbeta = sum(dy, axes), dgamma = sum(mul(dy, xhat), axes);
    const double n = std::max(1.0, row_count(x));
    const Tensor centered =
        train ? sub(sub(dy, scale(dbeta, 1 / n)), mul(xhat, scale(dgamma, 1 / n))) : dy;
    return {mul(centered, mul(in[4], s)), dgamma, dbeta};
  });
}

// The statistics that layer_norm also returns are for its gradient alone; where someone uses them,
// the rule by composition takes them along.
Tensors vjp_layer(const VjpArgs& args) {
  const double epsilon = epsilon_of(args.node);
  if (args.grads[1] || args.grads[2]) {
    return vjp_by(args, [epsilon](TensorSpan in) -> Tensors {
      const Tensor mean = rows_mean(in[0]), centered = sub(in[0], mean);
      const Tensor inv = rsqrt(shift(rows_mean(square(centered)), epsilon));
      return {add(mul(mul(centered, inv), in[1]), in[2]), squeeze(mean, -1), squeeze(inv, -1)};
    });
  }
  const Tensors grads = apply(
      kLayerGrad, {args.grads[0], input(args, 0), output(args, 1), output(args, 2), input(args, 1)},
      attrs_of(args.node));
  Tensors results(3);
  for (size_t i = 0; i < 3; ++i) results[i] = args.needs[i] ? grads[i] : Tensor();
  return results;
}

Tensors vjp_layer_grad(const VjpArgs& args) {
  return vjp_by(args, [](TensorSpan in) -> Tensors {
    const Tensor &dy = in[0], &x = in[1];
    const Tensor inv = expand_dims(in[3], -1);
    const Tensor xhat = mul(sub(x, expand_dims(in[2], -1)), inv), g = mul(dy, in[4]);
    const Tensor dx = mul(inv, sub(sub(g, rows_mean(g)), mul(xhat, rows_mean(mul(g, xhat)))));
    return {dx, sum(mul(dy, xhat), row_axes(x)), sum(dy, row_axes(x))};
  });
}

Tensors vjp_rms(const VjpArgs& args) {
  const double epsilon = epsilon_of(args.node);
  if (args.grads[1]) {
    return vjp_by(args, [epsilon](TensorSpan in) -> Tensors {
      const Tensor inv = rsqrt(shift(rows_mean(square(in[0])), epsilon));
      return {mul(mul(in[0], inv), in[1]), squeeze(inv, -1)};
    });
  }
  const Tensors grads =
      apply(kRmsGrad, {args.grads[0], input(args, 0), output(args, 1), input(args, 1)},
            attrs_of(args.node));
  Tensors results(2);
  for (size_t i = 0; i < 2; ++i) results[i] = args.needs[i] ? grads[i] : Tensor();
  return results;
}

Tensors vjp_rms_grad(const VjpArgs& args) {
  return vjp_by(args, [](TensorSpan in) -> Tensors {
    const Tensor &dy = in[0], &x = in[1];
    const Tensor inv = expand_dims(in[2], -1), g = mul(dy, in[3]);
    const Tensor pull = mul(mul(x, square(inv)), rows_mean(mul(g, x)));
    return {mul(inv, sub(g, pull)), sum(mul(mul(dy, x), inv), row_axes(x))};
  });
}

// --- kernels ---

struct Params {
  NormParams norm;
  const kernels::BatchNormKernels* batch;
  const kernels::LayerNormKernels* layer;
};

void run_moments(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.batch->channel_moments(ctx, p.norm, s.out[0], s.out[1], s.in[0], s.shared);
}
void run_batch_train(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.batch->batch_norm_train(ctx, p.norm, s.out[0], s.out[1], s.out[2], s.in[0], s.in[1], s.in[2],
                            {}, s.shared);
}
void run_batch_infer(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.batch->batch_norm_infer(ctx, p.norm, s.out[0], s.in[0], s.in[1], s.in[2], s.in[3], s.in[4],
                            s.shared);
}
void run_batch_train_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.batch->batch_norm_backward(ctx, p.norm, s.out[0], s.out[1], s.out[2], s.in[0], s.in[1], s.in[2],
                               s.in[3], s.in[4], s.shared);
}
void run_batch_infer_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.batch->batch_norm_infer_backward(ctx, p.norm, s.out[0], s.out[1], s.out[2], s.in[0], s.in[1],
                                     s.in[2], s.in[3], s.in[4], s.shared);
}
void run_layer(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.layer->layer_norm(ctx, p.norm, s.out[0], s.out[1], s.out[2], s.in[0], s.in[1], s.in[2]);
}
void run_layer_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.layer->layer_norm_backward(ctx, p.norm, s.out[0], s.out[1], s.out[2], s.in[0], s.in[1], s.in[2],
                               s.in[3], s.in[4], s.shared);
}
void run_rms(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.layer->rms_norm(ctx, p.norm, s.out[0], s.out[1], s.in[0], s.in[1]);
}
void run_rms_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.layer->rms_norm_backward(ctx, p.norm, s.out[0], s.out[1], s.in[0], s.in[1], s.in[2], s.in[3],
                             s.shared);
}

// x has the shape of output 0; the moments alone are smaller than it.
template <StepFn run>
Kernel prepare_rows(const PrepareArgs& args) {
  const TypeSpec& x = run == run_moments ? args.inputs[0] : args.outputs[0];
  const int64_t cols = x.shape.at(-1);
  Params params{kernels::prepare_norm(x.dtype, x.size() / std::max<int64_t>(1, cols), cols,
                                      run == run_moments ? 0 : args.attrs.real("epsilon")),
                &kernels::batch_norm_kernels(x.dtype), &kernels::layer_norm_kernels(x.dtype)};
  return make_kernel(run, params, params.norm.scratch, kernels::norm_cost(params.norm));
}
template <StepFn run>
constexpr PrepareFn kPrepare = in_f32<prepare_rows<run>>;

// --- records ---

const OpRecord kMoments{.name = "channel_moments",
                        .infer = infer_moments,
                        .vjp = vjp_moments,
                        .prepare = {kPrepare<run_moments>}};
const OpRecord kBatchTrain{.name = "batch_norm_train",
                           .infer = infer_batch_train,
                           .vjp = vjp_batch_train,
                           .prepare = {kPrepare<run_batch_train>}};
const OpRecord kBatchInfer{.name = "batch_norm_infer",
                           .infer = infer_batch_infer,
                           .vjp = vjp_batch_infer,
                           .prepare = {kPrepare<run_batch_infer>},
                           .traits = {.in_place = 0}};
const OpRecord kBatchTrainGrad{.name = "batch_norm_train_grad",
                               .infer = infer_batch_grad,
                               .vjp = vjp_batch_grad<true>,
                               .prepare = {kPrepare<run_batch_train_grad>},
                               .traits = {.in_place = 0}};
const OpRecord kBatchInferGrad{.name = "batch_norm_infer_grad",
                               .infer = infer_batch_grad,
                               .vjp = vjp_batch_grad<false>,
                               .prepare = {kPrepare<run_batch_infer_grad>},
                               .traits = {.in_place = 0}};
const OpRecord kLayer{
    .name = "layer_norm", .infer = infer_layer, .vjp = vjp_layer, .prepare = {kPrepare<run_layer>}};
const OpRecord kLayerGrad{.name = "layer_norm_grad",
                          .infer = infer_layer_grad,
                          .vjp = vjp_layer_grad,
                          .prepare = {kPrepare<run_layer_grad>},
                          .traits = {.in_place = 0}};
const OpRecord kRms{
    .name = "rms_norm", .infer = infer_rms, .vjp = vjp_rms, .prepare = {kPrepare<run_rms>}};
const OpRecord kRmsGrad{.name = "rms_norm_grad",
                        .infer = infer_rms_grad,
                        .vjp = vjp_rms_grad,
                        .prepare = {kPrepare<run_rms_grad>},
                        .traits = {.in_place = 0}};
constexpr const OpRecord* kList[] = {&kMoments,        &kBatchTrain, &kBatchInfer, &kBatchTrainGrad,
                                     &kBatchInferGrad, &kLayer,      &kLayerGrad,  &kRms,
                                     &kRmsGrad};

}  // namespace

Records norm_records() { return kList; }

}  // namespace ranvier::ops
