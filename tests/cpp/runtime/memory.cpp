// What programs of one model share: working memory and results of the prologue.

#include <atomic>
#include <thread>

#include "base/arena.h"
#include "base/error.h"
#include "compiler/support.h"
#include "runtime/loop.h"
#include "runtime/prologue.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// Two products whose weights are packed, with something wide in between.
struct Net {
  VariableRef a = variable(random({300, 1600}, 1), "a"), b = variable(random({1600, 300}, 2), "b");

  ProgramRef program(int64_t rows, const char* name = "net") const {
    return compile(*trace_of({{DType::F32, {rows, 300}}},
                             [&](TensorSpan x) -> Tensors {
                               const Tensor h = ops::relu(ops::matmul(x[0], a->read()));
                               return {ops::matmul(h, b->read())};
                             }),
                   {.name = name});
  }
};

Tensor ones(int64_t rows) { return Tensor::full(DType::F32, {rows, 300}, 1); }

}  // namespace

TEST_CASE("programs of many batch sizes work in one arena and pack the weights once") {
  release_idle_arenas();
  const HeldStats before = held_stats();
  const Net net;
  std::vector<ProgramRef> programs;
  for (int64_t rows = 16; rows <= 40; ++rows) programs.push_back(net.program(rows));
  size_t largest = 0;
  for (int round = 0; round < 2; ++round)
    for (size_t i = 0; i < programs.size(); ++i) {
      const auto rows = static_cast<int64_t>(16 + i);
      const Tensors y = programs[i]->run(Tensors{ones(rows)});
      const Tensor expected =
          ops::matmul(ops::relu(ops::matmul(ones(rows), net.a->storage())), net.b->storage());
      CHECK(largest_difference(y[0], expected) < 1e-2);
      largest = std::max(largest, programs[i]->stats().arena_bytes);
    }
  REQUIRE(largest > (64 << 10));
  CHECK(arena_stats().count == 1);
  CHECK(arena_stats().idle_bytes == arena_stats().bytes);
  CHECK(arena_stats().bytes == arena_stats().largest_need);
  const ProgramStats one = programs[0]->stats();
  REQUIRE(one.prologue_bytes >= (300 * 1600 + 1600 * 300) * sizeof(float));
  CHECK(held_stats().bytes - before.bytes == one.prologue_bytes);

  net.a->assign(random({300, 1600}, 3));  // both sizes follow, and still hold one copy
  for (const ProgramRef& program : {programs[0], programs[5]}) {
    const auto rows = program->argument_specs()[0].shape[0];
    const Tensor expected =
        ops::matmul(ops::relu(ops::matmul(ones(rows), net.a->storage())), net.b->storage());
    CHECK(largest_difference(program->run(Tensors{ones(rows)})[0], expected) < 1e-2);
  }
  CHECK(held_stats().bytes - before.bytes == one.prologue_bytes);

  programs.clear();
  CHECK(held_stats().parts == before.parts);
  CHECK(arena_stats().bytes <= arena_stats().largest_need);
}

TEST_CASE("what differs in a number, a constant, the way weights lie or their variable is apart") {
  const HeldStats before = held_stats();
  const VariableRef w = variable(random({256, 256}, 1), "w"),
                    v = variable(random({256, 256}, 1), "v");
  const auto held = [&](const std::function<Tensor()>& weight) {
    return compile(*trace_of({{DType::F32, {8, 256}}}, [&](TensorSpan x) -> Tensors {
      return {ops::matmul(x[0], weight())};
    }));
  };
  const Tensor c1 = Tensor::full(DType::F32, {256, 1}, 2),
               c2 = Tensor::full(DType::F32, {256, 1}, 3);
  const std::vector<ProgramRef> programs{
      held([&] { return w->read(); }),
      held([&] { return v->read(); }),
      held([&] {
        return ops::transpose(w->read(), {1, 0});
      }),
      held([&] { return ops::exp(ops::scale(w->read(), 1.001)); }),
      held([&] { return ops::exp(ops::scale(w->read(), 1.0010005)); }),
      held([&] { return ops::mul(w->read(), c1); }),
      held([&] { return ops::mul(w->read(), c2); }),
  };
  CHECK(held_stats().parts - before.parts == programs.size());
  const ProgramRef again = held([&] { return ops::mul(w->read(), copy(c1)); });
  CHECK(held_stats().parts - before.parts == programs.size());
  const Tensor x = Tensor::full(DType::F32, {8, 256}, 1);
  CHECK(largest_difference(again->run(Tensors{x})[0], ops::matmul(x, ops::scale(w->storage(), 2))) <
        1e-3);
  CHECK(largest_difference(programs[2]->run(Tensors{x})[0],
                           ops::matmul(x, w->storage(), false, true)) < 1e-3);
}

TEST_CASE("the epoch loop holds an arena only while it runs") {
  release_idle_arenas();
  const Net net;
  const Tensor data = ones(40);
  EpochLoop loop({{data.data(), DType::F32, {300}, DType::F32}}, 40, 24);
  loop.set_program(24, net.program(24));
  loop.set_program(16, net.program(16));
  CHECK(arena_stats().count == 0);
  loop.start_epoch({});
  CHECK(loop.run(10, 1) == LoopEvent::StepLimit);
  CHECK(arena_stats().idle_bytes == arena_stats().bytes);
  CHECK(loop.run(10, -1) == LoopEvent::EpochEnd);
  CHECK(arena_stats().count == 1);
  CHECK(arena_stats().idle_bytes == arena_stats().bytes);
}

TEST_CASE("a guard that fails gives the arena back") {
  release_idle_arenas();
  const VariableRef w = variable(random({256, 4000}, 1), "w");
  const ProgramRef program =
      compile(*trace_of({{DType::F32, {8, 256}}, {DType::I32, {3}}}, [&](TensorSpan a) -> Tensors {
        apply(*find_op("check_range"), {a[1]}, {{"low", int64_t{0}}, {"high", int64_t{4}}});
        return {ops::sum(ops::relu(ops::matmul(a[0], w->read())), {1})};
      }));
  REQUIRE(program->stats().arena_bytes > (64 << 10));
  const Tensor x = random({8, 256}, 3);
  for (int i = 0; i < 3; ++i)
    CHECK_THROWS_AS(program->run(Tensors{x, Tensor::full_int(DType::I32, {3}, 4)}), IndexError);
  CHECK(arena_stats().count == 1);
  CHECK(arena_stats().idle_bytes == arena_stats().bytes);
}

TEST_CASE("programs of many sizes run from several threads at once, each in its own arena") {
  const Net net;
  std::vector<ProgramRef> programs;
  std::vector<Tensor> expected;
  for (int64_t rows = 16; rows < 22; ++rows) {
    programs.push_back(net.program(rows));
    expected.push_back(programs.back()->run(Tensors{ones(rows)})[0]);
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (size_t id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      for (size_t i = 0; i < 60; ++i) {
        const size_t k = (i * (id + 1)) % programs.size();
        const Tensors y = programs[k]->run(Tensors{ones(static_cast<int64_t>(16 + k))});
        if (!same_bits(y[0], expected[k])) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
