// One arena serves programs that run one after the other, and goes when nobody needs its size.

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

using namespace ranvier;

namespace {

constexpr size_t kMiB = size_t{1} << 20;

}  // namespace

TEST_CASE("one arena, as large as the largest need, serves one lease after the other") {
  release_idle_arenas();
  const ArenaNeed need(5 * kMiB);
  for (size_t bytes : {1 * kMiB, 3 * kMiB, 5 * kMiB, 2 * kMiB, 100 * size_t{1}, 4 * kMiB}) {
    const ArenaLease lease(bytes);
    CHECK(reinterpret_cast<uintptr_t>(lease.data()) % kAlignment == 0);
    std::memset(lease.data(), 1, bytes);
    CHECK(arena_stats().count == 1);
    CHECK(arena_stats().idle_bytes == 0);
  }
  CHECK(arena_stats().bytes == 5 * kMiB);
  CHECK(arena_stats().idle_bytes == 5 * kMiB);
  std::byte* const before = ArenaLease(kMiB).data();
  CHECK(ArenaLease(5 * kMiB).data() == before);
}

TEST_CASE("leases at the same time have arenas of their own") {
  release_idle_arenas();
  const ArenaNeed need(4 * kMiB);
  {
    ArenaLease a(4 * kMiB), b(kMiB);
    CHECK(a.data() != b.data());
    CHECK(arena_stats().count == 2);
    std::memset(a.data(), 1, 4 * kMiB);
    std::memset(b.data(), 2, kMiB);
    CHECK(a.data()[4 * kMiB - 1] == std::byte{1});
    ArenaLease moved(std::move(a));
    CHECK(a.data() == nullptr);
    CHECK(arena_stats().count == 2);
  }
  // The smallest that is large enough is taken.
  const ArenaLease small(kMiB);
  CHECK(arena_stats().idle_bytes == 4 * kMiB);
}

TEST_CASE("idle arenas go with the last program that needs their size") {
  release_idle_arenas();
  const ArenaNeed small(kMiB);
  {
    const ArenaNeed large(8 * kMiB);
    { const ArenaLease lease(8 * kMiB); }
    CHECK(arena_stats().largest_need == 8 * kMiB);
    CHECK(arena_stats().bytes == 8 * kMiB);
  }
  CHECK(arena_stats().largest_need == kMiB);
  CHECK(arena_stats().bytes == 0);
  { const ArenaLease lease(kMiB); }
  CHECK(arena_stats().idle_bytes == kMiB);
  release_cached_memory();
  CHECK(arena_stats().bytes == 0);
}

TEST_CASE("an arena that cannot be had is an error with its size, and changes nothing") {
  const ArenaStats before = arena_stats();
  constexpr size_t kTooMuch = size_t{1} << 60;
  try {
    const ArenaLease lease(kTooMuch);
    FAIL("got it");
  } catch (const MemoryError& error) {
    CHECK(std::string(error.what()).find(std::to_string(kTooMuch)) != std::string::npos);
  }
  CHECK(arena_stats().count == before.count - (before.idle_bytes ? 1 : 0));
  const ArenaLease lease(kMiB);
  CHECK(lease.data() != nullptr);
}

TEST_CASE("threads that take and give back at once never share an arena") {
  const ArenaNeed need(2 * kMiB);
  std::vector<std::thread> threads;
  std::atomic<int> shared{0};
  for (int id = 1; id <= 4; ++id)
    threads.emplace_back([&shared, id] {
      for (int i = 0; i < 300; ++i) {
        const size_t bytes = (size_t{100} << 10) * static_cast<size_t>(1 + (i * id) % 20);
        const ArenaLease lease(bytes);
        std::memset(lease.data(), id, bytes);
        std::this_thread::yield();
        for (size_t at = 0; at < bytes; at += 4096)
          if (lease.data()[at] != static_cast<std::byte>(id)) ++shared;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(shared == 0);
  CHECK(arena_stats().idle_bytes == arena_stats().bytes);
}
