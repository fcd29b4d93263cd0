// Matrix products of double at one instruction-set level.

#include "kernels/cpu/gemm/micro.h"
#include "kernels/cpu/gemm/panels.h"

namespace ranvier::kernels::RV_ISA {

template <>
TileFn<double> find_tile(Walk walk, Columns columns, int rows, int vectors) noexcept {
  return select_tile<double>(walk, columns, rows, vectors);
}
template <>
CopyingTileFn<double> find_copying_tile(Walk walk, int rows, int vectors) noexcept {
  return select_copying_tile<double>(walk, rows, vectors);
}

extern const GemmKernels kGemmF64;
const GemmKernels kGemmF64 = per_type<double>();

}  // namespace ranvier::kernels::RV_ISA
