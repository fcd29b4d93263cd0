#include "base/cpu_limit.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/affinity.h"

namespace ranvier {
namespace {

// A quota as whole CPUs, rounded down: a pool larger than its quota is stopped in mid-region.
int whole_cpus(double quota, double period) {
  return quota > 0 && period > 0 ? std::max(1, static_cast<int>(quota / period)) : 0;
}

int tighter(int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// Version 2: one file, "max 100000" or "200000 100000".
int quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return 0;
  std::istringstream number(quota);
  double value = 0;
  return number >> value ? whole_cpus(value, period) : 0;
}

// Version 1: two files; a quota of -1 means none.
int quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"),
      period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? whole_cpus(quota, period) : 0;
}

// The tightest answer of `quota` for mount/path and every folder above it up to the mount.
int tightest(const std::string& mount, std::string path, int (*quota)(const std::string&)) {
  int best = 0;
  for (;;) {
    best = tighter(best, quota(mount + path));
    const size_t slash = path.find_last_of('/');
    if (path.empty() || slash == std::string::npos) return best;
    path.resize(slash);
  }
}

bool lists_cpu(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == "cpu") return true;
  return false;
}

}  // namespace

int cgroup_cpus(const std::string& membership, const std::string& root) {
  std::istringstream lines(membership);
  int best = 0;
  // One line per hierarchy: "id:controllers:path"; version 2 has id 0 and no controllers.
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (controllers.empty()) {
      best = tighter(best, tightest(root, path, quota_v2));
    } else if (lists_cpu(controllers)) {
      best = tighter(best, tightest(root + "/" + controllers, path, quota_v1));
      best = tighter(best, tightest(root + "/cpu", path, quota_v1));
    }
  }
  return best;
}

int usable_cpus() {
  std::ifstream file("/proc/self/cgroup");
  std::stringstream membership;
  if (file) membership << file.rdbuf();
  const int quota = cgroup_cpus(membership.str(), "/sys/fs/cgroup");
  return std::max(1, tighter(affinity_cpus(), quota));
}

}  // namespace ranvier
