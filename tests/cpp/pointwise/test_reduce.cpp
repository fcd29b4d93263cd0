// Reductions, arg-reductions, cumulative operations against the oracle; closing reductions against
// separate ones, to the bit.

#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/reference.h"
#include "support.h"

namespace {

using namespace pw_test;

struct Case {
  Shape shape;
  std::vector<int> axes;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> list = {{{7}, {0}},
                                         {{1}, {0}},
                                         {{5000}, {0}},
                                         {{1024}, {0}},
                                         {{33, 10}, {1}},
                                         {{33, 10}, {0}},
                                         {{3000, 10}, {0}},
                                         {{3000, 10}, {0, 1}},
                                         {{4, 2500}, {1}},
                                         {{70, 2500}, {0}},
                                         {{6, 7, 5}, {1}},
                                         {{6, 7, 5}, {0, 2}},
                                         {{6, 1, 5}, {1}},
                                         {{2, 300, 40}, {1}},
                                         {{9, 5, 4, 3}, {0, 2}},
                                         {{9, 5, 4, 3}, {1, 3}},
                                         {{9, 5, 4, 3}, {}},
                                         {{70000, 3}, {0}},
                                         {{1000, 2}, {0}},
                                         {{5001, 4}, {0}},
                                         {{3000, 5}, {0}},
                                         {{70001, 8}, {0}},
                                         {{2, 777, 8}, {1}},
                                         {{513, 7}, {0}},
                                         {{130, 16}, {0}},
                                         {{129, 65}, {0}},
                                         {{500, 1}, {1}},
                                         {{2, 3, 2, 3, 2, 3, 2, 3}, {0, 2, 4, 6}},
                                         {{3, 1100}, {0, 1}},
                                         {{2, 200, 1500}, {1}},
                                         {{70, 1024}, {1}},
                                         {{700, 100}, {1}},
                                         {{2000, 2, 8}, {1}},
                                         {{777, 3, 5}, {1}},
                                         {{501, 2, 256}, {1}},
                                         {{90, 200, 2}, {1}},
                                         {{30, 7, 2, 40}, {0, 2}}};
  return list;
}

int64_t result_size(const Case& c) {
  int64_t n = c.shape.size();
  for (int axis : c.axes) n /= c.shape[axis];
  return n;
}

TEST_CASE("float32 reductions agree with the oracle, with the same bits for any threads") {
  const int before = num_threads();
  for (Isa isa : levels())
    for (const Case& c : cases())
      for (int kind = 0; kind < kReduceOpCount; ++kind) {
        const ReduceOp op = static_cast<ReduceOp>(kind);
        if (op == ReduceOp::Any || op == ReduceOp::All) continue;
        CAPTURE(std::string(name_of(isa)));
        CAPTURE(std::string(name_of(op)));
        CAPTURE(c.shape.str());
        const size_t n = static_cast<size_t>(c.shape.size());
        const bool prod = op == ReduceOp::Prod;
        const std::vector<float> x = random_floats(n, prod ? 0.99f : -1, prod ? 1.01f : 1);
        const std::vector<double> wide(x.begin(), x.end());
        const size_t results = static_cast<size_t>(result_size(c));
        std::vector<double> expected(results);
        reference::reduce(op, wide.data(), c.shape, c.axes, expected.data());
        const ReduceParams params =
            prepare_reduce(op, DType::F32, DType::F32, c.shape, c.axes, isa);
        std::vector<float> y(results);
        run(params, x.data(), y.data());
        const double count = static_cast<double>(n) / static_cast<double>(results);
        size_t wrong = 0;
        for (size_t i = 0; i < results; ++i)
          wrong +=
              !(std::abs(y[i] - expected[i]) <=
                1e-6 * (std::abs(expected[i]) + (op == ReduceOp::Mean ? 1 : std::sqrt(count))) +
                    (prod ? 1e-6 * count : 0));
        CHECK(wrong == 0);
        for (int threads : {2, 3}) {
          set_num_threads(threads);
          std::vector<float> many(results);
          run(params, x.data(), many.data(), default_context());
          CHECK(same_bits(y, many));
        }
      }
  set_num_threads(before);
}

TEST_CASE("short columns that share a tile give the bits of each block alone") {
  for (Isa isa : levels())
    for (const Shape& shape :
         {Shape{40, 2, 8}, Shape{33, 3, 5}, Shape{21, 64, 7}, Shape{9, 200, 2}})
      for (int kind = 0; kind < kReduceOpCount; ++kind) {
        const ReduceOp op = static_cast<ReduceOp>(kind);
        if (op == ReduceOp::Any || op == ReduceOp::All) continue;
        CAPTURE(shape.str());
        CAPTURE(std::string(name_of(op)));
        const std::vector<int> axis{1};
        const std::vector<float> x = random_floats(static_cast<size_t>(shape.size()), 0.5f, 1.5f);
        const int64_t block = shape[1] * shape[2];
        std::vector<float> all(static_cast<size_t>(shape[0] * shape[2])), alone(all.size());
        run(prepare_reduce(op, DType::F32, DType::F32, shape, axis, isa), x.data(), all.data());
        const ReduceParams one =
            prepare_reduce(op, DType::F32, DType::F32, {1, shape[1], shape[2]}, axis, isa);
        for (int64_t i = 0; i < shape[0]; ++i)
          run(one, x.data() + i * block, alone.data() + i * shape[2]);
        CHECK(same_bits(all, alone));
      }
}

TEST_CASE("products of float32 keep values whose partial products leave its range") {
  for (Isa isa : levels())
    for (const int64_t n : {5, 70, 300, 1024, 5000})
      for (const float size : {1e-30f, 1e-6f, 200.0f, 1e30f}) {
        CAPTURE(n);
        CAPTURE(size);
        std::vector<float> x(static_cast<size_t>(n), 1.0f);
        for (size_t i = 0; i + 1 < x.size() && i < 8; i += 2) {
          x[i] = size;
          x[x.size() - 2 - i] = 1 / size;
        }
        double expected = 1;
        for (float value : x) expected *= value;
        const ReduceParams params =
            prepare_reduce(ReduceOp::Prod, DType::F32, DType::F32, {n}, std::vector<int>{0}, isa);
        float y = 0;
        run(params, x.data(), &y);
        CHECK(std::abs(y - expected) <= 1e-5 * std::abs(expected));
        for (const float other : {0.0f, -1.0f, INFINITY, NAN}) {
          x[x.size() / 2] = other;
          expected = 1;
          for (float value : x) expected *= value;
          run(params, x.data(), &y);
          CHECK((y == static_cast<float>(expected) || (y != y && expected != expected) ||
                 std::abs(y - expected) <= 1e-5 * std::abs(expected)));
        }
      }
}

TEST_CASE("reductions of every dtype") {
  for (int d = 0; d < kPromotableCount * static_cast<int>(levels().size()); ++d) {
    const DType dtype = static_cast<DType>(d % kPromotableCount);
    const Isa isa = levels()[static_cast<size_t>(d / kPromotableCount)];
    for (const Case& c : {Case{{9, 40}, {0}}, Case{{9, 40}, {1}}, Case{{9, 3}, {1}},
                          Case{{3000}, {0}}, Case{{300, 3, 5}, {1}}})
      for (int kind = 0; kind < kReduceOpCount; ++kind) {
        const ReduceOp op = static_cast<ReduceOp>(kind);
        const bool logical = op == ReduceOp::Any || op == ReduceOp::All;
        const bool extreme = op == ReduceOp::Max || op == ReduceOp::Min;
        if (op == ReduceOp::Mean && !is_floating(dtype)) continue;
        if (dtype == DType::Bool && !logical && !extreme) continue;
        CAPTURE(std::string(name_of(dtype)));
        CAPTURE(std::string(name_of(op)));
        CAPTURE(c.shape.str());
        const int64_t n = c.shape.size();
        std::vector<uint8_t> memory(static_cast<size_t>(n) * 8);
        std::vector<double> wide(static_cast<size_t>(n));
        for (int64_t i = 0; i < n; ++i) {
          // Small values, so that narrow types neither round nor overflow; products of ones.
          const int64_t v = op == ReduceOp::Prod || dtype == DType::Bool        ? i % 7 != 3
                            : op == ReduceOp::Sum || op == ReduceOp::SumSquares ? i % 50 == 0
                                                                                : i % 5;
          wide[static_cast<size_t>(i)] = static_cast<double>(v);
          reference::store(
              dtype, memory.data(), i,
              {register_of(dtype), static_cast<double>(v), v, static_cast<uint64_t>(v)});
        }
        const size_t results = static_cast<size_t>(result_size(c));
        std::vector<double> expected(results);
        reference::reduce(op, wide.data(), c.shape, c.axes, expected.data());
        const DType out = logical ? DType::Bool : dtype;
        std::vector<uint8_t> y(results * 8);
        run(prepare_reduce(op, dtype, out, c.shape, c.axes, isa), memory.data(), y.data());
        for (size_t i = 0; i < results; ++i) {
          const reference::Value got = reference::load(out, y.data(), static_cast<int64_t>(i));
          const double value = got.f + static_cast<double>(got.i) + static_cast<double>(got.u);
          if (is_floating(dtype))
            CHECK(value == doctest::Approx(expected[i]).epsilon(0.01));
          else
            CHECK(value == expected[i]);
        }
      }
  }
}

TEST_CASE("integers widen before they are summed, and wrap in the result's type") {
  const std::vector<uint8_t> x(1000, 200);
  const int axes[] = {0};
  int32_t sum = 0;
  run(prepare_reduce(ReduceOp::Sum, DType::U8, DType::I32, {1000}, axes), x.data(), &sum);
  CHECK(sum == 200000);
  uint8_t narrow = 0;
  run(prepare_reduce(ReduceOp::Sum, DType::U8, DType::U8, {1000}, axes), x.data(), &narrow);
  CHECK(narrow == static_cast<uint8_t>(200000));
}

TEST_CASE("NaN wins in maxima, minima and sums; infinities pass") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (Isa isa : levels())
    for (int64_t n : {5, 40, 3000})
      for (ReduceOp op : {ReduceOp::Max, ReduceOp::Min, ReduceOp::Sum})
        for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
          std::vector<float> x(static_cast<size_t>(n), 1.0f);
          x[static_cast<size_t>(at)] = nan;
          float y = 0;
          const int axes[] = {0};
          run(prepare_reduce(op, DType::F32, DType::F32, {n}, axes, isa), x.data(), &y);
          CHECK(std::isnan(y));
          std::vector<float> columns(2);
          run(prepare_reduce(op, DType::F32, DType::F32, {n / 2, 2}, axes, isa), x.data(),
              columns.data());
          if (at < n / 2 * 2) CHECK(std::isnan(columns[static_cast<size_t>(at % 2)]));
        }
}

TEST_CASE("empty reductions give the identity") {
  const int axes[] = {0};
  float y[3] = {9, 9, 9};
  run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, {0, 3}, axes), nullptr, y);
  CHECK(y[2] == 0.0f);
  run(prepare_reduce(ReduceOp::Prod, DType::F32, DType::F32, {0, 3}, axes), nullptr, y);
  CHECK(y[0] == 1.0f);
  run(prepare_reduce(ReduceOp::Mean, DType::F32, DType::F32, {0, 3}, axes), nullptr, y);
  CHECK(std::isnan(y[1]));
  const int last[] = {1};
  run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, {3, 0}, last), nullptr, y);
  CHECK(y[1] == 0.0f);
  run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, {0, 3}, last), nullptr, y);
  run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, {3, 0}, axes), nullptr, y);
}

TEST_CASE("a long float32 sum is accurate") {
  const size_t n = 1 << 22;
  std::vector<float> x(n, 0.1f);
  float y = 0;
  const int axes[] = {0};
  for (Isa isa : levels()) {
    run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, {1 << 22}, axes, isa), x.data(), &y);
    CHECK(y == doctest::Approx(0.1f * static_cast<double>(n)).epsilon(2e-6));
  }
}

TEST_CASE("a closing reduction has the bits of a separate one") {
  for (Isa isa : levels())
    for (const Case& c : cases()) {
      // Only a single run of axes can close a program.
      if (c.axes.size() > 1 && c.shape.rank() > 2) continue;
      CAPTURE(c.shape.str());
      const int64_t n = c.shape.size();
      const std::vector<float> x = random_floats(static_cast<size_t>(n), -1, 1);
      ProgramBuilder builder(c.shape);
      const PwValue in = builder.input(DType::F32, c.shape);
      const PwValue y = builder.op(PwOp::Mul, {builder.op(PwOp::Tanh, {in}), in});
      builder.output(y);
      builder.reduce(ReduceOp::Sum, y, c.axes, DType::F32);
      builder.reduce(ReduceOp::Max, in, c.axes, DType::F32);
      const size_t results = static_cast<size_t>(result_size(c));
      std::vector<float> values(x.size()), sum(results), max(results), sum2(results), max2(results);
      run(builder.build(isa), {x.data()}, {values.data(), sum.data(), max.data()});
      run(prepare_reduce(ReduceOp::Sum, DType::F32, DType::F32, c.shape, c.axes, isa),
          values.data(), sum2.data());
      run(prepare_reduce(ReduceOp::Max, DType::F32, DType::F32, c.shape, c.axes, isa), x.data(),
          max2.data());
      CHECK(same_bits(sum, sum2));
      CHECK(same_bits(max, max2));
    }
}

TEST_CASE("cumulative sums and products along any axis, both ways, in place") {
  // Lines side by side, as rows or as neighbours, and those left over.
  const Shape shape = {11, 3, 37};
  const int64_t count = shape.size();
  std::vector<float> x(static_cast<size_t>(count));
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f + static_cast<float>(i % 7) / 8;
  for (int axis = 0; axis < 3; ++axis)
    for (bool product : {false, true})
      for (bool reverse : {false, true}) {
        std::vector<float> y = x;
        run_cumulative(default_context(),
                       prepare_cumulative(product, reverse, DType::F32, shape, axis), y.data(),
                       y.data());
        const int64_t inner = shape.strides()[axis], n = shape[axis];
        for (int64_t i = 0; i < count; ++i) {
          const int64_t k = i / inner % n, first = reverse ? k : 0, last = reverse ? n - 1 : k;
          double expected = product ? 1 : 0;
          for (int64_t j = first; j <= last; ++j) {
            const double v = x[static_cast<size_t>(i + (j - k) * inner)];
            expected = product ? expected * v : expected + v;
          }
          CHECK(y[static_cast<size_t>(i)] == doctest::Approx(expected).epsilon(1e-7));
        }
      }
  std::vector<int8_t> bytes = {100, 100, 1};
  run_cumulative(Context(), prepare_cumulative(false, false, DType::I8, {3}, 0), bytes.data(),
                 bytes.data());
  CHECK(bytes == std::vector<int8_t>{100, -56, -55});
}

}  // namespace
