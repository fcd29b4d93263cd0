// Operands that are rows by index: lookups in a table, and sums of chained rows in several parts.

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/half.h"
#include "base/thread_pool.h"
#include "kernels/cpu/data/gather.h"
#include "kernels/cpu/data/group_rows.h"
#include "kernels/cpu/pointwise/reference.h"
#include "kernels/cpu/pointwise/rows.h"
#include "support.h"

namespace {

using namespace pw_test;

template <class Index>
constexpr DType kIndex = sizeof(Index) == 8 ? DType::I64 : DType::I32;

template <class Index>
std::vector<Index> random_indices(size_t count, int64_t rows, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<Index> indices(count);
  // From the end too, and outside on both sides.
  for (Index& i : indices)
    i = static_cast<Index>(static_cast<int64_t>(engine() % static_cast<uint32_t>(4 * rows)) -
                           2 * rows);
  return indices;
}

int64_t row_of(int64_t index, int64_t rows) {
  if (index < 0) index += rows;
  return index < 0 || index >= rows ? -1 : index;
}

struct Case {
  Shape space, positions;  // positions broadcast to the leading axes of the space
  Shape row;
};

// y = table[indices] - x, and its sum over the last axis of the row.
template <class Index>
void check_lookup(Isa isa, DType dtype, const Case& c, int64_t table_rows) {
  CAPTURE(c.space.str());
  CAPTURE(c.positions.str());
  const int64_t row = c.row.size();
  std::vector<std::byte> table(static_cast<size_t>(table_rows * row) * size_of(dtype));
  const auto numbers = random_floats(static_cast<size_t>(table_rows * row), -1, 1, 3);
  for (size_t i = 0; i < numbers.size(); ++i)
    reference::store(dtype, table.data(), static_cast<int64_t>(i),
                     {register_of(dtype), numbers[i], 0, 0});
  const auto indices =
      random_indices<Index>(static_cast<size_t>(c.positions.size()), table_rows, 5);
  Shape operand = c.positions;
  for (int64_t dim : c.row) operand.push_back(dim);
  ProgramBuilder builder(c.space);
  const PwValue looked_up = builder.input_lookup(dtype, operand, row, table_rows, kIndex<Index>,
                                                 outside_value(dtype, dtype == DType::F16));
  const PwValue x = builder.input(DType::F32, c.space);
  const PwValue y = builder.op(PwOp::Sub, {builder.cast(looked_up, DType::F32), x});
  builder.output(y);
  const int last[] = {c.space.rank() - 1};
  builder.reduce(ReduceOp::Max, y, last, DType::F32);
  const PointwiseProgram program = builder.build(isa);
  const size_t size = static_cast<size_t>(c.space.size());
  const auto subtracted = random_floats(size, -1, 1, 4);
  std::vector<float> expected(size), largest(size / static_cast<size_t>(c.space.at(-1)), -9);
  const auto strides = c.positions.strides();
  for (int64_t i = 0; i < c.space.size(); ++i) {
    int64_t rest = i / row, position = 0;
    for (int axis = c.positions.rank() - 1; axis >= 0; --axis) {
      if (c.positions[axis] != 1) position += rest % c.space[axis] * strides[axis];
      rest /= c.space[axis];
    }
    const int64_t from = row_of(indices[static_cast<size_t>(position)], table_rows);
    const float outside = dtype == DType::F16 ? 0.0f : std::bit_cast<float>(0x7FC00000);
    const float value =
        from < 0 ? outside
                 : static_cast<float>(reference::load(dtype, table.data(), from * row + i % row).f);
    const auto k = static_cast<size_t>(i);
    expected[k] = value - subtracted[k];
    float& most = largest[k / static_cast<size_t>(c.space.at(-1))];
    if (std::isnan(expected[k]) || expected[k] > most) most = expected[k];
  }
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads, 0);
    const Context context{&pool, threads};
    std::vector<float> out(size), reduced(largest.size());
    run(program, {table.data(), subtracted.data(), indices.data()}, {out.data(), reduced.data()},
        context);
    CHECK(same_bits(out, expected));
    CHECK(same_bits(reduced, largest));
  }
}

TEST_CASE_TEMPLATE("rows are looked up where they are used", Index, int32_t, int64_t) {
  const Case cases[] = {{{1, 3}, {1}, {3}},
                        {{7, 33}, {7}, {33}},
                        {{300, 16}, {300}, {16}},
                        {{40, 6, 128}, {40, 6}, {128}},
                        {{40, 6, 128}, {40, 1}, {128}},
                        {{40, 6, 128}, {1, 6}, {128}},
                        {{40, 6, 128}, {1, 1}, {128}},
                        {{9, 5, 4, 30}, {9, 5}, {4, 30}},
                        {{9, 5, 4, 30}, {1, 5}, {4, 30}},
                        {{3, 2500}, {3}, {2500}},
                        {{3, 5, 700}, {3, 1}, {700}}};
  for (Isa isa : levels())
    for (const Case& c : cases)
      for (DType dtype : {DType::F32, DType::F16, DType::BF16})
        check_lookup<Index>(isa, dtype, c, 11);
}

// The dense sum of two parts, the first of them products of shared rows and one number each.
template <class T>
struct Parts {
  int64_t rows, row, shared, repeat, plain;
  std::vector<T> values, scale, more;
  std::vector<int32_t> first, second, head, next, touched;

  Parts(int64_t rows_, int64_t row_, int64_t shared_, int64_t repeat_, int64_t plain_)
      : rows(rows_), row(row_), shared(shared_), repeat(repeat_), plain(plain_) {
    const auto numbers = [](int64_t n, uint32_t seed) {
      const auto floats = random_floats(static_cast<size_t>(n), -1, 1, seed);
      return std::vector<T>(floats.begin(), floats.end());
    };
    values = numbers(shared * row, 1);
    scale = numbers(shared * repeat, 2);
    more = numbers(plain * row, 3);
    first = random_indices<int32_t>(static_cast<size_t>(shared * repeat), rows, 4);
    second = random_indices<int32_t>(static_cast<size_t>(plain), rows, 5);
    head.resize(static_cast<size_t>(rows));
    const size_t count = first.size() + second.size();
    next.resize(count);
    touched.resize(count + 1);
    const GroupRows params{DType::I32, {shared * repeat, plain}, rows};
    const void* lists[] = {first.data(), second.data()};
    run_group_rows(Context{}, params, lists, head.data(), next.data(), touched.data());
  }

  std::vector<PwRowPart> parts() const {
    return {{shared * repeat, repeat, true}, {plain, 1, false}};
  }
  std::vector<const void*> pointers(const T* x) const {
    return {values.data(), x, head.data(), next.data(), touched.data(), scale.data(), more.data()};
  }
  std::vector<T> dense() const {
    std::vector<T> sum(static_cast<size_t>(rows * row), T(0));
    const auto add = [&](int64_t index, const T* from, const T* factor) {
      const int64_t at = row_of(index, rows);
      for (int64_t c = 0; c < row && at >= 0; ++c) {
        T& to = sum[static_cast<size_t>(at * row + c)];
        const T term = factor ? *factor * from[c] : from[c];
        to = to + term;
      }
    };
    for (size_t i = 0; i < first.size(); ++i)
      add(first[i], &values[i / static_cast<size_t>(repeat) * static_cast<size_t>(row)], &scale[i]);
    for (size_t i = 0; i < second.size(); ++i)
      add(second[i], &more[i * static_cast<size_t>(row)], nullptr);
    return sum;
  }
};

template <class T>
constexpr DType kType = sizeof(T) == 8 ? DType::F64 : DType::F32;

template <class T>
void check_parts(Isa isa, const Parts<T>& p) {
  const Shape space{p.rows, p.row};
  ProgramBuilder builder(space);
  const PwValue sum = builder.input_rows(kType<T>, p.row, p.parts(), 0);
  const PwValue x = builder.input(kType<T>, space);
  builder.output(builder.op(PwOp::Sub, {x, sum}));
  PointwiseProgram program = builder.build(isa);
  const auto floats = random_floats(static_cast<size_t>(p.rows * p.row), -1, 1, 6);
  const std::vector<T> start(floats.begin(), floats.end());
  std::vector<T> expected = p.dense();
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = start[i] - expected[i];
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads, 0);
    const Context context{&pool, threads};
    std::vector<T> everywhere(start.size()), in_place = start;
    run(program, p.pointers(start.data()), {everywhere.data()}, context);
    CHECK(same_bits(everywhere, expected));
    PointwiseProgram restricted = program;
    restrict_to_touched(restricted, {1});
    run(restricted, p.pointers(in_place.data()), {in_place.data()}, context);
    CHECK(same_bits(in_place, expected));
  }
}

TEST_CASE_TEMPLATE("chained rows in parts, shared and scaled", T, float, double) {
  for (Isa isa : levels()) {
    check_parts<T>(isa, Parts<T>(11, 1, 3, 2, 4));
    check_parts<T>(isa, Parts<T>(60, 7, 12, 3, 5));
    check_parts<T>(isa, Parts<T>(200, 128, 64, 6, 64));
    check_parts<T>(isa, Parts<T>(500, 47, 30, 5, 90));
    check_parts<T>(isa, Parts<T>(5, 1300, 8, 4, 6));
  }
}

}  // namespace
