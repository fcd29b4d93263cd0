#pragma once
// A compiled trace: a flat array of steps whose memory is planned, and the executor that walks it.
// Programs are immutable; a call takes a Frame (pointers, arena, guard), so that any number of
// threads may run one program at once.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compiler/lower.h"
#include "runtime/frame.h"
#include "runtime/locks.h"
#include "runtime/prologue.h"
#include "tensor/trace.h"

namespace ranvier {

struct CompileOptions {
  std::string name = "program";  // in dumps and profiles
  bool exact = exact_mode();     // only rewrites that keep every bit
  bool fuse = true;              // false: one step per node
};

struct StepInfo {
  std::string op;
  std::string variant;  // the kernel that was chosen
  std::string site;     // layer path, file, line; may be empty
  std::string shapes;
  kernels::Cost cost;
};

struct ProgramStats {
  double flops = 0, bytes = 0;  // of one run
  size_t arena_bytes = 0;       // peak memory of one run beside variables, arguments and outputs
  size_t constant_bytes = 0;
  size_t variable_bytes = 0;
  std::vector<StepInfo> steps;
  size_t prologue_bytes = 0;        // results of the prologue, held once for all programs
  size_t prologue_arena_bytes = 0;  // peak memory beside them while it runs
  std::vector<StepInfo> prologue_steps;
};

class Program : public RefCounted {
 public:
  Program(Lowered lowered, std::string name);

  // args: the trace's Argument inputs in order, of exactly their types. Takes the words of the
  // variables, writes variables in place (to fresh storage where somebody else holds the old one)
  // and returns fresh tensors. A failed guard throws IndexError or ValueError naming layer and
  // value, with all variables as they were. Call without the GIL.
  Tensors run(TensorSpan args, StepTimes* times = nullptr) const;

  const std::string& name() const { return name_; }
  const Specs& argument_specs() const { return argument_specs_; }
  const Specs& output_specs() const { return lowered_.outputs; }
  const std::vector<VariableRef>& variables() const { return variables_; }  // read or written
  ProgramStats stats() const;
  std::string dump() const;  // places and steps as text

  // For the epoch loop.
  size_t step_count() const { return lowered_.steps.size(); }
  std::span<const VariableUse> uses() const { return uses_; }
  uint32_t argument_input(size_t argument) const { return argument_inputs_[argument]; }
  // With the words held: gives written variables whose storage somebody else holds a fresh copy,
  // runs the prologue if a variable it reads has changed, attaches the frame and binds all
  // variables and the results of the prologue.
  void bind_variables(Frame& frame) const;
  void bump_versions() const;
  std::unique_ptr<Frame> take_frame() const;
  void give_back(std::unique_ptr<Frame> frame) const;

 private:
  void check_arguments(TensorSpan args) const;

  Lowered lowered_;
  std::unique_ptr<Prologue> prologue_;  // null where the program has none
  std::string name_;
  ArenaNeed need_;
  Specs argument_specs_;
  std::vector<VariableRef> variables_;
  std::vector<VariableUse> uses_;
  std::vector<uint32_t> argument_inputs_;  // argument -> input of the lowered program
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> frames_;
};
using ProgramRef = Ref<Program>;

// Compiles a finished trace. Captures must be values; they become constants.
ProgramRef compile(const Trace& trace, const CompileOptions& options = {});

// Tells the tensor floor how the bodies of structured ops are compiled. The binding calls it when
// it loads; compile() does too.
void install_control_flow();

}  // namespace ranvier
