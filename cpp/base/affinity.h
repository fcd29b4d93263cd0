#pragma once
// Which CPUs threads may run on.

#include <thread>

namespace ranvier {

// CPUs in the calling thread's affinity mask.
int affinity_cpus();

// The CPU that the calling thread runs on now; -1 where the system does not tell.
int current_cpu();

// Lets `thread` run on every CPU of the calling thread's mask but `cpu`. False where none is left,
// or the system knows no masks: then nothing changes.
bool keep_off_cpu(std::thread::native_handle_type thread, int cpu);

}  // namespace ranvier
