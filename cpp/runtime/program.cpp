#include "runtime/program.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/error.h"

namespace ranvier {

Program::Program(Lowered lowered, std::string name)
    : lowered_(std::move(lowered)), name_(std::move(name)), need_(working_bytes(lowered_)) {
  for (uint32_t i = 0; i < lowered_.inputs.size(); ++i) {
    const LoweredInput& input = lowered_.inputs[i];
    if (input.held != compiler::kNone) continue;
    if (!input.variable) {
      argument_inputs_.push_back(i);
      argument_specs_.push_back(input.spec);
      continue;
    }
    variables_.push_back(input.variable);
    uses_.push_back({input.variable.get(), input.written});
  }
  std::sort(uses_.begin(), uses_.end(),
            [](const VariableUse& a, const VariableUse& b) { return a.variable < b.variable; });
  if (lowered_.prologue.empty()) return;
  const size_t held = static_cast<size_t>(
      std::count_if(lowered_.inputs.begin(), lowered_.inputs.end(),
                    [](const LoweredInput& input) { return input.held != compiler::kNone; }));
  prologue_ = std::make_unique<Prologue>(std::move(lowered_.prologue), held, name_);
}

void Program::check_arguments(TensorSpan args) const {
  if (args.size() != argument_specs_.size())
    fail<ValueError>(name_, ": wrong number of arguments. Expected ", argument_specs_.size(),
                     ". Received: ", args.size(), ".");
  for (size_t i = 0; i < args.size(); ++i)
    if (args[i].spec() != argument_specs_[i])
      fail<ShapeError>(name_, ": argument ", i, " has another type than the program was made for. ",
                       "Expected ", argument_specs_[i].str(), ". Received: ", args[i].spec().str(),
                       ".");
}

namespace {

// Does nobody else see the memory, and is it ours to write?
bool is_exclusive(const Tensor& storage) {
  return storage.get()->use_count() == 1 && storage.get()->buffer &&
         storage.get()->buffer->use_count() == 1 && storage.get()->buffer->owned();
}

class LockScope {
 public:
  explicit LockScope(std::span<const VariableUse> uses) noexcept : uses_(uses) {
    lock_variables(uses_);
  }
  ~LockScope() { unlock_variables(uses_); }
  LockScope(const LockScope&) = delete;

 private:
  std::span<const VariableUse> uses_;
};

}  // namespace

void Program::bind_variables(Frame& frame) const {
  const bool stale = prologue_ && !prologue_->is_current(frame.held_versions);
  if (stale) prologue_->update();  // before the frame takes the arena that it needs itself
  frame.attach();
  for (uint32_t i = 0; i < lowered_.inputs.size(); ++i) {
    const LoweredInput& input = lowered_.inputs[i];
    if (stale && input.held != compiler::kNone) frame.bind_input(i, prologue_->result(input.held));
    if (!input.variable) continue;
    Variable& variable = *input.variable;
    if (input.written && !is_exclusive(variable.storage())) {
      const Tensor fresh = Tensor::empty(input.spec.dtype, input.spec.shape);
      std::memcpy(fresh.data(), variable.storage().data(), input.spec.bytes());
      variable.set_storage(fresh);
    }
    frame.bind_input(i, variable.storage().data());
  }
  if (stale) frame.held_versions = prologue_->versions();
}

void Program::bump_versions() const {
  for (const VariableUse& use : uses_)
    if (use.write) use.variable->bump_version();
}

std::unique_ptr<Frame> Program::take_frame() const {
  {
    std::lock_guard lock(mutex_);
    while (!frames_.empty()) {
      auto frame = std::move(frames_.back());
      frames_.pop_back();
      if (frame->fits()) return frame;
    }
  }
  return std::make_unique<Frame>(lowered_);
}

void Program::give_back(std::unique_ptr<Frame> frame) const {
  constexpr size_t kKept = 4;
  frame->detach();
  std::lock_guard lock(mutex_);
  if (frames_.size() < kKept) frames_.push_back(std::move(frame));
}

Tensors Program::run(TensorSpan args, StepTimes* times) const {
  check_arguments(args);
  if (times) times->seconds.resize(lowered_.steps.size(), 0.0);
  Tensors outputs;
  outputs.reserve(lowered_.outputs.size());
  for (const TypeSpec& spec : lowered_.outputs)
    outputs.push_back(Tensor::empty(spec.dtype, spec.shape));
  std::unique_ptr<Frame> frame = take_frame();
  for (size_t i = 0; i < args.size(); ++i) frame->bind_input(argument_inputs_[i], args[i].data());
  for (uint32_t i = 0; i < outputs.size(); ++i) frame->bind_output(i, outputs[i].data());
  bool done;
  {
    const LockScope lock(uses_);
    bind_variables(*frame);
    done = frame->run(times);
    if (done) bump_versions();
  }
  if (!done) frame->throw_guard_error();
  give_back(std::move(frame));
  return outputs;
}

namespace {

StepInfo info_of(const StepNote& note) {
  return {note.op->name, note.kernel.variant, site_text(note.site), note.text, note.kernel.cost};
}

std::string plan_of(const Lowered& lowered) {
  std::ostringstream out;
  for (uint32_t i = 0; i < lowered.inputs.size(); ++i) {
    const LoweredInput& input = lowered.inputs[i];
    out << "in" << i << ": " << input.spec.str();
    if (input.variable) out << " variable '" << input.variable->name() << '\'';
    if (input.held != compiler::kNone) out << " prologue out" << input.held;
    out << (input.written ? ", written\n" : "\n");
  }
  for (uint32_t i = 0; i < lowered.outputs.size(); ++i)
    out << "out" << i << ": " << lowered.outputs[i].str() << '\n';
  out << lowered.text;
  return out.str();
}

}  // namespace

ProgramStats Program::stats() const {
  ProgramStats stats;
  stats.arena_bytes = lowered_.arena_bytes;
  for (const Tensor& constant : lowered_.constants) stats.constant_bytes += constant.spec().bytes();
  for (const VariableRef& variable : variables_) stats.variable_bytes += variable->spec().bytes();
  for (const StepNote& note : lowered_.notes) {
    stats.flops += note.kernel.cost.flops;
    stats.bytes += note.kernel.cost.bytes;
    stats.steps.push_back(info_of(note));
  }
  if (!prologue_) return stats;
  for (const auto& part : prologue_->parts()) {
    const Lowered& lowered = part->lowered();
    stats.prologue_arena_bytes = std::max(stats.prologue_arena_bytes, lowered.arena_bytes);
    for (const TypeSpec& spec : lowered.outputs) stats.prologue_bytes += spec.bytes();
    for (const Tensor& constant : lowered.constants)
      stats.constant_bytes += constant.spec().bytes();
    for (const StepNote& note : lowered.notes) stats.prologue_steps.push_back(info_of(note));
  }
  return stats;
}

std::string Program::dump() const {
  if (!prologue_) return plan_of(lowered_);
  std::string text;
  for (const auto& part : prologue_->parts()) text += "prologue:\n" + plan_of(part->lowered());
  return text + "program:\n" + plan_of(lowered_);
}

ProgramRef compile(const Trace& trace, const CompileOptions& options) {
  install_control_flow();
  const compiler::PassOptions passes{options.exact, options.fuse};
  Lowered lowered = compiler::lower(compiler::graph_of(trace), passes, options.name);
  return make_ref<Program>(std::move(lowered), options.name);
}

}  // namespace ranvier
