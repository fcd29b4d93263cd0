#pragma once
// Tiles of Winograd convolution at one instruction-set level: matrices and places.

#include "kernels/cpu/conv/winograd_kernels.h"
#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
namespace {

constexpr int kLanes = VecF::kLanes;
constexpr int kPanel = 2 * kLanes;

// The first `count` values of a vector at the end of the channels; none where nothing is left.
RV_INLINE int lanes_of(int64_t left) {
  return static_cast<int>(left < 0 ? 0 : left < kLanes ? left : kLanes);
}
RV_INLINE VecF load_first(const float* p, int count) {
  return count == kLanes ? VecF::load(p) : VecF::load_partial(p, count);
}
RV_INLINE void store_first(VecF x, float* p, int count) {
  if (count == kLanes)
    x.store(p);
  else
    x.store_partial(p, count);
}

// The matrices of F(M×M, 3×3) as sums; points lie 0, 1, -1 for M = 2, and 2, -2 for M = 4.
template <int M>
struct Minimal;

template <>
struct Minimal<4> {
  // B^T applied to six values, `Step` apart in both arrays.
  template <int Step>
  RV_INLINE static void patch(const VecF* d, VecF* to) {
    const VecF two = VecF::set1(2.0f), four = VecF::set1(4.0f), five = VecF::set1(5.0f);
    const VecF d0 = d[0], d1 = d[Step], d2 = d[2 * Step], d3 = d[3 * Step], d4 = d[4 * Step],
               d5 = d[5 * Step];
    const VecF even = d4 - four * d2, odd = d3 - four * d1;
    const VecF outer = d4 - d2, inner = two * (d3 - d1);
    to[0] = fma(four, d0, d4 - five * d2);
    to[Step] = even + odd;
    to[2 * Step] = even - odd;
    to[3 * Step] = outer + inner;
    to[4 * Step] = outer - inner;
    to[5 * Step] = fma(four, d1, d5 - five * d3);
  }

  // A^T applied to six values; results lie `Step` apart.
  template <int Step>
  RV_INLINE static void products(const VecF* m, VecF* to) {
    const VecF two = VecF::set1(2.0f), four = VecF::set1(4.0f), eight = VecF::set1(8.0f);
    const VecF sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const VecF sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    to[0] = m[0] + sum1 + sum2;
    to[Step] = fma(two, difference2, difference1);
    to[2 * Step] = fma(four, sum2, sum1);
    to[3 * Step] = fma(eight, difference2, difference1) + m[5];
  }
};

template <>
struct Minimal<2> {
  template <int Step>
  RV_INLINE static void patch(const VecF* d, VecF* to) {
    to[0] = d[0] - d[2 * Step];
    to[Step] = d[Step] + d[2 * Step];
    to[2 * Step] = d[2 * Step] - d[Step];
    to[3 * Step] = d[Step] - d[3 * Step];
  }

  template <int Step>
  RV_INLINE static void products(const VecF* m, VecF* to) {
    to[0] = m[0] + m[1] + m[2];
    to[Step] = m[1] - m[2] - m[3];
  }

  // A applied to two values; results lie `Step` apart as well.
  template <int Step>
  RV_INLINE static void gradients(const VecF* y, VecF* to) {
    to[0] = y[0];
    to[Step] = y[0] + y[Step];
    to[2 * Step] = y[0] - y[Step];
    to[3 * Step] = VecF::zero() - y[Step];
  }

  // G applied to three values of a filter, `Step` apart in both arrays.
  template <int Step>
  RV_INLINE static void filter(const VecF* g, VecF* to) {
    const VecF half = VecF::set1(0.5f);
    const VecF ends = half * (g[0] + g[2 * Step]), middle = half * g[Step];
    to[0] = g[0];
    to[Step] = ends + middle;
    to[2 * Step] = ends - middle;
    to[3 * Step] = g[2 * Step];
  }

  // G^T applied to four values.
  template <int Step>
  RV_INLINE static void filter_gradient(const VecF* p, VecF* to) {
    const VecF half = VecF::set1(0.5f);
    const VecF ends = half * (p[Step] + p[2 * Step]);
    to[0] = p[0] + ends;
    to[Step] = half * (p[Step] - p[2 * Step]);
    to[2 * Step] = ends + p[3 * Step];
  }
};

// Where a tile lies: its first output, and from it the first input of its patch.
struct Place {
  int64_t image, row, column;

  Place(const WinogradPlan& plan, int64_t tile) {
    const int64_t per_image = plan.tiles_across * plan.tiles_down;
    image = tile / per_image;
    const int64_t rest = tile - image * per_image;
    row = rest / plan.tiles_across * plan.tile;
    column = rest % plan.tiles_across * plan.tile;
  }
};

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
