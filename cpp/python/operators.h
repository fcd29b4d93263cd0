#pragma once

#include "python/common.h"

namespace ranvier::python {

// x[key] of a value for keys of integers, slices, None and `...`; null for other keys, keys that
// are wrong and results too large to be worth it.
Tensor basic_item(const Tensor& x, PyObject* key);

// Operators, indexing and NumPy's protocols of Tensor, and the submodule `fast`.
void bind_operators(py::module_& m, py::class_<Tensor>& cls);

}  // namespace ranvier::python
