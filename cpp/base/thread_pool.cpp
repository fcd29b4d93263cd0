#include "base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cpu_limit.h"
#include "base/env.h"
#include "base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ranvier {
namespace {

// Counts forks this process descends from: threads of an older generation do not exist here.
std::atomic<uint32_t> fork_generation{0};
void watch_forks() {
  static const int registered = pthread_atfork(
      nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
}

constinit thread_local int worker_index = 0;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// True as soon as done() is, false when `ns` nanoseconds have passed.
template <class Done>
bool spin_until(int64_t ns, Done done) {
  if (done()) return true;
  if (ns <= 0) return false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns);
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

struct Region {
  int64_t n = 0, grain = 1, chunks = 0;
  bool whole = false;  // a share is one call
  int workers = 1;
  const RangeFn* fn = nullptr;
};

void run_chunks(const Region& region, int64_t first, int64_t last, int worker) {
  if (region.whole) return (*region.fn)(first, last, worker);
  for (int64_t chunk = first; chunk < last; ++chunk) {
    const int64_t begin = chunk * region.grain;
    const int64_t end = begin + std::min(region.grain, region.n - begin);
    (*region.fn)(begin, end, worker);
  }
}

// Chunks of `share` (0 <= share < region.workers), run under the index `worker`.
void run_share(const Region& region, int share, int worker) {
  // Balanced contiguous ranges; written so that chunks * share cannot overflow.
  const int64_t each = region.chunks / region.workers, extra = region.chunks % region.workers;
  const int64_t first = share * each + std::min<int64_t>(share, extra);
  run_chunks(region, first, first + each + (share < extra ? 1 : 0), worker);
}

// One word per worker, in a cache line of its own. Posted is set by the caller alone; the step from
// Posted to Running (worker) or Idle (caller takes the share back) decides who runs it.
enum State : int { Idle, Sleeping, Posted, Running, Awaited, Stop };

struct alignas(64) Slot {
  std::atomic<int> state{Idle};
};

}  // namespace

struct ThreadPool::Team {
  Team(int count, int64_t spin_ns, uint32_t generation)
      : spin_ns(spin_ns), generation(generation), slots(new Slot[count]), threads(count) {}

  void serve(int slot) {
    worker_index = slot + 1;
    std::atomic<int>& state = slots[slot].state;
    for (;;) {
      await_work(state);
      int expected = Posted;
      if (!state.compare_exchange_strong(expected, Running, std::memory_order_acq_rel)) {
        if (expected == Stop) return;
        continue;
      }
      run_share(region, slot + 1, slot + 1);
      if (state.exchange(Idle, std::memory_order_acq_rel) == Awaited) state.notify_one();
    }
  }

  void await_work(std::atomic<int>& state) const {
    const auto called = [&state] { return state.load(std::memory_order_relaxed) != Idle; };
    if (spin_until(spin_ns, called)) return;
    int expected = Idle;
    if (!state.compare_exchange_strong(expected, Sleeping, std::memory_order_relaxed)) return;
    state.wait(Sleeping, std::memory_order_relaxed);
  }

  void send(int slot, State order) {
    std::atomic<int>& state = slots[slot].state;
    if (state.exchange(order, std::memory_order_acq_rel) == Sleeping) state.notify_one();
  }

  // Takes the share back where the worker has not begun, else waits for its end.
  void collect(int slot, int worker) {
    std::atomic<int>& state = slots[slot].state;
    int expected = Posted;
    if (state.compare_exchange_strong(expected, Idle, std::memory_order_acq_rel)) {
      run_share(region, slot + 1, worker);
      return;
    }
    const auto done = [&state] {
      const int now = state.load(std::memory_order_acquire);
      return now == Idle || now == Sleeping;
    };
    if (spin_until(spin_ns, done)) return;
    expected = Running;
    if (!state.compare_exchange_strong(expected, Awaited, std::memory_order_acq_rel)) return;
    state.wait(Awaited, std::memory_order_acquire);
  }

  const int64_t spin_ns;
  const uint32_t generation;
  Region region;  // written by the caller before Posted, read by workers after it
  int started = 0;
  std::unique_ptr<Slot[]> slots;
  std::vector<std::thread> threads;
};

ThreadPool::ThreadPool(int threads, int spin_us)
    : threads_(threads), spin_ns_(int64_t{spin_us} * 1000) {
  watch_forks();
}

ThreadPool::~ThreadPool() { stop(); }

int ThreadPool::current_worker() { return worker_index; }

bool ThreadPool::try_enter() {
  const uint32_t mine = fork_generation.load(std::memory_order_relaxed) + 1;
  uint32_t found = 0;
  if (busy_.load(std::memory_order_relaxed) == mine) return false;
  if (busy_.compare_exchange_strong(found, mine, std::memory_order_acquire)) return true;
  return found != mine && busy_.compare_exchange_strong(found, mine, std::memory_order_acquire);
}

void ThreadPool::leave() { busy_.store(0, std::memory_order_release); }

// The team with as many threads as the system would start, nullptr where there is none.
ThreadPool::Team* ThreadPool::ready_team() noexcept {
  const uint32_t generation = fork_generation.load(std::memory_order_relaxed);
  if (team_ && team_->generation != generation) (void)team_.release();  // its threads are not here
  if (team_) return team_.get();
  try {
    team_ = std::make_unique<Team>(threads_ - 1, spin_ns_, generation);
    for (int& i = team_->started; i < threads_ - 1; ++i)
      team_->threads[i] = std::thread([team = team_.get(), slot = i] { team->serve(slot); });
  } catch (const std::exception&) {
    // Out of threads or memory: those that did start do the work, the result is the same.
  }
  return team_.get();
}

void ThreadPool::stop() {
  if (!team_) return;
  if (team_->generation != fork_generation.load(std::memory_order_relaxed)) {
    (void)team_.release();
    return;
  }
  for (int i = 0; i < team_->started; ++i) team_->send(i, Stop);
  for (int i = 0; i < team_->started; ++i) team_->threads[i].join();
  team_.reset();
}

void ThreadPool::resize(int threads, int spin_us) {
  while (!try_enter()) std::this_thread::yield();
  stop();
  threads_ = threads;
  spin_ns_ = int64_t{spin_us} * 1000;
  leave();
}

void ThreadPool::run(int64_t n, int64_t grain, bool whole, int workers, RangeFn fn) {
  Region region{n, grain, (n - 1) / grain + 1, whole, 1, &fn};
  workers = static_cast<int>(std::min<int64_t>(std::min(workers, threads_), region.chunks));
  const int me = worker_index < workers ? worker_index : 0;
  if (workers <= 1 || !try_enter()) {
    run_chunks(region, 0, region.chunks, me);
    return;
  }
  Team* team = ready_team();
  region.workers = team == nullptr ? 1 : std::min(workers, team->started + 1);
  if (region.workers > 1) team->region = region;
  for (int w = 1; w < region.workers; ++w) team->send(w - 1, Posted);
  run_share(region, 0, me);
  for (int w = 1; w < region.workers; ++w) team->collect(w - 1, me);
  leave();
}

namespace {

int spin_us_for(int threads) {
  const auto wanted = env_int("RANVIER_SPIN_US", 0, 1'000'000);
  // With more threads than CPUs, a spinning thread stands in the way of a working one.
  return wanted ? static_cast<int>(*wanted) : threads > usable_cpus() ? 0 : 30;
}

constexpr int kMaxThreads = 1024;

// Leaked on purpose: at exit its threads may still spin, and nobody has to wait for them.
Context& process_context() {
  static Context* const context = [] {
    const int cpus = usable_cpus();
    const auto wanted = env_int("RANVIER_NUM_THREADS", 1, kMaxThreads);
    const int threads = std::min(wanted ? static_cast<int>(*wanted) : cpus, cpus);
    return new Context{new ThreadPool(threads, spin_us_for(threads)), threads};
  }();
  return *context;
}

}  // namespace

void Context::parallel_for(int64_t n, int64_t grain, RangeFn fn) const {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (pool != nullptr && workers > 1) {
    if (n > grain) return pool->run(n, grain, false, workers, fn);
    const int me = ThreadPool::current_worker();
    return fn(0, n, me < workers ? me : 0);
  }
  run_chunks({n, grain, (n - 1) / grain + 1, false, 1, &fn}, 0, (n - 1) / grain + 1, 0);
}

void Context::parallel_shares(int64_t n, RangeFn fn) const {
  if (n <= 0) return;
  if (pool != nullptr && workers > 1 && n > 1) return pool->run(n, 1, true, workers, fn);
  const int me = pool != nullptr && workers > 1 ? ThreadPool::current_worker() : 0;
  fn(0, n, me < workers ? me : 0);
}

const Context& default_context() { return process_context(); }
int num_threads() { return process_context().workers; }

void set_num_threads(int threads) {
  if (threads < 1 || threads > kMaxThreads)
    fail<ValueError>("set_num_threads: not usable. Expected 1 to ", kMaxThreads,
                     ". Received: ", threads, ".");
  Context& context = process_context();
  context.pool->resize(threads, spin_us_for(threads));
  context.workers = threads;
}

}  // namespace ranvier
