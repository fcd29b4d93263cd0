// Every operation of the table on every type it accepts against the oracle, in all stride patterns;
// integer and Bool semantics by value.

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/reference.h"
#include "support.h"

namespace {

using namespace pw_test;

// Relative to the result, or to one where terms of that size cancel.
bool close(double y, double exact, double relative) {
  if (std::isnan(exact)) return std::isnan(y);
  if (std::isinf(exact)) return y == exact;
  return std::abs(y - exact) <= relative * (std::abs(exact) + 1);
}

// Operands in a range where the operation is defined.
template <class T>
std::vector<T> operands(PwOp op, int k, size_t n) {
  const bool positive = op == PwOp::Log || op == PwOp::Sqrt || op == PwOp::Rsqrt ||
                        op == PwOp::Log2 || op == PwOp::Log10 || (op == PwOp::Pow && k == 0) ||
                        op == PwOp::SqrtAdd || op == PwOp::SqrtAddDiv ||
                        op == PwOp::MulSqrtAddDiv || op == PwOp::AdamStep || op == PwOp::Log1p;
  const bool unit = op == PwOp::Asin || op == PwOp::Acos || op == PwOp::Atanh || op == PwOp::Erfinv;
  const float low = positive ? 0.1f : unit ? -0.9f : op == PwOp::Acosh ? 1.1f : -4.0f;
  const std::vector<float> values =
      random_floats(n, low, unit ? 0.9f : 4.0f, static_cast<uint32_t>(10 + k));
  return std::vector<T>(values.begin(), values.end());
}

template <class T>
void check_float_op(PwOp op, Isa isa, size_t n, int scalar_operand, double tolerance) {
  const PwOpInfo& info = info_of(op);
  std::vector<std::vector<T>> x;
  std::vector<const void*> src;
  bool scalar[kMaxSources] = {};
  for (int k = 0; k < info.arity; ++k) x.push_back(operands<T>(op, k, n));
  for (int k = 0; k < info.arity; ++k) {
    src.push_back(x[k].data());
    scalar[k] = k == scalar_operand;
  }
  const DType dtype = sizeof(T) == 4 ? DType::F32 : DType::F64;
  const DirectOp direct = prepare_direct(op, dtype, isa);
  std::vector<T> y(n + 1, T(77));
  std::vector<uint8_t> flags(n + 1, 77);
  const bool predicate = info.rule == PwRule::Bool;
  run_direct(Context(), direct, predicate ? static_cast<void*>(flags.data()) : y.data(), src.data(),
             scalar, static_cast<int64_t>(n));
  size_t wrong = 0;
  for (size_t i = 0; i < n; ++i) {
    double in[kMaxSources];
    for (int k = 0; k < info.arity; ++k) in[k] = x[k][scalar[k] ? 0 : i];
    const double exact = reference::apply_float(op, std::span(in, static_cast<size_t>(info.arity)));
    const double got = predicate ? flags[i] : y[i];
    wrong += !close(got, exact, tolerance);
  }
  CAPTURE(std::string(info.name));
  CAPTURE(std::string(name_of(isa)));
  CAPTURE(n);
  CAPTURE(scalar_operand);
  CHECK(wrong == 0);
  CHECK(y[n] == T(77));
  CHECK(flags[n] == 77);
}

TEST_CASE("every float operation agrees with the oracle") {
  for (Isa isa : levels())
    for (int i = 0; i < kPwOpCount; ++i) {
      const PwOp op = static_cast<PwOp>(i);
      const PwOpInfo& info = info_of(op);
      if (info.rule == PwRule::Select || info.rule == PwRule::Convert || op == PwOp::Narrow)
        continue;
      for (size_t n : {size_t{1}, size_t{7}, size_t{16}, size_t{67}, size_t{1029}})
        for (int scalar = -1; scalar < info.arity; ++scalar) {
          if (info.types & kPwF32) check_float_op<float>(op, isa, n, scalar, 4e-6);
          if (info.types & 2) check_float_op<double>(op, isa, n, scalar, 1e-13);
        }
    }
}

template <class T>
std::vector<T> binary(PwOp op, DType dtype, std::vector<T> a, std::vector<T> b) {
  std::vector<T> y(a.size());
  run_binary(Context(), prepare_direct(op, dtype), y.data(), a.data(), false, b.data(), false,
             static_cast<int64_t>(a.size()));
  return y;
}

TEST_CASE("integer division and remainder follow Python and never trap") {
  const int32_t low = std::numeric_limits<int32_t>::min();
  using V = std::vector<int32_t>;
  const V a = {7, -7, 7, -7, 0, 5, -5, 0, low, low}, b = {2, 2, -2, -2, 3, 0, 0, 0, -1, 1};
  CHECK(binary(PwOp::FloorDiv, DType::I32, a, b) == V{3, -4, -4, 3, 0, -2, -2, -1, low, low});
  CHECK(binary(PwOp::Mod, DType::I32, a, b) == V{1, 1, -1, -1, 0, 0, 0, 0, 0, 0});
  CHECK(binary(PwOp::Pow, DType::I32, V{2, -3, 5, 1, -1, 2}, V{10, 3, 0, -4, -3, -1}) ==
        V{1024, -27, 1, 1, -1, 0});
  CHECK(binary(PwOp::ShiftLeft, DType::I32, V{1, 1, -1, 5, 5}, V{4, 33, 1, 32, -1}) ==
        V{16, 0, -2, 0, 0});
  CHECK(binary(PwOp::ShiftRight, DType::I32, V{-16, 16, -16, 16, -16}, V{2, 2, 32, 99, -1}) ==
        V{-4, 4, -1, 0, -1});
  using U = std::vector<uint64_t>;
  CHECK(binary(PwOp::FloorDiv, DType::U64, U{~uint64_t{0}, 9}, U{2, 0}) ==
        U{0x7fffffffffffffff, ~uint64_t{0}});
  CHECK(binary(PwOp::Sub, DType::U64, U{1}, U{2}) == U{~uint64_t{0}});
}

TEST_CASE("float remainder and floor division have the sign of the divisor") {
  using V = std::vector<float>;
  CHECK(binary(PwOp::Mod, DType::F32, V{7, -7, 7, -7, 1.5f}, V{2, 2, -2, -2, 0.5f}) ==
        V{1, 1, -1, -1, 0});
  CHECK(binary(PwOp::FloorDiv, DType::F32, V{7, -7, 7, -7, 1.0f}, V{2, 2, -2, -2, 0.1f}) ==
        V{3, -4, -4, 3, 9});
}

TEST_CASE("narrow integers wrap as if stored") {
  using V = std::vector<int8_t>;
  CHECK(binary(PwOp::Add, DType::I8, V{100, -100, 5}, V{100, -100, 6}) == V{-56, 56, 11});
  using U = std::vector<uint8_t>;
  CHECK(binary(PwOp::Sub, DType::U8, U{1}, U{2}) == U{255});
  CHECK(binary(PwOp::LogicalXor, DType::Bool, U{0, 0, 1, 1}, U{0, 1, 0, 1}) == U{0, 1, 1, 0});
}

TEST_CASE("minimum and maximum propagate NaN from either side") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (Isa isa : levels())
    for (PwOp op : {PwOp::Min, PwOp::Max}) {
      const std::vector<float> a = {nan, 1, 2}, b = {1, nan, 3};
      std::vector<float> y(3);
      run_binary(Context(), prepare_direct(op, DType::F32, isa), y.data(), a.data(), false,
                 b.data(), false, 3);
      CHECK(std::isnan(y[0]));
      CHECK(std::isnan(y[1]));
      CHECK(y[2] == (op == PwOp::Min ? 2.0f : 3.0f));
    }
}

TEST_CASE("select takes scalars on any side") {
  for (Isa isa : levels())
    for (size_t n : {size_t{3}, size_t{40}})
      for (int pattern = 0; pattern < 8; ++pattern) {
        std::vector<uint8_t> c(n);
        for (size_t i = 0; i < n; ++i) c[i] = i % 3 == 0;
        const std::vector<float> a = random_floats(n, 0, 1, 5), b = random_floats(n, 2, 3, 6);
        std::vector<float> y(n);
        const void* src[] = {c.data(), a.data(), b.data()};
        const bool scalar[] = {(pattern & 1) != 0, (pattern & 2) != 0, (pattern & 4) != 0};
        run_direct(Context(), prepare_direct(PwOp::Select, DType::F32, isa), y.data(), src, scalar,
                   static_cast<int64_t>(n));
        for (size_t i = 0; i < n; ++i)
          CHECK(y[i] == (c[scalar[0] ? 0 : i] ? a[scalar[1] ? 0 : i] : b[scalar[2] ? 0 : i]));
      }
}

TEST_CASE("an operation in place and by threads gives the same bits") {
  const size_t n = 300001;
  const std::vector<float> x = random_floats(n, -5, 5);
  std::vector<float> once(n), inplace = x;
  const DirectOp op = prepare_direct(PwOp::Gelu, DType::F32);
  run_unary(Context(), op, once.data(), x.data(), static_cast<int64_t>(n));
  run_unary(Context(), op, inplace.data(), inplace.data(), static_cast<int64_t>(n));
  CHECK(same_bits(once, inplace));
  const int before = num_threads();
  for (int threads : {2, 3}) {
    set_num_threads(threads);
    std::vector<float> many(n);
    run_unary(default_context(), op, many.data(), x.data(), static_cast<int64_t>(n));
    CHECK(same_bits(once, many));
  }
  set_num_threads(before);
}

TEST_CASE("results that leave the caches have the bits of small ones, on whole lines or not") {
  const int64_t n = (16 << 20) / 4 + 3 * 16 + 5, piece = 1 << 20;
  const std::vector<float> x = random_floats(static_cast<size_t>(n), 0.01f, 6);
  const int before = num_threads();
  for (Isa isa : levels())
    for (int i = 0; i < kPwOpCount; ++i) {
      const PwOp op = static_cast<PwOp>(i);
      const PwOpInfo& info = info_of(op);
      const bool one_array = info.arity == 1 && info.rule == PwRule::Same;
      if (!one_array || !(info.types & kPwF32) || op == PwOp::Narrow) continue;
      const DirectOp direct = prepare_direct(op, DType::F32, isa);
      if (!direct.streamed) continue;
      CAPTURE(std::string(info.name));
      CAPTURE(std::string(name_of(isa)));
      std::vector<float> small(x.size());
      for (int64_t at = 0; at < n; at += piece)
        run_unary(Context(), direct, small.data() + at, x.data() + at, std::min(piece, n - at));
      for (int64_t off_line : {0, 1})
        for (int threads : {1, 2}) {
          set_num_threads(threads);
          Guarded large((small.size() + 1) * sizeof(float));
          float* const y = reinterpret_cast<float*>(large.data()) + off_line;
          run_unary(default_context(), direct, y, x.data(), n);
          CHECK(std::memcmp(y, small.data(), small.size() * sizeof(float)) == 0);
          CHECK(large.intact());
        }
    }
  set_num_threads(before);
}

}  // namespace
