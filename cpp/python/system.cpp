// The machine and the process: threads, instruction sets, memory, exactness.

#include "base/arena.h"
#include "base/cpu.h"
#include "base/env.h"
#include "base/error.h"
#include "python/common.h"
#include "runtime/prologue.h"
#include "runtime/roofline.h"

namespace ranvier::python {
namespace {

Isa isa_from_name(const std::string& name) {
  for (int i = 0; i < kIsaCount; ++i)
    if (name == name_of(static_cast<Isa>(i))) return static_cast<Isa>(i);
  fail<ValueError>("set_active_isa: unknown instruction set '", name,
                   "'. Expected baseline, avx2, avx512 or avx512_bf16.");
}

}  // namespace

void bind_system(py::module_& m) {
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads);
  m.def("active_isa", [] { return name_of(active_isa()); });
  m.def("detected_isa", [] { return name_of(detected_isa()); });
  m.def("set_active_isa", [](const std::string& name) { set_active_isa(isa_from_name(name)); });
  m.def("exact", &exact_mode);
  m.def("set_exact", &set_exact_mode);
  m.def("cpu_info", [] {
    const CpuInfo& info = cpu_info();
    return py::dict(py::arg("model") = info.model, py::arg("l1_data_bytes") = info.l1_data_bytes,
                    py::arg("l2_bytes") = info.l2_bytes, py::arg("l3_bytes") = info.l3_bytes);
  });
  m.def("arena_stats", [] {
    const ArenaStats stats = arena_stats();
    return py::dict(py::arg("count") = stats.count, py::arg("bytes") = stats.bytes,
                    py::arg("idle_bytes") = stats.idle_bytes,
                    py::arg("largest_need") = stats.largest_need);
  });
  m.def("held_stats", [] {
    const HeldStats stats = held_stats();
    return py::dict(py::arg("parts") = stats.parts, py::arg("bytes") = stats.bytes);
  });
  m.def("allocator_stats", [] {
    const AllocatorStats stats = allocator_stats();
    return py::dict(py::arg("live_bytes") = stats.live_bytes,
                    py::arg("cached_bytes") = stats.cached_bytes,
                    py::arg("peak_bytes") = stats.peak_bytes);
  });
  m.def("release_cached_memory", &release_cached_memory);
  m.def("roofline", [] {
    const Roofline& roof = machine_roofline();
    return py::dict(py::arg("flops_per_second") = roof.flops_per_second,
                    py::arg("bytes_per_second") = roof.bytes_per_second,
                    py::arg("barrier_seconds") = roof.barrier_seconds,
                    py::arg("threads") = roof.threads);
  });
}

}  // namespace ranvier::python
