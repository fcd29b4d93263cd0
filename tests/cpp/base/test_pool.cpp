#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/affinity.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/thread_pool.h"

using namespace ranvier;

namespace {

constexpr int kSpins[] = {0, 30};

struct Pool {
  Pool(int threads, int spin_us) : pool(threads, spin_us), context{&pool, threads} {}
  ThreadPool pool;
  Context context;
};

// How often each element is visited; checks the chunk's bounds and the worker's index on the way.
std::vector<int> visits(const Context& context, int64_t n, int64_t grain) {
  std::vector<int> count(static_cast<size_t>(n));
  std::atomic<bool> wrong{false};
  context.parallel_for(n, grain, [&](int64_t begin, int64_t end, int worker) {
    if (begin % grain != 0 || end <= begin || (end != n && end != begin + grain)) wrong = true;
    if (worker < 0 || worker >= context.workers) wrong = true;
    for (int64_t i = begin; i < end; ++i) ++count[static_cast<size_t>(i)];
  });
  CHECK_FALSE(wrong);
  return count;
}

}  // namespace

TEST_CASE("every element is visited once, whatever the chunks and threads") {
  for (int spin_us : kSpins) {
    for (int threads : {1, 2, 3, 5}) {
      const Pool pool(threads, spin_us);
      for (int64_t n : {1, 2, 3, 7, 64, 1000}) {
        for (int64_t grain : {1, 2, 3, 64, 999, 5000}) {
          CAPTURE(threads);
          CAPTURE(n);
          CAPTURE(grain);
          CHECK(visits(pool.context, n, grain) == std::vector<int>(static_cast<size_t>(n), 1));
        }
      }
    }
  }
}

TEST_CASE("no elements, no call; a grain below 1 counts as 1") {
  const Pool pool(2, 0);
  int calls = 0;
  pool.context.parallel_for(0, 4, [&](int64_t, int64_t, int) { ++calls; });
  pool.context.parallel_for(-3, 4, [&](int64_t, int64_t, int) { ++calls; });
  CHECK(calls == 0);
  std::atomic<int> chunks{0};
  pool.context.parallel_for(5, 0, [&](int64_t, int64_t, int) { ++chunks; });
  CHECK(chunks == 5);
}

TEST_CASE("huge ranges do not overflow") {
  const Pool pool(2, 0);
  const int64_t n = INT64_MAX, grain = n / 3 + 1;
  std::atomic<int64_t> covered{0};
  pool.context.parallel_for(n, grain,
                            [&](int64_t begin, int64_t end, int) { covered += end - begin; });
  CHECK(covered == n);
}

TEST_CASE("without a pool, or with a single chunk, the caller does the work") {
  const auto me = std::this_thread::get_id();
  const auto on_caller = [me](const Context& context, int64_t n, int64_t grain) {
    bool same = true;
    context.parallel_for(n, grain, [&](int64_t, int64_t, int worker) {
      same = same && worker == 0 && std::this_thread::get_id() == me;
    });
    return same;
  };
  CHECK(on_caller(Context{}, 100, 1));
  const Pool pool(3, 0);
  CHECK(on_caller(pool.context, 100, 100));
  CHECK(on_caller(Context{&const_cast<ThreadPool&>(pool.pool), 1}, 100, 1));
}

namespace {

// Who runs each of `chunks` when the first one returns only after `enough` of them were begun.
std::vector<int> owners(const Pool& pool, int64_t chunks, int enough) {
  std::vector<int> owner(static_cast<size_t>(chunks));
  std::atomic<int> begun{0};
  pool.context.parallel_for(chunks, 1, [&](int64_t begin, int64_t, int worker) {
    owner[static_cast<size_t>(begin)] = worker;
    ++begun;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (begin == 0 && begun < enough && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
  });
  return owner;
}

}  // namespace

TEST_CASE("a worker begins with neighbouring chunks and takes over what a slow one has not begun") {
  const Pool pool(2, 30);
  // The caller takes half of its 8 chunks and is held in the first until all others are begun.
  const std::vector<int> caller_slow = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  CHECK(owners(pool, 16, 16 - 3) == caller_slow);
}

TEST_CASE("a share is one call where neighbours are merged, but for a part that others may take") {
  const Pool pool(2, 30);
  std::vector<std::pair<int64_t, int64_t>> calls;
  std::mutex lock;
  pool.context.parallel_shares(64, [&](int64_t begin, int64_t end, int) {
    const std::lock_guard<std::mutex> hold(lock);
    calls.emplace_back(begin, end);
  });
  std::sort(calls.begin(), calls.end());
  CHECK(calls.front() == std::pair<int64_t, int64_t>(0, 24));
  int64_t next = 0;
  for (const auto& [begin, end] : calls) {
    CHECK(begin == next);
    next = end;
  }
  CHECK(next == 64);
}

TEST_CASE("one worker index runs one chunk at a time, nested regions included") {
  for (int spin_us : kSpins) {
    const Pool pool(3, spin_us);
    std::vector<std::atomic<int>> users(3);
    std::atomic<bool> shared{false};
    std::atomic<int64_t> inner_elements{0};
    for (int repeat = 0; repeat < 200; ++repeat) {
      pool.context.parallel_for(9, 1, [&](int64_t, int64_t, int worker) {
        if (users[static_cast<size_t>(worker)].fetch_add(1) != 0) shared = true;
        pool.context.parallel_for(10, 3, [&](int64_t begin, int64_t end, int inner) {
          if (inner != worker) shared = true;
          inner_elements += end - begin;
        });
        users[static_cast<size_t>(worker)].fetch_sub(1);
      });
    }
    CHECK_FALSE(shared);
    CHECK(inner_elements == 200 * 9 * 10);
  }
}

TEST_CASE("a caller who finds the pool busy runs its region itself") {
  const Pool pool(2, 30);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&pool, &wrong] {
      for (int repeat = 0; repeat < 500; ++repeat) {
        std::atomic<int64_t> sum{0};
        pool.context.parallel_for(100, 7, [&sum](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) sum += i;
        });
        if (sum != 4950) ++wrong;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("plain writes of a region are seen by the caller, and the caller's by the region") {
  for (int spin_us : kSpins) {
    const Pool pool(3, spin_us);
    std::vector<int64_t> values(64, 0);
    for (int64_t round = 0; round < 2000; ++round) {
      pool.context.parallel_for(64, 4, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] += 1;
      });
      values[static_cast<size_t>(round % 64)] += 1;
    }
    int64_t total = 0;
    for (int64_t value : values) total += value;
    CHECK(total == 2000 * 65);
  }
}

TEST_CASE("workers that slept long wake up, and a slow worker is waited for") {
  const Pool pool(2, 0);
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> done{0};
    std::mutex guard;
    std::set<std::thread::id> seen;
    pool.context.parallel_for(2, 1, [&](int64_t, int64_t, int worker) {
      {
        const std::lock_guard lock(guard);
        seen.insert(std::this_thread::get_id());
      }
      // The caller lets the worker begin, the worker outlasts the caller.
      std::this_thread::sleep_for(std::chrono::milliseconds(worker == 0 ? 5 : 15));
      ++done;
    });
    CHECK(done == 2);
    CHECK_FALSE(seen.empty());
  }
}

#if defined(__linux__)
TEST_CASE("a worker that is bound to the caller's CPU is moved off it") {
  if (affinity_cpus() < 2) return;
  const Pool pool(2, 30);
  std::atomic<int> arrived{0}, cpu{-1};
  pool.context.parallel_for(2, 1, [&](int64_t, int64_t, int worker) {
    if (worker == 0) cpu = current_cpu();
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    if (worker == 0) return;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof only, &only) == 0);
  });
  // In each region the caller is done long before a worker that waits for its CPU.
  std::atomic<bool> moved{false};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!moved && std::chrono::steady_clock::now() < end) {
    pool.context.parallel_for(64, 1, [&](int64_t, int64_t, int worker) {
      cpu_set_t mine;
      if (worker == 1 && sched_getaffinity(0, sizeof mine, &mine) == 0)
        moved = moved || !CPU_ISSET(cpu, &mine);
    });
  }
  CHECK(moved);
}

TEST_CASE("a worker that was last on the caller's CPU is moved off it before it begins") {
  if (affinity_cpus() < 2) return;
  const Pool pool(2, 30);
  const auto bind = [](int cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof only, &only) == 0);
  };
  // The worker takes part in every region: it never comes too late.
  const auto on_worker = [&](auto body) {
    std::atomic<int> arrived{0};
    pool.context.parallel_for(2, 1, [&](int64_t, int64_t, int worker) {
      ++arrived;
      while (arrived < 2) std::this_thread::sleep_for(std::chrono::microseconds(50));
      if (worker == 1) body();
    });
  };
  cpu_set_t all;
  CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
  bool moved = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!moved && std::chrono::steady_clock::now() < end) {
    const int cpu = current_cpu();
    on_worker([&] { bind(cpu); });
    bind(cpu);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof all, &all) == 0);
    on_worker([&] {
      cpu_set_t mine;
      moved = sched_getaffinity(0, sizeof mine, &mine) == 0 && !CPU_ISSET(cpu, &mine);
    });
  }
  CHECK(moved);
}
#endif

TEST_CASE("the process-wide pool can be resized, and refuses sizes below 1") {
  const int before = num_threads();
  CHECK(before >= 1);
  for (int threads : {3, 1, 2}) {
    set_num_threads(threads);
    CHECK(num_threads() == threads);
    CHECK(default_context().workers == threads);
    CHECK(visits(default_context(), 100, 3) == std::vector<int>(100, 1));
  }
  CHECK_THROWS_WITH_AS(set_num_threads(0),
                       "set_num_threads: not usable. Expected 1 to 1024. Received: 0.", ValueError);
  set_num_threads(before);
}

// The run times of the sanitizers do not support threads after a fork: GCC 12's do not take their
// own locks over it, so a child may find one held for ever. The Release suite and the Python suite
// fork for real.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a forked child keeps working, also when the pool was busy at the fork") {
  const int before = num_threads();
  set_num_threads(2);
  CHECK(visits(default_context(), 100, 3) == std::vector<int>(100, 1));
  std::atomic<bool> stop{false};
  std::thread busy([&stop] {
    while (!stop) default_context().parallel_for(64, 1, [](int64_t, int64_t, int) {});
  });
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);  // a hang becomes a failure
      std::atomic<int64_t> sum{0};
      std::atomic<int> met{0};
      for (int repeat = 0; repeat < 50; ++repeat)
        default_context().parallel_for(100, 3, [&](int64_t begin, int64_t end, int worker) {
          sum += end - begin;
          if (worker == 1) ++met;
        });
      // The child's own second thread must come into play: wait for it in one more region.
      default_context().parallel_for(2, 1, [&](int64_t, int64_t, int worker) {
        if (worker == 1) ++met;
        while (worker == 0 && met == 0) std::this_thread::yield();
      });
      _exit(sum == 5000 && met > 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  stop = true;
  busy.join();
  set_num_threads(before);
}
#endif
