#pragma once
// Neighbouring instructions of a program that run as one loop: what they pass to each other stays
// in registers, and every operand comes from memory once. Plain enough for kernel sources to
// include.

#include <cstdint>

namespace ranvier::kernels {

struct PointwiseProgram;

inline constexpr int kJointStreams = 4, kJointScalars = 5, kJointResults = 3;

// Streams and results are arrays of n values; a scalar stands, repeated, in the 64 bytes at its
// address. A result may lie where a stream does. No alignment is assumed; no element beyond n is
// written.
struct JointArgs {
  float* dst[kJointResults];
  const float* src[kJointStreams];
  const float* scalar[kJointScalars];
  int64_t n;
};
using JointFn = void (*)(const JointArgs&) noexcept;

// One level's kernels, as (streams; scalars): results. To the bit what the instructions give.
struct JointKernels {
  // (g, m, v, w; c, d, a, e): m' = (g - m) c + m, v' = (g g - v) d + v,
  // w' = w - m' a / (sqrt(v') + e)
  JointFn adam;
  // (...; ..., f): the same with w - w f in place of w
  JointFn adam_w;
  // (g, m, w; a, b): m' = m b - g a, w' = w + m'
  JointFn momentum;
  // (g, v, w; c, b, e, a): v' = g g c + v b, w' = w - g a / sqrt(v' + e)
  JointFn rms;
};

// The slots of a joint that stands for the body instructions [first, end).
struct PwJoint {
  const char* name;
  JointFn fn;
  uint16_t first, end;
  uint8_t dst[kJointResults], src[kJointStreams], scalar[kJointScalars];
};

// Finds the joints of a program that is otherwise complete.
void join_instructions(PointwiseProgram& program);

}  // namespace ranvier::kernels
