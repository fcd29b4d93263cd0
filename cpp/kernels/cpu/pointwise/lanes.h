#pragma once
// Wraps a scalar function into a tile kernel whose loops the compiler turns into vectors of the
// level the source is compiled for. The stride patterns are separate loops, none of which carries a
// value from one element to the next, dst being a source or apart from it. Internal linkage: no
// copy leaks between levels.

#include <cstdint>
#include <type_traits>

#include "kernels/cpu/pointwise/pw_op.h"

namespace ranvier::kernels {
namespace {

template <class R, class G>
[[gnu::always_inline]] inline void fill_lanes(R* dst, int64_t n, G value) noexcept {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) dst[i] = value(i);
}

// Operand k of a tile: its element i, or the one value it has.
template <class T>
auto each_lane(const TileArgs& args, int k) noexcept {
  return [p = static_cast<const T*>(args.src[k])](int64_t i) { return p[i]; };
}
template <class T>
auto same_lane(const TileArgs& args, int k) noexcept {
  return [value = *static_cast<const T*>(args.src[k])](int64_t) { return value; };
}

template <class R, class T, class F>
void lanes_1(const TileArgs& args) noexcept {
  const auto run = [&](auto x) {
    fill_lanes(static_cast<R*>(args.dst), args.n, [=](int64_t i) -> R { return F{}(x(i)); });
  };
  args.step[0] ? run(each_lane<T>(args, 0)) : run(same_lane<T>(args, 0));
}

template <class R, class T, class F>
void lanes_2(const TileArgs& args) noexcept {
  const auto run = [&](auto x, auto y) {
    fill_lanes(static_cast<R*>(args.dst), args.n, [=](int64_t i) -> R { return F{}(x(i), y(i)); });
  };
  if (args.step[0])
    args.step[1] ? run(each_lane<T>(args, 0), each_lane<T>(args, 1))
                 : run(each_lane<T>(args, 0), same_lane<T>(args, 1));
  else
    args.step[1] ? run(same_lane<T>(args, 0), each_lane<T>(args, 1))
                 : run(same_lane<T>(args, 0), same_lane<T>(args, 1));
}

// An array with two more or with two single values; other patterns are rare and take one slow loop.
template <class R, class T, class F>
void lanes_3(const TileArgs& args) noexcept {
  const auto run = [&](auto x, auto y, auto z) {
    fill_lanes(static_cast<R*>(args.dst), args.n,
               [=](int64_t i) -> R { return F{}(x(i), y(i), z(i)); });
  };
  const auto stepped = [&](int k) {
    return [p = static_cast<const T*>(args.src[k]), step = args.step[k]](int64_t i) {
      return p[i * step];
    };
  };
  if (args.step[0] && args.step[1] && args.step[2])
    run(each_lane<T>(args, 0), each_lane<T>(args, 1), each_lane<T>(args, 2));
  else if (args.step[0] && !args.step[1] && !args.step[2])
    run(each_lane<T>(args, 0), same_lane<T>(args, 1), same_lane<T>(args, 2));
  else
    run(stepped(0), stepped(1), stepped(2));
}

// The kernel of a captureless function of one, two or three T giving R.
template <class R, class T, class F>
TileFn lanes(F) noexcept {
  if constexpr (std::is_invocable_v<F, T>)
    return lanes_1<R, T, F>;
  else if constexpr (std::is_invocable_v<F, T, T>)
    return lanes_2<R, T, F>;
  else
    return lanes_3<R, T, F>;
}

struct Identity {
  template <class T>
  T operator()(T x) const noexcept {
    return x;
  }
};

// c ? x : y, where both are read whatever c says: then the loop needs no branch.
template <class T>
void select_lanes(const TileArgs& args) noexcept {
  const uint8_t* c = static_cast<const uint8_t*>(args.src[0]);
  const auto run = [&](auto x, auto y) {
    fill_lanes(static_cast<T*>(args.dst), args.n, [=](int64_t i) -> T {
      const T yes = x(i), no = y(i);
      return c[i] ? yes : no;
    });
  };
  if (!args.step[0]) {
    const int chosen = c[0] ? 1 : 2;
    const TileArgs copied{args.dst, {args.src[chosen]}, {args.step[chosen]}, args.n};
    lanes_1<T, T, Identity>(copied);
  } else if (args.step[1]) {
    args.step[2] ? run(each_lane<T>(args, 1), each_lane<T>(args, 2))
                 : run(each_lane<T>(args, 1), same_lane<T>(args, 2));
  } else {
    args.step[2] ? run(same_lane<T>(args, 1), each_lane<T>(args, 2))
                 : run(same_lane<T>(args, 1), same_lane<T>(args, 2));
  }
}

}  // namespace
}  // namespace ranvier::kernels

// Rows of a switch over PwOp in a template over T: one, two or three T giving T, or a truth value.
#define RV_1(op, expr) \
  case PwOp::op:       \
    return lanes<T, T>([](T x) noexcept -> T { return expr; })
#define RV_2(op, expr) \
  case PwOp::op:       \
    return lanes<T, T>([](T x, T y) noexcept -> T { return expr; })
#define RV_3(op, expr) \
  case PwOp::op:       \
    return lanes<T, T>([](T x, T y, T z) noexcept -> T { return expr; })
#define RV_P1(op, expr) \
  case PwOp::op:        \
    return lanes<uint8_t, T>([]([[maybe_unused]] T x) noexcept -> uint8_t { return expr; })
#define RV_P2(op, expr) \
  case PwOp::op:        \
    return lanes<uint8_t, T>([](T x, T y) noexcept -> uint8_t { return expr; })
#define RV_COMPARISONS      \
  RV_P2(Equal, x == y);     \
  RV_P2(NotEqual, x != y);  \
  RV_P2(Less, x < y);       \
  RV_P2(LessEqual, x <= y); \
  RV_P2(Greater, x > y);    \
  RV_P2(GreaterEqual, x >= y)
