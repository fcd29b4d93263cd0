#include "runtime/loop.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "compiler/support.h"
#include "runtime/roofline.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// Sums the rows it sees into a variable and returns their row sums.
struct Summing {
  VariableRef total = variable(Tensor::full(DType::F32, {3}, 0), "total");
  ProgramRef program(int64_t batch) const {
    return compile(*trace_of({{DType::F32, {batch, 3}}}, [&](TensorSpan a) -> Tensors {
      total->assign(ops::add(total->read(), ops::sum(a[0], {0})));
      return {ops::sum(a[0], {1}), ops::sum(a[0], {0})};
    }));
  }
};

LoopEvent run_all(EpochLoop& loop, const Summing& model) {
  for (;;) {
    const LoopEvent event = loop.run(10, -1);
    if (event == LoopEvent::NeedProgram)
      loop.set_program(loop.needed_batch(), model.program(loop.needed_batch()));
    else if (event != LoopEvent::Waiting)
      return event;
  }
}

}  // namespace

TEST_CASE("an epoch sees every row once, the smaller last batch too") {
  for (const DType dtype : {DType::F32, DType::U8}) {
    constexpr int64_t kRows = 23;
    Tensor data = Tensor::empty(dtype, {kRows, 3});
    float expected[3] = {0, 0, 0};
    for (int64_t i = 0; i < kRows * 3; ++i) {
      if (dtype == DType::U8)
        data.data_as<uint8_t>()[i] = static_cast<uint8_t>(i);
      else
        data.data_as<float>()[i] = static_cast<float>(i);
      expected[i % 3] += static_cast<float>(i);
    }
    std::vector<int64_t> order(kRows);
    std::iota(order.begin(), order.end(), 0);
    std::reverse(order.begin(), order.end());
    for (const bool shuffled : {false, true}) {
      const Summing model;
      EpochLoop loop({{data.data(), dtype, {3}, DType::F32}}, kRows, 5);
      std::vector<float> rows(kRows, -1);
      loop.set_results({rows.data(), nullptr});
      loop.start_epoch(shuffled ? std::span<const int64_t>(order) : std::span<const int64_t>());
      CHECK(loop.steps() == 5);
      CHECK(run_all(loop, model) == LoopEvent::EpochEnd);
      CHECK(loop.step() == 5);
      for (int i = 0; i < 3; ++i) CHECK(model.total->storage().data_as<float>()[i] == expected[i]);
      for (int64_t i = 0; i < kRows; ++i) {
        const int64_t row = shuffled ? order[static_cast<size_t>(i)] : i;
        CHECK(rows[static_cast<size_t>(i)] == static_cast<float>(9 * row + 3));
      }
      const Tensors last = loop.outputs();
      REQUIRE(last.size() == 1);
      CHECK(last[0].shape() == Shape{3});
    }
  }
}

TEST_CASE("the loop returns after the steps or the time asked for") {
  const Summing model;
  const Tensor data = random({1000, 3}, 1);
  EpochLoop loop({{data.data(), DType::F32, {3}, DType::F32}}, 1000, 1);
  loop.set_program(1, model.program(1));
  loop.start_epoch({});
  CHECK(loop.run(10, 7) == LoopEvent::StepLimit);
  CHECK(loop.step() == 7);
  CHECK(loop.run(0, -1) == LoopEvent::Timer);
  CHECK(loop.step() > 7);
  CHECK(loop.step() < 1000);
  loop.start_epoch({}, 3);
  CHECK(loop.run(10, -1) == LoopEvent::EpochEnd);
  CHECK(loop.step() == 3);
}

TEST_CASE("another thread may read between two returns") {
  const Summing model;
  const Tensor data = random({4000, 3}, 1);
  EpochLoop loop({{data.data(), DType::F32, {3}, DType::F32}}, 4000, 1);
  loop.set_program(1, model.program(1));
  std::atomic<int> reads{0};
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const VariableLock lock(*model.total, false);
      ++reads;
    }
  });
  int waits = 0;
  for (int epoch = 0; epoch < 2000 && (waits == 0 || reads < 5); ++epoch) {
    loop.start_epoch({});
    for (LoopEvent event; (event = loop.run(10, -1)) != LoopEvent::EpochEnd;)
      waits += event == LoopEvent::Waiting;
  }
  stop = true;
  reader.join();
  CHECK(waits > 0);
  CHECK(reads >= 5);
}

TEST_CASE("a guard that fails leaves the loop at the failing batch") {
  const VariableRef v = variable(Tensor::full(DType::F32, {}, 0), "v");
  const ProgramRef program = compile(*trace_of({{DType::I32, {2}}}, [&](TensorSpan a) -> Tensors {
    apply(*find_op("check_range"), {a[0]}, {{"low", int64_t{0}}, {"high", int64_t{3}}});
    v->assign(ops::shift(v->read(), 1));
    return {};
  }));
  std::vector<int32_t> labels{0, 1, 2, 2, 7, 0};
  EpochLoop loop({{labels.data(), DType::I32, {}, DType::I32}}, 6, 2);
  loop.set_program(2, program);
  loop.start_epoch({});
  CHECK_THROWS_AS(loop.run(10, -1), IndexError);
  CHECK(loop.step() == 2);
  CHECK(*v->storage().data_as<float>() == 2);
  CHECK(v->lock_word == 0);
}

TEST_CASE("wrong programs and sources are refused") {
  const Summing model;
  const Tensor data = random({8, 3}, 1);
  EpochLoop loop({{data.data(), DType::F32, {3}, DType::F32}}, 8, 4);
  CHECK_THROWS_AS(loop.set_program(4, model.program(5)), InternalError);
  CHECK_THROWS_AS(EpochLoop({{data.data(), DType::F32, {3}, DType::Bool}}, 8, 4), ValueError);
  CHECK_THROWS_AS(EpochLoop({}, 8, 0), ValueError);
}

TEST_CASE("the machine's limits") {
  CHECK(machine_roofline().flops_per_second > 1e6);
  CHECK(machine_roofline().bytes_per_second > 1e6);
  CHECK(machine_roofline().barrier_seconds > 0);
}
