// The recurrent kernels against their plain twins: every kind and level, with and without masks,
// odd sizes, any number of threads.

#include "kernels/cpu/rnn/rnn.h"

#include "base/error.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
using namespace ranvier::kernels;

namespace {

constexpr RnnKind kKinds[] = {RnnKind::Simple, RnnKind::Lstm, RnnKind::Gru, RnnKind::GruBefore};

template <class T>
constexpr DType kType = sizeof(T) == 4 ? DType::F32 : DType::F64;

// Operands and results of one sequence, forward and backward.
template <class T>
struct Case {
  RnnShape shape;
  bool masked, sequence;
  std::vector<T> x, u, bias, h0, c0, dh, dc, dsequence, drop;
  std::vector<uint8_t> mask;

  Case(const RnnShape& s, bool with_mask, bool with_sequence)
      : shape(s), masked(with_mask), sequence(with_sequence) {
    const int64_t state = s.batch * s.units, columns = rnn_gates(s.kind) * s.units;
    x = numbers<T>(s.batch * s.steps * columns, 1, 1.5);
    u = numbers<T>(s.units * columns, 2, 1 / std::sqrt(static_cast<double>(s.units) + 1));
    bias = numbers<T>(columns, 3);
    h0 = numbers<T>(state, 4);
    c0 = numbers<T>(state, 5);
    dh = numbers<T>(state, 6);
    dc = numbers<T>(state, 7);
    dsequence = numbers<T>(state * s.steps, 8);
    drop = numbers<T>(s.batch * columns, 9);
    for (size_t i = 0; i < drop.size(); i += 3) drop[i] = 0;
    for (int64_t i = 0; i < s.batch * s.steps; ++i)
      mask.push_back(static_cast<uint8_t>((i * 2654435761u >> 7) % 3 != 0));
  }
  const bool* shown() const {
    return masked ? reinterpret_cast<const bool*>(mask.data()) : nullptr;
  }
  bool lstm() const { return shape.kind == RnnKind::Lstm; }
  bool gru() const { return shape.kind == RnnKind::Gru; }
};

// The results one after the other: sequence, h, c, gates, saved_h, extra; dx, dm, dh0, dc0.
template <class T>
struct Results {
  std::vector<T> sequence, h, c, gates, saved_h, extra, dx, dm, dh0, dc0;

  explicit Results(const Case<T>& in) {
    const auto n = [](int64_t count) { return std::vector<T>(static_cast<size_t>(count)); };
    const RnnShape& s = in.shape;
    const int64_t state = s.batch * s.units;
    sequence = saved_h = extra = n(state * s.steps);
    h = c = dh0 = dc0 = n(state);
    gates = dx = dm = n(state * s.steps * rnn_gates(s.kind));
  }
  RnnForward forward(const Case<T>& in) {
    RnnForward o{};
    o.x = in.x.data();
    o.u = in.u.data();
    o.h0 = in.h0.data();
    o.mask = in.shown();
    o.h = h.data();
    o.gates = gates.data();
    o.saved_h = saved_h.data();
    if (in.shape.drop) o.drop = in.drop.data();
    if (in.gru()) o.bias = in.bias.data();
    if (in.lstm()) o.c0 = in.c0.data(), o.c = c.data();
    if (in.shape.kind != RnnKind::Simple) o.extra = extra.data();
    if (in.sequence) o.sequence = sequence.data();
    return o;
  }
  // From the saved values of `from`, so that both sides start alike.
  RnnBackward backward(const Case<T>& in, const Results& from) {
    RnnBackward o{};
    o.gates = from.gates.data();
    o.saved_h = from.saved_h.data();
    o.u = in.u.data();
    o.mask = in.shown();
    o.dh = in.dh.data();
    o.dx = dx.data();
    o.dh0 = dh0.data();
    if (in.shape.drop) o.drop = in.drop.data();
    if (in.gru()) o.dm = dm.data();
    if (in.lstm()) o.dc = in.dc.data(), o.dc0 = dc0.data();
    if (in.shape.kind != RnnKind::Simple) o.extra = from.extra.data();
    if (in.sequence) o.dsequence = in.dsequence.data();
    return o;
  }
  std::vector<T> joined() const {
    std::vector<T> all;
    for (const auto* part : {&sequence, &h, &c, &gates, &saved_h, &extra, &dx, &dm, &dh0, &dc0})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  }
};

struct Scratches {
  std::vector<std::byte> shared, worker;
  size_t stride;
  Scratches(const RnnPlan& plan, int workers)
      : shared(plan.scratch.shared + 64),
        worker((plan.scratch.per_worker + 64) * static_cast<size_t>(workers) + 64),
        stride(plan.scratch.per_worker) {}
  static std::byte* aligned(std::vector<std::byte>& v) {
    return v.data() + (64 - reinterpret_cast<uintptr_t>(v.data()) % 64) % 64;
  }
};

template <class T>
std::vector<T> run(const Context& context, const Case<T>& in, Isa isa, bool in_place = false) {
  const RnnPlan plan = rnn_prepare(in.shape, kType<T>, isa);
  Scratches scratch(plan, context.workers);
  Results<T> out(in);
  RnnForward forward = out.forward(in);
  if (in_place) {
    out.gates = in.x;
    forward.x = out.gates.data();
  }
  auto* shared = Scratches::aligned(scratch.shared);
  auto* worker = Scratches::aligned(scratch.worker);
  rnn_forward(context, plan, forward, shared, worker, scratch.stride);
  RnnBackward backward = out.backward(in, out);
  if (in_place) {
    out.dx = out.gates;
    backward.gates = out.dx.data();
  }
  rnn_backward(context, plan, backward, shared, worker, scratch.stride);
  return out.joined();
}

template <class T>
std::vector<T> expected(const Case<T>& in) {
  Results<T> out(in);
  reference::rnn_forward(in.shape, kType<T>, out.forward(in));
  reference::rnn_backward(in.shape, kType<T>, out.backward(in, out));
  return out.joined();
}

template <class F>
void for_each_shape(const F& f) {
  constexpr int64_t kSizes[][3] = {{1, 1, 1},  {3, 4, 5},   {7, 3, 16}, {9, 2, 33},
                                   {33, 5, 8}, {2, 3, 130}, {4, 0, 3},  {0, 3, 4}};
  int number = 0;
  for (const RnnKind kind : kKinds) {
    for (const auto& [batch, steps, units] : kSizes) {
      ++number;
      RnnShape shape{.kind = kind, .batch = batch, .steps = steps, .units = units};
      shape.backwards = number % 2 == 0;
      shape.drop = number % 4 > 1;
      CAPTURE(name_of(kind));
      CAPTURE(batch);
      CAPTURE(steps);
      CAPTURE(units);
      CAPTURE(shape.drop);
      f(shape, number % 3 == 0, number % 5 != 0);
    }
  }
}

}  // namespace

TEST_CASE("every level computes the formulas") {
  for_each_shape([](const RnnShape& shape, bool masked, bool sequence) {
    const Case<float> in(shape, masked, sequence);
    const std::vector<float> want = expected(in);
    for_each_isa([&](Isa isa) { check_close(run(Context{}, in, isa), want, 3e-5); });
    const Case<double> wide(shape, masked, sequence);
    check_close(run(Context{}, wide, Isa::Baseline), expected(wide), 1e-12);
  });
}

TEST_CASE("the activations of every cell, with and without recurrent dropout") {
  for (const RnnKind kind : kKinds) {
    for (const Activation activation :
         {Activation::None, Activation::Relu, Activation::Sigmoid, Activation::Tanh}) {
      for (const bool drop : {false, true}) {
        RnnShape shape{.kind = kind, .batch = 5, .steps = 4, .units = 19};
        shape.activation = activation;
        shape.drop = drop;
        const Case<float> in(shape, false, true);
        CAPTURE(name_of(kind));
        CAPTURE(static_cast<int>(activation));
        CAPTURE(drop);
        for_each_isa([&](Isa isa) { check_close(run(Context{}, in, isa), expected(in), 3e-5); });
      }
    }
  }
}

TEST_CASE("gates may lie over x, and dx over the gates") {
  for_each_shape([](const RnnShape& shape, bool masked, bool sequence) {
    const Case<float> in(shape, masked, sequence);
    std::vector<float> apart = run(Context{}, in, active_isa());
    std::vector<float> together = run(Context{}, in, active_isa(), true);
    // The gates themselves are gone in the second run; all else is the same.
    const Results<float> sizes(in);
    const auto from = static_cast<ptrdiff_t>(sizes.sequence.size() + 2 * sizes.h.size());
    const auto count = static_cast<ptrdiff_t>(sizes.gates.size());
    for (auto* all : {&apart, &together})
      all->erase(all->begin() + from, all->begin() + from + count);
    CHECK(same_bits(apart, together));
  });
}

TEST_CASE("any number of threads gives the same bits") {
  for (const RnnKind kind : kKinds) {
    for (const bool drop : {false, true}) {
      RnnShape shape{.kind = kind, .batch = 70, .steps = 4, .units = 40};
      shape.drop = drop;
      const Case<float> in(shape, true, true);
      check_threads([&](const Context& context) { return run(context, in, active_isa()); });
    }
  }
}

TEST_CASE("a row does not depend on its neighbours") {
  for (const RnnKind kind : kKinds) {
    const Case<float> many({.kind = kind, .batch = 6, .steps = 3, .units = 21}, false, true);
    Case<float> one({.kind = kind, .batch = 1, .steps = 3, .units = 21}, false, true);
    const auto last = [](const std::vector<float>& all, std::vector<float>& row) {
      std::copy(all.end() - static_cast<ptrdiff_t>(row.size()), all.end(), row.begin());
    };
    last(many.x, one.x);
    last(many.h0, one.h0);
    last(many.c0, one.c0);
    one.bias = many.bias;
    one.u = many.u;
    Results<float> a(many), b(one);
    for (auto [in, out] :
         {std::pair(&many, &a), std::pair(static_cast<const Case<float>*>(&one), &b)}) {
      const RnnPlan plan = rnn_prepare(in->shape, DType::F32);
      Scratches scratch(plan, 1);
      rnn_forward(Context{}, plan, out->forward(*in), Scratches::aligned(scratch.shared),
                  Scratches::aligned(scratch.worker), scratch.stride);
    }
    std::vector<float> row(b.sequence.size());
    last(a.sequence, row);
    CHECK(same_bits(row, b.sequence));
  }
}

TEST_CASE("other dtypes are refused") {
  CHECK_THROWS_AS(rnn_prepare({.batch = 1, .steps = 1, .units = 1}, DType::I32), DTypeError);
}
