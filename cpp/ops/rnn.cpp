// Recurrent cells over a whole sequence: fused kernels forward and backward. The gradient of the
// recurrent matrix is one product over all steps, outside of the kernel.

#include "ops/rnn.h"

#include <algorithm>

namespace ranvier::ops {

namespace {

template <class T, size_t N>
T named(const char* attribute, const std::string& name,
        const std::pair<const char*, T> (&table)[N]) {
  std::string known;
  for (const auto& [key, value] : table) {
    if (name == key) return value;
    known += (known.empty() ? "" : ", ") + std::string(key);
  }
  fail<ValueError>("rnn_sequence: unknown `", attribute, "`. Expected one of ", known,
                   ". Received: ", name);
}

using kernels::Activation;
constexpr std::pair<const char*, RnnKind> kKinds[] = {{"lstm", RnnKind::Lstm},
                                                      {"gru", RnnKind::Gru},
                                                      {"gru_before", RnnKind::GruBefore},
                                                      {"simple", RnnKind::Simple}};
constexpr std::pair<const char*, Activation> kActivations[] = {{"tanh", Activation::Tanh},
                                                               {"relu", Activation::Relu},
                                                               {"sigmoid", Activation::Sigmoid},
                                                               {"linear", Activation::None}};

extern const OpRecord kSaved, kGrad;

}  // namespace

RnnLayout::RnnLayout(const Attrs& attrs)
    : kind(named("kind", attrs.text("kind"), kKinds)),
      activation(attrs.has("activation")
                     ? named("activation", attrs.text("activation"), kActivations)
                     : Activation::Tanh),
      backwards(attrs.flag("backwards", false)),
      drop(attrs.flag("drop", false)),
      mask(attrs.flag("mask", false)),
      sequence(attrs.flag("sequence", true)) {}

namespace {

// --- inference ---

struct Sizes {
  int64_t batch, steps, units, columns;
};

// Checks x (or gates), of the layout's columns, and u; every other operand follows from them.
Sizes check_matrix(const InferArgs& args, const RnnLayout& layout, int count) {
  expect_count(args, static_cast<size_t>(count));
  expect_same_dtype(args, 0, static_cast<size_t>(count - layout.mask));
  expect_floating(args);
  const Shape &x = args.inputs[0].shape, &u = args.inputs[1].shape;
  if (x.rank() != 3 || u.rank() != 2 || u[1] != layout.gates() * u[0])
    fail<ShapeError>(args.op.name, ": wrong rank or matrix. Expected x of (batch, steps, ",
                     layout.gates(), " units) and u of (units, ", layout.gates(),
                     " units). Received: x.shape=", x.str(), ", u.shape=", u.str());
  const Sizes sizes{x[0], x[1], u[0], u[1]};
  expect_shape(args, 0, "x", {sizes.batch, sizes.steps, sizes.columns});
  return sizes;
}

void check_mask(const InferArgs& args, int place, const Sizes& n) {
  if (place < 0) return;
  const auto at = static_cast<size_t>(place);
  if (args.inputs[at].dtype != DType::Bool)
    fail<DTypeError>(args.op.name,
                     ": wrong mask. Expected bool. Received: ", name_of(args.inputs[at].dtype));
  expect_shape(args, at, "the mask", {n.batch, n.steps});
}

void check_at(const InferArgs& args, int place, const char* what, const Shape& shape) {
  if (place >= 0) expect_shape(args, static_cast<size_t>(place), what, shape);
}

template <bool saved>
Specs infer_forward(const InferArgs& args) {
  const RnnLayout layout(args.attrs);
  const Sizes n = check_matrix(args, layout, layout.forward_inputs());
  const Shape state{n.batch, n.units};
  check_at(args, layout.bias(), "bias", {n.columns});
  check_at(args, layout.h0(), "h0", state);
  check_at(args, layout.c0(), "c0", state);
  check_at(args, layout.forward_drop(), "the recurrent dropout", {n.batch, n.columns});
  check_mask(args, layout.forward_mask(), n);
  const DType dtype = args.inputs[0].dtype;
  const TypeSpec per_step{dtype, {n.batch, n.steps, n.units}};
  Specs specs;
  if (saved) {
    specs = {args.inputs[0], per_step};
    if (layout.has_extra()) specs.push_back(per_step);
  }
  if (layout.sequence) specs.push_back(per_step);
  specs.insert(specs.end(), 1 + layout.has_cell(), {dtype, state});
  return specs;
}

Specs infer_grad(const InferArgs& args) {
  const RnnLayout layout(args.attrs);
  const Sizes n = check_matrix(args, layout, layout.backward_inputs());
  const Shape state{n.batch, n.units}, per_step{n.batch, n.steps, n.units};
  check_at(args, 2, "saved_h", per_step);
  check_at(args, layout.extra(), "extra", per_step);
  check_at(args, layout.dh(), "dh", state);
  check_at(args, layout.dc(), "dc", state);
  check_at(args, layout.dsequence(), "dsequence", per_step);
  check_at(args, layout.backward_drop(), "the recurrent dropout", {n.batch, n.columns});
  check_mask(args, layout.backward_mask(), n);
  const DType dtype = args.inputs[0].dtype;
  Specs specs(1 + layout.has_bias(), args.inputs[0]);
  specs.insert(specs.end(), 1 + layout.has_cell(), {dtype, state});
  return specs;
}

// --- gradients ---

Tensor rows_of(const Tensor& x) {
  const Shape& s = x.shape();
  return reshape(x, {s[0] * s[1], s[2]});
}

// The gradient of columns [from, from + count) of u, which multiplied h (batch, steps, units).
Tensor columns_gradient(const Tensor& h, const Tensor& dm, int64_t from, int64_t count) {
  return matmul(rows_of(h), columns(rows_of(dm), from, count), true, false);
}

// The gradient of u from those of the products: one product over all rows and steps for each h.
Tensor matrix_gradient(const RnnLayout& layout, const Tensors& saved, const Tensor& dm,
                       const Tensor& drop) {
  const int64_t units = saved[1].shape()[2];
  const int64_t before = layout.kind == RnnKind::GruBefore ? 2 : layout.gates();
  Tensors parts;
  if (!drop) {
    parts.push_back(columns_gradient(saved[1], dm, 0, before * units));
  } else {
    for (int64_t g = 0; g < before; ++g) {
      const Tensor mask = expand_dims(columns(drop, g * units, units), 1);
      const Tensor h = mul(saved[1], broadcast_to(mask, saved[1].shape()));
      parts.push_back(columns_gradient(h, dm, g * units, units));
    }
  }
  if (layout.kind == RnnKind::GruBefore)
    parts.push_back(columns_gradient(saved[2], dm, 2 * units, units));
  return parts.size() == 1 ? parts[0] : concat(parts, 1);
}

// Gradients of the forward inputs. `saved` are the saved outputs, `grads` those of the results.
Tensors forward_gradients(const VjpArgs& args, const RnnLayout& layout, const Tensors& saved,
                          TensorSpan grads) {
  const size_t first = layout.sequence;
  const Tensor& h0 = input(args, static_cast<size_t>(layout.h0()));
  const auto or_zeros = [&](const Tensor& grad) { return grad ? grad : zeros(h0.spec()); };
  Attrs attrs = args.node.attrs;
  const bool has_sequence = layout.sequence && grads[0];
  attrs.set("sequence", has_sequence);
  Tensors inputs = {saved[0], input(args, 1), saved[1]};
  if (layout.has_extra()) inputs.push_back(saved[2]);
  inputs.push_back(or_zeros(grads[first]));
  if (layout.has_cell()) inputs.push_back(or_zeros(grads[first + 1]));
  if (has_sequence) inputs.push_back(grads[0]);
  const Tensor drop =
      layout.drop ? input(args, static_cast<size_t>(layout.forward_drop())) : Tensor();
  if (drop) inputs.push_back(drop);
  if (layout.mask) inputs.push_back(input(args, static_cast<size_t>(layout.forward_mask())));
  const Tensors found = apply(kGrad, inputs, attrs);
  const Tensor& dm = found[layout.has_bias() ? 1 : 0];
  Tensors results(args.node.inputs.size());
  results[0] = found[0];
  if (args.needs[1]) results[1] = matrix_gradient(layout, saved, dm, drop);
  if (layout.has_bias() && args.needs[2]) results[2] = sum(dm, {0, 1});
  const auto h = static_cast<size_t>(layout.h0());
  results[h] = found[1 + layout.has_bias()];
  if (layout.has_cell()) results[h + 1] = found[2];
  for (size_t i = 0; i < results.size(); ++i) {
    if (!args.needs[i]) results[i] = Tensor();
  }
  return results;
}

bool needs_drop(const VjpArgs& args, const RnnLayout& layout) {
  return layout.drop && args.needs[static_cast<size_t>(layout.forward_drop())];
}

// Without saved values the sequence is computed again, this time with them.
Tensors vjp_sequence(const VjpArgs& args) {
  const RnnLayout layout(args.node.attrs);
  if (needs_drop(args, layout))
    return vjp_by(args, [layout](TensorSpan in) {
      Tensors all = compose_rnn_saved(layout, in);
      all.erase(all.begin(), all.begin() + layout.saved_outputs());
      return all;
    });
  Tensors saved = apply(kSaved, args.node.inputs, args.node.attrs);
  saved.resize(static_cast<size_t>(layout.saved_outputs()));
  return forward_gradients(args, layout, saved, args.grads);
}

// The saved values are for the gradient alone; where a second derivative comes back to them, the
// composition takes them along. It also has the gradient of the recurrent dropout's masks.
Tensors vjp_saved(const VjpArgs& args) {
  const RnnLayout layout(args.node.attrs);
  const auto count = static_cast<size_t>(layout.saved_outputs());
  const bool used = std::any_of(args.grads.begin(), args.grads.begin() + count,
                                [](const Tensor& grad) { return bool(grad); });
  if (used || needs_drop(args, layout))
    return vjp_by(args, [layout](TensorSpan in) { return compose_rnn_saved(layout, in); });
  const Tensors saved(args.node.outputs.begin(),
                      args.node.outputs.begin() + static_cast<ptrdiff_t>(count));
  return forward_gradients(args, layout, saved, args.grads.subspan(count));
}

Tensors vjp_grad(const VjpArgs& args) {
  const RnnLayout layout(args.node.attrs);
  return vjp_by(args, [layout](TensorSpan in) { return compose_rnn_grad(layout, in); });
}

// --- kernels ---

struct Params {
  RnnLayout layout;
  kernels::RnnPlan plan;
};

const void* in_at(const Slots& s, int place) { return place < 0 ? nullptr : s.in[place]; }

template <bool saved>
void run_forward(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& [layout, plan] = as<Params>(params);
  kernels::RnnForward o{};
  o.x = s.in[0];
  o.u = s.in[1];
  o.bias = in_at(s, layout.bias());
  o.h0 = s.in[layout.h0()];
  o.c0 = in_at(s, layout.c0());
  o.drop = in_at(s, layout.forward_drop());
  o.mask = static_cast<const bool*>(in_at(s, layout.forward_mask()));
  int next = 0;
  if (saved) {
    o.gates = s.out[next++];
    o.saved_h = s.out[next++];
    if (layout.has_extra()) o.extra = s.out[next++];
  }
  if (layout.sequence) o.sequence = s.out[next++];
  o.h = s.out[next++];
  if (layout.has_cell()) o.c = s.out[next];
  kernels::rnn_forward(ctx, plan, o, s.shared, s.worker, s.worker_stride);
}

void run_grad(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& [layout, plan] = as<Params>(params);
  kernels::RnnBackward o{};
  o.gates = s.in[0];
  o.u = s.in[1];
  o.saved_h = s.in[2];
  o.extra = in_at(s, layout.extra());
  o.dh = s.in[layout.dh()];
  o.dc = in_at(s, layout.dc());
  o.dsequence = in_at(s, layout.dsequence());
  o.drop = in_at(s, layout.backward_drop());
  o.mask = static_cast<const bool*>(in_at(s, layout.backward_mask()));
  int next = 0;
  o.dx = s.out[next++];
  if (layout.has_bias()) o.dm = s.out[next++];
  o.dh0 = s.out[next++];
  if (layout.has_cell()) o.dc0 = s.out[next];
  kernels::rnn_backward(ctx, plan, o, s.shared, s.worker, s.worker_stride);
}

template <StepFn run>
Kernel prepare(const PrepareArgs& args) {
  const RnnLayout layout(args.attrs);
  const Shape &x = args.inputs[0].shape, &u = args.inputs[1].shape;
  kernels::RnnShape shape{.kind = layout.kind,
                          .activation = layout.activation,
                          .batch = x[0],
                          .steps = x[1],
                          .units = u[0],
                          .backwards = layout.backwards,
                          .drop = layout.drop};
  Params params{layout, kernels::rnn_prepare(shape, args.inputs[0].dtype)};
  const kernels::Scratch scratch = params.plan.scratch;
  const kernels::Cost cost = traffic(args, params.plan.cost.flops);
  const char* variant = kernels::name_of(layout.kind);
  return make_kernel(run, std::move(params), scratch, cost, variant);
}

// --- records ---

const OpRecord kSequence{.name = "rnn_sequence",
                         .infer = infer_forward<false>,
                         .vjp = vjp_sequence,
                         .prepare = {in_f32<prepare<run_forward<false>>>}};
const OpRecord kSaved{.name = "rnn_sequence_saved",
                      .infer = infer_forward<true>,
                      .vjp = vjp_saved,
                      .prepare = {in_f32<prepare<run_forward<true>>>},
                      .traits = {.in_place = 0}};
const OpRecord kGrad{.name = "rnn_sequence_grad",
                     .infer = infer_grad,
                     .vjp = vjp_grad,
                     .prepare = {in_f32<prepare<run_grad>>},
                     .traits = {.in_place = 0}};
constexpr const OpRecord* kList[] = {&kSequence, &kSaved, &kGrad};

}  // namespace

Records rnn_records() { return kList; }

}  // namespace ranvier::ops
