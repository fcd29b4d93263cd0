// Host functions: the table is Python's (ops/_host.py); here are the two ways into it.

#include "ops/host_call.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

// Set once when the package loads, alive as long as the process.
PyObject *g_call = nullptr, *g_gradients = nullptr;

// A copy: the function may keep it, the program's memory goes on.
py::array copy_of(const TypeSpec& spec, const void* data) {
  const Shape& shape = spec.shape;
  return py::array(numpy_dtype(spec.dtype), std::vector<py::ssize_t>(shape.begin(), shape.end()),
                   data);
}

// The memory itself; only the dispatcher sees it, which fills it.
py::array view_of(const TypeSpec& spec, void* data) {
  const Shape& shape = spec.shape;
  return py::array(numpy_dtype(spec.dtype), std::vector<py::ssize_t>(shape.begin(), shape.end()),
                   data, py::capsule(data, [](void*) {}));
}

bool call(const ops::HostCall& host, std::string& error) noexcept {
  const py::gil_scoped_acquire gil;
  try {
    py::tuple inputs(host.inputs.size()), outputs(host.outputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = copy_of(host.inputs[i], host.in[i]);
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = view_of(host.outputs[i], host.out[i]);
    const py::object failure = py::handle(g_call)(host.function, inputs, outputs);
    if (failure.is_none()) return true;
    error = failure.cast<std::string>();
  } catch (const std::exception& e) {
    error = e.what();
  }
  return false;
}

Tensors gradients(int64_t function, const VjpArgs& args) {
  const py::gil_scoped_acquire gil;
  py::list grads;
  for (const Tensor& grad : args.grads) grads.append(grad ? py::cast(grad) : py::none());
  const py::object found =
      py::handle(g_gradients)(function, args.node.inputs, args.node.outputs, grads);
  Tensors result;
  for (py::handle item : found)
    result.push_back(item.is_none() ? Tensor() : to_tensor(item, py::none()));
  return result;
}

}  // namespace

void bind_host(py::module_& m) {
  m.def("set_host_language", [](const py::function& call_fn, const py::function& gradients_fn) {
    g_call = call_fn.inc_ref().ptr();
    g_gradients = gradients_fn.inc_ref().ptr();
    ops::set_host_language({call, gradients});
  });
}

}  // namespace ranvier::python
