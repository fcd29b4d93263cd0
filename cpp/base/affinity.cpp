#include "base/affinity.h"

#include <algorithm>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>

#include <vector>
#endif

namespace ranvier {

#if defined(__linux__)
namespace {

class CpuMask {
 public:
  // The calling thread's; empty where the kernel does not tell.
  static CpuMask own() {
    // The kernel refuses a mask smaller than its own: grow until it fits.
    for (size_t cpus = 1024; cpus <= (size_t{1} << 16); cpus *= 2) {
      CpuMask mask(cpus);
      if (sched_getaffinity(0, mask.bytes(), mask.set()) == 0) return mask;
    }
    return CpuMask(0);
  }

  int count() { return CPU_COUNT_S(bytes(), set()); }
  void remove(int cpu) { CPU_CLR_S(cpu, bytes(), set()); }
  bool apply(pthread_t thread) { return pthread_setaffinity_np(thread, bytes(), set()) == 0; }

 private:
  explicit CpuMask(size_t cpus) : words_(CPU_ALLOC_SIZE(cpus) / sizeof(__cpu_mask)) {}
  size_t bytes() const { return words_.size() * sizeof(__cpu_mask); }
  cpu_set_t* set() { return reinterpret_cast<cpu_set_t*>(words_.data()); }

  std::vector<__cpu_mask> words_;
};

}  // namespace

int affinity_cpus() {
  const int count = CpuMask::own().count();
  return count > 0 ? count : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int current_cpu() { return sched_getcpu(); }

bool keep_off_cpu(pthread_t thread, int cpu) {
  CpuMask mask = CpuMask::own();
  mask.remove(cpu);
  return mask.count() > 0 && mask.apply(thread);
}
#else
int affinity_cpus() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }
int current_cpu() { return -1; }
bool keep_off_cpu(std::thread::native_handle_type, int) { return false; }
#endif

}  // namespace ranvier
