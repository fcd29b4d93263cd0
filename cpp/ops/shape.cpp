// Reshape, transpose, broadcast and what is made of them.

#include <algorithm>
#include <numeric>

#include "kernels/cpu/data/copy.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kReshape, kTranspose, kBroadcastTo;

Ints ints_of(const Shape& shape) { return Ints(shape.begin(), shape.end()); }
int element_bytes(const TypeSpec& spec) { return static_cast<int>(size_of(spec.dtype)); }

// --- inference ---

Specs infer_reshape(const InferArgs& args) {
  expect_count(args, 1);
  const Ints& wanted = args.attrs.ints("shape");
  const int64_t size = args.inputs[0].size();
  int64_t known = 1;
  ptrdiff_t free = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1 && free < 0) {
      free = static_cast<ptrdiff_t>(i);
    } else if (wanted[i] < 0) {
      fail<ShapeError>(args.op.name,
                       ": bad target shape. Expected sizes >= 0 and at most one -1. "
                       "Received: ",
                       wanted[i], " at position ", i);
    } else {
      known *= wanted[i];
    }
  }
  Ints dims = wanted;
  if (free >= 0) dims[static_cast<size_t>(free)] = known > 0 ? size / known : 0;
  const Shape shape{std::span<const int64_t>(dims)};
  if (shape.size() != size)
    fail<ShapeError>(args.op.name, ": the number of elements changes. Expected ", size,
                     " elements, of shape ", args.inputs[0].shape.str(), ". Received: target ",
                     Shape(dims).str());
  return {{args.inputs[0].dtype, shape}};
}

Specs infer_same(const InferArgs& args) {
  expect_count(args, 1);
  return {args.inputs[0]};
}

std::vector<int> permutation(const InferArgs& args) {
  const int rank = args.inputs[0].shape.rank();
  std::vector<int> perm;
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  for (const int64_t entry : expect_ints(args, "perm", static_cast<size_t>(rank))) {
    const int axis = normalize_axis(args.op.name, entry, rank);
    if (seen[static_cast<size_t>(axis)])
      fail<ShapeError>(args.op.name, ": `perm` names an axis twice. Expected a permutation of ",
                       rank, " axes. Received: axis ", axis, " twice");
    seen[static_cast<size_t>(axis)] = true;
    perm.push_back(axis);
  }
  return perm;
}

Specs infer_transpose(const InferArgs& args) {
  expect_count(args, 1);
  Shape shape;
  for (const int axis : permutation(args)) shape.push_back(args.inputs[0].shape[axis]);
  return {{args.inputs[0].dtype, shape}};
}

Specs infer_broadcast_to(const InferArgs& args) {
  expect_count(args, 1);
  const Shape target = shape_attr(args, "shape"), &from = args.inputs[0].shape;
  const int extra = target.rank() - from.rank();
  bool fits = extra >= 0;
  for (int axis = 0; fits && axis < from.rank(); ++axis)
    fits = from[axis] == 1 || from[axis] == target[axis + extra];
  if (!fits)
    fail<ShapeError>(args.op.name, ": shapes do not broadcast. Expected a shape that ", from.str(),
                     " broadcasts to. Received: ", target.str());
  return {{args.inputs[0].dtype, target}};
}

// --- gradients ---

Tensors vjp_reshape(const VjpArgs& args) {
  return {reshape(args.grads[0], input(args, 0).shape())};
}

Tensors vjp_identity(const VjpArgs& args) { return {args.grads[0]}; }

Tensors vjp_transpose(const VjpArgs& args) {
  const Ints& perm = args.node.attrs.ints("perm");
  const auto rank = static_cast<int64_t>(perm.size());
  Ints back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    back[static_cast<size_t>(perm[i] < 0 ? perm[i] + rank : perm[i])] = static_cast<int64_t>(i);
  return {transpose(args.grads[0], back)};
}

Tensors vjp_broadcast_to(const VjpArgs& args) {
  return {unbroadcast(args.grads[0], input(args, 0).shape())};
}

// --- kernels ---

void run_copy(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_strided_copy(ctx, as<kernels::StridedCopy>(params), s.out[0], s.in[0]);
}

Kernel copy_kernel(const kernels::StridedCopy& copy) {
  return make_kernel(run_copy, copy, {}, copy.cost);
}

Kernel prepare_transpose(const PrepareArgs& args) {
  const std::vector<int> perm = permutation({args.op, args.inputs, args.attrs});
  return copy_kernel(
      kernels::prepare_transpose(element_bytes(args.inputs[0]), args.inputs[0].shape, perm));
}

Kernel prepare_broadcast_to(const PrepareArgs& args) {
  return copy_kernel(kernels::prepare_broadcast(element_bytes(args.inputs[0]), args.inputs[0].shape,
                                                args.outputs[0].shape));
}

void run_whole(const Context& ctx, const Slots& s, const void* params) noexcept {
  copy_bytes(ctx, s.out[0], s.in[0], as<size_t>(params));
}

Kernel prepare_copy(const PrepareArgs& args) {
  return make_kernel(run_whole, args.inputs[0].bytes(), {}, traffic(args));
}

// --- records ---

const OpRecord kReshape{.name = "reshape",
                        .infer = infer_reshape,
                        .vjp = vjp_reshape,
                        .traits = {.alias = true, .sizes = {"shape"}}};
const OpRecord kStopGradient{
    .name = "stop_gradient", .infer = infer_same, .vjp = no_gradient, .traits = {.alias = true}};
const OpRecord kCopy{.name = "copy",
                     .infer = infer_same,
                     .vjp = vjp_identity,
                     .prepare = {prepare_copy},
                     .traits = {.moves = true, .in_place = 0}};
const OpRecord kTranspose{.name = "transpose",
                          .infer = infer_transpose,
                          .vjp = vjp_transpose,
                          .prepare = {prepare_transpose},
                          .traits = {.moves = true}};
const OpRecord kBroadcastTo{.name = "broadcast_to",
                            .infer = infer_broadcast_to,
                            .vjp = vjp_broadcast_to,
                            .prepare = {prepare_broadcast_to},
                            .traits = {.moves = true, .sizes = {"shape"}}};
constexpr const OpRecord* kList[] = {&kReshape, &kStopGradient, &kCopy, &kTranspose, &kBroadcastTo};

}  // namespace

Records shape_records() { return kList; }

Tensor reshape(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : apply1(kReshape, {x}, {{"shape", ints_of(shape)}});
}
Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : apply1(kBroadcastTo, {x}, {{"shape", ints_of(shape)}});
}
Tensor transpose(const Tensor& x, const Ints& perm) {
  Ints same(perm.size());
  std::iota(same.begin(), same.end(), 0);
  return perm == same ? x : apply1(kTranspose, {x}, {{"perm", perm}});
}
Tensor expand_dims(const Tensor& x, int64_t axis) {
  return reshape(x, x.shape().insert(normalize_axis("expand_dims", axis, x.rank() + 1), 1));
}
Tensor squeeze(const Tensor& x, int64_t axis) {
  return reshape(x, x.shape().erase(normalize_axis("squeeze", axis, x.rank())));
}
Tensor accumulate(const Tensor& a, const Tensor& b) {
  if (!a || !b) return a ? a : b;
  return add(a, b);
}

}  // namespace ranvier::ops
