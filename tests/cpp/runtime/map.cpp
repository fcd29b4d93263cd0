// A scan without a carry: iterations side by side.

#include "base/error.h"
#include "compiler/support.h"
#include "tensor/control_flow.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

constexpr int64_t kRows = 37;

ProgramRef map_program() {
  return compile(*trace_of({{DType::F32, {kRows, 24}}, {DType::F32, {24, 24}}}, [](TensorSpan a) {
    return scan(
        [&](TensorSpan x) {
          const Tensor row = ops::reshape(x[0], {1, 24});
          return Tensors{ops::matmul(row, ops::exp(a[1])), ops::sum(row, {1})};
        },
        {}, {a[0]}, kRows, false);
  }));
}

}  // namespace

TEST_CASE("a map gives each slice's result, with the same bits for any number of threads") {
  const Tensor x = random({kRows, 24}, 1), w = random({24, 24}, 2);
  const ProgramRef program = map_program();
  const int before = num_threads();
  set_num_threads(1);
  const Tensors alone = program->run(Tensors{x, w});
  CHECK(alone[0].shape() == Shape{kRows, 1, 24});
  CHECK(alone[1].shape() == Shape{kRows, 1});
  for (const int64_t row : {0, 5, 36}) {
    float sum = 0;
    for (int64_t k = 0; k < 24; ++k) sum += x.data_as<float>()[row * 24 + k];
    CHECK(alone[1].data_as<float>()[row] == doctest::Approx(sum).epsilon(1e-4));
  }
  for (const int threads : {2, 3, 30}) {  // with 30, too few iterations: threads inside instead
    set_num_threads(threads);
    const Tensors together = program->run(Tensors{x, w});
    CHECK(same_bits(alone[0], together[0]));
    CHECK(same_bits(alone[1], together[1]));
  }
  set_num_threads(before);
}

TEST_CASE("a map of a guarded body stops at the first failure") {
  const ProgramRef program = compile(*trace_of({{DType::I32, {8}}}, [](TensorSpan a) {
    return scan(
        [](TensorSpan x) {
          apply(*find_op("check_range"), {x[0]},
                {{"low", int64_t{0}}, {"high", int64_t{5}}, {"subject", std::string("label")}});
          return Tensors{ops::add(x[0], x[0])};
        },
        {}, {a[0]}, 8, false);
  }));
  Tensor good = Tensor::empty(DType::I32, {8}), bad = Tensor::empty(DType::I32, {8});
  for (int i = 0; i < 8; ++i) {
    good.data_as<int32_t>()[i] = i % 5;
    bad.data_as<int32_t>()[i] = i;
  }
  CHECK(program->run(Tensors{good})[0].data_as<int32_t>()[7] == 4);
  CHECK_THROWS_AS(program->run(Tensors{bad}), IndexError);
}
