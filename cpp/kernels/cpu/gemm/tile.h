#pragma once
// The register tiles of the matrix product as their callers see them. One tile holds R rows of V
// vectors of C in registers and walks k once; operands are packed or read where they lie, the
// difference is in the strides alone. micro.h has the tiles themselves.

#include <array>

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {

// How B is read: from a packed panel, whose rows follow each other and are filled up to whole
// vectors; in place; or in place with a last vector that is read under a mask (on AVX-512 a mask
// costs a slot of a port that the FMAs need).
enum class Columns { Packed, Whole, Ragged };

// How A is walked. Along: element (r, p) at a[r + p * stride] (a packed panel, or A stored k×m).
// Across: at a[r * stride + p] (A stored m×k).
enum class Walk { Along, Across };

// What a tile does to its sums before they are stored for the last time:
//   min(highest, max(lowest, x + bias + residual))
// A bias or residual that is not there is kNothing.
template <class T>
struct TileClose {
  const T* bias = nullptr;  // of the tile's columns; nullptr: the tile does not close
  const T* residual = nullptr;
  int64_t ld_residual = 0;  // 0: no residual
  T lowest = 0, highest = 0;
};

// What a tile fetches into the second cache while it sums, for work that comes later: with every
// four columns of A one of `rows` rows, `step` elements apart, of `lines` cache lines. It counts
// along in them.
template <class T>
struct TileAhead {
  const T* at;
  int64_t step, rows;
  int lines;
  TileAhead* also = nullptr;
};
// Half of a packed panel of k rows, `row` elements each, beside a tile of k columns of A.
template <class T>
constexpr TileAhead<T> half_panel(const T* at, int64_t row, int64_t k) {
  return {at, 2 * row, k / 4, static_cast<int>((2 * row * sizeof(T) + 63) / 64)};
}

// C = close(alpha * product + beta * C); beta 0 does not read C.
template <class T>
struct TileTarget {
  T* c;
  int64_t ldc;
  T alpha, beta;
  int tail;  // columns of the last vector, 1 to lanes
  TileClose<T> close = {};
  TileAhead<T>* ahead = nullptr;
};

// C (R×V vectors) += k columns of A times k rows of B: (a, stride, b, b_stride, k, C).
template <class T>
using TileFn = void (*)(const T*, int64_t, const T*, int64_t, int64_t,
                        const TileTarget<T>&) noexcept;

// The same with whole vectors of a B that is read in place, whose rows are copied on the way:
// (a, stride, b, b_stride, k, packed panel, C).
template <class T>
using CopyingTileFn = void (*)(const T*, int64_t, const T*, int64_t, int64_t, T*,
                               const TileTarget<T>&) noexcept;

// Compiled once per level, in gemm_f32.cpp and gemm_f64.cpp. rows <= kTileRows[vectors];
// Columns::Ragged needs kMaskedLoads<T>.
template <class T>
TileFn<T> find_tile(Walk walk, Columns columns, int rows, int vectors) noexcept;
template <>
TileFn<float> find_tile(Walk walk, Columns columns, int rows, int vectors) noexcept;
template <>
TileFn<double> find_tile(Walk walk, Columns columns, int rows, int vectors) noexcept;
// For 2 vectors, or 4 where there are tiles of so many.
template <class T>
CopyingTileFn<T> find_copying_tile(Walk walk, int rows, int vectors) noexcept;
template <>
CopyingTileFn<float> find_copying_tile(Walk walk, int rows, int vectors) noexcept;
template <>
CopyingTileFn<double> find_copying_tile(Walk walk, int rows, int vectors) noexcept;

namespace {

// Largest tiles that fit the registers: R * V accumulators, V vectors of B, one broadcast of A.
#if defined(__AVX512F__)
inline constexpr int kTileRows[5] = {0, 14, 14, 9, 6};
#elif defined(__AVX2__)
inline constexpr int kTileRows[5] = {0, 8, 6, 4, 0};
#else
inline constexpr int kTileRows[5] = {0, 6, 4, 0, 0};
#endif
inline constexpr int kMaxTileRows = kTileRows[2];
// Wide tiles and masked loads of B pay where products are many: float64 does without their code.
template <class T>
inline constexpr int kMaxVectors = sizeof(T) == 8 || kVectorBytes == 16 ? 2
                                   : kVectorBytes == 64                 ? 4
                                                                        : 3;
// Added without effect, where there is nothing to add.
template <class T>
alignas(64) inline constexpr auto kNothing = [] {
  std::array<T, kMaxVectors<T> * Vec<T>::kLanes> zeros{};
  zeros.fill(T(-0.0));
  return zeros;
}();

// Without masked loads a ragged B is packed.
template <class T>
inline constexpr bool kMaskedLoads = sizeof(T) == 4 && kVectorBytes > 16;

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
