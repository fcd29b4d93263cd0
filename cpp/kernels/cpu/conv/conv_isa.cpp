// The table of convolution kernels of one instruction set.

#include "kernels/cpu/conv/correlate.h"
#include "kernels/cpu/conv/depthwise.h"
#include "kernels/cpu/conv/filter_gradient.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Four rows of four turned round in registers.
RV_INLINE void transpose_quad(const float* in, int64_t in_pitch, float* out, int64_t out_pitch) {
  using Quad [[gnu::vector_size(16)]] = float;
  Quad r[4], t[4], c[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], in + i * in_pitch, sizeof(Quad));
  t[0] = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  t[1] = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  t[2] = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  t[3] = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  c[0] = __builtin_shufflevector(t[0], t[2], 0, 1, 4, 5);
  c[1] = __builtin_shufflevector(t[0], t[2], 2, 3, 6, 7);
  c[2] = __builtin_shufflevector(t[1], t[3], 0, 1, 4, 5);
  c[3] = __builtin_shufflevector(t[1], t[3], 2, 3, 6, 7);
  for (int j = 0; j < 4; ++j) std::memcpy(out + j * out_pitch, &c[j], sizeof(Quad));
}

// In squares of whole cache lines, so that neither side is walked line by line.
template <class T>
void transpose(const T* in, int64_t rows, int64_t columns, int64_t in_pitch, T* out,
               int64_t out_pitch) noexcept {
  constexpr int64_t kSquare = 64 / sizeof(T);
  for (int64_t i0 = 0; i0 < rows; i0 += kSquare)
    for (int64_t j0 = 0; j0 < columns; j0 += kSquare) {
      const int64_t i1 = i0 + kSquare < rows ? i0 + kSquare : rows;
      const int64_t j1 = j0 + kSquare < columns ? j0 + kSquare : columns;
      if constexpr (sizeof(T) == 4)
        if (i1 - i0 == kSquare && j1 - j0 == kSquare) {
          for (int64_t i = i0; i < i1; i += 4) {
            for (int64_t ahead = i; ahead < i + 4; ++ahead)
              __builtin_prefetch(in + ahead * in_pitch + j1);
            for (int64_t j = j0; j < j1; j += 4)
              transpose_quad(in + i * in_pitch + j, in_pitch, out + j * out_pitch + i, out_pitch);
          }
          continue;
        }
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
