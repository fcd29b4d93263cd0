#pragma once
// A compiled trace: a flat array of steps whose memory is planned, and the executor that walks it.
// Programs are immutable; a call takes a Frame (arena, pointers, guard), so that any number of
// threads may run one program at once.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compiler/lower.h"
#include "runtime/locks.h"
#include "tensor/trace.h"

namespace ranvier {

struct CompileOptions {
  std::string name = "program";  // in dumps, errors and profiles
  bool exact = exact_mode();     // only rewrites that keep every bit
  bool fuse = true;              // false: one step per node (still planned)
};

struct StepInfo {
  std::string op;
  std::string variant;  // the kernel that was chosen
  std::string site;     // layer path, file, line; may be empty
  kernels::Cost cost;
};

struct ProgramStats {
  double flops = 0, bytes = 0;  // per run
  size_t arena_bytes = 0;       // peak memory of one run beside variables, arguments and outputs
  size_t constant_bytes = 0;
  size_t variable_bytes = 0;
  std::vector<StepInfo> steps;
};

// Time per step, summed over runs.
struct StepTimes {
  std::vector<double> seconds;
  int64_t runs = 0;
};

class Program;

// What one call owns: planned memory with the pointers of every step already resolved.
class Frame {
 public:
  Frame(const Program& program, const Context& context);
  void bind_input(int input, const void* data);  // in the order of the trace's inputs
  void bind_output(int output, void* data);
  // Planned memory of the frame for an input whose data must first be gathered or cast. Lives as
  // long as the frame.
  void* input_buffer(int input);
  // Runs every step, or stops at a guard that failed: then false, and nothing was written.
  bool run(StepTimes* times = nullptr) noexcept;
  [[noreturn]] void throw_guard_error() const;

 private:
  friend class Program;
  const Program& program_;
  Context context_;
  Buffer memory_;
  std::vector<Buffer> input_buffers_;
  std::byte* base_;
  size_t failed_step_ = 0;
};

class Program : public RefCounted {
 public:
  Program(Lowered lowered, std::string name);
  ~Program();

  // args: the trace's Argument inputs in order, of exactly their types. Takes the words of the
  // variables, writes variables in place (to fresh storage where somebody else holds the old one)
  // and returns fresh tensors. A failed guard throws IndexError or ValueError naming layer and
  // value, with all variables as they were. Call without the GIL.
  Tensors run(TensorSpan args, StepTimes* times = nullptr) const;

  const std::string& name() const { return name_; }
  const Specs& argument_specs() const { return argument_specs_; }
  const Specs& output_specs() const { return output_specs_; }
  const std::vector<VariableRef>& variables() const { return variables_; }  // read or written
  ProgramStats stats() const;
  std::string dump() const;  // steps, arena offsets, bindings

  // For the epoch loop and control flow.
  const Lowered& lowered() const { return lowered_; }
  std::span<const VariableUse> uses() const { return uses_; }
  const std::vector<int>& argument_inputs() const { return argument_inputs_; }
  // With the words held: gives shared storage of written variables a fresh copy, binds pointers.
  void bind_variables(Frame& frame) const;
  void bump_versions() const;
  std::unique_ptr<Frame> take_frame() const;
  void give_back(std::unique_ptr<Frame> frame) const;

 private:
  Lowered lowered_;
  std::string name_;
  Specs argument_specs_, output_specs_;
  std::vector<VariableRef> variables_;
  std::vector<VariableUse> uses_;
  std::vector<int> argument_inputs_;  // argument -> input of the lowered program
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> frames_;
};
using ProgramRef = Ref<Program>;

// Compiles a finished trace. Captures must be values; they become constants.
ProgramRef compile(const Trace& trace, const CompileOptions& options = {});

}  // namespace ranvier
