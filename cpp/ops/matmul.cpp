// The matrix product. Transposes are attributes: no gradient makes a transposed copy.

#include <algorithm>

#include "kernels/cpu/gemm/gemm.h"
#include "kernels/cpu/gemm/gemm_i8.h"
#include "kernels/cpu/gemm/gemm_int.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kMatmul;

// A product as NumPy defines it, seen as batched matrices: op(a) is m×k, op(b) is k×n.
struct Problem {
  int64_t m = 1, n = 1, k = 1;
  bool trans_a = false, trans_b = false;
  Shape batch_a, batch_b, batch;
};

Shape leading(const Shape& shape) {
  return Shape(shape.dims().first(static_cast<size_t>(std::max(0, shape.rank() - 2))));
}

// Vectors have no rows to swap: the flags hold for matrices only.
Problem problem_of(const char* op, const Shape& a, const Shape& b, const Attrs& attrs) {
  Problem p;
  p.trans_a = a.rank() > 1 && attrs.flag("trans_a", false);
  p.trans_b = b.rank() > 1 && attrs.flag("trans_b", false);
  p.m = a.rank() == 1 ? 1 : a.at(p.trans_a ? -1 : -2);
  p.k = a.rank() == 1 ? a[0] : a.at(p.trans_a ? -2 : -1);
  const int64_t other = b.rank() == 1 ? b[0] : b.at(p.trans_b ? -1 : -2);
  p.n = b.rank() == 1 ? 1 : b.at(p.trans_b ? -2 : -1);
  if (p.k != other)
    fail<ShapeError>(op,
                     ": inner sizes differ. Expected the columns of a to match the rows of b. "
                     "Received: a.shape=",
                     a.str(), ", b.shape=", b.str(), " (", p.k, " and ", other, ")",
                     p.trans_a || p.trans_b ? ", after the transposes asked for" : "");
  p.batch_a = leading(a);
  p.batch_b = leading(b);
  p.batch = broadcast(op, p.batch_a, p.batch_b);
  return p;
}

Specs infer_matmul(const InferArgs& args) {
  expect_count(args, 2);
  expect_same_dtype(args);
  expect_rank_at_least(args, 0, 1);
  expect_rank_at_least(args, 1, 1);
  if (args.inputs[0].dtype == DType::Bool)
    fail<DTypeError>(args.op.name,
                     ": unsupported dtype. Expected a numeric dtype. Received: bool. "
                     "Hint: ops.cast(x, \"int32\")");
  const Shape &a = args.inputs[0].shape, &b = args.inputs[1].shape;
  const Problem p = problem_of(args.op.name, a, b, args.attrs);
  const DType own = args.inputs[0].dtype,
              dtype = args.attrs.has("dtype") ? args.attrs.dtype("dtype") : own;
  if (dtype != own && (own != DType::I8 || dtype != DType::I32 || p.trans_a || p.trans_b))
    fail<DTypeError>(args.op.name,
                     ": only int8 products without transposes have another dtype, "
                     "int32. Received: ",
                     args.inputs[0].str(), " to ", name_of(dtype));
  Shape shape = p.batch;
  if (a.rank() > 1) shape.push_back(p.m);
  if (b.rank() > 1) shape.push_back(p.n);
  return {{dtype, shape}};
}

// --- gradients ---

Tensor flat_rows(const Tensor& x) {
  if (x.rank() == 2) return x;
  return reshape(x, {x.shape().erase(x.rank() - 1).size(), x.shape().at(-1)});
}

Tensors vjp_matmul(const VjpArgs& args) {
  const Shape &shape_a = input(args, 0).shape(), &shape_b = input(args, 1).shape();
  if (!is_floating(input(args, 0).dtype())) return {Tensor(), Tensor()};
  const Problem p = problem_of("matmul", shape_a, shape_b, args.node.attrs);
  // Vectors become matrices for the rules, and their gradients vectors again.
  const Tensor a = shape_a.rank() > 1 ? input(args, 0) : reshape(input(args, 0), {1, p.k});
  const Tensor b = shape_b.rank() > 1 ? input(args, 1) : reshape(input(args, 1), {p.k, 1});
  Shape full = p.batch;
  full.push_back(p.m);
  full.push_back(p.n);
  const Tensor dy = args.grads[0].shape() == full ? args.grads[0] : reshape(args.grads[0], full);
  const bool shared_b = b.rank() == 2 && a.rank() > 2 && !p.trans_a;
  Tensors results(2);
  if (args.needs[0]) {
    const Tensor da = p.trans_a ? matmul(b, dy, p.trans_b, true) : matmul(dy, b, false, !p.trans_b);
    results[0] = reshape(unbroadcast(da, a.shape()), shape_a);
  }
  if (args.needs[1]) {
    // One matrix for a whole batch: its gradient is one product over all rows of the batch.
    const Tensor left = shared_b ? flat_rows(a) : a, right = shared_b ? flat_rows(dy) : dy;
    const Tensor db =
        p.trans_b ? matmul(right, left, true, p.trans_a) : matmul(left, right, !p.trans_a, false);
    results[1] = reshape(unbroadcast(db, b.shape()), shape_b);
  }
  return results;
}

// --- kernels ---

// Element offsets of the matrices of one operand, one per matrix of the batch.
std::vector<int64_t> offsets_of(const Shape& batch, const Shape& own, int64_t matrix) {
  std::vector<int64_t> offsets(static_cast<size_t>(batch.size()));
  const auto strides = own.strides();
  const int extra = batch.rank() - own.rank();
  for (size_t i = 0; i < offsets.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), offset = 0;
    for (int axis = batch.rank() - 1; axis >= 0; --axis) {
      const int64_t index = rest % batch[axis];
      rest /= batch[axis];
      if (axis >= extra && own[axis - extra] != 1) offset += index * strides[axis - extra];
    }
    offsets[i] = offset * matrix;
  }
  return offsets;
}

// The batch as runs of `plan.shape.batch` matrices with constant strides: one run unless both
// operands broadcast along different axes.
struct MatmulParams {
  kernels::GemmPlan plan;
  std::vector<int64_t> a, b;  // where each run begins
  int64_t run_c = 0;          // elements of c per run
  size_t element = 4;
};

bool constant_stride(const std::vector<int64_t>& offsets) {
  for (size_t i = 2; i < offsets.size(); ++i) {
    if (offsets[i] - offsets[i - 1] != offsets[1] - offsets[0]) return false;
  }
  return true;
}

void run_matmul(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<MatmulParams>(params);
  const auto* a = static_cast<const std::byte*>(slots.in[0]);
  const auto* b = static_cast<const std::byte*>(slots.in[1]);
  auto* c = static_cast<std::byte*>(slots.out[0]);
  for (size_t i = 0; i < p.a.size(); ++i) {
    kernels::GemmOperands operands;
    operands.a = a + static_cast<size_t>(p.a[i]) * p.element;
    operands.b = b + static_cast<size_t>(p.b[i]) * p.element;
    operands.c = c + i * static_cast<size_t>(p.run_c) * p.element;
    kernels::gemm_run(ctx, p.plan, operands, slots.shared, slots.worker, slots.worker_stride);
  }
}

Kernel prepare_floating(const PrepareArgs& args) {
  const Problem p =
      problem_of(args.op.name, args.inputs[0].shape, args.inputs[1].shape, args.attrs);
  MatmulParams params;
  params.element = size_of(args.inputs[0].dtype);
  params.a = offsets_of(p.batch, p.batch_a, p.m * p.k);
  params.b = offsets_of(p.batch, p.batch_b, p.k * p.n);
  kernels::GemmShape shape{.m = p.m, .n = p.n, .k = p.k};
  shape.trans_a = p.trans_a;
  shape.trans_b = p.trans_b;
  if (constant_stride(params.a) && constant_stride(params.b)) {
    shape.batch = p.batch.size();
    if (shape.batch > 1) {
      shape.stride_a = params.a[1] - params.a[0];
      shape.stride_b = params.b[1] - params.b[0];
    }
    params.a.resize(std::min<size_t>(1, params.a.size()));
    params.b.resize(params.a.size());
  }
  shape.stride_c = p.m * p.n;
  params.run_c = shape.batch * p.m * p.n;
  params.plan = kernels::gemm_prepare(shape, args.inputs[0].dtype);
  const kernels::Scratch scratch = params.plan.scratch;
  kernels::Cost cost = traffic(args, params.plan.cost.flops * static_cast<double>(params.a.size()));
  const char* variant = kernels::name_of(params.plan.variant);
  return make_kernel(run_matmul, std::move(params), scratch, cost, variant);
}

// Integers: exact sums modulo the width of the dtype.
struct IntegerParams {
  kernels::GemmInt plan;
  std::vector<int64_t> a, b;
};

void run_integer(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<IntegerParams>(params);
  kernels::run_gemm_int(ctx, p.plan, p.a, p.b, slots.in[0], slots.in[1], slots.out[0], slots.worker,
                        slots.worker_stride);
}

Kernel prepare_integer(const PrepareArgs& args, const Problem& p) {
  IntegerParams params;
  params.a = offsets_of(p.batch, p.batch_a, p.m * p.k);
  params.b = offsets_of(p.batch, p.batch_b, p.k * p.n);
  params.plan = kernels::prepare_gemm_int(p.m, p.n, p.k, p.trans_a, p.trans_b,
                                          static_cast<int>(size_of(args.inputs[0].dtype)));
  const kernels::Scratch scratch = params.plan.scratch;
  const double flops = 2.0 * static_cast<double>(args.outputs[0].size() * p.k);
  return make_kernel(run_integer, std::move(params), scratch, traffic(args, flops), "integer");
}

// int8 to int32: one product for each matrix of the batch.
struct Int8Params {
  kernels::GemmI8 plan;
  std::vector<int64_t> a, b;
};

void run_int8(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<Int8Params>(params);
  for (size_t i = 0; i < p.a.size(); ++i)
    kernels::run_gemm_i8(
        ctx, p.plan, static_cast<const int8_t*>(slots.in[0]) + p.a[i],
        static_cast<const int8_t*>(slots.in[1]) + p.b[i],
        static_cast<int32_t*>(slots.out[0]) + static_cast<int64_t>(i) * p.plan.m * p.plan.n,
        slots.shared);
}

Kernel prepare_int8(const PrepareArgs& args) {
  const Problem p =
      problem_of(args.op.name, args.inputs[0].shape, args.inputs[1].shape, args.attrs);
  Int8Params params;
  // One matrix b for all rows of a is a single product.
  const bool single = p.batch_b.size() == 1 && args.inputs[0].shape.rank() > 1;
  params.plan = kernels::prepare_gemm_i8(single ? p.m * p.batch.size() : p.m, p.n, p.k);
  params.a = single ? std::vector<int64_t>{0} : offsets_of(p.batch, p.batch_a, p.m * p.k);
  params.b = single ? std::vector<int64_t>{0} : offsets_of(p.batch, p.batch_b, p.k * p.n);
  const kernels::Scratch scratch = params.plan.scratch;
  const double flops = 2.0 * static_cast<double>(args.outputs[0].size() * p.k);
  return make_kernel(run_int8, std::move(params), scratch, traffic(args, flops), "int8");
}

Kernel prepare_matmul(const PrepareArgs& args) {
  const DType dtype = args.inputs[0].dtype;
  if (args.outputs[0].dtype != dtype) return prepare_int8(args);
  const Problem p =
      problem_of(args.op.name, args.inputs[0].shape, args.inputs[1].shape, args.attrs);
  // A transposed matrix times a column is packed as pairs for one use: float32 takes 0.7 of that.
  const bool column = dtype == DType::BF16 && p.trans_a && p.n == 1;
  if (kernels::gemm_supports(active_isa(), dtype) && !column) return prepare_floating(args);
  if (is_floating(dtype)) return through_f32(args, prepare_floating);
  return prepare_integer(args, p);
}

const OpRecord kMatmul{
    .name = "matmul", .infer = infer_matmul, .vjp = vjp_matmul, .prepare = {prepare_matmul}};
constexpr const OpRecord* kList[] = {&kMatmul};

}  // namespace

Records matmul_records() { return kList; }

Tensor matmul(const Tensor& a, const Tensor& b, bool trans_a, bool trans_b) {
  return apply1(kMatmul, {a, b}, {{"trans_a", trans_a}, {"trans_b", trans_b}});
}

}  // namespace ranvier::ops
