// Recording of a pointwise program: type checks, constants, narrow dtypes.

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/rows.h"

namespace ranvier::kernels {
namespace {

// Operations whose result is a value that an operand had already, or that any storage dtype holds.
bool keeps_range(PwOp op) {
  switch (op) {
    case PwOp::Copy:
    case PwOp::Min:
    case PwOp::Max:
    case PwOp::Select:
    case PwOp::Relu:
    case PwOp::ReluGrad:
    case PwOp::Floor:
    case PwOp::Ceil:
    case PwOp::Round:
    case PwOp::Trunc:
    case PwOp::Sign:
    case PwOp::Clip:
      return true;
    default:
      return false;
  }
}

template <class T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

}  // namespace

ProgramBuilder::ProgramBuilder(const Shape& shape) : shape_(shape) {}

PwValue ProgramBuilder::add(Node node) {
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

DType ProgramBuilder::dtype_of(PwValue value) const {
  RV_CHECK(value.id >= 0 && value.id < static_cast<int>(nodes_.size()));
  return nodes_[value.id].dtype;
}

PwValue ProgramBuilder::input(DType dtype, const Shape& shape) {
  RV_CHECK(shape.rank() <= shape_.rank());
  const auto dense = shape.strides();
  std::array<int64_t, kMaxRank> strides{};
  const int lead = shape_.rank() - shape.rank();
  for (int i = 0; i < shape.rank(); ++i) {
    RV_CHECK(shape[i] == shape_[lead + i] || shape[i] == 1);
    strides[lead + i] = shape[i] == 1 ? 0 : dense[i];
  }
  return input_strided(dtype, std::span(strides.data(), static_cast<size_t>(shape_.rank())));
}

PwValue ProgramBuilder::input_strided(DType dtype, std::span<const int64_t> strides) {
  RV_CHECK(static_cast<int>(strides.size()) == shape_.rank());
  Node node{Node::Kind::Input, dtype, register_of(dtype)};
  std::copy(strides.begin(), strides.end(), node.strides.begin());
  return add(std::move(node));
}

PwValue ProgramBuilder::input_rows(DType dtype, int64_t row, std::span<const PwRowPart> parts,
                                   int chain) {
  RV_CHECK((dtype == DType::F32 || dtype == DType::F64) && row > 0 && shape_.size() % row == 0);
  RV_CHECK(!parts.empty() && parts.size() <= RowChain::kMaxParts);
  const PwValue value = input(dtype, shape_);
  Node& node = nodes_[value.id];
  node.row = row;
  node.chain = chain;
  node.parts.assign(parts.begin(), parts.end());
  return value;
}

PwValue ProgramBuilder::input_lookup(DType dtype, const Shape& shape, int64_t row,
                                     int64_t table_rows, DType index_dtype, uint64_t outside) {
  RV_CHECK(row > 1 && table_rows > 0 && shape.size() % row == 0);
  RV_CHECK(index_dtype == DType::I32 || index_dtype == DType::I64);
  const PwValue value = input(dtype, shape);
  Node& node = nodes_[value.id];
  node.row = row;
  node.table_rows = table_rows;
  node.positions = shape.size() / row;
  node.index_dtype = index_dtype;
  node.outside = outside;
  return value;
}

PwValue ProgramBuilder::constant(double value, DType dtype) {
  const RegType type = register_of(dtype);
  if (type != RegType::F32 && type != RegType::F64)
    return constant_int(static_cast<int64_t>(value), dtype);
  Node node{Node::Kind::Constant, dtype, type};
  node.bits = type == RegType::F64 ? bits_of(value) : bits_of(static_cast<float>(value));
  const PwValue plain = add(std::move(node));
  return dtype == DType::F32 || dtype == DType::F64 ? plain : narrowed(plain);
}

PwValue ProgramBuilder::constant_int(int64_t value, DType dtype) {
  const RegType type = register_of(dtype);
  if (type == RegType::F32 || type == RegType::F64)
    return constant(static_cast<double>(value), dtype);
  Node node{Node::Kind::Constant, dtype, type};
  switch (type) {
    case RegType::I32:
      node.bits = bits_of(static_cast<int32_t>(value));
      break;
    case RegType::Bool:
      node.bits = value != 0;
      break;
    default:
      node.bits = bits_of(value);
  }
  const PwValue plain = add(std::move(node));
  return same_layout(dtype) ? plain : narrowed(plain);
}

PwValue ProgramBuilder::narrowed(PwValue value) {
  const Node& from = nodes_[value.id];
  Node node{Node::Kind::Op, from.dtype, from.type, PwOp::Narrow, from.type, {value.id}};
  return add(std::move(node));
}

// In its signed lane an unsigned quotient by 0 is -1 or -2; all bits, the largest value, is -1.
PwValue ProgramBuilder::at_least_minus_one(PwValue quotient) {
  const Node from = nodes_[quotient.id];
  Node least{Node::Kind::Constant, from.dtype, from.type};
  least.bits = from.type == RegType::I32 ? bits_of(int32_t{-1}) : bits_of(int64_t{-1});
  const PwValue bound = add(std::move(least));
  return add(
      {Node::Kind::Op, from.dtype, from.type, PwOp::Max, from.type, {quotient.id, bound.id}});
}

PwValue ProgramBuilder::op(PwOp op, std::span<const PwValue> operands) {
  const PwOpInfo& info = info_of(op);
  RV_CHECK(operands.size() == info.arity && op != PwOp::Cast && op != PwOp::Narrow);
  const size_t first = info.rule == PwRule::Select ? 1 : 0;
  if (first) RV_CHECK(dtype_of(operands[0]) == DType::Bool);
  const DType dtype = dtype_of(operands[first]);
  for (size_t i = first; i < operands.size(); ++i) RV_CHECK(dtype_of(operands[i]) == dtype);
  const RegType type = register_of(dtype);
  RV_CHECK(info.types >> static_cast<int>(type) & 1);

  const bool to_bool = info.rule == PwRule::Bool;
  Node node{Node::Kind::Op, to_bool ? DType::Bool : dtype, to_bool ? RegType::Bool : type, op,
            type};
  for (PwValue operand : operands) node.src.push_back(operand.id);
  PwValue value = add(std::move(node));
  if (op == PwOp::FloorDiv && is_unsigned(dtype) && !same_layout(dtype))
    value = at_least_minus_one(value);
  return to_bool || same_layout(dtype) || keeps_range(op) ? value : narrowed(value);
}

PwValue ProgramBuilder::cast(PwValue value, DType dtype) {
  const DType from = dtype_of(value);
  if (from == dtype) return value;
  const RegType source = register_of(from), target = register_of(dtype);
  PwValue result = value;
  if (source != target) {
    result = add({Node::Kind::Op, dtype, target, PwOp::Cast, source, {value.id}});
    const bool in_range = from == DType::Bool || (is_floating(from) && is_integer(dtype));
    return same_layout(dtype) || in_range ? result : narrowed(result);
  }
  // One register type: only the range may change.
  if (same_layout(dtype))
    return add({Node::Kind::Op, dtype, target, PwOp::Copy, source, {value.id}});
  return add({Node::Kind::Op, dtype, target, PwOp::Narrow, source, {value.id}});
}

int ProgramBuilder::output(PwValue value) {
  RV_CHECK(value.id >= 0 && value.id < static_cast<int>(nodes_.size()));
  RV_CHECK(outputs_.size() < 64);
  outputs_.push_back(value.id);
  return static_cast<int>(outputs_.size()) - 1;
}

int ProgramBuilder::reduce(ReduceOp op, PwValue value, std::span<const int> axes, DType dtype) {
  const RegType type = register_of(dtype_of(value));
  const bool logical = op == ReduceOp::Any || op == ReduceOp::All;
  RV_CHECK(register_of(dtype) == type);
  RV_CHECK(logical ? type == RegType::Bool
                   : type != RegType::Bool || op == ReduceOp::Max || op == ReduceOp::Min);
  std::vector<int> sorted(axes.begin(), axes.end());
  std::sort(sorted.begin(), sorted.end());
  RV_CHECK(reductions_.empty() || sorted == axes_);
  axes_ = std::move(sorted);
  reductions_.push_back({op, value.id, dtype});
  return static_cast<int>(reductions_.size()) - 1;
}

int ProgramBuilder::instruction_count() const {
  return static_cast<int>(std::count_if(
      nodes_.begin(), nodes_.end(), [](const Node& node) { return node.kind == Node::Kind::Op; }));
}

int ProgramBuilder::input_count() const {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) {
    return node.kind == Node::Kind::Input;
  }));
}

PointwiseProgram ProgramBuilder::build(Isa isa, Options options) const {
  return ProgramPlanner(*this, isa, options).plan();
}

}  // namespace ranvier::kernels
