#include "kernels/cpu/attention/attention.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
namespace ref = ranvier::kernels::reference;

namespace {

// Sizes around the blocks of 84 queries and 128 keys, odd head sizes, shared key heads.
struct Sizes {
  int64_t batch, queries, keys, heads, key_heads, size, value_size;
};
constexpr Sizes kSizes[] = {
    {1, 1, 1, 1, 1, 1, 1},      {2, 3, 4, 2, 2, 3, 3},      {1, 85, 129, 2, 1, 16, 16},
    {2, 84, 128, 2, 2, 32, 32}, {1, 170, 300, 4, 2, 9, 17}, {1, 300, 140, 1, 1, 64, 20},
    {2, 5, 0, 2, 2, 4, 4},      {0, 3, 3, 1, 1, 4, 4},      {1, 0, 3, 1, 1, 4, 4},
};

enum Mode { kPlain, kBias, kMask, kBoth, kZeroMasked, kModes };

struct Case {
  rk::AttentionShape s;
  std::vector<float> q, k, v, d_out, bias;
  std::vector<uint8_t> mask;
  uint32_t seed[2] = {7, 3};
  rk::AttentionPlan plan;

  Case(const Sizes& z, Mode mode, bool causal, double rate) {
    s = {.batch = z.batch,
         .queries = z.queries,
         .keys = z.keys,
         .heads = z.heads,
         .key_heads = z.key_heads,
         .size = z.size,
         .value_size = z.value_size,
         .scale = 0.4f,
         .causal = causal,
         .zero_masked = mode == kZeroMasked,
         .rate = rate,
         .bias = {},
         .mask = {}};
    q = numbers<float>(z.batch * z.queries * z.heads * z.size, 1, 2);
    k = numbers<float>(z.batch * z.keys * z.key_heads * z.size, 2, 2);
    v = numbers<float>(z.batch * z.keys * z.key_heads * z.value_size, 3);
    d_out = numbers<float>(z.batch * z.queries * z.heads * z.value_size, 4);
    if (mode == kBias || mode == kBoth) {  // (1, heads, queries, keys)
      s.bias = {true, 0, z.queries * z.keys, z.keys};
      bias = numbers<float>(z.heads * z.queries * z.keys, 5, 3);
    }
    if (mode == kMask || mode == kBoth || mode == kZeroMasked) {  // (batch, 1, queries, keys)
      s.mask = {true, z.queries * z.keys, 0, z.keys};
      for (const float x : numbers<float>(z.batch * z.queries * z.keys, 6))
        mask.push_back(x > -0.3f);
      for (int64_t c = 0; c < z.keys && z.queries > 1 && z.batch > 0; ++c)
        mask[z.keys + c] = 0;  // sees nothing
    }
    plan = rk::attention_prepare(s);
  }
  rk::AttentionOperands operands() const {
    return {q.data(), k.data(), v.data(), bias.data(), mask.data(), seed};
  }
  std::vector<float> outputs() const {
    return std::vector<float>(static_cast<size_t>(s.batch * s.queries * s.heads * s.value_size));
  }
  std::vector<float> sums() const {
    return std::vector<float>(static_cast<size_t>(s.batch * s.heads * s.queries));
  }
};

struct Answer {
  std::vector<float> out, log_sum, dq, dk, dv;
};

Answer run(const Case& t, const rk::AttentionKernels& kernels, const Context& context) {
  // Every worker's scratch starts as NaN: nothing may be read before it is written.
  const size_t stride = (t.plan.scratch.per_worker + 63) / 64 * 64;
  std::vector<float> memory(stride / 4 * static_cast<size_t>(context.workers) + 16, NAN);
  auto* worker = reinterpret_cast<std::byte*>(memory.data());
  worker += (64 - reinterpret_cast<uintptr_t>(worker) % 64) % 64;
  Answer a{t.outputs(), t.sums(), t.q, t.k, t.v};
  kernels.forward(context, t.plan, t.operands(), {a.out.data(), a.log_sum.data()}, worker, stride);
  kernels.backward(
      context, t.plan, t.operands(),
      {t.d_out.data(), a.out.data(), a.log_sum.data(), a.dq.data(), a.dk.data(), a.dv.data()},
      worker, stride);
  return a;
}

Answer reference(const Case& t) {
  Answer a{t.outputs(), t.sums(), t.q, t.k, t.v};
  ref::attention(t.s, t.q.data(), t.k.data(), t.v.data(), t.bias.data(), t.mask.data(), t.seed,
                 a.out.data(), a.log_sum.data());
  ref::attention_backward(t.s, t.q.data(), t.k.data(), t.v.data(), t.bias.data(), t.mask.data(),
                          t.seed, t.d_out.data(), a.dq.data(), a.dk.data(), a.dv.data());
  return a;
}

template <class F>
void for_each_case(const F& f) {
  for (const Sizes& sizes : kSizes)
    for (int mode = 0; mode < kModes; ++mode)
      for (const bool causal : {false, true})
        for (const double rate : {0.0, 0.3}) {
          CAPTURE(sizes.queries);
          CAPTURE(sizes.keys);
          CAPTURE(mode);
          CAPTURE(causal);
          CAPTURE(rate);
          f(Case(sizes, static_cast<Mode>(mode), causal, rate));
        }
}

void check_sums(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::abs(b[i]) > 1e30f)
      CHECK(a[i] == b[i]);
    else
      CHECK(std::abs(a[i] - b[i]) <= 1e-5f * (1 + std::abs(b[i])));
  }
}

}  // namespace

TEST_CASE("attention and its gradients against plain loops, every level") {
  for_each_case([](const Case& t) {
    const Answer want = reference(t);
    for_each_isa([&](Isa isa) {
      const Answer got = run(t, rk::attention_kernels(isa), Context{});
      check_close(got.out, want.out, 2e-5);
      check_sums(got.log_sum, want.log_sum);
      check_close(got.dq, want.dq, 5e-5);
      check_close(got.dk, want.dk, 5e-5);
      check_close(got.dv, want.dv, 5e-5);
    });
  });
}

TEST_CASE("any number of threads gives the same bits") {
  for_each_isa([](Isa isa) {
    const Case t({3, 170, 140, 4, 2, 32, 32}, kMask, true, 0.2);
    check_threads([&](const Context& context) {
      const Answer a = run(t, rk::attention_kernels(isa), context);
      std::vector<float> all;
      for (const auto* part : {&a.out, &a.log_sum, &a.dq, &a.dk, &a.dv})
        all.insert(all.end(), part->begin(), part->end());
      return all;
    });
  });
}

TEST_CASE("the gradient is the slope of the sum of outputs") {
  const Case t({1, 4, 6, 2, 1, 3, 2}, kBoth, false, 0.25);
  const Answer a = reference(t);
  const auto loss = [&](const Case& c) {
    std::vector<float> out = c.outputs(), sums = c.sums();
    std::vector<double> q(c.q.begin(), c.q.end()), k(c.k.begin(), c.k.end()),
        v(c.v.begin(), c.v.end()), bias(c.bias.begin(), c.bias.end()), y(out.size()),
        log_sum(sums.size());
    ref::attention(c.s, q.data(), k.data(), v.data(), bias.data(), c.mask.data(), c.seed, y.data(),
                   log_sum.data());
    double total = 0;
    for (size_t i = 0; i < y.size(); ++i) total += y[i] * static_cast<double>(c.d_out[i]);
    return total;
  };
  const auto slope = [&](std::vector<float> Case::*operand, size_t i) {
    constexpr float kStep = 1.0f / 128;
    Case up = t, down = t;
    (up.*operand)[i] += kStep;
    (down.*operand)[i] -= kStep;
    return (loss(up) - loss(down)) / (2 * static_cast<double>(kStep));
  };
  for (size_t i = 0; i < t.q.size(); ++i) CHECK(std::abs(slope(&Case::q, i) - a.dq[i]) < 1e-4);
  for (size_t i = 0; i < t.k.size(); ++i) CHECK(std::abs(slope(&Case::k, i) - a.dk[i]) < 1e-4);
  for (size_t i = 0; i < t.v.size(); ++i) CHECK(std::abs(slope(&Case::v, i) - a.dv[i]) < 1e-4);
}
