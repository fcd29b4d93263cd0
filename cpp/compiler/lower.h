#pragma once
// The executable form of a graph: kernels prepared, pointers reduced to entries of one table.

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "compiler/plan_memory.h"

namespace ranvier {

// What one entry of the pointer table points to.
struct Binding {
  compiler::Place place;
  uint32_t index;        // Input, Output: which
  size_t offset;         // Arena: bytes from its start
  const void* constant;  // Constant
};

struct Step {
  StepFn run;
  const void* params;
  uint32_t in, out;  // first entries in the pointer table
  uint32_t shared;   // entry of the shared scratch, or kNone
  uint32_t guard;    // not 0: the step may fail, and this names it in the report
};

// What is asked for rarely: errors, dumps, profiles.
struct StepNote {
  const OpRecord* op;
  Attrs attrs;
  uint32_t site;
  Kernel kernel;     // keeps the parameters alive
  std::string text;  // shapes of operands and results
};

struct LoweredInput {
  TypeSpec spec;
  VariableRef variable;  // null: argument or result of the prologue
  bool written = false;
  uint32_t held = compiler::kNone;  // result of the prologue: which
};

struct Lowered {
  std::vector<Step> steps;
  std::vector<StepNote> notes;
  size_t guard_end = 0;  // one past the last step that may fail
  std::vector<Binding> table;
  // Entries of the table that point to input i are input_entries[input_starts[i] ..
  // input_starts[i + 1]); the same for outputs.
  std::vector<uint32_t> input_starts, input_entries, output_starts, output_entries;
  std::vector<LoweredInput> inputs;
  Specs outputs;
  Tensors constants;
  size_t arena_bytes = 0;
  size_t worker_bytes = 0;  // per worker index, the largest of all steps
  std::string text;         // the plan, for dumps
  // What depends on variables alone that the program does not write: run when one of them changed;
  // its outputs are inputs of the program. Null where there is nothing of the kind.
  std::unique_ptr<const Lowered> prologue;

  size_t slots_offset() const;  // parts of a frame: table, slots, arena
  size_t arena_offset() const;
  size_t frame_bytes() const { return arena_offset() + arena_bytes; }
  const StepNote* find_guard(uint32_t guard) const;  // also in the bodies of structured steps
};

// Parameters of a structured step begin with its bodies.
struct BodyParams {
  std::vector<std::unique_ptr<const Lowered>> bodies;
};

namespace compiler {

struct PassOptions {
  bool exact = false;
  bool fuse = true;
  bool prologue = true;
};
// All passes, then the plan, then the steps. `name` heads the dumps.
Lowered lower(Graph graph, const PassOptions& options, const std::string& name);
// The options of the compilation that runs on this thread, for the bodies inside it.
PassOptions current_pass_options();

}  // namespace compiler

// A frame is plain memory of frame_bytes(), 64-byte aligned, so that the frame of a body can lie in
// the scratch of the step that runs it. Fixed entries are resolved here; inputs and outputs are
// bound afterwards.
void frame_init(const Lowered& program, std::byte* frame, std::byte* worker, size_t worker_stride,
                kernels::GuardReport* guard) noexcept;

inline void frame_bind_input(const Lowered& program, std::byte* frame, uint32_t input,
                             const void* data) noexcept {
  const void** table = reinterpret_cast<const void**>(frame);
  for (uint32_t i = program.input_starts[input]; i < program.input_starts[input + 1]; ++i)
    table[program.input_entries[i]] = data;
}
inline void frame_bind_output(const Lowered& program, std::byte* frame, uint32_t output,
                              void* data) noexcept {
  const void** table = reinterpret_cast<const void**>(frame);
  for (uint32_t i = program.output_starts[output]; i < program.output_starts[output + 1]; ++i)
    table[program.output_entries[i]] = data;
}
// Runs the steps. False when a guard failed: its report has been filled, and no input was written.
bool frame_run(const Lowered& program, const Context& context, std::byte* frame,
               kernels::GuardReport* guard) noexcept;
// The same, adding the seconds each step took to seconds[step].
bool frame_run_timed(const Lowered& program, const Context& context, std::byte* frame,
                     kernels::GuardReport* guard, double* seconds) noexcept;

}  // namespace ranvier
