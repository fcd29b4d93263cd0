#include "base/cpu.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "base/env.h"
#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ranvier {
namespace {

constexpr const char* kNames[kIsaCount] = {"baseline", "avx2", "avx512", "avx512_bf16"};

#if defined(__x86_64__)
struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}
bool bit(uint32_t word, int position) { return (word >> position) & 1; }

// Which register files the operating system saves on a context switch (XCR0).
uint64_t saved_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

Isa detect() {
  constexpr uint64_t kYmm = 0x06, kZmm = 0xe6;  // XMM+YMM; and opmask, upper ZMM, ZMM16-31
  const Registers one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001u);
  const bool xsave = bit(one.ecx, 27), avx = bit(one.ecx, 28);
  if (!xsave || !avx) return Isa::Baseline;
  const uint64_t saved = saved_state();
  const bool fma = bit(one.ecx, 12), f16c = bit(one.ecx, 29);
  const bool avx2 = bit(seven.ebx, 5), bmi1 = bit(seven.ebx, 3), bmi2 = bit(seven.ebx, 8);
  const bool lzcnt = bit(extended.ecx, 5);
  if ((saved & kYmm) != kYmm || !(fma && f16c && avx2 && bmi1 && bmi2 && lzcnt))
    return Isa::Baseline;
  const bool f = bit(seven.ebx, 16), dq = bit(seven.ebx, 17);
  const bool bw = bit(seven.ebx, 30), vl = bit(seven.ebx, 31);
  if ((saved & kZmm) != kZmm || !(f && dq && bw && vl)) return Isa::Avx2;
  const bool vnni = bit(seven.ecx, 11), bf16 = seven.eax >= 1 && bit(cpuid(7, 1).eax, 5);
  return vnni && bf16 ? Isa::Avx512Bf16 : Isa::Avx512;
}

std::string model_name() {
  if (cpuid(0x80000000u).eax < 0x80000004u) return "x86-64";
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002u + i);
    std::memcpy(text + 16 * i, &r, 16);
  }
  std::string name(text);
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  return name;
}
#else
Isa detect() { return Isa::Baseline; }
std::string model_name() { return "unknown"; }
#endif

#if defined(_SC_LEVEL1_DCACHE_SIZE)
// Hypervisors may hide a cache: then its size is 0 here and the fallback holds.
int cache_bytes(int name, int fallback) {
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<int>(std::min<long>(bytes, INT32_MAX)) : fallback;
}
#endif

Isa isa_from_environment() {
  const auto wanted = env("RANVIER_ISA");
  if (!wanted) return detected_isa();
  std::string choices;
  for (int i = 0; i <= static_cast<int>(detected_isa()); ++i) {
    if (*wanted == kNames[i]) return static_cast<Isa>(i);
    choices += (i > 0 ? ", " : "") + std::string(kNames[i]);
  }
  fail<ValueError>("RANVIER_ISA: this machine cannot use it. Expected one of: ", choices,
                   ". Received: '", *wanted, "'. Hint: unset it to use the best level.");
}

constexpr int kUnset = -1;
std::atomic<int> active{kUnset};

}  // namespace

const char* name_of(Isa isa) { return kNames[static_cast<int>(isa)]; }

Isa detected_isa() {
  static const Isa isa = detect();
  return isa;
}

Isa active_isa() {
  int isa = active.load(std::memory_order_relaxed);
  if (isa == kUnset) {
    isa = static_cast<int>(isa_from_environment());
    active.store(isa, std::memory_order_relaxed);
  }
  return static_cast<Isa>(isa);
}

void set_active_isa(Isa isa) {
  if (isa > detected_isa())
    fail<ValueError>("set_active_isa: this machine lacks the level. Expected at most ",
                     name_of(detected_isa()), ". Received: ", name_of(isa), ".");
  active.store(static_cast<int>(isa), std::memory_order_relaxed);
}

const CpuInfo& cpu_info() {
  static const CpuInfo info = [] {
    CpuInfo out;
    out.model = model_name();
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    out.l1_data_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    out.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
    out.l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 8 << 20);
#else
    out.l1_data_bytes = 32 << 10;
    out.l2_bytes = 1 << 20;
    out.l3_bytes = 8 << 20;
#endif
    return out;
  }();
  return info;
}

int64_t l1_lines_at(int64_t pitch) {
  constexpr int64_t kWay = 64 * 64;
  return cpu_info().l1_data_bytes / std::gcd(pitch, kWay);
}

}  // namespace ranvier
