// Gradients of tables: never written out where element-wise programs read them, and the same bits.

#include <algorithm>

#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

constexpr int64_t kRows = 500, kColumns = 48;

Tensor indices(unsigned seed, int64_t count) {
  Tensor tensor = Tensor::empty(DType::I32, {count});
  std::mt19937 engine(seed);
  for (int64_t i = 0; i < count; ++i)
    tensor.data_as<int32_t>()[i] = static_cast<int32_t>(engine() % 60);
  return tensor;
}

// One step of `rule` on table and slot; the names of the steps come back in `names`.
template <class Rule>
Tensors stepped(const Rule& rule, bool fuse, std::vector<std::string>* names = nullptr) {
  const VariableRef table = variable(random({kRows, kColumns}, 1), "table");
  const VariableRef slot = variable(random({kRows, kColumns}, 2), "slot");
  const TraceRef trace =
      trace_of({{DType::F32, {90, kColumns}}, {DType::I32, {90}}, {DType::I32, {40}}},
               [&](TensorSpan a) -> Tensors {
                 const Tensor first = ops::rows_grad(a[0], a[1], 0, kRows);
                 const Tensor second =
                     ops::rows_grad(ops::slice(a[0], {0, 0}, {40, kColumns}), a[2], 0, kRows);
                 return rule(*table, *slot, first, second);
               });
  const ProgramRef program = compile(*trace, {.name = "sparse", .exact = true, .fuse = fuse});
  if (names)
    for (const StepInfo& step : program->stats().steps) names->push_back(step.op);
  const Tensor inputs[] = {random({90, kColumns}, 3), indices(4, 90), indices(5, 40)};
  Tensors results = program->run(inputs);
  results.push_back(table->read());
  results.push_back(slot->read());
  return results;
}

template <class Rule>
std::vector<std::string> check_same_bits(const Rule& rule) {
  std::vector<std::string> names;
  const Tensors fused = stepped(rule, true, &names), plain = stepped(rule, false);
  REQUIRE(fused.size() == plain.size());
  for (size_t i = 0; i < fused.size(); ++i) CHECK(same_bits(fused[i], plain[i]));
  return names;
}

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("plain descent moves touched rows only") {
  const auto names = check_same_bits([](Variable& table, Variable&, Tensor first, Tensor) {
    table.assign(ops::sub(table.read(), ops::scale(first, 0.1)));
    return Tensors{};
  });
  CHECK(names == std::vector<std::string>{"group_rows", "pointwise"});
}

TEST_CASE("two lookups of one table are two chains") {
  const auto names = check_same_bits([](Variable& table, Variable&, Tensor first, Tensor second) {
    table.assign(ops::sub(table.read(), ops::scale(ops::add(first, second), 0.1)));
    return Tensors{};
  });
  CHECK_FALSE(has(names, "rows_view"));
  CHECK_FALSE(has(names, "rows_grad"));
}

TEST_CASE("slots that decay everywhere stay dense, the gradient does not become so") {
  const auto names = check_same_bits([](Variable& table, Variable& slot, Tensor first, Tensor) {
    const Tensor moment = ops::add(ops::scale(slot.read(), 0.9), ops::scale(first, 0.1));
    slot.assign(moment);
    table.assign(ops::sub(table.read(), ops::scale(moment, 0.5)));
    return Tensors{};
  });
  CHECK(names == std::vector<std::string>{"group_rows", "pointwise"});
}

TEST_CASE("a norm and the step that it scales") {
  check_same_bits([](Variable& table, Variable&, Tensor first, Tensor second) {
    const Tensor gradient = ops::add(first, second);
    const Tensor norm = ops::sqrt(ops::sum_all(ops::square(gradient)));
    const Tensor factor = ops::reciprocal(ops::maximum(norm, ops::constant_like(norm, 1)));
    table.assign(ops::sub(table.read(), ops::mul(gradient, factor)));
    return Tensors{norm};
  });
}

TEST_CASE("who is no element-wise program gets the dense gradient") {
  const auto names = check_same_bits([](Variable& table, Variable&, Tensor first, Tensor) {
    table.assign(ops::sub(table.read(), first));
    return Tensors{ops::matmul(first, first, true, false)};
  });
  CHECK(has(names, "rows_view"));
}

TEST_CASE("a step that is not finite spreads as in the dense form") {
  const auto infinite = [](Variable& table, Variable&, Tensor first, Tensor) {
    const Tensor norm = ops::sqrt(ops::neg(ops::sum_all(ops::square(first))));  // NaN
    table.assign(ops::sub(table.read(), ops::mul(first, norm)));
    return Tensors{};
  };
  const Tensors result = stepped(infinite, true);
  const float* values = result[0].data_as<float>();
  CHECK(std::all_of(values, values + kRows * kColumns, [](float v) { return v != v; }));
}

namespace {

// A step of plain descent on scores of row 0 of each list of indices against the other rows.
struct SkipGram {
  VariableRef table = variable(random({kRows, kColumns}, 1), "table");

  Tensors step(TensorSpan a) const {
    const Tensor rows = ops::take(table->read(), a[0], 0);
    const Tensor word = ops::slice(rows, {0, 0, 0}, {30, 1, kColumns});
    const Tensor others = ops::slice(rows, {0, 1, 0}, {30, 4, kColumns});
    const Tensor scores = ops::sum(ops::mul(word, others), {2});
    const Tensor loss = ops::mean(ops::square(scores), {0, 1});
    const Tensors grads = gradients(loss, {table->read()});
    table->assign(ops::sub(table->read(), ops::scale(grads[0], 0.5)));
    return {loss};
  }
  ProgramRef program(bool exact, bool fuse) const {
    const TraceRef trace =
        trace_of({{DType::I32, {30, 5}}}, [this](TensorSpan a) { return step(a); });
    return compile(*trace, {.name = "skip_gram", .exact = exact, .fuse = fuse});
  }
};

Tensor pairs() {
  const Tensor flat = indices(6, 150);
  Tensor tensor = Tensor::empty(DType::I32, {30, 5});
  std::memcpy(tensor.data(), flat.data(), tensor.spec().bytes());
  tensor.data_as<int32_t>()[7] = -3;  // from the end
  tensor.data_as<int32_t>()[8] = kRows + 9;
  return tensor;
}

}  // namespace

TEST_CASE("a step over pairs of rows copies no row that it need not") {
  const SkipGram fused, plain, exact;
  const ProgramRef program = fused.program(false, true);
  std::vector<std::string> names;
  for (const StepInfo& step : program->stats().steps) names.push_back(step.op);
  CHECK_FALSE(has(names, "pad"));
  CHECK_FALSE(has(names, "rows_grad"));
  CHECK(std::count(names.begin(), names.end(), "take") == 1);  // the shared rows of the gradient
  CHECK(program->stats().arena_bytes < static_cast<size_t>(kRows * kColumns * 4));
  const Tensor input = pairs();
  for (int i = 0; i < 3; ++i) {
    const Tensors a = program->run({&input, 1}), b = plain.program(false, false)->run({&input, 1}),
                  c = exact.program(true, true)->run({&input, 1});
    CHECK(largest_difference(a[0], b[0]) < 1e-6);
    CHECK(same_bits(b[0], c[0]));
    CHECK(largest_difference(fused.table->read(), plain.table->read()) < 1e-6);
    CHECK(same_bits(exact.table->read(), plain.table->read()));
  }
}

TEST_CASE("rows of half precision and of integers are looked up in programs") {
  const Tensor input = pairs();
  for (DType dtype : {DType::F16, DType::BF16, DType::I32, DType::F64}) {
    const Tensor table = ops::cast(ops::scale(random({kRows, kColumns}, 7), 9), dtype);
    const auto run = [&](bool fuse) {
      const TraceRef trace = trace_of(
          {{dtype, {kRows, kColumns}}, {DType::I32, {30, 5}}}, [](TensorSpan a) -> Tensors {
            const Tensor rows = ops::take(a[0], a[1], 0);
            return {ops::add(rows, rows), ops::cast(ops::neg(rows), DType::F32)};
          });
      const ProgramRef program = compile(*trace, {.name = "half", .exact = true, .fuse = fuse});
      if (fuse)
        for (const StepInfo& step : program->stats().steps) CHECK(step.op != std::string("take"));
      const Tensor inputs[] = {table, input};
      return program->run(inputs);
    };
    const Tensors fused = run(true), plain = run(false);
    for (size_t i = 0; i < fused.size(); ++i) CHECK(same_bits(fused[i], plain[i]));
  }
}
