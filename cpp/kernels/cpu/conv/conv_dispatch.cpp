// Which convolution kernels belong to which instruction set.

#include "kernels/cpu/conv/conv_kernels.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(ConvRows<float>, kConvF32, conv_f32)
RV_DECLARE_TABLE(baseline, ConvRows<double>, kConvF64)

const ConvKernels& conv_kernels(Isa isa) {
  static const ConvKernels tables[kVectorLevels] = {{conv_f32(Isa::Baseline), baseline::kConvF64},
                                                    {conv_f32(Isa::Avx2), baseline::kConvF64},
                                                    {conv_f32(Isa::Avx512), baseline::kConvF64}};
  return tables[static_cast<int>(vector_level(isa))];
}

}  // namespace ranvier::kernels
