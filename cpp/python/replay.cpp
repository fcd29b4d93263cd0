// Python functions that are replayed: where a call repeats the types and settings of an earlier
// one, the primitives that one applied run again, and no Python does.

#include "tensor/replay.h"

#include <string>
#include <unordered_map>

#include "base/cpu.h"
#include "base/env.h"
#include "base/verbose.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

// Calls of one function that are remembered; beyond, all are forgotten.
constexpr size_t kMostCalls = 512;
// Above, the work itself takes longer than finding out what it is.
constexpr int64_t kMostElements = 1 << 20;
constexpr int kDeepest = 4;  // lists and slices in lists

// The class of variables, as long as the process.
PyTypeObject* g_variable_type = nullptr;

// Everything but values that a call's result depends on: dtypes, shapes and identities of its
// tensors, and its settings, as text; each part begins with its kind.
class CallKey {
 public:
  CallKey() { std::swap(memory_, t_spare); }
  ~CallKey() {
    memory_.text.clear();
    memory_.tensors.clear();
    memory_.objects.clear();
    std::swap(memory_, t_spare);
  }
  CallKey(const CallKey&) = delete;
  CallKey& operator=(const CallKey&) = delete;

  bool read(PyObject* args, PyObject* kwargs) {
    put(static_cast<char>(active_isa()));
    put(static_cast<char>(exact_mode()));
    put('(', PyTuple_GET_SIZE(args));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i)
      if (!add_argument(args, i)) return false;
    return (kwargs == Py_None || add_dict(kwargs)) && elements_ <= kMostElements;
  }
  // The positional arguments with the values of variables in their places.
  py::tuple arguments(PyObject* args) const {
    if (!arguments_) return py::reinterpret_borrow<py::tuple>(args);
    return py::tuple(arguments_);
  }
  const std::string& text() const { return memory_.text; }
  const Tensors& tensors() const { return memory_.tensors; }
  const py::object& object(int tensor) const {
    return memory_.objects[static_cast<size_t>(tensor)];
  }

 private:
  void put(char kind) { memory_.text.push_back(kind); }
  template <class T>
  bool put(char kind, const T& value) {
    memory_.text.push_back(kind);
    memory_.text.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return true;
  }

  bool add(PyObject* object, int depth) {
    if (depth > kDeepest) return false;
    if (const Tensor* tensor = as_tensor(object)) return add_tensor(*tensor, object);
    if (object == Py_None) return put('n', true);
    if (PyBool_Check(object)) return put('b', object == Py_True);
    if (PyLong_CheckExact(object)) return add_integer(object);
    if (PyFloat_CheckExact(object)) return put('f', PyFloat_AS_DOUBLE(object));
    if (PyUnicode_Check(object)) return add_text(object);
    if (PyTuple_CheckExact(object) || PyList_CheckExact(object)) return add_items(object, depth);
    if (PySlice_Check(object)) return add_slice(object, depth);
    return object == Py_Ellipsis && put('e', true);
  }

  bool add_argument(PyObject* args, Py_ssize_t i) {
    PyObject* object = PyTuple_GET_ITEM(args, i);
    if (!g_variable_type || !PyObject_TypeCheck(object, g_variable_type)) return add(object, 0);
    const auto value = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "value"));
    if (!value) throw py::error_already_set();
    const Tensor* tensor = as_tensor(value.ptr());
    put('v');
    if (!tensor || !add_tensor(*tensor, value.ptr())) return false;
    if (!arguments_) arguments_ = py::list(py::reinterpret_borrow<py::tuple>(args));
    arguments_[py::int_(i)] = value;
    return true;
  }

  bool add_tensor(const Tensor& tensor, PyObject* object) {
    if (tensor.is_symbol()) return false;
    for (size_t i = 0; i < memory_.tensors.size(); ++i)
      if (memory_.tensors[i] == tensor) return put('s', i);
    put('t', tensor.dtype());
    put(static_cast<char>(tensor.rank()));
    const auto sizes = std::as_bytes(tensor.shape().dims());
    memory_.text.append(reinterpret_cast<const char*>(sizes.data()), sizes.size());
    elements_ += tensor.size();
    memory_.tensors.push_back(tensor);
    memory_.objects.push_back(py::reinterpret_borrow<py::object>(object));
    return true;
  }

  bool add_integer(PyObject* object) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow == 0 && put('i', value);
  }

  bool add_text(PyObject* object) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &size);
    if (!text) PyErr_Clear();
    if (!text) return false;
    put('u', size);
    memory_.text.append(text, static_cast<size_t>(size));
    return true;
  }

  bool add_items(PyObject* sequence, int depth) {
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
    put(PyTuple_CheckExact(sequence) ? '(' : '[', size);
    for (Py_ssize_t i = 0; i < size; ++i)
      if (!add(PySequence_Fast_GET_ITEM(sequence, i), depth + 1)) return false;
    return true;
  }

  bool add_dict(PyObject* dict) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &name, &value);)
      if (!add_text(name) || !add(value, 0)) return false;
    return true;
  }

  bool add_slice(PyObject* object, int depth) {
    const auto* slice = reinterpret_cast<PySliceObject*>(object);
    put(':');
    return add(slice->start, depth + 1) && add(slice->stop, depth + 1) &&
           add(slice->step, depth + 1);
  }

  // What a key is made of; the next key of the thread takes over its memory.
  struct Memory {
    std::string text;
    Tensors tensors;
    std::vector<py::object> objects;  // of the tensors
  };
  static thread_local Memory t_spare;
  Memory memory_;
  py::object arguments_;  // a list, where one of them is a variable
  int64_t elements_ = 0;
};
thread_local CallKey::Memory CallKey::t_spare;

// How a function gives its outputs.
enum class Container : uint8_t { Bare, Tuple, List };

struct Call {
  RecipeRef recipe;
  Container container = Container::Bare;
  bool refused = false;  // it cannot be replayed
};

// Python's settings that functions read; a change of one makes another generation.
uint64_t g_generation = 0;

struct Function {
  py::object plain;
  std::unordered_map<std::string, Call> calls;  // guarded by the GIL
  uint64_t generation = 0;

  // Null at the first call of a kind, which is noted.
  Call* find(const std::string& key) {
    if (generation != g_generation || calls.size() > kMostCalls) calls.clear();
    generation = g_generation;
    const auto [found, fresh] = calls.try_emplace(key);
    return fresh ? nullptr : &found->second;
  }
};

py::object call_plain(const Function& function, PyObject* args, PyObject* kwargs) {
  PyObject* result =
      PyObject_Call(function.plain.ptr(), args, kwargs == Py_None ? nullptr : kwargs);
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

py::object pack(Container container, const Recipe& recipe, Tensors outputs, const CallKey& key) {
  const auto output = [&](size_t i) {
    const int argument = recipe.output_argument(i);
    return argument < 0 ? from_tensor(std::move(outputs[i])) : key.object(argument);
  };
  if (container == Container::Bare) return output(0);
  py::list items(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) items[i] = output(i);
  if (container == Container::List) return items;
  return py::tuple(items);
}

// The tensors that a function gave; false when it gave something else.
bool unpack(py::handle result, Container& container, Tensors& outputs) {
  if (const Tensor* tensor = as_tensor(result.ptr())) {
    outputs.push_back(*tensor);
    return true;
  }
  if (!PyTuple_CheckExact(result.ptr()) && !PyList_CheckExact(result.ptr())) return false;
  container = PyTuple_CheckExact(result.ptr()) ? Container::Tuple : Container::List;
  for (py::handle item : result) {
    const Tensor* tensor = as_tensor(item.ptr());
    if (!tensor) return false;
    outputs.push_back(*tensor);
  }
  return true;
}

py::object record(Function& function, const CallKey& key, PyObject* args, PyObject* kwargs) {
  const std::string text = key.text();
  const uint64_t generation = g_generation;
  Call call;
  call.refused = true;
  py::object result;
  {
    Recorder recorder(key.tensors());
    result = call_plain(function, key.arguments(args).ptr(), kwargs);
    Tensors outputs;
    if (unpack(result, call.container, outputs)) call.recipe = recorder.finish(outputs);
  }
  call.refused = !call.recipe;
  if (generation == g_generation) function.calls.insert_or_assign(text, std::move(call));
  return result;
}

py::object call(Function& function, PyObject* args, PyObject* kwargs) {
  if (current_env() || current_recorder() || prints_dispatch())
    return call_plain(function, args, kwargs);
  CallKey key;
  if (!key.read(args, kwargs)) return call_plain(function, args, kwargs);
  const Call* known = function.find(key.text());
  if (!known || known->refused) return call_plain(function, args, kwargs);
  if (!known->recipe) return record(function, key, args, kwargs);
  const RecipeRef recipe = known->recipe;
  const Container container = known->container;
  Tensors outputs;
  try {
    outputs = recipe->run(key.tensors());
  } catch (const std::exception&) {
    return call_plain(function, args, kwargs);  // its error names what the user called
  }
  return pack(container, *recipe, std::move(outputs), key);
}

PyObject* replay(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  try {
    if (count != 2 || !PyTuple_CheckExact(args[0]) ||
        !(args[1] == Py_None || PyDict_CheckExact(args[1])))
      throw py::type_error("replay: expected a tuple of arguments, and a dict or None");
    auto* function = static_cast<Function*>(PyCapsule_GetPointer(self, nullptr));
    return call(*function, args[0], args[1]).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyMethodDef g_replay{"replay", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(replay)),
                     METH_FASTCALL, "Calls the function with (args, kwargs), or replays it."};

}  // namespace

void bind_replay(py::module_& m) {
  m.def("replayed", [](const py::function& plain) {
    const py::capsule self(new Function{plain, {}, 0},
                           [](void* p) { delete static_cast<Function*>(p); });
    return py::reinterpret_steal<py::object>(PyCFunction_New(&g_replay, self.ptr()));
  });
  // Whether a value made now must be of its own: a trace or a call is being recorded.
  m.def("recording", [] { return current_trace() || current_recorder(); });
  m.def("set_variable_type", [](const py::type& type) {
    g_variable_type = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  });
  m.def("forget_replays", [] { ++g_generation; });
}

}  // namespace ranvier::python
