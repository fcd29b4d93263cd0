// The table of convolution kernels of one instruction set.

#include "kernels/cpu/conv/add_slices.h"
#include "kernels/cpu/conv/correlate.h"
#include "kernels/cpu/conv/depthwise.h"
#include "kernels/cpu/conv/filter_gradient.h"
#include "kernels/cpu/conv/overlap_add.h"
#include "kernels/cpu/conv/stream_run.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
constexpr ConvRows<T> make_rows() {
  return {correlate<T>,        filter_gradient<T>, add_slices<T>, depthwise<T>,
          depthwise_filter<T>, overlap_add<T>,     stream_run<T>, Vec<T>::kLanes,
          kMaxRows[0],         kMaxRows[1],        kMaxRows[2]};
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
