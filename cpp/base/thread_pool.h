#pragma once
// The pool behind Context::parallel_for. The caller is worker 0 and deals each worker one share:
// contiguous chunks, announced through that worker's own cache line. A worker who is done with its
// share takes half of what is left of another one, so cores that are slow for a while hold nobody
// up, and a region never waits for a thread that is not running. Idle workers spin briefly, then
// sleep. A forked child starts threads of its own; only a fork from within a region, by one of its
// chunks, is not supported.

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/parallel.h"

namespace ranvier {

class ThreadPool {
 public:
  // Threads start with the first region that needs them. spin_us: how long an idle worker spins.
  ThreadPool(int threads, int spin_us);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  int64_t spin_ns() const { return spin_ns_; }

  // See Context::parallel_for; at most `workers` worker indices are used.
  void run(int64_t n, int64_t grain, bool whole_shares, int workers, RangeFn fn);
  // Waits for the running region. Not to be called while other threads size scratch by threads().
  void resize(int threads, int spin_us);

  // Index of the calling thread inside a region of any pool; 0 outside.
  static int current_worker();

 private:
  struct Team;

  bool try_enter();
  void leave();
  Team* ready_team() noexcept;
  void stop();

  int threads_;
  int64_t spin_ns_;
  // 0: free. Otherwise 1 + the fork generation of the region's process: a value left over from
  // before a fork belongs to a thread that the child does not have.
  std::atomic<uint32_t> busy_{0};
  std::unique_ptr<Team> team_;  // guarded by busy_
};

}  // namespace ranvier
