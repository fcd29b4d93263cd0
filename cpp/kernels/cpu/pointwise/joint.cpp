#include "kernels/cpu/pointwise/joint.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "kernels/cpu/levels.h"
#include "kernels/cpu/pointwise/program.h"

namespace ranvier::kernels {

RV_TABLES(JointKernels, kJointKernels, joint_kernels)

namespace {

// Instructions as they follow each other in a body. Their values are letters: capitals are results
// of earlier steps.
struct JointStep {
  PwOp op;
  std::string_view operands;
  char result;
};
struct JointForm {
  const char* name;
  JointFn JointKernels::*fn;
  std::string_view streams, scalars, results;  // as the kernel takes them
  std::span<const JointStep> steps;
};

constexpr JointStep kAdamSteps[] = {
    {PwOp::Lerp, "gmc", 'M'}, {PwOp::SquareLerp, "gvd", 'V'}, {PwOp::AdamStep, "MaVew", 'W'}};
constexpr JointStep kAdamWSteps[] = {{PwOp::SubProduct, "wfw", 'D'},
                                     {PwOp::Lerp, "gmc", 'M'},
                                     {PwOp::SquareLerp, "gvd", 'V'},
                                     {PwOp::AdamStep, "MaVeD", 'W'}};
constexpr JointStep kMomentumSteps[] = {
    {PwOp::Mul, "ga", 'G'}, {PwOp::MulSub, "mbG", 'M'}, {PwOp::Add, "wM", 'W'}};
constexpr JointStep kRmsSteps[] = {{PwOp::MulMulAddMul, "ggcvb", 'V'},
                                   {PwOp::Add, "Ve", 'S'},
                                   {PwOp::Sqrt, "S", 'R'},
                                   {PwOp::Mul, "ga", 'G'},
                                   {PwOp::Div, "GR", 'D'},
                                   {PwOp::Sub, "wD", 'W'}};
constexpr JointForm kJointForms[] = {
    {"adam", &JointKernels::adam, "gmvw", "cdae", "MVW", kAdamSteps},
    {"adam_w", &JointKernels::adam_w, "gmvw", "cdaef", "MVW", kAdamWSteps},
    {"momentum", &JointKernels::momentum, "gmw", "ab", "MW", kMomentumSteps},
    {"rms", &JointKernels::rms, "gvw", "cbea", "VW", kRmsSteps},
};

using JointSlots = std::array<int, 128>;  // by letter
int& slot_of(JointSlots& slots, char letter) { return slots[static_cast<size_t>(letter)]; }

bool read_from(const PointwiseProgram& program, size_t index, int slot) {
  for (; index < program.body.size(); ++index) {
    const PwInstr& instr = program.body[index];
    if (std::find(instr.src.begin(), instr.src.begin() + instr.arity, slot) !=
        instr.src.begin() + instr.arity)
      return true;
    if (instr.dst == slot) return false;
  }
  const auto here = [slot](const auto& end) { return end.slot == slot; };
  return std::any_of(program.outputs.begin(), program.outputs.end(), here) ||
         std::any_of(program.reductions.begin(), program.reductions.end(), here);
}

// Whether the instructions from `first` on are those of the form; then every letter has its slot.
bool joint_matches(const PointwiseProgram& program, const JointForm& form, size_t first,
                   JointSlots& slots) {
  const size_t end = first + form.steps.size();
  if (end > program.body.size()) return false;
  slots.fill(-1);
  std::array<char, kMaxSlots> holds{};  // the result that lies in a slot
  for (size_t k = 0; k < form.steps.size(); ++k) {
    const PwInstr& instr = program.body[first + k];
    const JointStep& step = form.steps[k];
    if (instr.op != step.op || instr.type != RegType::F32) return false;
    for (int j = 0; j < instr.arity; ++j) {
      const char letter = step.operands[static_cast<size_t>(j)], held = holds[instr.src[j]];
      int& slot = slot_of(slots, letter);
      if (slot < 0 && held == 0) slot = instr.src[j];
      if (slot != instr.src[j] || (held != 0 && held != letter)) return false;
    }
    slot_of(slots, step.result) = instr.dst;
    holds[instr.dst] = step.result;
  }
  for (const JointStep& step : form.steps) {
    const int slot = slot_of(slots, step.result);
    const bool last = holds[static_cast<size_t>(slot)] == step.result;
    if (form.results.find(step.result) != std::string_view::npos
            ? !last
            : last && read_from(program, end, slot))
      return false;
  }
  const auto all = [&](std::string_view letters, bool scalar) {
    return std::all_of(letters.begin(), letters.end(), [&](char letter) {
      return program.slots[static_cast<size_t>(slot_of(slots, letter))].scalar == scalar;
    });
  };
  return all(form.streams, false) && all(form.scalars, true);
}

PwJoint joint_of(const JointForm& form, Isa isa, size_t first, JointSlots& slots) {
  PwJoint joint{form.name,
                joint_kernels(isa).*form.fn,
                static_cast<uint16_t>(first),
                static_cast<uint16_t>(first + form.steps.size()),
                {},
                {},
                {}};
  const auto place = [&slots](std::string_view letters, uint8_t* to) {
    for (char letter : letters) *to++ = static_cast<uint8_t>(slot_of(slots, letter));
  };
  place(form.results, joint.dst);
  place(form.streams, joint.src);
  place(form.scalars, joint.scalar);
  return joint;
}

}  // namespace

void join_instructions(PointwiseProgram& program) {
  JointSlots slots;
  for (size_t i = 0; i < program.body.size(); ++i)
    for (const JointForm& form : kJointForms)
      if (joint_matches(program, form, i, slots)) {
        program.joints.push_back(joint_of(form, program.isa, i, slots));
        i = program.joints.back().end - size_t{1};
        break;
      }
}

}  // namespace ranvier::kernels
