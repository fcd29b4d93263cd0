// The Python class Tensor: attributes and conversions. Operators live in operators.cpp.

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "python/common.h"
#include "python/operators.h"
#include "tensor/replay.h"

namespace ranvier::python {
namespace {

PyTypeObject* g_tensor_type = nullptr;

[[noreturn]] void unsupported_dtype(py::handle dtype) {
  fail<DTypeError>(
      "convert_to_tensor: arrays of this dtype cannot become tensors. Expected a numeric or "
      "boolean dtype. Received: ",
      py::str(dtype).cast<std::string>(), ". Hint: convert strings and objects to numbers first.");
}

DType from_numpy_dtype(const py::dtype& dtype) {
  const auto size = dtype.itemsize();
  switch (dtype.kind()) {
    case 'b':
      return DType::Bool;
    case 'i':
      return size == 1 ? DType::I8 : size == 2 ? DType::I16 : size == 4 ? DType::I32 : DType::I64;
    case 'u':
      return size == 1 ? DType::U8 : size == 2 ? DType::U16 : size == 4 ? DType::U32 : DType::U64;
    case 'f':
      if (size == 2) return DType::F16;
      if (size == 4) return DType::F32;
      if (size == 8) return DType::F64;
      break;
    default:
      break;
  }
  const std::string name = py::str(dtype).cast<std::string>();
  for (DType own : {DType::BF16, DType::F8E4M3, DType::F8E5M2})
    if (name == name_of(own)) return own;
  unsupported_dtype(dtype);
}

// Told to a recorder: made of what stands in a function. (Whoever looks at values spoils it.)
Tensor as_constant(Tensor tensor) {
  if (Recorder* recorder = current_recorder()) recorder->constant(tensor);
  return tensor;
}

bool in_byte_order(const py::array& array) { return array.dtype().byteorder() != '>'; }

Tensor copy_array(const py::array& array) {
  if (!in_byte_order(array))
    return copy_array(array.attr("astype")(array.dtype().attr("newbyteorder")("=")));
  const py::array dense = py::array::ensure(array, py::array::c_style);
  if (!dense) throw py::error_already_set();
  const DType dtype = from_numpy_dtype(dense.dtype());
  std::vector<int64_t> dims(dense.shape(), dense.shape() + dense.ndim());
  Tensor tensor = Tensor::empty(dtype, Shape(dims));
  std::memcpy(tensor.data(), dense.data(), tensor.spec().bytes());
  return as_constant(std::move(tensor));
}

bool fit_int32(const Tensor& tensor) {
  const auto* values = static_cast<const int64_t*>(tensor.data());
  return std::all_of(values, values + tensor.size(),
                     [](int64_t v) { return v >= INT32_MIN && v <= INT32_MAX; });
}

// Python numbers and lists take Keras' default dtypes: bool, float32, and int32 where it holds
// them.
DType default_dtype(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::F64) return DType::F32;
  if (dtype == DType::I64 && fit_int32(tensor)) return DType::I32;
  return dtype;
}

Tensor cast_to(Tensor tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  static const OpRecord& cast = *find_op("cast");
  return apply1(cast, {std::move(tensor)}, {{"dtype", dtype}});
}

Tensor from_object(py::handle object) {
  if (py::isinstance<py::array>(object))
    return copy_array(py::reinterpret_borrow<py::array>(object));
  PyObject* raw = object.ptr();
  if (PyBool_Check(raw)) return as_constant(Tensor::full_int(DType::Bool, {}, raw == Py_True));
  if (PyLong_Check(raw)) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(raw, &overflow);
    if (overflow) fail<ValueError>("convert_to_tensor: the integer does not fit into 64 bits.");
    const bool narrow = value >= INT32_MIN && value <= INT32_MAX;
    return as_constant(Tensor::full_int(narrow ? DType::I32 : DType::I64, {}, value));
  }
  if (PyFloat_Check(raw) && !py::hasattr(object, "dtype"))
    return as_constant(Tensor::full(DType::F32, {}, PyFloat_AS_DOUBLE(raw)));
  const bool typed = py::hasattr(object, "__array__");
  const py::object array = py::module_::import("numpy").attr("asarray")(object);
  Tensor tensor = copy_array(array);
  return typed ? tensor : cast_to(tensor, default_dtype(tensor));
}

py::object item(const Tensor& t) {
  if (t.size() != 1)
    fail<ShapeError>(
        "item: only a tensor of one element has a Python value. Received: shape=", t.shape().str(),
        ". Hint: reduce it first (ops.sum, ops.any, ops.all), or choose with ops.where");
  return to_numpy(t).attr("item")();
}

Tensor value_of(const Tensor& t) {
  if (Recorder* recorder = current_recorder()) recorder->spoil();
  if (!t.is_symbol()) return t;
  const Tensor value = constant_value(t);
  if (!value) t.data();  // throws the typed error
  return value;
}

std::string repr(const Tensor& t) {
  if (t.is_symbol())
    return "<ranvier.Tensor traced, shape=" + t.shape().str() + ", dtype=" + name_of(t.dtype()) +
           ">";
  const std::string values = py::repr(to_numpy(t)).cast<std::string>();
  return "<ranvier.Tensor shape=" + t.shape().str() + ", dtype=" + name_of(t.dtype()) + ",\n" +
         values + ">";
}

py::object number(const Tensor& t, const char* method) { return item(value_of(t)).attr(method)(); }

// As for arrays elsewhere, int() and float() of many elements are a TypeError.
py::object converted(const Tensor& t, const char* method) {
  if (t.size() != 1)
    throw py::type_error("only tensors of one element can be converted to Python numbers, not " +
                         t.spec().str() + ".");
  return number(t, method);
}

// Dtypes and shapes of tensors: the key of what is compiled for them. None where one is no tensor.
py::object signature(const py::sequence& tensors) {
  std::string key;
  key.reserve(tensors.size() * 32);
  for (const py::handle item : tensors) {
    const Tensor* t = as_tensor(item.ptr());
    if (!t) return py::none();
    key.push_back(static_cast<char>(t->dtype()));
    key.push_back(static_cast<char>(t->rank()));
    const auto sizes = std::as_bytes(t->shape().dims());
    key.append(reinterpret_cast<const char*>(sizes.data()), sizes.size());
  }
  return py::bytes(key);
}

}  // namespace

const Tensor* as_tensor(PyObject* object) noexcept {
  if (Py_TYPE(object) != g_tensor_type) return nullptr;
  return static_cast<const Tensor*>(
      reinterpret_cast<py::detail::instance*>(object)->simple_value_holder[0]);
}

py::object from_tensor(Tensor tensor) {
  static const py::detail::type_info* const type = py::detail::get_type_info(typeid(Tensor));
  const auto move = [](const void* from) -> void* {
    return new Tensor(std::move(*static_cast<Tensor*>(const_cast<void*>(from))));
  };
  return py::reinterpret_steal<py::object>(py::detail::type_caster_generic::cast(
      &tensor, py::return_value_policy::move, {}, type, nullptr, move));
}

DType dtype_of(py::handle object) {
  if (py::isinstance<py::str>(object)) return dtype_from_name(object.cast<std::string>().c_str());
  return from_numpy_dtype(py::dtype::from_args(py::reinterpret_borrow<py::object>(object)));
}

Shape shape_of(py::handle sequence) {
  if (PyIndex_Check(sequence.ptr())) return Shape{sequence.cast<int64_t>()};
  std::vector<int64_t> dims;
  for (py::handle dim : sequence) dims.push_back(dim.cast<int64_t>());
  return Shape(dims);
}

py::tuple to_tuple(const Shape& shape) {
  py::tuple result(static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) result[static_cast<size_t>(i)] = shape[i];
  return result;
}

// NumPy itself has no bfloat16 and no 8-bit floats; ml_dtypes does.
static bool in_numpy(DType dtype) {
  return dtype != DType::BF16 && dtype != DType::F8E4M3 && dtype != DType::F8E5M2;
}

py::dtype numpy_dtype(DType dtype) {
  if (!in_numpy(dtype))
    return py::dtype::from_args(py::module_::import("ml_dtypes").attr(name_of(dtype)));
  // Looked up by name once each, under the GIL; they live as long as NumPy.
  static std::array<PyObject*, kDTypeCount> known{};
  PyObject*& found = known.at(static_cast<size_t>(dtype));
  if (found == nullptr) found = py::dtype(std::string(name_of(dtype))).release().ptr();
  return py::reinterpret_borrow<py::dtype>(found);
}

Tensor to_tensor(py::handle object, py::handle dtype) {
  if (const Tensor* known = as_tensor(object.ptr()))
    return dtype.is_none() ? *known : cast_to(*known, dtype_of(dtype));
  if (object.is_none())
    fail<ValueError>(
        "None is not a value that can become a tensor. Hint: pass a number or an array.");
  if (dtype.is_none()) return from_object(object);
  // Numbers go straight to the wanted dtype: by way of float32 they would lose digits.
  const DType wanted = dtype_of(dtype);
  PyObject* raw = object.ptr();
  if (PyFloat_CheckExact(raw) && is_floating(wanted))
    return as_constant(Tensor::full(wanted, {}, PyFloat_AS_DOUBLE(raw)));
  if (PyLong_CheckExact(raw) && is_floating(wanted)) {
    const double value = PyLong_AsDouble(raw);
    if (value == -1.0 && PyErr_Occurred()) throw py::error_already_set();
    return as_constant(Tensor::full(wanted, {}, value));
  }
  if (PyList_Check(raw) || PyTuple_Check(raw))
    return cast_to(copy_array(py::module_::import("numpy").attr("asarray")(object)), wanted);
  return cast_to(from_object(object), wanted);
}

bool lies_as_tensor(const py::array& array) {
  constexpr int kDense = py::array::c_style, kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  return (array.flags() & kDense) && (array.flags() & kAligned) && in_byte_order(array);
}

Tensor borrow_or_copy(py::handle object, DType dtype) {
  if (const Tensor* known = as_tensor(object.ptr())) return *known;
  if (py::isinstance<py::array>(object)) {
    const auto array = py::reinterpret_borrow<py::array>(object);
    if (lies_as_tensor(array) && from_numpy_dtype(array.dtype()) == dtype) {
      const Shape shape(std::span(array.shape(), static_cast<size_t>(array.ndim())));
      return Tensor::wrap(dtype, shape, {}, const_cast<void*>(array.data()));
    }
  }
  return cast_to(to_tensor(object, py::none()), dtype);
}

// An array over the tensor's memory, which it keeps. Past py::array, which allocates for its sizes
// and strides.
static py::object array_over(Tensor tensor, int flags) {
  const auto& numpy = py::detail::npy_api::get();
  const Shape shape = tensor.shape();
  std::array<Py_intptr_t, kMaxRank> sizes{};
  std::copy(shape.begin(), shape.end(), sizes.begin());
  void* const data = tensor.data();
  py::dtype dtype = numpy_dtype(tensor.dtype());
  py::capsule base(new Tensor(std::move(tensor)), [](void* p) { delete static_cast<Tensor*>(p); });
  auto array = py::reinterpret_steal<py::object>(numpy.PyArray_NewFromDescr_(
      numpy.PyArray_Type_, dtype.release().ptr(), shape.rank(), sizes.data(), nullptr, data,
      flags | py::detail::npy_api::NPY_ARRAY_ALIGNED_, nullptr));
  if (!array || numpy.PyArray_SetBaseObject_(array.ptr(), base.release().ptr()) != 0)
    throw py::error_already_set();
  return array;
}

py::object to_numpy(const Tensor& tensor) {
  const Tensor value = value_of(tensor);
  Tensor shown = value;
  if (!in_numpy(value.dtype())) {
    try {
      numpy_dtype(value.dtype());
    } catch (py::error_already_set& e) {
      if (!e.matches(PyExc_ImportError)) throw;
      static const OpRecord& cast = *find_op("cast");
      shown = run_eager(cast, TensorSpan(&value, 1), {{"dtype", DType::F32}})[0];
    }
  }
  return array_over(std::move(shown), 0);
}

py::object to_own_array(Tensor tensor) {
  if (!in_numpy(tensor.dtype())) return to_numpy(tensor).attr("copy")();
  return array_over(std::move(tensor), py::detail::npy_api::NPY_ARRAY_WRITEABLE_);
}

// __array__(dtype=None, copy=None), past pybind11's dispatcher: np.asarray() calls it.
static PyObject* array_method(PyObject* self, PyObject* args, PyObject* named) noexcept {
  static const char* const kNames[] = {"dtype", "copy", nullptr};
  PyObject *dtype = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, named, "|OO:__array__", const_cast<char**>(kNames), &dtype,
                                   &copy))
    return nullptr;
  try {
    const Tensor* tensor = as_tensor(self);
    if (!tensor) throw py::type_error("__array__: this object holds no tensor.");
    py::object array = to_numpy(*tensor);
    if (dtype != Py_None) array = array.attr("astype")(py::handle(dtype), py::arg("copy") = false);
    if (copy != Py_None && py::handle(copy).cast<bool>()) array = array.attr("copy")();
    return array.release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}
static PyMethodDef g_array{
    "__array__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(array_method)),
    METH_VARARGS | METH_KEYWORDS, "The values as a NumPy array."};

void bind_tensor(py::module_& m) {
  py::class_<Tensor> cls(m, "Tensor", py::dynamic_attr(),
                         "An immutable dense array, or while tracing a symbol for one.");
  g_tensor_type = reinterpret_cast<PyTypeObject*>(cls.ptr());
  cls.def_property_readonly("shape", [](const Tensor& t) { return to_tuple(t.shape()); })
      .def_property_readonly("dtype", [](const Tensor& t) { return dtype_name(t.dtype()); })
      .def_property_readonly("ndim", &Tensor::rank)
      .def_property_readonly("size", &Tensor::size)
      .def_property_readonly("nbytes", [](const Tensor& t) { return t.spec().bytes(); })
      .def_property_readonly("is_symbol", &Tensor::is_symbol)
      .def("numpy", &to_numpy)
      .def("item",
           [](const Tensor& t, const py::args& place) -> py::object {
             return place.empty() ? item(value_of(t)) : to_numpy(t).attr("item")(*place);
           })
      .def("tolist", [](const Tensor& t) { return to_numpy(t).attr("tolist")(); })
      .def("__len__",
           [](const Tensor& t) {
             if (t.rank() == 0) throw py::type_error("len() of a tensor of rank 0");
             return t.shape()[0];
           })
      .def("__bool__", [](const Tensor& t) { return number(t, "__bool__"); })
      .def("__int__", [](const Tensor& t) { return converted(t, "__int__"); })
      .def("__float__", [](const Tensor& t) { return converted(t, "__float__"); })
      .def("__index__",
           [](const Tensor& t) {
             if (is_floating(t.dtype()) || t.dtype() == DType::Bool)
               throw py::type_error(
                   std::string("only integer tensors can be used as an index, received ") +
                   t.spec().str());
             return number(t, "__index__");
           })
      .def("__hash__", [](const Tensor& t) { return reinterpret_cast<intptr_t>(t.get()) >> 4; })
      .def("__repr__", &repr)
      .def("__str__",
           [](const Tensor& t) {
             return t.is_symbol() ? repr(t) : py::str(to_numpy(t)).cast<std::string>();
           })
      .def("__format__",
           [](const Tensor& t, const py::str& spec) -> py::str {
             if (t.is_symbol() || t.rank() > 0) return py::str(repr(t));
             return py::str(item(t).attr("__format__")(spec));
           })
      .def("__copy__", [](const Tensor& t) { return t; })
      .def("__deepcopy__", [](const Tensor& t, const py::dict&) { return t; })
      .def("__reduce__", [m](const Tensor& t) {
        return py::make_tuple(m.attr("tensor"), py::make_tuple(to_numpy(t)));
      });
  cls.attr("__array__") =
      py::reinterpret_steal<py::object>(PyDescr_NewMethod(g_tensor_type, &g_array));
  cls.attr("__array_priority__") = 100;
  bind_operators(m, cls);
  bind_dlpack(m, cls);

  m.def("tensor", &to_tensor, py::arg("obj"), py::arg("dtype") = py::none());
  m.def("full", [](py::handle shape, double value, py::handle dtype) {
    return as_constant(Tensor::full(dtype_of(dtype), shape_of(shape), value));
  });
  m.def("signature", &signature);
  m.def("constant_value", [](const Tensor& t) -> py::object {
    const Tensor value = constant_value(t);
    return value ? py::cast(value) : py::none();
  });
}

}  // namespace ranvier::python
