// Arrays from attributes alone, and triangles and diagonals of matrices.

#include <algorithm>

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/fill.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kFull, kArange, kTril, kTriu, kDiag;

// --- inference ---

Specs infer_full(const InferArgs& args) {
  expect_count(args, 0);
  return {{args.attrs.dtype("dtype"), shape_attr(args, "shape")}};
}

Specs infer_arange(const InferArgs& args) {
  expect_count(args, 0);
  const int64_t size = args.attrs.integer("size");
  const DType dtype = args.attrs.dtype("dtype");
  if (size < 0) fail<ValueError>(args.op.name, ": negative size. Expected >= 0. Received: ", size);
  if (dtype == DType::Bool)
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected a numeric dtype. Received: bool");
  return {{dtype, {size}}};
}

Specs infer_eye(const InferArgs& args) {
  expect_count(args, 0);
  const int64_t rows = args.attrs.integer("rows"), cols = args.attrs.integer("cols");
  if (rows < 0 || cols < 0)
    fail<ValueError>(args.op.name, ": negative size. Expected >= 0. Received: ", rows, " x ", cols);
  return {{args.attrs.dtype("dtype"), {rows, cols}}};
}

Specs infer_triangle(const InferArgs& args) {
  expect_count(args, 1);
  expect_rank_at_least(args, 0, 2);
  return {args.inputs[0]};
}

Specs infer_diag(const InferArgs& args) {
  expect_count(args, 1);
  const Shape& x = args.inputs[0].shape;
  if (x.rank() != 1)
    fail<ShapeError>(args.op.name, ": wrong rank. Expected a vector. Received: shape ", x.str());
  const int64_t k = args.attrs.integer("k", 0), n = x[0] + std::abs(k);
  return {{args.inputs[0].dtype, {n, n}}};
}

// --- gradients ---

Tensors vjp_triangle(const VjpArgs& args) {
  return {apply1(*args.node.op, {args.grads[0]}, args.node.attrs)};
}

Tensors vjp_diag(const VjpArgs& args) {
  const int64_t k = args.node.attrs.integer("k", 0), count = input(args, 0).shape()[0];
  const int64_t n = count + std::abs(k);
  const Tensor flat = reshape(args.grads[0], {n * n});
  return {slice(flat, {k >= 0 ? k : -k * n}, {count}, {n + 1})};
}

// --- kernels ---

struct FullParams {
  Element value;
  int bytes;
  int64_t count;
};
void run_full(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<FullParams>(params);
  kernels::run_fill(ctx, p.bytes, p.count, s.out[0], p.value.bytes);
}
Kernel prepare_full(const PrepareArgs& args) {
  const TypeSpec& out = args.outputs[0];
  return make_kernel(run_full,
                     FullParams{element_attr(args.attrs, "value", out.dtype),
                                static_cast<int>(size_of(out.dtype)), out.size()},
                     {}, traffic(args));
}

struct ArangeParams {
  DType dtype;
  int64_t count;
  double start, step;
};
void run_arange(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ArangeParams>(params);
  kernels::run_arange(ctx, p.dtype, p.count, s.out[0], p.start, p.step);
}
Kernel prepare_arange(const PrepareArgs& args) {
  return make_kernel(run_arange,
                     ArangeParams{args.outputs[0].dtype, args.outputs[0].size(),
                                  args.attrs.real("start"), args.attrs.real("step")},
                     {}, traffic(args));
}

struct MatrixParams {
  DType dtype;
  int bytes;
  int64_t batch, rows, cols, k;
};
MatrixParams matrix_of(const TypeSpec& spec, int64_t k) {
  const int64_t rows = spec.shape.at(-2), cols = spec.shape.at(-1);
  return {spec.dtype,
          static_cast<int>(size_of(spec.dtype)),
          spec.size() / std::max<int64_t>(1, rows * cols),
          rows,
          cols,
          k};
}

void run_eye(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<MatrixParams>(params);
  kernels::run_eye(ctx, p.dtype, p.rows, p.cols, p.k, s.out[0]);
}
Kernel prepare_eye(const PrepareArgs& args) {
  return make_kernel(run_eye, matrix_of(args.outputs[0], args.attrs.integer("k", 0)), {},
                     traffic(args));
}

template <bool lower>
void run_triangle(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<MatrixParams>(params);
  kernels::run_triangle(ctx, p.bytes, p.batch, p.rows, p.cols, p.k, lower, s.out[0], s.in[0]);
}
template <bool lower>
Kernel prepare_triangle(const PrepareArgs& args) {
  return make_kernel(run_triangle<lower>, matrix_of(args.inputs[0], args.attrs.integer("k", 0)), {},
                     traffic(args));
}

void run_diag(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<MatrixParams>(params);
  kernels::run_diag(ctx, p.bytes, p.rows, p.k, s.out[0], s.in[0]);
}
Kernel prepare_diag(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const MatrixParams params{x.dtype, static_cast<int>(size_of(x.dtype)), 1, x.shape[0],
                            1,       args.attrs.integer("k", 0)};
  return make_kernel(run_diag, params, {}, traffic(args));
}

// --- records ---

const OpRecord kFull{.name = "full",
                     .infer = infer_full,
                     .vjp = no_gradient,
                     .prepare = {prepare_full},
                     .traits = {.creation = true, .sizes = {"shape"}}};
const OpRecord kArange{.name = "arange",
                       .infer = infer_arange,
                       .vjp = no_gradient,
                       .prepare = {prepare_arange},
                       .traits = {.creation = true, .sizes = {"size"}}};
const OpRecord kEye{.name = "eye",
                    .infer = infer_eye,
                    .vjp = no_gradient,
                    .prepare = {prepare_eye},
                    .traits = {.creation = true, .sizes = {"rows", "cols"}}};
const OpRecord kTril{.name = "tril",
                     .infer = infer_triangle,
                     .vjp = vjp_triangle,
                     .prepare = {prepare_triangle<true>},
                     .traits = {.moves = true, .in_place = 0}};
const OpRecord kTriu{.name = "triu",
                     .infer = infer_triangle,
                     .vjp = vjp_triangle,
                     .prepare = {prepare_triangle<false>},
                     .traits = {.moves = true, .in_place = 0}};
const OpRecord kDiag{
    .name = "diag", .infer = infer_diag, .vjp = vjp_diag, .prepare = {prepare_diag}};
constexpr const OpRecord* kList[] = {&kFull, &kArange, &kEye, &kTril, &kTriu, &kDiag};

}  // namespace

Records create_records() { return kList; }

Tensor full(DType dtype, const Shape& shape, double value) {
  return apply1(kFull, {},
                {{"dtype", dtype}, {"shape", Ints(shape.begin(), shape.end())}, {"value", value}});
}
Tensor zeros(const TypeSpec& spec) { return full(spec.dtype, spec.shape, 0); }
Tensor ones(const TypeSpec& spec) { return full(spec.dtype, spec.shape, 1); }
Tensor zeros_like(const Tensor& x) { return zeros(x.spec()); }
Tensor ones_like(const Tensor& x) { return ones(x.spec()); }
Tensor arange(int64_t size, int64_t start, int64_t step, DType dtype) {
  return apply1(kArange, {}, {{"dtype", dtype}, {"size", size}, {"start", start}, {"step", step}});
}

}  // namespace ranvier::ops
