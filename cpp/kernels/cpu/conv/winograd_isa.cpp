// The three stages of Winograd convolution at one instruction-set level.

#include "kernels/cpu/conv/winograd_tile.h"
#include "kernels/cpu/gemm/tile.h"

namespace ranvier::kernels::RV_ISA {
extern const WinogradKernels kWinograd;
extern const WinogradFilters kWinogradFilters;
namespace {

constexpr int64_t kLine = 16;  // floats

// Positions [begin, end) of a patch of `length` along one axis that lie inside x.
struct Inside {
  int64_t begin, end, length;
  Inside(int64_t first, int64_t size, int64_t length) : length(length) {
    begin = first < 0 ? -first : 0;
    end = size - first < length ? size - first : length;
  }
  RV_INLINE bool has(int64_t i) const { return i >= begin && i < end; }
  bool all() const { return begin == 0 && end == length; }
};

template <int M, bool kWhole, bool kTail>
RV_INLINE void patch_channels(const float* x, int64_t row_pitch, int64_t pixel_pitch, Inside rows,
                              Inside columns, int tail, float* v, int64_t point_pitch) {
  constexpr int kPatch = M + 2;
  VecF d[kPatch * kPatch], t[kPatch * kPatch];
#pragma GCC unroll 6
  for (int j = 0; j < kPatch; ++j) {
#pragma GCC unroll 6
    for (int i = 0; i < kPatch; ++i) {
      const float* from = x + i * row_pitch + j * pixel_pitch;
      const bool inside = kWhole || (rows.has(i) && columns.has(j));
      d[kPatch * i + j] = !inside ? VecF::zero()
                          : kTail ? VecF::load_partial(from, tail)
                                  : VecF::load(from);
    }
    Minimal<M>::template patch<kPatch>(d + j, t + j);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kPatch; ++i) {
    VecF row[kPatch];
    Minimal<M>::template patch<1>(t + kPatch * i, row);
#pragma GCC unroll 6
    for (int j = 0; j < kPatch; ++j) {
      float* to = v + (kPatch * i + j) * point_pitch;
      if (kTail)
        row[j].store_partial(to, tail);
      else
        row[j].store(to);
    }
  }
}

// Fetches a line of each pixel of a tile that the tile before it does not share.
template <int M, bool kWrite>
RV_INLINE void fetch_tile(const float* from, int64_t row_pitch, int64_t pixel_pitch) {
#pragma GCC unroll 6
  for (int i = 0; i < (kWrite ? M : M + 2); ++i)
#pragma GCC unroll 4
    for (int j = 0; j < M; ++j) __builtin_prefetch(from + i * row_pitch + j * pixel_pitch, kWrite);
}

template <int M, bool kWhole>
void patch(const float* x, const float* next, int64_t channels, int64_t row_pitch, Inside rows,
           Inside columns, float* v, int64_t point_pitch) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    if (c % kLine == 0) fetch_tile<M, false>(next + c, row_pitch, channels);
    patch_channels<M, kWhole, false>(x + c, row_pitch, channels, rows, columns, kLanes, v + c,
                                     point_pitch);
  }
  if (c < channels)
    patch_channels<M, kWhole, true>(x + c, row_pitch, channels, rows, columns,
                                    static_cast<int>(channels - c), v + c, point_pitch);
}

template <int M>
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
    const Inside rows(place.row - s.pad_lo[1], s.in[1], M + 2);
    const Inside columns(place.column - s.pad_lo[2], s.in[2], M + 2);
    const bool whole = rows.all() && columns.all();
    (whole ? patch<M, true> : patch<M, false>)(source(place), source(next) + 2 * channels, channels,
                                               row_pitch, rows, columns, v + i * channels,
                                               plan.v_pitch);
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

template <int M, bool kTail>
RV_INLINE void tile_channels(const float* m, int64_t point_pitch, const Finish& f, int64_t c,
                             int tail) {
  constexpr int kPatch = M + 2;
  VecF t[M * kPatch];
#pragma GCC unroll 6
  for (int j = 0; j < kPatch; ++j) {
    VecF column[kPatch];
#pragma GCC unroll 6
    for (int i = 0; i < kPatch; ++i) column[i] = VecF::load(m + (kPatch * i + j) * point_pitch + c);
    Minimal<M>::template products<kPatch>(column, t + j);
  }
  const auto load = [tail](const float* p) __attribute__((always_inline)) {
    return kTail ? VecF::load_partial(p, tail) : VecF::load(p);
  };
  const VecF bias = f.bias ? load(f.bias + c) : VecF::zero();
  for (int i = 0; i < f.rows; ++i) {
    VecF row[M];
    Minimal<M>::template products<1>(t + kPatch * i, row);
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

template <int M>
void output(const WinogradPlan& plan, const float* m, int64_t first, int64_t count,
            const ConvEpilogue& e, float* y) noexcept {
  const ConvShape& s = plan.shape;
  const int64_t channels = s.out_channels, row_pitch = s.out[2] * channels;
  const auto left = [](int64_t size, int64_t at) {
    return static_cast<int>(size - at < M ? size - at : M);
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
        fetch_tile<M, true>(y + ahead + c, row_pitch, channels);
        if (residual) fetch_tile<M, false>(residual + ahead + c, row_pitch, channels);
      }
      tile_channels<M, false>(from, plan.m_pitch, f, c, kLanes);
    }
    if (c < channels)
      tile_channels<M, true>(from, plan.m_pitch, f, c, static_cast<int>(channels - c));
  }
}

}  // namespace

const WinogradKernels kWinograd = {
    {&input<2>, &output<2>}, {&input<4>, &output<4>}, &multiply, &kWinogradFilters, kPanel};

}  // namespace ranvier::kernels::RV_ISA
