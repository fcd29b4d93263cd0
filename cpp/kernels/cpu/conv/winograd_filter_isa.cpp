// F(2×2, 3×3) on the filter's side at one instruction-set level: its transform, and its gradient
//
//   dg = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G.

#include "kernels/cpu/conv/winograd_tile.h"
#include "kernels/cpu/gemm/tile.h"

namespace ranvier::kernels::RV_ISA {
extern const WinogradFilters kWinogradFilters;
namespace {

constexpr int kPoints = 16;

// A matrix of F(2×2, 3×3) as a function of a step and two arrays.
#define RV_MATRIX(name)                                                   \
  []<int kStep>(const VecF* x, VecF* to) __attribute__((always_inline)) { \
    Minimal<2>::name<kStep>(x, to);                                       \
  }

// M x M^T of the In×In vectors x: Out×Out of them. `transform` applies M, Out×In, to vectors that
// lie its step apart.
template <int In, int Out, class Transform>
RV_INLINE void on_both_axes(Transform transform, const VecF* x, VecF* to) {
  VecF columns[Out * In];
#pragma GCC unroll 4
  for (int j = 0; j < In; ++j) transform.template operator()<In>(x + j, columns + j);
#pragma GCC unroll 4
  for (int i = 0; i < Out; ++i) transform.template operator()<1>(columns + In * i, to + Out * i);
}

// G g G^T of the filters [f, f + kLanes) of one channel; zeros beyond `left` of them.
RV_INLINE void filter_channel(const WinogradPlan& plan, const float* g, int64_t left, float* to) {
  const ConvShape& s = plan.shape;
  const int64_t point = plan.columns * s.in_channels, tap = s.in_channels * s.out_channels;
  VecF taps[9], u[kPoints];
#pragma GCC unroll 9
  for (int k = 0; k < 9; ++k) taps[k] = load_first(g + k * tap, lanes_of(left));
  on_both_axes<3, 4>(RV_MATRIX(filter), taps, u);
#pragma GCC unroll 16
  for (int i = 0; i < kPoints; ++i) u[i].store(to + i * point);
}

void transform(const WinogradPlan& plan, const float* filter, int64_t channel, int64_t end,
               float* packed) noexcept {
  const int64_t channels = plan.shape.in_channels, outputs = plan.shape.out_channels;
  for (int64_t panel = 0; panel < plan.columns; panel += kPanel)
    for (int64_t c = channel; c < end; ++c)
      for (int64_t f = panel; f < panel + kPanel; f += kLanes)
        filter_channel(plan, filter + c * outputs + f, outputs - f,
                       packed + panel * channels + c * kPanel + f - panel);
}

// A dy A^T of one tile, channels [f, f + kLanes); outputs beyond `rows` and `columns` are zero.
RV_INLINE void tile_gradient(const float* dy, int64_t row_pitch, int64_t pixel_pitch, int rows,
                             int columns, int64_t left, float* to, int64_t point_pitch) {
  VecF y[4], d[kPoints];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const float* from = dy + i / 2 * row_pitch + i % 2 * pixel_pitch;
    const bool inside = i / 2 < rows && i % 2 < columns;
    y[i] = inside ? load_first(from, lanes_of(left)) : VecF::zero();
  }
  on_both_axes<2, 4>(RV_MATRIX(gradients), y, d);
#pragma GCC unroll 16
  for (int i = 0; i < kPoints; ++i) d[i].store(to + i * point_pitch);
}

void gradient(const WinogradPlan& plan, const float* dy, int64_t first, int64_t at, int64_t count,
              float* d) noexcept {
  const ConvShape& s = plan.shape;
  const int64_t channels = s.out_channels, row_pitch = s.out[2] * channels;
  for (int64_t i = 0; i < count; ++i) {
    const Place place(plan, first + i);
    const int rows = static_cast<int>(s.out[1] - place.row < 2 ? 1 : 2);
    const int columns = static_cast<int>(s.out[2] - place.column < 2 ? 1 : 2);
    const float* from =
        dy + (place.image * s.out[1] + place.row) * row_pitch + place.column * channels;
    float* to = d + (at + i) * kPanel;
    for (int64_t f = 0; f < plan.columns; f += kPanel, to += plan.block_tiles * kPanel)
      for (int v = 0; v < kPanel; v += kLanes)
        tile_gradient(from + f + v, row_pitch, channels, rows, columns, channels - f - v, to + v,
                      plan.m_pitch);
  }
}

void add_products(const WinogradPlan& plan, const float* v, const float* d, int64_t tiles,
                  int64_t point, int64_t end, int64_t panel, int64_t panel_end, bool fresh,
                  float* sums) noexcept {
  constexpr int kRows = kTileRows[2];
  constexpr int64_t kTerms = 256;  // a panel of so many tiles stays in the first cache
  const int64_t channels = plan.shape.in_channels, columns = plan.columns;
  const int64_t parts = (channels + kRows - 1) / kRows;
  for (int64_t p = point; p < end; ++p)
    for (int64_t j = panel; j < panel_end; ++j)
      for (int64_t t = 0; t < tiles; t += kTerms) {
        const int64_t terms = tiles - t < kTerms ? tiles - t : kTerms;
        const float* a = v + p * plan.v_pitch + t * channels;
        const float* b = d + p * plan.m_pitch + (j * plan.block_tiles + t) * kPanel;
        float* c = sums + p * channels * columns + j * kPanel;
        for (int64_t part = 0; part < parts; ++part) {
          const int64_t from = channels * part / parts, to = channels * (part + 1) / parts;
          find_tile<float>(Walk::Along, Columns::Packed, static_cast<int>(to - from), 2)(
              a + from, channels, b, kPanel, terms,
              {.c = c + from * columns,
               .ldc = columns,
               .alpha = 1,
               .beta = fresh && t == 0 ? 0.0f : 1.0f,
               .tail = kLanes});
        }
      }
}

// G^T sums G of the filters [f, f + kLanes) of one channel.
RV_INLINE void filter_of_sums(const WinogradPlan& plan, const float* sums, int64_t slice, int count,
                              float* dw) {
  const ConvShape& s = plan.shape;
  const int64_t point = plan.columns * s.in_channels, tap = s.in_channels * s.out_channels;
  VecF p[kPoints], g[9];
#pragma GCC unroll 16
  for (int i = 0; i < kPoints; ++i) p[i] = VecF::load(sums + i * point);
  for (int64_t k = 1; k < plan.slices; ++k) {
#pragma GCC unroll 16
    for (int i = 0; i < kPoints; ++i) p[i] = p[i] + VecF::load(sums + k * slice + i * point);
  }
  on_both_axes<4, 3>(RV_MATRIX(filter_gradient), p, g);
#pragma GCC unroll 9
  for (int k = 0; k < 9; ++k) store_first(g[k], dw + k * tap, count);
}

void finish(const WinogradPlan& plan, const float* sums, int64_t channel, int64_t end,
            float* dw) noexcept {
  const int64_t outputs = plan.shape.out_channels;
  for (int64_t c = channel; c < end; ++c)
    for (int64_t f = 0; f < outputs; f += kLanes)
      filter_of_sums(plan, sums + c * plan.columns + f, plan.filter_floats(), lanes_of(outputs - f),
                     dw + c * outputs + f);
}

}  // namespace

const WinogradFilters kWinogradFilters = {&transform, &gradient, &add_products, &finish};

}  // namespace ranvier::kernels::RV_ISA
