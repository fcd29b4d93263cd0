#include "tensor/tape.h"

#include <algorithm>

#include "base/error.h"
#include "tensor/apply.h"

namespace ranvier {
namespace {

using TensorSet = std::unordered_set<const TensorImpl*>;

Tensor ones_like(const Tensor& t) {
  static const OpRecord& broadcast_to = *find_op("broadcast_to");
  Tensor one = Tensor::full(t.dtype(), {}, 1.0);
  if (t.rank() == 0) return one;
  const auto dims = t.shape().dims();
  return apply1(broadcast_to, {one}, {{"shape", Ints(dims.begin(), dims.end())}});
}

void accumulate(std::unordered_map<const TensorImpl*, Tensor>& grads, const Tensor& key,
                const Tensor& grad) {
  static const OpRecord& add = *find_op("add");
  Tensor& sum = grads[key.get()];
  sum = sum ? apply1(add, {sum, grad}) : grad;
}

void check_target(const Tensor& target, const Tensor& grad) {
  if (!is_floating(target.dtype()))
    fail<DTypeError>(
        "gradient: only floating-point values can be differentiated. Received a target of dtype ",
        name_of(target.dtype()), ".");
  if (grad && grad.shape() != target.shape())
    fail<ShapeError>("gradient: a target's gradient must have its shape. Expected ",
                     target.shape().str(), ". Received: ", grad.shape().str(), ".");
}

// Everything that depends on the sources, the sources included.
TensorSet dependents(std::span<const NodeRef> nodes, TensorSpan sources) {
  TensorSet set;
  for (const Tensor& source : sources) set.insert(source.get());
  for (const NodeRef& node : nodes) {
    const bool depends = std::any_of(node->inputs.begin(), node->inputs.end(),
                                     [&](const Tensor& t) { return set.contains(t.get()); });
    if (!depends) continue;
    for (const Tensor& output : node->outputs)
      if (is_floating(output.dtype())) set.insert(output.get());
  }
  return set;
}

// Groups of nodes that are computed again: copies of their nodes, made when the first gradient of a
// group is built, in a region of their own so that nothing merges them with the originals.
class Recomputation {
 public:
  explicit Recomputation(std::span<const NodeRef> nodes) : nodes_(nodes) {}

  // The node to build the gradient from: itself, or its copy. Until leave(), what is traced belongs
  // to the copy's region.
  const Node& enter(const NodeRef& node) {
    outer_ = current_region();
    if (node->remat == 0 || !node->outputs[0].is_symbol()) return *node;
    auto [group, first] = groups_.try_emplace(node->remat);
    if (first) {
      group->second.region = new_remat_group();
      set_current_region(group->second.region);
      copy(node->remat, group->second);
    }
    set_current_region(group->second.region);
    return *group->second.copies.at(node.get());
  }
  void leave() const { set_current_region(outer_); }

 private:
  struct Group {
    uint32_t region = 0;
    std::unordered_map<const Node*, NodeRef> copies;
    std::unordered_map<const TensorImpl*, Tensor> values;
  };

  void copy(uint32_t tag, Group& group) const {
    for (const NodeRef& node : nodes_) {
      if (node->remat != tag) continue;
      auto made = make_ref<Node>();
      made->op = node->op;
      made->attrs = node->attrs;
      made->site = node->site;
      for (const Tensor& input : node->inputs) {
        const auto known = group.values.find(input.get());
        made->inputs.push_back(known == group.values.end() ? input : known->second);
      }
      const SiteScope scope(node->site);
      made->outputs = apply(*node->op, made->inputs, node->attrs);
      for (size_t i = 0; i < made->outputs.size(); ++i)
        group.values[node->outputs[i].get()] = made->outputs[i];
      group.copies[node.get()] = made;
    }
  }

  std::span<const NodeRef> nodes_;
  std::unordered_map<uint32_t, Group> groups_;
  uint32_t outer_ = 0;
};

Tensors gradients_of(const Node& node, TensorSpan grads, const std::vector<uint8_t>& needs) {
  if (!node.op->vjp)
    fail<InternalError>("gradient: op '", node.op->name, "' declares no gradient rule.");
  const SiteScope scope(node.site);
  Tensors result = node.op->vjp({node, grads, needs});
  RV_CHECK(result.size() == node.inputs.size() || result.empty());
  return result;
}

}  // namespace

Tensors no_gradient(const VjpArgs&) { return {}; }

Tensors backward(std::span<const NodeRef> nodes, TensorSpan targets, TensorSpan target_grads,
                 TensorSpan sources) {
  const TensorSet wanted = dependents(nodes, sources);
  std::unordered_map<const TensorImpl*, Tensor> grads;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Tensor given = target_grads.empty() ? Tensor() : target_grads[i];
    check_target(targets[i], given);
    if (wanted.contains(targets[i].get()))
      accumulate(grads, targets[i], given ? given : ones_like(targets[i]));
  }
  Recomputation recomputation(nodes);
  for (size_t i = nodes.size(); i-- > 0;) {
    const Node& node = *nodes[i];
    Tensors out_grads;
    bool any = false;
    for (const Tensor& output : node.outputs) {
      auto it = grads.find(output.get());
      out_grads.push_back(it == grads.end() ? Tensor() : it->second);
      any |= it != grads.end();
    }
    if (!any) continue;
    std::vector<uint8_t> needs;
    for (const Tensor& input : node.inputs)
      needs.push_back(wanted.contains(input.get()) && is_floating(input.dtype()));
    if (std::find(needs.begin(), needs.end(), 1) == needs.end()) continue;
    const Tensors in_grads = gradients_of(recomputation.enter(nodes[i]), out_grads, needs);
    recomputation.leave();
    for (size_t k = 0; k < in_grads.size(); ++k)
      if (in_grads[k] && needs[k]) accumulate(grads, node.inputs[k], in_grads[k]);
  }
  Tensors result;
  for (const Tensor& source : sources) {
    auto it = grads.find(source.get());
    result.push_back(it == grads.end() ? Tensor() : it->second);
  }
  return result;
}

std::vector<Tape*>& active_tapes() {
  thread_local std::vector<Tape*> tapes;
  return tapes;
}

Tape::~Tape() { stop(); }

void Tape::start() {
  RV_CHECK(!active_);
  trace_ = current_trace();
  trace_id_ = trace_ ? trace_->id() : 0;
  begin_ = trace_ ? trace_->nodes().size() : 0;
  active_ = true;
  active_tapes().push_back(this);
}

void Tape::stop() {
  if (!active_) return;
  active_ = false;
  if (trace_) end_ = trace_->nodes().size();
  std::erase(active_tapes(), this);
}

bool Tape::tracks(const Tensor& tensor) const { return tracked_.contains(tensor.get()); }

void Tape::watch(const Tensor& tensor) {
  tracked_.insert(tensor.get());
  watched_.push_back(tensor);
}

void Tape::record(const NodeRef& node) {
  nodes_.push_back(node);
  for (const Tensor& output : node->outputs) tracked_.insert(output.get());
}

void Tape::record_read(Variable& variable, const Tensor& tensor) {
  if (tensor.get()->trace != trace_id_) return;  // read inside the body of a control-flow op
  Tensors& reads = reads_[&variable];
  if (std::find(reads.begin(), reads.end(), tensor) != reads.end()) return;
  reads.push_back(tensor);
  tracked_.insert(tensor.get());
}

Tensors Tape::reads_of(const Variable& variable) const {
  auto it = reads_.find(&variable);
  return it == reads_.end() ? Tensors{} : it->second;
}

std::vector<NodeRef> Tape::recorded() const {
  if (!trace_) return nodes_;
  if (current_trace() != trace_)
    fail<GraphError>(
        "GradientTape: gradient() is called outside the traced function in which the tape "
        "recorded. Hint: call it in the same function.");
  const size_t end = active_ ? trace_->nodes().size() : end_;
  return {trace_->nodes().begin() + static_cast<ptrdiff_t>(begin_),
          trace_->nodes().begin() + static_cast<ptrdiff_t>(end)};
}

Tensors Tape::gradient(TensorSpan targets, TensorSpan target_grads, TensorSpan sources) {
  const std::vector<NodeRef> nodes = recorded();
  // What comes from outside of the trace is a node's input under its name in there.
  auto inside = [&](const Tensor& t) { return trace_ ? trace_->known_as(t) : t; };
  Tensors roots, known_targets, known_sources;
  for (const Tensor& t : watched_) roots.push_back(inside(t));
  for (const auto& [variable, reads] : reads_)
    roots.insert(roots.end(), reads.begin(), reads.end());
  const TensorSet watched = dependents(nodes, roots);
  for (const Tensor& target : targets) known_targets.push_back(inside(target));
  for (const Tensor& source : sources) {
    const Tensor known = inside(source);
    known_sources.push_back(watched.contains(known.get()) ? known : Tensor());
  }
  return backward(nodes, known_targets, target_grads, known_sources);
}

}  // namespace ranvier
