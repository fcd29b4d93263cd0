#pragma once
// Random operands of all three passes, and the check against the definition that variants share.

#include "conv/conv_shapes.h"

namespace ranvier::testing {

using namespace kernels;

template <class T>
struct Problem {
  Problem(const ConvShape& shape, std::mt19937& rng)
      : s(shape),
        x(random_values<T>(rng, size_x(s))),
        w(random_values<T>(rng, size_w(s))),
        dy(random_values<T>(rng, size_y(s))),
        bias(random_values<T>(rng, s.out_channels)),
        residual(random_values<T>(rng, size_y(s))) {}
  ConvShape s;
  std::vector<T> x, w, dy, bias, residual;
};

enum class Close { Plain, All, Capped };

template <class T>
std::vector<T> run(const Problem<T>& p, ConvPass pass, Isa isa, const Context& ctx,
                   Close close = Close::Plain) {
  const ConvPlan plan = prepare_conv(pass, p.s, dtype_of<T>(), isa);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  Aligned shared(plan.scratch.shared), worker(stride * ctx.workers);
  const size_t size = pass == ConvPass::Forward        ? size_y(p.s)
                      : pass == ConvPass::BackwardData ? size_x(p.s)
                                                       : size_w(p.s);
  std::vector<T> out(size, static_cast<T>(NAN));
  ConvEpilogue epilogue;
  if (close == Close::All) epilogue = {p.bias.data(), p.residual.data(), Activation::Relu};
  if (close == Close::Capped) epilogue = {p.bias.data(), nullptr, Activation::Relu6};
  if (pass == ConvPass::Forward)
    run_conv_forward(ctx, plan, p.x.data(), p.w.data(), epilogue, out.data(), shared.data(),
                     worker.data(), stride);
  else if (pass == ConvPass::BackwardData)
    run_conv_backward_data(ctx, plan, p.dy.data(), p.w.data(), out.data(), shared.data(),
                           worker.data(), stride);
  else
    run_conv_backward_filter(ctx, plan, p.x.data(), p.dy.data(), out.data(), shared.data(),
                             worker.data(), stride);
  return out;
}

template <class T>
std::vector<T> expected(const Problem<T>& p, ConvPass pass, Close close = Close::Plain) {
  std::vector<T> out;
  if (pass == ConvPass::Forward) {
    out.resize(size_y(p.s));
    constexpr Activation kActivations[] = {Activation::None, Activation::Relu, Activation::Relu6};
    reference::conv_forward<T>(p.s, p.x.data(), p.w.data(),
                               close == Close::Plain ? nullptr : p.bias.data(),
                               close == Close::All ? p.residual.data() : nullptr,
                               kActivations[static_cast<size_t>(close)], out.data());
  } else if (pass == ConvPass::BackwardData) {
    out.resize(size_x(p.s));
    reference::conv_backward_data<T>(p.s, p.dy.data(), p.w.data(), out.data());
  } else {
    out.resize(size_w(p.s));
    reference::conv_backward_filter<T>(p.s, p.x.data(), p.dy.data(), out.data());
  }
  return out;
}

// Terms of a sum lie in (-1, 1): rounding grows like the root of their number, with room to spare.
template <class T>
double tolerance(const ConvShape& s, ConvPass pass) {
  double terms = product(s.filter) * (s.in_channels / s.groups);
  if (pass == ConvPass::BackwardData) terms = product(s.filter) * (s.out_channels / s.groups);
  if (pass == ConvPass::BackwardFilter) terms = s.batch * product(s.out);
  return (sizeof(T) == 4 ? 1.2e-7 : 2.3e-16) * (4 + 4 * std::sqrt(terms) * std::log2(2 + terms));
}

constexpr ConvPass kPasses[] = {ConvPass::Forward, ConvPass::BackwardData,
                                ConvPass::BackwardFilter};

template <class T>
void check_shape(const ConvShape& s, std::mt19937& rng) {
  static Threads one(1), two(2), three(3);
  const Problem<T> p(s, rng);
  INFO(text(s));
  for (ConvPass pass : kPasses) {
    const std::vector<T> want = expected(p, pass);
    for (Isa isa : levels()) {
      const std::string variant = prepare_conv(pass, s, dtype_of<T>(), isa).variant;
      INFO("pass ", static_cast<int>(pass), " ", name_of(isa), " ", variant);
      const std::vector<T> got = run(p, pass, isa, one.context);
      CHECK(largest_difference(got, want) <= tolerance<T>(s, pass));
      CHECK(same_bits(got, run(p, pass, isa, two.context)));
      CHECK(same_bits(got, run(p, pass, isa, three.context)));
    }
  }
}

// in, filter, stride, pad (all square), channels
inline ConvShape square(int64_t batch, int64_t in, int64_t filter, int64_t stride, int64_t pad,
                        int64_t channels, int64_t outputs, int64_t groups = 1,
                        int64_t dilation = 1) {
  ConvShape s;
  s.batch = batch, s.in_channels = channels, s.out_channels = outputs, s.groups = groups;
  s.in = {1, in, in}, s.filter = {1, filter, filter}, s.stride = {1, stride, stride};
  s.dilation = {1, dilation, dilation};
  s.pad_lo = s.pad_hi = {0, pad, pad};
  set_output(s);
  return s;
}

}  // namespace ranvier::testing
