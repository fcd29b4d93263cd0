// Matrix products of float at one instruction-set level.

#include "kernels/cpu/gemm/chunks.h"

namespace ranvier::kernels::RV_ISA {
extern const GemmKernels kGemmF32;
const GemmKernels kGemmF32 = per_type<float>();
}  // namespace ranvier::kernels::RV_ISA
