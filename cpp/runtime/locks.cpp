#include "runtime/locks.h"

#include <chrono>
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
  for (const VariableUse& use : uses) lock(*use.variable, use.write);
}

void unlock_variables(std::span<const VariableUse> uses) noexcept {
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
