// Maximum and average pooling with their gradients.

#include "kernels/cpu/conv/pool.h"

#include <algorithm>

#include "ops/window.h"

namespace ranvier::ops {
namespace {

using kernels::PoolKind;
using kernels::PoolShape;

extern const OpRecord kMaxPool, kMaxPoolGrad, kMaxPoolPick, kAveragePool, kAveragePoolGrad;

// --- inference ---

void expect_numbers(const InferArgs& args, size_t count, bool integers) {
  expect_count(args, count);
  expect_same_dtype(args);
  const DType dtype = args.inputs[0].dtype;
  const bool fits = is_floating(dtype) || (integers && is_integer(dtype) && size_of(dtype) <= 4);
  if (!fits)
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected a floating dtype",
                     integers ? " or an integer of at most 32 bits" : "",
                     ". Received: ", args.inputs[0].str(), ". Hint: ops.cast");
}

Shape pooled_shape(const InferArgs& args, const Shape& x) {
  const Window window = window_of(args, x);
  const Ints& size = positive_sizes(args, "pool_size", window.spatial);
  for (int i = 0; i < window.spatial; ++i) {
    const auto at = static_cast<size_t>(3 - window.spatial + i);
    const int64_t side = size[static_cast<size_t>(i)];
    if (window.pad_lo[at] >= side || window.pad_hi[at] >= side)
      fail<ValueError>(args.op.name, ": padding covers a whole window. Expected less than ", side,
                       ". Received: (", window.pad_lo[at], ", ", window.pad_hi[at], ")");
  }
  return image_shape(x[0], window_output(args, window, spatial_of(x), size), x.at(-1));
}

Specs infer_max(const InferArgs& args) {
  expect_numbers(args, 1, true);
  return {{args.inputs[0].dtype, pooled_shape(args, args.inputs[0].shape)}};
}

Specs infer_average(const InferArgs& args) {
  expect_numbers(args, 1, false);
  return {{args.inputs[0].dtype, pooled_shape(args, args.inputs[0].shape)}};
}

Specs infer_max_grad(const InferArgs& args) {
  expect_numbers(args, 2, false);
  expect_shape(args, 1, "dy", pooled_shape(args, args.inputs[0].shape));
  return {args.inputs[0]};
}

Specs infer_max_pick(const InferArgs& args) {
  expect_numbers(args, 2, false);
  expect_shape(args, 1, "v", args.inputs[0].shape);
  return {{args.inputs[0].dtype, pooled_shape(args, args.inputs[0].shape)}};
}

Specs infer_average_grad(const InferArgs& args) {
  expect_numbers(args, 1, false);
  const Shape& y = args.inputs[0].shape;
  const Window window = window_of(args, y);
  const Shape x = image_shape(y[0], positive_sizes(args, "input_size", window.spatial), y.at(-1));
  expect_shape(args, 0, "dy", pooled_shape(args, x));
  return {{args.inputs[0].dtype, x}};
}

// --- gradients ---

Attrs window_attrs(const Node& node) {
  return {{"pool_size", node.attrs.ints("pool_size")},
          {"strides", node.attrs.ints("strides")},
          {"padding", node.attrs.ints("padding")}};
}

Tensors vjp_max(const VjpArgs& args) {
  return {apply1(kMaxPoolGrad, {input(args, 0), args.grads[0]}, window_attrs(args.node))};
}
// The choice of the maximum is piecewise constant: x itself gets no gradient.
Tensors vjp_max_grad(const VjpArgs& args) {
  if (!args.needs[1]) return {Tensor(), Tensor()};
  return {Tensor(), apply1(kMaxPoolPick, {input(args, 0), args.grads[0]}, window_attrs(args.node))};
}
Tensors vjp_max_pick(const VjpArgs& args) {
  if (!args.needs[1]) return {Tensor(), Tensor()};
  return {Tensor(), apply1(kMaxPoolGrad, {input(args, 0), args.grads[0]}, window_attrs(args.node))};
}
Tensors vjp_average(const VjpArgs& args) {
  const auto size = spatial_of(input(args, 0).shape());
  return {apply1(kAveragePoolGrad, {args.grads[0]},
                 window_attrs(args.node).set("input_size", Ints(size.begin(), size.end())))};
}
Tensors vjp_average_grad(const VjpArgs& args) {
  return {apply1(kAveragePool, {args.grads[0]}, window_attrs(args.node))};
}

// --- kernels ---

void run_forward(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_pool_forward(ctx, as<kernels::PoolPlan>(params), s.in[0], s.out[0]);
}
void run_max_backward(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_pool_backward(ctx, as<kernels::PoolPlan>(params), s.in[0], s.in[1], s.out[0],
                             s.shared);
}
void run_average_backward(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_pool_backward(ctx, as<kernels::PoolPlan>(params), nullptr, s.in[0], s.out[0],
                             nullptr);
}

template <PoolKind kind, bool backward>
Kernel prepare_kind(const PrepareArgs& args) {
  const Shape &in = args.inputs[0].shape, &out = args.outputs[0].shape;
  const InferArgs window{args.op, args.inputs, args.attrs};
  const PoolShape shape =
      backward ? pool_shape(window, out, args.inputs.back().shape) : pool_shape(window, in, out);
  kernels::PoolPlan plan = kernels::prepare_pool(kind, backward, shape, args.inputs[0].dtype);
  const StepFn run = !backward               ? run_forward
                     : kind == PoolKind::Max ? run_max_backward
                                             : run_average_backward;
  const kernels::Scratch scratch = plan.scratch;
  const kernels::Cost cost = plan.cost;
  const char* variant = plan.variant;
  return make_kernel(run, std::move(plan), scratch, cost, variant);
}

// Offset of the first maximum of a window, NaN counting as maximum; as the backward kernel finds
// it.
template <class T>
int64_t first_maximum(const PoolShape& p, const T* x, const std::array<int64_t, 3>& o,
                      int64_t base) {
  int64_t best = -1;
  std::array<int64_t, 3> begin, end;
  for (size_t d = 0; d < 3; ++d) {
    const int64_t start = o[d] * p.stride[d] - p.pad_lo[d];
    begin[d] = std::max<int64_t>(0, start);
    end[d] = std::min(p.in[d], start + p.window[d]);
  }
  for (int64_t a = begin[0]; a < end[0]; ++a) {
    for (int64_t b = begin[1]; b < end[1]; ++b) {
      for (int64_t c = begin[2]; c < end[2]; ++c) {
        const int64_t at = base + ((a * p.in[1] + b) * p.in[2] + c) * p.channels;
        if (best < 0 || x[at] > x[best] || (x[at] != x[at] && x[best] == x[best])) best = at;
      }
    }
  }
  return best;
}

// y[n, o, c] = v at the position of the window's maximum in x. Rare (second derivatives): plain.
template <class T>
void run_pick(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<PoolShape>(params);
  const T* x = static_cast<const T*>(s.in[0]);
  const T* v = static_cast<const T*>(s.in[1]);
  T* y = static_cast<T*>(s.out[0]);
  const int64_t image = p.in[0] * p.in[1] * p.in[2] * p.channels;
  const int64_t rows = p.batch * p.out[0] * p.out[1];
  ctx.parallel_for(rows, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / (p.out[0] * p.out[1]);
      std::array<int64_t, 3> o{row / p.out[1] % p.out[0], row % p.out[1], 0};
      for (; o[2] < p.out[2]; ++o[2]) {
        for (int64_t c = 0; c < p.channels; ++c)
          y[(row * p.out[2] + o[2]) * p.channels + c] = v[first_maximum(p, x, o, n * image + c)];
      }
    }
  });
}

Kernel prepare_pick(const PrepareArgs& args) {
  const PoolShape shape =
      pool_shape({args.op, args.inputs, args.attrs}, args.inputs[0].shape, args.outputs[0].shape);
  const StepFn run = args.inputs[0].dtype == DType::F64 ? run_pick<double> : run_pick<float>;
  return make_kernel(run, shape, {}, traffic(args), "pick");
}

// --- records ---

const OpRecord kMaxPool{.name = "max_pool",
                        .infer = infer_max,
                        .vjp = vjp_max,
                        .prepare = {in_float<prepare_kind<PoolKind::Max, false>>}};
const OpRecord kMaxPoolGrad{.name = "max_pool_grad",
                            .infer = infer_max_grad,
                            .vjp = vjp_max_grad,
                            .prepare = {in_float<prepare_kind<PoolKind::Max, true>>}};
const OpRecord kMaxPoolPick{.name = "max_pool_pick",
                            .infer = infer_max_pick,
                            .vjp = vjp_max_pick,
                            .prepare = {in_float<prepare_pick>}};
const OpRecord kAveragePool{.name = "average_pool",
                            .infer = infer_average,
                            .vjp = vjp_average,
                            .prepare = {in_float<prepare_kind<PoolKind::Average, false>>}};
const OpRecord kAveragePoolGrad{.name = "average_pool_grad",
                                .infer = infer_average_grad,
                                .vjp = vjp_average_grad,
                                .prepare = {in_float<prepare_kind<PoolKind::Average, true>>}};
constexpr const OpRecord* kList[] = {&kMaxPool, &kMaxPoolGrad, &kMaxPoolPick, &kAveragePool,
                                     &kAveragePoolGrad};

}  // namespace

PoolShape pool_shape(const InferArgs& args, const Shape& x, const Shape& y) {
  const Window window = window_of(args, x);
  PoolShape shape;
  shape.batch = x[0];
  shape.channels = x.at(-1);
  shape.in = three(spatial_of(x));
  shape.out = three(spatial_of(y));
  shape.window = three(args.attrs.ints("pool_size"));
  shape.stride = window.stride;
  shape.pad_lo = window.pad_lo;
  shape.pad_hi = window.pad_hi;
  return shape;
}

Records pool_records() { return kList; }

}  // namespace ranvier::ops
