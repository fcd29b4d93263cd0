#pragma once
// Checks of records in float64: gradients against central differences, to any order, on values and
// through a trace.

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/ops.h"
#include "tensor/tape.h"

namespace ranvier::test {

// Deterministic values in [low, high], all different and off the grid where kinks lie.
inline Tensor values(const Shape& shape, double low = -1, double high = 1, uint32_t seed = 1) {
  Tensor t = Tensor::empty(DType::F64, shape);
  uint64_t state = seed * 2654435761u + 12345;
  for (int64_t i = 0; i < t.size(); ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    t.data_as<double>()[i] = low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53;
  }
  return t;
}

template <class T>
Tensor tensor(DType dtype, const Shape& shape, const std::vector<T>& data) {
  Tensor t = Tensor::empty(dtype, shape);
  REQUIRE(static_cast<int64_t>(data.size()) == t.size());
  for (size_t i = 0; i < data.size(); ++i) t.data_as<T>()[i] = data[i];
  return t;
}
inline Tensor f32(const Shape& shape, const std::vector<float>& data) {
  return tensor<float>(DType::F32, shape, data);
}
inline Tensor i32(const Shape& shape, const std::vector<int32_t>& data) {
  return tensor<int32_t>(DType::I32, shape, data);
}
inline Tensor seed(uint32_t a, uint32_t b) { return tensor<uint32_t>(DType::U32, {2}, {a, b}); }

template <class T>
void expect_values(const Tensor& t, const Shape& shape, const std::vector<T>& expected,
                   double tolerance = 0) {
  CHECK(t.shape() == shape);
  REQUIRE(t.size() == static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(static_cast<double>(t.data_as<T>()[i]) - static_cast<double>(expected[i])) <=
          tolerance);
  }
}

inline const OpRecord& op(const char* name) {
  const OpRecord* record = find_op(name);
  REQUIRE(record != nullptr);
  return *record;
}
inline Tensors run(const char* name, Tensors inputs, Attrs attrs = {}) {
  return apply(op(name), std::move(inputs), std::move(attrs));
}
inline Tensor run1(const char* name, Tensors inputs, Attrs attrs = {}) {
  return apply1(op(name), std::move(inputs), std::move(attrs));
}

// A scalar function of tensors.
using Scalar = std::function<Tensor(TensorSpan)>;

// The sum of all floating outputs, each element with its own weight.
inline Tensor weighted_sum(TensorSpan outputs) {
  Tensor total;
  uint32_t number = 100;
  for (const Tensor& out : outputs) {
    ++number;
    if (!is_floating(out.dtype()) || out.size() == 0) continue;
    const Tensor weights = values(out.shape(), 0.5, 1.5, number);
    total = ops::accumulate(total, ops::sum_all(ops::mul(ops::cast(out, DType::F64), weights)));
  }
  return total;
}

inline Tensors gradients(const Scalar& f, TensorSpan inputs) {
  Tape tape;
  tape.start();
  for (const Tensor& x : inputs) {
    if (is_floating(x.dtype())) tape.watch(x);
  }
  const Tensor y = f(inputs);
  tape.stop();
  return tape.gradient(std::vector<Tensor>{y}, {}, inputs);
}

inline double value(const Tensor& t) { return *t.data_as<double>(); }

inline Tensor moved(const Tensor& x, int64_t i, double by) {
  const Tensor copy = Tensor::empty(x.dtype(), x.shape());
  for (int64_t k = 0; k < x.size(); ++k) copy.data_as<double>()[k] = x.data_as<double>()[k];
  copy.data_as<double>()[i] += by;
  return copy;
}

// Tape gradients of f against central differences, for every element of every floating input.
inline void expect_gradient(const Scalar& f, const Tensors& inputs, double tolerance) {
  const Tensors grads = gradients(f, inputs);
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (inputs[k].dtype() != DType::F64) continue;
    CAPTURE(k);
    if (grads[k]) CHECK(grads[k].spec() == inputs[k].spec());
    for (int64_t i = 0; i < inputs[k].size(); ++i) {
      CAPTURE(i);
      const double step = 1e-5;
      Tensors up = inputs, down = inputs;
      up[k] = moved(inputs[k], i, step);
      down[k] = moved(inputs[k], i, -step);
      const double expected = (value(f(up)) - value(f(down))) / (2 * step);
      const double got = grads[k] ? grads[k].data_as<double>()[i] : 0.0;
      CHECK(std::abs(got - expected) <= tolerance * (1 + std::abs(expected)));
    }
  }
}

// The sum of f's gradients, each element with its own weight: its gradient is second order.
inline Scalar gradient_sum(const Scalar& f) {
  return [f](TensorSpan inputs) {
    Tensors found;
    for (const Tensor& grad : gradients(f, inputs))
      found.push_back(grad ? grad : Tensor::full(DType::F64, {}, 0));
    return weighted_sum(found);
  };
}

// The same gradient through a trace that is replayed on the values: symbols and values agree.
inline void expect_same_traced(const Scalar& f, const Tensors& inputs) {
  const TraceRef trace = make_ref<Trace>();
  std::vector<size_t> places;
  {
    EnvGuard guard(trace.get());
    Tensors symbols, outputs;
    for (const Tensor& x : inputs) symbols.push_back(trace->add_argument(x.spec()));
    const Tensors grads = gradients(f, symbols);
    for (size_t k = 0; k < grads.size(); ++k) {
      if (!grads[k]) continue;
      places.push_back(k);
      outputs.push_back(grads[k]);
    }
    trace->finish(outputs);
  }
  const Tensors replayed = replay(*trace, inputs), eager = gradients(f, inputs);
  for (size_t n = 0; n < places.size(); ++n) {
    const Tensor& expected = eager[places[n]];
    REQUIRE(replayed[n].spec() == expected.spec());
    if (expected.dtype() != DType::F64) continue;
    for (int64_t i = 0; i < expected.size(); ++i)
      CHECK(replayed[n].data_as<double>()[i] == expected.data_as<double>()[i]);
  }
}

struct Row {
  std::string op;
  Tensors inputs;
  Attrs attrs;
  int order = 2;
};

inline void check_row(const Row& row) {
  CAPTURE(row.op);
  CAPTURE(row.attrs.str());
  const Scalar f = [&row](TensorSpan inputs) {
    return weighted_sum(
        apply(op(row.op.c_str()), Tensors(inputs.begin(), inputs.end()), row.attrs));
  };
  expect_gradient(f, row.inputs, 1e-6);
  expect_same_traced(f, row.inputs);
  if (row.order >= 2) expect_gradient(gradient_sum(f), row.inputs, 1e-5);
}

}  // namespace ranvier::test
