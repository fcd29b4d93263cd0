// Variables, environments, traces and tapes.

#include "base/error.h"
#include "python/common.h"
#include "runtime/locks.h"
#include "tensor/log_split.h"

namespace ranvier::python {
namespace {

// A context manager in Python is two calls, not a C++ scope.
struct Suspension {
  Env* previous = nullptr;
};
struct PyStateless {
  StatelessEnv env;
  Env* previous = nullptr;
};
struct PyTrace {
  TraceRef trace = make_ref<Trace>();
  Env* previous = nullptr;
};

py::list written_list(const Env& env) {
  py::list result;
  for (const auto& [variable, value] : env.written())
    result.append(py::make_tuple(variable, value));
  return result;
}

py::list optional_tensors(const Tensors& tensors) {
  py::list result;
  for (const Tensor& t : tensors) result.append(t ? py::cast(t) : py::none());
  return result;
}

Tensors optional_grads(py::handle grads) { return grads.is_none() ? Tensors{} : to_tensors(grads); }

// A variable's gradient is the sum over the tensors it was read as.
py::list gradient_of_variables(Tape& tape, py::handle targets, py::handle grads,
                               const py::list& variables) {
  static const OpRecord& add = *find_op("add");
  Tensors sources;
  std::vector<size_t> counts;
  for (py::handle item : variables) {
    const Tensors reads = tape.reads_of(*item.cast<VariableRef>());
    counts.push_back(reads.size());
    sources.insert(sources.end(), reads.begin(), reads.end());
  }
  const Tensors all = tape.gradient(to_tensors(targets), optional_grads(grads), sources);
  Tensors result;
  size_t next = 0;
  for (size_t count : counts) {
    Tensor sum;
    for (size_t i = 0; i < count; ++i, ++next)
      if (all[next]) sum = sum ? apply1(add, {sum, all[next]}) : all[next];
    result.push_back(sum);
  }
  return optional_tensors(result);
}

void assign(Variable& variable, const Tensor& value) {
  if (current_env()) return variable.assign(value);
  // Another thread may be inside a program that uses the variable; it must not wait for our GIL.
  py::gil_scoped_release release;
  const VariableLock lock(variable, true);
  variable.assign(value);
}

Tensor read(Variable& variable) {
  if (current_env()) return variable.read();
  py::gil_scoped_release release;
  const VariableLock lock(variable, false);
  return variable.read();
}

// What set_site() replaced, for restore_site(): Python holds their numbers.
std::vector<Site>& outer_sites() {
  thread_local std::vector<Site> sites;
  return sites;
}

void bind_variable(py::module_& m) {
  py::class_<Variable, VariableRef>(m, "Variable",
                                    "Storage of a variable; ranvier.Variable wraps it.")
      .def(py::init<Tensor, std::string, bool>(), py::arg("value"), py::arg("name"),
           py::arg("trainable") = true)
      .def_property_readonly("shape", [](const Variable& v) { return to_tuple(v.spec().shape); })
      .def_property_readonly("dtype", [](const Variable& v) { return name_of(v.spec().dtype); })
      .def_property("name", &Variable::name, &Variable::set_name)
      .def_property("trainable", &Variable::trainable, &Variable::set_trainable)
      .def_property_readonly("version", &Variable::version)
      .def("read", &read)
      .def("assign", &assign)
      .def("storage", [](const Variable& v) { return v.storage(); });
}

void bind_environments(py::module_& m) {
  py::class_<PyStateless>(m, "StatelessEnv", "Reads fall through, writes stay here.")
      .def(py::init<>())
      .def("set", [](PyStateless& s, Variable& v, Tensor t) { s.env.set(v, std::move(t)); })
      .def("find",
           [](const PyStateless& s, const Variable& v) -> py::object {
             const Tensor* t = s.env.find(v);
             return t ? py::cast(*t) : py::none();
           })
      .def("written", [](const PyStateless& s) { return written_list(s.env); })
      .def("enter", [](PyStateless& s) { s.previous = enter_env(&s.env); })
      .def("exit", [](PyStateless& s) { leave_env(s.previous); });
  py::class_<Suspension>(m, "suspend", "Runs eagerly although a trace is active.")
      .def(py::init<>())
      .def("enter", [](Suspension& s) { s.previous = enter_env(nullptr); })
      .def("exit", [](Suspension& s) { leave_env(s.previous); });
  py::class_<PyTrace>(m, "Trace", "A computation being recorded, or a finished one.")
      .def(py::init<>())
      .def("argument",
           [](PyTrace& t, py::handle shape, py::handle dtype) {
             return t.trace->add_argument({dtype_of(dtype), shape_of(shape)});
           })
      .def("enter", [](PyTrace& t) { t.previous = enter_env(t.trace.get()); })
      .def("exit", [](PyTrace& t) { leave_env(t.previous); })
      .def("finish", [](PyTrace& t, py::handle outputs) { t.trace->finish(to_tensors(outputs)); })
      .def_property_readonly("outputs", [](const PyTrace& t) { return t.trace->outputs(); })
      .def_property_readonly("node_count", [](const PyTrace& t) { return t.trace->nodes().size(); })
      .def_property_readonly("variables",
                             [](const PyTrace& t) {
                               py::list result;
                               for (const TraceInput& input : t.trace->inputs())
                                 if (input.kind == TraceInput::Kind::Variable)
                                   result.append(input.variable);
                               return result;
                             })
      .def("written", [](const PyTrace& t) { return written_list(*t.trace); })
      .def_property_readonly("_ref", [](const PyTrace& t) { return t.trace; })
      .def("__str__", [](const PyTrace& t) { return t.trace->str(); });
  py::class_<Trace, TraceRef>(m, "TraceRef");
  m.def("split_logs", [](const TraceRef& trace) {
    LogSplit split = split_logs(*trace);
    return py::make_tuple(split.step, split.logs, split.places);
  });
  m.def("tracing", [] { return current_trace() != nullptr; });
  m.def("set_site", [](const std::string& text) {
    outer_sites().push_back(current_site());
    set_current_site(make_site(text));
    return outer_sites().size() - 1;
  });
  m.def("restore_site", [](size_t previous) {
    set_current_site(outer_sites().at(previous));
    outer_sites().resize(previous);
  });
  // A group inside a group belongs to the outer one.
  m.def("begin_remat", [] {
    const uint32_t previous = current_remat();
    if (previous == 0) set_current_remat(new_remat_group());
    return previous;
  });
  m.def("end_remat", &set_current_remat);
}

void bind_tape(py::module_& m) {
  py::class_<Tape, Ref<Tape>>(m, "Tape",
                              "Reverse-mode differentiation of what runs between start and stop.")
      .def(py::init<>())
      .def("start", &Tape::start)
      .def("stop", &Tape::stop)
      .def("watch", &Tape::watch)
      .def("gradient",
           [](Tape& tape, py::handle targets, py::handle grads, py::handle sources) {
             return optional_tensors(
                 tape.gradient(to_tensors(targets), optional_grads(grads), to_tensors(sources)));
           })
      .def("gradient_of_variables", &gradient_of_variables);
  m.def("taping", [] { return !active_tapes().empty(); });
  // Whether this thread neither records nor answers reads of variables by other values.
  m.def("immediate", [] { return current_env() == nullptr && active_tapes().empty(); });
}

}  // namespace

void bind_state(py::module_& m) {
  bind_variable(m);
  bind_environments(m);
  bind_tape(m);
}

}  // namespace ranvier::python
