#include "ops/scan_hoist.h"

#include <algorithm>
#include <string_view>

#include "ops/support.h"

namespace ranvier::ops {
namespace {

constexpr size_t kLargerResult = 4;  // times the bytes of the constant

// What a value of the body depends on. Constants do not change from step to step; slices are those
// that one call can make for all steps; steps are all others.
enum class Source : uint8_t { Nothing, Constants, Slices, Steps };

struct Origin {
  Source source = Source::Nothing;
  bool product = false;  // of slices with constants
};

bool is_pure(const Node& node) {
  const Traits& traits = node.op->traits;
  const bool has_body =
      std::any_of(node.attrs.items().begin(), node.attrs.items().end(),
                  [](const auto& item) { return std::holds_alternative<Body>(item.second); });
  return !traits.effect && !traits.guard && !traits.calls_back && !has_body && !node.remat;
}

class Hoister {
 public:
  explicit Hoister(Loop& loop)
      : loop_(loop),
        whole_body_(loop.body),
        body_(*whole_body_),
        origins_(body_.value_count()),
        producers_(body_.value_count()),
        whole_(body_.value_count()) {
    const auto& inputs = body_.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const size_t first_constant = loop.n_carry + loop.n_xs;
      origins_[number(inputs[i].symbol)].source = i < loop.n_carry     ? Source::Steps
                                                  : i < first_constant ? Source::Slices
                                                                       : Source::Constants;
      if (i >= loop.n_carry) whole_[number(inputs[i].symbol)] = loop.operands[i];
    }
    for (const NodeRef& node : body_.nodes()) {
      const Origin origin = origin_of(*node);
      for (const Tensor& output : node->outputs) {
        origins_[number(output)] = origin;
        producers_[number(output)] = node.get();
      }
    }
  }

  void run() {
    const Tensors hoisted = choose();
    if (hoisted.empty()) return;
    Tensors carry, slices, constants;
    for (const TraceInput& input : body_.inputs())
      list_of(input.symbol, carry, slices, constants).push_back(input.symbol);
    for (const Tensor& value : hoisted) list_of(value, carry, slices, constants).push_back(value);
    Tensors inputs = carry;
    inputs.insert(inputs.end(), slices.begin(), slices.end());
    inputs.insert(inputs.end(), constants.begin(), constants.end());
    loop_.operands.resize(loop_.n_carry);
    const std::vector<uint8_t> read = read_by(*body_.part(inputs, body_.outputs()));
    loop_.n_xs = 0;
    Tensors kept = carry;
    for (size_t i = loop_.n_carry; i < inputs.size(); ++i) {
      if (!read[number(inputs[i])]) continue;
      kept.push_back(inputs[i]);
      loop_.operands.push_back(of_all_steps(inputs[i]));
      loop_.n_xs += origin(inputs[i]).source == Source::Slices;
    }
    loop_.body = body_.part(kept, body_.outputs());
  }

 private:
  static size_t number(const Tensor& symbol) { return symbol.get()->value; }

  Origin origin(const Tensor& t) const {
    if (t.is_symbol()) return origins_[number(t)];
    return {t.rank() ? Source::Constants : Source::Nothing};
  }

  Origin origin_of(const Node& node) const {
    Origin result;
    for (const Tensor& input : node.inputs) {
      result.source = std::max(result.source, origin(input).source);
      result.product |= origin(input).product;
    }
    if (!is_pure(node)) return {Source::Steps};
    if (result.source != Source::Slices) return {result.source};
    const std::string_view op = node.op->name;
    if (op == "matmul") {
      result.product = true;
      if (multiplies_rows(node)) return result;
    } else if (op == "reshape" || (node.op->traits.pointwise && keeps_axes(node))) {
      return result;
    }
    return {Source::Steps};
  }

  // x_t W of so few rows that what all steps make of it takes no memory to speak of.
  bool multiplies_rows(const Node& node) const {
    return origin(node.inputs[0]).source == Source::Slices && !node.attrs.flag("trans_a", false) &&
           origin(node.inputs[1]).source < Source::Slices && node.inputs[1].rank() == 2 &&
           node.outputs[0].spec().bytes() <= kLargerResult * node.inputs[1].spec().bytes();
  }

  // Broadcasting then leaves a leading axis of slices alone.
  bool keeps_axes(const Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Tensor& t) {
      return origin(t).source < Source::Slices || t.rank() == node.outputs[0].rank();
    });
  }

  bool worth_hoisting(const Node& node) const {
    const Origin made = origin(node.outputs[0]);
    if (made.source == Source::Slices) return made.product;
    if (made.source != Source::Constants) return false;
    size_t before = 0, after = 0;
    for (const Tensor& input : node.inputs) before += input.spec().bytes();
    for (const Tensor& output : node.outputs) after += output.spec().bytes();
    return after <= before;
  }

  // From the results back: what the loop needs is hoisted or, where that does not pay, made in it
  // from its operands.
  Tensors choose() const {
    std::vector<uint8_t> needed(body_.value_count(), 0);
    const auto need = [&](const Tensor& t) {
      if (t.is_symbol()) needed[number(t)] = 1;
    };
    for (const Tensor& output : body_.outputs()) need(output);
    Tensors hoisted;
    for (size_t i = body_.nodes().size(); i-- > 0;) {
      const Node& node = *body_.nodes()[i];
      const Traits& traits = node.op->traits;
      Tensors wanted;
      for (const Tensor& output : node.outputs)
        if (needed[number(output)]) wanted.push_back(output);
      if (wanted.empty() && !traits.effect && !traits.guard) continue;
      if (!wanted.empty() && worth_hoisting(node))
        hoisted.insert(hoisted.end(), wanted.begin(), wanted.end());
      else
        std::for_each(node.inputs.begin(), node.inputs.end(), need);
    }
    std::reverse(hoisted.begin(), hoisted.end());
    return hoisted;
  }

  Tensors& list_of(const Tensor& value, Tensors& carry, Tensors& slices, Tensors& constants) const {
    const Source source = origin(value).source;
    return source == Source::Steps ? carry : source == Source::Slices ? slices : constants;
  }

  static std::vector<uint8_t> read_by(const Trace& body) {
    std::vector<uint8_t> read(body.value_count(), 0);
    const auto mark = [&](const Tensor& t) {
      if (t.is_symbol()) read[number(t)] = 1;
    };
    for (const NodeRef& node : body.nodes())
      std::for_each(node->inputs.begin(), node->inputs.end(), mark);
    std::for_each(body.outputs().begin(), body.outputs().end(), mark);
    return read;
  }

  // The value outside the loop: a constant, or the slices of all steps.
  Tensor of_all_steps(const Tensor& value) {
    if (!value.is_symbol()) return value;
    if (whole_[number(value)]) return whole_[number(value)];
    const Node& node = *producers_[number(value)];
    Tensors operands;
    for (const Tensor& input : node.inputs) operands.push_back(of_all_steps(input));
    const SiteScope scope(node.site);
    Attrs attrs = node.attrs;
    if (origin(value).source == Source::Slices && attrs.has("shape"))
      attrs.set("shape", with_steps(node.outputs[0].shape(), operands[0].shape()[0]));
    const Tensors results = apply(*node.op, std::move(operands), std::move(attrs));
    for (size_t i = 0; i < results.size(); ++i) whole_[number(node.outputs[i])] = results[i];
    return whole_[number(value)];
  }

  static Ints with_steps(const Shape& shape, int64_t steps) {
    Ints result{steps};
    result.insert(result.end(), shape.begin(), shape.end());
    return result;
  }

  Loop& loop_;
  const TraceRef whole_body_;
  const Trace& body_;
  std::vector<Origin> origins_;
  std::vector<const Node*> producers_;
  Tensors whole_;  // per value: outside the loop
};

}  // namespace

void hoist(Loop& loop) { Hoister(loop).run(); }

}  // namespace ranvier::ops
