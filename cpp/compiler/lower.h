#pragma once
// The executable form of a graph: kernels prepared, pointers reduced to entries of one table.

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "compiler/plan_memory.h"

namespace ranvier {

namespace compiler {

struct PassOptions {
  bool exact = false;
  bool fuse = true;
  bool prologue = true;
};

// What depends on variables alone that the program does not write falls into pieces that have no
// value in common. They are lowered by whoever holds their results, for programs of other batch
// sizes have mostly the same ones.
struct ProloguePart {
  Graph graph;                    // its outputs are results of the prologue
  std::vector<uint32_t> results;  // which
  PassOptions options;
  std::string key;  // equal text: equal results of the same variables, as long as `graph` lives
};

}  // namespace compiler

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
  Site site;
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
  // Run when a variable has changed; their outputs are inputs of the program.
  std::vector<compiler::ProloguePart> prologue;

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

// All passes, then the plan, then the steps. `name` heads the dumps.
Lowered lower(Graph graph, const PassOptions& options, const std::string& name);
// The options of the compilation that runs on this thread, for the bodies inside it.
PassOptions current_pass_options();

}  // namespace compiler

// A frame is plain memory, 64-byte aligned: pointers, and an arena behind them or elsewhere. That
// of a body has frame_bytes() and lies in the scratch of the step that runs it. Resolves what lies
// in the arena and the constants; inputs and outputs are bound on their own and stay so.
void frame_init(const Lowered& program, std::byte* frame, std::byte* arena, std::byte* worker,
                size_t worker_stride, kernels::GuardReport* guard) noexcept;
// With the arena behind the pointers.
inline void frame_init(const Lowered& program, std::byte* frame, std::byte* worker,
                       size_t worker_stride, kernels::GuardReport* guard) noexcept {
  frame_init(program, frame, frame + program.arena_offset(), worker, worker_stride, guard);
}

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
