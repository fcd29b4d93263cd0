#include "base/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "base/affinity.h"
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

// Parts of a region are counted in units of so many chunks that 32 bits hold every count.
constexpr int64_t kMaxUnits = INT32_MAX;

struct Region {
  Region(int64_t n, int64_t grain, bool whole, RangeFn fn)
      : n(n),
        grain(grain),
        chunks((n - 1) / grain + 1),
        unit((chunks - 1) / kMaxUnits + 1),
        units((chunks - 1) / unit + 1),
        whole(whole),
        fn(fn) {}

  void run(int64_t first_unit, int64_t last_unit, int worker) const {
    const int64_t first = first_unit * unit, last = std::min(chunks, last_unit * unit);
    if (whole) return fn(first, last, worker);
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * grain;
      fn(begin, begin + std::min(grain, n - begin), worker);
    }
  }

  int64_t n, grain, chunks, unit, units;
  bool whole;  // neighbours are one call
  int workers = 1;
  RangeFn fn;
};

// The units of one worker that nobody has taken yet. Its owner takes from the front, thieves from
// the back, each a part of what is left: few steps while there is much, single units at the end.
class Share {
 public:
  struct Part {
    uint32_t first, last;
    bool empty() const { return first == last; }
  };

  void set(Part part) { left_.store(word(part), std::memory_order_relaxed); }

  // The owner leaves 1/divisor of what is left, rounded down; a thief takes half, rounded up.
  Part take(bool owner, uint32_t divisor) {
    uint64_t seen = left_.load(std::memory_order_relaxed);
    for (;;) {
      const Part left{static_cast<uint32_t>(seen), static_cast<uint32_t>(seen >> 32)};
      if (left.empty()) return left;
      const uint32_t count = left.last - left.first;
      const uint32_t cut = owner ? left.last - count / divisor : left.last - (count + 1) / 2;
      const Part front{left.first, cut}, back{cut, left.last};
      if (left_.compare_exchange_weak(seen, word(owner ? back : front), std::memory_order_relaxed))
        return owner ? front : back;
    }
  }

 private:
  static uint64_t word(Part part) { return uint64_t{part.last} << 32 | part.first; }

  std::atomic<uint64_t> left_{0};
};

// Posted is set by the caller alone; the step from Posted to Running (worker) or Idle (caller, who
// found all shares empty) decides whether the worker enters the region.
enum State : int { Idle, Sleeping, Posted, Running, Awaited, Stop };

// One per worker, in a cache line of its own. The caller's state is not used.
struct alignas(64) Slot {
  std::atomic<int> state{Idle};
  Share share;
  std::atomic<int> cpu{-1};  // where the worker finished its last region
  int kept_off = -1;         // the CPU that the worker keeps off, known to callers only
};

}  // namespace

struct ThreadPool::Team {
  Team(int count, int64_t spin_ns, uint32_t generation)
      : spin_ns(spin_ns), generation(generation), slots(new Slot[count]), threads(count - 1) {}

  void serve(int worker) {
    worker_index = worker;
    std::atomic<int>& state = slots[worker].state;
    for (;;) {
      await_work(state);
      int expected = Posted;
      if (!state.compare_exchange_strong(expected, Running, std::memory_order_acq_rel)) {
        if (expected == Stop) return;
        continue;
      }
      work(*region, worker, worker);
      slots[worker].cpu.store(current_cpu(), std::memory_order_relaxed);
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

  void post(int worker, int caller_cpu) {
    if (slots[worker].cpu.load(std::memory_order_relaxed) == caller_cpu)
      make_way(worker, caller_cpu);
    send(worker, Posted);
  }

  void send(int worker, State order) {
    std::atomic<int>& state = slots[worker].state;
    if (state.exchange(order, std::memory_order_acq_rel) == Sleeping) state.notify_one();
  }

  // Balanced contiguous shares, the same ones whenever region and workers are the same.
  void deal(const Region& next) {
    const int64_t each = next.units / next.workers, extra = next.units % next.workers;
    int64_t first = 0;
    for (int w = 0; w < next.workers; ++w) {
      const int64_t last = first + each + (w < extra ? 1 : 0);
      slots[w].share.set({static_cast<uint32_t>(first), static_cast<uint32_t>(last)});
      first = last;
    }
    region = &next;
  }

  // Own share first, then what others have left, under the index `index`.
  void work(const Region& now, int own, int index) {
    // Where a call for many neighbours saves work, the owner's calls are longer.
    const uint32_t divisor = now.whole ? 4 : 2;
    for (int i = 0; i < now.workers; ++i) {
      Share& share = slots[(own + i) % now.workers].share;
      for (;;) {
        const Share::Part part = share.take(i == 0, divisor);
        if (part.empty()) break;
        now.run(part.first, part.last, index);
      }
    }
  }

  // Waits for the worker's end, unless it has not begun: then there is nothing left for it.
  void collect(int worker) {
    std::atomic<int>& state = slots[worker].state;
    int expected = Posted;
    if (state.compare_exchange_strong(expected, Idle, std::memory_order_acq_rel))
      return make_way(worker, current_cpu());
    const auto done = [&state] {
      const int now = state.load(std::memory_order_acquire);
      return now == Idle || now == Sleeping;
    };
    if (spin_until(spin_ns, done)) return;
    expected = Running;
    if (!state.compare_exchange_strong(expected, Awaited, std::memory_order_acq_rel)) return;
    state.wait(Awaited, std::memory_order_acquire);
  }

  // A worker that was last on the caller's CPU, or that came too late, may wait for that very CPU:
  // where there are few CPUs the kernel looks for no idle one when it wakes a thread, and leaves
  // both together for many ms. Threads that do not spin may be more than the CPUs and share them.
  void make_way(int worker, int caller_cpu) {
    if (spin_ns == 0 || caller_cpu < 0 || slots[worker].kept_off == caller_cpu) return;
    slots[worker].kept_off = caller_cpu;
    keep_off_cpu(threads[worker - 1].native_handle(), caller_cpu);
  }

  const int64_t spin_ns;
  const uint32_t generation;
  const Region* region = nullptr;  // written by the caller before Posted, read by workers after it
  int started = 0;                 // threads, the caller not counted
  std::unique_ptr<Slot[]> slots;   // by worker
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
    team_ = std::make_unique<Team>(threads_, spin_ns_, generation);
    for (int& i = team_->started; i < threads_ - 1; ++i)
      team_->threads[i] =
          std::thread([team = team_.get(), worker = i + 1] { team->serve(worker); });
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
  for (int i = 0; i < team_->started; ++i) team_->send(i + 1, Stop);
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
  Region region(n, grain, whole, fn);
  workers = static_cast<int>(std::min<int64_t>(std::min(workers, threads_), region.units));
  const int me = worker_index < workers ? worker_index : 0;
  if (workers <= 1 || !try_enter()) return region.run(0, region.units, me);
  Team* team = ready_team();
  region.workers = team == nullptr ? 1 : std::min(workers, team->started + 1);
  if (region.workers > 1) {
    team->deal(region);
    const int cpu = current_cpu();
    for (int w = 1; w < region.workers; ++w) team->post(w, cpu);
    team->work(region, 0, me);
    for (int w = 1; w < region.workers; ++w) team->collect(w);
  } else {
    region.run(0, region.units, me);
  }
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
  const Region region(n, grain, false, fn);
  region.run(0, region.units, 0);
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
