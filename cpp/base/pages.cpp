#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "base/buffer.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_ignore_object(address) ((void)(address))
#endif

namespace ranvier {
namespace {

constexpr size_t kStagger = 17 * kAlignment;
constexpr unsigned kStaggers = 16;

std::atomic<unsigned> g_next_stagger{0};

}  // namespace

void* take_pages(size_t bytes) noexcept {
  if (bytes > kMaxBytes) return nullptr;
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
  if (!huge) return data;
  const unsigned turn = g_next_stagger.fetch_add(1, std::memory_order_relaxed) % kStaggers;
  return static_cast<std::byte*>(data) + turn * kStagger;
}

void give_pages(void* data, bool huge) noexcept {
  const uintptr_t offset = huge ? reinterpret_cast<uintptr_t>(data) % kHugePage : 0;
  std::free(static_cast<std::byte*>(data) - offset);
}

size_t idle_limit() {
  static const size_t limit = [] {
    const size_t physical = static_cast<size_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L)) *
                            static_cast<size_t>(std::max(sysconf(_SC_PAGESIZE), 0L));
    return std::min(size_t{1} << 30, std::max(physical / 8, size_t{16} << 20));
  }();
  return limit;
}

}  // namespace ranvier
