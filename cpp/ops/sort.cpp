// Sorting along the last axis, the k largest, searching in sorted values, counting.

#include "kernels/cpu/data/sort.h"

#include <algorithm>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kSort, kArgsort, kTopK;

// --- inference ---

Specs infer_sort(const InferArgs& args) {
  expect_count(args, 1);
  expect_rank_at_least(args, 0, 1);
  return {args.inputs[0]};
}

Specs infer_argsort(const InferArgs& args) { return {{DType::I32, infer_sort(args)[0].shape}}; }

Specs infer_top_k(const InferArgs& args) {
  const TypeSpec x = infer_sort(args)[0];
  const int64_t k = args.attrs.integer("k"), most = x.shape.at(-1);
  if (k < 0 || k > most)
    fail<ValueError>(args.op.name, ": bad `k`. Expected 0 to ", most,
                     ", the size of the last axis. "
                     "Received: ",
                     k);
  const Shape shape = x.shape.with(x.shape.rank() - 1, k);
  return {{x.dtype, shape}, {DType::I32, shape}};
}

Specs infer_searchsorted(const InferArgs& args) {
  expect_count(args, 2);
  expect_same_dtype(args);
  if (args.inputs[0].shape.rank() != 1)
    fail<ShapeError>(args.op.name,
                     ": wrong rank of the sorted values. Expected 1. Received: shape ",
                     args.inputs[0].shape.str());
  return {{DType::I32, args.inputs[1].shape}};
}

Specs infer_bincount(const InferArgs& args) {
  expect_rank_at_least(args, 0, 1);
  expect_index(args, 0);
  const Shape& x = args.inputs[0].shape;
  const int64_t length = args.attrs.integer("length");
  if (length < 0)
    fail<ValueError>(args.op.name, ": negative `length`. Expected >= 0. Received: ", length);
  return {{DType::I32, x.with(x.rank() - 1, length)}};
}

Specs infer_bincount_plain(const InferArgs& args) {
  expect_count(args, 1);
  return infer_bincount(args);
}

Specs infer_bincount_weighted(const InferArgs& args) {
  expect_count(args, 2);
  if (args.inputs[1].dtype != DType::F32)
    fail<DTypeError>(args.op.name, ": unsupported dtype of weights. Expected float32. Received: ",
                     args.inputs[1].str());
  expect_shape(args, 1, "weights", args.inputs[0].shape);
  return {{DType::F32, infer_bincount(args)[0].shape}};
}

// --- gradients ---

// Every sorted element came from one place: its gradient goes back there.
Tensors vjp_sort(const VjpArgs& args) {
  const Tensor& x = input(args, 0);
  const Tensor from = apply1(kArgsort, {x}, args.node.attrs);
  return {add_along_axis(zeros(x.spec()), from, args.grads[0], x.rank() - 1)};
}

Tensors vjp_top_k(const VjpArgs& args) {
  const Tensor& x = input(args, 0);
  if (!args.grads[0]) return {Tensor()};
  return {add_along_axis(zeros(x.spec()), output(args, 1), args.grads[0], x.rank() - 1)};
}

// A weight counts at its index.
Tensors vjp_bincount_weighted(const VjpArgs& args) {
  const Tensor &x = input(args, 0), &dy = args.grads[0];
  const Tensor inside = logical_and(
      greater_equal(x, constant_like(x, 0)),
      less(x, constant_like(x, static_cast<double>(args.node.attrs.integer("length")))));
  if (dy.size() == 0) return {Tensor(), zeros(input(args, 1).spec())};
  const Tensor picked = take_along_axis(dy, x, x.rank() - 1);
  return {Tensor(), where(inside, picked, constant_like(picked, 0))};
}

// --- kernels ---

enum class Wanted { Values, Indices, Both };

template <Wanted wanted>
void run_sort(const Context& ctx, const Slots& s, const void* params) noexcept {
  void* values = wanted == Wanted::Indices ? nullptr : s.out[0];
  void* indices = wanted == Wanted::Values ? nullptr : s.out[wanted == Wanted::Both ? 1 : 0];
  kernels::run_sort(ctx, as<kernels::Sort>(params), values, static_cast<int32_t*>(indices), s.in[0],
                    s.shared, s.worker, s.worker_stride);
}

template <Wanted wanted>
Kernel prepare_sort(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int64_t cols = x.shape.at(-1), rows = x.size() / std::max<int64_t>(1, cols);
  const kernels::Sort params =
      wanted == Wanted::Both
          ? kernels::prepare_top_k(x.dtype, rows, cols, args.attrs.integer("k"))
          : kernels::prepare_sort(x.dtype, rows, cols, args.attrs.flag("descending", false),
                                  wanted == Wanted::Indices);
  return make_kernel(run_sort<wanted>, params, params.scratch, traffic(args));
}

void run_searchsorted(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_search(ctx, as<kernels::Search>(params), s.in[0], s.in[1],
                      static_cast<int32_t*>(s.out[0]), s.shared, s.worker, s.worker_stride);
}
Kernel prepare_searchsorted(const PrepareArgs& args) {
  const kernels::Search params =
      kernels::prepare_search(args.inputs[0].dtype, args.inputs[0].size(), args.inputs[1].size(),
                              args.attrs.flag("right", false));
  return make_kernel(run_searchsorted, params, params.scratch, traffic(args));
}

template <bool weighted>
void run_bincount(const Context& ctx, const Slots& s, const void* params) noexcept {
  const float* weights = weighted ? static_cast<const float*>(s.in[1]) : nullptr;
  kernels::run_bincount(ctx, as<kernels::BinCount>(params), s.out[0], s.in[0], weights, s.shared);
}
template <bool weighted>
Kernel prepare_bincount(const PrepareArgs& args) {
  const TypeSpec &x = args.inputs[0], &out = args.outputs[0];
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < x.shape.rank(); ++axis) rows *= x.shape[axis];
  const kernels::BinCount params =
      kernels::prepare_bincount(x.dtype, rows, x.shape.at(-1), out.shape.at(-1), weighted);
  return make_kernel(run_bincount<weighted>, params, params.scratch, traffic(args));
}

// --- records ---

const OpRecord kSort{.name = "sort",
                     .infer = infer_sort,
                     .vjp = vjp_sort,
                     .prepare = {prepare_sort<Wanted::Values>}};
const OpRecord kArgsort{.name = "argsort",
                        .infer = infer_argsort,
                        .vjp = no_gradient,
                        .prepare = {prepare_sort<Wanted::Indices>}};
const OpRecord kTopK{.name = "top_k",
                     .infer = infer_top_k,
                     .vjp = vjp_top_k,
                     .prepare = {prepare_sort<Wanted::Both>}};
const OpRecord kSearchsorted{.name = "searchsorted",
                             .infer = infer_searchsorted,
                             .vjp = no_gradient,
                             .prepare = {prepare_searchsorted}};
const OpRecord kBincount{.name = "bincount",
                         .infer = infer_bincount_plain,
                         .vjp = no_gradient,
                         .prepare = {prepare_bincount<false>}};
const OpRecord kBincountWeighted{.name = "bincount_weighted",
                                 .infer = infer_bincount_weighted,
                                 .vjp = vjp_bincount_weighted,
                                 .prepare = {prepare_bincount<true>}};
constexpr const OpRecord* kList[] = {&kSort,         &kArgsort,  &kTopK,
                                     &kSearchsorted, &kBincount, &kBincountWeighted};

}  // namespace

Records sort_records() { return kList; }

}  // namespace ranvier::ops
