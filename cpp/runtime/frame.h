#pragma once
// What one call of a program owns.

#include <memory>
#include <vector>

#include "base/arena.h"
#include "compiler/lower.h"

namespace ranvier {

// Seconds per step, summed over runs.
struct StepTimes {
  std::vector<double> seconds;
  int64_t runs = 0;
};

// Bytes that a run of the program works in: its arena, and scratch of every worker.
size_t working_bytes(const Lowered& program);

// The pointers of every step, and while it runs the planned memory they point into. A little
// memory stays with the frame.
class Frame {
 public:
  explicit Frame(const Lowered& program);

  // Takes and gives back the working memory; what is bound stays bound. Throws MemoryError.
  void attach();
  void detach() noexcept { lease_ = {}; }
  void bind_input(uint32_t input, const void* data) noexcept {
    frame_bind_input(*program_, base_, input, data);
  }
  void bind_output(uint32_t output, void* data) noexcept {
    frame_bind_output(*program_, base_, output, data);
  }
  // Runs the steps; false when a guard failed: then no variable was written. Needs attach() and
  // fits().
  bool run(StepTimes* times = nullptr) noexcept;
  [[noreturn]] void throw_guard_error() const;
  // Is there scratch for every worker of the pool as it is now?
  bool fits() const { return !owns_arena_ || default_context().workers <= workers_; }

  // Versions of the variables whose prologue its inputs point into; empty before the first.
  std::vector<uint64_t> held_versions;

 private:
  void place(std::byte* arena) noexcept;

  const Lowered* program_;
  int workers_;
  bool owns_arena_;
  Buffer memory_;  // pointers, then the arena that it owns
  std::byte* base_;
  std::byte* arena_ = nullptr;  // what the pointers point into
  ArenaLease lease_;
  kernels::GuardReport guard_;
};

}  // namespace ranvier
