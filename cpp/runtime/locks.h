#pragma once
// The reader/writer words of variables. A call takes those of all variables it touches, in address
// order, when it enters and gives them back when it returns: no torn weights and no global lock.
// Waiting happens here, so the caller must not hold the GIL.
//
// A word counts readers in bits 0-15; bit 16 says that a writer holds it; bits 17-30 count those
// who wait. Whoever arrives while others wait queues behind them.
//
// A forked process has none of the threads that hold or want words: a word of an older generation
// of processes counts as free, and what the forking thread itself held needs no giving back.

#include <span>

#include "tensor/env.h"

namespace ranvier {

struct VariableUse {
  Variable* variable;
  bool write;
};

// Sorted by address, each variable once.
void lock_variables(std::span<const VariableUse> uses) noexcept;
void unlock_variables(std::span<const VariableUse> uses) noexcept;
// Is somebody waiting for one of them?
bool variables_contended(std::span<const VariableUse> uses) noexcept;
// After a return on behalf of those who wait: lets them in first (bounded wait), then locks.
void lock_variables_after_others(std::span<const VariableUse> uses) noexcept;

class VariableLock {
 public:
  VariableLock(Variable& variable, bool write) noexcept : use_{&variable, write} {
    lock_variables({&use_, 1});
  }
  ~VariableLock() { unlock_variables({&use_, 1}); }
  VariableLock(const VariableLock&) = delete;
  VariableLock& operator=(const VariableLock&) = delete;

 private:
  VariableUse use_;
};

}  // namespace ranvier
