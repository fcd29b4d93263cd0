// Places of maxima and minima on every level against the definition: ties, NaN, every dtype,
// pieces.

#include <limits>

#include "kernels/cpu/pointwise/reference.h"
#include "support.h"

namespace {

using namespace pw_test;

std::vector<int32_t> places(bool maximum, DType dtype, const Shape& shape, int axis, Isa isa,
                            const void* x, const Context& ctx = Context()) {
  const ArgReduceParams params = prepare_arg_reduce(maximum, dtype, shape, axis, isa);
  Guarded shared(params.scratch.shared);
  std::vector<int32_t> y(static_cast<size_t>(shape.size() / shape[axis]));
  run_arg_reduce(ctx, params, x, y.data(), shared.data());
  CHECK(shared.intact());
  return y;
}

double number(DType dtype, const void* memory, int64_t i) {
  const reference::Value value = reference::load(dtype, memory, i);
  return value.f + static_cast<double>(value.i) + static_cast<double>(value.u);
}

std::vector<int32_t> expected(bool maximum, DType dtype, const Shape& shape, int axis,
                              const void* x) {
  const int64_t inner = shape.strides()[axis], n = shape[axis];
  std::vector<int32_t> y(static_cast<size_t>(shape.size() / n));
  for (int64_t line = 0; line < static_cast<int64_t>(y.size()); ++line) {
    const int64_t first = line / inner * n * inner + line % inner;
    int64_t best = 0;
    for (int64_t k = 1; k < n; ++k) {
      const double a = number(dtype, x, first + best * inner),
                   b = number(dtype, x, first + k * inner);
      if (a == a && (b != b || (maximum ? b > a : b < a))) best = k;
    }
    y[static_cast<size_t>(line)] = static_cast<int32_t>(best);
  }
  return y;
}

struct Lines {
  Shape shape;
  int axis;
};
const std::vector<Lines>& lines() {
  static const std::vector<Lines> list = {
      {{1}, 0},        {{7}, 0},        {{1024}, 0},       {{1025}, 0},       {{100000}, 0},
      {{33, 10}, 1},   {{33, 10}, 0},   {{3, 2500}, 1},    {{2500, 3}, 0},    {{70, 700}, 0},
      {{40000, 3}, 0}, {{600, 257}, 0}, {{5, 1, 3}, 1},    {{4, 300, 40}, 1}, {{2, 40000}, 1},
      {{0, 5}, 1},     {{5, 0}, 0},     {{2, 200, 256}, 1}};
  return list;
}

TEST_CASE("arg-reductions of every dtype give the first best place, for any threads") {
  const int before = num_threads();
  for (int d = 0; d < kDTypeCount; ++d)
    for (const Lines& c : lines()) {
      const DType dtype = static_cast<DType>(d);
      const auto n = static_cast<size_t>(c.shape.size());
      std::vector<uint8_t> memory(n * 8 + 8);
      std::mt19937 engine(static_cast<uint32_t>(d));
      for (size_t i = 0; i < n; ++i) {
        const int64_t v = static_cast<int64_t>(engine() % 13);
        reference::store(
            dtype, memory.data(), static_cast<int64_t>(i),
            {register_of(dtype), static_cast<double>(v - 6), v, static_cast<uint64_t>(v)});
      }
      CAPTURE(std::string(name_of(dtype)));
      CAPTURE(c.shape.str());
      for (bool maximum : {false, true}) {
        const std::vector<int32_t> want = expected(maximum, dtype, c.shape, c.axis, memory.data());
        for (Isa isa : levels())
          for (int threads : {1, 3}) {
            set_num_threads(threads);
            CHECK(places(maximum, dtype, c.shape, c.axis, isa, memory.data(), default_context()) ==
                  want);
          }
      }
    }
  set_num_threads(before);
}

template <class T>
void find_extremes(DType dtype) {
  using Limits = std::numeric_limits<T>;
  for (const Lines& c : lines()) {
    if (c.shape.size() == 0) continue;
    const auto n = static_cast<size_t>(c.shape.size());
    std::vector<T> x(n, Limits::lowest());
    std::mt19937 engine(3);
    for (size_t i = 0; i < n; ++i) {
      const T values[] = {
          Limits::lowest(), Limits::has_infinity ? -Limits::infinity() : Limits::min(),
          Limits::has_quiet_NaN ? Limits::quiet_NaN() : Limits::max(), T(-0.0), T(0)};
      const uint32_t pick = engine() % 4000;
      x[i] = values[pick < 5 ? pick : pick % 2];
    }
    for (Isa isa : levels())
      for (bool maximum : {false, true})
        CHECK(places(maximum, dtype, c.shape, c.axis, isa, x.data()) ==
              expected(maximum, dtype, c.shape, c.axis, x.data()));
  }
}

TEST_CASE(
    "NaN comes before all, infinities and the ends of a range count, zeros of either sign tie") {
  find_extremes<float>(DType::F32);
  find_extremes<double>(DType::F64);
  find_extremes<int32_t>(DType::I32);
}

}  // namespace
