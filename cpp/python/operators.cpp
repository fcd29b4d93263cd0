// Operators of Tensor. Equal dtypes stay in C++; everything else (scalars, promotion, NumPy arrays,
// KerasTensors) goes to the Python functions given to set_operators().

#include "python/operators.h"

#include <map>

#include "kernels/cpu/pointwise/direct.h"
#include "tensor/replay.h"

namespace ranvier::python {
namespace {

// The Python function of an operator; module state that lives as long as the process.
py::object& hook(const std::string& name) {
  static auto* table = new std::map<std::string, py::object>;
  return (*table)[name];
}

bool eager() { return !current_trace() && active_tapes().empty() && !current_recorder(); }

bool accepts(const OpRecord& op, DType dtype) {
  const int bit = static_cast<int>(kernels::register_of(dtype));
  return (kernels::info_of(op.micro_op).types >> bit & 1) != 0;
}

bool direct_operands(const OpRecord& op, const Tensor& a, const Tensor& b) {
  return !a.is_symbol() && !b.is_symbol() && a.size() > 0 && accepts(op, a.dtype()) &&
         kernels::is_direct(op.micro_op, a.dtype()) &&
         (a.shape() == b.shape() || a.rank() == 0 || b.rank() == 0);
}

Tensor binary(const OpRecord& op, const Tensor& a, const Tensor& b) {
  if (!eager() || !direct_operands(op, a, b)) return apply1(op, {a, b});
  const kernels::DirectOp direct = kernels::prepare_direct(op.micro_op, a.dtype());
  const Shape& shape = a.rank() >= b.rank() ? a.shape() : b.shape();
  Tensor out = Tensor::empty(direct.result, shape);
  kernels::run_binary(default_context(), direct, out.data(), a.data(), a.rank() < shape.rank(),
                      b.data(), b.rank() < shape.rank(), shape.size());
  return out;
}

Tensor unary(const OpRecord& op, const Tensor& a) { return apply1(op, {a}); }

const OpRecord* record_of(PyObject* capsule) {
  return static_cast<const OpRecord*>(PyCapsule_GetPointer(capsule, nullptr));
}

PyObject* not_implemented() { Py_RETURN_NOTIMPLEMENTED; }

// A Python number beside a float tensor, in the tensor's dtype; null for all else, and where the
// number must be a node of its own.
Tensor weak_number(PyObject* number, const Tensor* beside) {
  if (!beside || !is_floating(beside->dtype()) || !eager()) return {};
  if (PyFloat_CheckExact(number))
    return Tensor::full(beside->dtype(), {}, PyFloat_AS_DOUBLE(number));
  if (!PyLong_CheckExact(number)) return {};
  const double value = PyLong_AsDouble(number);
  if (value == -1.0 && PyErr_Occurred()) throw py::error_already_set();
  return Tensor::full(beside->dtype(), {}, value);
}

// The result for two tensors of one dtype, with `weak` also for one and a number; else null.
Tensor binary_of_objects(const OpRecord& op, PyObject* x, PyObject* y, bool weak) {
  const Tensor* a = as_tensor(x);
  const Tensor* b = as_tensor(y);
  if (a && b) return a->dtype() == b->dtype() ? binary(op, *a, *b) : Tensor();
  if (!weak) return {};
  const Tensor number = weak_number(a ? y : x, a ? a : b);
  if (!number) return {};
  return a ? binary(op, *a, number) : binary(op, number, *b);
}

template <bool kWeak>
PyObject* fast_binary(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return not_implemented();
  try {
    Tensor out = binary_of_objects(*record_of(self), args[0], args[1], kWeak);
    return out ? from_tensor(std::move(out)).release().ptr() : not_implemented();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyObject* fast_unary(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  const Tensor* a = count == 1 ? as_tensor(args[0]) : nullptr;
  if (!a) return not_implemented();
  try {
    return from_tensor(unary(*record_of(self), *a)).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyMethodDef g_fast_binary{
    "fast", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_binary<false>)),
    METH_FASTCALL, "Binary op on two tensors of one dtype, else NotImplemented."};
PyMethodDef g_weak_binary{
    "weak", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_binary<true>)),
    METH_FASTCALL, "The same, also on a float tensor and a Python number."};
PyMethodDef g_fast_unary{"fast",
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_unary)),
                         METH_FASTCALL, "Unary op on a tensor, else NotImplemented."};

py::object method_of(const OpRecord* op, PyMethodDef& method) {
  const py::capsule self(op);
  return py::reinterpret_steal<py::object>(PyCFunction_New(&method, self.ptr()));
}

void bind_fast(py::module_& m) {
  py::module_ fast =
      m.def_submodule("fast", "Primitives on tensors of one dtype, without any conversion.");
  py::module_ weak =
      m.def_submodule("weak", "The same, where Python numbers take a float tensor's dtype.");
  for (const OpRecord* op : all_ops()) {
    if (!op->traits.pointwise) continue;
    const int arity = kernels::info_of(op->micro_op).arity;
    if (arity > 2) continue;
    fast.attr(op->name) = method_of(op, arity == 2 ? g_fast_binary : g_fast_unary);
    if (arity == 2) weak.attr(op->name) = method_of(op, g_weak_binary);
  }
}

// "__add__" -> "add": the names under which set_operators() knows its functions.
std::string hook_name(const char* method) {
  const std::string name(method);
  return name.substr(2, name.size() - 4);
}

// Which dtypes a primitive serves past Python: of the others the rules are Python's.
enum class Serves : uint8_t { None, Floats, Numbers };

bool serves(Serves which, const Tensor& tensor) {
  if (which == Serves::Floats) return is_floating(tensor.dtype());
  return which == Serves::Numbers && tensor.dtype() != DType::Bool;
}

void bind_binary(py::class_<Tensor>& cls, const char* method, const char* reflected,
                 const char* op_name = nullptr, Serves which = Serves::None) {
  const OpRecord* op = op_name ? find_op(op_name) : nullptr;
  cls.def(method,
          [op, which, &rule = hook(hook_name(method))](const py::object& self,
                                                       const py::object& other) -> py::object {
            if (op && serves(which, *as_tensor(self.ptr())))
              if (Tensor out = binary_of_objects(*op, self.ptr(), other.ptr(), true))
                return from_tensor(std::move(out));
            return rule(self, other);
          });
  if (reflected)
    cls.def(reflected,
            [&rule = hook(hook_name(reflected))](const py::object& self, const py::object& other)
                -> py::object { return rule(self, other); });
}

void bind_unary(py::class_<Tensor>& cls, const char* method) {
  cls.def(method, [&rule = hook(hook_name(method))](const py::object& self) -> py::object {
    return rule(self);
  });
}

}  // namespace

void bind_operators(py::module_& m, py::class_<Tensor>& cls) {
  m.def("set_operators", [](const py::dict& functions) {
    for (auto [name, function] : functions)
      hook(name.cast<std::string>()) = py::reinterpret_borrow<py::object>(function);
  });
  // Division promotes integers, and their remainders and powers have rules of their own.
  bind_binary(cls, "__add__", "__radd__", "add", Serves::Numbers);
  bind_binary(cls, "__sub__", "__rsub__", "subtract", Serves::Numbers);
  bind_binary(cls, "__mul__", "__rmul__", "multiply", Serves::Numbers);
  bind_binary(cls, "__truediv__", "__rtruediv__", "divide", Serves::Floats);
  bind_binary(cls, "__floordiv__", "__rfloordiv__");
  bind_binary(cls, "__mod__", "__rmod__");
  bind_binary(cls, "__pow__", "__rpow__");
  bind_binary(cls, "__matmul__", "__rmatmul__");
  bind_binary(cls, "__and__", "__rand__");
  bind_binary(cls, "__or__", "__ror__");
  bind_binary(cls, "__xor__", "__rxor__");
  bind_binary(cls, "__lshift__", "__rlshift__");
  bind_binary(cls, "__rshift__", "__rrshift__");
  bind_binary(cls, "__lt__", nullptr, "less", Serves::Numbers);
  bind_binary(cls, "__le__", nullptr, "less_equal", Serves::Numbers);
  bind_binary(cls, "__gt__", nullptr, "greater", Serves::Numbers);
  bind_binary(cls, "__ge__", nullptr, "greater_equal", Serves::Numbers);
  bind_binary(cls, "__eq__", nullptr, "equal", Serves::Numbers);
  bind_binary(cls, "__ne__", nullptr, "not_equal", Serves::Numbers);
  cls.def("__getitem__",
          [&rule = hook("getitem")](const py::object& self, const py::object& key) -> py::object {
            const Tensor& x = *as_tensor(self.ptr());
            if (!x.is_symbol() && eager())
              if (Tensor item = basic_item(x, key.ptr())) return from_tensor(std::move(item));
            return rule(self, key);
          });
  bind_unary(cls, "__neg__");
  bind_unary(cls, "__pos__");
  bind_unary(cls, "__abs__");
  bind_unary(cls, "__invert__");
  cls.def(
      "__round__",
      [](const py::object& self, const py::object& digits) -> py::object {
        return hook("round")(self, digits);
      },
      py::arg("ndigits") = py::none());
  bind_unary(cls, "__iter__");
  cls.def("__setitem__", [](const Tensor&, const py::object&, const py::object&) {
    throw py::type_error(
        "tensors are immutable: x[...] = value is not possible. Use "
        "x = ops.slice_update(x, start_indices, value) or ops.scatter_update.");
  });
  cls.def("__array_ufunc__",
          [](const py::object& self, const py::object& ufunc, const py::str& method,
             const py::args& inputs, const py::kwargs& kwargs) {
            return hook("array_ufunc")(self, ufunc, method, *inputs, **kwargs);
          });
  cls.def("__array_function__",
          [](const py::object& self, const py::object& function, const py::object& types,
             const py::object& args, const py::object& kwargs) {
            return hook("array_function")(self, function, types, args, kwargs);
          });
  bind_fast(m);
}

}  // namespace ranvier::python
