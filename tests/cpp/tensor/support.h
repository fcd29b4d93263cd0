#pragma once
// Short names for the tests of the tensor floor: scalars, variables, traces of a lambda.

#include "ops/harness.h"
#include "tensor/control_flow.h"

namespace ranvier::test {

using Fn = std::function<Tensors(TensorSpan)>;

inline Tensor scalar(float x) { return Tensor::full(DType::F32, {}, x); }
inline Tensor flag(bool x) { return Tensor::full_int(DType::Bool, {}, x); }
inline float number(const Tensor& t) { return *t.data_as<float>(); }
inline TypeSpec f32_spec(const Shape& shape = {}) { return {DType::F32, shape}; }

inline VariableRef variable(const std::string& name, float x) {
  return make_ref<Variable>(scalar(x), name, true);
}

inline TraceRef trace_of(const Specs& arguments, const Fn& fn) {
  auto trace = make_ref<Trace>();
  const EnvGuard guard(trace.get());
  Tensors symbols;
  for (const TypeSpec& spec : arguments) symbols.push_back(trace->add_argument(spec));
  trace->finish(fn(symbols));
  return trace;
}

// The text of the error that `fn` throws; the error must be an E.
template <class E, class F>
std::string message_of(F&& fn) {
  try {
    fn();
  } catch (const E& error) {
    return error.what();
  }
  FAIL("nothing of the expected type was thrown");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline const NodeRef& node_of(const Trace& trace, const std::string& op) {
  for (const NodeRef& node : trace.nodes())
    if (node->op->name == op) return node;
  FAIL("no node ", op, " in\n", trace.str());
  return trace.nodes()[0];
}

}  // namespace ranvier::test
