// Compiled programs.

#include "runtime/program.h"

#include "base/error.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

Tensors bind_arguments(const Program& program, const py::sequence& args) {
  const Specs& specs = program.argument_specs();
  if (args.size() != specs.size())
    fail<ShapeError>(program.name(), ": wrong number of inputs. Expected ", specs.size(),
                     ". Received: ", args.size(), ".");
  Tensors tensors;
  tensors.reserve(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    tensors.push_back(borrow_or_copy(args[i], specs[i].dtype));
    if (tensors[i].shape() != specs[i].shape)
      fail<ShapeError>(program.name(), ": input ", i, " has the wrong shape. Expected ",
                       specs[i].str(), ". Received: ", tensors[i].spec().str(), ".");
  }
  return tensors;
}

Tensors run(const Program& program, const py::sequence& args, StepTimes* times) {
  const Tensors tensors = bind_arguments(program, args);
  py::gil_scoped_release release;
  return program.run(tensors, times);
}

template <class Convert>
py::list each(Tensors outputs, const Convert& convert) {
  py::list list(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) list[i] = convert(std::move(outputs[i]));
  return list;
}

// Methods past pybind11's dispatcher, which takes a tenth of what a small program does.
template <auto kConvert>
PyObject* run_method(PyObject* self, PyObject* args) noexcept {
  try {
    const auto* program = static_cast<const Program*>(
        reinterpret_cast<py::detail::instance*>(self)->simple_value_holder[0]);
    if (!program || !PySequence_Check(args))
      throw py::type_error("Program: expected a sequence of tensors or arrays.");
    const auto inputs = py::reinterpret_borrow<py::sequence>(args);
    return each(run(*program, inputs, nullptr), kConvert).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyMethodDef g_run{"run", run_method<from_tensor>, METH_O, "Runs on a sequence; a list of tensors."};
PyMethodDef g_run_arrays{"run_arrays", run_method<to_own_array>, METH_O,
                         "Runs on a sequence; a list of arrays."};

void add_method(py::class_<Program, ProgramRef>& cls, PyMethodDef& method) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls.ptr());
  cls.attr(method.ml_name) = py::reinterpret_steal<py::object>(PyDescr_NewMethod(type, &method));
}

py::list step_table(const Program& program, const StepTimes& times) {
  py::list rows;
  const ProgramStats stats = program.stats();
  for (size_t i = 0; i < stats.steps.size(); ++i) {
    const StepInfo& step = stats.steps[i];
    const double seconds = times.runs && i < times.seconds.size()
                               ? times.seconds[i] / static_cast<double>(times.runs)
                               : 0.0;
    rows.append(py::dict(py::arg("op") = step.op, py::arg("variant") = step.variant,
                         py::arg("site") = step.site, py::arg("flops") = step.cost.flops,
                         py::arg("bytes") = step.cost.bytes, py::arg("seconds") = seconds));
  }
  return rows;
}

py::dict stats_dict(const Program& program) {
  const ProgramStats stats = program.stats();
  return py::dict(
      py::arg("flops") = stats.flops, py::arg("bytes") = stats.bytes,
      py::arg("arena_bytes") = stats.arena_bytes, py::arg("constant_bytes") = stats.constant_bytes,
      py::arg("variable_bytes") = stats.variable_bytes, py::arg("steps") = stats.steps.size(),
      py::arg("prologue_bytes") = stats.prologue_bytes,
      py::arg("prologue_arena_bytes") = stats.prologue_arena_bytes,
      py::arg("prologue_steps") = stats.prologue_steps.size());
}

}  // namespace

void bind_program(py::module_& m) {
  install_control_flow();
  py::class_<Program, ProgramRef> cls(m, "Program",
                                      "A compiled trace: planned memory and a flat list of steps.");
  add_method(cls, g_run);
  add_method(cls, g_run_arrays);
  cls.def_property_readonly("name", &Program::name)
      .def("stats", &stats_dict)
      .def("dump", &Program::dump)
      .def(
          "profile",
          [](const Program& p, const py::sequence& args, int repeats) {
            StepTimes times;
            for (int i = 0; i < repeats; ++i) run(p, args, &times);
            return step_table(p, times);
          },
          py::arg("args"), py::arg("repeats") = 20);
  m.def(
      "compile",
      [](const TraceRef& trace, const std::string& name) {
        CompileOptions options;
        options.name = name;
        return compile(*trace, options);
      },
      py::arg("trace"), py::arg("name") = "program");
}

}  // namespace ranvier::python
