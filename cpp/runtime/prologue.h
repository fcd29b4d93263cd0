#pragma once
// The part of a program that depends on variables alone: its results are held between runs and made
// anew when the version of a variable has moved.

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "compiler/lower.h"
#include "tensor/env.h"

namespace ranvier {

// Immutable; a frame that runs keeps the results it reads, whatever comes after.
struct HeldValues {
  std::vector<uint64_t> versions;  // of the variables they were made from
  Tensors values;
};

class Prologue {
 public:
  explicit Prologue(const Lowered& lowered) : lowered_(lowered) {}

  // Makes `held` the results for the variables as they are. The caller holds their words, so no
  // version moves meanwhile. Any number of threads; one of them runs the steps, the others wait.
  void update(std::shared_ptr<const HeldValues>& held) const;

 private:
  bool is_current(const HeldValues& held) const noexcept;
  std::shared_ptr<const HeldValues> run() const;

  const Lowered& lowered_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const HeldValues> latest_;
};

}  // namespace ranvier
