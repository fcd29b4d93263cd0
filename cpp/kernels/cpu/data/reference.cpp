#include "kernels/cpu/data/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/cpu/data/random.h"
#include "kernels/cpu/data/random_constants.h"
#include "kernels/cpu/data/resample.h"

namespace ranvier::kernels::reference {

void strided_copy(int element_bytes, std::span<const int64_t> sizes,
                  std::span<const int64_t> dst_strides, std::span<const int64_t> src_strides,
                  void* dst, const void* src) {
  if (sizes.empty()) {
    std::memcpy(dst, src, static_cast<size_t>(element_bytes));
    return;
  }
  for (int64_t i = 0; i < sizes[0]; ++i)
    strided_copy(element_bytes, sizes.subspan(1), dst_strides.subspan(1), src_strides.subspan(1),
                 static_cast<char*>(dst) + i * dst_strides[0] * element_bytes,
                 static_cast<const char*>(src) + i * src_strides[0] * element_bytes);
}

void pad(int element_bytes, const Shape& src_shape, std::span<const int64_t> before,
         std::span<const int64_t> after, PadMode mode, void* dst, const void* src,
         const void* value) {
  Shape dst_shape;
  for (int a = 0; a < src_shape.rank(); ++a)
    dst_shape.push_back(before[a] + src_shape[a] + after[a]);
  for (int64_t i = 0; i < dst_shape.size(); ++i) {
    int64_t rest = i, source = 0, stride = 1;
    bool outside = false;
    for (int a = src_shape.rank() - 1; a >= 0; --a) {
      const int64_t n = src_shape[a];
      int64_t j = rest % dst_shape[a] - before[a];
      rest /= dst_shape[a];
      if (j < 0 || j >= n) {
        switch (mode) {
          case PadMode::Constant:
            outside = true;
            break;
          case PadMode::Edge:
            j = j < 0 ? 0 : n - 1;
            break;
          case PadMode::Reflect:
            j = j < 0 ? -j : 2 * n - 2 - j;
            break;
          case PadMode::Symmetric:
            j = j < 0 ? -j - 1 : 2 * n - 1 - j;
            break;
          case PadMode::Wrap:
            j = (j + n) % n;
            break;
        }
      }
      source += j * stride;
      stride *= n;
    }
    std::memcpy(static_cast<char*>(dst) + i * element_bytes,
                outside ? value : static_cast<const char*>(src) + source * element_bytes,
                static_cast<size_t>(element_bytes));
  }
}

uint32_t random_bits(const uint32_t key[2], int64_t i) {
  const auto block = static_cast<uint64_t>(i) / 64, r = static_cast<uint64_t>(i) % 64;
  const uint64_t index = block * 16 + r % 16;
  const uint32_t counter[4] = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0,
                               0};
  uint32_t words[4];
  philox(key, counter, words);
  return words[r / 16];
}

double inverse_normal_tail(double v) {
  double low = 0, high = 12;
  for (int i = 0; i < 80; ++i) {
    const double middle = 0.5 * (low + high);
    (std::erfc(middle * M_SQRT1_2) > v ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double uniform(const uint32_t key[2], int64_t i, double lo, double hi) {
  return lo + (hi - lo) * (random_bits(key, i) >> 8) * 0x1p-24;
}

double normal(const uint32_t key[2], int64_t i) {
  const uint32_t bits = random_bits(key, i);
  const double z = inverse_normal_tail((0x7fffffffu - (bits & 0x7fffffffu) + 0.5) * 0x1p-31);
  return bits >> 31 ? -z : z;
}

double truncated_normal(const uint32_t key[2], int64_t i) {
  const uint32_t bits = random_bits(key, i);
  const double inside = ((bits & 0x7fffffffu) + 0.5) * 0x1p-31;
  const double z = inverse_normal_tail(1 - kWithinTwo * inside);
  return bits >> 31 ? -z : z;
}

namespace {

// weight[i][p] of every position p, as a dense matrix.
template <class T>
std::vector<double> dense_weights(const ResampleAxis& axis, const int32_t* index,
                                  const void* weight) {
  std::vector<double> dense(static_cast<size_t>(axis.count * axis.size));
  for (int64_t i = 0; i < axis.count; ++i) {
    if (axis.taps == 0) dense[static_cast<size_t>(i * axis.size + i)] = 1;
    for (int64_t k = i * axis.taps; k < (i + 1) * axis.taps; ++k) {
      const auto p = std::clamp<int64_t>(index[k], 0, axis.size - 1);
      dense[static_cast<size_t>(i * axis.size + p)] += static_cast<const T*>(weight)[k];
    }
  }
  return dense;
}

}  // namespace

template <class T>
void resample(const ResamplePlan& p, T* y, const T* x, const ResampleTables& tables) {
  const auto rows = dense_weights<T>(p.rows, tables.row_index, tables.row_weight);
  const auto cols = dense_weights<T>(p.cols, tables.col_index, tables.col_weight);
  const auto weight = [&](const std::vector<double>& dense, const ResampleAxis& axis, int64_t out,
                          int64_t in) {
    return dense[static_cast<size_t>(p.transposed ? in * axis.size + out : out * axis.size + in)];
  };
  const int64_t in_rows = p.in(p.rows), in_cols = p.in(p.cols);
  for (int64_t o = 0; o < p.outer; ++o)
    for (int64_t i = 0; i < p.out(p.rows); ++i)
      for (int64_t j = 0; j < p.out(p.cols); ++j)
        for (int64_t c = 0; c < p.inner; ++c, ++y) {
          double sum = 0;
          for (int64_t a = 0; a < in_rows; ++a)
            for (int64_t b = 0; b < in_cols; ++b) {
              const double w = weight(rows, p.rows, i, a) * weight(cols, p.cols, j, b);
              if (w != 0) sum += w * x[((o * in_rows + a) * in_cols + b) * p.inner + c];
            }
          *y = static_cast<T>(sum);
        }
}
template void resample(const ResamplePlan&, float*, const float*, const ResampleTables&);
template void resample(const ResamplePlan&, double*, const double*, const ResampleTables&);

}  // namespace ranvier::kernels::reference
