#pragma once
// One worker's view of a running program: where every slot's values are at the moment. For the
// executors of programs and lists.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

class Frame {
 public:
  // Loads constants and scalars, runs the prologue and expands periodic operands.
  Frame(const PointwiseProgram& program, const void* const* inputs, void* const* outputs,
        std::byte* scratch) noexcept;

  ~Frame() {
    if (streamed_ != 0) _mm_sfence();
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // Runs the body on elements [begin, end) of a program without reductions, and stores.
  void run_tiles(int64_t begin, int64_t end) noexcept;
  // The same of one tile: elements [begin, begin + n), n <= program.tile.
  void run_tile(int64_t begin, int64_t n) noexcept;
  // Where a slot's values of the current tile are.
  const void* values(int slot) const { return ptr_[slot]; }
  // A program on a single value: the prologue was everything.
  void store_scalars() noexcept;

 private:
  bool needs_tiles() const noexcept;
  // One value, repeated through its slot.
  void load_value(const PwInput& input, const void* src) noexcept;
  void expand_period(const PwInput& input, const void* src) noexcept;
  void gather(const PwInput& input, const void* src, int64_t begin, int64_t n) noexcept;
  void look_up(const PwInput& input, const void* src, int64_t begin, int64_t n) noexcept;
  void run_part(int64_t begin, int64_t at, int64_t n) noexcept;
  void execute(const PwInstr& instr, int64_t at, int64_t n) noexcept;
  void execute(const PwJoint& joint, int64_t at, int64_t n) noexcept;
  void run_body(int64_t at, int64_t n) noexcept;
  bool is_input(const void* memory) const noexcept;
  bool written_early(const PwOutput& output, const void* memory) const noexcept;

  const PointwiseProgram& program_;
  const void* const* inputs_;
  void* const* outputs_;
  std::byte* scratch_;
  // One bit for each output: the body writes it straight to memory, or its tiles are copied there
  // past the caches.
  uint64_t direct_ = 0, streamed_ = 0;
  std::byte* ptr_[kMaxSlots];
  int64_t step_[kMaxSlots], element_[kMaxSlots];
};

}  // namespace ranvier::kernels
