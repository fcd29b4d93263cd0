// Reductions, arg-reductions and cumulative sums and products.

#include "kernels/cpu/pointwise/reduce.h"

#include <numeric>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::ReduceOp;

extern const OpRecord kSum, kMean, kProd, kMax, kMin, kCumsum, kCumprod;

Ints attr_axes(const Attrs& attrs, int rank) {
  const std::vector<int> axes = axes_attr("reduce", attrs, rank);
  return Ints(axes.begin(), axes.end());
}

// A tensor of the reduced shape, with the reduced axes put back as size 1.
Tensor with_axes(const VjpArgs& args, const Tensor& reduced) {
  const Shape& shape = input(args, 0).shape();
  const std::vector<int> axes = axes_attr("reduce", args.node.attrs, shape.rank());
  return reshape(reduced, reduced_shape(shape, axes, true));
}

// --- inference ---

Shape infer_shape(const InferArgs& args) {
  expect_count(args, 1);
  const Shape& shape = args.inputs[0].shape;
  return reduced_shape(shape, axes_attr(args.op.name, args.attrs, shape.rank()),
                       args.attrs.flag("keepdims", false));
}

Specs infer_sum(const InferArgs& args) {
  const Shape shape = infer_shape(args);
  const DType in = args.inputs[0].dtype;
  const DType out = args.attrs.has("dtype") ? args.attrs.dtype("dtype") : in;
  if (out == DType::Bool)
    fail<DTypeError>(args.op.name,
                     ": sums and products of bool need another result. Expected a "
                     "numeric dtype. Received: ",
                     args.inputs[0].str(), ", dtype=", name_of(out),
                     ". Hint: give dtype, or use `any` and `all`");
  return {{out, shape}};
}

Specs infer_mean(const InferArgs& args) {
  expect_count(args, 1);
  expect_floating(args);
  return {{args.inputs[0].dtype, infer_shape(args)}};
}

Specs infer_extremum(const InferArgs& args) {
  const Shape shape = infer_shape(args);
  if (args.inputs[0].size() == 0 && shape.size() != 0)
    fail<ShapeError>(args.op.name,
                     ": nothing to compare. Expected at least one element along the "
                     "reduced axes. Received: shape ",
                     args.inputs[0].shape.str());
  return {{args.inputs[0].dtype, shape}};
}

Specs infer_logical(const InferArgs& args) { return {{DType::Bool, infer_shape(args)}}; }

Specs infer_arg(const InferArgs& args) {
  expect_count(args, 1);
  const TypeSpec& x = args.inputs[0];
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.shape.rank());
  if (x.shape[axis] == 0)
    fail<ShapeError>(args.op.name,
                     ": the axis is empty. Expected at least one element. Received: "
                     "shape ",
                     x.shape.str(), ", axis=", axis);
  const bool keepdims = args.attrs.flag("keepdims", false);
  return {{DType::I32, keepdims ? x.shape.with(axis, 1) : x.shape.erase(axis)}};
}

Specs infer_cumulative(const InferArgs& args) {
  expect_count(args, 1);
  normalize_axis(args.op.name, args.attrs.integer("axis"), args.inputs[0].shape.rank());
  if (args.inputs[0].dtype == DType::Bool)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected a numeric dtype. Received: bool. "
                     "Hint: ops.cast(x, \"int32\")");
  return {args.inputs[0]};
}

// --- gradients ---

Tensor spread(const VjpArgs& args, const Tensor& grad) {
  const Tensor& x = input(args, 0);
  return broadcast_to(cast(with_axes(args, grad), x.dtype()), x.shape());
}

Tensors vjp_sum(const VjpArgs& args) {
  if (!is_floating(input(args, 0).dtype())) return {Tensor()};
  return {spread(args, args.grads[0])};
}

Tensors vjp_mean(const VjpArgs& args) {
  const double count = static_cast<double>(input(args, 0).size()) /
                       static_cast<double>(std::max<int64_t>(1, args.grads[0].size()));
  return {spread(args, scale(args.grads[0], 1 / count))};
}

// Equal extrema share the gradient.
Tensors vjp_extremum(const VjpArgs& args) {
  const Tensor& x = input(args, 0);
  if (!is_floating(x.dtype())) return {Tensor()};
  const Tensor hit = cast(equal(x, with_axes(args, output(args, 0))), x.dtype());
  const Tensor count = sum(hit, attr_axes(args.node.attrs, x.rank()), true);
  return {mul(hit, div(with_axes(args, args.grads[0]), count))};
}

// Exclusive running product along axis 1 of (outer, n).
Tensor products_before(const Tensor& x) {
  const int64_t outer = x.shape()[0], n = x.shape()[1];
  const Tensor one = ones({x.dtype(), {outer, 1}});
  const Tensor body = slice(x, {0, 0}, {outer, n - 1});
  return apply1(kCumprod, {concat({one, body}, 1)}, {{"axis", int64_t{1}}});
}

// The product of all other factors, without dividing: zeros among the factors are no trouble.
Tensors vjp_prod(const VjpArgs& args) {
  const Tensor& x = input(args, 0);
  if (!is_floating(x.dtype()) || x.size() == 0) return {zeros_like(x)};
  const std::vector<int> axes = axes_attr("prod", args.node.attrs, x.rank());
  Ints order, back(static_cast<size_t>(x.rank()));
  int64_t count = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) order.push_back(axis);
  }
  for (const int axis : axes) {
    order.push_back(axis);
    count *= x.shape()[axis];
  }
  for (size_t i = 0; i < order.size(); ++i)
    back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  const Tensor moved = transpose(x, order);
  const Tensor rows = reshape(moved, {x.size() / count, count});
  const Tensor others = mul(products_before(rows), flip(products_before(flip(rows, {1})), {1}));
  const Tensor factor = transpose(reshape(others, moved.shape()), back);
  return {mul(factor, cast(with_axes(args, args.grads[0]), x.dtype()))};
}

Tensors vjp_cumsum(const VjpArgs& args) {
  if (!is_floating(input(args, 0).dtype())) return {Tensor()};
  return {cumsum(args.grads[0], args.node.attrs.integer("axis"),
                 !args.node.attrs.flag("reverse", false))};
}

// x moved towards the start of an axis by some places; zeros follow.
Tensor moved_up(const Tensor& x, int64_t axis, int64_t places) {
  const size_t at = static_cast<size_t>(axis);
  Ints starts(static_cast<size_t>(x.rank()), 0), padding(2 * starts.size(), 0), sizes;
  for (int i = 0; i < x.rank(); ++i) sizes.push_back(x.shape()[i]);
  starts[at] = places;
  sizes[at] -= places;
  padding[2 * at + 1] = places;
  return pad(slice(x, starts, sizes), padding);
}

// s_i = dy_i + x_{i+1} s_{i+1} in log2(n) rounds, each of which doubles the number of terms.
Tensor sums_of_later_products(const Tensor& x, const Tensor& dy, int64_t axis) {
  const int64_t count = x.shape()[static_cast<int>(axis)];
  if (count < 2) return dy;
  Tensor total = dy, factor = moved_up(x, axis, 1);
  for (int64_t step = 1; step < count; step *= 2) {
    total = add(total, mul(factor, moved_up(total, axis, step)));
    if (2 * step < count) factor = mul(factor, moved_up(factor, axis, step));
  }
  return total;
}

// dx_i = (prod_{j<i} x_j) s_i, without dividing: zeros among the factors are no trouble.
Tensors vjp_cumprod(const VjpArgs& args) {
  const Tensor& source = input(args, 0);
  if (!is_floating(source.dtype()) || source.size() == 0) return {zeros_like(source)};
  const int64_t axis = normalize_axis("cumprod", args.node.attrs.integer("axis"), source.rank());
  const bool reverse = args.node.attrs.flag("reverse", false);
  const Tensor x = reverse ? flip(source, {axis}) : source;
  const Tensor dy = reverse ? flip(args.grads[0], {axis}) : args.grads[0];
  Ints starts(static_cast<size_t>(x.rank()), 0), sizes;
  for (int i = 0; i < x.rank(); ++i) sizes.push_back(x.shape()[i]);
  sizes[static_cast<size_t>(axis)] = 1;
  const Tensor one = ones({x.dtype(), Shape(sizes)});
  sizes[static_cast<size_t>(axis)] = x.shape()[static_cast<int>(axis)] - 1;
  const Tensor shifted = concat({one, slice(x, starts, sizes)}, axis);
  const Tensor before = apply1(kCumprod, {shifted}, {{"axis", axis}});
  const Tensor dx = mul(before, sums_of_later_products(x, dy, axis));
  return {reverse ? flip(dx, {axis}) : dx};
}

// --- kernels ---

void run_reduction(const Context& ctx, const Slots& slots, const void* params) noexcept {
  kernels::run_reduce(ctx, as<kernels::ReduceParams>(params), slots.in[0], slots.out[0],
                      slots.shared, slots.worker, slots.worker_stride);
}

template <ReduceOp op>
Kernel prepare_reduction(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  kernels::ReduceParams params =
      kernels::prepare_reduce(op, x.dtype, args.outputs[0].dtype, x.shape,
                              axes_attr(args.op.name, args.attrs, x.shape.rank()));
  const kernels::Scratch scratch = params.scratch;
  const kernels::Cost cost = params.cost;
  return make_kernel(run_reduction, std::move(params), scratch, cost, kernels::name_of(op));
}

void run_arg(const Context& ctx, const Slots& slots, const void* params) noexcept {
  kernels::run_arg_reduce(ctx, as<kernels::ArgReduceParams>(params), slots.in[0],
                          static_cast<int32_t*>(slots.out[0]), slots.shared);
}

template <bool maximum>
Kernel prepare_arg(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.shape.rank());
  const kernels::ArgReduceParams params =
      kernels::prepare_arg_reduce(maximum, x.dtype, x.shape, axis);
  return make_kernel(run_arg, params, params.scratch, params.cost);
}

void run_cumulative(const Context& ctx, const Slots& slots, const void* params) noexcept {
  kernels::run_cumulative(ctx, as<kernels::CumulativeParams>(params), slots.in[0], slots.out[0]);
}

template <bool product>
Kernel prepare_cumulative(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.shape.rank());
  const kernels::CumulativeParams params = kernels::prepare_cumulative(
      product, args.attrs.flag("reverse", false), x.dtype, x.shape, axis);
  return make_kernel(run_cumulative, params, {}, params.cost);
}

// --- records ---

const OpRecord kSum{.name = "sum",
                    .infer = infer_sum,
                    .vjp = vjp_sum,
                    .prepare = {prepare_reduction<ReduceOp::Sum>}};
const OpRecord kMean{.name = "mean",
                     .infer = infer_mean,
                     .vjp = vjp_mean,
                     .prepare = {prepare_reduction<ReduceOp::Mean>}};
const OpRecord kProd{.name = "prod",
                     .infer = infer_sum,
                     .vjp = vjp_prod,
                     .prepare = {prepare_reduction<ReduceOp::Prod>}};
const OpRecord kMax{.name = "max",
                    .infer = infer_extremum,
                    .vjp = vjp_extremum,
                    .prepare = {prepare_reduction<ReduceOp::Max>}};
const OpRecord kMin{.name = "min",
                    .infer = infer_extremum,
                    .vjp = vjp_extremum,
                    .prepare = {prepare_reduction<ReduceOp::Min>}};
const OpRecord kAny{.name = "any",
                    .infer = infer_logical,
                    .vjp = no_gradient,
                    .prepare = {prepare_reduction<ReduceOp::Any>}};
const OpRecord kAll{.name = "all",
                    .infer = infer_logical,
                    .vjp = no_gradient,
                    .prepare = {prepare_reduction<ReduceOp::All>}};
const OpRecord kArgmax{
    .name = "argmax", .infer = infer_arg, .vjp = no_gradient, .prepare = {prepare_arg<true>}};
const OpRecord kArgmin{
    .name = "argmin", .infer = infer_arg, .vjp = no_gradient, .prepare = {prepare_arg<false>}};
const OpRecord kCumsum{.name = "cumsum",
                       .infer = infer_cumulative,
                       .vjp = vjp_cumsum,
                       .prepare = {prepare_cumulative<false>},
                       .traits = {.in_place = 0}};
const OpRecord kCumprod{.name = "cumprod",
                        .infer = infer_cumulative,
                        .vjp = vjp_cumprod,
                        .prepare = {prepare_cumulative<true>},
                        .traits = {.in_place = 0}};
constexpr const OpRecord* kList[] = {&kSum, &kMean,   &kProd,   &kMax,    &kMin,    &kAny,
                                     &kAll, &kArgmax, &kArgmin, &kCumsum, &kCumprod};

Tensor reduce(const OpRecord& op, const Tensor& x, const Ints& axes, bool keepdims) {
  return apply1(op, {x}, {{"axes", axes}, {"keepdims", keepdims}});
}

}  // namespace

Records reduce_records() { return kList; }

Tensor sum(const Tensor& x, const Ints& axes, bool keepdims) {
  return reduce(kSum, x, axes, keepdims);
}
Tensor mean(const Tensor& x, const Ints& axes, bool keepdims) {
  return reduce(kMean, x, axes, keepdims);
}
Tensor max(const Tensor& x, const Ints& axes, bool keepdims) {
  return reduce(kMax, x, axes, keepdims);
}
Tensor prod(const Tensor& x, const Ints& axes, bool keepdims) {
  return reduce(kProd, x, axes, keepdims);
}
Tensor sum_all(const Tensor& x) {
  Ints axes(static_cast<size_t>(x.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return sum(x, axes);
}
Tensor cumsum(const Tensor& x, int64_t axis, bool reverse) {
  return apply1(kCumsum, {x}, {{"axis", axis}, {"reverse", reverse}});
}

Tensor unbroadcast(const Tensor& grad, const Shape& shape) {
  const Shape& from = grad.shape();
  if (from == shape) return grad;
  const int extra = from.rank() - shape.rank();
  Ints axes;
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (axis < extra || (shape[axis - extra] == 1 && from[axis] != 1)) axes.push_back(axis);
  }
  return reshape(axes.empty() ? grad : sum(grad, axes), shape);
}

}  // namespace ranvier::ops
