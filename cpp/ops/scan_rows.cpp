#include "ops/scan_rows.h"

#include <string_view>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

// Each term is an op of its own after the loop; sums that meet themselves again have many.
constexpr size_t kMostTerms = 32;

bool sums_rows(const Node& node) {
  const std::string_view op = node.op->name;
  if (op == "sum" || op == "conv_grad_filter") return true;
  return op == "matmul" && node.attrs.flag("trans_a", false) &&
         !node.attrs.flag("trans_b", false) && node.inputs[0].rank() == 2 &&
         node.inputs[1].rank() == 2;
}

bool collect(const Trace& step, const Tensor& value, std::vector<const Node*>& terms) {
  for (const NodeRef& node : step.nodes()) {
    if (!(node->outputs[0] == value)) continue;
    if (sums_rows(*node)) {
      terms.push_back(node.get());
      return terms.size() <= kMostTerms;
    }
    return std::string_view(node->op->name) == "add" &&
           node->inputs[0].shape() == node->inputs[1].shape() &&
           collect(step, node->inputs[0], terms) && collect(step, node->inputs[1], terms);
  }
  return false;
}

// (steps, rows, ...) as (steps * rows, ...)
Tensor joined_rows(const Tensor& stacked) {
  const Shape& shape = stacked.shape();
  return reshape(stacked, shape.erase(0).erase(0).insert(0, shape[0] * shape[1]));
}

}  // namespace

std::vector<const Node*> row_terms(const Trace& step, const Tensor& gradient) {
  std::vector<const Node*> terms;
  if (!collect(step, gradient, terms)) terms.clear();
  return terms;
}

Tensor over_all_steps(const Node& node, TensorSpan stacked) {
  const SiteScope scope(node.site);
  if (std::string_view(node.op->name) != "sum")
    return apply1(*node.op, {joined_rows(stacked[0]), joined_rows(stacked[1])}, node.attrs);
  Ints axes{0};
  for (const int axis : axes_attr("sum", node.attrs, node.inputs[0].rank()))
    axes.push_back(axis + 1);
  const Tensor total = sum(stacked[0], axes);
  return reshape(total, node.outputs[0].shape());  // it may keep the axes as ones
}

}  // namespace ranvier::ops
