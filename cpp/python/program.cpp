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
  py::class_<Program, ProgramRef>(m, "Program",
                                  "A compiled trace: planned memory and a flat list of steps.")
      .def_property_readonly("name", &Program::name)
      .def("run", [](const Program& p,
                     const py::sequence& args) { return each(run(p, args, nullptr), from_tensor); })
      .def("run_arrays",
           [](const Program& p, const py::sequence& args) {
             return each(run(p, args, nullptr), to_own_array);
           })
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
