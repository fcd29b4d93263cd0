#pragma once
// How many CPUs this process may use.

#include <string>

namespace ranvier {

// The tightest CPU quota (version 1 or 2) of the control groups in `membership` (the text of
// /proc/self/cgroup) and of their ancestors, whole CPUs, at least 1; 0 where there is none.
// `root` is where the control groups are mounted.
int cgroup_cpus(const std::string& membership, const std::string& root);
// min(affinity, control-group quota), at least 1.
int usable_cpus();

}  // namespace ranvier
