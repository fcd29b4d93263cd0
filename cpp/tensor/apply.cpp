#include "tensor/apply.h"

#include <array>

#include "base/error.h"
#include "tensor/guard_error.h"
#include "tensor/replay.h"
#include "tensor/tape.h"

namespace ranvier {
namespace {

constexpr size_t kInlineScratch = 4096;

// Scratch of one eager call: on the stack when small, else from the allocator.
class EagerScratch {
 public:
  EagerScratch(const kernels::Scratch& need, int workers) : stride_(aligned(need.per_worker)) {
    const size_t shared = aligned(need.shared);
    const size_t total = shared + stride_ * static_cast<size_t>(workers);
    std::byte* base = inline_;
    if (total > kInlineScratch) {
      block_ = Block::allocate(total);
      base = static_cast<std::byte*>(block_->data());
    }
    shared_ = base;
    worker_ = base + shared;
  }
  void* shared() const { return shared_; }
  std::byte* worker() const { return worker_; }
  size_t stride() const { return stride_; }

 private:
  size_t stride_;
  Buffer block_;
  void* shared_;
  std::byte* worker_;
  alignas(kAlignment) std::byte inline_[kInlineScratch];
};

// One pointer per operand: inside, but for joins of many.
template <class T>
class Pointers {
 public:
  explicit Pointers(size_t count) : many_(count > few_.size() ? count : 0) {}
  T& operator[](size_t i) { return data()[i]; }
  T* data() { return many_.empty() ? few_.data() : many_.data(); }

 private:
  std::array<T, 8> few_;
  std::vector<T> many_;
};

}  // namespace

Specs specs_of(TensorSpan tensors) {
  Specs specs;
  specs.reserve(tensors.size());
  for (const Tensor& t : tensors) specs.push_back(t.spec());
  return specs;
}

void record_on_tapes(const OpRecord& op, const Attrs& attrs, const Tensors& inputs,
                     const Tensors& outputs) {
  NodeRef node;
  for (Tape* tape : active_tapes()) {
    bool tracked = false;
    for (const Tensor& input : inputs) tracked |= tape->tracks(input);
    if (!tracked) continue;
    if (!node) {
      node = make_ref<Node>();
      node->op = &op;
      node->attrs = attrs;
      node->inputs = inputs;
      node->outputs = outputs;
      node->site = current_site();
    }
    tape->record(node);
  }
}

Tensors run_prepared(const OpRecord& op, const Attrs& attrs, const Kernel& kernel,
                     TensorSpan inputs, std::span<const TypeSpec> outputs) {
  if (op.traits.alias) return {inputs[0].view(outputs[0].shape)};
  Tensors results;
  results.reserve(outputs.size());
  Pointers<const void*> in(inputs.size());
  Pointers<void*> out(outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) in[i] = inputs[i].data();
  for (size_t i = 0; i < outputs.size(); ++i) {
    results.push_back(Tensor::empty(outputs[i].dtype, outputs[i].shape));
    out[i] = results[i].data();
  }
  const Context& context = default_context();
  const EagerScratch scratch(kernel.scratch, context.workers);
  kernels::GuardReport guard;
  kernel.run(context,
             {in.data(), out.data(), scratch.shared(), scratch.worker(), scratch.stride(), &guard},
             kernel.params.get());
  if (guard.code != 0) throw_guard(guard, op.name, attrs, current_site());
  return results;
}

Tensors run_eager(const OpRecord& op, TensorSpan inputs, const Attrs& attrs) {
  const Specs types = specs_of(inputs);
  const Specs outputs = op.infer({op, types, attrs});
  Kernel kernel;
  if (!op.traits.alias) kernel = prepare_kernel({op, types, outputs, attrs});
  return run_prepared(op, attrs, kernel, inputs, outputs);
}

Tensors apply(const OpRecord& op, Tensors inputs, Attrs attrs) {
  if (Trace* trace = current_trace()) {
    Specs outputs = op.infer({op, specs_of(inputs), attrs});
    return trace->add_node(op, std::move(inputs), std::move(attrs), outputs);
  }
  Tensors outputs = run_eager(op, inputs, attrs);
  if (!active_tapes().empty()) record_on_tapes(op, attrs, inputs, outputs);
  if (Recorder* recorder = current_recorder()) recorder->applied(op, inputs, attrs, outputs);
  return outputs;
}

Tensor apply1(const OpRecord& op, Tensors inputs, Attrs attrs) {
  Tensors outputs = apply(op, std::move(inputs), std::move(attrs));
  RV_CHECK(outputs.size() == 1);
  return std::move(outputs[0]);
}

}  // namespace ranvier
