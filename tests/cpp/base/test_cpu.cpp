#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/affinity.h"
#include "base/cpu.h"
#include "base/cpu_limit.h"
#include "base/env.h"
#include "base/error.h"

using namespace ranvier;
namespace fs = std::filesystem;

namespace {

// A folder of control-group files, removed at the end.
struct Tree {
  Tree() {
    std::string pattern = (fs::temp_directory_path() / "ranvier_cgroup_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    root = pattern;
  }
  ~Tree() { fs::remove_all(root); }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  int cpus(const std::string& membership) const { return cgroup_cpus(membership, root.string()); }
  fs::path root;
};

}  // namespace

TEST_CASE("the active level can be lowered but not raised") {
  const Isa before = active_isa();
  CHECK(before <= detected_isa());
  set_active_isa(Isa::Baseline);
  CHECK(active_isa() == Isa::Baseline);
  set_active_isa(before);
  if (detected_isa() < Isa::Avx512) CHECK_THROWS_AS(set_active_isa(Isa::Avx512), ValueError);
  CHECK(std::string(name_of(Isa::Avx2)) == "avx2");
  CHECK(vector_level(Isa::Avx2) == Isa::Avx2);
  CHECK(vector_level(Isa::Avx512Bf16) == Isa::Avx512);
}

TEST_CASE("the compiler's view of this CPU agrees") {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool bf16 = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  CHECK(detected_isa() == (avx512 ? (bf16 ? Isa::Avx512Bf16 : Isa::Avx512)
                           : avx2 ? Isa::Avx2
                                  : Isa::Baseline));
#else
  CHECK(detected_isa() == Isa::Baseline);
#endif
  CHECK_FALSE(cpu_info().model.empty());
  CHECK(cpu_info().l1_data_bytes >= 8 << 10);
  CHECK(cpu_info().l2_bytes >= cpu_info().l1_data_bytes);
  const int64_t ways = cpu_info().l1_data_bytes / 4096;
  CHECK(l1_lines_at(4096) == ways);
  CHECK(l1_lines_at(3 * 4096) == ways);
  CHECK(l1_lines_at(3 * 2048) == 2 * ways);
  CHECK(l1_lines_at(64) == 64 * ways);
}

TEST_CASE("control groups, version 2") {
  const Tree tree;
  tree.put("cpu.max", "max 100000\n");
  CHECK(tree.cpus("0::/\n") == 0);
  tree.put("a/cpu.max", "350000 100000\n");
  tree.put("a/b/cpu.max", "max 100000\n");
  CHECK(tree.cpus("0::/a/b\n") == 3);  // an ancestor's quota binds
  tree.put("a/b/cpu.max", "50000 100000\n");
  CHECK(tree.cpus("0::/a/b\n") == 1);  // less than a CPU is one thread
  tree.put("cpu.max", "200000 100000\n");
  CHECK(tree.cpus("0::/somewhere/else\n") == 2);  // paths of another namespace
}

TEST_CASE("control groups, version 1") {
  const Tree tree;
  tree.put("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  tree.put("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const std::string membership = "5:memory:/job\n4:cpu,cpuacct:/job\n";
  CHECK(tree.cpus(membership) == 0);
  tree.put("cpu,cpuacct/job/cpu.cfs_quota_us", "400000\n");
  tree.put("cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  CHECK(tree.cpus(membership) == 4);
  CHECK(tree.cpus("5:memory:/job\n") == 0);
  CHECK(tree.cpus("not a membership") == 0);
}

TEST_CASE("usable CPUs") {
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= affinity_cpus());
}

TEST_CASE("a thread is kept off one CPU of its starter's mask") {
  std::atomic<bool> wait{true};
  std::atomic<int> left{0};
  std::thread other([&] {
    while (wait) std::this_thread::yield();
    left = affinity_cpus();
  });
  const bool kept = keep_off_cpu(other.native_handle(), current_cpu());
  wait = false;
  other.join();
  CHECK(kept == (affinity_cpus() > 1));
  CHECK(left == affinity_cpus() - kept);
}

TEST_CASE("environment") {
  REQUIRE(setenv("RANVIER_SPIN_US", "12", 1) == 0);
  CHECK(env_int("RANVIER_SPIN_US", 0, 100) == 12);
  REQUIRE(setenv("RANVIER_SPIN_US", "12x", 1) == 0);
  CHECK_THROWS_WITH_AS(env_int("RANVIER_SPIN_US", 0, 100),
                       "RANVIER_SPIN_US: not usable. Expected an integer from 0 to 100. Received: "
                       "'12x'. Hint: unset it to use the default.",
                       ValueError);
  REQUIRE(setenv("RANVIER_SPIN_US", "101", 1) == 0);
  CHECK_THROWS_AS(env_int("RANVIER_SPIN_US", 0, 100), ValueError);
  CHECK(env_choice("RANVIER_SPIN_US", {"7", "101"}) == "101");
  CHECK_THROWS_WITH_AS(env_choice("RANVIER_SPIN_US", {"7", "12"}),
                       "RANVIER_SPIN_US: not usable. Expected one of: 7, 12. Received: '101'. "
                       "Hint: unset it to use the default.",
                       ValueError);
  REQUIRE(setenv("RANVIER_SPIN_US", "", 1) == 0);
  CHECK_FALSE(env_choice("RANVIER_SPIN_US", {"7"}));
  CHECK_FALSE(env_int("RANVIER_SPIN_US", 0, 100));
  REQUIRE(unsetenv("RANVIER_SPIN_US") == 0);
  const bool before = exact_mode();
  set_exact_mode(!before);
  CHECK(exact_mode() == !before);
  set_exact_mode(before);
}
