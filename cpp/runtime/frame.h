#pragma once
// What one call of a program owns.

#include <memory>
#include <vector>

#include "compiler/lower.h"

namespace ranvier {

// Seconds per step, summed over runs.
struct StepTimes {
  std::vector<double> seconds;
  int64_t runs = 0;
};

struct HeldValues;  // runtime/prologue.h

// Planned memory with the pointers of every step resolved.
class Frame {
 public:
  explicit Frame(const Lowered& program);

  void bind_input(uint32_t input, const void* data) noexcept {
    frame_bind_input(*program_, base_, input, data);
  }
  void bind_output(uint32_t output, void* data) noexcept {
    frame_bind_output(*program_, base_, output, data);
  }
  // Runs the steps; false when a guard failed: then no variable was written. Needs fits().
  bool run(StepTimes* times = nullptr) noexcept;
  [[noreturn]] void throw_guard_error() const;
  // Is there scratch for every worker of the pool as it is now?
  bool fits() const { return default_context().workers <= workers_; }

  // The results of the prologue that its inputs point into.
  std::shared_ptr<const HeldValues> held;

 private:
  const Lowered* program_;
  int workers_;
  Buffer memory_;
  std::byte* base_;
  kernels::GuardReport guard_;
};

}  // namespace ranvier
