#include "tensor/replay.h"

#include <algorithm>

#include "tensor/apply.h"
#include "tensor/tape.h"

namespace ranvier {
namespace {

// A longer function is no small operation, and larger constants are not worth their memory.
constexpr size_t kMostSteps = 64;
constexpr int64_t kMostConstants = 1 << 12;

thread_local Recorder* t_recorder = nullptr;

bool has_body(const Attrs& attrs) {
  return std::any_of(attrs.items().begin(), attrs.items().end(),
                     [](const auto& item) { return std::holds_alternative<Body>(item.second); });
}

}  // namespace

Recorder* current_recorder() { return t_recorder; }

Tensors Recipe::apply(const Step& step, TensorSpan inputs) const {
  Tensors outputs = run_prepared(*step.op, step.attrs, step.kernel, inputs, step.outputs);
  if (!active_tapes().empty())
    record_on_tapes(*step.op, step.attrs, Tensors(inputs.begin(), inputs.end()), outputs);
  return outputs;
}

Tensors Recipe::run(TensorSpan args) const {
  if (one_step_) return apply(steps_.front(), args);
  Tensors values(args.begin(), args.end());
  values.reserve(values_);
  values.insert(values.end(), constants_.begin(), constants_.end());
  Tensors inputs;
  for (const Step& step : steps_) {
    inputs.clear();
    for (const uint32_t input : step.inputs) inputs.push_back(values[input]);
    Tensors outputs = apply(step, inputs);
    for (Tensor& output : outputs) values.push_back(std::move(output));
  }
  Tensors outputs;
  outputs.reserve(outputs_.size());
  for (const uint32_t output : outputs_) outputs.push_back(values[output]);
  return outputs;
}

bool Recipe::is_one_step() const {
  if (steps_.size() != 1 || !constants_.empty()) return false;
  const auto counts_from = [](const std::vector<uint32_t>& numbers, size_t first, size_t count) {
    if (numbers.size() != count) return false;
    for (size_t i = 0; i < count; ++i)
      if (numbers[i] != first + i) return false;
    return true;
  };
  return counts_from(steps_[0].inputs, 0, arguments_) &&
         counts_from(outputs_, arguments_, steps_[0].outputs.size());
}

int Recipe::output_argument(size_t i) const {
  return outputs_[i] < arguments_ ? static_cast<int>(outputs_[i]) : -1;
}

Recorder::Recorder(TensorSpan args) : arguments_(args.begin(), args.end()) {
  for (uint32_t i = 0; i < arguments_.size(); ++i)
    seen_.try_emplace(arguments_[i].get(), Seen{Seen::Kind::Argument, i, false});
  t_recorder = this;
}

Recorder::~Recorder() { t_recorder = nullptr; }

const Recorder::Seen* Recorder::find(const Tensor& tensor) const {
  const auto found = seen_.find(tensor.get());
  return found == seen_.end() ? nullptr : &found->second;
}

void Recorder::applied(const OpRecord& op, TensorSpan inputs, const Attrs& attrs,
                       TensorSpan outputs) {
  if (op.traits.calls_back || has_body(attrs) || applied_.size() == kMostSteps) return spoil();
  Applied step{&op, attrs, {}, specs_of(inputs), Tensors(outputs.begin(), outputs.end())};
  for (const Tensor& input : inputs) {
    const Seen* seen = find(input);
    if (!seen) return spoil();
    step.inputs.push_back(*seen);
  }
  const bool shared = op.traits.alias && step.inputs[0].shared;
  for (const Tensor& output : outputs)
    seen_.insert_or_assign(output.get(), Seen{Seen::Kind::Result, results_++, shared});
  applied_.push_back(std::move(step));
}

void Recorder::constant(const Tensor& tensor) {
  if (tensor.size() > kMostConstants) return spoil();
  const auto index = static_cast<uint32_t>(constants_.size());
  if (seen_.try_emplace(tensor.get(), Seen{Seen::Kind::Constant, index, true}).second)
    constants_.push_back(tensor);
}

uint32_t Recorder::number(const Seen& seen) const {
  size_t before = 0;
  if (seen.kind != Seen::Kind::Argument) before += arguments_.size();
  if (seen.kind == Seen::Kind::Result) before += constants_.size();
  return static_cast<uint32_t>(before) + seen.index;
}

RecipeRef Recorder::finish(TensorSpan outputs) const {
  if (!fits_) return {};
  auto recipe = make_ref<Recipe>();
  recipe->arguments_ = arguments_.size();
  recipe->constants_ = constants_;
  recipe->values_ = arguments_.size() + constants_.size() + results_;
  for (const Tensor& output : outputs) {
    const Seen* seen = find(output);
    if (!seen || seen->shared) return {};
    recipe->outputs_.push_back(number(*seen));
  }
  for (const Applied& applied : applied_) {
    Recipe::Step step{applied.op, applied.attrs, {}, specs_of(applied.outputs), {}};
    for (const Seen& input : applied.inputs) step.inputs.push_back(number(input));
    if (!applied.op->traits.alias)
      step.kernel = prepare_kernel({*applied.op, applied.input_types, step.outputs, applied.attrs});
    recipe->steps_.push_back(std::move(step));
  }
  recipe->one_step_ = recipe->is_one_step();
  return RecipeRef(recipe.get());
}

}  // namespace ranvier
