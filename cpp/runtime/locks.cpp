#include "runtime/locks.h"

#include <pthread.h>

#include <chrono>
#include <mutex>
#include <thread>

namespace ranvier {
namespace {

constexpr int32_t kReader = 1, kReaders = 0xffff;
constexpr int32_t kWriter = 1 << 16;
constexpr int32_t kWaiter = 1 << 17;

int32_t waiters(int32_t word) { return word / kWaiter; }
bool is_free(int32_t word, bool write) {
  return write ? (word & (kWriter | kReaders)) == 0 : (word & kWriter) == 0;
}

// Counts the forks this process descends from.
std::atomic<uint32_t> word_generation{0};
std::mutex renewal;
// Words this thread holds, and those of them that it took before a fork.
constinit thread_local size_t words_held = 0, words_inherited = 0;

void watch_forks_for_words() {
  static const int registered = pthread_atfork([] { renewal.lock(); }, [] { renewal.unlock(); },
                                               [] {
                                                 renewal.unlock();
                                                 word_generation.fetch_add(1);
                                                 words_inherited = words_held;
                                               });
  (void)registered;
}

// Nobody touches a word before its generation is the process's.
void renew(Variable& variable, uint32_t generation) {
  const std::lock_guard<std::mutex> guard(renewal);
  if (variable.lock_generation.load(std::memory_order_relaxed) == generation) return;
  variable.lock_word.store(0, std::memory_order_relaxed);
  variable.lock_generation.store(generation, std::memory_order_release);
}

void lock_slowly(std::atomic<int32_t>& word, bool write) noexcept {
  const int32_t take = (write ? kWriter : kReader) - kWaiter;
  int32_t now = word.fetch_add(kWaiter, std::memory_order_acq_rel) + kWaiter;
  for (;;) {
    if (is_free(now, write)) {
      if (word.compare_exchange_weak(now, now + take, std::memory_order_acq_rel)) return;
      continue;
    }
    word.wait(now, std::memory_order_acquire);
    now = word.load(std::memory_order_acquire);
  }
}

void lock(Variable& variable, bool write) noexcept {
  const uint32_t generation = word_generation.load(std::memory_order_relaxed);
  if (variable.lock_generation.load(std::memory_order_acquire) != generation)
    renew(variable, generation);
  std::atomic<int32_t>& word = variable.lock_word;
  int32_t now = word.load(std::memory_order_relaxed);
  while (waiters(now) == 0 && is_free(now, write))
    if (word.compare_exchange_weak(now, now + (write ? kWriter : kReader),
                                   std::memory_order_acq_rel))
      return;
  lock_slowly(word, write);
}

void unlock(Variable& variable, bool write) noexcept {
  std::atomic<int32_t>& word = variable.lock_word;
  const int32_t before = word.fetch_sub(write ? kWriter : kReader, std::memory_order_acq_rel);
  if (waiters(before) != 0) word.notify_all();
}

}  // namespace

void lock_variables(std::span<const VariableUse> uses) noexcept {
  watch_forks_for_words();
  for (const VariableUse& use : uses) lock(*use.variable, use.write);
  words_held += uses.size();
}

void unlock_variables(std::span<const VariableUse> uses) noexcept {
  words_held -= uses.size();
  if (words_held < words_inherited) {
    words_inherited = words_held;
    return;
  }
  for (const VariableUse& use : uses) unlock(*use.variable, use.write);
}

bool variables_contended(std::span<const VariableUse> uses) noexcept {
  for (const VariableUse& use : uses)
    if (waiters(use.variable->lock_word.load(std::memory_order_relaxed)) != 0) return true;
  return false;
}

void lock_variables_after_others(std::span<const VariableUse> uses) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::milliseconds(2);
  const auto until = Clock::now() + kPatience;
  while (variables_contended(uses) && Clock::now() < until) std::this_thread::yield();
  lock_variables(uses);
}

}  // namespace ranvier
