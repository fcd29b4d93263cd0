// The table of convolution kernels of one instruction set.

#include "kernels/cpu/conv/correlate.h"
#include "kernels/cpu/conv/depthwise.h"
#include "kernels/cpu/conv/filter_gradient.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// In squares that fit L1, so that neither side is walked line by line.
template <class T>
void transpose(const T* in, int64_t rows, int64_t columns, int64_t in_pitch, T* out,
               int64_t out_pitch) noexcept {
  constexpr int64_t kSquare = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += kSquare)
    for (int64_t j0 = 0; j0 < columns; j0 += kSquare) {
      const int64_t i1 = i0 + kSquare < rows ? i0 + kSquare : rows;
      const int64_t j1 = j0 + kSquare < columns ? j0 + kSquare : columns;
      for (int64_t j = j0; j < j1; ++j)
        for (int64_t i = i0; i < i1; ++i) out[j * out_pitch + i] = in[i * in_pitch + j];
    }
}

template <class T>
constexpr ConvRows<T> make_rows() {
  return {correlate<T>,   filter_gradient<T>, depthwise<T>, depthwise_filter<T>, transpose<T>,
          Vec<T>::kLanes, kMaxRows[0],        kMaxRows[1],  kMaxRows[2]};
}

}  // namespace

extern const ConvRows<float> kConvF32;
const ConvRows<float> kConvF32 = make_rows<float>();
// float64 serves checks rather than training: one level is enough for all.
#if !defined(__AVX2__)
extern const ConvRows<double> kConvF64;
const ConvRows<double> kConvF64 = make_rows<double>();
#endif

}  // namespace ranvier::kernels::RV_ISA
