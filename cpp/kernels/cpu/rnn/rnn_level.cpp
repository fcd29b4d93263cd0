// Recurrent sequences at one instruction-set level: float32 at every level, float64 at baseline.

#include "kernels/cpu/rnn/table.h"

namespace ranvier::kernels::RV_ISA {

extern const RnnKernels kRnnF32;
const RnnKernels kRnnF32 = rnn_table<float>();
#if !defined(__AVX2__)
extern const RnnKernels kRnnF64;
const RnnKernels kRnnF64 = rnn_table<double>();
#endif

}  // namespace ranvier::kernels::RV_ISA
