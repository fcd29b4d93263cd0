// Scales and shifts per channel that follow a product of weights are folded into the weights.

#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

// Inference of batch normalization over `channels`, in the running trace.
struct Norm {
  explicit Norm(int64_t channels)
      : mean(variable(random({channels}, 11), "mean")),
        variance(variable(Tensor::full(DType::F32, {channels}, 0.6), "variance")),
        gamma(variable(random({channels}, 12), "gamma")),
        beta(variable(random({channels}, 13), "beta")) {}
  VariableRef mean, variance, gamma, beta;

  Tensor operator()(const Tensor& x) const {
    return apply1(*find_op("batch_norm_infer"),
                  {x, mean->read(), variance->read(), gamma->read(), beta->read()},
                  {{"epsilon", 1e-3}});
  }
};

Tensor conv(const Tensor& x, const Tensor& kernel, int64_t groups = 1) {
  return apply1(*find_op("conv"), {x, kernel},
                {{"strides", Ints{1, 1}}, {"padding", Ints{1, 1, 1, 1}}, {"groups", groups}});
}

Tensor relu6(const Tensor& x) {
  return apply1(*find_op("minimum"), {ops::relu(x), ops::constant_like(x, 6)});
}

// The steps of the folded program, whose results are those of the exact one but for rounding.
std::vector<std::string> folded(const Specs& arguments, const Fn& fn) {
  const TraceRef trace = trace_of(arguments, fn);
  const ProgramRef fast = compile(*trace, {.name = "folded", .exact = false});
  const ProgramRef exact = compile(*trace, {.name = "exact", .exact = true});
  Tensors args;
  for (const TypeSpec& spec : arguments) args.push_back(random(spec.shape, 21));
  const Tensors got = fast->run(args), want = exact->run(args);
  for (size_t i = 0; i < got.size(); ++i) CHECK(largest_difference(got[i], want[i]) < 1e-5);
  std::vector<std::string> names;
  for (const StepInfo& step : fast->stats().steps) names.push_back(step.op);
  return names;
}

const std::vector<std::string> kOneConv{"fused_conv"}, kOneProduct{"fused_matmul"};
const Specs kImage{{DType::F32, {2, 7, 6, 4}}};

}  // namespace

TEST_CASE("convolution, normalization and activation are one step") {
  const VariableRef kernel = variable(random({3, 3, 4, 8}, 1), "kernel");
  const VariableRef bias = variable(random({8}, 2), "bias");
  const Norm norm(8);
  CHECK(folded(kImage, [&](TensorSpan a) -> Tensors {
          return {ops::relu(norm(conv(a[0], kernel->read())))};
        }) == kOneConv);
  CHECK(folded(kImage, [&](TensorSpan a) -> Tensors {
          return {relu6(norm(ops::add(conv(a[0], kernel->read()), bias->read())))};
        }) == kOneConv);
  const VariableRef depthwise = variable(random({3, 3, 1, 4}, 3), "depthwise");
  const Norm narrow(4);
  CHECK(folded(kImage, [&](TensorSpan a) -> Tensors {
          return {relu6(narrow(conv(a[0], depthwise->read(), 4)))};
        }) == kOneConv);
  const VariableRef square = variable(random({3, 3, 4, 4}, 4), "square");
  CHECK(folded(kImage, [&](TensorSpan a) -> Tensors {
          return {ops::relu(ops::add(narrow(conv(a[0], square->read())), a[0]))};
        }) == kOneConv);
}

TEST_CASE("a dense layer takes in the normalization that follows, and layer scale") {
  const Specs rows{{DType::F32, {5, 6}}};
  const VariableRef w = variable(random({6, 8}, 1), "w"), b = variable(random({8}, 2), "b");
  const VariableRef turned = variable(random({8, 6}, 3), "turned");
  const Norm norm(8);
  CHECK(folded(rows, [&](TensorSpan a) -> Tensors {
          return {ops::relu(norm(ops::add(ops::matmul(a[0], w->read()), b->read())))};
        }) == kOneProduct);
  CHECK(folded(rows, [&](TensorSpan a) -> Tensors {
          return {norm(ops::matmul(a[0], turned->read(), false, true))};
        }) == kOneProduct);
  CHECK(folded({{DType::F32, {3, 5, 6}}}, [&](TensorSpan a) -> Tensors {
          const Tensor y = ops::add(ops::matmul(a[0], w->read()), b->read());
          return {ops::mul(ops::reshape(norm.gamma->read(), {1, 1, 8}), y)};
        }) == kOneProduct);
}

TEST_CASE("what others read, and what the program writes, is not folded") {
  const Specs rows{{DType::F32, {5, 6}}};
  const VariableRef w = variable(random({6, 8}, 1), "w");
  const Norm norm(8);
  CHECK(folded(rows, [&](TensorSpan a) -> Tensors {
          const Tensor y = ops::matmul(a[0], w->read());
          return {norm(y), y};
        }).size() == 2);
  const ProgramRef step = compile(*trace_of(rows,
                                            [&](TensorSpan a) -> Tensors {
                                              const Tensor y = norm(ops::matmul(a[0], w->read()));
                                              w->assign(ops::scale(w->read(), 0.5));
                                              return {y};
                                            }),
                                  {.name = "step", .exact = false});
  std::vector<std::string> names;
  for (const StepInfo& info : step->stats().steps) names.push_back(info.op);
  CHECK(std::find(names.begin(), names.end(), "matmul") != names.end());
  // A factor per row of the result is none per channel.
  const VariableRef column = variable(random({5, 1}, 5), "column");
  CHECK(folded(rows, [&](TensorSpan a) -> Tensors {
          return {ops::mul(ops::matmul(a[0], w->read()), column->read())};
        }).size() == 2);
}

TEST_CASE("folded weights follow the statistics") {
  const Specs rows{{DType::F32, {5, 6}}};
  const VariableRef w = variable(random({6, 8}, 1), "w");
  const Norm norm(8);
  const ProgramRef program = compile(
      *trace_of(rows,
                [&](TensorSpan a) -> Tensors { return {norm(ops::matmul(a[0], w->read()))}; }),
      {.name = "folded", .exact = false});
  CHECK(program->stats().prologue_bytes == (6 * 8 + 8) * sizeof(float));
  const Tensors x{random({5, 6}, 7)};
  const Tensor before = program->run(x)[0];
  norm.gamma->assign(ops::scale(norm.gamma->storage(), 2));
  norm.beta->assign(ops::scale(norm.beta->storage(), 2));
  CHECK(largest_difference(program->run(x)[0], ops::scale(before, 2)) < 1e-5);
}
