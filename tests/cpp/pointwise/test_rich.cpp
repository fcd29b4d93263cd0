// Every peephole rule: that it applies, and that it changes no bit.

#include <functional>

#include "support.h"

namespace {

using namespace pw_test;
using B = ProgramBuilder;
using V = PwValue;

struct Form {
  PwOp rich;
  std::function<V(B&, V, V, V, V, V)> make;
};

V op1(B& b, PwOp op, V x) { return b.op(op, {x}); }
V op2(B& b, PwOp op, V x, V y) { return b.op(op, {x, y}); }

const std::vector<Form>& forms() {
  using enum PwOp;
  static const std::vector<Form> list = {
      {MulAdd, [](B& b, V x, V y, V z, V, V) { return op2(b, Add, op2(b, Mul, x, y), z); }},
      {MulAdd, [](B& b, V x, V y, V z, V, V) { return op2(b, Add, z, op2(b, Mul, x, y)); }},
      {MulAdd, [](B& b, V x, V, V z, V, V) { return op2(b, Add, z, op1(b, Square, x)); }},
      {MulSub, [](B& b, V x, V y, V z, V, V) { return op2(b, Sub, op2(b, Mul, x, y), z); }},
      {SubProduct, [](B& b, V x, V y, V z, V, V) { return op2(b, Sub, z, op2(b, Mul, x, y)); }},
      {AddMul, [](B& b, V x, V y, V z, V, V) { return op2(b, Mul, z, op2(b, Add, x, y)); }},
      {SubMul, [](B& b, V x, V y, V z, V, V) { return op2(b, Mul, op2(b, Sub, x, y), z); }},
      {MulMul, [](B& b, V x, V y, V z, V, V) { return op2(b, Mul, op2(b, Mul, x, y), z); }},
      {MulMul, [](B& b, V x, V y, V, V, V) { return op2(b, Mul, y, op1(b, Square, x)); }},
      {AddAdd, [](B& b, V x, V y, V z, V, V) { return op2(b, Add, op2(b, Add, x, y), z); }},
      {MulAddMul, [](B& b, V x, V y, V z, V w,
                     V) { return op2(b, Add, op2(b, Mul, x, y), op2(b, Mul, z, w)); }},
      {MulMulAddMul,
       [](B& b, V x, V y, V z, V w, V v) {
         return op2(b, Add, op2(b, Mul, op2(b, Mul, x, y), z), op2(b, Mul, w, v));
       }},
      {MulMulAddMul,
       [](B& b, V x, V y, V z, V w, V) {
         return op2(b, Add, op2(b, Mul, op1(b, Square, x), y), op2(b, Mul, z, w));
       }},
      {SubMulMul, [](B& b, V x, V y, V z, V w,
                     V) { return op2(b, Mul, op2(b, Mul, op2(b, Sub, x, y), z), w); }},
      {SubMulMulAdd,
       [](B& b, V x, V y, V z, V w, V v) {
         return op2(b, Add, op2(b, Mul, op2(b, Mul, op2(b, Sub, x, y), z), w), v);
       }},
      {SqrtAdd, [](B& b, V x, V y, V, V, V) { return op2(b, Add, op1(b, Sqrt, x), y); }},
      {SqrtAddDiv,
       [](B& b, V x, V y, V z, V, V) { return op2(b, Div, x, op2(b, Add, op1(b, Sqrt, y), z)); }},
      {MulSqrtAddDiv,
       [](B& b, V x, V y, V z, V w, V) {
         return op2(b, Div, op2(b, Mul, x, w), op2(b, Add, op1(b, Sqrt, y), z));
       }},
      {AdamStep,
       [](B& b, V x, V y, V z, V w, V v) {
         return op2(b, Sub, v, op2(b, Div, op2(b, Mul, x, w), op2(b, Add, op1(b, Sqrt, y), z)));
       }},
      {Lerp,
       [](B& b, V x, V y, V z, V, V) { return op2(b, Add, y, op2(b, Mul, op2(b, Sub, x, y), z)); }},
      {SquareLerp,
       [](B& b, V x, V y, V z, V,
          V) { return op2(b, Add, y, op2(b, Mul, op2(b, Sub, op1(b, Square, x), y), z)); }},
      {Clip, [](B& b, V x, V y, V z, V, V) { return op2(b, Min, op2(b, Max, x, y), z); }},
      {AddRelu, [](B& b, V x, V y, V, V, V) { return op1(b, Relu, op2(b, Add, x, y)); }},
      {MulAddRelu,
       [](B& b, V x, V y, V z, V, V) { return op1(b, Relu, op2(b, Add, op2(b, Mul, x, y), z)); }},
      {SigmoidSub, [](B& b, V x, V y, V, V, V) { return op2(b, Sub, op1(b, Sigmoid, x), y); }},
      {Silu, [](B& b, V x, V, V, V, V) { return op2(b, Mul, op1(b, Sigmoid, x), x); }},
  };
  return list;
}

TEST_CASE("each rule merges its form into one instruction and changes no bit") {
  const int64_t n = 1500;
  std::vector<std::vector<float>> data;
  for (uint32_t k = 0; k < 5; ++k)
    data.push_back(random_floats(static_cast<size_t>(n), k == 1 ? 0.01f : -3, 3, k + 1));
  const std::vector<const void*> inputs = {data[0].data(), data[1].data(), data[2].data(),
                                           data[3].data(), data[4].data()};
  for (Isa isa : levels())
    for (const Form& form : forms()) {
      CAPTURE(std::string(info_of(form.rich).name));
      ProgramBuilder builder({n});
      V x[5];
      for (V& value : x) value = builder.input(DType::F32, {n});
      builder.output(form.make(builder, x[0], x[1], x[2], x[3], x[4]));
      const PointwiseProgram rich = builder.build(isa);
      const PointwiseProgram simple = builder.build(isa, {.merge_rich = false});
      REQUIRE(rich.body.size() == 1);
      CHECK(rich.body[0].op == form.rich);
      CHECK(simple.body.size() > 1);
      std::vector<float> a(static_cast<size_t>(n)), b(static_cast<size_t>(n));
      run(rich, inputs, {a.data()});
      run(simple, inputs, {b.data()});
      CHECK(same_bits(a, b));
    }
}

TEST_CASE("a value that is also an output or used twice is not absorbed") {
  ProgramBuilder builder({8});
  const V x = builder.input(DType::F32, {8}), y = builder.input(DType::F32, {8});
  const V product = builder.op(PwOp::Mul, {x, y});
  builder.output(product);
  builder.output(builder.op(PwOp::Add, {product, y}));
  CHECK(builder.build().body.size() == 2);

  ProgramBuilder twice({8});
  const V a = twice.input(DType::F32, {8});
  const V square = twice.op(PwOp::Mul, {a, a});
  twice.output(twice.op(PwOp::Mul, {twice.op(PwOp::Add, {square, a}), square}));
  CHECK(twice.build().body.size() == 2);
}

TEST_CASE("sums and means of squares need no tile of squares, and no bit changes") {
  const std::pair<Shape, int> cases[] = {{{3000}, 0}, {{70, 50}, 0},  {{70, 50}, 1},
                                         {{9, 8}, 0}, {{3, 2500}, 1}, {{3, 0}, 1}};
  for (Isa isa : levels())
    for (const auto& [shape, axis] : cases)
      for (ReduceOp op : {ReduceOp::Sum, ReduceOp::Mean}) {
        CAPTURE(shape.str());
        const auto n = static_cast<size_t>(shape.size());
        const std::vector<float> x = random_floats(n, -3, 3, 7), y = random_floats(n, -3, 3, 8);
        ProgramBuilder builder(shape);
        const V error = op2(builder, PwOp::Sub, builder.input(DType::F32, shape),
                            builder.input(DType::F32, shape));
        const int axes[] = {axis};
        builder.reduce(op, op1(builder, PwOp::Square, error), axes, DType::F32);
        const PointwiseProgram absorbed = builder.build(isa);
        const PointwiseProgram simple = builder.build(isa, {.merge_rich = false});
        CHECK(absorbed.body.size() == 1);
        CHECK(simple.body.size() == 2);
        std::vector<float> a(static_cast<size_t>(absorbed.outer * absorbed.inner)), b(a.size());
        run(absorbed, {x.data(), y.data()}, {a.data()});
        run(simple, {x.data(), y.data()}, {b.data()});
        CHECK(same_bits(a, b));
      }
  ProgramBuilder kept({64});  // the square is an output too
  const V square = op1(kept, PwOp::Square, kept.input(DType::F32, {64}));
  const int axes[] = {0};
  kept.output(square);
  kept.reduce(ReduceOp::Sum, square, axes, DType::F32);
  CHECK(kept.build().body.size() == 1);
  ProgramBuilder stored({64});  // a result may lie where the operand was
  const V x = stored.input(DType::F32, {64});
  stored.output(op2(stored, PwOp::Add, x, x));
  stored.reduce(ReduceOp::Sum, op1(stored, PwOp::Square, x), axes, DType::F32);
  CHECK(stored.build().body.size() == 2);
}

TEST_CASE("Adam as Keras writes it becomes three instructions") {
  ProgramBuilder b({1000});
  const V w = b.input(DType::F32, {1000}), m = b.input(DType::F32, {1000});
  const V v = b.input(DType::F32, {1000}), g = b.input(DType::F32, {1000});
  const V alpha = b.input(DType::F32, {});
  const V one_minus_b1 = b.constant(0.1, DType::F32), one_minus_b2 = b.constant(0.001, DType::F32);
  const V m2 = op2(b, PwOp::Add, m, op2(b, PwOp::Mul, op2(b, PwOp::Sub, g, m), one_minus_b1));
  const V v2 = op2(b, PwOp::Add, v,
                   op2(b, PwOp::Mul, op2(b, PwOp::Sub, op1(b, PwOp::Square, g), v), one_minus_b2));
  const V w2 = op2(b, PwOp::Sub, w,
                   op2(b, PwOp::Div, op2(b, PwOp::Mul, m2, alpha),
                       op2(b, PwOp::Add, op1(b, PwOp::Sqrt, v2), b.constant(1e-7, DType::F32))));
  b.output(m2);
  b.output(v2);
  b.output(w2);
  const PointwiseProgram program = b.build();
  REQUIRE(program.body.size() == 3);
  CHECK(program.body[0].op == PwOp::Lerp);
  CHECK(program.body[1].op == PwOp::SquareLerp);
  CHECK(program.body[2].op == PwOp::AdamStep);
}

}  // namespace
