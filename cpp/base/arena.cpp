#include "base/arena.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "base/pages.h"

namespace ranvier {
namespace {

// Needs that differ by less are one size.
constexpr size_t kStep = size_t{64} << 10;

size_t rounded(size_t bytes) { return (bytes + kStep - 1) / kStep * kStep; }

struct Arena {
  std::byte* data = nullptr;
  size_t bytes = 0;
};

bool is_smaller(const Arena& arena, size_t bytes) { return arena.bytes < bytes; }

class ArenaPool {
 public:
  Arena take(size_t bytes) {
    bytes = rounded(bytes);
    if (const Arena idle = take_idle(bytes); idle.data) return idle;
    void* data = take_pages(bytes);
    if (data == nullptr) {
      release_cached_memory();
      data = take_pages(bytes);
    }
    if (data == nullptr)
      fail<MemoryError>("program: no memory to run. Expected ", bytes,
                        " free bytes. Received: ", allocator_stats().live_bytes + stats().bytes,
                        " bytes already in use by ranvier. Hint: use a smaller batch or model.");
    const std::lock_guard guard(lock_);
    idle_.reserve(++count_);  // giving back must not fail
    bytes_ += bytes;
    return {static_cast<std::byte*>(data), bytes};
  }

  void give_back(Arena arena) noexcept {
    std::unique_lock guard(lock_);
    idle_.insert(std::lower_bound(idle_.begin(), idle_.end(), arena.bytes, is_smaller), arena);
    idle_bytes_ += arena.bytes;
    while (idle_.size() > 1 && idle_bytes_ > idle_limit()) drop(guard, 0);
  }

  void add_need(size_t bytes) {
    const std::lock_guard guard(lock_);
    needs_.insert(rounded(bytes));
  }

  void remove_need(size_t bytes) noexcept {
    std::unique_lock guard(lock_);
    needs_.erase(needs_.find(rounded(bytes)));
    drop_above(guard, largest_need());
  }

  void release_idle() noexcept {
    std::unique_lock guard(lock_);
    drop_above(guard, 0);
  }

  ArenaStats stats() {
    const std::lock_guard guard(lock_);
    return {count_, bytes_, idle_bytes_, largest_need()};
  }

  // Held across fork, so that the child never finds the lists half changed.
  std::mutex lock_;

 private:
  // The smallest that is large enough; where there is none, the largest makes room.
  Arena take_idle(size_t bytes) noexcept {
    std::unique_lock guard(lock_);
    const auto found = std::lower_bound(idle_.begin(), idle_.end(), bytes, is_smaller);
    if (found == idle_.end()) {
      if (!idle_.empty()) drop(guard, idle_.size() - 1);
      return {};
    }
    const Arena arena = *found;
    idle_.erase(found);
    idle_bytes_ -= arena.bytes;
    return arena;
  }

  void drop(std::unique_lock<std::mutex>& guard, size_t index) noexcept {
    const Arena arena = idle_[index];
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(index));
    idle_bytes_ -= arena.bytes;
    bytes_ -= arena.bytes;
    --count_;
    guard.unlock();  // the operating system may take its time
    give_pages(arena.data, arena.bytes >= kHugePage);
    guard.lock();
  }

  void drop_above(std::unique_lock<std::mutex>& guard, size_t bytes) noexcept {
    while (!idle_.empty() && idle_.back().bytes > bytes) drop(guard, idle_.size() - 1);
  }

  size_t largest_need() const { return needs_.empty() ? 0 : *needs_.rbegin(); }

  std::vector<Arena> idle_;  // by size
  std::multiset<size_t> needs_;
  size_t count_ = 0, bytes_ = 0, idle_bytes_ = 0;
};

// Never destroyed: programs may end after static objects.
ArenaPool& pool() {
  static ArenaPool* const instance = [] {
    auto* made = new ArenaPool;
    pthread_atfork([] { pool().lock_.lock(); }, [] { pool().lock_.unlock(); },
                   [] { pool().lock_.unlock(); });
    return made;
  }();
  return *instance;
}

}  // namespace

ArenaLease::ArenaLease(size_t bytes) {
  const Arena arena = pool().take(bytes);
  data_ = arena.data;
  bytes_ = arena.bytes;
}

ArenaLease::~ArenaLease() {
  if (data_ != nullptr) pool().give_back({data_, bytes_});
}

ArenaNeed::ArenaNeed(size_t bytes) : bytes_(bytes) { pool().add_need(bytes); }
ArenaNeed::~ArenaNeed() { pool().remove_need(bytes_); }

ArenaStats arena_stats() { return pool().stats(); }
void release_idle_arenas() noexcept { pool().release_idle(); }

}  // namespace ranvier
