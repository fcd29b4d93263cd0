// Structured control flow with Python functions as bodies, called once while they are traced.

#include <atomic>

#include "ops/custom_gradient.h"
#include "python/common.h"
#include "runtime/program.h"

namespace ranvier::python {
namespace {

BodyFn body_function(const py::function& fn) {
  return [fn](TensorSpan arguments) {
    py::tuple args(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) args[i] = py::cast(arguments[i]);
    return to_tensors(fn(*args));
  };
}

// Keeps the Python function until no graph needs it; programs are dropped by any thread.
struct PythonRule : ops::GradientRule {
  explicit PythonRule(py::function rule) : fn(std::move(rule)), id(next_id++) {}
  ~PythonRule() override {
    py::gil_scoped_acquire gil;
    fn = py::function();
  }
  std::string str() const override { return "rule#" + std::to_string(id); }
  Tensors gradients(const Tensor& dy) const override {
    py::gil_scoped_acquire gil;
    Tensors grads;
    for (py::handle item : py::object(fn(dy)))
      grads.push_back(item.is_none() ? Tensor() : to_tensor(item, py::none()));
    return grads;
  }

  py::function fn;
  const int64_t id;
  static inline std::atomic<int64_t> next_id{0};
};

std::function<Tensors()> branch_function(const py::function& fn) {
  return [fn] { return to_tensors(fn()); };
}

}  // namespace

void bind_control_flow(py::module_& m) {
  install_control_flow();  // loops on values compile their bodies, too
  m.def("cond",
        [](const Tensor& predicate, const py::function& then_fn, const py::function& else_fn) {
          return cond(predicate, branch_function(then_fn), branch_function(else_fn));
        });
  m.def(
      "while_loop",
      [](const py::function& condition, const py::function& body, py::handle carry,
         int64_t max_iterations) {
        return while_loop(body_function(condition), body_function(body), to_tensors(carry),
                          max_iterations);
      },
      py::arg("cond"), py::arg("body"), py::arg("carry"), py::arg("max_iterations") = -1);
  m.def(
      "scan",
      [](const py::function& body, py::handle carry, py::handle xs, int64_t length, bool reverse) {
        return scan(body_function(body), to_tensors(carry), to_tensors(xs), length, reverse);
      },
      py::arg("body"), py::arg("carry"), py::arg("xs"), py::arg("length") = -1,
      py::arg("reverse") = false);
  m.def("with_gradient", [](const Tensor& value, py::handle operands, const py::function& rule) {
    const Ref<PythonRule> kept = make_ref<PythonRule>(rule);
    return ops::with_gradient(value, to_tensors(operands), Ref<ops::GradientRule>(kept.get()));
  });
  m.def("with_traced_gradient",
        [](const Tensor& value, py::handle operands, const py::function& rule) {
          return ops::with_traced_gradient(value, to_tensors(operands), PythonRule(rule));
        });
  m.def("call", [](const TraceRef& trace, py::handle arguments) {
    return call(*trace, to_tensors(arguments));
  });
}

}  // namespace ranvier::python
