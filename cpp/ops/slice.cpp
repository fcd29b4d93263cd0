// Slices with fixed and with computed starts, and updates of slices.

#include <algorithm>

#include "kernels/cpu/data/copy.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

extern const OpRecord kSlice, kSliceUpdate, kDynamicSlice, kDynamicSliceUpdate;

int element_bytes(const TypeSpec& spec) { return static_cast<int>(size_of(spec.dtype)); }

// --- inference ---

Ints strides_attr(const InferArgs& args, int rank) {
  if (!args.attrs.has("strides")) return Ints(static_cast<size_t>(rank), 1);
  return expect_ints(args, "strides", static_cast<size_t>(rank));
}

// start and start + (size - 1) * stride lie inside every axis.
void check_bounds(const InferArgs& args, const Shape& x, const Shape& window) {
  const auto rank = static_cast<size_t>(x.rank());
  const Ints& starts = expect_ints(args, "starts", rank);
  const Ints strides = strides_attr(args, x.rank());
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (window[axis] == 0) continue;
    const int64_t last = starts[i] + (window[axis] - 1) * strides[i];
    const bool inside = starts[i] >= 0 && starts[i] < x[axis] && last >= 0 && last < x[axis];
    if (!inside || strides[i] == 0)
      fail<ShapeError>(args.op.name, ": the slice leaves axis ", axis, ". Expected indices in [0, ",
                       x[axis], ") and a stride other than 0. Received: start ", starts[i],
                       ", size ", window[axis], ", stride ", strides[i]);
  }
}

void check_rank(const InferArgs& args, const Shape& x, const Shape& window) {
  if (x.rank() != window.rank())
    fail<ShapeError>(args.op.name, ": ranks differ. Expected ", x.rank(),
                     " sizes. Received: ", window.rank());
}

Specs infer_slice(const InferArgs& args) {
  expect_count(args, 1);
  const Shape window = shape_attr(args, "sizes");
  check_rank(args, args.inputs[0].shape, window);
  check_bounds(args, args.inputs[0].shape, window);
  return {{args.inputs[0].dtype, window}};
}

Specs infer_slice_update(const InferArgs& args) {
  expect_count(args, 2);
  expect_same_dtype(args);
  check_rank(args, args.inputs[0].shape, args.inputs[1].shape);
  check_bounds(args, args.inputs[0].shape, args.inputs[1].shape);
  return {args.inputs[0]};
}

void check_dynamic(const InferArgs& args, const Shape& window, size_t starts) {
  const Shape& x = args.inputs[0].shape;
  check_rank(args, x, window);
  expect_index(args, starts);
  expect_shape(args, starts, "starts", {x.rank()});
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (window[axis] > x[axis])
      fail<ShapeError>(args.op.name, ": the window is larger than axis ", axis,
                       ". Expected at most ", x[axis], ". Received: ", window[axis]);
  }
}

Specs infer_dynamic_slice(const InferArgs& args) {
  expect_count(args, 2);
  const Shape window = shape_attr(args, "sizes");
  check_dynamic(args, window, 1);
  return {{args.inputs[0].dtype, window}};
}

Specs infer_dynamic_slice_update(const InferArgs& args) {
  expect_count(args, 3);
  expect_same_dtype(args, 0, 2);
  check_dynamic(args, args.inputs[1].shape, 2);
  return {args.inputs[0]};
}

// --- gradients ---

Ints node_strides(const Node& node, int rank) {
  return node.attrs.has("strides") ? node.attrs.ints("strides")
                                   : Ints(static_cast<size_t>(rank), 1);
}

Tensors vjp_slice(const VjpArgs& args) {
  const Tensor& dy = args.grads[0];
  const Shape& x = input(args, 0).shape();
  const Ints &starts = args.node.attrs.ints("starts"), strides = node_strides(args.node, x.rank());
  if (std::any_of(strides.begin(), strides.end(), [](int64_t s) { return s != 1; }))
    return {slice_update(zeros(input(args, 0).spec()), dy, starts, strides)};
  if (dy.size() == 0) return {zeros(input(args, 0).spec())};
  Ints padding;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const int64_t start = starts[static_cast<size_t>(axis)];
    padding.push_back(start);
    padding.push_back(x[axis] - start - dy.shape()[axis]);
  }
  return {pad(dy, padding)};
}

Tensors vjp_slice_update(const VjpArgs& args) {
  const Tensor &dy = args.grads[0], &update = input(args, 1);
  const Ints &starts = args.node.attrs.ints("starts"),
             strides = node_strides(args.node, update.rank());
  Tensors results(2);
  if (args.needs[0]) results[0] = slice_update(dy, zeros(update.spec()), starts, strides);
  if (args.needs[1])
    results[1] = slice(dy, starts, Ints(update.shape().begin(), update.shape().end()), strides);
  return results;
}

Tensors vjp_dynamic_slice(const VjpArgs& args) {
  return {dynamic_slice_update(zeros(input(args, 0).spec()), args.grads[0], input(args, 1)),
          Tensor()};
}

Tensors vjp_dynamic_slice_update(const VjpArgs& args) {
  const Tensor &dy = args.grads[0], &update = input(args, 1), &starts = input(args, 2);
  Tensors results(3);
  if (args.needs[0]) results[0] = dynamic_slice_update(dy, zeros(update.spec()), starts);
  if (args.needs[1])
    results[1] = dynamic_slice(dy, starts, Ints(update.shape().begin(), update.shape().end()));
  return results;
}

// --- kernels ---

struct SliceParams {
  kernels::StridedCopy copy;
  size_t bytes = 0;  // of x, which an update copies first when it is not in place
  // Computed starts: size, element stride and largest start of each axis of x.
  int rank = 0;
  bool wide = false;  // int64 starts
  std::array<int64_t, kMaxRank> size{}, stride{}, limit{};
};

int64_t offset_of(const SliceParams& p, const void* starts) {
  int64_t offset = 0;
  for (int axis = 0; axis < p.rank; ++axis) {
    const auto i = static_cast<size_t>(axis);
    const int64_t start =
        p.wide ? static_cast<const int64_t*>(starts)[i] : static_cast<const int32_t*>(starts)[i];
    const int64_t from = start < 0 ? start + p.size[i] : start;
    offset += std::clamp<int64_t>(from, 0, p.limit[i]) * p.stride[i];
  }
  return offset;
}

void run_slice(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_strided_copy(ctx, as<SliceParams>(params).copy, s.out[0], s.in[0]);
}
void run_update(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<SliceParams>(params);
  copy_bytes(ctx, s.out[0], s.in[0], p.bytes);
  kernels::run_strided_copy(ctx, p.copy, s.out[0], s.in[1]);
}
void run_dynamic(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<SliceParams>(params);
  kernels::StridedCopy copy = p.copy;
  copy.src_offset += offset_of(p, s.in[1]);
  kernels::run_strided_copy(ctx, copy, s.out[0], s.in[0]);
}
void run_dynamic_update(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<SliceParams>(params);
  kernels::StridedCopy copy = p.copy;
  copy.dst_offset += offset_of(p, s.in[2]);
  copy_bytes(ctx, s.out[0], s.in[0], p.bytes);
  kernels::run_strided_copy(ctx, copy, s.out[0], s.in[1]);
}

template <bool update, bool dynamic>
Kernel prepare(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const TypeSpec& window = update ? args.inputs[1] : args.outputs[0];
  const int rank = x.shape.rank(), bytes = element_bytes(x);
  Ints starts(static_cast<size_t>(rank), 0), strides(starts.size(), 1);
  if (!dynamic) {
    starts = args.attrs.ints("starts");
    if (args.attrs.has("strides")) strides = args.attrs.ints("strides");
  }
  SliceParams params;
  params.copy = update
                    ? kernels::prepare_slice_update(bytes, x.shape, window.shape, starts, strides)
                    : kernels::prepare_slice(bytes, x.shape, window.shape, starts, strides);
  params.bytes = x.bytes();
  if (dynamic) {
    params.rank = rank;
    params.wide = args.inputs.back().dtype == DType::I64;
    params.stride = x.shape.strides();
    for (int axis = 0; axis < rank; ++axis) {
      const auto i = static_cast<size_t>(axis);
      params.size[i] = x.shape[axis];
      params.limit[i] = x.shape[axis] - window.shape[axis];
    }
  }
  const StepFn run =
      update ? (dynamic ? run_dynamic_update : run_update) : (dynamic ? run_dynamic : run_slice);
  return make_kernel(run, params, {}, params.copy.cost);
}

// --- records ---

const OpRecord kSlice{.name = "slice",
                      .infer = infer_slice,
                      .vjp = vjp_slice,
                      .prepare = {prepare<false, false>},
                      .traits = {.moves = true, .sizes = {"sizes", "starts"}}};
const OpRecord kSliceUpdate{.name = "slice_update",
                            .infer = infer_slice_update,
                            .vjp = vjp_slice_update,
                            .prepare = {prepare<true, false>},
                            .traits = {.moves = true, .in_place = 0, .sizes = {"starts"}}};
const OpRecord kDynamicSlice{.name = "dynamic_slice",
                             .infer = infer_dynamic_slice,
                             .vjp = vjp_dynamic_slice,
                             .prepare = {prepare<false, true>},
                             .traits = {.moves = true, .sizes = {"sizes"}}};
const OpRecord kDynamicSliceUpdate{.name = "dynamic_slice_update",
                                   .infer = infer_dynamic_slice_update,
                                   .vjp = vjp_dynamic_slice_update,
                                   .prepare = {prepare<true, true>},
                                   .traits = {.moves = true, .in_place = 0}};
constexpr const OpRecord* kList[] = {&kSlice, &kSliceUpdate, &kDynamicSlice, &kDynamicSliceUpdate};

}  // namespace

Records slice_records() { return kList; }

Tensor slice(const Tensor& x, const Ints& starts, const Ints& sizes, const Ints& strides) {
  const Ints steps = strides.empty() ? Ints(starts.size(), 1) : strides;
  return apply1(kSlice, {x}, {{"starts", starts}, {"sizes", sizes}, {"strides", steps}});
}
Tensor slice_update(const Tensor& x, const Tensor& update, const Ints& starts,
                    const Ints& strides) {
  const Ints steps = strides.empty() ? Ints(starts.size(), 1) : strides;
  return apply1(kSliceUpdate, {x, update}, {{"starts", starts}, {"strides", steps}});
}
Tensor dynamic_slice(const Tensor& x, const Tensor& starts, const Ints& sizes) {
  return apply1(kDynamicSlice, {x, starts}, {{"sizes", sizes}});
}
Tensor dynamic_slice_update(const Tensor& x, const Tensor& update, const Tensor& starts) {
  return apply1(kDynamicSliceUpdate, {x, update, starts});
}

}  // namespace ranvier::ops
