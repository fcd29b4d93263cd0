// Operators of Tensor. Equal dtypes stay in C++; everything else (scalars, promotion, NumPy arrays,
// KerasTensors) goes to the Python functions given to set_operators().

#include "python/operators.h"

#include "kernels/cpu/pointwise/direct.h"

namespace ranvier::python {
namespace {

// Python functions by operator name; module state that lives as long as the process.
py::dict& hooks() {
  static auto* table = new py::dict;
  return *table;
}

bool eager() { return !current_trace() && active_tapes().empty(); }

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

PyObject* fast_binary(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return not_implemented();
  const Tensor* a = as_tensor(args[0]);
  const Tensor* b = as_tensor(args[1]);
  if (!a || !b || a->dtype() != b->dtype()) return not_implemented();
  try {
    return from_tensor(binary(*record_of(self), *a, *b)).release().ptr();
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
    "fast", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_binary)), METH_FASTCALL,
    "Binary op on two tensors of one dtype, else NotImplemented."};
PyMethodDef g_fast_unary{"fast",
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_unary)),
                         METH_FASTCALL, "Unary op on a tensor, else NotImplemented."};

void bind_fast(py::module_& m) {
  py::module_ fast =
      m.def_submodule("fast", "Primitives on tensors of one dtype, without any conversion.");
  for (const OpRecord* op : all_ops()) {
    if (!op->traits.pointwise) continue;
    const int arity = kernels::info_of(op->micro_op).arity;
    if (arity > 2) continue;
    const auto self = py::reinterpret_steal<py::object>(
        PyCapsule_New(const_cast<OpRecord*>(op), nullptr, nullptr));
    PyMethodDef* method = arity == 2 ? &g_fast_binary : &g_fast_unary;
    fast.attr(op->name) = py::reinterpret_steal<py::object>(PyCFunction_New(method, self.ptr()));
  }
}

// "__add__" -> "add": the names under which set_operators() knows its functions.
std::string hook_name(const char* method) {
  const std::string name(method);
  return name.substr(2, name.size() - 4);
}

py::object call_hook(const std::string& name, const py::object& self, const py::object& other) {
  return hooks()[name.c_str()](self, other);
}

// `op_name`: the primitive that serves equal dtypes; null where the rules are Python's.
void bind_binary(py::class_<Tensor>& cls, const char* method, const char* reflected,
                 const char* op_name) {
  const OpRecord* op = op_name ? find_op(op_name) : nullptr;
  cls.def(method,
          [op, hook = hook_name(method)](const py::object& self,
                                         const py::object& other) -> py::object {
            const Tensor* a = as_tensor(self.ptr());
            const Tensor* b = as_tensor(other.ptr());
            if (op && a && b && a->dtype() == b->dtype() && a->dtype() != DType::Bool)
              return from_tensor(binary(*op, *a, *b));
            return call_hook(hook, self, other);
          });
  if (reflected)
    cls.def(reflected,
            [hook = hook_name(reflected)](const py::object& self, const py::object& other) {
              return call_hook(hook, self, other);
            });
}

void bind_unary(py::class_<Tensor>& cls, const char* method) {
  cls.def(method, [hook = hook_name(method)](const py::object& self) -> py::object {
    return hooks()[hook.c_str()](self);
  });
}

}  // namespace

void bind_operators(py::module_& m, py::class_<Tensor>& cls) {
  m.def("set_operators", [](const py::dict& functions) {
    for (auto item : functions) hooks()[item.first] = item.second;
  });
  // Division, remainder and power promote integers: their rules are Python's.
  bind_binary(cls, "__add__", "__radd__", "add");
  bind_binary(cls, "__sub__", "__rsub__", "subtract");
  bind_binary(cls, "__mul__", "__rmul__", "multiply");
  bind_binary(cls, "__truediv__", "__rtruediv__", nullptr);
  bind_binary(cls, "__floordiv__", "__rfloordiv__", nullptr);
  bind_binary(cls, "__mod__", "__rmod__", nullptr);
  bind_binary(cls, "__pow__", "__rpow__", nullptr);
  bind_binary(cls, "__matmul__", "__rmatmul__", nullptr);
  bind_binary(cls, "__and__", "__rand__", nullptr);
  bind_binary(cls, "__or__", "__ror__", nullptr);
  bind_binary(cls, "__xor__", "__rxor__", nullptr);
  bind_binary(cls, "__lshift__", "__rlshift__", nullptr);
  bind_binary(cls, "__rshift__", "__rrshift__", nullptr);
  bind_binary(cls, "__lt__", nullptr, "less");
  bind_binary(cls, "__le__", nullptr, "less_equal");
  bind_binary(cls, "__gt__", nullptr, "greater");
  bind_binary(cls, "__ge__", nullptr, "greater_equal");
  bind_binary(cls, "__eq__", nullptr, nullptr);
  bind_binary(cls, "__ne__", nullptr, nullptr);
  bind_binary(cls, "__getitem__", nullptr, nullptr);
  bind_unary(cls, "__neg__");
  bind_unary(cls, "__pos__");
  bind_unary(cls, "__abs__");
  bind_unary(cls, "__invert__");
  cls.def(
      "__round__",
      [](const py::object& self, const py::object& digits) -> py::object {
        return hooks()["round"](self, digits);
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
            return hooks()["array_ufunc"](self, ufunc, method, *inputs, **kwargs);
          });
  cls.def("__array_function__",
          [](const py::object& self, const py::object& function, const py::object& types,
             const py::object& args, const py::object& kwargs) {
            return hooks()["array_function"](self, function, types, args, kwargs);
          });
  bind_fast(m);
}

}  // namespace ranvier::python
