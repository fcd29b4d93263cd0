// A batch normalization in training takes what follows it onto its store, and its gradient the
// gradient of the relu, with the bits of separate steps.

#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::compiler;
using namespace ranvier::test;

namespace {

const TypeSpec kRows{DType::F32, {40, 6}}, kRow{DType::F32, {6}};

Tensor normalized(const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  return apply(*find_op("batch_norm_train"), {x, gamma, beta}, {{"epsilon", 1e-3}})[0];
}

Tensor weighted(const Tensor& y) { return ops::sum(ops::square(y), {0, 1}); }

// The steps of the compiled function of (x, gamma, beta, other), after its bits were compared with
// those of one step per op.
std::string steps_of(const Fn& fn) {
  const TraceRef trace = trace_of({kRows, kRow, kRow, kRows}, fn);
  const ProgramRef fused = compile(*trace, {.name = "fused", .exact = true, .fuse = true});
  const ProgramRef plain = compile(*trace, {.name = "plain", .exact = true, .fuse = false});
  const Tensors args{random({40, 6}, 1), random({6}, 2), random({6}, 3), random({40, 6}, 4)};
  const Tensors got = fused->run(args), want = plain->run(args);
  for (size_t i = 0; i < want.size(); ++i) CHECK(same_bits(got[i], want[i]));
  std::string text;
  for (const StepInfo& step : fused->stats().steps)
    if (step.op.find("batch_norm") != std::string::npos)
      text += (text.empty() ? "" : " ") + step.op + '(' + step.variant + ')';
  return text;
}

}  // namespace

TEST_CASE("a residual and a relu ride on a batch norm in training") {
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::relu(ops::add(normalized(a[0], a[1], a[2]), a[3]))};
        }) == "fused_batch_norm_train(residual, relu)");
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::add(a[3], normalized(a[0], a[1], a[2]))};
        }) == "fused_batch_norm_train(residual)");
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::relu(normalized(a[0], a[1], a[2]))};
        }) == "fused_batch_norm_train(relu)");
  // Two normalizations that are added: one takes the other's result.
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::relu(ops::add(normalized(a[0], a[1], a[2]), normalized(a[3], a[1], a[2])))};
        }) == "batch_norm_train() fused_batch_norm_train(residual, relu)");
}

TEST_CASE("what else follows a batch norm stays a step") {
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          const Tensor y = normalized(a[0], a[1], a[2]);
          return {y, ops::relu(y)};  // y is a result itself
        }) == "batch_norm_train()");
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::add(normalized(a[0], a[1], a[2]), a[1])};  // a row, not a residual
        }) == "batch_norm_train()");
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          const Tensor y = normalized(a[0], a[1], a[2]);
          return {ops::add(y, ops::sin(y))};  // the other operand needs y
        }) == "batch_norm_train()");
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          return {ops::tanh(normalized(a[0], a[1], a[2]))};
        }) == "batch_norm_train()");
}

TEST_CASE("the gradient of a batch norm goes through the relu that closed it") {
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          const Tensor loss = weighted(ops::relu(normalized(a[0], a[1], a[2])));
          return gradients(loss, {a[0], a[1], a[2]});
        }) == "fused_batch_norm_train(relu) fused_batch_norm_train_grad(relu)");
  // Through a residual the relu's place is not found again.
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          const Tensor loss = weighted(ops::relu(ops::add(normalized(a[0], a[1], a[2]), a[3])));
          return gradients(loss, {a[0], a[1], a[2], a[3]});
        }) == "fused_batch_norm_train(residual, relu) batch_norm_train_grad()");
  // What the relu let pass is a result itself.
  CHECK(steps_of([](TensorSpan a) -> Tensors {
          const Tensor y = normalized(a[0], a[1], a[2]);
          return gradients(weighted(ops::relu(y)), {a[0], y});
        }) == "fused_batch_norm_train(relu) batch_norm_train_grad()");
}
