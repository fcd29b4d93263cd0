// The three stages of Winograd convolution at one instruction-set level.

#include "kernels/cpu/conv/winograd_kernels.h"
#include "kernels/cpu/gemm/tile.h"
#include "kernels/cpu/simd/math.h"

namespace ranvier::kernels::RV_ISA {
extern const WinogradKernels kWinograd;
namespace {

constexpr int kLanes = VecF::kLanes;
constexpr int kPanel = 2 * kLanes;
constexpr int64_t kLine = 16;  // floats

// B^T applied to six values, `Step` apart in both arrays.
template <int Step>
RV_INLINE void transform_patch(const VecF* d, VecF* to) {
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

// A^T applied to six values `From` apart.
template <int From, int To>
RV_INLINE void transform_products(const VecF* m, VecF* to) {
  const VecF two = VecF::set1(2.0f), four = VecF::set1(4.0f), eight = VecF::set1(8.0f);
  const VecF sum1 = m[From] + m[2 * From], difference1 = m[From] - m[2 * From];
  const VecF sum2 = m[3 * From] + m[4 * From], difference2 = m[3 * From] - m[4 * From];
  to[0] = m[0] + sum1 + sum2;
  to[To] = fma(two, difference2, difference1);
  to[2 * To] = fma(four, sum2, sum1);
  to[3 * To] = fma(eight, difference2, difference1) + m[5 * From];
}

// Where a tile lies: its first output, and from it the first input of its patch.
struct Place {
  int64_t image, row, column;

  Place(const WinogradPlan& plan, int64_t tile) {
    const int64_t per_image = plan.tiles_across * plan.tiles_down;
    image = tile / per_image;
    const int64_t rest = tile - image * per_image;
    row = rest / plan.tiles_across * kWinogradTile;
    column = rest % plan.tiles_across * kWinogradTile;
  }
};

// Patch positions [begin, end) along one axis that lie inside x.
struct Inside {
  int64_t begin, end;
  Inside(int64_t first, int64_t size) {
    begin = first < 0 ? -first : 0;
    end = size - first < kWinogradPatch ? size - first : kWinogradPatch;
  }
  RV_INLINE bool has(int64_t i) const { return i >= begin && i < end; }
  bool all() const { return begin == 0 && end == kWinogradPatch; }
};

template <bool kWhole, bool kTail>
RV_INLINE void patch_channels(const float* x, int64_t row_pitch, int64_t pixel_pitch, Inside rows,
                              Inside columns, int tail, float* v, int64_t point_pitch) {
  VecF d[kWinogradPatch * kWinogradPatch], t[kWinogradPatch * kWinogradPatch];
#pragma GCC unroll 6
  for (int j = 0; j < kWinogradPatch; ++j) {
#pragma GCC unroll 6
    for (int i = 0; i < kWinogradPatch; ++i) {
      const float* from = x + i * row_pitch + j * pixel_pitch;
      const bool inside = kWhole || (rows.has(i) && columns.has(j));
      d[6 * i + j] = !inside ? VecF::zero()
                     : kTail ? VecF::load_partial(from, tail)
                             : VecF::load(from);
    }
    transform_patch<6>(d + j, t + j);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kWinogradPatch; ++i) {
    VecF row[kWinogradPatch];
    transform_patch<1>(t + 6 * i, row);
#pragma GCC unroll 6
    for (int j = 0; j < kWinogradPatch; ++j) {
      float* to = v + (6 * i + j) * point_pitch;
      if (kTail)
        row[j].store_partial(to, tail);
      else
        row[j].store(to);
    }
  }
}

// Fetches a line of each pixel of a tile that the tile before it does not share.
template <bool kWrite>
RV_INLINE void fetch_tile(const float* from, int64_t row_pitch, int64_t pixel_pitch) {
#pragma GCC unroll 6
  for (int i = 0; i < (kWrite ? kWinogradTile : kWinogradPatch); ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kWinogradTile; ++j)
      __builtin_prefetch(from + i * row_pitch + j * pixel_pitch, kWrite);
}

template <bool kWhole>
void patch(const float* x, const float* next, int64_t channels, int64_t row_pitch, Inside rows,
           Inside columns, float* v, int64_t point_pitch) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    if (c % kLine == 0) fetch_tile<false>(next + c, row_pitch, channels);
    patch_channels<kWhole, false>(x + c, row_pitch, channels, rows, columns, kLanes, v + c,
                                  point_pitch);
  }
  if (c < channels)
    patch_channels<kWhole, true>(x + c, row_pitch, channels, rows, columns,
                                 static_cast<int>(channels - c), v + c, point_pitch);
}

void input(const WinogradPlan& plan, const float* x, int64_t first, int64_t count,
           float* v) noexcept {
  const ConvShape& s = plan.shape;
  const int64_t channels = s.in_channels, row_pitch = s.in[2] * channels;
  const auto source = [&](const Place& p) {
    return x + (p.image * s.in[1] + p.row - s.pad_lo[1]) * row_pitch +
           (p.column - s.pad_lo[2]) * channels;
  };
  Place next(plan, first);
  for (int64_t i = 0; i < count; ++i) {
    const Place place = next;
    next = Place(plan, first + i + 1);
    const Inside rows(place.row - s.pad_lo[1], s.in[1]);
    const Inside columns(place.column - s.pad_lo[2], s.in[2]);
    const bool whole = rows.all() && columns.all();
    (whole ? patch<true> : patch<false>)(source(place), source(next) + 2 * channels, channels,
                                         row_pitch, rows, columns, v + i * channels, plan.v_pitch);
  }
}

void multiply(const WinogradPlan& plan, const float* v, const float* u, int64_t tiles,
              int64_t point, int64_t end, int64_t panel, int64_t panel_end, float* m) noexcept {
  constexpr int kRows = kTileRows[2];
  const int64_t channels = plan.shape.in_channels, columns = plan.columns;
  const int64_t parts = (tiles + kRows - 1) / kRows, half = channels * kPanel / 2;
  for (int64_t p = point; p < end; ++p)
    for (int64_t j = panel; j < panel_end; ++j) {
      const float* b = u + (p * columns + j * kPanel) * channels;
      const float* const next = b + 2 * half;  // the panel that follows, in halves
      for (int64_t part = 0; part < parts; ++part) {
        TileAhead<float> ahead = half_panel(next + part * half, kPanel, channels);
        const int64_t from = tiles * part / parts, to = tiles * (part + 1) / parts;
        find_tile<float>(Walk::Across, Columns::Packed, static_cast<int>(to - from), 2)(
            v + p * plan.v_pitch + from * channels, channels, b, kPanel, channels,
            {.c = m + p * plan.m_pitch + from * columns + j * kPanel,
             .ldc = columns,
             .alpha = 1,
             .beta = 0,
             .tail = kLanes,
             .ahead = part < 2 ? &ahead : nullptr});
      }
    }
}

struct Finish {
  const float* bias;
  const float* residual;  // at the tile's first output
  float* y;
  int64_t row_pitch, pixel_pitch;
  int rows, columns;  // of the tile that lie inside y
  bool relu, relu6;
};

template <bool kTail>
RV_INLINE void tile_channels(const float* m, int64_t point_pitch, const Finish& f, int64_t c,
                             int tail) {
  VecF t[4 * 6];
#pragma GCC unroll 6
  for (int j = 0; j < kWinogradPatch; ++j) {
    VecF column[kWinogradPatch];
#pragma GCC unroll 6
    for (int i = 0; i < kWinogradPatch; ++i)
      column[i] = VecF::load(m + (6 * i + j) * point_pitch + c);
    transform_products<1, 6>(column, t + j);
  }
  const auto load = [tail](const float* p) __attribute__((always_inline)) {
    return kTail ? VecF::load_partial(p, tail) : VecF::load(p);
  };
  const VecF bias = f.bias ? load(f.bias + c) : VecF::zero();
  for (int i = 0; i < f.rows; ++i) {
    VecF row[kWinogradTile];
    transform_products<1, 1>(t + 6 * i, row);
    for (int j = 0; j < f.columns; ++j) {
      const int64_t at = i * f.row_pitch + j * f.pixel_pitch + c;
      VecF value = row[j];
      if (f.bias) value = value + bias;
      if (f.residual) value = value + load(f.residual + at);
      if (f.relu) value = select(value < VecF::zero(), VecF::zero(), value);
      if (f.relu6) value = min(VecF::set1(6), value);
      if (kTail)
        value.store_partial(f.y + at, tail);
      else
        value.store(f.y + at);
    }
  }
}

void output(const WinogradPlan& plan, const float* m, int64_t first, int64_t count,
            const ConvEpilogue& e, float* y) noexcept {
  const ConvShape& s = plan.shape;
  const int64_t channels = s.out_channels, row_pitch = s.out[2] * channels;
  const auto left = [](int64_t size, int64_t at) {
    return static_cast<int>(size - at < kWinogradTile ? size - at : kWinogradTile);
  };
  const auto target = [&](const Place& p) {
    return (p.image * s.out[1] + p.row) * row_pitch + p.column * channels;
  };
  const auto* residual = static_cast<const float*>(e.residual);
  Place next(plan, first);
  for (int64_t i = 0; i < count; ++i) {
    const Place place = next;
    next = Place(plan, first + i + 1);
    const int64_t at = target(place), ahead = target(next);
    const Finish f{static_cast<const float*>(e.bias),
                   residual ? residual + at : nullptr,
                   y + at,
                   row_pitch,
                   channels,
                   left(s.out[1], place.row),
                   left(s.out[2], place.column),
                   e.activation != Activation::None,
                   e.activation == Activation::Relu6};
    const float* from = m + i * plan.columns;
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      if (c % kLine == 0) {
        fetch_tile<true>(y + ahead + c, row_pitch, channels);
        if (residual) fetch_tile<false>(residual + ahead + c, row_pitch, channels);
      }
      tile_channels<false>(from, plan.m_pitch, f, c, kLanes);
    }
    if (c < channels) tile_channels<true>(from, plan.m_pitch, f, c, static_cast<int>(channels - c));
  }
}

}  // namespace

const WinogradKernels kWinograd = {&input, &multiply, &output, kPanel};

}  // namespace ranvier::kernels::RV_ISA
