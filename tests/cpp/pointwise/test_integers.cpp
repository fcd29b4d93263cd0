// Integer and Bool operations on every level against plain definitions, extreme values included.

#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/cpu/pointwise/direct.h"
#include "support.h"

namespace {

using namespace pw_test;

// Random bits, small numbers, and the ends of the range.
template <class T>
std::vector<T> numbers(size_t n, uint32_t seed) {
  using Limits = std::numeric_limits<T>;
  const T ends[] = {Limits::min(), Limits::max(), T(0), T(1), static_cast<T>(-1), T(2)};
  std::mt19937_64 engine(seed);
  std::vector<T> values(n);
  for (T& x : values) {
    const uint64_t bits = engine();
    x = bits % 4 == 0 ? ends[bits / 4 % 6] : static_cast<T>(bits % 4 == 1 ? bits >> 60 : bits);
  }
  return values;
}

template <class T>
T floor_quotient(T a, T b) {
  if (b == 0) return std::is_signed_v<T> && a != 0 ? static_cast<T>(-2) : static_cast<T>(-1);
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(uint64_t{0} - a);
  const bool down = a % b != 0 && (a < 0) != (b < 0);
  return static_cast<T>(a / b - (down ? 1 : 0));
}

// Sums and products in 64 bits: what is cut off is what wraps.
template <class T>
T expected(PwOp op, T a, T b) {
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (op) {
    case PwOp::Add:
      return static_cast<T>(x + y);
    case PwOp::Sub:
      return static_cast<T>(x - y);
    case PwOp::Mul:
      return static_cast<T>(x * y);
    case PwOp::FloorDiv:
      return floor_quotient(a, b);
    case PwOp::Mod:
      return b == 0 ? T(0) : static_cast<T>(x - static_cast<uint64_t>(floor_quotient(a, b)) * y);
    case PwOp::Min:
      return std::min(a, b);
    case PwOp::Max:
      return std::max(a, b);
    case PwOp::BitAnd:
      return a & b;
    case PwOp::BitOr:
      return a | b;
    case PwOp::BitXor:
      return a ^ b;
    case PwOp::ShiftLeft:
      return y < 8 * sizeof(T) ? static_cast<T>(x << y) : T(0);
    case PwOp::ShiftRight:
      return y < 8 * sizeof(T) ? static_cast<T>(a >> y) : static_cast<T>(a < 0 ? -1 : 0);
    case PwOp::Neg:
      return static_cast<T>(-x);
    case PwOp::Abs:
      return a < 0 ? static_cast<T>(-x) : a;
    case PwOp::Sign:
      return a < 0 ? static_cast<T>(-1) : static_cast<T>(a > 0);
    case PwOp::Square:
      return static_cast<T>(x * x);
    case PwOp::Relu:
      return std::max(a, T(0));
    case PwOp::Equal:
      return a == b;
    case PwOp::NotEqual:
      return a != b;
    case PwOp::Less:
      return a < b;
    case PwOp::LessEqual:
      return a <= b;
    case PwOp::Greater:
      return a > b;
    default:
      return a >= b;
  }
}

constexpr PwOp kOps[] = {PwOp::Add,       PwOp::Sub,     PwOp::Mul,         PwOp::FloorDiv,
                         PwOp::Mod,       PwOp::Min,     PwOp::Max,         PwOp::BitAnd,
                         PwOp::BitOr,     PwOp::BitXor,  PwOp::ShiftLeft,   PwOp::ShiftRight,
                         PwOp::Neg,       PwOp::Abs,     PwOp::Sign,        PwOp::Square,
                         PwOp::Relu,      PwOp::Equal,   PwOp::NotEqual,    PwOp::Less,
                         PwOp::LessEqual, PwOp::Greater, PwOp::GreaterEqual};

template <class T>
void check_op(PwOp op, DType dtype, Isa isa, size_t n, int scalar_operand) {
  const std::vector<T> a = numbers<T>(n, 1), b = numbers<T>(n, 2);
  const void* src[] = {a.data(), b.data()};
  const bool scalar[] = {scalar_operand == 0, scalar_operand == 1};
  const bool predicate = info_of(op).rule == PwRule::Bool;
  std::vector<T> y(n + 1, T(77));
  std::vector<uint8_t> flags(n + 1, 77);
  run_direct(Context(), prepare_direct(op, dtype, isa),
             predicate ? static_cast<void*>(flags.data()) : y.data(), src, scalar,
             static_cast<int64_t>(n));
  size_t wrong = 0;
  for (size_t i = 0; i < n; ++i) {
    const T want = expected(op, a[scalar[0] ? 0 : i], b[scalar[1] ? 0 : i]);
    wrong += predicate ? flags[i] != static_cast<uint8_t>(want) : y[i] != want;
  }
  CAPTURE(std::string(info_of(op).name));
  CAPTURE(std::string(name_of(isa)));
  CAPTURE(std::string(name_of(dtype)));
  CAPTURE(n);
  CAPTURE(scalar_operand);
  CHECK(wrong == 0);
  CHECK(y[n] == T(77));
  CHECK(flags[n] == 77);
}

template <class T>
void check_every_op(DType dtype) {
  for (Isa isa : levels())
    for (PwOp op : kOps)
      for (size_t n : {size_t{1}, size_t{7}, size_t{64}, size_t{1029}})
        for (int scalar = -1; scalar < info_of(op).arity; ++scalar)
          check_op<T>(op, dtype, isa, n, scalar);
}

TEST_CASE("every integer operation follows its definition on every level") {
  check_every_op<int32_t>(DType::I32);
  check_every_op<int64_t>(DType::I64);
  check_every_op<uint64_t>(DType::U64);
}

TEST_CASE("selection and clipping of every type, with arrays and single values") {
  const size_t n = 203;
  const std::vector<int64_t> x = numbers<int64_t>(n, 1), y = numbers<int64_t>(n, 2);
  std::vector<uint8_t> c(n);
  for (size_t i = 0; i < n; ++i) c[i] = i % 3 == 0;
  const int64_t low[1] = {-100}, high[1] = {5000};
  for (Isa isa : levels())
    for (int pattern = 0; pattern < 8; ++pattern) {
      const bool scalar[] = {(pattern & 1) != 0, (pattern & 2) != 0, (pattern & 4) != 0};
      std::vector<int64_t> chosen(n), clipped(n);
      const void* of_select[] = {c.data(), x.data(), y.data()};
      run_direct(Context(), prepare_direct(PwOp::Select, DType::I64, isa), chosen.data(), of_select,
                 scalar, static_cast<int64_t>(n));
      const std::vector<int64_t> lows(n, *low), highs(n, *high);
      const void* of_clip[] = {x.data(), scalar[1] ? low : lows.data(),
                               scalar[2] ? high : highs.data()};
      run_direct(Context(), prepare_direct(PwOp::Clip, DType::I64, isa), clipped.data(), of_clip,
                 scalar, static_cast<int64_t>(n));
      size_t wrong = 0;
      for (size_t i = 0; i < n; ++i) {
        wrong += chosen[i] != (c[scalar[0] ? 0 : i] ? x[scalar[1] ? 0 : i] : y[scalar[2] ? 0 : i]);
        wrong += clipped[i] != std::clamp(x[scalar[0] ? 0 : i], *low, *high);
      }
      CAPTURE(std::string(name_of(isa)));
      CAPTURE(pattern);
      CHECK(wrong == 0);
    }
}

TEST_CASE("an integer result may take the place of either operand") {
  const std::vector<int32_t> a = numbers<int32_t>(517, 1), b = numbers<int32_t>(517, 2);
  for (Isa isa : levels()) {
    const DirectOp op = prepare_direct(PwOp::Sub, DType::I32, isa);
    std::vector<int32_t> apart(a.size()), first = a, second = b;
    run_binary(Context(), op, apart.data(), a.data(), false, b.data(), false, 517);
    run_binary(Context(), op, first.data(), first.data(), false, b.data(), false, 517);
    run_binary(Context(), op, second.data(), a.data(), false, second.data(), false, 517);
    CHECK(first == apart);
    CHECK(second == apart);
  }
}

TEST_CASE("flags combine on every level") {
  std::vector<uint8_t> a(131), b(131);
  for (size_t i = 0; i < a.size(); ++i) a[i] = i % 3 == 0, b[i] = i % 2;
  for (Isa isa : levels()) {
    const auto run = [&](PwOp op) {
      std::vector<uint8_t> y(a.size());
      run_binary(Context(), prepare_direct(op, DType::Bool, isa), y.data(), a.data(), false,
                 b.data(), false, 131);
      return y;
    };
    const std::vector<uint8_t> both = run(PwOp::LogicalAnd), either = run(PwOp::LogicalOr),
                               one = run(PwOp::LogicalXor);
    size_t wrong = 0;
    for (size_t i = 0; i < a.size(); ++i)
      wrong += both[i] != (a[i] && b[i]) || either[i] != (a[i] || b[i]) || one[i] != (a[i] != b[i]);
    CHECK(wrong == 0);
  }
}

}  // namespace
