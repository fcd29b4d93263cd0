#pragma once
// What the machine can do at best, beside which a profile's rows stand.

namespace ranvier {

// The machine's measured limits with the threads of the pool (measured once, some 100 ms).
struct Roofline {
  double flops_per_second = 0;  // float32 fused multiply-adds
  double bytes_per_second = 0;  // a copy much larger than the last cache
  double barrier_seconds = 0;   // a region in which all threads meet
  int threads = 1;
};
const Roofline& machine_roofline();

}  // namespace ranvier
