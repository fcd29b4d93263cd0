// Random draws: pure functions of a seed of two words, so that a repeated trace repeats its draws.

#include "kernels/cpu/data/random.h"

#include <algorithm>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::Distribution;

extern const OpRecord kDropout;

// --- inference ---

TypeSpec infer_draw(const InferArgs& args) {
  expect_count(args, 1);
  expect_seed(args, 0);
  return {args.attrs.dtype("dtype"), shape_attr(args, "shape")};
}

TypeSpec infer_floating(const InferArgs& args) {
  const TypeSpec spec = infer_draw(args);
  if (!is_floating(spec.dtype))
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected a floating dtype. Received: ",
                     name_of(spec.dtype));
  return spec;
}

Specs infer_uniform(const InferArgs& args) {
  const TypeSpec spec = infer_floating(args);
  const double low = args.attrs.real("low"), high = args.attrs.real("high");
  if (!(low <= high))
    fail<ValueError>(args.op.name, ": empty range. Expected low <= high. Received: low=", low,
                     ", high=", high);
  return {spec};
}

Specs infer_normal(const InferArgs& args) {
  const TypeSpec spec = infer_floating(args);
  const double stddev = args.attrs.real("stddev");
  args.attrs.real("mean");
  if (!(stddev >= 0))
    fail<ValueError>(args.op.name, ": bad `stddev`. Expected >= 0. Received: ", stddev);
  return {spec};
}

void expect_probability(const InferArgs& args, const char* name, double value) {
  if (!(value >= 0 && value <= 1))
    fail<ValueError>(args.op.name, ": bad `", name, "`. Expected a probability. Received: ", value);
}

Specs infer_bernoulli(const InferArgs& args) {
  expect_probability(args, "p", args.attrs.real("p"));
  return {infer_draw(args)};
}

Specs infer_integers(const InferArgs& args) {
  const TypeSpec spec = infer_draw(args);
  const int64_t low = args.attrs.integer("low"), high = args.attrs.integer("high");
  if (!is_integer(spec.dtype))
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected an integer dtype. Received: ",
                     name_of(spec.dtype));
  if (low >= high)
    fail<ValueError>(args.op.name, ": empty range. Expected low < high. Received: low=", low,
                     ", high=", high);
  return {spec};
}

Specs infer_permutation(const InferArgs& args) {
  expect_count(args, 1);
  expect_seed(args, 0);
  const int64_t size = args.attrs.integer("size");
  const DType dtype = args.attrs.dtype("dtype");
  if (dtype != DType::I32 && dtype != DType::I64)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected int32 or int64. Received: ", name_of(dtype));
  if (size < 0) fail<ValueError>(args.op.name, ": negative size. Expected >= 0. Received: ", size);
  return {{dtype, {size}}};
}

Specs infer_categorical(const InferArgs& args) {
  expect_count(args, 2);
  expect_seed(args, 0);
  const TypeSpec& logits = args.inputs[1];
  const int64_t draws = args.attrs.integer("draws");
  if (logits.dtype != DType::F32)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected float32 logits. Received: ", logits.str());
  if (logits.shape.rank() != 2 || logits.shape[1] == 0)
    fail<ShapeError>(args.op.name,
                     ": wrong logits. Expected (batch, classes). Received: ", logits.shape.str());
  if (draws < 0)
    fail<ValueError>(args.op.name, ": negative `draws`. Expected >= 0. Received: ", draws);
  return {{DType::I32, {logits.shape[0], draws}}};
}

Specs infer_dropout(const InferArgs& args) {
  expect_count(args, 2);
  expect_floating(args);
  expect_seed(args, 1);
  const double rate = args.attrs.real("rate");
  if (!(rate >= 0 && rate < 1))
    fail<ValueError>(args.op.name, ": bad `rate`. Expected 0 <= rate < 1. Received: ", rate);
  return {args.inputs[0], {DType::Bool, args.inputs[0].shape}};
}

// --- gradients ---

Tensors vjp_dropout(const VjpArgs& args) {
  if (!args.grads[0]) return {Tensor(), Tensor()};
  const Tensor& dy = args.grads[0];
  const double keep = 1 - args.node.attrs.real("rate");
  // Divided like the forward pass, so that both round alike.
  const Tensor kept = div(dy, constant_like(dy, keep));
  return {where(output(args, 1), kept, constant_like(dy, 0)), Tensor()};
}

// --- kernels ---

const uint32_t* key_of(const Slots& s, size_t i) { return static_cast<const uint32_t*>(s.in[i]); }

struct DrawParams {
  Distribution distribution;
  DType dtype;
  int64_t count;
  double a, b;
};
void run_draw(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<DrawParams>(params);
  kernels::run_random(ctx, p.distribution, p.dtype, key_of(s, 0), p.count, s.out[0], p.a, p.b);
}
template <Distribution distribution>
Kernel prepare_draw(const PrepareArgs& args) {
  const TypeSpec& out = args.outputs[0];
  DrawParams params{distribution, out.dtype, out.size(), 0, 1};
  if (distribution == Distribution::Uniform) {
    params.a = args.attrs.real("low");
    params.b = args.attrs.real("high");
  } else if (distribution == Distribution::Bernoulli) {
    params.a = args.attrs.real("p");
  } else {
    params.a = args.attrs.real("mean");
    params.b = args.attrs.real("stddev");
  }
  return make_kernel(run_draw, params, {}, traffic(args));
}

struct IntegerParams {
  DType dtype;
  int64_t count, low, high;
};
void run_integers(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<IntegerParams>(params);
  kernels::run_random_integers(ctx, p.dtype, key_of(s, 0), p.count, s.out[0], p.low, p.high);
}
Kernel prepare_integers(const PrepareArgs& args) {
  const TypeSpec& out = args.outputs[0];
  return make_kernel(
      run_integers,
      IntegerParams{out.dtype, out.size(), args.attrs.integer("low"), args.attrs.integer("high")},
      {}, traffic(args));
}

struct PermutationParams {
  DType dtype;
  int64_t size;
};
void run_permutation(const Context&, const Slots& s, const void* params) noexcept {
  const auto& p = as<PermutationParams>(params);
  kernels::run_permutation(p.dtype, key_of(s, 0), p.size, s.out[0]);
}
Kernel prepare_permutation(const PrepareArgs& args) {
  const PermutationParams params{args.outputs[0].dtype, args.outputs[0].size()};
  return make_kernel(run_permutation, params, {}, traffic(args));
}

struct CategoricalParams {
  int64_t rows, classes, draws;
};
void run_categorical(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<CategoricalParams>(params);
  kernels::run_categorical(ctx, key_of(s, 0), p.rows, p.classes, p.draws,
                           static_cast<int32_t*>(s.out[0]), static_cast<const float*>(s.in[1]));
}
Kernel prepare_categorical(const PrepareArgs& args) {
  const Shape& logits = args.inputs[1].shape;
  return make_kernel(run_categorical,
                     CategoricalParams{logits[0], logits[1], args.outputs[0].shape[1]}, {},
                     traffic(args));
}

struct DropoutParams {
  int64_t count;
  double keep;
};
void run_dropout_f32(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<DropoutParams>(params);
  kernels::run_dropout(ctx, key_of(s, 1), p.count, static_cast<float*>(s.out[0]),
                       static_cast<uint8_t*>(s.out[1]), static_cast<const float*>(s.in[0]), p.keep);
}
void run_dropout_f64(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<DropoutParams>(params);
  kernels::run_random(ctx, Distribution::Bernoulli, DType::Bool, key_of(s, 1), p.count, s.out[1],
                      p.keep, 1);
  const auto* mask = static_cast<const uint8_t*>(s.out[1]);
  const auto* x = static_cast<const double*>(s.in[0]);
  auto* y = static_cast<double*>(s.out[0]);
  ctx.parallel_for(p.count, 8192, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) y[i] = mask[i] ? x[i] / p.keep : 0.0;
  });
}
Kernel prepare_dropout(const PrepareArgs& args) {
  const DropoutParams params{args.inputs[0].size(), 1 - args.attrs.real("rate")};
  const StepFn run = args.inputs[0].dtype == DType::F64 ? run_dropout_f64 : run_dropout_f32;
  return make_kernel(run, params, {}, traffic(args));
}

// --- records ---

constexpr Traits kShaped{.sizes = {"shape"}};

const OpRecord kUniform{.name = "random_uniform",
                        .infer = infer_uniform,
                        .vjp = no_gradient,
                        .prepare = {prepare_draw<Distribution::Uniform>},
                        .traits = kShaped};
const OpRecord kNormal{.name = "random_normal",
                       .infer = infer_normal,
                       .vjp = no_gradient,
                       .prepare = {prepare_draw<Distribution::Normal>},
                       .traits = kShaped};
const OpRecord kTruncatedNormal{.name = "random_truncated_normal",
                                .infer = infer_normal,
                                .vjp = no_gradient,
                                .prepare = {prepare_draw<Distribution::TruncatedNormal>},
                                .traits = kShaped};
const OpRecord kBernoulli{.name = "random_bernoulli",
                          .infer = infer_bernoulli,
                          .vjp = no_gradient,
                          .prepare = {prepare_draw<Distribution::Bernoulli>},
                          .traits = kShaped};
const OpRecord kIntegers{.name = "random_integers",
                         .infer = infer_integers,
                         .vjp = no_gradient,
                         .prepare = {prepare_integers},
                         .traits = kShaped};
const OpRecord kPermutation{.name = "random_permutation",
                            .infer = infer_permutation,
                            .vjp = no_gradient,
                            .prepare = {prepare_permutation},
                            .traits = {.sizes = {"size"}}};
const OpRecord kCategorical{.name = "random_categorical",
                            .infer = infer_categorical,
                            .vjp = no_gradient,
                            .prepare = {prepare_categorical}};
const OpRecord kDropout{.name = "dropout",
                        .infer = infer_dropout,
                        .vjp = vjp_dropout,
                        .prepare = {in_f32<prepare_dropout>},
                        .traits = {.in_place = 0}};
constexpr const OpRecord* kList[] = {&kUniform,  &kNormal,      &kTruncatedNormal, &kBernoulli,
                                     &kIntegers, &kPermutation, &kCategorical,     &kDropout};

}  // namespace

Records random_records() { return kList; }

}  // namespace ranvier::ops
