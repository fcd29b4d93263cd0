#include "kernels/cpu/pointwise/rich_rules.h"

#include <algorithm>

namespace ranvier::kernels {
namespace {

using Node = ProgramBuilder::Node;

// outer(..., inner(...), ...) -> rich. Operands are numbered: those of inner first, then the other
// operands of outer. `order` lists the operands of rich; `same` names pairs that must be one value.
struct Rule {
  PwOp outer;
  int position;  // of inner among outer's operands; kEither: 0 or 1
  PwOp inner;
  PwOp rich;
  std::array<int, kMaxSources> order;
  std::array<std::array<int, 2>, 2> same;
};
constexpr int kEither = -1;
constexpr std::array<int, 2> kNone = {-1, -1};
constexpr std::array<std::array<int, 2>, 2> kAny = {kNone, kNone};

constexpr Rule kRules[] = {
    // Specific forms before general ones.
    {PwOp::Mul, kEither, PwOp::Sigmoid, PwOp::Silu, {0}, {{{0, 1}, kNone}}},
    {PwOp::Add, kEither, PwOp::SubMul, PwOp::Lerp, {0, 1, 2}, {{{1, 3}, kNone}}},
    {PwOp::MulAdd, kEither, PwOp::MulSub, PwOp::SquareLerp, {0, 2, 3}, {{{0, 1}, {2, 4}}}},
    {PwOp::MulAdd, 2, PwOp::Mul, PwOp::MulAddMul, {2, 3, 0, 1}, kAny},
    {PwOp::MulAdd, 2, PwOp::Square, PwOp::MulAddMul, {1, 2, 0, 0}, kAny},
    {PwOp::MulAdd, 2, PwOp::MulMul, PwOp::MulMulAddMul, {0, 1, 2, 3, 4}, kAny},
    {PwOp::Mul, kEither, PwOp::SubMul, PwOp::SubMulMul, {0, 1, 2, 3}, kAny},
    {PwOp::Add, kEither, PwOp::SubMulMul, PwOp::SubMulMulAdd, {0, 1, 2, 3, 4}, kAny},
    {PwOp::Add, kEither, PwOp::Sqrt, PwOp::SqrtAdd, {0, 1}, kAny},
    {PwOp::Div, 1, PwOp::SqrtAdd, PwOp::SqrtAddDiv, {2, 0, 1}, kAny},
    {PwOp::SqrtAddDiv, 0, PwOp::Mul, PwOp::MulSqrtAddDiv, {0, 1, 2, 3}, kAny},
    {PwOp::Sub, 1, PwOp::MulSqrtAddDiv, PwOp::AdamStep, {0, 1, 2, 3, 4}, kAny},
    {PwOp::Sub, 0, PwOp::Sigmoid, PwOp::SigmoidSub, {0, 1}, kAny},
    {PwOp::Min, 0, PwOp::Max, PwOp::Clip, {0, 1, 2}, kAny},
    {PwOp::Relu, 0, PwOp::Add, PwOp::AddRelu, {0, 1}, kAny},
    {PwOp::Relu, 0, PwOp::MulAdd, PwOp::MulAddRelu, {0, 1, 2}, kAny},
    {PwOp::Add, kEither, PwOp::Mul, PwOp::MulAdd, {0, 1, 2}, kAny},
    {PwOp::Add, kEither, PwOp::Square, PwOp::MulAdd, {0, 0, 1}, kAny},
    {PwOp::Sub, 0, PwOp::Mul, PwOp::MulSub, {0, 1, 2}, kAny},
    {PwOp::Sub, 0, PwOp::Square, PwOp::MulSub, {0, 0, 1}, kAny},
    {PwOp::Sub, 1, PwOp::Mul, PwOp::SubProduct, {0, 1, 2}, kAny},
    {PwOp::Sub, 1, PwOp::Square, PwOp::SubProduct, {0, 0, 1}, kAny},
    {PwOp::Mul, kEither, PwOp::Sub, PwOp::SubMul, {0, 1, 2}, kAny},
    {PwOp::Mul, kEither, PwOp::Add, PwOp::AddMul, {0, 1, 2}, kAny},
    {PwOp::Mul, kEither, PwOp::Mul, PwOp::MulMul, {0, 1, 2}, kAny},
    {PwOp::Mul, kEither, PwOp::Square, PwOp::MulMul, {0, 0, 1}, kAny},
    {PwOp::Add, kEither, PwOp::Add, PwOp::AddAdd, {0, 1, 2}, kAny},
};

bool mergeable(const Node& node) {
  return node.kind == Node::Kind::Op && node.dtype == DType::F32 && node.type == RegType::F32 &&
         node.operand_type == RegType::F32;
}

class Merger {
 public:
  Merger(std::vector<Node>& nodes, const std::vector<bool>& pinned, const std::vector<bool>& scalar)
      : nodes_(nodes), pinned_(pinned), scalar_(scalar), uses_(nodes.size(), 0) {
    for (const Node& node : nodes)
      for (int s : node.src) ++uses_[s];
  }

  // Inner nodes come first, so what a node absorbs has already absorbed its own operands.
  void run() {
    for (size_t i = 0; i < nodes_.size(); ++i)
      while (live(i) && mergeable(nodes_[i]) && merge_one(static_cast<int>(i))) {
      }
  }

 private:
  bool live(size_t i) const { return pinned_[i] || uses_[i] > 0; }

  bool merge_one(int id) {
    for (const Rule& rule : kRules) {
      if (nodes_[id].op != rule.outer) continue;
      const int first = rule.position == kEither ? 0 : rule.position;
      const int last = rule.position == kEither ? 1 : rule.position;
      for (int position = first; position <= last; ++position)
        if (apply(rule, id, position)) return true;
    }
    return false;
  }

  bool apply(const Rule& rule, int id, int position) {
    Node& outer = nodes_[id];
    const int inner_id = outer.src[position];
    const Node& inner = nodes_[inner_id];
    if (!mergeable(inner) || inner.op != rule.inner || pinned_[inner_id] || uses_[inner_id] != 1 ||
        scalar_[inner_id] != scalar_[id])
      return false;
    std::vector<int> operands = inner.src;
    for (int k = 0; k < static_cast<int>(outer.src.size()); ++k)
      if (k != position) operands.push_back(outer.src[k]);
    for (const auto& pair : rule.same)
      if (pair[0] >= 0 && operands[pair[0]] != operands[pair[1]]) return false;

    std::vector<int> chosen(info_of(rule.rich).arity);
    for (size_t k = 0; k < chosen.size(); ++k) chosen[k] = operands[rule.order[k]];
    for (int s : inner.src) --uses_[s];
    for (int s : outer.src) --uses_[s];
    for (int s : chosen) ++uses_[s];
    nodes_[inner_id].src.clear();
    outer.src = std::move(chosen);
    outer.op = rule.rich;
    return true;
  }

  std::vector<Node>& nodes_;
  const std::vector<bool>& pinned_;
  const std::vector<bool>& scalar_;
  std::vector<int> uses_;
};

}  // namespace

void merge_rich(std::vector<Node>& nodes, const std::vector<bool>& pinned,
                const std::vector<bool>& scalar) {
  Merger(nodes, pinned, scalar).run();
}

}  // namespace ranvier::kernels
