// The typed errors of base/error.h as Python exceptions, each also the built-in class a user
// expects.

#include "base/error.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

PyObject *g_error, *g_shape, *g_value, *g_dtype, *g_index, *g_graph, *g_memory, *g_internal;

PyObject* make(py::module_& m, const char* name, std::initializer_list<PyObject*> builtins,
               const char* doc) {
  py::list parents;
  if (g_error) parents.append(py::handle(g_error));
  for (PyObject* builtin : builtins) parents.append(py::handle(builtin));
  const py::tuple bases(parents);
  const std::string full = std::string("ranvier.errors.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr);
  if (!type) throw py::error_already_set();
  m.attr(name) = py::handle(type);
  return type;
}

// Most derived first.
bool set_typed_error(const std::exception& e) {
  PyObject* type = nullptr;
  if (dynamic_cast<const ShapeError*>(&e))
    type = g_shape;
  else if (dynamic_cast<const ValueError*>(&e))
    type = g_value;
  else if (dynamic_cast<const DTypeError*>(&e))
    type = g_dtype;
  else if (dynamic_cast<const IndexError*>(&e))
    type = g_index;
  else if (dynamic_cast<const GraphError*>(&e))
    type = g_graph;
  else if (dynamic_cast<const MemoryError*>(&e))
    type = g_memory;
  else if (dynamic_cast<const InternalError*>(&e))
    type = g_internal;
  else if (dynamic_cast<const Error*>(&e))
    type = g_error;
  if (!type) return false;
  PyErr_SetString(type, e.what());
  return true;
}

}  // namespace

void set_python_error() noexcept {
  try {
    throw;
  } catch (py::error_already_set& e) {
    e.restore();
  } catch (const py::builtin_exception& e) {
    e.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    if (!set_typed_error(e)) PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

void bind_errors(py::module_& m) {
  g_error = make(m, "Error", {PyExc_Exception}, "Base of every error Ranvier raises on purpose.");
  // Keras raises ValueError for shapes in its layers and graphs, and JAX TypeError in most eager
  // ops.
  g_shape = make(m, "ShapeError", {PyExc_ValueError, PyExc_TypeError},
                 "Shapes, ranks or lengths do not fit.");
  g_value = make(m, "InvalidValueError", {PyExc_ValueError}, "A value is not acceptable.");
  g_dtype = make(m, "DTypeError", {PyExc_TypeError}, "An element type is not acceptable.");
  g_index = make(m, "RangeError", {PyExc_IndexError}, "A label or an index is out of range.");
  g_graph =
      make(m, "GraphError", {PyExc_RuntimeError}, "A traced tensor is used where it has no value.");
  g_memory = make(m, "OutOfMemoryError", {PyExc_MemoryError}, "Memory could not be had.");
  g_internal =
      make(m, "InternalError", {PyExc_RuntimeError}, "A bug in Ranvier; please report it.");
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Error& e) {
      set_typed_error(e);
    }
  });
}

}  // namespace ranvier::python
