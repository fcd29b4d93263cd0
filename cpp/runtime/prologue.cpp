#include "runtime/prologue.h"

#include "base/error.h"
#include "runtime/frame.h"

namespace ranvier {

bool Prologue::is_current(const HeldValues& held) const noexcept {
  for (size_t i = 0; i < held.versions.size(); ++i)
    if (lowered_.inputs[i].variable->version() != held.versions[i]) return false;
  return true;
}

void Prologue::update(std::shared_ptr<const HeldValues>& held) const {
  if (held && is_current(*held)) return;
  held.reset();
  std::lock_guard lock(mutex_);
  if (!latest_ || !is_current(*latest_)) {
    latest_.reset();  // before the new results take memory
    latest_ = run();
  }
  held = latest_;
}

std::shared_ptr<const HeldValues> Prologue::run() const {
  auto made = std::make_shared<HeldValues>();
  Frame frame(lowered_);
  for (uint32_t i = 0; i < lowered_.inputs.size(); ++i) {
    const Variable& variable = *lowered_.inputs[i].variable;
    made->versions.push_back(variable.version());
    frame.bind_input(i, variable.storage().data());
  }
  for (uint32_t i = 0; i < lowered_.outputs.size(); ++i) {
    made->values.push_back(Tensor::empty(lowered_.outputs[i].dtype, lowered_.outputs[i].shape));
    frame.bind_output(i, made->values.back().data());
  }
  RV_CHECK(frame.run());
  return made;
}

}  // namespace ranvier
