#pragma once
// Work on more than the caches hold: its results go past them, its operands are fetched early.
// Plain enough for kernel sources to include.

#include <cstddef>
#include <cstdint>

namespace ranvier::kernels {

// Whether an output of so many bytes has left the caches before anybody reads it. It is written
// past them then, which spares reading its lines first and changes no bit. What systems report as
// the third cache may be that of many cores together.
[[gnu::always_inline]] inline bool leaves_caches(int64_t bytes) {
  constexpr int64_t kShareOfCache = 16 << 20;
  return bytes >= kShareOfCache;
}

// How far ahead operands are fetched: what memory sends to one core while it answers a request. The
// processor's own prefetchers stop at each page of 4 KB.
inline constexpr int64_t kFetchedBytes = 16 << 10;

// Fetches the lines that follow [at, at + bytes) at that distance; they may lie outside the array.
// More than some ten lines at once would wait for each other.
[[gnu::always_inline]] inline void fetch_ahead(const void* at, int64_t bytes) {
  for (int64_t line = 0; line < bytes; line += 64)
    __builtin_prefetch(static_cast<const std::byte*>(at) + kFetchedBytes + line);
}

}  // namespace ranvier::kernels
