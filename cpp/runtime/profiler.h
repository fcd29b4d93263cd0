#pragma once
// Where a step's time goes: seconds per program step beside what the machine could do at best.

#include <string>
#include <vector>

#include "runtime/program.h"

namespace ranvier {

// The machine's measured limits with the threads of the pool (measured once, some 100 ms).
struct Roofline {
  double flops_per_second = 0;  // float32 fused multiply-adds
  double bytes_per_second = 0;  // a copy much larger than the last cache
  double barrier_seconds = 0;   // a region in which all threads meet
  int threads = 1;
};
const Roofline& machine_roofline();

struct ProfileRow {
  StepInfo step;
  double seconds = 0;    // per run
  double flop_rate = 0;  // achieved, per second
  double byte_rate = 0;
  double roof_share = 0;  // the roofline's time for this work / the measured time
};
// One row per step of the program, in the order they run.
std::vector<ProfileRow> profile_rows(const Program& program, const StepTimes& times);

}  // namespace ranvier
