// Checks by value. They have no output; a failure stops the program before any variable is written.

#include "kernels/cpu/nn/guard.h"

#include "ops/support.h"

namespace ranvier::ops {
namespace {

Specs infer_range(const InferArgs& args) {
  expect_count(args, 1);
  if (is_floating(args.inputs[0].dtype))
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected an integer dtype. Received: ",
                     args.inputs[0].str());
  const int64_t low = args.attrs.integer("low"), high = args.attrs.integer("high");
  if (low > high)
    fail<ValueError>(args.op.name, ": empty range. Expected low <= high. Received: low=", low,
                     ", high=", high);
  return {};
}

Specs infer_finite(const InferArgs& args) {
  expect_count(args, 1);
  expect_floating(args);
  return {};
}

struct Params {
  DType dtype;
  int64_t count, low, high;
};

void run_range(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  kernels::check_range(ctx, p.dtype, p.count, s.in[0], p.low, p.high, s.guard);
}
void run_finite(const Context& ctx, const Slots& s, const void* params) noexcept {
  const auto& p = as<Params>(params);
  kernels::check_finite(ctx, p.dtype, p.count, s.in[0], s.guard);
}

Kernel prepare_range(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  return make_kernel(
      run_range, Params{x.dtype, x.size(), args.attrs.integer("low"), args.attrs.integer("high")},
      {}, traffic(args));
}
Kernel prepare_finite(const PrepareArgs& args) {
  const TypeSpec& x = args.inputs[0];
  return make_kernel(run_finite, Params{x.dtype, x.size(), 0, 0}, {}, traffic(args));
}

const OpRecord kCheckRange{.name = "check_range",
                           .infer = infer_range,
                           .vjp = no_gradient,
                           .prepare = {prepare_range},
                           .traits = {.guard = true, .effect = true}};
const OpRecord kCheckFinite{.name = "check_finite",
                            .infer = infer_finite,
                            .vjp = no_gradient,
                            .prepare = {prepare_finite},
                            .traits = {.guard = true, .effect = true}};
constexpr const OpRecord* kList[] = {&kCheckRange, &kCheckFinite};

}  // namespace

Records guard_records() { return kList; }

}  // namespace ranvier::ops
