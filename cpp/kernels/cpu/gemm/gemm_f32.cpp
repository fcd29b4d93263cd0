// Matrix products of float at one instruction-set level.

#include "kernels/cpu/gemm/micro.h"
#include "kernels/cpu/gemm/panels.h"

namespace ranvier::kernels::RV_ISA {

template <>
TileFn<float> find_tile(Walk walk, Columns columns, int rows, int vectors) noexcept {
  return select_tile<float>(walk, columns, rows, vectors);
}
template <>
CopyingTileFn<float> find_copying_tile(Walk walk, int rows, int vectors) noexcept {
  return select_copying_tile<float>(walk, rows, vectors);
}

extern const GemmKernels kGemmF32;
const GemmKernels kGemmF32 = per_type<float>();

}  // namespace ranvier::kernels::RV_ISA
