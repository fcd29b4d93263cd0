#pragma once

#include "python/common.h"

namespace ranvier::python {

// Operators, indexing and NumPy's protocols of Tensor, and the submodule `fast`.
void bind_operators(py::module_& m, py::class_<Tensor>& cls);

}  // namespace ranvier::python
