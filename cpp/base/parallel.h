#pragma once
// The one threading primitive. Work is cut into chunks by its shape alone; threads only decide who
// runs which chunk, so no result depends on their number.

#include <cstdint>
#include <type_traits>

namespace ranvier {

// Non-owning reference to a callable void(int64_t begin, int64_t end, int worker).
class RangeFn {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, RangeFn>) [[gnu::always_inline]] RangeFn(
      F&& fn)  // NOLINT: implicit on purpose, like a function argument
      : object_(const_cast<void*>(static_cast<const void*>(&fn))),
        call_([](void* object, int64_t begin, int64_t end, int worker) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end, worker);
        }) {}
  [[gnu::always_inline]] void operator()(int64_t begin, int64_t end, int worker) const {
    call_(object_, begin, end, worker);
  }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t, int);
};

class ThreadPool;

// What a kernel may know of the machine it runs on. One worker index runs one chunk at a time.
struct Context {
  ThreadPool* pool = nullptr;  // nullptr: run everything inline as worker 0
  int workers = 1;             // worker indices lie in [0, workers)

  // Calls fn(begin, end, worker) once for every chunk [i*grain, min(n, (i+1)*grain)). A single
  // chunk, a null pool, a nested call and a busy pool run inline. Each worker begins with
  // neighbouring chunks, the same ones for equal (n, grain), so that data stay in one core's cache
  // from step to step; who is done early takes over what others have not begun.
  void parallel_for(int64_t n, int64_t grain, RangeFn fn) const;

  // The same chunks of one element each, but fn gets those that a worker takes together in one
  // call. For kernels that save work on neighbours and whose bits do not depend on the cut.
  void parallel_shares(int64_t n, RangeFn fn) const;
};

// The process-wide pool: min(affinity, cgroup quota, RANVIER_NUM_THREADS) threads, the caller
// included. Rebuilt in a forked child. set_num_threads is for tests and benchmarks; throws
// ValueError below 1.
const Context& default_context();
int num_threads();
void set_num_threads(int threads);

}  // namespace ranvier
