#include "runtime/loop.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "base/error.h"

namespace ranvier {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How many steps to run between two looks at the clock and at those who wait, so that looking
// costs little for steps below a microsecond and is frequent enough for long ones.
class Pace {
 public:
  bool due() { return ++count_ >= stride_; }
  void adapt(double elapsed) {
    constexpr double kShort = 20e-6, kLong = 200e-6;
    constexpr int kMost = 256;
    const double interval = elapsed - last_;
    last_ = elapsed;
    count_ = 0;
    if (interval < kShort && stride_ < kMost)
      stride_ *= 2;
    else if (interval > kLong && stride_ > 1)
      stride_ /= 2;
  }

 private:
  int count_ = 0, stride_ = 1;
  double last_ = 0;
};

}  // namespace

// Holds the words of one program's variables, with its frame bound to their storage.
class EpochLoop::Session {
 public:
  Session(EpochLoop& loop) : loop_(loop) {}
  ~Session() { leave(); }
  Session(const Session&) = delete;

  void enter(Bound& bound) {
    if (bound_ == &bound) return;
    leave();
    if (loop_.yielded_)
      lock_variables_after_others(bound.program->uses());
    else
      lock_variables(bound.program->uses());
    loop_.yielded_ = false;
    bound_ = &bound;
    if (!bound.frame->fits()) bound.frame = bound.program->take_frame();
    loop_.bind(bound);
  }
  void leave() {
    if (!bound_) return;
    if (wrote_) bound_->program->bump_versions();
    unlock_variables(bound_->program->uses());
    bound_->frame->detach();
    bound_ = nullptr;
    wrote_ = false;
  }
  bool contended() const { return variables_contended(bound_->program->uses()); }
  void wrote() { wrote_ = true; }

 private:
  EpochLoop& loop_;
  Bound* bound_ = nullptr;
  bool wrote_ = false;
};

EpochLoop::EpochLoop(std::vector<ArraySource> sources, int64_t rows, int64_t batch_size)
    : sources_(std::move(sources)), rows_(rows), batch_size_(batch_size) {
  if (batch_size < 1)
    fail<ValueError>("fit: batch_size must be at least 1. Received: ", batch_size, ".");
  for (const ArraySource& source : sources_) {
    gathers_.push_back(
        kernels::prepare_gather_rows(source.target, source.dtype, source.row.size()));
    if (!gathers_.back().copy)
      fail<ValueError>("fit: rows of ", name_of(source.dtype), " cannot be read as ",
                       name_of(source.target), ". Hint: convert the array first.");
    row_bytes_.push_back(static_cast<size_t>(source.row.size()) * size_of(source.dtype));
  }
}

void EpochLoop::set_program(int64_t batch, ProgramRef program) {
  const Specs& specs = program->argument_specs();
  if (specs.size() != sources_.size())
    fail<InternalError>("epoch loop: program '", program->name(), "' takes ", specs.size(),
                        " arguments, there are ", sources_.size(), " sources");
  Bound bound;
  for (size_t i = 0; i < specs.size(); ++i) {
    const TypeSpec expected{sources_[i].target, sources_[i].row.insert(0, batch)};
    if (specs[i] != expected)
      fail<InternalError>("epoch loop: argument ", i, " of program '", program->name(), "' is ",
                          specs[i].str(), ", its batches are ", expected.str());
    bound.inputs.push_back(Block::allocate(std::max<size_t>(specs[i].bytes(), 1)));
  }
  bound.frame = program->take_frame();
  bound.program = std::move(program);
  if (last_ != nullptr && programs_.contains(batch) && last_ == &programs_.at(batch))
    last_ = nullptr;
  programs_[batch] = std::move(bound);
}

void EpochLoop::clear_programs() {
  programs_.clear();
  last_ = nullptr;
}

void EpochLoop::set_results(std::vector<void*> results) { results_ = std::move(results); }

void EpochLoop::start_epoch(std::span<const int64_t> order, int64_t max_steps) {
  order_ = order.empty() ? nullptr : order.data();
  epoch_rows_ = order.empty() ? rows_ : static_cast<int64_t>(order.size());
  step_ = 0;
  steps_ = (epoch_rows_ + batch_size_ - 1) / batch_size_;
  if (max_steps >= 0) steps_ = std::min(steps_, max_steps);
  bool converts = false;
  for (const ArraySource& source : sources_) converts |= source.dtype != source.target;
  if (!order_ && converts) {
    if (identity_.empty()) {
      identity_.resize(static_cast<size_t>(rows_));
      std::iota(identity_.begin(), identity_.end(), int64_t{0});
    }
    order_ = identity_.data();
  }
}

// In an epoch without order, equal types are read where they lie.
bool EpochLoop::is_direct(size_t source) const {
  const bool in_order = !order_ || order_ == identity_.data();
  return in_order && sources_[source].dtype == sources_[source].target;
}

int64_t EpochLoop::batch_at(int64_t step) const {
  return std::min(batch_size_, epoch_rows_ - step * batch_size_);
}

void EpochLoop::bind(Bound& bound) {
  const Program& program = *bound.program;
  program.bind_variables(*bound.frame);
  for (size_t i = 0; i < sources_.size(); ++i)
    bound.frame->bind_input(program.argument_input(i), bound.inputs[i]->data());
  const Specs& outputs = program.output_specs();
  bound.kept.resize(outputs.size());
  for (uint32_t j = 0; j < outputs.size(); ++j) {
    const bool kept = j >= results_.size() || !results_[j];
    if (!kept)
      bound.kept[j] = {};
    else if (!bound.kept[j])
      bound.kept[j] = Tensor::empty(outputs[j].dtype, outputs[j].shape);
    if (kept) bound.frame->bind_output(j, bound.kept[j].data());
  }
}

void EpochLoop::fill(Bound& bound, int64_t first, int64_t count) {
  Frame& frame = *bound.frame;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const auto* data = static_cast<const std::byte*>(sources_[i].data);
    if (is_direct(i))
      frame.bind_input(bound.program->argument_input(i),
                       data + static_cast<size_t>(first) * row_bytes_[i]);
    else
      kernels::run_gather_rows(default_context(), gathers_[i], bound.inputs[i]->data(), data,
                               order_ + first, count);
  }
  for (uint32_t j = 0; j < results_.size() && j < bound.kept.size(); ++j) {
    if (!results_[j]) continue;
    const TypeSpec& spec = bound.program->output_specs()[j];
    const size_t row_bytes = spec.bytes() / static_cast<size_t>(count);
    frame.bind_output(
        j, static_cast<std::byte*>(results_[j]) + static_cast<size_t>(first) * row_bytes);
  }
}

LoopEvent EpochLoop::run(double max_seconds, int64_t max_steps) {
  const auto start = Clock::now();
  const int64_t last_step = max_steps < 0 ? steps_ : std::min(steps_, step_ + max_steps);
  Session session(*this);
  Pace pace;
  while (step_ < last_step) {
    const int64_t count = batch_at(step_);
    const auto found = programs_.find(count);
    if (found == programs_.end()) {
      needed_batch_ = count;
      return LoopEvent::NeedProgram;
    }
    Bound& bound = found->second;
    session.enter(bound);
    fill(bound, step_ * batch_size_, count);
    if (!bound.frame->run()) bound.frame->throw_guard_error();
    session.wrote();
    last_ = &bound;
    ++step_;
    if (!pace.due()) continue;
    const double elapsed = seconds_since(start);
    pace.adapt(elapsed);
    if (step_ == last_step) break;
    if (session.contended()) {
      yielded_ = true;
      return LoopEvent::Waiting;
    }
    if (elapsed >= max_seconds) return LoopEvent::Timer;
  }
  return step_ == steps_ ? LoopEvent::EpochEnd : LoopEvent::StepLimit;
}

Tensors EpochLoop::outputs() const {
  Tensors copies;
  if (!last_) return copies;
  for (const Tensor& kept : last_->kept) {
    if (!kept) continue;
    Tensor copy = Tensor::empty(kept.dtype(), kept.shape());
    std::memcpy(copy.data(), kept.data(), kept.spec().bytes());
    copies.push_back(std::move(copy));
  }
  return copies;
}

}  // namespace ranvier
