// Programs: broadcasting of every kind, several outputs, in place, scalars, lists, threads, and the
// same bits as operation by operation.

#include <numeric>

#include "base/error.h"
#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/reference.h"
#include "support.h"

namespace {

using namespace pw_test;

// a + b with b broadcast from `other` to `shape`, against an index computation by hand.
void check_broadcast(Isa isa, const Shape& shape, const Shape& other) {
  CAPTURE(shape.str());
  CAPTURE(other.str());
  const std::vector<float> a = random_floats(static_cast<size_t>(shape.size()), -1, 1, 1);
  const std::vector<float> b = random_floats(static_cast<size_t>(other.size()), -1, 1, 2);
  ProgramBuilder builder(shape);
  builder.output(
      builder.op(PwOp::Sub, {builder.input(DType::F32, shape), builder.input(DType::F32, other)}));
  const PointwiseProgram program = builder.build(isa);
  std::vector<float> y(a.size() + 1, 55.0f), expected(a.size() + 1, 55.0f);
  run(program, {a.data(), b.data()}, {y.data()});
  const auto strides = other.strides();
  const int lead = shape.rank() - other.rank();
  for (int64_t i = 0; i < shape.size(); ++i) {
    int64_t rest = i, at = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (axis >= lead && other[axis - lead] != 1) at += rest % shape[axis] * strides[axis - lead];
      rest /= shape[axis];
    }
    expected[static_cast<size_t>(i)] = a[static_cast<size_t>(i)] - b[static_cast<size_t>(at)];
  }
  CHECK(same_bits(y, expected));
}

TEST_CASE("operands broadcast as in NumPy") {
  for (Isa isa : levels()) {
    check_broadcast(isa, {7}, {7});
    check_broadcast(isa, {7}, {});
    check_broadcast(isa, {}, {});
    check_broadcast(isa, {1, 1}, {1});
    check_broadcast(isa, {0, 3}, {3});
    check_broadcast(isa, {2000}, {1});
    check_broadcast(isa, {33, 10}, {10});
    check_broadcast(isa, {333, 10}, {10});
    check_broadcast(isa, {333, 10}, {333, 1});
    check_broadcast(isa, {3, 2500}, {2500});
    check_broadcast(isa, {3, 2500}, {3, 1});
    check_broadcast(isa, {5, 2048}, {2048});
    check_broadcast(isa, {4, 5, 6, 7}, {5, 1, 7});
    check_broadcast(isa, {4, 50, 6, 7}, {4, 1, 6, 1});
    check_broadcast(isa, {2, 3, 4, 5, 6, 2, 3, 2}, {3, 1, 5, 1, 2, 1, 2});
    check_broadcast(isa, {40, 32, 32}, {40, 1, 32});
    for (const int64_t row : {127, 128, 200, 512, 1023, 1024, 1025, 3000}) {
      check_broadcast(isa, {37, row}, {37, 1});
      check_broadcast(isa, {37, row}, {row});
      check_broadcast(isa, {3, 5, row}, {5, 1});
      check_broadcast(isa, {3, 5, row}, {3, 1, row});
      check_broadcast(isa, {2, 3, 5, row}, {2, 1, 5, 1});
    }
  }
}

TEST_CASE("products and chains of columns and rows, of any dtype, for any number of threads") {
  const int before = num_threads();
  for (Isa isa : levels())
    for (const DType dtype : {DType::F32, DType::BF16, DType::F64})
      for (const int64_t width : {100, 130, 513, 1024, 1500}) {
        CAPTURE(std::string(name_of(dtype)));
        CAPTURE(width);
        const int64_t height = 150;
        const auto make = [dtype](int64_t n, uint32_t seed) {
          const std::vector<float> x = random_floats(static_cast<size_t>(n), 1, 2, seed);
          std::vector<std::byte> memory(x.size() * size_of(dtype));
          convert(Context(), DType::F32, dtype, x.data(), memory.data(), n);
          return memory;
        };
        const auto column = make(height, 1), row = make(width, 2), full = make(height * width, 3);
        // Repeated by hand: the same program without a broadcast.
        const size_t size = size_of(dtype);
        std::vector<std::byte> columns(full.size()), rows(full.size());
        for (size_t i = 0; i < full.size() / size; ++i) {
          const size_t w = static_cast<size_t>(width);
          std::memcpy(&columns[i * size], &column[i / w * size], size);
          std::memcpy(&rows[i * size], &row[i % w * size], size);
        }
        for (const bool chain : {false, true}) {
          const auto program = [&](bool broadcast) {
            const Shape shape{height, width};
            ProgramBuilder builder(shape);
            const PwValue a = builder.input(dtype, broadcast ? Shape{height, 1} : shape);
            const PwValue b = builder.input(dtype, broadcast ? Shape{width} : shape);
            PwValue y = builder.op(PwOp::Mul, {a, b});
            if (chain) {
              const PwValue x = builder.input(dtype, shape);
              y = builder.op(PwOp::Div, {builder.op(PwOp::Sub, {x, y}), a});
            }
            builder.output(y);
            return builder.build(isa);
          };
          std::vector<std::byte> want(full.size()), got(full.size());
          run(program(false), {columns.data(), rows.data(), full.data()}, {want.data()});
          run(program(true), {column.data(), row.data(), full.data()}, {got.data()});
          CHECK(same_bits(got, want));
          for (int threads : {1, 2, 3}) {
            set_num_threads(threads);
            std::vector<std::byte> many(full.size());
            run(program(true), {column.data(), row.data(), full.data()}, {many.data()},
                default_context());
            CHECK(same_bits(many, want));
          }
        }
      }
  set_num_threads(before);
}

TEST_CASE("operands may be strided and of a narrow dtype") {
  // A transposed bfloat16 matrix times an int8 row, cast to float.
  const int64_t rows = 70, columns = 45;
  std::vector<float> wide = random_floats(static_cast<size_t>(rows * columns), -3, 3);
  std::vector<uint16_t> matrix(wide.size());
  convert(Context(), DType::F32, DType::BF16, wide.data(), matrix.data(), rows * columns);
  convert(Context(), DType::BF16, DType::F32, matrix.data(), wide.data(), rows * columns);
  std::vector<int8_t> row(static_cast<size_t>(columns));
  std::iota(row.begin(), row.end(), static_cast<int8_t>(-20));
  ProgramBuilder builder({rows, columns});
  const int64_t strides[] = {1, rows};
  const PwValue a = builder.cast(builder.input_strided(DType::BF16, strides), DType::F32);
  const PwValue b = builder.cast(builder.input(DType::I8, {columns}), DType::F32);
  builder.output(builder.op(PwOp::Mul, {a, b}));
  std::vector<float> y(wide.size());
  run(builder.build(), {matrix.data(), row.data()}, {y.data()});
  size_t wrong = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      wrong += y[static_cast<size_t>(r * columns + c)] !=
               wide[static_cast<size_t>(c * rows + r)] * row[static_cast<size_t>(c)];
  CHECK(wrong == 0);
}

TEST_CASE("a narrow dtype rounds after every operation as separate operations do") {
  const size_t n = 3000;
  std::vector<float> wide = random_floats(n, -3, 3);
  for (DType dtype : {DType::F16, DType::BF16}) {
    std::vector<uint16_t> x(n), step(n), direct(n), fused(n);
    convert(Context(), DType::F32, dtype, wide.data(), x.data(), n);
    run_unary(Context(), prepare_direct(PwOp::Exp, dtype), step.data(), x.data(), n);
    run_binary(Context(), prepare_direct(PwOp::Mul, dtype), direct.data(), step.data(), false,
               x.data(), false, n);
    ProgramBuilder builder({static_cast<int64_t>(n)});
    const PwValue in = builder.input(dtype, {static_cast<int64_t>(n)});
    builder.output(builder.op(PwOp::Mul, {builder.op(PwOp::Exp, {in}), in}));
    run(builder.build(), {x.data()}, {fused.data()});
    CHECK(same_bits(direct, fused));
  }
}

TEST_CASE("comparison, selection, casts and several outputs in one program") {
  const int64_t n = 2500;
  const std::vector<float> x = random_floats(static_cast<size_t>(n), -2, 2);
  std::vector<int64_t> k(static_cast<size_t>(n));
  std::iota(k.begin(), k.end(), -1000);
  for (Isa isa : levels()) {
    ProgramBuilder builder({n});
    const PwValue a = builder.input(DType::F32, {n}), b = builder.input(DType::I64, {n});
    const PwValue zero = builder.constant(0.0, DType::F32);
    const PwValue positive = builder.op(PwOp::Greater, {a, zero});
    const PwValue even =
        builder.op(PwOp::Equal, {builder.op(PwOp::Mod, {b, builder.constant_int(2, DType::I64)}),
                                 builder.constant_int(0, DType::I64)});
    const PwValue both = builder.op(PwOp::LogicalAnd, {positive, even});
    const PwValue chosen = builder.op(PwOp::Select, {both, builder.cast(b, DType::F32), a});
    builder.output(both);
    builder.output(chosen);
    builder.output(builder.cast(chosen, DType::F64));
    builder.output(a);
    std::vector<uint8_t> flag(x.size());
    std::vector<float> value(x.size()), copy(x.size());
    std::vector<double> wide(x.size());
    run(builder.build(isa), {x.data(), k.data()},
        {flag.data(), value.data(), wide.data(), copy.data()});
    size_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const bool expected = x[i] > 0 && k[i] % 2 == 0;
      const float v = expected ? static_cast<float>(k[i]) : x[i];
      wrong += flag[i] != expected || value[i] != v || wide[i] != v;
    }
    CHECK(wrong == 0);
    CHECK(same_bits(copy, x));
  }
}

TEST_CASE("outputs may take the memory of inputs, even crosswise") {
  const int64_t n = 5000;
  const std::vector<float> a0 = random_floats(static_cast<size_t>(n), -1, 1, 1);
  const std::vector<float> b0 = random_floats(static_cast<size_t>(n), -1, 1, 2);
  ProgramBuilder builder({n});
  const PwValue a = builder.input(DType::F32, {n}), b = builder.input(DType::F32, {n});
  builder.output(builder.op(PwOp::Add, {a, b}));
  builder.output(builder.op(PwOp::Sub, {a, b}));
  builder.output(a);
  const PointwiseProgram program = builder.build();
  for (bool crosswise : {false, true}) {
    std::vector<float> x = a0, y = b0, third(a0.size());
    run(program, {x.data(), y.data()},
        {crosswise ? y.data() : x.data(), crosswise ? x.data() : y.data(), third.data()});
    const std::vector<float>& sum = crosswise ? y : x;
    const std::vector<float>& difference = crosswise ? x : y;
    size_t wrong = 0;
    for (size_t i = 0; i < a0.size(); ++i)
      wrong += sum[i] != a0[i] + b0[i] || difference[i] != a0[i] - b0[i];
    CHECK(wrong == 0);
    CHECK(same_bits(third, a0));
  }
}

// One program on data against the same operations one by one.
TEST_CASE("a fused program equals its operations one by one, for any number of threads") {
  const int64_t n = 400000;
  const std::vector<float> x = random_floats(static_cast<size_t>(n), -4, 4, 1);
  const std::vector<float> z = random_floats(static_cast<size_t>(n), -4, 4, 2);
  const int before = num_threads();
  for (Isa isa : levels()) {
    std::vector<float> t1(x.size()), t2(x.size()), expected(x.size());
    const auto one = [&](PwOp op, std::vector<float>& dst, const std::vector<float>& a) {
      run_unary(Context(), prepare_direct(op, DType::F32, isa), dst.data(), a.data(), n);
    };
    const auto two = [&](PwOp op, std::vector<float>& dst, const std::vector<float>& a,
                         const std::vector<float>& b) {
      run_binary(Context(), prepare_direct(op, DType::F32, isa), dst.data(), a.data(), false,
                 b.data(), false, n);
    };
    one(PwOp::Tanh, t1, x);
    two(PwOp::Mul, t2, t1, z);
    two(PwOp::Add, t2, t2, x);
    one(PwOp::Sigmoid, t1, t2);
    two(PwOp::Mul, expected, t1, t2);

    ProgramBuilder builder({n});
    const PwValue a = builder.input(DType::F32, {n}), b = builder.input(DType::F32, {n});
    const PwValue sum =
        builder.op(PwOp::Add, {builder.op(PwOp::Mul, {builder.op(PwOp::Tanh, {a}), b}), a});
    builder.output(builder.op(PwOp::Mul, {builder.op(PwOp::Sigmoid, {sum}), sum}));
    const PointwiseProgram program = builder.build(isa);
    for (int threads : {1, 2, 3}) {
      set_num_threads(threads);
      std::vector<float> fused(x.size());
      run(program, {x.data(), z.data()}, {fused.data()}, default_context());
      CHECK(same_bits(fused, expected));
    }
  }
  set_num_threads(before);
}

TEST_CASE("operations on scalars run once, read at run time, with the bits of tiles") {
  const float rate = 0.3f, decay = 0.9f;
  const std::vector<float> x = random_floats(100, -1, 1);
  for (Isa isa : levels()) {
    ProgramBuilder builder({100});
    const PwValue r = builder.input(DType::F32, {}), d = builder.input(DType::F32, {});
    const PwValue factor = builder.op(PwOp::Pow, {d, r});
    const PwValue other = builder.op(PwOp::Sinh, {r});
    const PwValue scale = builder.op(PwOp::Add, {builder.op(PwOp::Exp, {factor}), other});
    builder.output(builder.op(PwOp::Mul, {builder.input(DType::F32, {100}), scale}));
    const PointwiseProgram program = builder.build(isa);
    CHECK(program.prologue.size() == 4);
    CHECK(program.body.size() == 1);
    std::vector<float> y(100);
    run(program, {&rate, &decay, x.data()}, {y.data()});

    ProgramBuilder alone{Shape()};
    const PwValue r1 = alone.input(DType::F32, {}), d1 = alone.input(DType::F32, {});
    alone.output(alone.op(PwOp::Add, {alone.op(PwOp::Exp, {alone.op(PwOp::Pow, {d1, r1})}),
                                      alone.op(PwOp::Sinh, {r1})}));
    float s = 0;
    run(alone.build(isa), {&rate, &decay}, {&s});
    for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == x[i] * s);
  }
}

TEST_CASE("a list runs one program over operands of many sizes") {
  const std::vector<int64_t> sizes = {1, 10, 0, 70000, 200, 1024, 33};
  const float rate = 0.25f;
  ProgramBuilder builder({2});
  const PwValue w = builder.input(DType::F32, {2}), g = builder.input(DType::F32, {2});
  const PwValue lr = builder.input(DType::F32, {});
  builder.output(builder.op(PwOp::Sub, {w, builder.op(PwOp::Mul, {lr, g})}));
  const PointwiseList list = prepare_pointwise_list(builder.build(), sizes);
  std::vector<std::vector<float>> weights, gradients, expected;
  for (size_t t = 0; t < sizes.size(); ++t) {
    const size_t n = static_cast<size_t>(sizes[t]);
    weights.push_back(random_floats(n, -1, 1, static_cast<uint32_t>(t)));
    gradients.push_back(random_floats(n, -1, 1, static_cast<uint32_t>(t + 50)));
    expected.push_back(weights[t]);
    for (size_t i = 0; i < n; ++i) expected[t][i] -= rate * gradients[t][i];
  }
  const int before = num_threads();
  const std::vector<std::vector<float>> start = weights;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    weights = start;
    std::vector<const void*> in;
    std::vector<void*> out;
    for (size_t t = 0; t < sizes.size(); ++t) {
      in.insert(in.end(), {weights[t].data(), gradients[t].data(), &rate});
      out.push_back(weights[t].data());
    }
    const size_t stride = worker_stride(list.scratch);
    Guarded workers(stride * static_cast<size_t>(default_context().workers));
    run_pointwise_list(default_context(), list, in.data(), out.data(), nullptr, workers.data(),
                       stride);
    CHECK(workers.intact());
    for (size_t t = 0; t < sizes.size(); ++t) CHECK(same_bits(weights[t], expected[t]));
  }
  set_num_threads(before);
}

TEST_CASE("a program over large operands has the bits of its pieces") {
  constexpr int64_t kLarge = 4200007, kPiece = 4096;  // floats that leave the caches
  const std::vector<float> g = random_floats(kLarge, -1, 1, 1), w = random_floats(kLarge, -1, 1, 2);
  const std::vector<float> half(kLarge, 0.5f);
  const auto build = [](int64_t n) {
    ProgramBuilder builder({n});
    const PwValue a = builder.input(DType::F32, {n}), b = builder.input(DType::F32, {n});
    const PwValue m = builder.op(PwOp::Mul, {a, b});
    builder.output(
        builder.op(PwOp::Sub, {b, builder.op(PwOp::Sqrt, {builder.op(PwOp::Abs, {m})})}));
    builder.output(builder.op(PwOp::Tanh, {m}));
    builder.output(builder.op(PwOp::Greater, {a, b}));
    return builder.build();
  };
  const PointwiseProgram whole = build(kLarge);
  std::vector<float> in_place = w, second(kLarge), expected(kLarge), expected_second(kLarge);
  std::vector<uint8_t> greater(kLarge), expected_greater(kLarge);
  for (int64_t at = 0; at < kLarge; at += kPiece)
    run(build(std::min(kPiece, kLarge - at)), {&g[at], &w[at]},
        {&expected[at], &expected_second[at], &expected_greater[at]});
  const int before = num_threads();
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    in_place = w;
    run(whole, {g.data(), in_place.data()}, {in_place.data(), second.data(), greater.data()},
        default_context());
    CHECK(same_bits(in_place, expected));
    CHECK(same_bits(second, expected_second));
    CHECK(same_bits(greater, expected_greater));
    std::vector<float> sum(kLarge);
    run_binary(default_context(), prepare_direct(PwOp::Add, DType::F32), sum.data(), g.data(),
               false, half.data(), true, kLarge);
    bool same = true;
    for (int64_t i = 0; i < kLarge; ++i) same &= sum[i] == g[i] + 0.5f;
    CHECK(same);
  }
  set_num_threads(before);
}

TEST_CASE("misuse of the builder is an internal error, not a crash") {
  ProgramBuilder builder({4});
  const PwValue f = builder.input(DType::F32, {4}), i = builder.input(DType::I32, {4});
  CHECK_THROWS_AS(builder.op(PwOp::Add, {f, i}), InternalError);
  CHECK_THROWS_AS(builder.op(PwOp::Add, {f}), InternalError);
  CHECK_THROWS_AS(builder.op(PwOp::Exp, {i}), InternalError);
  CHECK_THROWS_AS(builder.op(PwOp::Select, {f, f, f}), InternalError);
  CHECK_THROWS_AS(builder.input(DType::F32, {3}), InternalError);
  CHECK_THROWS_AS(builder.dtype_of(PwValue{}), InternalError);
  CHECK_THROWS_AS(prepare_direct(PwOp::Exp, DType::I32), InternalError);
}

TEST_CASE("the text of a program") {
  ProgramBuilder builder({32, 10});
  const PwValue x = builder.input(DType::F32, {32, 10}), b = builder.input(DType::F32, {10});
  const PwValue y = builder.op(PwOp::Relu, {builder.op(PwOp::Add, {x, b})});
  builder.output(builder.op(PwOp::Mul, {y, builder.constant(0.5, DType::F32)}));
  const int axes[] = {0};
  builder.reduce(ReduceOp::Sum, y, axes, DType::F32);
  CHECK(to_string(builder.build(Isa::Baseline)) ==
        "pointwise (32, 10)\n"
        "  %0 = input float32 full\n"
        "  %1 = input float32 periodic 10\n"
        "  %2 = constant f32 0.5\n"
        "  %3 = add_relu f32 %0 %1\n"
        "  %4 = mul f32 %3 %2\n"
        "  output float32 %4\n"
        "  reduce sum float32 %3 over 1x[32]x10\n");
}

}  // namespace
