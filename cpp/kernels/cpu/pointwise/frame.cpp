#include "kernels/cpu/pointwise/frame.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/cpu/pointwise/rows.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
namespace {

template <class T>
void gather_run(const std::byte* src, int64_t stride, int64_t n, std::byte* dst) noexcept {
  const T* p = reinterpret_cast<const T*>(src);
  T* out = reinterpret_cast<T*>(dst);
  for (int64_t i = 0; i < n; ++i) out[i] = p[i * stride];
}

void copy_run(const PointwiseProgram& program, const std::byte* src, int64_t stride, int64_t n,
              int element, std::byte* dst) noexcept {
  constexpr int64_t kShort = 16;  // elements, for which a loop is enough
  if (stride == 0 && n > kShort) return program.fill(src, dst, n, element);
  if (stride == 1) return void(std::memcpy(dst, src, static_cast<size_t>(n * element)));
  switch (element) {
    case 1:
      return gather_run<uint8_t>(src, stride, n, dst);
    case 2:
      return gather_run<uint16_t>(src, stride, n, dst);
    case 4:
      return gather_run<uint32_t>(src, stride, n, dst);
    default:
      return gather_run<uint64_t>(src, stride, n, dst);
  }
}

}  // namespace

Frame::Frame(const PointwiseProgram& program, const void* const* inputs, void* const* outputs,
             std::byte* scratch) noexcept
    : program_(program), inputs_(inputs), outputs_(outputs), scratch_(scratch) {
  for (size_t i = 0; i < program.slots.size(); ++i) {
    ptr_[i] = scratch + program.slots[i].offset;
    step_[i] = program.slots[i].scalar ? 0 : 1;
    element_[i] = program.slots[i].element;
  }
  for (const PwConstant& constant : program.constants)
    ptr_[constant.slot] =
        const_cast<std::byte*>(reinterpret_cast<const std::byte*>(constant.bits.data()));
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const PwInput& input = program.inputs[i];
    if (input.kind == OperandKind::Scalar) load_value(input, inputs[i]);
    if (input.kind == OperandKind::Periodic) expand_period(input, inputs[i]);
  }
  for (const PwInstr& instr : program.prologue) {
    execute(instr, 0, instr.once);
    if (instr.once == 1)
      program.repeat(ptr_[instr.dst], ptr_[instr.dst], program.slots[instr.dst].element);
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const PwOutput& output = program.outputs[i];
    if (output.streamed && !is_input(outputs[i]))
      streamed_ |= uint64_t{1} << i;
    else if (!output.store && output.written_by >= 0 && !written_early(output, outputs[i]))
      direct_ |= uint64_t{1} << i;
  }
}

// Whether values wait in scratch, which holds a tile: not where one joint goes from memory to
// memory.
bool Frame::needs_tiles() const noexcept {
  const PointwiseProgram& p = program_;
  const bool one_joint =
      p.joints.size() == 1 && p.joints[0].first == 0 && p.joints[0].end == p.body.size();
  return !one_joint || direct_ != (uint64_t{1} << p.outputs.size()) - 1 ||
         std::any_of(p.inputs.begin(), p.inputs.end(), [](const PwInput& input) {
           return !input.in_place && input.kind != OperandKind::Scalar;
         });
}

bool Frame::is_input(const void* memory) const noexcept {
  const auto* end = inputs_ + program_.inputs.size();
  return std::find(inputs_, end, memory) != end;
}

// Whether writing the output's memory inside the body would destroy an operand still to be read.
bool Frame::written_early(const PwOutput& output, const void* memory) const noexcept {
  for (size_t i = 0; i < program_.inputs.size(); ++i) {
    const PwInput& input = program_.inputs[i];
    if (input.last_use > output.written_by && inputs_[i] == memory) return true;
  }
  return false;
}

void Frame::load_value(const PwInput& input, const void* src) noexcept {
  std::byte* slot = ptr_[input.slot];
  if (input.load) {
    input.load(src, slot, 1);
    src = slot;
  }
  program_.repeat(src, slot, program_.slots[input.slot].element);
}

// One period, then doubled until a tile can begin at any phase.
void Frame::expand_period(const PwInput& input, const void* src) noexcept {
  std::byte* values = ptr_[input.slot];
  const int64_t element = program_.slots[input.slot].element;
  const int64_t total = std::min(program_.tile + input.period, program_.size);
  if (input.load)
    input.load(src, values, input.period);
  else
    std::memcpy(values, src, static_cast<size_t>(input.period * element));
  for (int64_t have = input.period; have < total;) {
    const int64_t more = std::min(have, total - have);
    std::memcpy(values + have * element, values, static_cast<size_t>(more * element));
    have += more;
  }
}

// Any index map: runs along the innermost axis. A tile inside one run is read in place, or is one
// value.
void Frame::gather(const PwInput& input, const void* src, int64_t begin, int64_t n) noexcept {
  const PointwiseProgram& p = program_;
  const int element = input.element;
  const int last = p.rank - 1;
  std::array<int64_t, kMaxRank> index;
  int64_t rest = begin, offset = 0;
  for (int axis = last; axis >= 0; --axis) {
    index[axis] = rest ? rest % p.dims[axis] : 0;
    rest = rest ? rest / p.dims[axis] : 0;
    offset += index[axis] * input.strides[axis];
  }
  const std::byte* base = static_cast<const std::byte*>(src);
  const int64_t stride = input.strides[last];
  std::byte* tile = scratch_ + p.slots[input.slot].offset;
  ptr_[input.slot] = tile;
  if (stride == 1 && !input.load && index[last] + n <= p.dims[last]) {
    ptr_[input.slot] = const_cast<std::byte*>(base) + offset * element;
    return;
  }
  const bool one = stride == 0 && index[last] + n <= p.dims[last] && p.joints.empty();
  step_[input.slot] = one ? 0 : 1;
  if (one) return load_value(input, base + offset * element);
  std::byte* raw = input.load ? scratch_ + p.staging_offset : tile;
  for (int64_t done = 0; done < n;) {
    const int64_t run = std::min(n - done, p.dims[last] - index[last]);
    copy_run(p, base + offset * element, stride, run, element, raw + done * element);
    done += run;
    offset -= index[last] * stride;  // back to the start of the axis
    index[last] = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      offset += input.strides[axis];
      if (++index[axis] < p.dims[axis]) break;
      offset -= p.dims[axis] * input.strides[axis];
      index[axis] = 0;
    }
  }
  if (input.load) input.load(raw, tile, n);
}

void Frame::look_up(const PwInput& input, const void* src, int64_t begin, int64_t n) noexcept {
  const PointwiseProgram& p = program_;
  std::byte* raw = input.load ? scratch_ + p.staging_offset : ptr_[input.slot];
  int64_t in_run = begin % input.run, rest = begin / input.run, offset = 0;
  std::array<int64_t, kMaxRank> index;
  for (int axis = input.outer_axes - 1; axis >= 0; --axis) {
    index[axis] = rest % p.dims[axis];
    rest /= p.dims[axis];
    offset += index[axis] * input.strides[axis];
  }
  for (int64_t done = 0; done < n;) {
    const int64_t take = std::min(n - done, input.run - in_run);
    copy_looked_up(input, src, inputs_[input.extra], offset + in_run, take,
                   raw + done * input.element);
    done += take;
    in_run = 0;
    for (int axis = input.outer_axes - 1; axis >= 0; --axis) {
      offset += input.strides[axis];
      if (++index[axis] < p.dims[axis]) break;
      offset -= p.dims[axis] * input.strides[axis];
      index[axis] = 0;
    }
  }
  if (input.load) input.load(raw, ptr_[input.slot], n);
}

inline void Frame::execute(const PwInstr& instr, int64_t at, int64_t n) noexcept {
  const auto place = [&](int slot) { return ptr_[slot] + at * step_[slot] * element_[slot]; };
  TileArgs args;
  args.dst = place(instr.dst);
  for (int k = 0; k < instr.arity; ++k) {
    args.src[k] = place(instr.src[k]);
    args.step[k] = step_[instr.src[k]];
  }
  args.n = n;
  instr.fn(args);
}

inline void Frame::execute(const PwJoint& joint, int64_t at, int64_t n) noexcept {
  const auto place = [&](int slot) {
    return reinterpret_cast<float*>(ptr_[slot]) + at * step_[slot];
  };
  JointArgs args;
  for (int k = 0; k < kJointResults; ++k) args.dst[k] = place(joint.dst[k]);
  for (int k = 0; k < kJointStreams; ++k) args.src[k] = place(joint.src[k]);
  for (int k = 0; k < kJointScalars; ++k) args.scalar[k] = place(joint.scalar[k]);
  args.n = n;
  joint.fn(args);
}

inline void Frame::run_body(int64_t at, int64_t n) noexcept {
  auto joint = program_.joints.begin();
  for (size_t k = 0; k < program_.body.size();) {
    if (joint != program_.joints.end() && joint->first == k) {
      execute(*joint, at, n);
      k = joint++->end;
    } else {
      execute(program_.body[k++], at, n);
    }
  }
}

// Elements [at, at + n) of the tile that begins at `begin` of the space.
inline void Frame::run_part(int64_t begin, int64_t at, int64_t n) noexcept {
  const PointwiseProgram& p = program_;
  if (p.part < kTile)
    for (size_t i = 0; i < p.inputs.size(); ++i)
      if (p.inputs[i].kind == OperandKind::Full)
        fetch_ahead(static_cast<const std::byte*>(inputs_[i]) + (begin + at) * p.inputs[i].element,
                    n * p.inputs[i].element);
  run_body(at, n);
  for (uint64_t left = streamed_; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    const int64_t element = p.outputs[i].element;
    p.stream(ptr_[p.outputs[i].slot] + at * element,
             static_cast<std::byte*>(outputs_[i]) + (begin + at) * element,
             static_cast<size_t>(n * element));
  }
}

void Frame::run_tile(int64_t begin, int64_t n) noexcept {
  const PointwiseProgram& p = program_;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const PwInput& input = p.inputs[i];
    const std::byte* src = static_cast<const std::byte*>(inputs_[i]);
    switch (input.kind) {
      case OperandKind::Scalar:
        break;
      case OperandKind::Full: {
        const std::byte* at = src + begin * input.element;
        if (input.in_place)
          ptr_[input.slot] = const_cast<std::byte*>(at);
        else
          input.load(at, ptr_[input.slot], n);
        break;
      }
      case OperandKind::Periodic:
        ptr_[input.slot] = scratch_ + p.slots[input.slot].offset +
                           (begin ? begin % input.period : 0) * p.slots[input.slot].element;
        break;
      case OperandKind::Strided:
        gather(input, src, begin, n);
        break;
      case OperandKind::Rows:
        row_chain_of(p, input, inputs_, i).load(begin, n, ptr_[input.slot]);
        break;
      case OperandKind::Lookup:
        look_up(input, src, begin, n);
        break;
    }
  }
  for (size_t i = 0; i < p.outputs.size(); ++i)
    if (direct_ >> i & 1)
      ptr_[p.outputs[i].slot] = static_cast<std::byte*>(outputs_[i]) + begin * p.outputs[i].element;
  for (int64_t at = 0; at < n; at += p.part) run_part(begin, at, std::min(p.part, n - at));
  for (size_t i = 0; i < p.outputs.size(); ++i) {
    if ((direct_ | streamed_) >> i & 1) continue;
    const PwOutput& output = p.outputs[i];
    const size_t element = output.element;
    std::byte* dst = static_cast<std::byte*>(outputs_[i]) + begin * static_cast<int64_t>(element);
    if (output.store)
      output.store(ptr_[output.slot], dst, n);
    else
      std::memcpy(dst, ptr_[output.slot], static_cast<size_t>(n) * element);
  }
}

void Frame::run_tiles(int64_t begin, int64_t end) noexcept {
  const int64_t longest = needs_tiles() ? program_.tile : end - begin;
  for (int64_t at = begin; at < end; at += longest) run_tile(at, std::min(longest, end - at));
}

void Frame::store_scalars() noexcept {
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const PwOutput& output = program_.outputs[i];
    if (output.store)
      output.store(ptr_[output.slot], outputs_[i], 1);
    else
      std::memcpy(outputs_[i], ptr_[output.slot], output.element);
  }
}

}  // namespace ranvier::kernels
