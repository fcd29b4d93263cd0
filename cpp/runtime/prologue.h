#pragma once
// The part of a program that depends on variables alone: its results are held between runs and made
// anew when the version of a variable has moved. Programs of other batch sizes hold the same ones.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/arena.h"
#include "compiler/lower.h"
#include "tensor/env.h"

namespace ranvier {

// A piece of a prologue and its results, shared by all programs that have the piece.
//
// Results are replaced only when a variable they come from has another version, by somebody who
// holds the words of these variables. So they stay where they are for whoever holds the words.
class HeldPart {
 public:
  // The one of this key, or a new one: lowered then.
  static std::shared_ptr<HeldPart> find_or_make(compiler::ProloguePart part,
                                                const std::string& name);
  HeldPart(compiler::ProloguePart part, const std::string& name);
  ~HeldPart();
  HeldPart(const HeldPart&) = delete;

  const Lowered& lowered() const { return lowered_; }
  // Makes the results for the variables as they are. Any number of threads, holding the words; one
  // of them runs the steps, the others wait.
  void update();
  const void* result(uint32_t output) const { return values_[output].data(); }
  size_t held_bytes() const;

 private:
  bool is_current() const noexcept;

  const std::string key_;
  const compiler::Graph graph_;  // what the key points to
  const Lowered lowered_;
  const ArenaNeed need_;
  mutable std::mutex mutex_;
  std::vector<uint64_t> versions_;  // of the variables the results were made from
  Tensors values_;
};

// A program's view of its pieces.
class Prologue {
 public:
  // `results`: how many there are. Takes the parts.
  Prologue(std::vector<compiler::ProloguePart> parts, size_t results, const std::string& name);

  // Are results bound at these versions those of the variables as they are?
  bool is_current(const std::vector<uint64_t>& versions) const noexcept;
  // Makes the results for the variables as they are. The caller holds their words.
  void update() const;
  std::vector<uint64_t> versions() const;
  const void* result(uint32_t held) const {
    return parts_[places_[held].part]->result(places_[held].output);
  }
  const std::vector<std::shared_ptr<HeldPart>>& parts() const { return parts_; }

 private:
  struct Place {
    uint32_t part, output;
  };
  std::vector<std::shared_ptr<HeldPart>> parts_;
  std::vector<Place> places_;               // of every result
  std::vector<const Variable*> variables_;  // of all parts, each once
};

// What all programs of the process hold.
struct HeldStats {
  size_t parts = 0;
  size_t bytes = 0;
};
HeldStats held_stats();

}  // namespace ranvier
