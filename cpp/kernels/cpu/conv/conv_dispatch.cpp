// Which convolution kernels belong to which instruction set.

#include "kernels/cpu/conv/conv_kernels.h"

namespace ranvier::kernels {

namespace baseline {
extern const ConvRows<float> kConvF32;
extern const ConvRows<double> kConvF64;
}  // namespace baseline
#if defined(__x86_64__)
namespace avx2 {
extern const ConvRows<float> kConvF32;
}
namespace avx512 {
extern const ConvRows<float> kConvF32;
}
#endif

const ConvKernels& conv_kernels(Isa isa) {
#if defined(__x86_64__)
  static const ConvKernels tables[kIsaCount] = {{baseline::kConvF32, baseline::kConvF64},
                                                {avx2::kConvF32, baseline::kConvF64},
                                                {avx512::kConvF32, baseline::kConvF64}};
  return tables[static_cast<int>(isa)];
#else
  static const ConvKernels table = {baseline::kConvF32, baseline::kConvF64};
  (void)isa;
  return table;
#endif
}

}  // namespace ranvier::kernels
