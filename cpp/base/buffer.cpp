// Recycling allocator. Sizes are rounded up to four classes per power of two; a returned block goes
// to the free list of its class and is handed out again, so that a training loop and eager code
// stop asking the operating system after their first steps.

#include "base/buffer.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define __lsan_ignore_object(address) ((void)(address))
#endif

namespace ranvier {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
// Large blocks begin at different places of a huge page: arrays that are walked together would
// otherwise compete for the same sets of the caches and banks of the memory.
constexpr size_t kStagger = 17 * kAlignment;
constexpr unsigned kStaggers = 16;
constexpr size_t kMaxBytes = size_t{1} << 47;
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
  return {4 * exponent + static_cast<int>(quarter),
          (rounded + kAlignment - 1) / kAlignment * kAlignment};
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
  Allocator() {
    const size_t physical = static_cast<size_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L)) *
                            static_cast<size_t>(std::max(sysconf(_SC_PAGESIZE), 0L));
    cache_limit_ = std::min(size_t{1} << 30, std::max(physical / 8, size_t{16} << 20));
  }

  void* allocate(size_t bytes) {
    const SizeClass size = class_of(bytes);
    FreeBlock* block = take(size);
    if (block == nullptr) block = fresh(size.bytes);
    if (block == nullptr) {
      release_all();
      block = fresh(size.bytes);
    }
    if (block == nullptr) {
      const std::lock_guard guard(lock_);
      stats_.live_bytes -= size.bytes;
      return nullptr;
    }
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
      if (stats_.cached_bytes + size.bytes <= cache_limit_) {
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
  // Books the block as live and takes it from its free list, if there is one.
  FreeBlock* take(SizeClass size) {
    const std::lock_guard guard(lock_);
    stats_.live_bytes += size.bytes;
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
    FreeBlock* block = free_[size.index];
    if (block == nullptr) return nullptr;
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(FreeBlock));
    free_[size.index] = block->next;
    stats_.cached_bytes -= size.bytes;
    return block;
  }

  FreeBlock* fresh(size_t bytes) {
    const bool huge = bytes >= kHugePage;
    const size_t room = huge ? kStaggers * kStagger : 0;
    void* data = nullptr;
    if (posix_memalign(&data, huge ? kHugePage : kAlignment, bytes + room) != 0) return nullptr;
#if defined(MADV_HUGEPAGE)
    // Advice only: where the kernel refuses it, small pages do.
    if (huge) (void)madvise(data, bytes + room, MADV_HUGEPAGE);
#endif
    // The leak checker does not follow links through poisoned memory; a lost block shows as its
    // Block.
    __lsan_ignore_object(data);
    if (!huge) return static_cast<FreeBlock*>(data);
    const unsigned turn = next_stagger_.fetch_add(1, std::memory_order_relaxed) % kStaggers;
    return reinterpret_cast<FreeBlock*>(static_cast<std::byte*>(data) + turn * kStagger);
  }
  static void free_block(FreeBlock* block, int index) {
    static const int first_huge = class_of(kHugePage).index;
    const auto address = reinterpret_cast<uintptr_t>(block);
    const uintptr_t offset = index >= first_huge ? address % kHugePage : 0;
    std::free(reinterpret_cast<std::byte*>(block) - offset);
  }

  std::atomic<unsigned> next_stagger_{0};
  FreeBlock* free_[kClasses] = {};
  AllocatorStats stats_;
  size_t cache_limit_ = 0;
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
                      " free bytes. Received: ", allocator_stats().live_bytes,
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
void release_cached_memory() { allocator().release_all(); }

}  // namespace ranvier
