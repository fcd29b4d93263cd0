// Discrete Fourier transforms of the last axis.

#include "kernels/cpu/fft/fft.h"

#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::FftKind;
using kernels::FftPlan;

extern const OpRecord kFft, kRfft, kIrfft;

// --- inference ---

int64_t last_size(const InferArgs& args) {
  expect_floating(args);
  if (size_of(args.inputs[0].dtype) < 4)
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected float32 or float64. Received: ",
                     args.inputs[0].str(), ". Hint: ops.cast");
  expect_rank_at_least(args, 0, 1);
  const int64_t n = args.inputs[0].shape.at(-1);
  if (n == 0)
    fail<ShapeError>(args.op.name, ": nothing to transform. Expected a last axis of one or more. ",
                     "Received: ", args.inputs[0].str());
  return n;
}

void expect_pair(const InferArgs& args) {
  expect_count(args, 2);
  expect_same_dtype(args);
  expect_shape(args, 1, "the imaginary part", args.inputs[0].shape);
}

TypeSpec with_last(const TypeSpec& spec, int64_t size) {
  return {spec.dtype, spec.shape.with(spec.shape.rank() - 1, size)};
}

Specs infer_fft(const InferArgs& args) {
  expect_pair(args);
  last_size(args);
  return {args.inputs[0], args.inputs[0]};
}

Specs infer_rfft(const InferArgs& args) {
  expect_count(args, 1);
  const TypeSpec terms = with_last(args.inputs[0], last_size(args) / 2 + 1);
  return {terms, terms};
}

Specs infer_irfft(const InferArgs& args) {
  expect_pair(args);
  const int64_t terms = last_size(args), size = args.attrs.integer("size");
  if (size < 1 || size / 2 + 1 != terms)
    fail<ShapeError>("irfft: a real row of ", size, " values has ", size / 2 + 1,
                     " terms. Received: ", args.inputs[0].str());
  return {with_last(args.inputs[0], size)};
}

// --- gradients: the transforms are linear, and their transposes are transforms ---

Tensors vjp_fft(const VjpArgs& args) {
  const bool inverse = args.node.attrs.flag("inverse", false);
  return apply(kFft, {grad_or_zeros(args, 0), grad_or_zeros(args, 1)}, {{"inverse", !inverse}});
}

// x weighted by `middle` in the terms that stand for two of a full spectrum of `size` terms.
Tensor weigh(const Tensor& x, int64_t size, double middle) {
  const int64_t terms = size / 2 + 1, inner = (size - 1) / 2;
  Tensors parts{full(x.dtype(), {1}, 1), full(x.dtype(), {inner}, middle)};
  if (1 + inner < terms) parts.push_back(full(x.dtype(), {1}, 1));
  return mul(x, concat(std::move(parts), 0));
}

Tensors vjp_rfft(const VjpArgs& args) {
  const int64_t size = input(args, 0).shape().at(-1);
  return {apply1(
      kIrfft, {weigh(grad_or_zeros(args, 0), size, 0.5), weigh(grad_or_zeros(args, 1), size, 0.5)},
      {{"size", size}})};
}

Tensors vjp_irfft(const VjpArgs& args) {
  const int64_t size = args.node.attrs.integer("size");
  Tensors grads = apply(kRfft, {args.grads[0]});
  for (Tensor& grad : grads) grad = weigh(grad, size, 2);
  return grads;
}

// --- kernels ---

void run_fft_step(const Context& ctx, const Slots& slots, const void* params) noexcept {
  kernels::run_fft(ctx, as<FftPlan>(params), slots.out, slots.in, slots.worker,
                   slots.worker_stride);
}

Kernel prepare(const PrepareArgs& args, FftKind kind, int64_t n) {
  const TypeSpec& x = args.inputs[0];
  const int64_t last = x.shape.at(-1);
  FftPlan plan = kernels::prepare_fft(x.dtype, kind, n, x.size() / last);
  const kernels::Scratch scratch = plan.scratch;
  const kernels::Cost cost = plan.cost;
  const char* variant = plan.chirp ? "bluestein" : "stockham";
  return make_kernel(run_fft_step, std::move(plan), scratch, cost, variant);
}

Kernel prepare_complex(const PrepareArgs& args) {
  const bool inverse = args.attrs.flag("inverse", false);
  return prepare(args, inverse ? FftKind::Inverse : FftKind::Forward, args.inputs[0].shape.at(-1));
}
Kernel prepare_rfft(const PrepareArgs& args) {
  return prepare(args, FftKind::RealForward, args.inputs[0].shape.at(-1));
}
Kernel prepare_irfft(const PrepareArgs& args) {
  return prepare(args, FftKind::RealInverse, args.attrs.integer("size"));
}

const OpRecord kFft{
    .name = "fft", .infer = infer_fft, .vjp = vjp_fft, .prepare = {prepare_complex}};
const OpRecord kRfft{
    .name = "rfft", .infer = infer_rfft, .vjp = vjp_rfft, .prepare = {prepare_rfft}};
const OpRecord kIrfft{
    .name = "irfft", .infer = infer_irfft, .vjp = vjp_irfft, .prepare = {prepare_irfft}};
constexpr const OpRecord* kList[] = {&kFft, &kRfft, &kIrfft};

}  // namespace

Records fft_records() { return kList; }

}  // namespace ranvier::ops
