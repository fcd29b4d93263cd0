#include "runtime/frame.h"

#include "base/error.h"
#include "tensor/guard_error.h"

namespace ranvier {

size_t working_bytes(const Lowered& program) {
  const auto workers = static_cast<size_t>(default_context().workers);
  return aligned(program.arena_bytes) + workers * program.worker_bytes + kAlignment;
}

Frame::Frame(const Lowered& program) : program_(&program), workers_(default_context().workers) {
  // So little that sharing it would save less than it costs.
  constexpr size_t kOwnArena = size_t{64} << 10;
  const size_t pointers = aligned(program.arena_offset()), working = working_bytes(program);
  owns_arena_ = working <= kOwnArena;
  memory_ = Block::allocate(pointers + (owns_arena_ ? working : 0));
  base_ = static_cast<std::byte*>(memory_->data());
  if (owns_arena_) place(base_ + pointers);
}

void Frame::attach() {
  if (owns_arena_) return;
  lease_ = ArenaLease(working_bytes(*program_));
  if (lease_.data() != arena_) place(lease_.data());
}

void Frame::place(std::byte* arena) noexcept {
  arena_ = arena;
  frame_init(*program_, base_, arena, arena + aligned(program_->arena_bytes),
             program_->worker_bytes, &guard_);
}

bool Frame::run(StepTimes* times) noexcept {
  guard_ = {};
  if (!times) return frame_run(*program_, default_context(), base_, &guard_);
  ++times->runs;
  return frame_run_timed(*program_, default_context(), base_, &guard_, times->seconds.data());
}

void Frame::throw_guard_error() const {
  const StepNote* note = program_->find_guard(guard_.guard);
  RV_CHECK(note != nullptr);
  throw_guard(guard_, note->op->name, note->attrs, note->site);
}

}  // namespace ranvier
