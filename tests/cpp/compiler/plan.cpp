#include <cmath>

#include "base/error.h"
#include "compiler/lower.h"
#include "compiler/passes/passes.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::compiler;
using namespace ranvier::test;

namespace {

struct Planned {
  Graph graph;
  std::vector<size_t> scratch;
  MemoryPlan plan;
};

Planned planned(const TraceRef& trace, size_t scratch_bytes = 0) {
  Planned p{graph_of(*trace), {}, {}};
  p.scratch.assign(p.graph.nodes.size(), scratch_bytes);
  p.plan = plan_memory(p.graph, p.scratch);
  check_plan(p.graph, p.plan, p.scratch);
  return p;
}

TraceRef chain_trace() {
  return trace_of({{DType::F32, {64, 8}}}, [](TensorSpan args) -> Tensors {
    const Tensor a = ops::exp(args[0]), b = ops::sin(args[0]);
    const Tensor c = ops::transpose(ops::mul(a, b), {1, 0});
    return {ops::matmul(c, ops::add(a, b))};
  });
}

}  // namespace

TEST_CASE("buffers whose lives do not overlap share the arena") {
  const Planned p = planned(trace_of({{DType::F32, {1000}}}, [](TensorSpan args) -> Tensors {
    Tensor x = args[0];
    for (int i = 0; i < 10; ++i) x = ops::roll(x, 1, 0);
    return {x};
  }));
  CHECK(p.plan.arena_bytes <= 2 * 4032);
}

TEST_CASE("element-wise results take over the memory of operands that die") {
  const Planned p = planned(trace_of({{DType::F32, {1000}}}, [](TensorSpan args) -> Tensors {
    const Tensor y = ops::exp(ops::sin(ops::cos(args[0])));
    return {ops::sum(y, {0})};
  }));
  CHECK(p.plan.arena_bytes == 4032);
}

TEST_CASE("the checker finds planted overlaps") {
  Planned p = planned(chain_trace(), 256);
  int found = 0, planted = 0;
  for (size_t i = 0; i < p.plan.storages.size(); ++i)
    for (size_t j = 0; j < p.plan.storages.size(); ++j) {
      const Storage &a = p.plan.storages[i], &b = p.plan.storages[j];
      if (i == j || a.place != Place::Arena || b.place != Place::Arena) continue;
      const bool live_together = a.begin <= b.end && b.begin <= a.end;
      if (!live_together || a.offset == b.offset) continue;
      MemoryPlan broken = p.plan;
      broken.storages[i].offset = b.offset;
      broken.arena_bytes += 1 << 20;
      ++planted;
      try {
        check_plan(p.graph, broken, p.scratch);
      } catch (const InternalError&) {
        ++found;
      }
    }
  CHECK(planted > 4);
  CHECK(found == planted);
}

TEST_CASE("the checker finds steps in a wrong order and lost writes") {
  Planned p = planned(chain_trace());
  MemoryPlan swapped = p.plan;
  std::swap(swapped.order.front(), swapped.order.back());
  CHECK_THROWS_AS(check_plan(p.graph, swapped, p.scratch), InternalError);
  MemoryPlan shorter = p.plan;
  shorter.order.pop_back();
  CHECK_THROWS_AS(check_plan(p.graph, shorter, p.scratch), InternalError);

  const VariableRef v = variable(Tensor::full(DType::F32, {4}, 1), "v");
  Planned w = planned(trace_of({}, [&](TensorSpan) -> Tensors {
    v->assign(ops::add(v->read(), v->read()));
    return {};
  }));
  for (Storage& storage : w.plan.storages)
    if (storage.place == Place::Input) storage.place = Place::Arena;
  CHECK_THROWS_AS(check_plan(w.graph, w.plan, w.scratch), InternalError);
}

TEST_CASE("an update is written straight into its variable") {
  const Mlp mlp(1);
  Graph graph = graph_of(*trace_of({{DType::F32, {4, 6}}, {DType::F32, {4, 3}}},
                                   [&](TensorSpan args) { return mlp.train(args); }));
  const std::vector<size_t> scratch(graph.nodes.size(), 0);
  const size_t before = graph.nodes.size();
  const MemoryPlan plan = plan_memory(graph, scratch);
  check_plan(graph, plan, scratch);
  CHECK(graph.nodes.size() == before);  // no copy was needed
  int written = 0;
  for (const GraphInput& input : graph.inputs) {
    if (input.write == kNone) continue;
    ++written;
    CHECK(plan.storages[plan.storage_of[input.write]].place == Place::Input);
  }
  CHECK(written == 5);
}

TEST_CASE("random graphs plan without conflict") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 engine(seed);
    const auto pick = [&](size_t n) {
      return std::uniform_int_distribution<size_t>(0, n - 1)(engine);
    };
    std::vector<VariableRef> vars;
    for (int i = 0; i < 3; ++i) vars.push_back(variable(random({4, 4}, seed * 10 + i), "v"));
    const TraceRef trace = trace_of({{DType::F32, {4, 4}}}, [&](TensorSpan args) {
      Tensors values{args[0]};
      for (const VariableRef& v : vars) values.push_back(v->read());
      for (int i = 0; i < 30; ++i) {
        const Tensor &a = values[pick(values.size())], &b = values[pick(values.size())];
        switch (pick(6)) {
          case 0:
            values.push_back(ops::matmul(a, b));
            break;
          case 1:
            values.push_back(ops::add(a, b));
            break;
          case 2:
            values.push_back(ops::transpose(a, {1, 0}));
            break;
          case 3:
            values.push_back(ops::tanh(a));
            break;
          case 4:
            values.push_back(ops::reshape(ops::reshape(a, {16}), {4, 4}));
            break;
          default:
            vars[pick(vars.size())]->assign(a);
        }
      }
      for (const VariableRef& v : vars)
        if (pick(2)) v->assign(values[pick(values.size())]);
      return Tensors{values[pick(values.size())], values.back(), vars[0]->read()};
    });
    planned(trace, 64);
  }
}
