#pragma once
// What the compiler is to keep in registers: in a register tile its own choice costs up to a third
// of the speed.

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

inline constexpr int kVectorRegisters = kVectorBytes == 64 ? 32 : 16;

// Where sums fill nearly all registers, a vector that many of them read would rather be left in
// memory, and be read there each time.
template <class T>
RV_INLINE void hold(Vec<T>& x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x.v));
#else
  asm("" : "+x"(x.v));
#endif
}

// A moving pointer would be replaced by dozens of derived addresses.
template <class T>
RV_INLINE void hold(T*& p) {
  asm("" : "+r"(p));
}
template <class T>
RV_INLINE T* held(T* p) {
  hold(p);
  return p;
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
