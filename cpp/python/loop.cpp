// The epoch loop.

#include "runtime/loop.h"

#include <span>

#include "base/error.h"
#include "python/common.h"

namespace ranvier::python {
namespace {

const char* event_name(LoopEvent event) {
  switch (event) {
    case LoopEvent::EpochEnd:
      return "epoch_end";
    case LoopEvent::Timer:
      return "timer";
    case LoopEvent::StepLimit:
      return "step_limit";
    case LoopEvent::NeedProgram:
      return "need_program";
    case LoopEvent::Waiting:
      return "waiting";
  }
  return "";
}

// The loop with the Python arrays it points into.
class PyLoop {
 public:
  PyLoop(const py::list& arrays, const py::list& targets, int64_t rows, int64_t batch_size)
      : arrays_(arrays), loop_(sources(arrays, targets), rows, batch_size) {}

  void start_epoch(const py::object& order, int64_t max_steps) {
    std::span<const int64_t> rows;
    if (!order.is_none()) {
      const auto indices = order.cast<py::array_t<int64_t, py::array::c_style>>();
      rows = {indices.data(), static_cast<size_t>(indices.size())};
      order_ = indices;
    }
    loop_.start_epoch(rows, max_steps);
  }
  const char* run(double max_seconds, int64_t max_steps) {
    py::gil_scoped_release release;
    return event_name(loop_.run(max_seconds, max_steps));
  }
  void set_results(const py::list& results) {
    results_ = results;
    std::vector<void*> pointers;
    for (py::handle item : results)
      pointers.push_back(item.is_none() ? nullptr
                                        : py::reinterpret_borrow<py::array>(item).mutable_data());
    loop_.set_results(std::move(pointers));
  }
  EpochLoop& loop() { return loop_; }

 private:
  static std::vector<ArraySource> sources(const py::list& arrays, const py::list& targets) {
    std::vector<ArraySource> result;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const auto array = py::reinterpret_borrow<py::array>(arrays[i]);
      if (!lies_as_tensor(array))
        fail<ValueError>("EpochLoop: array ", i, " is not dense, aligned and in byte order.");
      std::vector<int64_t> row(array.shape() + 1, array.shape() + array.ndim());
      result.push_back({array.data(), dtype_of(array.dtype()), Shape(row), dtype_of(targets[i])});
    }
    return result;
  }

  py::list arrays_;
  py::object order_, results_;
  EpochLoop loop_;
};

}  // namespace

void bind_loop(py::module_& m) {
  py::class_<PyLoop>(m, "EpochLoop", "Gathers batches and runs programs without Python.")
      .def(py::init<const py::list&, const py::list&, int64_t, int64_t>(), py::arg("arrays"),
           py::arg("dtypes"), py::arg("rows"), py::arg("batch_size"))
      .def("set_program",
           [](PyLoop& l, int64_t batch, ProgramRef program) {
             l.loop().set_program(batch, std::move(program));
           })
      .def("clear_programs", [](PyLoop& l) { l.loop().clear_programs(); })
      .def("has_program", [](PyLoop& l, int64_t batch) { return l.loop().has_program(batch); })
      .def("set_results", &PyLoop::set_results)
      .def("start_epoch", &PyLoop::start_epoch, py::arg("order"), py::arg("max_steps") = -1)
      .def("run", &PyLoop::run, py::arg("max_seconds"), py::arg("max_steps"))
      .def("outputs", [](PyLoop& l) { return l.loop().outputs(); })
      .def_property_readonly("step", [](PyLoop& l) { return l.loop().step(); })
      .def_property_readonly("steps", [](PyLoop& l) { return l.loop().steps(); })
      .def_property_readonly("needed_batch", [](PyLoop& l) { return l.loop().needed_batch(); });
}

}  // namespace ranvier::python
