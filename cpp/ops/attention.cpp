// Scaled dot-product attention: a tiled kernel forward and backward; float64 by the reference, and
// gradients of the bias and second derivatives by the formula in ops.

#include "kernels/cpu/attention/attention.h"

#include <algorithm>

#include "base/verbose.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::AttentionGrid;
using kernels::AttentionPlan;
using kernels::AttentionShape;

extern const OpRecord kAttentionGrad;

// Which optional inputs follow the `fixed` first ones, and where.
struct Inputs {
  size_t q = 0, bias = 0, mask = 0, seed = 0, count = 0;  // 0: not given
};
Inputs inputs_of(const Attrs& attrs, bool gradient) {
  Inputs at;
  at.q = gradient ? 1 : 0;
  at.count = gradient ? 6 : 3;
  if (attrs.flag("bias", false)) at.bias = at.count++;
  if (attrs.flag("mask", false)) at.mask = at.count++;
  if (attrs.real("rate") > 0) at.seed = at.count++;
  return at;
}

// --- inference ---

DType sums_dtype(DType dtype) { return dtype == DType::F64 ? DType::F64 : DType::F32; }

void check_grid(const InferArgs& args, size_t input, const char* what, const Shape& full) {
  const Shape& shape = args.inputs[input].shape;
  bool fits = shape.rank() == 4 && shape[3] == full[3];
  for (int i = 0; fits && i < 3; ++i) fits = shape[i] == 1 || shape[i] == full[i];
  if (!fits)
    fail<ShapeError>(args.op.name, ": wrong shape of ", what, ". Expected ", full.str(),
                     " or 1 in place of any size but the last. Received: ", shape.str());
}

Specs check_attention(const InferArgs& args, const Inputs& at) {
  expect_count(args, at.count);
  expect_floating(args, at.q);
  expect_same_dtype(args, at.q, at.q + 3);
  const Shape &q = args.inputs[at.q].shape, &k = args.inputs[at.q + 1].shape,
              &v = args.inputs[at.q + 2].shape;
  const bool ranks = q.rank() == 4 && k.rank() == 4 && v.rank() == 4;
  if (!ranks || k[0] != q[0] || v[0] != q[0] || k[3] != q[3] || k[1] != v[1] || k[2] != v[2] ||
      k[2] < 1 || q[2] % k[2] != 0)
    fail<ShapeError>(args.op.name,
                     ": shapes do not fit. Expected q (batch, queries, heads, size), k and v "
                     "(batch, keys, key_heads, size) with heads a multiple of key_heads. Received: "
                     "q.shape=",
                     q.str(), ", k.shape=", k.str(), ", v.shape=", v.str());
  const double rate = args.attrs.real("rate");
  if (!(rate >= 0 && rate < 1))
    fail<ValueError>(args.op.name, ": bad `rate`. Expected 0 <= rate < 1. Received: ", rate);
  const Shape full{q[0], q[2], q[1], k[1]};
  if (at.bias) check_grid(args, at.bias, "the bias", full);
  if (at.mask) {
    check_grid(args, at.mask, "the mask", full);
    if (args.inputs[at.mask].dtype != DType::Bool)
      fail<DTypeError>(args.op.name, ": wrong dtype of the mask. Expected bool. Received: ",
                       args.inputs[at.mask].str());
  }
  if (at.seed) expect_seed(args, at.seed);
  const DType dtype = args.inputs[at.q].dtype;
  return {{dtype, {q[0], q[1], q[2], v[3]}}, {sums_dtype(dtype), {q[0], q[2], q[1]}}};
}

Specs infer_attention(const InferArgs& args) {
  return check_attention(args, inputs_of(args.attrs, false));
}
Specs infer_attention_grad(const InferArgs& args) {
  const Specs out = check_attention(args, inputs_of(args.attrs, true));
  expect_shape(args, 0, "d_out", out[0].shape);
  expect_shape(args, 4, "out", out[0].shape);
  expect_shape(args, 5, "log_sum", out[1].shape);
  return {args.inputs[1], args.inputs[2], args.inputs[3]};
}

// --- the formula in ops ---

struct Composition {
  Tensor q, k, v;          // (batch, heads, time, size); key heads repeated
  Tensor visible;          // null where everything is
  Tensor logits, weights;  // (batch, heads, queries, keys)
  Tensor kept;             // factor of the dropout; null without
  double scale = 1;
};

Tensor heads_first(const Tensor& x) { return transpose(x, {0, 2, 1, 3}); }

// (batch, key_heads, keys, size) with every head `times` times.
Tensor repeat_heads(const Tensor& x, int64_t times) {
  if (times == 1) return x;
  const Shape& s = x.shape();
  const Tensor wide =
      broadcast_to(reshape(x, {s[0], s[1], 1, s[2], s[3]}), {s[0], s[1], times, s[2], s[3]});
  return reshape(wide, {s[0], s[1] * times, s[2], s[3]});
}
Tensor sum_heads(const Tensor& x, int64_t times) {
  if (times == 1) return x;
  const Shape& s = x.shape();
  return sum(reshape(x, {s[0], s[1] / times, times, s[2], s[3]}), {2});
}

Tensor visible_of(TensorSpan in, const Inputs& at, bool causal, int64_t queries, int64_t keys) {
  Tensor visible = at.mask ? in[at.mask] : Tensor();
  if (!causal) return visible;
  const Tensor rows = reshape(arange(queries, 0, 1, DType::I32), {queries, 1});
  const Tensor lower = greater_equal(rows, arange(keys, 0, 1, DType::I32));
  return visible ? logical_and(visible, lower) : lower;
}

Tensor kept_of(const Tensor& seed, const Tensor& weights, double rate) {
  const Shape& s = weights.shape();
  const int64_t drawn = (s[3] + 63) / 64 * 64;
  static const OpRecord& bernoulli = *find_op("random_bernoulli");
  const Tensor all = apply1(
      bernoulli, {seed},
      {{"shape", Ints{s[0], s[1], s[2], drawn}}, {"dtype", weights.dtype()}, {"p", 1 - rate}});
  return ops::scale(slice(all, {0, 0, 0, 0}, {s[0], s[1], s[2], s[3]}), 1 / (1 - rate));
}

Composition composition_of(TensorSpan in, const Inputs& at, const Attrs& attrs) {
  Composition c;
  const DType wide = sums_dtype(in[at.q].dtype());
  const int64_t times = in[at.q].shape()[2] / in[at.q + 1].shape()[2];
  c.scale = attrs.real("scale");
  c.q = heads_first(cast(in[at.q], wide));
  c.k = repeat_heads(heads_first(cast(in[at.q + 1], wide)), times);
  c.v = repeat_heads(heads_first(cast(in[at.q + 2], wide)), times);
  c.logits = ops::scale(matmul(c.q, c.k, false, true), c.scale);
  if (at.bias) c.logits = add(c.logits, cast(in[at.bias], wide));
  c.visible = visible_of(in, at, attrs.flag("causal", false), c.q.shape()[2], c.k.shape()[2]);
  if (c.visible)
    c.logits = where(c.visible, c.logits,
                     constant_like(c.logits, static_cast<double>(kernels::kMaskedLogit)));
  c.weights = softmax(c.logits);
  if (c.visible && attrs.flag("zero_masked", false))
    c.weights = where(c.visible, c.weights, constant_like(c.weights, 0));
  if (at.seed) c.kept = kept_of(in[at.seed], c.weights, attrs.real("rate"));
  return c;
}

Tensor dropped(const Composition& c, const Tensor& x) { return c.kept ? mul(x, c.kept) : x; }

Tensors compose_forward(TensorSpan in, const Attrs& attrs) {
  const Composition c = composition_of(in, inputs_of(attrs, false), attrs);
  const Tensor out = heads_first(matmul(dropped(c, c.weights), c.v));
  const Tensor maximum = max(c.logits, last_axis(), true);
  const Tensor total = sum(exp(sub(c.logits, maximum)), last_axis(), true);
  return {cast(out, in[0].dtype()), squeeze(add(log(total), maximum), -1)};
}

// d_out, q, k, v, ... -> dq, dk, dv
Tensors compose_backward(TensorSpan in, const Attrs& attrs) {
  const Composition c = composition_of(in, inputs_of(attrs, true), attrs);
  const DType dtype = in[1].dtype();
  const int64_t times = in[1].shape()[2] / in[2].shape()[2];
  const Tensor d_out = heads_first(cast(in[0], c.q.dtype()));
  const Tensor d_weights = dropped(c, matmul(d_out, c.v, false, true));
  const Tensor shared = sum(mul(c.weights, d_weights), last_axis(), true);
  Tensor slopes = ops::scale(mul(c.weights, sub(d_weights, shared)), c.scale);
  if (c.visible) slopes = where(c.visible, slopes, constant_like(slopes, 0));
  const auto back = [&](const Tensor& x) { return cast(heads_first(x), dtype); };
  return {back(matmul(slopes, c.k)), back(sum_heads(matmul(slopes, c.q, true), times)),
          back(sum_heads(matmul(dropped(c, c.weights), d_out, true), times))};
}

// --- gradients ---

Tensors vjp_attention(const VjpArgs& args) {
  const Attrs& attrs = args.node.attrs;
  const Inputs at = inputs_of(attrs, false);
  if (args.grads[1] || (at.bias && args.needs[at.bias]))
    return vjp_by(args, [attrs](TensorSpan in) { return compose_forward(in, attrs); });
  Tensors inputs{args.grads[0],  input(args, 0),  input(args, 1),
                 input(args, 2), output(args, 0), output(args, 1)};
  for (size_t i = 3; i < at.count; ++i) inputs.push_back(input(args, i));
  const Tensors grads = apply(kAttentionGrad, inputs, attrs);
  Tensors results(at.count);
  for (size_t i = 0; i < 3; ++i) results[i] = args.needs[i] ? grads[i] : Tensor();
  return results;
}

Tensors vjp_attention_grad(const VjpArgs& args) {
  const Attrs attrs = args.node.attrs;
  return vjp_by(args, [attrs](TensorSpan in) { return compose_backward(in, attrs); });
}

// --- kernels ---

AttentionGrid grid_of(const Shape& s) {
  AttentionGrid grid{.given = true};
  const int64_t strides[3] = {s[1] * s[2] * s[3], s[2] * s[3], s[3]};
  grid.batch = s[0] == 1 ? 0 : strides[0];
  grid.head = s[1] == 1 ? 0 : strides[1];
  grid.query = s[2] == 1 ? 0 : strides[2];
  return grid;
}

AttentionShape shape_of(const PrepareArgs& args, const Inputs& at) {
  const Shape &q = args.inputs[at.q].shape, &k = args.inputs[at.q + 1].shape;
  AttentionShape s;
  s.batch = q[0];
  s.queries = q[1];
  s.heads = q[2];
  s.size = q[3];
  s.keys = k[1];
  s.key_heads = k[2];
  s.value_size = args.inputs[at.q + 2].shape[3];
  s.scale = static_cast<float>(args.attrs.real("scale"));
  s.causal = args.attrs.flag("causal", false);
  s.zero_masked = args.attrs.flag("zero_masked", false);
  s.rate = args.attrs.real("rate");
  if (at.bias) s.bias = grid_of(args.inputs[at.bias].shape);
  if (at.mask) s.mask = grid_of(args.inputs[at.mask].shape);
  return s;
}

struct Params {
  AttentionPlan plan;
  Inputs at;
  const kernels::AttentionKernels* kernels;
};

template <class T>
const T* operand(const Slots& s, size_t i, bool given = true) {
  return given ? static_cast<const T*>(s.in[i]) : nullptr;
}
template <class T>
T* result(const Slots& s, size_t i) {
  return static_cast<T*>(s.out[i]);
}

kernels::AttentionOperands operands_of(const Slots& s, const Inputs& at) {
  return {operand<float>(s, at.q),
          operand<float>(s, at.q + 1),
          operand<float>(s, at.q + 2),
          operand<float>(s, at.bias, at.bias > 0),
          operand<uint8_t>(s, at.mask, at.mask > 0),
          operand<uint32_t>(s, at.seed, at.seed > 0)};
}

void run_forward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->forward(ctx, p.plan, operands_of(s, p.at), {result<float>(s, 0), result<float>(s, 1)},
                     s.worker, s.worker_stride);
}
void run_backward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  p.kernels->backward(ctx, p.plan, operands_of(s, p.at),
                      {operand<float>(s, 0), operand<float>(s, 4), operand<float>(s, 5),
                       result<float>(s, 0), result<float>(s, 1), result<float>(s, 2)},
                      s.worker, s.worker_stride);
}

void run_forward_f64(const Context&, const Slots& s, const void* params) noexcept {
  const auto& [plan, at, kernels] = as<Params>(params);
  kernels::reference::attention(
      plan.shape, operand<double>(s, 0), operand<double>(s, 1), operand<double>(s, 2),
      operand<double>(s, at.bias, at.bias > 0), operand<uint8_t>(s, at.mask, at.mask > 0),
      operand<uint32_t>(s, at.seed, at.seed > 0), result<double>(s, 0), result<double>(s, 1));
}
void run_backward_f64(const Context&, const Slots& s, const void* params) noexcept {
  const auto& [plan, at, kernels] = as<Params>(params);
  kernels::reference::attention_backward(
      plan.shape, operand<double>(s, 1), operand<double>(s, 2), operand<double>(s, 3),
      operand<double>(s, at.bias, at.bias > 0), operand<uint8_t>(s, at.mask, at.mask > 0),
      operand<uint32_t>(s, at.seed, at.seed > 0), operand<double>(s, 0), result<double>(s, 0),
      result<double>(s, 1), result<double>(s, 2));
}

template <bool gradient>
Kernel prepare_attention(const PrepareArgs& args) {
  const Inputs at = inputs_of(args.attrs, gradient);
  const Params params{kernels::attention_prepare(shape_of(args, at)), at,
                      &kernels::attention_kernels()};
  const kernels::Cost cost = traffic(args, params.plan.cost.flops * (gradient ? 2.5 : 1.0));
  if (args.inputs[at.q].dtype == DType::F64) {
    if (prints_dispatch()) print_refusal(args.op.name, "tiles", "float64 serves checks alone");
    return make_kernel(gradient ? run_backward_f64 : run_forward_f64, params, {}, cost,
                       "reference");
  }
  return make_kernel(gradient ? run_backward : run_forward, params, params.plan.scratch, cost,
                     "tiles");
}

// --- records ---

const OpRecord kAttention{.name = "attention",
                          .infer = infer_attention,
                          .vjp = vjp_attention,
                          .prepare = {in_f32<prepare_attention<false>>}};
const OpRecord kAttentionGrad{.name = "attention_grad",
                              .infer = infer_attention_grad,
                              .vjp = vjp_attention_grad,
                              .prepare = {in_f32<prepare_attention<true>>}};
constexpr const OpRecord* kList[] = {&kAttention, &kAttentionGrad};

}  // namespace

Records attention_records() { return kList; }

}  // namespace ranvier::ops
