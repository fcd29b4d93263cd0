#pragma once
// Memory of tensors, variables and arenas: 64-byte aligned, recycled by size class.

#include <cstddef>
#include <functional>

#include "base/ref.h"

namespace ranvier {

inline constexpr size_t kAlignment = 64;
constexpr size_t aligned(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// A block of memory, owned or borrowed. Immutable in size; shared by use count.
class Block : public RefCounted {
 public:
  // Uninitialized memory from the recycling allocator; throws MemoryError with the size asked for.
  static Ref<Block> allocate(size_t bytes);
  // Memory that belongs to somebody else; `release` runs once when the last user is gone.
  static Ref<Block> borrow(void* data, size_t bytes, std::function<void()> release);
  ~Block();

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  bool owned() const { return !release_; }

 private:
  Block() = default;
  void* data_ = nullptr;
  size_t bytes_ = 0;
  std::function<void()> release_;
};
using Buffer = Ref<Block>;

struct AllocatorStats {
  size_t live_bytes = 0;    // handed out and not yet returned
  size_t cached_bytes = 0;  // returned and kept for reuse
  size_t peak_bytes = 0;    // highest live_bytes seen
};
AllocatorStats allocator_stats();
// Gives every cached block back to the operating system.
void release_cached_memory();

}  // namespace ranvier
