// The tile of the integer products, compiled once per instruction set: rows of a, one value of each
// times two vectors of b's columns.

#include <cstdint>
#include <cstring>

#include "kernels/cpu/gemm/gemm_int.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kIntRows = 8;
#else
constexpr int kIntRows = 4;
#endif
template <class T>
constexpr int64_t kIntColumns = 2 * kVectorBytes / sizeof(T);

template <class T>
void pack_ints(const void* from, IntStrides strides, int64_t k, int64_t width, void* to) noexcept {
  const T* b = static_cast<const T*>(from);
  T* panel = static_cast<T*>(to);
  if (strides.other == 1) {
    for (int64_t q = 0; q < k; ++q, panel += kIntColumns<T>) {
      std::memcpy(panel, b + q * strides.k, static_cast<size_t>(width) * sizeof(T));
      std::memset(panel + width, 0, static_cast<size_t>(kIntColumns<T> - width) * sizeof(T));
    }
    return;
  }
  std::memset(to, 0, static_cast<size_t>(k * kIntColumns<T>) * sizeof(T));
  for (int64_t j = 0; j < width; ++j)
    for (int64_t q = 0; q < k; ++q)
      panel[q * kIntColumns<T> + j] = b[q * strides.k + j * strides.other];
}

template <int rows, class T>
void tile_rows(const T* a, IntStrides strides, int64_t k, const T* panel, T* c, int64_t pitch,
               int64_t width, bool add) {
  Native<T> sums[rows][2] = {};
  for (int64_t q = 0; q < k; ++q) {
    Native<T> b[2];
    std::memcpy(b, panel + q * kIntColumns<T>, sizeof b);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const T x = a[i * strides.other + q * strides.k];
      sums[i][0] += x * b[0];
      sums[i][1] += x * b[1];
    }
  }
  const auto bytes = static_cast<size_t>(width) * sizeof(T);
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    Native<T> done[2] = {};
    if (add) std::memcpy(done, c + i * pitch, bytes);
    done[0] += sums[i][0], done[1] += sums[i][1];
    std::memcpy(c + i * pitch, done, bytes);
  }
}

template <class T>
void tile_ints(const void* left, IntStrides strides, int64_t rows, int64_t k, const void* right,
               void* out, int64_t pitch, int64_t width, bool add) noexcept {
  const T* a = static_cast<const T*>(left);
  const T* panel = static_cast<const T*>(right);
  T* c = static_cast<T*>(out);
  if (rows == kIntRows) return tile_rows<kIntRows>(a, strides, k, panel, c, pitch, width, add);
  for (int64_t i = 0; i < rows; ++i)
    tile_rows<1>(a + i * strides.other, strides, k, panel, c + i * pitch, pitch, width, add);
}

template <class T>
constexpr GemmIntKernels kIntKernels = {kIntRows, kIntColumns<T>, pack_ints<T>, tile_ints<T>};

}  // namespace

extern const GemmIntTable kGemmIntTable;
const GemmIntTable kGemmIntTable{
    {kIntKernels<uint8_t>, kIntKernels<uint16_t>, kIntKernels<uint32_t>, kIntKernels<uint64_t>}};

}  // namespace ranvier::kernels::RV_ISA
