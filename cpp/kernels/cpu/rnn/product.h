#pragma once
// The product of one step: rows of a state times the packed recurrent matrix, by the register tiles
// of the matrix product. B lies in panels of a few vectors; a panel holds all of k.

#include "kernels/cpu/gemm/pack.h"
#include "kernels/cpu/gemm/tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Panels wider than a register tile are stored in parts beside each other.
template <class T>
RV_INLINE int part_width(int vectors) {
  constexpr int kMost = kMaxVectors<T>;
  return vectors <= kMost ? vectors : (vectors % 2 == 0 ? 2 : kMost);
}

// dst[p * stride + i] = src[p * ld + i] for i < count, zero up to a vector.
template <class T>
void pack_vector(const T* src, int64_t ld, int64_t k, int64_t count, T* dst, int64_t stride) {
  constexpr int kLanes = Vec<T>::kLanes;
  if (count <= 0) {
    for (int64_t p = 0; p < k; ++p) Vec<T>::zero().store(dst + p * stride);
    return;
  }
  const int lanes = static_cast<int>(count < kLanes ? count : kLanes);
  for (int64_t p = 0; p < k; ++p) {
    const T* from = src + p * ld;
    const Vec<T> x = lanes == kLanes ? Vec<T>::load(from) : Vec<T>::load_partial(from, lanes);
    x.store(dst + p * stride);
  }
}

// C (rows × vectors) = beta C + A B, where A has k columns and B is a packed panel part.
template <class T>
void product_part(const T* a, int64_t lda, int64_t rows, const T* b, int64_t k, int vectors, T beta,
                  T* c, int64_t ldc) {
  constexpr int64_t kBlock = 512;  // bounds the rounding error of long sums
  const int most = kTileRows[vectors];
  const int64_t parts = (rows + most - 1) / most, width = vectors * Vec<T>::kLanes;
  for (int64_t p = 0; p < k; p += kBlock) {
    const int64_t kc = k - p < kBlock ? k - p : kBlock;
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t from = rows * i / parts, to = rows * (i + 1) / parts;
      const TileTarget<T> target{c + from * ldc, ldc, T(1), p == 0 ? beta : T(1), Vec<T>::kLanes};
      find_tile<T>(Walk::Across, Columns::Packed, static_cast<int>(to - from), vectors)(
          a + from * lda + p, lda, b + p * width, width, kc, target);
    }
  }
}

template <class T>
void product(const T* a, int64_t lda, int64_t rows, const T* b, int64_t k, int vectors, T beta,
             T* c, int64_t ldc) {
  constexpr int kLanes = Vec<T>::kLanes;
  for (int v = 0; v < vectors;) {
    const int width = part_width<T>(vectors - v);
    product_part(a, lda, rows, b, k, width, beta, c + v * kLanes, ldc);
    b += k * width * kLanes;
    v += width;
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
