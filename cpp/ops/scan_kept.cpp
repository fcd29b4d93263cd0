#include "ops/scan_kept.h"

#include "kernels/cpu/pointwise/pw_op.h"

namespace ranvier::ops {
namespace {

// Nanoseconds per 1,024 float32 values, the unit of the operations' costs: 4 KiB written and read.
constexpr int kStoreCost = 200;

bool is_costly(const Node& node) {
  const Traits& traits = node.op->traits;
  if (traits.effect || traits.calls_back) return true;
  if (node.remat || traits.alias || traits.moves || traits.creation) return false;
  return !traits.pointwise || kernels::info_of(node.op->micro_op).cost > kStoreCost;
}

class Chooser {
 public:
  explicit Chooser(const Trace& body) : producer_(body.value_count()), known_(body.value_count()) {
    for (const NodeRef& node : body.nodes())
      for (const Tensor& output : node->outputs) producer_[output.get()->value] = node;
  }

  void need(const Tensor& value) {
    if (!value.is_symbol() || known_[value.get()->value]) return;
    const NodeRef& node = producer_[value.get()->value];
    if (node && keeps(*node, value)) {
      known_[value.get()->value] = 1;
      kept_.values.push_back(value);
      return;
    }
    if (!node) {
      known_[value.get()->value] = 1;
      return;
    }
    for (const Tensor& input : node->inputs) need(input);
    for (const Tensor& output : node->outputs) known_[output.get()->value] = 1;
    kept_.again.push_back(node);
  }

  KeptValues finish(const Trace& body) {
    for (const TraceInput& input : body.inputs())
      kept_.inputs.push_back(known_[input.symbol.get()->value]);
    return std::move(kept_);
  }

 private:
  bool keeps(const Node& node, const Tensor& value) const {
    if (node.remat) return false;
    if (is_costly(node)) return true;
    const size_t others = bytes_behind(node);
    return others > 0 && others >= value.spec().bytes();
  }

  // Of the costly values, not kept so far, that cheap nodes compute the outputs of `node` from.
  size_t bytes_behind(const Node& node) const {
    size_t bytes = 0;
    std::vector<uint8_t> seen(known_);
    std::vector<const Node*> stack{&node};
    while (!stack.empty()) {
      const Node& at = *stack.back();
      stack.pop_back();
      for (const Tensor& input : at.inputs) {
        if (!input.is_symbol() || seen[input.get()->value]) continue;
        seen[input.get()->value] = 1;
        const NodeRef& producer = producer_[input.get()->value];
        if (!producer) continue;
        if (is_costly(*producer))
          bytes += input.spec().bytes();
        else
          stack.push_back(producer.get());
      }
    }
    return bytes;
  }

  std::vector<NodeRef> producer_;  // per value; null: an input
  std::vector<uint8_t> known_;     // per value: kept, an input that is read, or computed again
  KeptValues kept_;
};

}  // namespace

KeptValues choose_kept(const Trace& body, const std::vector<uint8_t>& read) {
  Chooser chooser(body);
  for (const TraceInput& input : body.inputs())
    if (read[input.symbol.get()->value]) chooser.need(input.symbol);
  for (const NodeRef& node : body.nodes())
    for (const Tensor& output : node->outputs)
      if (read[output.get()->value]) chooser.need(output);
  return chooser.finish(body);
}

}  // namespace ranvier::ops
