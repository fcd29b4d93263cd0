// The primitives by name: apply, infer and the table.

#include "base/error.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

const OpRecord& record(const std::string& name) {
  const OpRecord* op = find_op(name);
  if (!op) fail<InternalError>("apply: there is no primitive named '", name, "'.");
  return *op;
}

// Flattens nested sequences of numbers; floats when any element is one.
void collect(py::handle sequence, Floats& values, bool& real) {
  for (py::handle item : sequence) {
    if (PyIndex_Check(item.ptr()))
      values.push_back(static_cast<double>(item.cast<int64_t>()));
    else if (PySequence_Check(item.ptr()))
      collect(item, values, real);
    else {
      values.push_back(item.cast<double>());
      real = true;
    }
  }
}

AttrValue to_attr(const std::string& name, py::handle value) {
  PyObject* raw = value.ptr();
  if (PyBool_Check(raw)) return raw == Py_True;
  if (PyIndex_Check(raw)) return value.cast<int64_t>();
  if (PyFloat_Check(raw)) return PyFloat_AS_DOUBLE(raw);
  if (py::isinstance<py::str>(value)) {
    if (name.ends_with("dtype")) return dtype_of(value);
    return value.cast<std::string>();
  }
  Floats values;
  bool real = false;
  collect(value, values, real);
  if (real) return values;
  return Ints(values.begin(), values.end());
}

py::list infer(const std::string& name, const py::list& inputs, py::handle attrs) {
  Specs specs;
  for (py::handle item : inputs) {
    const auto pair = item.cast<py::tuple>();
    specs.push_back({dtype_of(pair[1]), shape_of(pair[0])});
  }
  const Attrs typed = to_attrs(attrs);
  const OpRecord& op = record(name);
  py::list result;
  for (const TypeSpec& spec : op.infer({op, specs, typed}))
    result.append(py::make_tuple(to_tuple(spec.shape), name_of(spec.dtype)));
  return result;
}

}  // namespace

Attrs to_attrs(py::handle dict_or_none) {
  Attrs attrs;
  if (dict_or_none.is_none()) return attrs;
  for (auto [key, value] : py::reinterpret_borrow<py::dict>(dict_or_none)) {
    const std::string name = key.cast<std::string>();
    if (!value.is_none()) attrs.set(name, to_attr(name, value));
  }
  return attrs;
}

Tensors to_tensors(py::handle sequence) {
  Tensors tensors;
  for (py::handle item : sequence) {
    const Tensor* tensor = as_tensor(item.ptr());
    if (!tensor)
      throw py::type_error("expected a Tensor, received " +
                           py::repr(py::type::of(item)).cast<std::string>());
    tensors.push_back(*tensor);
  }
  return tensors;
}

py::object from_outputs(Tensors outputs) {
  if (outputs.size() == 1) return from_tensor(std::move(outputs[0]));
  py::tuple result(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) result[i] = from_tensor(std::move(outputs[i]));
  return result;
}

void bind_ops(py::module_& m) {
  m.def(
      "apply",
      [](const std::string& name, py::handle inputs, py::handle attrs) {
        return from_outputs(apply(record(name), to_tensors(inputs), to_attrs(attrs)));
      },
      py::arg("name"), py::arg("inputs"), py::arg("attrs") = py::none());
  m.def("infer", &infer, py::arg("name"), py::arg("inputs"), py::arg("attrs") = py::none());
  m.def("op_names", [] {
    py::list names;
    for (const OpRecord* op : all_ops()) names.append(op->name);
    return names;
  });
  m.def("promote",
        [](py::handle a, py::handle b) { return name_of(promote(dtype_of(a), dtype_of(b))); });
}

}  // namespace ranvier::python
