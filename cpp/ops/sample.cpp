// Values of a table between its rows: warped images, coordinates that are no whole numbers.

#include "kernels/cpu/data/sample.h"

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::SampleAxis;

extern const OpRecord kSample;

constexpr size_t kPerAxis = 4;  // inputs: row before, row after, weight before, weight after
size_t row_input(size_t axis, size_t side) { return 1 + kPerAxis * axis + side; }
size_t weight_input(size_t axis, size_t side) { return row_input(axis, side) + 2; }
size_t axes_of(size_t inputs) { return (inputs - 1) / kPerAxis; }

Specs infer_sample(const InferArgs& args) {
  const size_t axes = axes_of(std::max<size_t>(args.inputs.size(), 1 + kPerAxis));
  expect_count(args, 1 + kPerAxis * axes);
  if (axes > kernels::kMostSampleAxes)
    fail<ValueError>(args.op.name, ": too many axes. Expected at most ", kernels::kMostSampleAxes,
                     ". Received: ", axes);
  expect_floating(args);
  const TypeSpec& x = args.inputs[0];
  if (x.shape.rank() != 2)
    fail<ShapeError>(args.op.name,
                     ": x of a wrong rank. Expected (rows, depth). Received: ", x.shape.str());
  Shape shape = args.inputs[1].shape;
  for (size_t i = 1; i < args.inputs.size(); ++i) {
    const bool is_row = (i - 1) % kPerAxis < 2;
    const DType expected = is_row ? DType::I32 : x.dtype;
    if (args.inputs[i].dtype != expected)
      fail<DTypeError>(args.op.name, ": ", is_row ? "rows" : "weights",
                       " of a wrong dtype. Expected ", name_of(expected),
                       ". Received: ", args.inputs[i].str());
    expect_shape(args, i, is_row ? "rows" : "weights", shape);
  }
  shape.push_back(x.shape[1]);
  return {{x.dtype, shape}};
}

// The sum over both sides of every axis but `axis`, at `side` of that one.
Tensor one_sided(const VjpArgs& args, size_t axis, size_t side) {
  Tensors inputs = args.node.inputs;
  const TypeSpec weight = inputs[weight_input(axis, side)].spec();
  inputs[weight_input(axis, side)] = ones(weight);
  inputs[weight_input(axis, 1 - side)] = zeros(weight);
  return apply1(kSample, std::move(inputs), args.node.attrs);
}

// The gradient of the table: each corner adds its share of dy to its row.
Tensor table_gradient(const VjpArgs& args) {
  const size_t axes = axes_of(args.node.inputs.size());
  const Tensor& x = input(args, 0);
  const int64_t rows = x.shape()[0], depth = x.shape()[1];
  const int64_t points = input(args, 1).spec().size();
  const Tensor dy = reshape(args.grads[0], {points, depth});
  Tensors values, places;
  for (size_t corner = 0; corner < (size_t{1} << axes); ++corner) {
    Tensor row, weight;
    for (size_t a = 0; a < axes; ++a) {
      const size_t side = corner >> (axes - 1 - a) & 1;
      const Tensor r = cast(reshape(input(args, row_input(a, side)), {points}), DType::I64);
      const Tensor w = reshape(input(args, weight_input(a, side)), {points, 1});
      row = row ? add(row, r) : r;
      weight = weight ? mul(weight, w) : w;
    }
    // Below zero is outside too.
    const Tensor outside = greater(zeros_like(row), row);
    places.push_back(where(outside, full(DType::I64, {points}, static_cast<double>(rows)), row));
    values.push_back(mul(dy, broadcast_to(weight, dy.shape())));
  }
  return rows_grad(concat(values, 0), concat(places, 0), 0, rows);
}

Tensors vjp_sample(const VjpArgs& args) {
  Tensors results(args.node.inputs.size());
  if (args.needs[0]) results[0] = table_gradient(args);
  for (size_t a = 0; a < axes_of(results.size()); ++a) {
    for (size_t side = 0; side < 2; ++side) {
      const size_t i = weight_input(a, side);
      if (args.needs[i]) results[i] = sum(mul(args.grads[0], one_sided(args, a, side)), {-1});
    }
  }
  return results;
}

void run_sample(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<kernels::Sample>(params);
  SampleAxis axes[kernels::kMostSampleAxes];
  for (int a = 0; a < p.axes; ++a) {
    for (size_t side = 0; side < 2; ++side) {
      const auto axis = static_cast<size_t>(a);
      axes[a].row[side] = static_cast<const int32_t*>(s.in[row_input(axis, side)]);
      axes[a].weight[side] = s.in[weight_input(axis, side)];
    }
  }
  kernels::run_sample(ctx, p, s.out[0], s.in[0], axes);
}

Kernel prepare_sample(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const auto axes = static_cast<int>(axes_of(args.inputs.size()));
  const int64_t points = args.inputs[1].size();
  const double terms = static_cast<double>(args.outputs[0].size() << axes);
  return make_kernel(run_sample,
                     kernels::prepare_sample(x.dtype, axes, x.shape[0], points, x.shape[1],
                                             args.attrs.real("fill", 0)),
                     {}, traffic(args, 2 * terms));
}

const OpRecord kSample{.name = "sample",
                       .infer = infer_sample,
                       .vjp = vjp_sample,
                       .prepare = {in_f32<prepare_sample>}};
constexpr const OpRecord* kList[] = {&kSample};

}  // namespace

Records sample_records() { return kList; }

}  // namespace ranvier::ops
