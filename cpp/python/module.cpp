#include "base/cpu.h"
#include "base/verbose.h"
#include "python/common.h"

namespace ranvier::python {
void bind_host(py::module_& m);
}

PYBIND11_MODULE(_core, m) {
  using namespace ranvier::python;
  m.doc() = "Ranvier's C++ core. Import it through ranvier._backend only.";
  // Wrong values are errors of the import: later they are read where nothing can be thrown.
  ranvier::active_isa();
  ranvier::prints_dispatch();
  bind_errors(m);
  bind_dtype_names(m);
  bind_tensor(m);
  bind_ops(m);
  bind_state(m);
  bind_control_flow(m);
  bind_host(m);
  bind_program(m);
  bind_replay(m);
  bind_loop(m);
  bind_system(m);
}
