#include "base/half.h"
#include "tensor/support.h"
#include "tensor/tensor.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("constants of every dtype hold the number that was asked for") {
  const Tensor half = Tensor::full(DType::F16, {2}, 1.5), brain = Tensor::full(DType::BF16, {}, -2);
  CHECK(f16_to_f32(half.data_as<uint16_t>()[1]) == 1.5f);
  CHECK(bf16_to_f32(*brain.data_as<uint16_t>()) == -2.0f);
  CHECK(*Tensor::full(DType::F64, {}, 0.1).data_as<double>() == 0.1);
  CHECK(*Tensor::full_int(DType::I64, {}, INT64_MIN).data_as<int64_t>() == INT64_MIN);
  CHECK(*Tensor::full_int(DType::U8, {}, 200).data_as<uint8_t>() == 200);
  CHECK(*Tensor::full_int(DType::Bool, {}, 1).data_as<bool>());
  CHECK(Tensor::full(DType::F32, {0, 3}, 1).size() == 0);
}

TEST_CASE("a view shares memory and needs the same number of elements") {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6}), y = x.view({3, 2});
  CHECK(y.data() == x.data());
  CHECK(y.shape() == Shape{3, 2});
  CHECK_THROWS_AS(x.view({4}), InternalError);
}

TEST_CASE("a specification prints as dtype and shape and compares by both") {
  CHECK(TypeSpec{DType::F32, {2, 3}}.str() == "float32(2, 3)");
  CHECK(TypeSpec{DType::F32, {2, 3}}.bytes() == 24);
  CHECK(TypeSpec{DType::F32, {2}} == TypeSpec{DType::F32, {2}});
  CHECK_FALSE(TypeSpec{DType::F32, {2}} == TypeSpec{DType::F64, {2}});
}

TEST_CASE("a symbol has no value, and the error says what to write instead") {
  std::string running;
  const TraceRef trace = trace_of({f32_spec({2})}, [&](TensorSpan x) {
    running = message_of<GraphError>([&] { x[0].data(); });
    return Tensors{x[0]};
  });
  CHECK(contains(running, "(2,)"));
  CHECK(contains(running, "ops.where"));
  CHECK(contains(running, "run_eagerly=True"));
  const Tensor leaked = trace->outputs()[0];
  CHECK(contains(message_of<GraphError>([&] { leaked.data(); }), "outside the function"));
}
