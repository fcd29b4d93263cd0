#include "runtime/locks.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("readers share, a writer is alone") {
  const VariableRef v = variable(random({1}, 1), "v");
  std::atomic<int> inside{0}, most{0}, errors{0};
  int counter = 0;
  const auto work = [&](bool write) {
    for (int i = 0; i < 300; ++i) {
      const VariableLock lock(*v, write);
      const int now = ++inside;
      if (write && now != 1) ++errors;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      if (write)
        ++counter;
      else if (counter < 0)
        ++errors;
      --inside;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) threads.emplace_back(work, i % 3 == 0);
  for (std::thread& thread : threads) thread.join();
  CHECK(errors == 0);
  CHECK(counter == 600);
  CHECK(v->lock_word == 0);
}

TEST_CASE("one who waits is seen, and goes first after a return unless it does not come") {
  using Clock = std::chrono::steady_clock;
  const VariableRef v = variable(random({1}, 1), "v");
  const VariableUse use{v.get(), true};
  lock_variables({&use, 1});
  CHECK(!variables_contended({&use, 1}));
  std::atomic<bool> entered{false};
  std::thread other([&] {
    const VariableLock lock(*v, false);
    entered = true;
  });
  while (!variables_contended({&use, 1})) std::this_thread::yield();
  CHECK(!entered);
  unlock_variables({&use, 1});
  const auto start = Clock::now();
  lock_variables_after_others({&use, 1});
  const bool was_patient = Clock::now() - start >= std::chrono::milliseconds(2);
  const bool went_first = entered;
  CHECK((went_first || was_patient));
  unlock_variables({&use, 1});
  other.join();
}

// As in test_pool.cpp: the sanitizers' run times do not support threads over a fork.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a forked child has the words that threads it does not have held or waited for") {
  const VariableRef held = variable(random({1}, 1), "held"),
                    read = variable(random({1}, 2), "read"), own = variable(random({1}, 3), "own");
  const VariableLock mine(*own, true);
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const VariableLock a(*held, true), b(*read, false);
    ++ready;
    while (!stop) std::this_thread::yield();
  });
  while (ready != 1) std::this_thread::yield();
  std::thread waiter([&] {
    ++ready;
    const VariableLock lock(*read, true);
  });
  while (ready != 2) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    unlock_variables(std::vector<VariableUse>{{own.get(), true}});  // taken before the fork
    for (const VariableRef& variable : {held, read, own}) {
      const VariableLock lock(*variable, true);
      std::thread([&] {
        if (variables_contended(std::vector<VariableUse>{{variable.get(), true}})) _exit(2);
      }).join();
    }
    const VariableLock again(*held, true), other(*read, true);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  stop = true;
  writer.join();
  waiter.join();
  const VariableLock after(*held, true);  // the parent's words are as they were
}
#endif
