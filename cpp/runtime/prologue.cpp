#include "runtime/prologue.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "runtime/frame.h"

namespace ranvier {
namespace {

// The parts that live, by their keys.
struct Registry {
  std::mutex mutex;
  std::unordered_map<std::string, std::weak_ptr<HeldPart>> parts;

  std::shared_ptr<HeldPart> find(const std::string& key) {
    const std::lock_guard lock(mutex);
    const auto found = parts.find(key);
    return found == parts.end() ? nullptr : found->second.lock();
  }
};

// Never destroyed: programs may end after static objects.
Registry& registry() {
  static Registry* const instance = new Registry;
  return *instance;
}

}  // namespace

HeldPart::HeldPart(compiler::ProloguePart part, const std::string& name)
    : key_(std::move(part.key)),
      graph_(std::move(part.graph)),
      lowered_(compiler::lower(graph_, part.options, name + ": prologue")),
      need_(working_bytes(lowered_)) {}

HeldPart::~HeldPart() {
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().parts.find(key_);
  if (found != registry().parts.end() && found->second.expired()) registry().parts.erase(found);
}

std::shared_ptr<HeldPart> HeldPart::find_or_make(compiler::ProloguePart part,
                                                 const std::string& name) {
  if (auto known = registry().find(part.key)) return known;
  auto made = std::make_shared<HeldPart>(std::move(part), name);
  const std::lock_guard lock(registry().mutex);
  std::weak_ptr<HeldPart>& place = registry().parts[made->key_];
  if (auto other = place.lock()) {
    made.swap(other);  // somebody was faster; `other` ends after the lock
    return made;
  }
  place = made;
  return made;
}

bool HeldPart::is_current() const noexcept {
  if (versions_.empty()) return false;
  for (size_t i = 0; i < versions_.size(); ++i)
    if (lowered_.inputs[i].variable->version() != versions_[i]) return false;
  return true;
}

void HeldPart::update() {
  const std::lock_guard lock(mutex_);
  if (is_current()) return;
  versions_.clear();
  values_.clear();  // before the new results take memory
  Frame frame(lowered_);
  Tensors values;
  for (uint32_t i = 0; i < lowered_.outputs.size(); ++i) {
    values.push_back(Tensor::empty(lowered_.outputs[i].dtype, lowered_.outputs[i].shape));
    frame.bind_output(i, values.back().data());
  }
  std::vector<uint64_t> versions;
  for (uint32_t i = 0; i < lowered_.inputs.size(); ++i) {
    const Variable& variable = *lowered_.inputs[i].variable;
    versions.push_back(variable.version());
    frame.bind_input(i, variable.storage().data());
  }
  frame.attach();
  RV_CHECK(frame.run());
  values_ = std::move(values);
  versions_ = std::move(versions);
}

size_t HeldPart::held_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = 0;
  for (const Tensor& value : values_) bytes += value.spec().bytes();
  return bytes;
}

Prologue::Prologue(std::vector<compiler::ProloguePart> parts, size_t results,
                   const std::string& name)
    : places_(results) {
  for (compiler::ProloguePart& part : parts) {
    for (uint32_t output = 0; output < part.results.size(); ++output)
      places_[part.results[output]] = {static_cast<uint32_t>(parts_.size()), output};
    parts_.push_back(HeldPart::find_or_make(std::move(part), name));
    for (const LoweredInput& input : parts_.back()->lowered().inputs)
      if (std::find(variables_.begin(), variables_.end(), input.variable.get()) == variables_.end())
        variables_.push_back(input.variable.get());
  }
}

bool Prologue::is_current(const std::vector<uint64_t>& versions) const noexcept {
  if (versions.size() != variables_.size()) return false;
  for (size_t i = 0; i < versions.size(); ++i)
    if (variables_[i]->version() != versions[i]) return false;
  return true;
}

void Prologue::update() const {
  for (const auto& part : parts_) part->update();
}

std::vector<uint64_t> Prologue::versions() const {
  std::vector<uint64_t> versions;
  for (const Variable* variable : variables_) versions.push_back(variable->version());
  return versions;
}

HeldStats held_stats() {
  std::vector<std::shared_ptr<HeldPart>> parts;
  {
    const std::lock_guard lock(registry().mutex);
    for (const auto& [key, part] : registry().parts)
      if (auto living = part.lock()) parts.push_back(std::move(living));
  }
  HeldStats stats{parts.size(), 0};
  for (const auto& part : parts) stats.bytes += part->held_bytes();
  return stats;
}

}  // namespace ranvier
