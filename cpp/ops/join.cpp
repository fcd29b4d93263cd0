// Concatenation, padding, tiling, repeats, reversal and rolls.

#include <algorithm>
#include <cstring>

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/pad.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::PadMode;

extern const OpRecord kConcatenate, kPad, kTile, kRepeat, kFlip, kRoll;

int element_bytes(const TypeSpec& spec) { return static_cast<int>(size_of(spec.dtype)); }

// --- concatenate ---

Specs infer_concatenate(const InferArgs& args) {
  if (args.inputs.empty())
    fail<ValueError>(args.op.name,
                     ": nothing to join. Expected at least one input. Received: none");
  expect_same_dtype(args);
  Shape shape = args.inputs[0].shape;
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), shape.rank());
  int64_t total = 0;
  for (const TypeSpec& part : args.inputs) {
    if (part.shape.rank() != shape.rank() || part.shape.with(axis, shape[axis]) != shape)
      fail<ShapeError>(args.op.name, ": shapes differ off axis ", axis, ". Expected ", shape.str(),
                       ". Received: ", part.shape.str());
    total += part.shape[axis];
  }
  return {{args.inputs[0].dtype, shape.with(axis, total)}};
}

Tensors vjp_concatenate(const VjpArgs& args) {
  const Tensor& dy = args.grads[0];
  const int axis = normalize_axis("concatenate", args.node.attrs.integer("axis"), dy.rank());
  Tensors results(args.node.inputs.size());
  Ints starts(static_cast<size_t>(dy.rank()), 0);
  for (size_t i = 0; i < results.size(); ++i) {
    const Shape& part = input(args, i).shape();
    if (args.needs[i]) results[i] = slice(dy, starts, Ints(part.begin(), part.end()));
    starts[static_cast<size_t>(axis)] += part[axis];
  }
  return results;
}

struct ConcatParams {
  kernels::Concat concat;
  std::vector<kernels::ConcatPart> parts;
};

void run_concatenate(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<ConcatParams>(params);
  kernels::run_concat(ctx, p.concat, p.parts, s.out[0], s.in);
}

Kernel prepare_concatenate(const PrepareArgs& args) {
  ConcatParams params;
  params.parts.resize(args.inputs.size());
  std::vector<Shape> shapes;
  for (const TypeSpec& part : args.inputs) shapes.push_back(part.shape);
  const int axis =
      normalize_axis(args.op.name, args.attrs.integer("axis"), args.outputs[0].shape.rank());
  params.concat =
      kernels::prepare_concat(element_bytes(args.outputs[0]), shapes, axis, params.parts);
  return make_kernel(run_concatenate, std::move(params), {}, traffic(args));
}

// --- pad ---

struct ModeName {
  const char* name;
  PadMode mode;
};
constexpr ModeName kModes[] = {{"constant", PadMode::Constant},
                               {"edge", PadMode::Edge},
                               {"reflect", PadMode::Reflect},
                               {"symmetric", PadMode::Symmetric},
                               {"wrap", PadMode::Wrap}};

PadMode mode_of(const char* op, const Attrs& attrs) {
  if (!attrs.has("mode")) return PadMode::Constant;
  for (const ModeName& row : kModes) {
    if (attrs.text("mode") == row.name) return row.mode;
  }
  fail<ValueError>(op,
                   ": unknown mode. Expected constant, edge, reflect, symmetric or wrap. "
                   "Received: ",
                   attrs.text("mode"));
}

// The widest pad an axis of this size allows.
int64_t widest(PadMode mode, int64_t size) {
  switch (mode) {
    case PadMode::Constant:
      return INT64_MAX;
    case PadMode::Edge:
      return size > 0 ? INT64_MAX : 0;
    case PadMode::Reflect:
      return std::max<int64_t>(0, size - 1);
    case PadMode::Symmetric:
    case PadMode::Wrap:
      return size;
  }
  return 0;
}

Specs infer_pad(const InferArgs& args) {
  expect_count(args, 1);
  Shape shape = args.inputs[0].shape;
  const Ints& padding = expect_ints(args, "padding", static_cast<size_t>(2 * shape.rank()));
  const PadMode mode = mode_of(args.op.name, args.attrs);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<size_t>(2 * axis);
    const int64_t low = padding[i], high = padding[i + 1], most = widest(mode, shape[axis]);
    if (low < 0 || high < 0 || low > most || high > most)
      fail<ValueError>(args.op.name, ": bad padding of axis ", axis, ", size ", shape[axis],
                       ". Expected entries >= 0",
                       mode == PadMode::Constant ? "" : ", not wider than the mode allows",
                       ". Received: (", low, ", ", high, ")");
    shape = shape.with(axis, shape[axis] + low + high);
  }
  return {{args.inputs[0].dtype, shape}};
}

// Source index of position i (counted from the first element of the original) along an axis.
int64_t source_index(PadMode mode, int64_t i, int64_t n) {
  if (mode == PadMode::Edge) return std::clamp<int64_t>(i, 0, n - 1);
  if (mode == PadMode::Wrap) return (i + n) % n;
  const int64_t turn = mode == PadMode::Reflect ? 0 : 1;
  if (i < 0) return -i - turn;
  return i < n ? i : 2 * (n - 1) - i + turn;
}

Tensors vjp_pad(const VjpArgs& args) {
  const Shape& x = input(args, 0).shape();
  const Ints& padding = args.node.attrs.ints("padding");
  const PadMode mode = mode_of("pad", args.node.attrs);
  Tensor grad = args.grads[0];
  if (mode == PadMode::Constant) {
    Ints starts;
    for (int axis = 0; axis < x.rank(); ++axis)
      starts.push_back(padding[static_cast<size_t>(2 * axis)]);
    return {slice(grad, starts, Ints(x.begin(), x.end()))};
  }
  // Every padded element is a copy of one along each axis: sum the copies, axis by axis.
  for (int axis = 0; axis < x.rank(); ++axis) {
    const int64_t low = padding[static_cast<size_t>(2 * axis)], n = x[axis];
    const int64_t padded = grad.shape()[axis];
    if (padded == n) continue;
    const Tensor indices = Tensor::empty(DType::I64, {padded});
    for (int64_t i = 0; i < padded; ++i)
      indices.data_as<int64_t>()[i] = source_index(mode, i - low, n);
    grad = rows_grad(grad, indices, axis, n);
  }
  return {grad};
}

struct PadParams {
  kernels::Pad pad;
  Element value;
};

void run_pad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<PadParams>(params);
  kernels::run_pad(ctx, p.pad, s.out[0], s.in[0], p.value.bytes);
}

Kernel prepare_pad(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const Ints& padding = args.attrs.ints("padding");
  Ints before, after;
  for (size_t i = 0; i < padding.size(); i += 2) {
    before.push_back(padding[i]);
    after.push_back(padding[i + 1]);
  }
  PadParams params{kernels::prepare_pad(element_bytes(x), x.shape, before, after,
                                        mode_of(args.op.name, args.attrs)),
                   {}};
  if (args.attrs.has("value")) params.value = element_attr(args.attrs, "value", x.dtype);
  return make_kernel(run_pad, params, {}, params.pad.cost);
}

// --- tile, repeat, flip ---

Specs infer_copies(const InferArgs& args) {
  expect_count(args, 1);
  Shape shape = args.inputs[0].shape;
  const Ints& repeats = expect_ints(args, "repeats", static_cast<size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64_t count = repeats[static_cast<size_t>(axis)];
    if (count < 0)
      fail<ValueError>(args.op.name, ": bad `repeats`. Expected entries >= 0. Received: ", count);
    shape = shape.with(axis, shape[axis] * count);
  }
  return {{args.inputs[0].dtype, shape}};
}

// Sums grad over `count` copies of an axis of size n, of all of it (tile) or of each element
// (repeat).
Tensor sum_copies(const Tensor& grad, int axis, int64_t n, int64_t count, bool whole) {
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= grad.shape()[i];
  for (int i = axis + 1; i < grad.rank(); ++i) inner *= grad.shape()[i];
  const Tensor split =
      whole ? reshape(grad, {outer, count, n, inner}) : reshape(grad, {outer, n, count, inner});
  return reshape(sum(split, {whole ? 1 : 2}), grad.shape().with(axis, n));
}

// Outer axes first: their sums run along whole rows, and leave less to the others.
template <bool whole>
Tensors vjp_copies(const VjpArgs& args) {
  const Shape& x = input(args, 0).shape();
  Tensor grad = args.grads[0];
  for (int axis = 0; axis < x.rank(); ++axis) {
    const int64_t count = args.node.attrs.ints("repeats")[static_cast<size_t>(axis)];
    if (count != 1) grad = sum_copies(grad, axis, x[axis], count, whole);
  }
  return {grad};
}

Specs infer_flip(const InferArgs& args) {
  expect_count(args, 1);
  axes_attr(args.op.name, args.attrs, args.inputs[0].shape.rank());
  return {args.inputs[0]};
}

Tensors vjp_flip(const VjpArgs& args) { return {apply1(kFlip, {args.grads[0]}, args.node.attrs)}; }

void run_copy(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_strided_copy(ctx, as<kernels::StridedCopy>(params), s.out[0], s.in[0]);
}
Kernel copy_kernel(const kernels::StridedCopy& copy) {
  return make_kernel(run_copy, copy, {}, copy.cost);
}

template <bool whole>
Kernel prepare_copies(const PrepareArgs& args) {
  return copy_kernel(kernels::prepare_copies(element_bytes(args.inputs[0]), args.inputs[0].shape,
                                             args.attrs.ints("repeats"), whole));
}
Kernel prepare_flip(const PrepareArgs& args) {
  const Shape& shape = args.inputs[0].shape;
  return copy_kernel(kernels::prepare_reverse(element_bytes(args.inputs[0]), shape,
                                              axes_attr(args.op.name, args.attrs, shape.rank())));
}

// --- roll ---

Specs infer_roll(const InferArgs& args) {
  expect_count(args, 1);
  normalize_axis(args.op.name, args.attrs.integer("axis"), args.inputs[0].shape.rank());
  args.attrs.integer("shift");
  return {args.inputs[0]};
}

Tensors vjp_roll(const VjpArgs& args) {
  const Attrs& attrs = args.node.attrs;
  return {roll(args.grads[0], -attrs.integer("shift"), attrs.integer("axis"))};
}

void run_roll(const Context& ctx, const Slots& s, const void* params) noexcept {
  kernels::run_roll(ctx, as<kernels::Roll>(params), s.out[0], s.in[0]);
}

Kernel prepare_roll(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  const int axis = normalize_axis(args.op.name, args.attrs.integer("axis"), x.shape.rank());
  return make_kernel(
      run_roll, kernels::prepare_roll(element_bytes(x), x.shape, axis, args.attrs.integer("shift")),
      {}, traffic(args));
}

// --- records ---

const OpRecord kConcatenate{.name = "concatenate",
                            .infer = infer_concatenate,
                            .vjp = vjp_concatenate,
                            .prepare = {prepare_concatenate},
                            .traits = {.moves = true}};
const OpRecord kPad{.name = "pad",
                    .infer = infer_pad,
                    .vjp = vjp_pad,
                    .prepare = {prepare_pad},
                    .traits = {.moves = true}};
const OpRecord kTile{.name = "tile",
                     .infer = infer_copies,
                     .vjp = vjp_copies<true>,
                     .prepare = {prepare_copies<true>},
                     .traits = {.moves = true}};
const OpRecord kRepeat{.name = "repeat",
                       .infer = infer_copies,
                       .vjp = vjp_copies<false>,
                       .prepare = {prepare_copies<false>},
                       .traits = {.moves = true}};
const OpRecord kFlip{.name = "flip",
                     .infer = infer_flip,
                     .vjp = vjp_flip,
                     .prepare = {prepare_flip},
                     .traits = {.moves = true}};
const OpRecord kRoll{.name = "roll",
                     .infer = infer_roll,
                     .vjp = vjp_roll,
                     .prepare = {prepare_roll},
                     .traits = {.moves = true}};
constexpr const OpRecord* kList[] = {&kConcatenate, &kPad, &kTile, &kRepeat, &kFlip, &kRoll};

}  // namespace

Records join_records() { return kList; }

Tensor concat(Tensors parts, int64_t axis) {
  return apply1(kConcatenate, std::move(parts), {{"axis", axis}});
}
Tensor stack(const Tensors& parts, int64_t axis) {
  Tensors wide;
  for (const Tensor& part : parts) wide.push_back(expand_dims(part, axis));
  return concat(std::move(wide), axis);
}
Tensor pad(const Tensor& x, const Ints& padding) {
  if (std::all_of(padding.begin(), padding.end(), [](int64_t p) { return p == 0; })) return x;
  return apply1(kPad, {x}, {{"padding", padding}});
}
Tensor flip(const Tensor& x, const Ints& axes) { return apply1(kFlip, {x}, {{"axes", axes}}); }
Tensor roll(const Tensor& x, int64_t shift, int64_t axis) {
  return apply1(kRoll, {x}, {{"axis", axis}, {"shift", shift}});
}

}  // namespace ranvier::ops
