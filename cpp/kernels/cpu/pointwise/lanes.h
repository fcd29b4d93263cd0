#pragma once
// Wraps a scalar function into a tile kernel. For common sources only. The frequent stride patterns
// are separate loops, so that the compiler can use the baseline's vectors.

#include <cstdint>
#include <type_traits>

#include "kernels/cpu/pointwise/pw_op.h"

namespace ranvier::kernels {

template <class R, class T, class F>
void lanes_1(const TileArgs& args) noexcept {
  R* dst = static_cast<R*>(args.dst);
  const T* x = static_cast<const T*>(args.src[0]);
  if (args.step[0]) {
    for (int64_t i = 0; i < args.n; ++i) dst[i] = F{}(x[i]);
  } else {
    const R value = F{}(x[0]);
    for (int64_t i = 0; i < args.n; ++i) dst[i] = value;
  }
}

template <class R, class T, class F>
void lanes_2(const TileArgs& args) noexcept {
  R* dst = static_cast<R*>(args.dst);
  const T* x = static_cast<const T*>(args.src[0]);
  const T* y = static_cast<const T*>(args.src[1]);
  if (args.step[0] && args.step[1]) {
    for (int64_t i = 0; i < args.n; ++i) dst[i] = F{}(x[i], y[i]);
  } else if (args.step[0]) {
    const T same = y[0];
    for (int64_t i = 0; i < args.n; ++i) dst[i] = F{}(x[i], same);
  } else {
    const T same = x[0];
    for (int64_t i = 0; i < args.n; ++i) dst[i] = F{}(same, y[i * args.step[1]]);
  }
}

template <class R, class T, class F>
void lanes_3(const TileArgs& args) noexcept {
  R* dst = static_cast<R*>(args.dst);
  const T* x = static_cast<const T*>(args.src[0]);
  const T* y = static_cast<const T*>(args.src[1]);
  const T* z = static_cast<const T*>(args.src[2]);
  for (int64_t i = 0; i < args.n; ++i)
    dst[i] = F{}(x[i * args.step[0]], y[i * args.step[1]], z[i * args.step[2]]);
}

// The kernel of a captureless function of one, two or three T giving R.
template <class R, class T, class F>
TileFn lanes(F) {
  if constexpr (std::is_invocable_v<F, T>)
    return lanes_1<R, T, F>;
  else if constexpr (std::is_invocable_v<F, T, T>)
    return lanes_2<R, T, F>;
  else
    return lanes_3<R, T, F>;
}

template <class T>
void select_lanes_run(const TileArgs& args) noexcept {
  T* dst = static_cast<T*>(args.dst);
  const uint8_t* c = static_cast<const uint8_t*>(args.src[0]);
  const T* x = static_cast<const T*>(args.src[1]);
  const T* y = static_cast<const T*>(args.src[2]);
  for (int64_t i = 0; i < args.n; ++i)
    dst[i] = c[i * args.step[0]] ? x[i * args.step[1]] : y[i * args.step[2]];
}
template <class T>
TileFn select_lanes() {
  return select_lanes_run<T>;
}

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
