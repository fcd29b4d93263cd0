// Element-wise primitives: one row per micro-op, with its gradient. Shapes broadcast as in NumPy;
// what an op accepts is in the micro-op table of the kernels.

#include <cmath>
#include <numbers>

#include "kernels/cpu/pointwise/direct.h"
#include "ops/support.h"

namespace ranvier::ops {
namespace {

using kernels::PwOp;
using kernels::PwRule;

// What a gradient formula may use: inputs x, output y and its gradient dy.
struct Point {
  TensorSpan x;
  const Tensor& y;
  const Tensor& dy;
  const Attrs& attrs;
};
// Gradient of input i, of the broadcast shape; a null Tensor: none.
using PointGrad = Tensor (*)(const Point& p, size_t i);

struct Row {
  const char* name;
  PwOp op;
  PointGrad grad;
};

const OpRecord& record_of(PwOp op);

Tensor pw(PwOp op, Tensors inputs) { return apply1(record_of(op), std::move(inputs)); }

Tensor zero_where_not(const Tensor& condition, const Tensor& x) {
  return where(condition, x, constant_like(x, 0));
}

// --- gradients ---

Tensor none(const Point&, size_t) { return {}; }

Tensor grad_power(const Point& p, size_t i) {
  const Tensor &a = p.x[0], &b = p.x[1];
  if (i == 0) {
    // Written so that a = 0 with b = 0 gives 0, not 0 · ∞.
    const Tensor safe = where(equal(b, constant_like(b, 0)), constant_like(b, 1), shift(b, -1));
    return mul(p.dy, mul(b, power(a, safe)));
  }
  const Tensor positive = greater(a, constant_like(a, 0));
  return mul(p.dy, mul(p.y, log(where(positive, a, constant_like(a, 1)))));
}

// Ties share the gradient; with {strict} there is none.
Tensor grad_extremum(const Point& p, size_t i) {
  if (p.attrs.flag("strict", false)) return zero_where_not(not_equal(p.y, p.x[1 - i]), p.dy);
  const Tensor half = scale(p.dy, 0.5);
  const Tensor chosen = zero_where_not(equal(p.x[i], p.y), p.dy);
  return where(equal(p.x[0], p.x[1]), half, chosen);
}

// At 0 that of x, as Keras has it on JAX.
Tensor grad_absolute(const Point& p, size_t) {
  return where(greater_equal(p.x[0], constant_like(p.x[0], 0)), p.dy, neg(p.dy));
}

Tensor grad_arctan2(const Point& p, size_t i) {
  const Tensor scaled = div(p.dy, add(square(p.x[0]), square(p.x[1])));
  return i == 0 ? mul(scaled, p.x[1]) : neg(mul(scaled, p.x[0]));
}

Tensor grad_where(const Point& p, size_t i) {
  const Tensor zero = constant_like(p.dy, 0);
  return i == 1 ? where(p.x[0], p.dy, zero) : where(p.x[0], zero, p.dy);
}

Tensor grad_sigmoid_grad(const Point& p, size_t i) {
  const Tensor& y = p.x[0];
  if (i == 1) return pw(PwOp::SigmoidGrad, {y, p.dy});
  return mul(mul(p.dy, p.x[1]), shift(scale(y, -2), 1));
}

Tensor grad_tanh_grad(const Point& p, size_t i) {
  const Tensor& y = p.x[0];
  if (i == 1) return pw(PwOp::TanhGrad, {y, p.dy});
  return mul(mul(p.dy, p.x[1]), scale(y, -2));
}

// silu'' = s (1 - s) (2 + x (1 - 2 s)), s = sigmoid(x).
Tensor grad_silu_grad(const Point& p, size_t i) {
  const Tensor& x = p.x[0];
  if (i == 1) return pw(PwOp::SiluGrad, {x, p.dy});
  const Tensor s = sigmoid(x);
  const Tensor slope = mul(s, shift(neg(s), 1));
  const Tensor bend = shift(mul(x, shift(scale(s, -2), 1)), 2);
  return mul(mul(p.dy, p.x[1]), mul(slope, bend));
}

// gelu'' = φ(x) (2 - x²), φ the normal density.
Tensor grad_gelu_grad(const Point& p, size_t i) {
  const Tensor& x = p.x[0];
  if (i == 1) return pw(PwOp::GeluGrad, {x, p.dy});
  const Tensor x2 = square(x);
  const double density = 1 / std::sqrt(2 * std::numbers::pi);
  const Tensor second = mul(scale(exp(scale(x2, -0.5)), density), shift(neg(x2), 2));
  return mul(mul(p.dy, p.x[1]), second);
}

// y'' = (1 - t²) (u' + x/2 (u'' - 2 t u'²)), t = tanh(u), u = c (x + a x³).
Tensor grad_gelu_tanh_grad(const Point& p, size_t i) {
  const Tensor& x = p.x[0];
  if (i == 1) return pw(PwOp::GeluTanhGrad, {x, p.dy});
  const double c = std::sqrt(2 / std::numbers::pi), a = 0.044715;
  const Tensor x2 = square(x);
  const Tensor t = tanh(mul(x, shift(scale(x2, c * a), c)));
  const Tensor slope = shift(scale(x2, 3 * c * a), c);
  const Tensor bend = sub(scale(x, 6 * c * a), scale(mul(t, square(slope)), 2));
  const Tensor second = mul(shift(neg(square(t)), 1), add(slope, mul(scale(x, 0.5), bend)));
  return mul(mul(p.dy, p.x[1]), second);
}

Tensor grad_leaky_relu(const Point& p, size_t i) {
  if (i == 0) return pw(PwOp::LeakyReluGrad, {p.x[0], p.dy, p.x[1]});
  return zero_where_not(less(p.x[0], constant_like(p.x[0], 0)), mul(p.x[0], p.dy));
}

Tensor grad_leaky_relu_grad(const Point& p, size_t i) {
  if (i == 0) return {};
  if (i == 1) return pw(PwOp::LeakyReluGrad, {p.x[0], p.dy, p.x[2]});
  return zero_where_not(less(p.x[0], constant_like(p.x[0], 0)), mul(p.x[1], p.dy));
}

Tensor grad_elu(const Point& p, size_t i) {
  if (i == 0) return pw(PwOp::EluGrad, {p.x[0], p.dy, p.x[1]});
  const Tensor negative = less(p.x[0], constant_like(p.x[0], 0));
  return mul(p.dy, pw(PwOp::Expm1, {zero_where_not(negative, p.x[0])}));
}

Tensor grad_elu_grad(const Point& p, size_t i) {
  if (i == 1) return pw(PwOp::EluGrad, {p.x[0], p.dy, p.x[2]});
  const Tensor negative = less(p.x[0], constant_like(p.x[0], 0));
  const Tensor growth = mul(mul(p.dy, p.x[1]), exp(zero_where_not(negative, p.x[0])));
  return zero_where_not(negative, i == 0 ? mul(growth, p.x[2]) : growth);
}

// With {ties} x shares the gradient with a bound that it equals, as in minimum(maximum(x, low),
// high).
Tensor grad_clip(const Point& p, size_t i) {
  const Tensor &x = p.x[0], &low = p.x[1], &high = p.x[2];
  if (p.attrs.flag("ties", false)) {
    const Tensor larger = maximum(x, low);
    const Tensor first[] = {x, low}, second[] = {larger, high};
    if (i == 2) return grad_extremum({second, p.y, p.dy, p.attrs}, 1);
    return grad_extremum({first, larger, grad_extremum({second, p.y, p.dy, p.attrs}, 0), p.attrs},
                         i);
  }
  if (i == 0) return zero_where_not(logical_and(greater_equal(x, low), less_equal(x, high)), p.dy);
  if (i == 1) return zero_where_not(logical_and(less(x, low), less(low, high)), p.dy);
  return zero_where_not(greater(maximum(x, low), high), p.dy);
}

#define RV_GRAD(formula)                   \
  [](const Point& p, size_t i) -> Tensor { \
    (void)i;                               \
    return formula;                        \
  }

const double kTwoOverRootPi = 2 / std::sqrt(std::numbers::pi);

const Row kRows[] = {
    {"add", PwOp::Add, RV_GRAD(p.dy)},
    {"subtract", PwOp::Sub, RV_GRAD(i == 0 ? p.dy : neg(p.dy))},
    {"multiply", PwOp::Mul, RV_GRAD(mul(p.dy, p.x[1 - i]))},
    {"divide", PwOp::Div, RV_GRAD(i == 0 ? div(p.dy, p.x[1]) : neg(mul(p.dy, div(p.y, p.x[1]))))},
    {"floor_divide", PwOp::FloorDiv, none},
    {"mod", PwOp::Mod, RV_GRAD(i == 0 ? p.dy : neg(mul(p.dy, floor_divide(p.x[0], p.x[1]))))},
    {"power", PwOp::Pow, grad_power},
    {"minimum", PwOp::Min, grad_extremum},
    {"maximum", PwOp::Max, grad_extremum},
    {"arctan2", PwOp::Atan2, grad_arctan2},
    {"equal", PwOp::Equal, none},
    {"not_equal", PwOp::NotEqual, none},
    {"less", PwOp::Less, none},
    {"less_equal", PwOp::LessEqual, none},
    {"greater", PwOp::Greater, none},
    {"greater_equal", PwOp::GreaterEqual, none},
    {"logical_and", PwOp::LogicalAnd, none},
    {"logical_or", PwOp::LogicalOr, none},
    {"logical_xor", PwOp::LogicalXor, none},
    {"logical_not", PwOp::LogicalNot, none},
    {"bitwise_and", PwOp::BitAnd, none},
    {"bitwise_or", PwOp::BitOr, none},
    {"bitwise_xor", PwOp::BitXor, none},
    {"bitwise_not", PwOp::BitNot, none},
    {"left_shift", PwOp::ShiftLeft, none},
    {"right_shift", PwOp::ShiftRight, none},
    {"where", PwOp::Select, grad_where},
    {"negative", PwOp::Neg, RV_GRAD(neg(p.dy))},
    {"absolute", PwOp::Abs, grad_absolute},
    {"sign", PwOp::Sign, none},
    {"floor", PwOp::Floor, none},
    {"ceil", PwOp::Ceil, none},
    {"round", PwOp::Round, none},
    {"trunc", PwOp::Trunc, none},
    {"exp", PwOp::Exp, RV_GRAD(mul(p.dy, p.y))},
    {"expm1", PwOp::Expm1, RV_GRAD(mul(p.dy, shift(p.y, 1)))},
    {"exp2", PwOp::Exp2, RV_GRAD(mul(p.dy, scale(p.y, std::numbers::ln2)))},
    {"log", PwOp::Log, RV_GRAD(div(p.dy, p.x[0]))},
    {"log1p", PwOp::Log1p, RV_GRAD(div(p.dy, shift(p.x[0], 1)))},
    {"log2", PwOp::Log2, RV_GRAD(div(p.dy, scale(p.x[0], std::numbers::ln2)))},
    {"log10", PwOp::Log10, RV_GRAD(div(p.dy, scale(p.x[0], std::numbers::ln10)))},
    {"sqrt", PwOp::Sqrt, RV_GRAD(div(scale(p.dy, 0.5), p.y))},
    {"rsqrt", PwOp::Rsqrt, RV_GRAD(mul(scale(p.dy, -0.5), mul(square(p.y), p.y)))},
    {"square", PwOp::Square, RV_GRAD(mul(p.dy, scale(p.x[0], 2)))},
    {"reciprocal", PwOp::Reciprocal, RV_GRAD(neg(mul(p.dy, square(p.y))))},
    {"sin", PwOp::Sin, RV_GRAD(mul(p.dy, cos(p.x[0])))},
    {"cos", PwOp::Cos, RV_GRAD(neg(mul(p.dy, sin(p.x[0]))))},
    {"tan", PwOp::Tan, RV_GRAD(mul(p.dy, shift(square(p.y), 1)))},
    {"arcsin", PwOp::Asin, RV_GRAD(mul(p.dy, rsqrt(shift(neg(square(p.x[0])), 1))))},
    {"arccos", PwOp::Acos, RV_GRAD(neg(mul(p.dy, rsqrt(shift(neg(square(p.x[0])), 1)))))},
    {"arctan", PwOp::Atan, RV_GRAD(div(p.dy, shift(square(p.x[0]), 1)))},
    {"sinh", PwOp::Sinh, RV_GRAD(mul(p.dy, cosh(p.x[0])))},
    {"cosh", PwOp::Cosh, RV_GRAD(mul(p.dy, sinh(p.x[0])))},
    {"tanh", PwOp::Tanh, RV_GRAD(pw(PwOp::TanhGrad, {p.y, p.dy}))},
    {"arcsinh", PwOp::Asinh, RV_GRAD(mul(p.dy, rsqrt(shift(square(p.x[0]), 1))))},
    {"arccosh", PwOp::Acosh, RV_GRAD(mul(p.dy, rsqrt(shift(square(p.x[0]), -1))))},
    {"arctanh", PwOp::Atanh, RV_GRAD(div(p.dy, shift(neg(square(p.x[0])), 1)))},
    {"erf", PwOp::Erf, RV_GRAD(mul(p.dy, scale(exp(neg(square(p.x[0]))), kTwoOverRootPi)))},
    {"erfc", PwOp::Erfc, RV_GRAD(mul(p.dy, scale(exp(neg(square(p.x[0]))), -kTwoOverRootPi)))},
    {"erfinv", PwOp::Erfinv, RV_GRAD(mul(p.dy, scale(exp(square(p.y)), 1 / kTwoOverRootPi)))},
    {"sigmoid", PwOp::Sigmoid, RV_GRAD(pw(PwOp::SigmoidGrad, {p.y, p.dy}))},
    {"softplus", PwOp::Softplus, RV_GRAD(mul(p.dy, sigmoid(p.x[0])))},
    {"relu", PwOp::Relu, RV_GRAD(pw(PwOp::ReluGrad, {p.x[0], p.dy}))},
    {"gelu", PwOp::Gelu, RV_GRAD(pw(PwOp::GeluGrad, {p.x[0], p.dy}))},
    {"gelu_tanh", PwOp::GeluTanh, RV_GRAD(pw(PwOp::GeluTanhGrad, {p.x[0], p.dy}))},
    {"silu", PwOp::Silu, RV_GRAD(pw(PwOp::SiluGrad, {p.x[0], p.dy}))},
    {"isnan", PwOp::IsNan, none},
    {"isinf", PwOp::IsInf, none},
    {"isfinite", PwOp::IsFinite, none},
    {"relu_grad", PwOp::ReluGrad, RV_GRAD(i == 0 ? Tensor() : pw(PwOp::ReluGrad, {p.x[0], p.dy}))},
    {"sigmoid_grad", PwOp::SigmoidGrad, grad_sigmoid_grad},
    {"tanh_grad", PwOp::TanhGrad, grad_tanh_grad},
    {"gelu_grad", PwOp::GeluGrad, grad_gelu_grad},
    {"gelu_tanh_grad", PwOp::GeluTanhGrad, grad_gelu_tanh_grad},
    {"silu_grad", PwOp::SiluGrad, grad_silu_grad},
    {"leaky_relu", PwOp::LeakyRelu, grad_leaky_relu},
    {"leaky_relu_grad", PwOp::LeakyReluGrad, grad_leaky_relu_grad},
    {"elu", PwOp::Elu, grad_elu},
    {"elu_grad", PwOp::EluGrad, grad_elu_grad},
    {"clip", PwOp::Clip, grad_clip},
};
#undef RV_GRAD
constexpr size_t kCount = std::size(kRows);

size_t row_index(PwOp op);

// --- inference ---

std::string accepted_types(uint8_t types) {
  std::string text;
  for (const auto& [mask, name] :
       {std::pair{kernels::kPwF, "floating"}, std::pair{kernels::kPwI, "integer"},
        std::pair{kernels::kPwB, "bool"}}) {
    if (types & mask) text += (text.empty() ? "" : " or ") + std::string(name);
  }
  return text;
}

Specs infer_pointwise(const InferArgs& args) {
  const kernels::PwOpInfo& info = kernels::info_of(args.op.micro_op);
  expect_count(args, info.arity);
  const size_t first = info.rule == PwRule::Select ? 1 : 0;
  expect_same_dtype(args, first);
  if (first == 1 && args.inputs[0].dtype != DType::Bool)
    fail<DTypeError>(args.op.name, ": the condition has a wrong dtype. Expected bool. Received: ",
                     args.inputs[0].str());
  const DType dtype = args.inputs[first].dtype;
  if (!(info.types >> static_cast<int>(kernels::register_of(dtype)) & 1))
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected ", accepted_types(info.types),
                     " dtype. Received: ", args.inputs[first].str(), ". Hint: ops.cast");
  Shape shape = args.inputs[0].shape;
  for (size_t i = 1; i < args.inputs.size(); ++i) {
    if (args.inputs[i].shape != shape) shape = broadcast(args.op.name, shape, args.inputs[i].shape);
  }
  return {{info.rule == PwRule::Bool ? DType::Bool : dtype, shape}};
}

Tensors vjp_pointwise(const VjpArgs& args) {
  const Node& node = args.node;
  const PointGrad grad_of = kRows[row_index(node.op->micro_op)].grad;
  Tensors results(node.inputs.size());
  if (!is_floating(node.outputs[0].dtype())) return results;
  const Point point{node.inputs, node.outputs[0], args.grads[0], node.attrs};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!args.needs[i] || !is_floating(node.inputs[i].dtype())) continue;
    const Tensor grad = grad_of(point, i);
    if (grad) results[i] = unbroadcast(grad, node.inputs[i].shape());
  }
  return results;
}

// --- kernels ---

struct DirectParams {
  kernels::DirectOp op;
  int64_t n = 0;
  bool scalar[3] = {};
};

void run_direct_step(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<DirectParams>(params);
  kernels::run_direct(ctx, p.op, slots.out[0], slots.in, p.scalar, p.n);
}

void run_program_step(const Context& ctx, const Slots& slots, const void* params) noexcept {
  kernels::run_pointwise(ctx, as<kernels::PointwiseProgram>(params), slots.in, slots.out,
                         slots.shared, slots.worker, slots.worker_stride);
}

Kernel prepare_pointwise(const PrepareArgs& args) {
  const PwOp op = args.op.micro_op;
  const TypeSpec& out = args.outputs[0];
  const size_t arity = args.inputs.size();
  DirectParams direct;
  direct.n = out.size();
  bool fits = arity <= 3 && kernels::is_direct(op, out.dtype);
  for (size_t i = 0; fits && i < arity; ++i) {
    const int64_t size = args.inputs[i].size();
    direct.scalar[i] = size == 1 && direct.n != 1;
    fits = size == direct.n || size == 1;
  }
  if (fits) {
    direct.op = kernels::prepare_direct(op, args.inputs[arity == 3 ? 1 : 0].dtype);
    return make_kernel(run_direct_step, direct, {}, traffic(args, static_cast<double>(direct.n)),
                       "direct");
  }
  kernels::ProgramBuilder builder(out.shape);
  std::vector<kernels::PwValue> operands;
  for (const TypeSpec& spec : args.inputs)
    operands.push_back(builder.input(spec.dtype, spec.shape));
  builder.output(builder.op(op, operands));
  kernels::PointwiseProgram program = builder.build();
  const kernels::Scratch scratch = program.scratch;
  const kernels::Cost cost = program.cost;
  return make_kernel(run_program_step, std::move(program), scratch, cost, "broadcast");
}

// --- cast ---

Specs infer_cast(const InferArgs& args) {
  expect_count(args, 1);
  return {{args.attrs.dtype("dtype"), args.inputs[0].shape}};
}

Tensors vjp_cast(const VjpArgs& args) {
  const DType from = input(args, 0).dtype();
  if (!is_floating(from) || !is_floating(args.grads[0].dtype())) return {Tensor()};
  return {cast(args.grads[0], from)};
}

struct CastParams {
  DType from, to;
  int64_t n;
};

void run_cast(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<CastParams>(params);
  kernels::convert(ctx, p.from, p.to, slots.in[0], slots.out[0], p.n);
}

Kernel prepare_cast(const PrepareArgs& args) {
  const CastParams params{args.inputs[0].dtype, args.outputs[0].dtype, args.inputs[0].size()};
  return make_kernel(run_cast, params, {}, traffic(args));
}

const OpRecord kCast{.name = "cast",
                     .infer = infer_cast,
                     .vjp = vjp_cast,
                     .prepare = {prepare_cast},
                     .traits = {.pointwise = true},
                     .micro_op = PwOp::Cast};

// --- records ---

OpRecord make_record(const Row& row) {
  OpRecord record{.name = row.name,
                  .infer = infer_pointwise,
                  .vjp = row.grad == none ? no_gradient : vjp_pointwise,
                  .prepare = {prepare_pointwise},
                  .traits = {.pointwise = true, .in_place = 0},
                  .micro_op = row.op};
  if (row.op == PwOp::Select) record.traits.in_place = 1;
  return record;
}

struct Table {
  OpRecord records[kCount];
  const OpRecord* list[kCount];
  size_t row[kernels::kPwOpCount];

  Table() {
    for (size_t i = 0; i < kCount; ++i) {
      records[i] = make_record(kRows[i]);
      list[i] = &records[i];
      row[static_cast<size_t>(kRows[i].op)] = i;
    }
  }
};

const Table& table() {
  static const Table kTable;
  return kTable;
}

size_t row_index(PwOp op) { return table().row[static_cast<size_t>(op)]; }
const OpRecord& record_of(PwOp op) { return table().records[row_index(op)]; }

constexpr const OpRecord* kCastList[] = {&kCast};

}  // namespace

Records pointwise_records() { return table().list; }
Records cast_records() { return kCastList; }

Tensor add(const Tensor& a, const Tensor& b) { return pw(PwOp::Add, {a, b}); }
Tensor sub(const Tensor& a, const Tensor& b) { return pw(PwOp::Sub, {a, b}); }
Tensor mul(const Tensor& a, const Tensor& b) { return pw(PwOp::Mul, {a, b}); }
Tensor div(const Tensor& a, const Tensor& b) { return pw(PwOp::Div, {a, b}); }
Tensor floor_divide(const Tensor& a, const Tensor& b) { return pw(PwOp::FloorDiv, {a, b}); }
Tensor mod(const Tensor& a, const Tensor& b) { return pw(PwOp::Mod, {a, b}); }
Tensor power(const Tensor& a, const Tensor& b) { return pw(PwOp::Pow, {a, b}); }
Tensor maximum(const Tensor& a, const Tensor& b) { return pw(PwOp::Max, {a, b}); }
Tensor minimum(const Tensor& a, const Tensor& b) { return pw(PwOp::Min, {a, b}); }
Tensor equal(const Tensor& a, const Tensor& b) { return pw(PwOp::Equal, {a, b}); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return pw(PwOp::NotEqual, {a, b}); }
Tensor less(const Tensor& a, const Tensor& b) { return pw(PwOp::Less, {a, b}); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return pw(PwOp::LessEqual, {a, b}); }
Tensor greater(const Tensor& a, const Tensor& b) { return pw(PwOp::Greater, {a, b}); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return pw(PwOp::GreaterEqual, {a, b}); }
Tensor logical_and(const Tensor& a, const Tensor& b) { return pw(PwOp::LogicalAnd, {a, b}); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return pw(PwOp::LogicalOr, {a, b}); }
Tensor logical_not(const Tensor& x) { return pw(PwOp::LogicalNot, {x}); }
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return pw(PwOp::Select, {condition, a, b});
}
Tensor neg(const Tensor& x) { return pw(PwOp::Neg, {x}); }
Tensor abs(const Tensor& x) { return pw(PwOp::Abs, {x}); }
Tensor sign(const Tensor& x) { return pw(PwOp::Sign, {x}); }
Tensor exp(const Tensor& x) { return pw(PwOp::Exp, {x}); }
Tensor log(const Tensor& x) { return pw(PwOp::Log, {x}); }
Tensor sqrt(const Tensor& x) { return pw(PwOp::Sqrt, {x}); }
Tensor rsqrt(const Tensor& x) { return pw(PwOp::Rsqrt, {x}); }
Tensor square(const Tensor& x) { return pw(PwOp::Square, {x}); }
Tensor reciprocal(const Tensor& x) { return pw(PwOp::Reciprocal, {x}); }
Tensor sin(const Tensor& x) { return pw(PwOp::Sin, {x}); }
Tensor cos(const Tensor& x) { return pw(PwOp::Cos, {x}); }
Tensor sinh(const Tensor& x) { return pw(PwOp::Sinh, {x}); }
Tensor cosh(const Tensor& x) { return pw(PwOp::Cosh, {x}); }
Tensor tanh(const Tensor& x) { return pw(PwOp::Tanh, {x}); }
Tensor erf(const Tensor& x) { return pw(PwOp::Erf, {x}); }
Tensor sigmoid(const Tensor& x) { return pw(PwOp::Sigmoid, {x}); }
Tensor relu(const Tensor& x) { return pw(PwOp::Relu, {x}); }

Tensor cast(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : apply1(kCast, {x}, {{"dtype", dtype}});
}
Tensor scale(const Tensor& x, double factor) { return mul(x, constant_like(x, factor)); }
Tensor shift(const Tensor& x, double offset) { return add(x, constant_like(x, offset)); }
Tensor constant_like(const Tensor& x, double value) { return Tensor::full(x.dtype(), {}, value); }

}  // namespace ranvier::ops
