#pragma once
// Working memory of programs. A program holds an arena only while it runs, so that one arena, as
// large as the largest of them needs, serves all programs that run one after the other.

#include <cstddef>
#include <utility>

namespace ranvier {

// An arena for as long as the object lives.
class ArenaLease {
 public:
  ArenaLease() = default;
  // At least `bytes`, uninitialized, 64-byte aligned: the smallest idle arena that is large enough,
  // else a new one in place of the largest idle one. Throws MemoryError with the size.
  explicit ArenaLease(size_t bytes);
  ArenaLease(ArenaLease&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  ArenaLease& operator=(ArenaLease other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ArenaLease();

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// What a program that lives may ask for. Idle arenas larger than the largest of these needs go back
// to the operating system when the program is gone.
class ArenaNeed {
 public:
  explicit ArenaNeed(size_t bytes);
  ~ArenaNeed();
  ArenaNeed(const ArenaNeed&) = delete;
  ArenaNeed& operator=(const ArenaNeed&) = delete;

 private:
  size_t bytes_;
};

struct ArenaStats {
  size_t count = 0;         // arenas, idle or in use
  size_t bytes = 0;         // of them together
  size_t idle_bytes = 0;    // of those that no program uses now
  size_t largest_need = 0;  // of the programs that live
};
ArenaStats arena_stats();
void release_idle_arenas() noexcept;

}  // namespace ranvier
