// The structured ops: their types. Bodies are closed traces; tensor/control_flow.h makes them, the
// runtime compiles them, control_flow_grad.cpp differentiates them.

#include "ops/control_flow.h"

#include "ops/support.h"

namespace ranvier {
namespace {

PrepareFn g_body_compiler = nullptr;

Kernel prepare_structured(const PrepareArgs& args) {
  if (!g_body_compiler)
    fail<InternalError>(args.op.name, ": the runtime that compiles bodies is not loaded");
  return g_body_compiler(args);
}

void check_body(const InferArgs& args, const Trace& body, std::span<const TypeSpec> operands) {
  bool fits = body.inputs().size() == operands.size();
  for (size_t i = 0; fits && i < operands.size(); ++i)
    fits = body.inputs()[i].symbol.spec() == operands[i];
  if (!fits) fail<InternalError>(args.op.name, ": operands do not match the inputs of the body");
}

Specs infer_call(const InferArgs& args) {
  const Trace& body = *args.attrs.body("body");
  check_body(args, body, args.inputs);
  return specs_of(body.outputs());
}

Specs infer_cond(const InferArgs& args) {
  if (args.inputs.empty() || args.inputs[0] != TypeSpec{DType::Bool, {}})
    fail<DTypeError>("cond: wrong predicate. Expected one bool. Received: ",
                     args.inputs.empty() ? "nothing" : args.inputs[0].str(),
                     ". Hint: compare, or reduce with `any` or `all`");
  const Trace &then_body = *args.attrs.body("then_body"),
              &else_body = *args.attrs.body("else_body");
  check_body(args, then_body, args.inputs.subspan(1));
  check_body(args, else_body, args.inputs.subspan(1));
  const Specs specs = specs_of(then_body.outputs());
  if (specs != specs_of(else_body.outputs()))
    fail<InternalError>("cond: the outputs of the branches differ");
  return specs;
}

Specs infer_while(const InferArgs& args) {
  const Trace& body = *args.attrs.body("body");
  check_body(args, body, args.inputs);
  check_body(args, *args.attrs.body("cond_body"), args.inputs);
  const auto carry = args.inputs.first(static_cast<size_t>(args.attrs.integer("n_carry")));
  const Specs specs(carry.begin(), carry.end());
  if (specs != specs_of(body.outputs()))
    fail<InternalError>("while: the body changes the types of the carry");
  return specs;
}

Specs infer_scan(const InferArgs& args) {
  const Trace& body = *args.attrs.body("body");
  const auto n_carry = static_cast<size_t>(args.attrs.integer("n_carry"));
  const auto n_xs = static_cast<size_t>(args.attrs.integer("n_xs"));
  const int64_t length = args.attrs.integer("length");
  Specs operands(args.inputs.begin(), args.inputs.end());
  for (size_t i = n_carry; i < n_carry + n_xs; ++i) {
    Shape& shape = operands[i].shape;
    if (shape.rank() == 0 || shape[0] != length)
      fail<ShapeError>("scan: a sequence of a wrong length. Expected ", length,
                       " steps. Received: shape ", shape.str());
    shape = shape.erase(0);
  }
  check_body(args, body, operands);
  Specs specs = specs_of(body.outputs());
  for (size_t i = 0; i < specs.size(); ++i) {
    if (i >= n_carry)
      specs[i].shape = specs[i].shape.insert(0, length);
    else if (specs[i] != args.inputs[i])
      fail<InternalError>("scan: the body changes the types of the carry");
  }
  return specs;
}

}  // namespace

void set_body_compiler(PrepareFn prepare) { g_body_compiler = prepare; }

namespace ops {

const OpRecord kCall{
    .name = "call", .infer = infer_call, .vjp = vjp_call, .prepare = {prepare_structured}};
const OpRecord kCond{
    .name = "cond", .infer = infer_cond, .vjp = vjp_cond, .prepare = {prepare_structured}};
const OpRecord kWhile{
    .name = "while", .infer = infer_while, .vjp = vjp_while, .prepare = {prepare_structured}};
const OpRecord kScan{
    .name = "scan", .infer = infer_scan, .vjp = vjp_scan, .prepare = {prepare_structured}};

Records control_flow_records() {
  static constexpr const OpRecord* kList[] = {&kCall, &kCond, &kWhile, &kScan};
  return kList;
}

}  // namespace ops
}  // namespace ranvier
