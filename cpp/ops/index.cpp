// Rows by index: take, take_along_axis, scatter, one-hot. Gradients are sums over equal indices.

#include <algorithm>
#include <cstring>

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/gather.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kTake, kRowsGrad, kTakeAlong, kAddAlong, kScatterAdd, kScatterUpdate, kOneHot;

int axis_of(const InferArgs& args, const Shape& x) {
  return normalize_axis(args.op.name, args.attrs.integer("axis"), x.rank());
}
int axis_of(const PrepareArgs& args, const Shape& x) {
  return normalize_axis(args.op.name, args.attrs.integer("axis"), x.rank());
}

// x with `axis` replaced by the axes of the indices.
Shape taken_shape(const Shape& x, const Shape& indices, int axis) {
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(x[i]);
  for (const int64_t dim : indices) shape.push_back(dim);
  for (int i = axis + 1; i < x.rank(); ++i) shape.push_back(x[i]);
  return shape;
}

void expect_rows(const InferArgs& args, const Shape& x, int axis, int64_t count) {
  if (x[axis] == 0 && count != 0)
    fail<ShapeError>(args.op.name, ": there is nothing to index. Expected a non-empty axis ", axis,
                     ". Received: shape ", x.str());
}

void expect_summable(const InferArgs& args, size_t input) {
  const DType dtype = args.inputs[input].dtype;
  if (!is_floating(dtype) && dtype != DType::I32 && dtype != DType::I64)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected a floating dtype, int32 or int64. "
                     "Received: ",
                     args.inputs[input].str(), ". Hint: ops.cast");
}

// --- inference ---

Specs infer_take(const InferArgs& args) {
  expect_count(args, 2);
  expect_index(args, 1);
  const Shape& x = args.inputs[0].shape;
  const int axis = axis_of(args, x);
  expect_rows(args, x, axis, args.inputs[1].size());
  return {{args.inputs[0].dtype, taken_shape(x, args.inputs[1].shape, axis)}};
}

Specs infer_rows_grad(const InferArgs& args) {
  expect_count(args, 2);
  expect_index(args, 1);
  expect_summable(args, 0);
  const Shape &values = args.inputs[0].shape, &indices = args.inputs[1].shape;
  const int rank = values.rank() - indices.rank() + 1;
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), std::max(0, rank));
  const int64_t size = args.attrs.integer("size");
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(values[i]);
  shape.push_back(size);
  for (int i = axis + indices.rank(); i < values.rank(); ++i) shape.push_back(values[i]);
  expect_shape(args, 0, "values", taken_shape(shape, indices, axis));
  expect_rows(args, shape, axis, indices.size());
  return {{args.inputs[0].dtype, shape}};
}

void check_along(const InferArgs& args) {
  expect_index(args, 1);
  const Shape &x = args.inputs[0].shape, &indices = args.inputs[1].shape;
  const int axis = axis_of(args, x);
  if (indices.rank() != x.rank() || x.with(axis, indices.at(axis)) != indices)
    fail<ShapeError>(args.op.name, ": indices of a wrong shape. Expected that of x, ", x.str(),
                     ", but for axis ", axis, ". Received: ", indices.str());
  expect_rows(args, x, axis, indices.size());
}

Specs infer_take_along(const InferArgs& args) {
  expect_count(args, 2);
  check_along(args);
  return {{args.inputs[0].dtype, args.inputs[1].shape}};
}

void expect_updates(const InferArgs& args, const Shape& shape) {
  if (args.inputs[2].dtype != args.inputs[0].dtype)
    fail<DTypeError>(args.op.name, ": updates have a wrong dtype. Expected that of x, ",
                     args.inputs[0].str(), ". Received: ", args.inputs[2].str());
  expect_shape(args, 2, "updates", shape);
}

Specs infer_add_along(const InferArgs& args) {
  expect_count(args, 3);
  check_along(args);
  expect_summable(args, 0);
  expect_updates(args, args.inputs[1].shape);
  return {args.inputs[0]};
}

Specs infer_scatter(const InferArgs& args) {
  expect_count(args, 3);
  expect_index(args, 1);
  const Shape& x = args.inputs[0].shape;
  const int axis = axis_of(args, x);
  expect_rows(args, x, axis, args.inputs[1].size());
  expect_updates(args, taken_shape(x, args.inputs[1].shape, axis));
  return {args.inputs[0]};
}

Specs infer_scatter_add(const InferArgs& args) {
  const Specs specs = infer_scatter(args);
  expect_summable(args, 0);
  return specs;
}

Specs infer_one_hot(const InferArgs& args) {
  expect_count(args, 1);
  expect_index(args, 0);
  const int64_t depth = args.attrs.integer("depth");
  if (depth < 0) fail<ValueError>(args.op.name, ": bad `depth`. Expected >= 0. Received: ", depth);
  Shape shape = args.inputs[0].shape;
  shape.push_back(depth);
  return {{args.attrs.dtype("dtype"), shape}};
}

// --- gradients ---

int64_t node_axis(const VjpArgs& args) {
  const int64_t axis = args.node.attrs.integer("axis");
  return axis < 0 ? axis + input(args, 0).rank() : axis;
}

Tensors vjp_take(const VjpArgs& args) {
  const Tensor& x = input(args, 0);
  const int64_t axis = node_axis(args);
  return {rows_grad(args.grads[0], input(args, 1), axis, x.shape()[static_cast<int>(axis)]),
          Tensor()};
}

Tensors vjp_rows_grad(const VjpArgs& args) {
  const int64_t axis = args.node.attrs.integer("axis");
  const int rank = output(args, 0).rank();
  return {take(args.grads[0], input(args, 1), axis < 0 ? axis + rank : axis), Tensor()};
}

Tensors vjp_take_along(const VjpArgs& args) {
  return {
      add_along_axis(zeros(input(args, 0).spec()), input(args, 1), args.grads[0], node_axis(args)),
      Tensor()};
}

Tensors vjp_add_along(const VjpArgs& args) {
  Tensors results{args.grads[0], Tensor(), Tensor()};
  if (args.needs[2]) results[2] = take_along_axis(args.grads[0], input(args, 1), node_axis(args));
  return results;
}

Tensors vjp_scatter_add(const VjpArgs& args) {
  Tensors results{args.grads[0], Tensor(), Tensor()};
  if (args.needs[2]) results[2] = take(args.grads[0], input(args, 1), node_axis(args));
  return results;
}

// Overwritten rows get nothing; where an index repeats, every update of it gets the row's gradient.
Tensors vjp_scatter_update(const VjpArgs& args) {
  const Tensor &indices = input(args, 1), &updates = input(args, 2), &dy = args.grads[0];
  Tensors results(3);
  if (args.needs[0])
    results[0] =
        apply1(kScatterUpdate, {dy, indices, zeros(updates.spec())}, {{"axis", node_axis(args)}});
  if (args.needs[2]) results[2] = take(dy, indices, node_axis(args));
  return results;
}

// --- kernels ---

void run_take(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_take(ctx, as<kernels::Take>(params), s.out[0], s.in[0], s.in[1]);
}
Kernel prepare_take(const PrepareArgs& args) {
  const TypeSpec &x = args.inputs[0], &indices = args.inputs[1];
  return make_kernel(run_take,
                     kernels::prepare_take(x.dtype, x.shape, axis_of(args, x.shape), indices.dtype,
                                           indices.size(), args.attrs.flag("zero", false)),
                     {}, {0, 2.0 * static_cast<double>(args.outputs[0].bytes())});
}

struct ScatterParams {
  kernels::Scatter scatter;
  size_t bytes = 0;  // of the destination
};

void run_rows_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ScatterParams>(params);
  const Element zero{};
  kernels::run_fill(ctx, 1, static_cast<int64_t>(p.bytes), s.out[0], zero.bytes);
  kernels::run_scatter(ctx, p.scatter, s.out[0], s.in[0], s.in[1]);
}
Kernel prepare_rows_grad(const PrepareArgs& args) {
  const TypeSpec &out = args.outputs[0], &indices = args.inputs[1];
  const ScatterParams params{
      kernels::prepare_scatter(out.dtype, out.shape, axis_of(args, out.shape), indices.dtype,
                               indices.size(), true),
      out.bytes()};
  return make_kernel(run_rows_grad, params, {}, traffic(args));
}

void run_scatter(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ScatterParams>(params);
  copy_bytes(ctx, s.out[0], s.in[0], p.bytes);
  kernels::run_scatter(ctx, p.scatter, s.out[0], s.in[2], s.in[1]);
}
template <bool add>
Kernel prepare_scatter(const PrepareArgs& args) {
  const TypeSpec &x = args.inputs[0], &indices = args.inputs[1];
  const ScatterParams params{kernels::prepare_scatter(x.dtype, x.shape, axis_of(args, x.shape),
                                                      indices.dtype, indices.size(), add),
                             x.bytes()};
  return make_kernel(run_scatter, params, {}, traffic(args));
}

struct AlongParams {
  kernels::TakeAlong along;
  DType dtype;
  size_t bytes;
};

void run_take_along(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_take_along(ctx, as<AlongParams>(params).along, s.out[0], s.in[0], s.in[1]);
}
void run_add_along(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<AlongParams>(params);
  copy_bytes(ctx, s.out[0], s.in[0], p.bytes);
  kernels::run_add_along(ctx, p.along, p.dtype, s.out[0], s.in[2], s.in[1]);
}
template <StepFn run>
Kernel prepare_along(const PrepareArgs& args) {
  const TypeSpec &x = args.inputs[0], &indices = args.inputs[1];
  const int axis = axis_of(args, x.shape);
  const AlongParams params{
      kernels::prepare_take_along(x.dtype, x.shape, axis, indices.dtype, indices.shape[axis],
                                  args.attrs.flag("zero", false)),
      x.dtype, x.bytes()};
  return make_kernel(run, params, {}, traffic(args));
}

struct OneHotParams {
  int64_t count, depth;
  int bytes;
  DType index_dtype;
  Element on, off;
};
void run_one_hot(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<OneHotParams>(params);
  kernels::run_one_hot(ctx, p.bytes, p.count, p.depth, s.out[0], p.index_dtype, s.in[0], p.on.bytes,
                       p.off.bytes);
}
Kernel prepare_one_hot(const PrepareArgs& args) {
  const TypeSpec &indices = args.inputs[0], &out = args.outputs[0];
  const OneHotParams params{indices.size(),
                            out.shape.at(-1),
                            static_cast<int>(size_of(out.dtype)),
                            indices.dtype,
                            element_of(out.dtype, int64_t{1}),
                            element_of(out.dtype, int64_t{0})};
  return make_kernel(run_one_hot, params, {}, traffic(args));
}

// --- records ---

const OpRecord kTake{
    .name = "take", .infer = infer_take, .vjp = vjp_take, .prepare = {prepare_take}};
const OpRecord kRowsGrad{.name = "rows_grad",
                         .infer = infer_rows_grad,
                         .vjp = vjp_rows_grad,
                         .prepare = {in_f32<prepare_rows_grad>}};
const OpRecord kTakeAlong{.name = "take_along_axis",
                          .infer = infer_take_along,
                          .vjp = vjp_take_along,
                          .prepare = {prepare_along<run_take_along>}};
const OpRecord kAddAlong{.name = "add_along_axis",
                         .infer = infer_add_along,
                         .vjp = vjp_add_along,
                         .prepare = {in_f32<prepare_along<run_add_along>>},
                         .traits = {.in_place = 0}};
const OpRecord kScatterAdd{.name = "scatter_add",
                           .infer = infer_scatter_add,
                           .vjp = vjp_scatter_add,
                           .prepare = {in_f32<prepare_scatter<true>>},
                           .traits = {.in_place = 0}};
const OpRecord kScatterUpdate{.name = "scatter_update",
                              .infer = infer_scatter,
                              .vjp = vjp_scatter_update,
                              .prepare = {prepare_scatter<false>},
                              .traits = {.in_place = 0}};
const OpRecord kOneHot{
    .name = "one_hot", .infer = infer_one_hot, .vjp = no_gradient, .prepare = {prepare_one_hot}};
constexpr const OpRecord* kList[] = {&kTake,       &kRowsGrad,      &kTakeAlong, &kAddAlong,
                                     &kScatterAdd, &kScatterUpdate, &kOneHot};

}  // namespace

Records index_records() { return kList; }

Tensor take(const Tensor& x, const Tensor& indices, int64_t axis) {
  return apply1(kTake, {x, indices}, {{"axis", axis}, {"zero", true}});
}
Tensor rows_grad(const Tensor& values, const Tensor& indices, int64_t axis, int64_t size) {
  return apply1(kRowsGrad, {values, indices}, {{"axis", axis}, {"size", size}});
}
Tensor take_along_axis(const Tensor& x, const Tensor& indices, int64_t axis) {
  return apply1(kTakeAlong, {x, indices}, {{"axis", axis}, {"zero", true}});
}
Tensor add_along_axis(const Tensor& x, const Tensor& indices, const Tensor& updates, int64_t axis) {
  return apply1(kAddAlong, {x, indices, updates}, {{"axis", axis}});
}
Tensor scatter_add(const Tensor& x, const Tensor& indices, const Tensor& updates, int64_t axis) {
  return apply1(kScatterAdd, {x, indices, updates}, {{"axis", axis}});
}
Tensor one_hot(const Tensor& indices, int64_t depth, DType dtype) {
  return apply1(kOneHot, {indices}, {{"depth", depth}, {"dtype", dtype}});
}

}  // namespace ranvier::ops
