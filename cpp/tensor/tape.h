#pragma once
// Reverse-mode differentiation over a list of nodes, holding values (tape) or symbols (range of a
// trace).

#include <unordered_map>
#include <unordered_set>

#include "tensor/trace.h"

namespace ranvier {

// d(sum of targets * target_grads) / d(sources), by calling the records' gradients in reverse
// order. A source that no target depends on, and a null source, get a null Tensor.
Tensors backward(std::span<const NodeRef> nodes, TensorSpan targets, TensorSpan target_grads,
                 TensorSpan sources);

// Records what runs between start() and stop() on this thread. Inside a trace it is a range of the
// trace's nodes; on values it keeps the nodes that depend on watched tensors or on variables read
// meanwhile.
class Tape : public RefCounted {
 public:
  Tape() = default;
  ~Tape();
  void start();
  void stop();
  void watch(const Tensor& tensor);
  // Tensors through which the variable was read while recording.
  Tensors reads_of(const Variable& variable) const;
  // Null target_grads mean ones. Sources that are neither watched nor depend on something watched
  // have no gradient: a null Tensor.
  Tensors gradient(TensorSpan targets, TensorSpan target_grads, TensorSpan sources);

  void record(const NodeRef& node);                            // by apply()
  void record_read(Variable& variable, const Tensor& tensor);  // by Variable::read()
  bool tracks(const Tensor& tensor) const;

 private:
  std::vector<NodeRef> recorded() const;
  bool active_ = false;
  Trace* trace_ = nullptr;
  uint64_t trace_id_ = 0;
  size_t begin_ = 0, end_ = 0;
  std::vector<NodeRef> nodes_;
  std::unordered_set<const TensorImpl*> tracked_;
  Tensors watched_;
  std::unordered_map<const Variable*, Tensors> reads_;
};

// Innermost last; empty outside any tape.
std::vector<Tape*>& active_tapes();

}  // namespace ranvier
