// The sums of sample.h, once per instruction set.

#include "kernels/cpu/data/sample.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The corners around a point: rows of the table, -1 outside, and weights.
template <class T, int kAxes>
struct Corners {
  static constexpr int kMost = 1 << (kAxes ? kAxes : kMostSampleAxes);
  int count;
  int64_t row[kMost];
  T weight[kMost];

  RV_INLINE Corners(const Sample& s, const SampleAxis* axes, int64_t p) {
    const int n = kAxes ? kAxes : s.axes;
    count = 1;
    row[0] = 0;
    weight[0] = T(1);
    for (int a = 0; a < n; ++a, count *= 2) {
      const auto at = [&](int side) { return static_cast<const T*>(axes[a].weight[side])[p]; };
      const int64_t low = axes[a].row[0][p], high = axes[a].row[1][p];
      const T before = at(0), after = at(1);
      // In the order of the last axis, so that the sum of corners is that of nested loops.
      for (int c = count - 1; c >= 0; --c) {
        const int64_t from = row[c];
        const T share = weight[c];
        row[2 * c + 1] = from + high;
        weight[2 * c + 1] = share * after;
        row[2 * c] = from + low;
        weight[2 * c] = share * before;
      }
    }
    for (int c = 0; c < count; ++c)
      if (static_cast<uint64_t>(row[c]) >= static_cast<uint64_t>(s.rows)) row[c] = -1;
  }
};

// kDepth values of each row in registers.
template <class T, int kAxes, int kDepth>
void short_rows(const Sample& s, T* y, const T* x, const SampleAxis* axes, int64_t begin,
                int64_t end) {
  const T fill = static_cast<T>(s.fill);
  for (int64_t p = begin; p < end; ++p) {
    const Corners<T, kAxes> corners(s, axes, p);
    T sum[kDepth] = {};
    for (int c = 0; c < corners.count; ++c) {
      const int64_t row = corners.row[c];
      for (int d = 0; d < kDepth; ++d)
        sum[d] += corners.weight[c] * (row < 0 ? fill : x[row * kDepth + d]);
    }
    for (int d = 0; d < kDepth; ++d) y[p * kDepth + d] = sum[d];
  }
}

template <class T, int kAxes>
void long_rows(const Sample& s, T* y, const T* x, const SampleAxis* axes, int64_t begin,
               int64_t end) {
  const T fill = static_cast<T>(s.fill);
  for (int64_t p = begin; p < end; ++p) {
    const Corners<T, kAxes> corners(s, axes, p);
    T* __restrict to = y + p * s.depth;
    for (int64_t d = 0; d < s.depth; ++d) to[d] = 0;
    for (int c = 0; c < corners.count; ++c) {
      const T weight = corners.weight[c];
      const T* __restrict from = x + corners.row[c] * s.depth;
      if (corners.row[c] < 0)
        for (int64_t d = 0; d < s.depth; ++d) to[d] += weight * fill;
      else
        for (int64_t d = 0; d < s.depth; ++d) to[d] += weight * from[d];
    }
  }
}

template <class T, int kAxes>
void rows_of(const Sample& s, T* y, const T* x, const SampleAxis* axes, int64_t begin,
             int64_t end) {
  if (s.depth == 1) return short_rows<T, kAxes, 1>(s, y, x, axes, begin, end);
  if (s.depth == 3) return short_rows<T, kAxes, 3>(s, y, x, axes, begin, end);
  if (s.depth == 4) return short_rows<T, kAxes, 4>(s, y, x, axes, begin, end);
  long_rows<T, kAxes>(s, y, x, axes, begin, end);
}

template <class T>
void sample(const Sample& s, void* y, const void* x, const SampleAxis* axes, int64_t begin,
            int64_t end) noexcept {
  auto* to = static_cast<T*>(y);
  const auto* from = static_cast<const T*>(x);
  s.axes == 2 ? rows_of<T, 2>(s, to, from, axes, begin, end)
              : rows_of<T, 0>(s, to, from, axes, begin, end);
}

}  // namespace

extern const SampleKernels kSampleKernels;
const SampleKernels kSampleKernels{sample<float>, sample<double>};

}  // namespace ranvier::kernels::RV_ISA
