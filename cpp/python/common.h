#pragma once
// What the binding files share. Bindings convert, release the GIL and call; they hold no logic.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "tensor/control_flow.h"
#include "tensor/tape.h"

// Ref counts inside the object, so a holder can be made from a bare pointer at any time.
PYBIND11_DECLARE_HOLDER_TYPE(T, ranvier::Ref<T>, true)

namespace ranvier::python {

namespace py = pybind11;

// Sets the Python error for the C++ exception in flight; for functions that pybind11 does not wrap.
void set_python_error() noexcept;

// The Tensor inside a Python object, or nullptr. Exact type, no conversion: one pointer comparison.
const Tensor* as_tensor(PyObject* object) noexcept;
// py::cast without the search for the type's record, a tenth of a small op.
py::object from_tensor(Tensor tensor);
Tensor to_tensor(py::handle object, py::handle dtype);  // copies arrays, scalars, lists
bool lies_as_tensor(const py::array& array);  // dense, aligned, in this machine's byte order
Tensor borrow_or_copy(py::handle object,
                      DType dtype);         // wraps a dense array of that dtype in place
py::object to_numpy(const Tensor& tensor);  // read-only view
py::object to_own_array(Tensor tensor);     // writable: of a tensor that nobody else sees
DType dtype_of(py::handle name_or_dtype);
Shape shape_of(py::handle sequence);
py::tuple to_tuple(const Shape& shape);
py::dtype numpy_dtype(DType dtype);
py::object dtype_name(DType dtype);  // a string with the ways of a NumPy dtype

Attrs to_attrs(py::handle dict_or_none);
Tensors to_tensors(py::handle sequence);
py::object from_outputs(Tensors outputs);  // one tensor bare, several as a tuple

void bind_errors(py::module_& m);
void bind_dtype_names(py::module_& m);
void bind_tensor(py::module_& m);
void bind_dlpack(py::module_& m, py::class_<Tensor>& tensor);
void bind_ops(py::module_& m);
void bind_state(py::module_& m);
void bind_control_flow(py::module_& m);
void bind_program(py::module_& m);
void bind_replay(py::module_& m);
void bind_loop(py::module_& m);
void bind_system(py::module_& m);

}  // namespace ranvier::python
