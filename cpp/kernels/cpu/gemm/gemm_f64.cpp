// Matrix products of double at one instruction-set level.

#include "kernels/cpu/gemm/chunks.h"

namespace ranvier::kernels::RV_ISA {
extern const GemmKernels kGemmF64;
const GemmKernels kGemmF64 = per_type<double>();
}  // namespace ranvier::kernels::RV_ISA
