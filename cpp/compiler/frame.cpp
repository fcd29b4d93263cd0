#include <chrono>
#include <new>

#include "base/buffer.h"
#include "compiler/internal_ops.h"
#include "compiler/lower.h"

namespace ranvier {

size_t Lowered::slots_offset() const { return aligned(table.size() * sizeof(void*)); }

size_t Lowered::arena_offset() const {
  return slots_offset() + aligned(steps.size() * sizeof(Slots));
}

const StepNote* Lowered::find_guard(uint32_t guard) const {
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].guard == 0) continue;
    if (steps[i].guard == guard) return &notes[i];
    if (!compiler::is_structured(*notes[i].op)) continue;
    const auto* params = static_cast<const BodyParams*>(notes[i].kernel.params.get());
    for (const auto& body : params->bodies)
      if (const StepNote* note = body->find_guard(guard)) return note;
  }
  return nullptr;
}

void frame_init(const Lowered& program, std::byte* frame, std::byte* arena, std::byte* worker,
                size_t worker_stride, kernels::GuardReport* guard) noexcept {
  auto** table = reinterpret_cast<const void**>(frame);
  for (size_t i = 0; i < program.table.size(); ++i) {
    const Binding& binding = program.table[i];
    if (binding.place == compiler::Place::Arena)
      table[i] = arena + binding.offset;
    else if (binding.place == compiler::Place::Constant)
      table[i] = binding.constant;
  }
  auto* slots = reinterpret_cast<Slots*>(frame + program.slots_offset());
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    void* shared = step.shared == compiler::kNone ? nullptr : const_cast<void*>(table[step.shared]);
    new (slots + i) Slots{table + step.in, const_cast<void* const*>(table + step.out),
                          shared,          worker,
                          worker_stride,   guard};
  }
}

bool frame_run(const Lowered& program, const Context& context, std::byte* frame,
               kernels::GuardReport* guard) noexcept {
  const auto* slots = reinterpret_cast<const Slots*>(frame + program.slots_offset());
  const Step* steps = program.steps.data();
  const size_t count = program.steps.size();
  size_t i = 0;
  for (; i < program.guard_end; ++i) {
    steps[i].run(context, slots[i], steps[i].params);
    if (steps[i].guard != 0 && guard->code != 0) [[unlikely]] {
      if (guard->guard == 0) guard->guard = steps[i].guard;  // the innermost program names it
      return false;
    }
  }
  for (; i < count; ++i) steps[i].run(context, slots[i], steps[i].params);
  return true;
}

bool frame_run_timed(const Lowered& program, const Context& context, std::byte* frame,
                     kernels::GuardReport* guard, double* seconds) noexcept {
  using Clock = std::chrono::steady_clock;
  const auto* slots = reinterpret_cast<const Slots*>(frame + program.slots_offset());
  auto last = Clock::now();
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    step.run(context, slots[i], step.params);
    const auto now = Clock::now();
    seconds[i] += std::chrono::duration<double>(now - last).count();
    last = now;
    if (step.guard != 0 && guard->code != 0) {
      if (guard->guard == 0) guard->guard = step.guard;
      return false;
    }
  }
  return true;
}

}  // namespace ranvier
