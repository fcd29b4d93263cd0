// x[key] of values where the key is integers, slices, None and `...`: what loops over the rows of a
// tensor ask for, each time with another key. All other keys go to Python's ops/subscripts.

#include <algorithm>
#include <utility>

#include "kernels/cpu/data/copy.h"
#include "python/operators.h"

namespace ranvier::python {
namespace {

// Above, other threads of Python should run meanwhile, and the key's cost is nothing.
constexpr int64_t kMostElements = 1 << 20;

// Python's and NumPy's integers, but no booleans: those are masks.
bool is_integer(PyObject* object) {
  if (PyLong_CheckExact(object)) return true;
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> numpy_integer;
  const py::object& type =
      numpy_integer
          .call_once_and_store_result([] { return py::module_::import("numpy").attr("integer"); })
          .get_stored();
  return PyObject_TypeCheck(object, reinterpret_cast<PyTypeObject*>(type.ptr()));
}

// A key read from left to right: a window of x, and the result's shape, which lacks the axes of
// integers and has those of None.
class BasicKey {
 public:
  explicit BasicKey(const Shape& x) : x_(x) {}

  // False where the key is of another kind or has an error, which Python tells.
  bool read(PyObject* key) {
    if (!PyTuple_CheckExact(key)) return read_items(&key, 1);
    return read_items(&PyTuple_GET_ITEM(key, 0), PyTuple_GET_SIZE(key));
  }
  Tensor of(const Tensor& x) const {
    if (window_ == x_ && forward_) return x.view(result_);
    Tensor out = Tensor::empty(x.dtype(), result_);
    const auto bytes = static_cast<int>(size_of(x.dtype()));
    const auto rank = static_cast<size_t>(x_.rank());
    const kernels::StridedCopy copy = kernels::prepare_slice(
        bytes, x_, window_, std::span(begin_).first(rank), std::span(step_).first(rank));
    kernels::run_strided_copy(default_context(), copy, out.data(), x.data());
    return out;
  }
  int64_t size() const { return result_.size(); }

 private:
  bool read_items(PyObject* const* items, Py_ssize_t count) {
    const auto of_no_axis = [](PyObject* item) { return item == Py_None || item == Py_Ellipsis; };
    const auto axes = count - std::count_if(items, items + count, of_no_axis);
    if (axes > x_.rank() || count - axes > kMaxRank - x_.rank()) return false;
    const int rest = x_.rank() - static_cast<int>(axes);
    bool filled = false;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (items[i] == Py_Ellipsis && std::exchange(filled, true)) return false;
      if (items[i] == Py_Ellipsis)
        add_whole(rest);
      else if (!read_item(items[i]))
        return false;
    }
    if (!filled) add_whole(rest);
    return true;
  }

  bool read_item(PyObject* item) {
    if (item == Py_None) return result_.push_back(1), true;
    if (PySlice_Check(item)) return add_slice(reinterpret_cast<PySliceObject*>(item));
    return is_integer(item) && add_integer(item);
  }

  bool add_integer(PyObject* item) {
    const int64_t n = x_[axis()], k = PyNumber_AsSsize_t(item, nullptr);  // of many digits clipped
    if (k < -n || k >= n) return false;
    add(k < 0 ? k + n : k, 1, 1);
    return true;
  }

  bool add_slice(PySliceObject* slice) {
    for (PyObject* part : {slice->start, slice->stop, slice->step})
      if (part != Py_None && !is_integer(part)) return false;
    Py_ssize_t start = 0, stop = 0, step = 0;
    if (PySlice_Unpack(reinterpret_cast<PyObject*>(slice), &start, &stop, &step) < 0)
      return PyErr_Clear(), false;
    const Py_ssize_t size = PySlice_AdjustIndices(x_[axis()], &start, &stop, step);
    add(size > 0 ? start : 0, size, step);
    result_.push_back(size);
    return true;
  }

  void add_whole(int axes) {
    for (; axes > 0; --axes) {
      result_.push_back(x_[axis()]);
      add(0, x_[axis()], 1);
    }
  }

  void add(int64_t begin, int64_t size, int64_t step) {
    const auto i = static_cast<size_t>(axis());
    begin_[i] = begin;
    step_[i] = step;
    forward_ &= step == 1;
    window_.push_back(size);
  }

  int axis() const { return window_.rank(); }

  const Shape& x_;
  Shape window_, result_;
  std::array<int64_t, kMaxRank> begin_{}, step_{};
  bool forward_ = true;
};

}  // namespace

Tensor basic_item(const Tensor& x, PyObject* key) {
  BasicKey reader(x.shape());
  if (!reader.read(key) || reader.size() > kMostElements) return {};
  return reader.of(x);
}

}  // namespace ranvier::python
