#pragma once
// The executable form of a graph: kernels prepared, pointers reduced to positions in one table.

#include <string>
#include <vector>

#include "base/env.h"
#include "compiler/plan_memory.h"

namespace ranvier {

// Where one entry of the pointer table comes from.
struct Binding {
  compiler::Place place;
  uint32_t index;  // Input, Output: which; Arena, Constant: 0
  size_t offset;   // Arena: bytes from its start
  const void* constant;
};

struct Step {
  StepFn run;
  const void* params;
  uint32_t in, out;  // first entries in the pointer table
  uint32_t shared;   // entry of the shared scratch
  bool guard;        // may set the guard
};

// What is asked for rarely: errors, dumps, profiles.
struct StepNote {
  const OpRecord* op;
  Attrs attrs;
  uint32_t site;
  Kernel kernel;  // keeps params alive
  std::vector<std::string> reads, writes;
};

struct LoweredInput {
  TypeSpec spec;
  VariableRef variable;  // null: argument
  bool written = false;
};

struct Lowered {
  std::vector<Step> steps;
  std::vector<StepNote> notes;
  size_t guard_end = 0;  // one past the last step that may fail
  std::vector<Binding> table;
  // Entries of the table that point to input i: [starts[i], starts[i + 1]) of positions.
  std::vector<uint32_t> input_starts, input_positions, output_starts, output_positions;
  std::vector<LoweredInput> inputs;
  Specs outputs;
  Tensors constants;
  size_t arena_bytes = 0;
  size_t worker_bytes = 0;  // per worker index, the largest of all steps
  std::string text;         // the plan, for dumps

  // Memory of a frame: pointer table, slots and arena, without worker scratch.
  size_t frame_bytes() const;
};

namespace compiler {

struct PassOptions {
  bool exact = false;
  bool fuse = true;
};
// All passes from the graph to steps. `name` heads the dumps.
Lowered lower(Graph graph, const PassOptions& options, const std::string& name);

}  // namespace compiler

// A frame is plain memory of frame_bytes(), 64-byte aligned, so that a sub-program's frame can lie
// in the scratch of the step that runs it.
void frame_init(const Lowered& program, std::byte* frame, std::byte* worker, size_t worker_stride,
                kernels::GuardReport* guard) noexcept;
inline void frame_bind_input(const Lowered& program, std::byte* frame, uint32_t input,
                             const void* data) noexcept {
  const void** table = reinterpret_cast<const void**>(frame);
  for (uint32_t i = program.input_starts[input]; i < program.input_starts[input + 1]; ++i)
    table[program.input_positions[i]] = data;
}
inline void frame_bind_output(const Lowered& program, std::byte* frame, uint32_t output,
                              void* data) noexcept {
  void** table = reinterpret_cast<void**>(frame);
  for (uint32_t i = program.output_starts[output]; i < program.output_starts[output + 1]; ++i)
    table[program.output_positions[i]] = data;
}
// Runs the steps; returns the number of the step whose guard failed, or steps.size().
size_t frame_run(const Lowered& program, const Context& context, std::byte* frame) noexcept;

}  // namespace ranvier
