// Winograd's F(2×2, 3×3) as a variant of all three passes; the data gradient is the convolution of
// dy with the filter turned round. The filter is transformed in every run.

#include "base/verbose.h"
#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {
namespace {

// Bytes of an array in shared scratch, up to a line of the caches.
size_t line_bytes(int64_t floats) {
  constexpr int64_t kLine = 16;
  return static_cast<size_t>(ceil_div(floats, kLine) * kLine) * sizeof(float);
}

int64_t turned_floats(const ConvPlan& plan) {
  return plan.pass == ConvPass::BackwardData ? sizes_of(plan.shape).filter : 0;
}

const char* refusal(const std::optional<ConvShape>& shape) {
  if (winograd_use() == WinogradUse::Off) return "RANVIER_WINOGRAD is off";
  if (!shape) return "strides, or padding of more than two";
  return winograd_refusal(2, *shape, DType::F32);
}

}  // namespace

bool prepare_winograd_pass(ConvPlan& plan) {
  const ConvShape& s = plan.shape;
  const auto shape = plan.pass == ConvPass::BackwardData ? turned_round(s) : s;
  if (const char* reason = refusal(shape)) {
    if (prints_dispatch()) print_refusal(conv_text(s), "winograd 2x2", reason);
    return false;
  }
  if (plan.pass == ConvPass::BackwardFilter) {
    plan.winograd = prepare_winograd_gradient(*shape, plan.isa);
    plan.scratch = plan.winograd->scratch;
  } else {
    plan.winograd = prepare_winograd(2, *shape, plan.isa);
    plan.scratch = plan.winograd->scratch;
    plan.scratch.shared +=
        line_bytes(plan.winograd->filter_floats()) + line_bytes(turned_floats(plan));
  }
  plan.cost = plan.winograd->cost;
  plan.variant = plan.winograd->staged ? "winograd 2x2, staged" : "winograd 2x2";
  return true;
}

void run_winograd_pass(const Context& ctx, const ConvPlan& plan, const float* x,
                       const float* filter, const ConvEpilogue& e, float* y, void* shared,
                       std::byte* worker, size_t stride) noexcept {
  const WinogradPlan& winograd = *plan.winograd;
  auto* packed = static_cast<float*>(shared);
  std::byte* rest = static_cast<std::byte*>(shared) + line_bytes(winograd.filter_floats());
  if (plan.pass == ConvPass::BackwardData) {
    auto* turned = reinterpret_cast<float*>(rest);
    pack_data_filter(ctx, plan, filter, turned);
    filter = turned;
    rest += line_bytes(turned_floats(plan));
  }
  run_winograd_filter(ctx, winograd, filter, packed);
  run_winograd(ctx, winograd, x, packed, e, y, rest, worker, stride);
}

}  // namespace ranvier::kernels
