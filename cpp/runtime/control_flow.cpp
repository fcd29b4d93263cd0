// Structured ops as steps with sub-programs. The frame of a body lies in the step's shared scratch,
// carried values live in the memory of the step's outputs and are updated there in place.

#include "tensor/control_flow.h"

#include <cstring>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "compiler/internal_ops.h"
#include "runtime/program.h"

namespace ranvier {
namespace {

using compiler::InPlacePair;
using compiler::kNone;

// A body whose paired outputs are written into the memory of their inputs. `outputs` numbers the
// others, as the body's trace counts them.
struct Compiled {
  std::unique_ptr<const Lowered> lowered;
  std::vector<uint32_t> outputs;
};

Compiled compile_body(const Trace& trace, const std::vector<uint32_t>& output_of_input,
                      const char* name) {
  Compiled result;
  result.lowered = std::make_unique<Lowered>(compiler::lower(
      compiler::graph_of_body(trace, output_of_input), compiler::current_pass_options(), name));
  std::vector<uint8_t> paired(trace.outputs().size(), 0);
  for (uint32_t output : output_of_input)
    if (output != kNone) paired[output] = 1;
  for (uint32_t i = 0; i < paired.size(); ++i)
    if (!paired[i]) result.outputs.push_back(i);
  return result;
}

kernels::Scratch scratch_of(const Lowered& a, const Lowered* b = nullptr) {
  kernels::Scratch scratch{a.frame_bytes(), a.worker_bytes};
  if (b) {
    scratch.shared = std::max(scratch.shared, b->frame_bytes());
    scratch.per_worker = std::max(scratch.per_worker, b->worker_bytes);
  }
  return scratch;
}

kernels::Cost cost_of(const Lowered& lowered, double times) {
  kernels::Cost cost;
  for (const StepNote& note : lowered.notes) {
    cost.flops += times * note.kernel.cost.flops;
    cost.bytes += times * note.kernel.cost.bytes;
  }
  return cost;
}

struct Carried {
  uint32_t input, output;
  size_t bytes;
};

void begin_carry(const std::vector<Carried>& carried, const Slots& slots) noexcept {
  for (const Carried& c : carried)
    if (slots.in[c.input] != slots.out[c.output])
      std::memcpy(slots.out[c.output], slots.in[c.input], c.bytes);
}

// ---- cond ----

struct CondParams : BodyParams {  // bodies: then, else
  std::vector<Carried> carried;
  std::vector<uint32_t> source;      // per operand: the output it shares memory with, or kNone
  std::vector<uint32_t> outputs[2];  // per branch
};

void run_cond(const Context& context, const Slots& slots, const void* raw) noexcept {
  const auto& params = *static_cast<const CondParams*>(raw);
  const int branch = *static_cast<const bool*>(slots.in[0]) ? 0 : 1;
  const Lowered& body = *params.bodies[branch];
  auto* frame = static_cast<std::byte*>(slots.shared);
  begin_carry(params.carried, slots);
  frame_init(body, frame, slots.worker, slots.worker_stride, slots.guard);
  for (uint32_t k = 0; k < params.source.size(); ++k) {
    const uint32_t output = params.source[k];
    frame_bind_input(body, frame, k, output == kNone ? slots.in[k + 1] : slots.out[output]);
  }
  const auto& outputs = params.outputs[branch];
  for (uint32_t i = 0; i < outputs.size(); ++i)
    frame_bind_output(body, frame, i, slots.out[outputs[i]]);
  frame_run(body, context, frame, slots.guard);
}

Kernel prepare_cond(const PrepareArgs& args) {
  auto params = std::make_shared<CondParams>();
  const size_t operands = args.inputs.size() - 1;
  params->source.assign(operands, kNone);
  for (const InPlacePair& pair : compiler::structured_pairs("cond", args.attrs)) {
    params->source[pair.input - 1] = pair.output;
    params->carried.push_back({pair.input, pair.output, args.inputs[pair.input].bytes()});
  }
  const char* names[2] = {"then_body", "else_body"};
  for (int branch = 0; branch < 2; ++branch) {
    Compiled body = compile_body(*args.attrs.body(names[branch]), params->source, names[branch]);
    params->outputs[branch] = std::move(body.outputs);
    params->bodies.push_back(std::move(body.lowered));
  }
  const kernels::Scratch scratch = scratch_of(*params->bodies[0], params->bodies[1].get());
  const kernels::Cost cost = cost_of(*params->bodies[0], 1);
  return {run_cond, std::move(params), scratch, cost, "cond"};
}

// ---- while ----

struct WhileParams : BodyParams {  // bodies: body, condition
  std::vector<Carried> carried;
  size_t condition_frame = 0, flag = 0;  // offsets in the shared scratch
  uint32_t inputs = 0;
};

const void* loop_operand(const Slots& slots, uint32_t k, size_t n_carry) noexcept {
  return k < n_carry ? slots.out[k] : slots.in[k];
}

void run_while(const Context& context, const Slots& slots, const void* raw) noexcept {
  const auto& params = *static_cast<const WhileParams*>(raw);
  const Lowered &body = *params.bodies[0], &condition = *params.bodies[1];
  auto* frame = static_cast<std::byte*>(slots.shared);
  std::byte* condition_frame = frame + params.condition_frame;
  bool* flag = reinterpret_cast<bool*>(frame + params.flag);
  begin_carry(params.carried, slots);
  frame_init(body, frame, slots.worker, slots.worker_stride, slots.guard);
  frame_init(condition, condition_frame, slots.worker, slots.worker_stride, slots.guard);
  for (uint32_t k = 0; k < params.inputs; ++k) {
    const void* operand = loop_operand(slots, k, params.carried.size());
    frame_bind_input(body, frame, k, operand);
    frame_bind_input(condition, condition_frame, k, operand);
  }
  frame_bind_output(condition, condition_frame, 0, flag);
  for (;;) {
    if (!frame_run(condition, context, condition_frame, slots.guard) || !*flag) return;
    if (!frame_run(body, context, frame, slots.guard)) return;
  }
}

std::vector<Carried> carry_of(const PrepareArgs& args, size_t n_carry) {
  std::vector<Carried> carried;
  for (uint32_t i = 0; i < n_carry; ++i) carried.push_back({i, i, args.inputs[i].bytes()});
  return carried;
}

std::vector<uint32_t> carry_outputs(size_t inputs, size_t n_carry) {
  std::vector<uint32_t> outputs(inputs, kNone);
  for (uint32_t i = 0; i < n_carry; ++i) outputs[i] = i;
  return outputs;
}

Kernel prepare_while(const PrepareArgs& args) {
  auto params = std::make_shared<WhileParams>();
  const auto n_carry = static_cast<size_t>(args.attrs.integer("n_carry"));
  params->inputs = static_cast<uint32_t>(args.inputs.size());
  params->carried = carry_of(args, n_carry);
  params->bodies.push_back(compile_body(*args.attrs.body("body"),
                                        carry_outputs(args.inputs.size(), n_carry), "while body")
                               .lowered);
  params->bodies.push_back(compile_body(*args.attrs.body("cond_body"),
                                        carry_outputs(args.inputs.size(), 0), "while condition")
                               .lowered);
  kernels::Scratch scratch = scratch_of(*params->bodies[0], params->bodies[1].get());
  params->condition_frame = aligned(params->bodies[0]->frame_bytes());
  params->flag = params->condition_frame + aligned(params->bodies[1]->frame_bytes());
  scratch.shared = params->flag + kAlignment;
  const kernels::Cost cost = cost_of(*params->bodies[0], 1);
  return {run_while, std::move(params), scratch, cost, "while"};
}

// ---- scan ----

struct Sliced {
  uint32_t slot, body_slot;
  size_t bytes;  // of one slice
};

struct ScanParams : BodyParams {  // bodies: body
  std::vector<Carried> carried;
  std::vector<Sliced> xs, ys;
  uint32_t inputs = 0, n_xs = 0;
  int64_t length = 0;
  bool reverse = false;
  int64_t grain = 0;  // iterations per chunk where they may run side by side, else 0
};

void bind_slices(const ScanParams& params, const Slots& slots, std::byte* frame,
                 size_t t) noexcept {
  const Lowered& body = *params.bodies[0];
  for (const Sliced& x : params.xs)
    frame_bind_input(body, frame, x.body_slot,
                     static_cast<const std::byte*>(slots.in[x.slot]) + t * x.bytes);
  for (const Sliced& y : params.ys)
    frame_bind_output(body, frame, y.body_slot,
                      static_cast<std::byte*>(slots.out[y.slot]) + t * y.bytes);
}

// A map: iterations depend on nothing of each other. Each worker has a frame; kernels inside run on
// their worker alone, which changes no bit.
void run_map(const Context& context, const Slots& slots, const ScanParams& params) noexcept {
  const Lowered& body = *params.bodies[0];
  context.parallel_for(params.length, params.grain, [&](int64_t begin, int64_t end, int worker) {
    std::byte* frame = slots.worker + static_cast<size_t>(worker) * slots.worker_stride;
    frame_init(body, frame, frame + aligned(body.frame_bytes()), 0, slots.guard);
    for (uint32_t k = params.n_xs; k < params.inputs; ++k)
      frame_bind_input(body, frame, k, slots.in[k]);
    for (int64_t i = begin; i < end; ++i) {
      bind_slices(params, slots, frame, static_cast<size_t>(i));
      frame_run(body, Context{}, frame, slots.guard);
    }
  });
}

void run_scan(const Context& context, const Slots& slots, const void* raw) noexcept {
  const auto& params = *static_cast<const ScanParams*>(raw);
  const Lowered& body = *params.bodies[0];
  // With fewer iterations than that, threads inside the kernels do better.
  if (params.grain && params.length >= 2 * context.workers) return run_map(context, slots, params);
  auto* frame = static_cast<std::byte*>(slots.shared);
  begin_carry(params.carried, slots);
  frame_init(body, frame, slots.worker, slots.worker_stride, slots.guard);
  const auto n_carry = static_cast<uint32_t>(params.carried.size());
  for (uint32_t k = 0; k < params.inputs; ++k)
    if (k < n_carry || k >= n_carry + params.n_xs)
      frame_bind_input(body, frame, k, loop_operand(slots, k, n_carry));
  for (int64_t i = 0; i < params.length; ++i) {
    const auto t = static_cast<size_t>(params.reverse ? params.length - 1 - i : i);
    bind_slices(params, slots, frame, t);
    if (!frame_run(body, context, frame, slots.guard)) return;
  }
}

// Iterations that make a chunk worth a thread, for bodies that may run side by side; else 0.
int64_t map_grain(const Lowered& body, size_t n_carry, int64_t length) {
  constexpr size_t kLargestFrame = 16 << 20;
  if (n_carry || body.guard_end || length < 2 || body.frame_bytes() > kLargestFrame) return 0;
  const kernels::Cost cost = cost_of(body, 1);
  const double nanoseconds =
      cost.flops / 8 + cost.bytes / 8 + 300 * static_cast<double>(body.steps.size() + 1);
  return std::max<int64_t>(1, static_cast<int64_t>(20000 / nanoseconds));
}

Kernel prepare_scan(const PrepareArgs& args) {
  auto params = std::make_shared<ScanParams>();
  const auto n_carry = static_cast<uint32_t>(args.attrs.integer("n_carry"));
  params->n_xs = static_cast<uint32_t>(args.attrs.integer("n_xs"));
  params->length = args.attrs.integer("length");
  params->reverse = args.attrs.flag("reverse", false);
  params->inputs = static_cast<uint32_t>(args.inputs.size());
  params->carried = carry_of(args, n_carry);
  const auto slice = [&](const TypeSpec& spec) {
    return params->length ? spec.bytes() / static_cast<size_t>(params->length) : 0;
  };
  for (uint32_t i = 0; i < params->n_xs; ++i)
    params->xs.push_back({n_carry + i, n_carry + i, slice(args.inputs[n_carry + i])});
  Compiled body = compile_body(*args.attrs.body("body"), carry_outputs(args.inputs.size(), n_carry),
                               "scan body");
  for (uint32_t i = 0; i < body.outputs.size(); ++i)
    params->ys.push_back({body.outputs[i], i, slice(args.outputs[body.outputs[i]])});
  params->bodies.push_back(std::move(body.lowered));
  const Lowered& lowered = *params->bodies[0];
  kernels::Scratch scratch = scratch_of(lowered);
  params->grain = map_grain(lowered, n_carry, params->length);
  if (params->grain) scratch.per_worker = aligned(lowered.frame_bytes()) + lowered.worker_bytes;
  const kernels::Cost cost = cost_of(lowered, static_cast<double>(params->length));
  return {run_scan, std::move(params), scratch, cost, "scan"};
}

// ---- call, on values only: inside a trace it is inlined ----

struct CallParams : BodyParams {
  uint32_t inputs = 0, outputs = 0;
};

void run_call(const Context& context, const Slots& slots, const void* raw) noexcept {
  const auto& params = *static_cast<const CallParams*>(raw);
  const Lowered& body = *params.bodies[0];
  auto* frame = static_cast<std::byte*>(slots.shared);
  frame_init(body, frame, slots.worker, slots.worker_stride, slots.guard);
  for (uint32_t i = 0; i < params.inputs; ++i) frame_bind_input(body, frame, i, slots.in[i]);
  for (uint32_t i = 0; i < params.outputs; ++i) frame_bind_output(body, frame, i, slots.out[i]);
  frame_run(body, context, frame, slots.guard);
}

Kernel prepare_call(const PrepareArgs& args) {
  auto params = std::make_shared<CallParams>();
  params->inputs = static_cast<uint32_t>(args.inputs.size());
  params->outputs = static_cast<uint32_t>(args.outputs.size());
  params->bodies.push_back(
      compile_body(*args.attrs.body("body"), carry_outputs(args.inputs.size(), 0), "call body")
          .lowered);
  const kernels::Scratch scratch = scratch_of(*params->bodies[0]);
  const kernels::Cost cost = cost_of(*params->bodies[0], 1);
  return {run_call, std::move(params), scratch, cost, "call"};
}

Kernel prepare_structured(const PrepareArgs& args) {
  const std::string_view op = args.op.name;
  if (op == "cond") return prepare_cond(args);
  if (op == "while") return prepare_while(args);
  if (op == "scan") return prepare_scan(args);
  RV_CHECK(op == "call");
  return prepare_call(args);
}

}  // namespace

void install_control_flow() {
  static std::once_flag once;
  std::call_once(once, [] { set_body_compiler(prepare_structured); });
}

}  // namespace ranvier
