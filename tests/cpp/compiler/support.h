#pragma once
// Small models written with the C++ ops, for the tests of compiler and runtime.

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <random>

#include "ops/ops.h"
#include "runtime/program.h"
#include "tensor/tape.h"

namespace ranvier::test {

using Fn = std::function<Tensors(TensorSpan)>;

inline TraceRef trace_of(const Specs& arguments, const Fn& fn) {
  auto trace = make_ref<Trace>();
  const EnvGuard guard(trace.get());
  Tensors symbols;
  for (const TypeSpec& spec : arguments) symbols.push_back(trace->add_argument(spec));
  trace->finish(fn(symbols));
  return trace;
}

inline Tensor random(const Shape& shape, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Tensor tensor = Tensor::empty(DType::F32, shape);
  for (int64_t i = 0; i < shape.size(); ++i) tensor.data_as<float>()[i] = uniform(engine);
  return tensor;
}

inline Tensor copy(const Tensor& tensor) {
  Tensor result = Tensor::empty(tensor.dtype(), tensor.shape());
  std::memcpy(result.data(), tensor.data(), tensor.spec().bytes());
  return result;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && std::memcmp(a.data(), b.data(), a.spec().bytes()) == 0;
}

inline double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.spec() == b.spec());
  double worst = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a.data_as<float>()[i]) -
                                     static_cast<double>(b.data_as<float>()[i])));
  return worst;
}

inline VariableRef variable(Tensor value, const std::string& name) {
  return make_ref<Variable>(std::move(value), name, true);
}

// Gradients of a scalar loss for values of the running trace.
inline Tensors gradients(const Tensor& loss, const Tensors& sources) {
  const std::vector<NodeRef> nodes = current_trace()->nodes();
  const Tensors targets{loss}, seeds{ops::ones_like(loss)};
  return backward(nodes, targets, seeds, sources);
}

// A perceptron with one hidden layer, trained by plain SGD on the squared error.
struct Mlp {
  VariableRef w1, b1, w2, b2, rate, steps;
  explicit Mlp(unsigned seed, int64_t in = 6, int64_t hidden = 5, int64_t out = 3)
      : w1(variable(random({in, hidden}, seed), "w1")),
        b1(variable(random({hidden}, seed + 1), "b1")),
        w2(variable(random({hidden, out}, seed + 2), "w2")),
        b2(variable(random({out}, seed + 3), "b2")),
        rate(variable(Tensor::full(DType::F32, {}, 0.1), "rate")),
        steps(variable(Tensor::full_int(DType::I64, {}, 0), "steps")) {}

  std::vector<VariableRef> weights() const { return {w1, b1, w2, b2}; }

  Tensor forward(const Tensor& x, const Tensors& w) const {
    const Tensor hidden = ops::relu(ops::add(ops::matmul(x, w[0]), w[1]));
    return ops::add(ops::matmul(hidden, w[2]), w[3]);
  }
  Tensors read() const {
    Tensors values;
    for (const VariableRef& weight : weights()) values.push_back(weight->read());
    return values;
  }
  Tensors predict(TensorSpan args) const { return {forward(args[0], read())}; }
  Tensors train(TensorSpan args) const {
    const Tensors values = read();
    const Tensor error = ops::sub(forward(args[0], values), args[1]);
    const Tensor loss = ops::mean(ops::square(error), {0, 1});
    const Tensors grads = gradients(loss, values);
    const auto list = weights();
    for (size_t i = 0; i < list.size(); ++i)
      list[i]->assign(ops::sub(values[i], ops::mul(rate->read(), grads[i])));
    const Tensor count = steps->read();
    steps->assign(ops::add(count, Tensor::full_int(DType::I64, {}, 1)));
    return {loss};
  }
};

}  // namespace ranvier::test
