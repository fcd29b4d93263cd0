// The text of a program.

#include <bit>
#include <sstream>

#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {
namespace {

const char* name_of(OperandKind kind) {
  constexpr const char* kNames[] = {"full", "scalar", "periodic", "strided", "rows", "lookup"};
  return kNames[static_cast<int>(kind)];
}

void write_constant(std::ostringstream& out, const PwConstant& constant) {
  switch (constant.type) {
    case RegType::F32:
      out << std::bit_cast<float>(static_cast<uint32_t>(constant.bits[0]));
      break;
    case RegType::F64:
      out << std::bit_cast<double>(constant.bits[0]);
      break;
    case RegType::U64:
      out << constant.bits[0];
      break;
    case RegType::I32:
      out << static_cast<int32_t>(constant.bits[0]);
      break;
    case RegType::I64:
      out << static_cast<int64_t>(constant.bits[0]);
      break;
    case RegType::Bool:
      out << (constant.bits[0] ? "true" : "false");
      break;
  }
}

void write_parts(std::ostringstream& out, const PwInput& input) {
  out << " chain " << input.chain << " of ";
  for (size_t k = 0; k < input.parts.size(); ++k) {
    const PwRowPart& part = input.parts[k];
    out << (k ? " + " : "") << (part.scaled ? "scaled " : "") << part.count;
    if (part.repeat != 1) out << "/" << part.repeat;
    out << "x" << input.row;
  }
}

void write_instruction(std::ostringstream& out, const PwInstr& instr) {
  out << "%" << int{instr.dst} << " = " << info_of(instr.op).name << " " << name_of(instr.result);
  for (int k = 0; k < instr.arity; ++k) out << " %" << int{instr.src[k]};
  if (instr.op == PwOp::Narrow) out << " to " << ranvier::name_of(instr.narrow);
  out << "\n";
}

}  // namespace

std::string to_string(const PointwiseProgram& program) {
  std::ostringstream out;
  out.precision(9);
  out << "pointwise " << program.shape.str() << "\n";
  for (const PwInput& input : program.inputs) {
    out << "  %" << int{input.slot} << " = input " << ranvier::name_of(input.dtype) << " "
        << name_of(input.kind);
    if (input.kind == OperandKind::Periodic) out << " " << input.period;
    if (input.kind == OperandKind::Rows) write_parts(out, input);
    if (input.kind == OperandKind::Lookup)
      out << " of " << input.positions << " in " << input.table_rows << "x" << input.row;
    out << "\n";
  }
  for (const PwConstant& constant : program.constants) {
    out << "  %" << int{constant.slot} << " = constant " << name_of(constant.type) << " ";
    write_constant(out, constant);
    out << "\n";
  }
  for (const PwInstr& instr : program.prologue) {
    out << "  once ";
    write_instruction(out, instr);
  }
  for (const PwInstr& instr : program.body) {
    out << "  ";
    write_instruction(out, instr);
  }
  for (const PwJoint& joint : program.joints)
    out << "  joint " << joint.name << " of instructions " << joint.first << " to " << joint.end - 1
        << "\n";
  for (const PwOutput& output : program.outputs)
    out << "  output " << ranvier::name_of(output.dtype) << " %" << int{output.slot} << "\n";
  for (const PwReduction& reduction : program.reductions)
    out << "  reduce " << name_of(reduction.op) << (reduction.squares ? " of squares " : " ")
        << ranvier::name_of(reduction.dtype) << " %" << int{reduction.slot} << " over "
        << program.outer << "x[" << program.reduce << "]x" << program.inner << "\n";
  if (!program.same_as.empty()) out << "  touched rows only\n";
  return out.str();
}

}  // namespace ranvier::kernels
