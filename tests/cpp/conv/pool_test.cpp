// Pooling against its definition: every level, element type and direction, on random shapes.

#include "kernels/cpu/conv/pool.h"

#include "conv/support.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

constexpr PoolKind kKinds[] = {PoolKind::Max, PoolKind::Average};

size_t size_x(const PoolShape& s) { return s.batch * s.in[0] * s.in[1] * s.in[2] * s.channels; }
size_t size_y(const PoolShape& s) { return s.batch * s.out[0] * s.out[1] * s.out[2] * s.channels; }

bool set_output(PoolShape& s) {
  for (int i = 0; i < 3; ++i) {
    const int64_t room = s.in[i] + s.pad_lo[i] + s.pad_hi[i] - s.window[i];
    if (room < 0) return false;
    s.out[i] = room / s.stride[i] + 1;
    if ((s.out[i] - 1) * s.stride[i] - s.pad_lo[i] >= s.in[i]) return false;
  }
  return true;
}

PoolShape random_shape(std::mt19937& rng) {
  for (;;) {
    PoolShape s;
    s.batch = pick(rng, 1, 20);
    s.channels = pick(rng, 1, 150);
    for (int i = static_cast<int>(pick(rng, 0, 2)); i < 3; ++i) {
      s.in[i] = pick(rng, 1, i == 2 ? 12 : 6);
      s.window[i] = pick(rng, 1, 4);
      s.stride[i] = pick(rng, 1, 4);
      s.pad_lo[i] = pick(rng, 0, s.window[i] - 1);
      s.pad_hi[i] = pick(rng, 0, s.window[i] - 1);
    }
    if (set_output(s)) return s;
  }
}

template <class T>
std::vector<T> forward(PoolKind kind, const PoolShape& s, const std::vector<T>& x, Isa isa,
                       const Context& ctx) {
  std::vector<T> y(size_y(s), static_cast<T>(NAN));
  run_pool_forward(ctx, prepare_pool(kind, false, s, dtype_of<T>(), isa), x.data(), y.data());
  return y;
}
template <class T>
std::vector<T> backward(PoolKind kind, const PoolShape& s, const std::vector<T>& x,
                        const std::vector<T>& dy, Isa isa, const Context& ctx) {
  std::vector<T> dx(size_x(s), static_cast<T>(NAN));
  const PoolPlan plan = prepare_pool(kind, true, s, dtype_of<T>(), isa);
  Aligned shared(plan.scratch.shared);
  run_pool_backward(ctx, plan, kind == PoolKind::Max ? x.data() : nullptr, dy.data(), dx.data(),
                    shared.data());
  return dx;
}

template <class T>
void check_shape(const PoolShape& s, const std::vector<T>& x, std::mt19937& rng) {
  static Threads one(1), two(2), three(3);
  const std::vector<T> dy = random_values<T>(rng, size_y(s));
  const double bound = sizeof(T) == 4 ? 1e-5 : 1e-14;
  for (PoolKind kind : kKinds) {
    std::vector<T> y(size_y(s)), dx(size_x(s));
    reference::pool_forward<T>(kind, s, x.data(), y.data());
    reference::pool_backward<T>(kind, s, x.data(), dy.data(), dx.data());
    for (Isa isa : levels()) {
      INFO(name_of(isa), " kind ", static_cast<int>(kind), " channels ", s.channels);
      const std::vector<T> up = forward(kind, s, x, isa, one.context);
      CHECK(largest_difference(up, y) <= (kind == PoolKind::Max ? 0 : bound));
      CHECK(same_bits(up, forward(kind, s, x, isa, three.context)));
      const std::vector<T> down = backward(kind, s, x, dy, isa, one.context);
      CHECK(largest_difference(down, dx) <= bound);
      CHECK(same_bits(down, backward(kind, s, x, dy, isa, two.context)));
      CHECK(same_bits(down, backward(kind, s, x, dy, isa, three.context)));
    }
  }
}

}  // namespace

TEST_CASE("pooling and its gradients agree with the definition on random shapes") {
  std::mt19937 rng(1);
  for (int i = 0; i < 120; ++i) {
    const PoolShape s = random_shape(rng);
    check_shape<float>(s, random_values<float>(rng, size_x(s)), rng);
  }
  for (int i = 0; i < 30; ++i) {
    const PoolShape s = random_shape(rng);
    check_shape<double>(s, random_values<double>(rng, size_x(s)), rng);
  }
}

TEST_CASE("equal maxima: the first in the window takes the gradient") {
  std::mt19937 rng(2);
  for (int i = 0; i < 40; ++i) {
    const PoolShape s = random_shape(rng);
    std::vector<float> x(size_x(s));
    for (float& v : x) v = static_cast<float>(pick(rng, 0, 2));
    check_shape<float>(s, x, rng);
  }
}

TEST_CASE("windows that do not overlap, with gaps, borders and whole vectors of channels") {
  std::mt19937 rng(7);
  for (int i = 0; i < 60; ++i) {
    PoolShape s = random_shape(rng);
    for (int a = 0; a < 3; ++a) s.stride[a] = std::max(s.stride[a], s.window[a]);
    if (!set_output(s)) continue;
    check_shape<float>(s, random_values<float>(rng, size_x(s)), rng);
    check_shape<double>(s, random_values<double>(rng, size_x(s)), rng);
  }
}

TEST_CASE("a NaN is the maximum of its window") {
  std::mt19937 rng(3);
  for (int i = 0; i < 40; ++i) {
    const PoolShape s = random_shape(rng);
    std::vector<float> x = random_values<float>(rng, size_x(s));
    for (float& v : x)
      if (pick(rng, 0, 4) == 0) v = NAN;
    Threads one(1);
    std::vector<float> y(size_y(s));
    reference::pool_forward<float>(PoolKind::Max, s, x.data(), y.data());
    const std::vector<float> dy = random_values<float>(rng, size_y(s));
    std::vector<float> dx(size_x(s));
    reference::pool_backward<float>(PoolKind::Max, s, x.data(), dy.data(), dx.data());
    for (Isa isa : levels()) {
      CHECK(largest_difference(forward(PoolKind::Max, s, x, isa, one.context), y) == 0);
      CHECK(largest_difference(backward(PoolKind::Max, s, x, dy, isa, one.context), dx) <= 1e-5);
    }
  }
}

TEST_CASE("windows of more than 256 taps, one output and many") {
  std::mt19937 rng(4);
  for (int64_t stride : {1, 5, 40})
    for (int64_t channels : {1, 19, 64, 70}) {
      PoolShape s;
      s.batch = 2, s.channels = channels;
      s.in = {1, 21, 23}, s.window = {1, 17, 18}, s.stride = {1, stride, stride};
      s.pad_lo = {0, 0, 3}, s.pad_hi = {0, 2, 0};
      REQUIRE(set_output(s));
      check_shape<float>(s, random_values<float>(rng, size_x(s)), rng);
      check_shape<double>(s, random_values<double>(rng, size_x(s)), rng);
    }
}

TEST_CASE("the gradient by the index that forward stored has the bits of the one from x") {
  std::mt19937 rng(5);
  Threads one(1), three(3);
  for (int i = 0; i < 60; ++i) {
    PoolShape s = random_shape(rng);
    if (i % 10 == 0) s.in[2] = 20, s.window[2] = 260, s.pad_lo[2] = s.pad_hi[2] = 250;
    if (!set_output(s)) continue;
    const std::vector<float> x = random_values<float>(rng, size_x(s));
    const std::vector<float> dy = random_values<float>(rng, size_y(s));
    for (Isa isa : levels()) {
      const PoolPlan up = prepare_pool(PoolKind::Max, false, s, DType::F32, isa);
      const PoolPlan down = prepare_pool(PoolKind::Max, true, s, DType::F32, isa);
      CHECK(down.scratch.shared == size_y(s) * (up.wide_index ? 4 : 1));
      Aligned index(down.scratch.shared);
      std::vector<float> y(size_y(s)), dx(size_x(s), NAN);
      run_pool_forward(three.context, up, x.data(), y.data(), index.data());
      CHECK(same_bits(y, forward(PoolKind::Max, s, x, isa, one.context)));
      run_max_pool_scatter(three.context, down, index.data(), dy.data(), dx.data());
      CHECK(same_bits(dx, backward(PoolKind::Max, s, x, dy, isa, one.context)));
    }
  }
}

TEST_CASE("infinities of both signs in one window are not taken for a NaN") {
  std::mt19937 rng(6);
  for (int i = 0; i < 30; ++i) {
    const PoolShape s = random_shape(rng);
    std::vector<float> x = random_values<float>(rng, size_x(s));
    for (float& v : x) {
      const int64_t choice = pick(rng, 0, 5);
      if (choice < 3) v = choice == 0 ? INFINITY : -INFINITY;
    }
    check_shape<float>(s, x, rng);
  }
}

TEST_CASE("padding takes no part in the average") {
  PoolShape s;
  s.channels = 3;
  s.in = {1, 3, 3}, s.window = {1, 3, 3}, s.stride = {1, 1, 1};
  s.pad_lo = s.pad_hi = {0, 1, 1};
  REQUIRE(set_output(s));
  Threads one(1);
  const std::vector<float> x(size_x(s), 7.0f);
  for (Isa isa : levels())
    for (float v : forward(PoolKind::Average, s, x, isa, one.context)) CHECK(v == 7.0f);
}

TEST_CASE("an empty batch is nothing to do, a contradictory shape is refused") {
  PoolShape s;
  s.batch = 0;
  s.in = {1, 4, 4}, s.window = {1, 2, 2}, s.stride = {1, 2, 2};
  REQUIRE(set_output(s));
  Threads one(1);
  CHECK(forward<float>(PoolKind::Max, s, {}, active_isa(), one.context).empty());
  s.out[1] = 3;
  CHECK_THROWS(prepare_pool(PoolKind::Max, false, s, DType::F32));
  s.out[1] = 2, s.window[2] = 5;
  CHECK_THROWS(prepare_pool(PoolKind::Max, false, s, DType::F32));
}
