#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"

using namespace ranvier;

TEST_CASE("every size is aligned, writable to its end, and distinct") {
  for (size_t bytes : {0, 1, 63, 64, 65, 128, 129, 1000, 4097, 70000, (2 << 20) - 1, 5 << 20}) {
    CAPTURE(bytes);
    const Buffer a = Block::allocate(bytes), b = Block::allocate(bytes);
    CHECK(a->bytes() == bytes);
    CHECK(a->owned());
    CHECK(reinterpret_cast<uintptr_t>(a->data()) % kAlignment == 0);
    CHECK(a->data() != b->data());
    std::memset(a->data(), 1, bytes);
    std::memset(b->data(), 2, bytes);
    if (bytes > 0) CHECK(static_cast<char*>(a->data())[bytes - 1] == 1);
  }
}

TEST_CASE("a returned block is handed out again to a size of its class") {
  release_cached_memory();
  void* first = Block::allocate(1000)->data();
  CHECK(allocator_stats().cached_bytes == 1024);
  const Buffer again = Block::allocate(1024);
  CHECK(again->data() == first);
  CHECK(allocator_stats().cached_bytes == 0);
  const Buffer other = Block::allocate(1024);
  CHECK(other->data() != first);
}

TEST_CASE("large blocks begin at different places of a page, and are returned whole") {
  release_cached_memory();
  {
    const Buffer a = Block::allocate(8 << 20), b = Block::allocate(8 << 20);
    const auto place = [](const Buffer& block) {
      return reinterpret_cast<uintptr_t>(block->data()) % 4096;
    };
    CHECK(place(a) != place(b));
    std::memset(a->data(), 1, a->bytes());
    std::memset(b->data(), 2, b->bytes());
  }
  release_cached_memory();
  CHECK(allocator_stats().cached_bytes == 0);
}

TEST_CASE("a class wastes at most a quarter") {
  for (size_t bytes = 300; bytes < 100000; bytes += 37) {
    const size_t before = allocator_stats().live_bytes;
    const Buffer block = Block::allocate(bytes);
    const size_t taken = allocator_stats().live_bytes - before;
    CAPTURE(bytes);
    REQUIRE(taken >= bytes);
    REQUIRE(static_cast<double>(taken) <= 1.25 * static_cast<double>(bytes) + 64);
  }
}

TEST_CASE("statistics") {
  const AllocatorStats before = allocator_stats();
  {
    const Buffer block = Block::allocate(1 << 20);
    CHECK(allocator_stats().live_bytes == before.live_bytes + (1 << 20));
    CHECK(allocator_stats().peak_bytes >= allocator_stats().live_bytes);
  }
  CHECK(allocator_stats().live_bytes == before.live_bytes);
  CHECK(allocator_stats().cached_bytes >= (1 << 20));
  release_cached_memory();
  CHECK(allocator_stats().cached_bytes == 0);
}

TEST_CASE("impossible sizes are a typed error that leaves the allocator as it was") {
  const size_t live = allocator_stats().live_bytes, peak = allocator_stats().peak_bytes;
  CHECK_THROWS_AS(Block::allocate(SIZE_MAX), MemoryError);
  CHECK_THROWS_AS(Block::allocate((size_t{1} << 47) + 1), MemoryError);
  CHECK(allocator_stats().live_bytes == live);
  CHECK(allocator_stats().peak_bytes == peak);
}

TEST_CASE("borrowed memory is released once, by its last user") {
  char memory[8];
  int released = 0;
  Buffer a = Block::borrow(memory, 8, [&released] { ++released; });
  CHECK(a->data() == memory);
  CHECK_FALSE(a->owned());
  Buffer b = a;
  a = nullptr;
  CHECK(released == 0);
  b = nullptr;
  CHECK(released == 1);
  CHECK_FALSE(Block::borrow(memory, 8, nullptr)->owned());
}

TEST_CASE("threads never share a live block") {
  std::atomic<bool> torn{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &torn] {
      for (int i = 0; i < 2000; ++i) {
        const size_t count = 16 + static_cast<size_t>(i % 7) * 16;
        const Buffer block = Block::allocate(count * sizeof(int));
        int* values = static_cast<int*>(block->data());
        for (size_t k = 0; k < count; ++k) values[k] = t;
        for (size_t k = 0; k < count; ++k)
          if (values[k] != t) torn = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(torn);
}

// As in test_pool.cpp: the sanitizers' run times do not support threads over a fork.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a child forked while other threads allocate can allocate") {
  std::atomic<bool> stop{false};
  std::thread busy([&stop] {
    while (!stop) Block::allocate(256);
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      _exit(Block::allocate(256)->data() != nullptr ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  stop = true;
  busy.join();
}
#endif
