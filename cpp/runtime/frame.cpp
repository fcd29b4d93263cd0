#include "runtime/frame.h"

#include "base/error.h"
#include "tensor/guard_error.h"

namespace ranvier {

Frame::Frame(const Lowered& program) : program_(&program), workers_(default_context().workers) {
  const size_t frame_bytes = program.frame_bytes();
  const size_t worker_at = (frame_bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t workers = static_cast<size_t>(workers_);
  memory_ = Block::allocate(worker_at + workers * program.worker_bytes + kAlignment);
  base_ = static_cast<std::byte*>(memory_->data());
  frame_init(program, base_, base_ + worker_at, program.worker_bytes, &guard_);
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
