// Weighted sums of few positions along an axis or two, and their transpose: resized images.

#include "kernels/cpu/data/resample.h"

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::ResampleAxis;
using kernels::ResamplePlan;

extern const OpRecord kResample, kResampleGrad;

// Axes that are resampled: one or two, each with its index and weight.
int axes_of(size_t inputs) { return inputs > 3 ? 2 : 1; }

// The sizes of x along the axes.
Ints sizes_of(const Attrs& attrs, const Shape& shape, int axis, int axes) {
  if (attrs.has("sizes")) return attrs.ints("sizes");
  Ints sizes;
  for (int i = 0; i < axes; ++i) sizes.push_back(shape[axis + i]);
  return sizes;
}

// Checks the inputs; gives the first axis.
int check_tables(const InferArgs& args) {
  const int axes = axes_of(args.inputs.size());
  expect_count(args, static_cast<size_t>(2 * axes + 1));
  expect_floating(args);
  const Shape& x = args.inputs[0].shape;
  expect_rank_at_least(args, 0, axes);
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.rank() - axes + 1);
  for (int i = 0; i < axes; ++i) {
    const auto at = static_cast<size_t>(2 * i + 1);
    const TypeSpec &index = args.inputs[at], &weight = args.inputs[at + 1];
    if (index.dtype != DType::I32 || weight.dtype != args.inputs[0].dtype)
      fail<DTypeError>(args.op.name, ": wrong dtypes. Expected int32 indices and weights as ",
                       args.inputs[0].str(), ". Received: index=", index.str(),
                       ", weight=", weight.str());
    if (index.shape.rank() != 2 || index.shape[1] < 1)
      fail<ShapeError>(
          args.op.name,
          ": wrong indices. Expected (count, taps) with taps >= 1. Received: ", index.str());
    expect_shape(args, at + 1, "weight", index.shape);
  }
  return axis;
}

void expect_positions(const InferArgs& args, int64_t size, int64_t count, int axis) {
  if (size < 1 && count > 0)
    fail<ShapeError>(args.op.name, ": there is nothing to sum. Expected a non-empty axis ", axis,
                     ". Received: size ", size);
}

Specs infer_resample(const InferArgs& args) {
  const int axis = check_tables(args), axes = axes_of(args.inputs.size());
  Shape shape = args.inputs[0].shape;
  for (int i = 0; i < axes; ++i) {
    const int64_t count = args.inputs[static_cast<size_t>(2 * i + 1)].shape[0];
    expect_positions(args, shape[axis + i], count, axis + i);
    shape = shape.with(axis + i, count);
  }
  return {{args.inputs[0].dtype, shape}};
}

Specs infer_resample_grad(const InferArgs& args) {
  const int axis = check_tables(args), axes = axes_of(args.inputs.size());
  const Ints& sizes = expect_ints(args, "sizes", static_cast<size_t>(axes));
  Shape shape = args.inputs[0].shape, expected = shape;
  for (int i = 0; i < axes; ++i) {
    const int64_t count = args.inputs[static_cast<size_t>(2 * i + 1)].shape[0];
    const int64_t size = sizes[static_cast<size_t>(i)];
    expect_positions(args, size, count, axis + i);
    expected = expected.with(axis + i, count);
    shape = shape.with(axis + i, size);
  }
  expect_shape(args, 0, "dy", expected);
  return {{args.inputs[0].dtype, shape}};
}

// The transpose of a sum, and the sum of a transpose, with the same tables.
Tensors with_tables(const VjpArgs& args, const OpRecord& op, Attrs attrs) {
  Tensors inputs = args.node.inputs, results(inputs.size());
  inputs[0] = args.grads[0];
  results[0] = apply1(op, std::move(inputs), std::move(attrs));
  return results;
}
Tensors vjp_resample(const VjpArgs& args) {
  const Shape& x = input(args, 0).shape();
  const int axes = axes_of(args.node.inputs.size());
  const int axis = normalize_axis("resample", args.node.attrs.integer("axis"), x.rank() - axes + 1);
  return with_tables(args, kResampleGrad,
                     {{"axis", int64_t{axis}}, {"sizes", sizes_of({}, x, axis, axes)}});
}
Tensors vjp_resample_grad(const VjpArgs& args) {
  return with_tables(args, kResample, {{"axis", args.node.attrs.integer("axis")}});
}

void run_plan(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ResamplePlan>(params);
  kernels::ResampleTables tables{};
  int next = 1;
  if (p.rows.taps > 0) {
    tables.row_index = static_cast<const int32_t*>(s.in[next]);
    tables.row_weight = s.in[next + 1];
    next += 2;
  }
  if (p.cols.taps > 0) {
    tables.col_index = static_cast<const int32_t*>(s.in[next]);
    tables.col_weight = s.in[next + 1];
  }
  kernels::run_resample(ctx, p, s.out[0], s.in[0], tables, s.shared, s.worker, s.worker_stride);
}

template <bool transposed>
Kernel prepare_plan(const PrepareArgs& args) {
  const Shape& x = args.inputs[0].shape;
  const int axes = axes_of(args.inputs.size());
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.rank() - axes + 1);
  const Ints sizes = sizes_of(args.attrs, x, axis, axes);
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x[i];
  for (int i = axis + axes; i < x.rank(); ++i) inner *= x[i];
  ResampleAxis along[2];
  for (int i = 0; i < axes; ++i) {
    const Shape& index = args.inputs[static_cast<size_t>(2 * i + 1)].shape;
    along[i] = {sizes[static_cast<size_t>(i)], index[0], index[1]};
  }
  // A single axis of narrow positions is one of columns.
  constexpr int64_t kNarrow = 16;
  if (axes == 1 && inner < kNarrow) std::swap(along[0], along[1]);
  ResamplePlan plan =
      kernels::prepare_resample(args.inputs[0].dtype, transposed, outer, along[0], along[1], inner);
  const kernels::Scratch scratch = plan.scratch;
  const kernels::Cost cost = plan.cost;
  const char* variant = plan.narrow ? "lanes" : "runs";
  return make_kernel(run_plan, std::move(plan), scratch, cost, variant);
}

const OpRecord kResample{.name = "resample",
                         .infer = infer_resample,
                         .vjp = vjp_resample,
                         .prepare = {in_f32<prepare_plan<false>>}};
const OpRecord kResampleGrad{.name = "resample_grad",
                             .infer = infer_resample_grad,
                             .vjp = vjp_resample_grad,
                             .prepare = {in_f32<prepare_plan<true>>}};
constexpr const OpRecord* kList[] = {&kResample, &kResampleGrad};

}  // namespace

Records resample_records() { return kList; }

}  // namespace ranvier::ops
