// Recycling allocator. Sizes are rounded up to four classes per power of two; a returned block goes
// to the free list of its class and is handed out again, so that a training loop and eager code
// stop asking the operating system after their first steps.

#include "base/buffer.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <thread>
#include <utility>

#include "base/arena.h"
#include "base/error.h"
#include "base/pages.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace ranvier {
namespace {

constexpr int kClasses = 4 * 48;

struct SizeClass {
  int index;
  size_t bytes;  // multiple of kAlignment
};

// Class (e, q) holds 2^e * (4 + q) / 4 bytes, q = 1..4; below 256 bytes steps are kAlignment.
SizeClass class_of(size_t bytes) {
  if (bytes <= kAlignment) return {0, kAlignment};
  const int exponent = std::bit_width(bytes - 1) - 1;  // 2^exponent < bytes <= 2^(exponent + 1)
  const size_t step = (size_t{1} << exponent) / 4;
  const size_t quarter = (bytes - 1 - (size_t{1} << exponent)) / step;  // 0..3
  const size_t rounded = (size_t{1} << exponent) + (quarter + 1) * step;
  return {4 * exponent + static_cast<int>(quarter), aligned(rounded)};
}

// Held for a few dozen instructions only, where a mutex would cost more than the work it guards.
class SpinLock {
 public:
  void lock() {
    while (taken_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

struct FreeBlock {
  FreeBlock* next;
};

class Allocator {
 public:
  void* allocate(size_t bytes) {
    const SizeClass size = class_of(bytes);
    FreeBlock* block = take(size);
    if (block == nullptr) block = take_fresh(size);
    if (block == nullptr) return nullptr;
    ASAN_POISON_MEMORY_REGION(block, size.bytes);
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    return block;
  }

  void give_back(void* data, size_t bytes) {
    const SizeClass size = class_of(bytes);
    FreeBlock* block = static_cast<FreeBlock*>(data);
    {
      const std::lock_guard guard(lock_);
      stats_.live_bytes -= size.bytes;
      if (stats_.cached_bytes + size.bytes <= idle_limit()) {
        stats_.cached_bytes += size.bytes;
        ASAN_UNPOISON_MEMORY_REGION(block, sizeof(FreeBlock));
        block->next = free_[size.index];
        free_[size.index] = block;
        ASAN_POISON_MEMORY_REGION(block, size.bytes);
        return;
      }
    }
    ASAN_UNPOISON_MEMORY_REGION(block, size.bytes);
    free_block(block, size.index);
  }

  void release_all() {
    FreeBlock* taken[kClasses] = {};
    {
      const std::lock_guard guard(lock_);
      std::swap(taken, free_);
      stats_.cached_bytes = 0;
    }
    for (int index = 0; index < kClasses; ++index) {
      FreeBlock* head = taken[index];
      while (head != nullptr) {
        ASAN_UNPOISON_MEMORY_REGION(head, sizeof(FreeBlock));
        free_block(std::exchange(head, head->next), index);
      }
    }
  }

  AllocatorStats stats() {
    const std::lock_guard guard(lock_);
    return stats_;
  }

  // Held across fork, so that the child never finds the lists half changed.
  SpinLock lock_;

 private:
  // To be called under the lock.
  void book(SizeClass size) {
    stats_.live_bytes += size.bytes;
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  }

  // From the free list; nullptr where there is none.
  FreeBlock* take(SizeClass size) {
    const std::lock_guard guard(lock_);
    FreeBlock* block = free_[size.index];
    if (block == nullptr) return nullptr;
    book(size);
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(FreeBlock));
    free_[size.index] = block->next;
    stats_.cached_bytes -= size.bytes;
    return block;
  }

  FreeBlock* take_fresh(SizeClass size) {
    FreeBlock* block = fresh(size.bytes);
    if (block == nullptr) {
      release_all();
      release_idle_arenas();
      block = fresh(size.bytes);
    }
    if (block == nullptr) return nullptr;
    const std::lock_guard guard(lock_);
    book(size);
    return block;
  }

  static FreeBlock* fresh(size_t bytes) { return static_cast<FreeBlock*>(take_pages(bytes)); }
  static void free_block(FreeBlock* block, int index) {
    static const int first_huge = class_of(kHugePage).index;
    give_pages(block, index >= first_huge);
  }

  FreeBlock* free_[kClasses] = {};
  AllocatorStats stats_;
};

// Never destroyed: blocks may be returned by destructors that run later than ours would.
Allocator& allocator() {
  static Allocator* const instance = [] {
    auto* made = new Allocator;
    pthread_atfork([] { allocator().lock_.lock(); }, [] { allocator().lock_.unlock(); },
                   [] { allocator().lock_.unlock(); });
    return made;
  }();
  return *instance;
}

}  // namespace

Ref<Block> Block::allocate(size_t bytes) {
  Ref<Block> block(new Block);
  if (bytes <= kMaxBytes) block->data_ = allocator().allocate(bytes);
  if (block->data_ == nullptr)
    fail<MemoryError>("allocate: out of memory. Expected ", bytes,
                      " free bytes. Received: ", allocator_stats().live_bytes + arena_stats().bytes,
                      " bytes already in use by ranvier. Hint: use a smaller batch or model.");
  block->bytes_ = bytes;
  return block;
}

Ref<Block> Block::borrow(void* data, size_t bytes, std::function<void()> release) {
  Ref<Block> block(new Block);
  block->data_ = data;
  block->bytes_ = bytes;
  block->release_ = release ? std::move(release) : [] {};
  return block;
}

Block::~Block() {
  if (release_)
    release_();
  else if (data_ != nullptr)
    allocator().give_back(data_, bytes_);
}

AllocatorStats allocator_stats() { return allocator().stats(); }
void release_cached_memory() {
  allocator().release_all();
  release_idle_arenas();
}

}  // namespace ranvier
