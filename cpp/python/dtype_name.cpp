// What `tensor.dtype` gives: a string, Keras' name of the dtype, that also equals NumPy's dtypes
// and scalar types of that name and has the attributes of the NumPy dtype (`kind`, `itemsize`,
// ...).

#include "python/common.h"

namespace ranvier::python {
namespace {

PyObject* g_names[kDTypeCount] = {};

// numpy.dtype(object).name, or nothing where NumPy knows no such dtype.
py::object numpy_name(PyObject* object) {
  try {
    return py::dtype::from_args(py::reinterpret_borrow<py::object>(object)).attr("name");
  } catch (py::error_already_set& e) {
    if (!e.matches(PyExc_TypeError)) throw;
    return py::none();
  }
}

PyObject* compare(PyObject* self, PyObject* other, int op) {
  if (PyUnicode_Check(other)) return PyUnicode_Type.tp_richcompare(self, other, op);
  const bool dtype_like = PyType_Check(other) || PyObject_HasAttrString(other, "itemsize");
  if ((op != Py_EQ && op != Py_NE) || !dtype_like) Py_RETURN_NOTIMPLEMENTED;
  try {
    const py::object name = numpy_name(other);
    if (name.is_none()) Py_RETURN_NOTIMPLEMENTED;
    return PyUnicode_Type.tp_richcompare(self, name.ptr(), op);
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

Py_hash_t hash(PyObject* self) { return PyUnicode_Type.tp_hash(self); }

PyObject* attribute(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  const char* text = PyUnicode_AsUTF8(name);
  if (!text || text[0] == '_') return nullptr;
  PyErr_Clear();
  try {
    const char* own = PyUnicode_AsUTF8(self);
    return py::object(numpy_dtype(dtype_from_name(own)).attr(py::handle(name))).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

// Copies and pickles are plain strings.
PyObject* reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("O(N)", &PyUnicode_Type, PyUnicode_FromObject(self));
}

PyMethodDef g_methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

PyType_Slot g_slots[] = {
    {Py_tp_doc, const_cast<char*>("Name of a dtype; equals NumPy's dtype of that name.")},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_hash, reinterpret_cast<void*>(hash)},
    {Py_tp_getattro, reinterpret_cast<void*>(attribute)},
    {Py_tp_methods, g_methods},
    {0, nullptr},
};

PyType_Spec g_spec{"ranvier._core.DTypeName", 0, 0, Py_TPFLAGS_DEFAULT, g_slots};

}  // namespace

py::object dtype_name(DType dtype) {
  return py::reinterpret_borrow<py::object>(g_names[static_cast<int>(dtype)]);
}

void bind_dtype_names(py::module_& m) {
  const auto base = py::make_tuple(py::handle(reinterpret_cast<PyObject*>(&PyUnicode_Type)));
  const auto type =
      py::reinterpret_steal<py::object>(PyType_FromSpecWithBases(&g_spec, base.ptr()));
  if (!type) throw py::error_already_set();
  m.attr("DTypeName") = type;
  for (int i = 0; i < kDTypeCount; ++i)
    g_names[i] = type(name_of(static_cast<DType>(i))).release().ptr();
}

}  // namespace ranvier::python
