#pragma once
// A forward convolution of random operands, and the check that the ways to compute it share.

#include "conv/conv_shapes.h"

namespace ranvier::testing {

struct ForwardCase {
  ForwardCase(const ConvShape& shape, std::mt19937& rng)
      : s(shape),
        x(random_values<float>(rng, size_x(s))),
        w(random_values<float>(rng, size_w(s))),
        bias(random_values<float>(rng, s.out_channels)),
        residual(random_values<float>(rng, size_y(s))) {}

  // Bias, residual and activation, or nothing.
  kernels::ConvEpilogue epilogue(kernels::Activation close) const {
    if (close == kernels::Activation::None) return {};
    return {bias.data(), residual.data(), close};
  }
  // By the definition.
  std::vector<float> expected(kernels::Activation close) const {
    const bool closed = close != kernels::Activation::None;
    std::vector<float> y(size_y(s));
    kernels::reference::conv_forward<float>(s, x.data(), w.data(), closed ? bias.data() : nullptr,
                                            closed ? residual.data() : nullptr, close, y.data());
    return y;
  }

  ConvShape s;
  std::vector<float> x, w, bias, residual;
};

// run(case, level, context, activation) gives y: within `bound` of the definition at every level,
// the same bits for any number of threads.
template <class Run>
void check_forward(const ConvShape& s, std::mt19937& rng, double bound, const Run& run) {
  using kernels::Activation;
  static Threads one(1), two(2), three(3);
  const ForwardCase c(s, rng);
  INFO(text(s));
  for (Activation close : {Activation::None, Activation::Relu, Activation::Relu6}) {
    const std::vector<float> want = c.expected(close);
    for (Isa isa : levels()) {
      INFO(name_of(isa));
      const std::vector<float> got = run(c, isa, one.context, close);
      CHECK(largest_difference(got, want) <= bound);
      CHECK(same_bits(got, run(c, isa, two.context, close)));
      CHECK(same_bits(got, run(c, isa, three.context, close)));
    }
  }
}

}  // namespace ranvier::testing
