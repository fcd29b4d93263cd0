#pragma once
// Gradient of a dense convolution to its filter. Included once per instruction set.

#include "kernels/cpu/conv/narrow_gradient.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Which rows of dw a unit holds: rows [begin, begin + count) of run `run` of group `group`.
struct GradientUnit {
  int64_t group, run, begin, count;
};
RV_INLINE GradientUnit gradient_unit(const FilterGradient& q, int64_t u) {
  const int64_t tile = u % q.tiles_per_run, rest = u / q.tiles_per_run;
  const int64_t begin = q.run_length * tile / q.tiles_per_run;
  const int64_t end = q.run_length * (tile + 1) / q.tiles_per_run;
  return {rest / q.runs, rest % q.runs, begin, end - begin};
}

// Columns [first, first + count) of a row of x, zero where there are none.
template <class T>
RV_INLINE void copy_columns(const FilterGradient& q, const T* row, int64_t first, int64_t count,
                            T* to) {
  const int64_t c = q.m_channels, end = first + count;
  int64_t lo = first < 0 ? 0 : first, hi = end < q.in[2] ? end : q.in[2];
  lo = lo > end ? end : lo;
  hi = hi < lo ? lo : hi;
  std::memset(to, 0, (lo - first) * c * sizeof(T));
  if (hi > lo) std::memcpy(to + (lo - first) * c, row + lo * c, (hi - lo) * c * sizeof(T));
  std::memset(to + (hi - first) * c, 0, (end - hi) * c * sizeof(T));
}

// Pieces of the output rows [r0, r1) whose input lies inside x for this run.
template <class T>
int64_t list_segments(const FilterGradient& q, const GradientUnit& unit, int64_t r0, int64_t r1,
                      const T* x, const T* dy, ConvSegment<T>* to, T* rows) noexcept {
  const int64_t across = q.joined ? 1 : q.taps[2];
  const int64_t kw = unit.run % across, rest = unit.run / across;
  const int64_t kh = rest % q.taps[1], kd = rest / q.taps[1];
  const int64_t step = q.stride[2], from = kw * q.dilation[2] - q.pad[2];
  // Output columns with 0 <= column*step + from < in; a joined run is inside everywhere.
  int64_t first = 0, end = q.out[2];
  if (!q.joined) {
    if (from < 0) first = (-from + step - 1) / step;
    const int64_t room = q.in[2] - from;
    const int64_t limit = room <= 0 ? 0 : (room - 1) / step + 1;
    end = end < limit ? end : limit;
  }
  int64_t count = 0;
  int64_t line = r0 / q.rows_per_line, part = r0 - line * q.rows_per_line;
  int64_t plane = line / q.out[1], oh = line - plane * q.out[1];
  int64_t image = plane / q.out[0], od = plane - image * q.out[0];
  const auto advance = [&] {
    if (++part < q.rows_per_line) return;
    part = 0, ++line;
    if (++oh < q.out[1]) return;
    oh = 0;
    if (++od < q.out[0]) return;
    od = 0, ++image;
  };
  for (int64_t r = r0; r < r1; ++r, advance()) {
    const int64_t id = od * q.stride[0] + kd * q.dilation[0] - q.pad[0];
    const int64_t ih = oh * q.stride[1] + kh * q.dilation[1] - q.pad[1];
    if (id < 0 || id >= q.in[0] || ih < 0 || ih >= q.in[1]) continue;
    int64_t lo = part * q.row_width, hi = lo + q.row_width;
    lo = lo < first ? first : lo;
    hi = hi > end ? end : hi;
    if (lo >= hi) continue;
    const T* from_x = x + image * q.in_image + id * q.in_pitch[0] + ih * q.in_pitch[1];
    if (q.copied) {
      T* row = rows + count * q.copied_row;
      copy_columns(q, from_x, lo * step + from, (hi - lo - 1) * step + q.taps[2], row);
      from_x = row;
    } else {
      from_x += (lo * step + from) * q.in_pitch[2] + unit.group * q.m_channels;
    }
    to[count++] = {from_x, dy + (line * q.out[2] + lo) * q.out_channels + unit.group * q.n_channels,
                   hi - lo};
  }
  return count;
}

// Memory that the next block of rows reads.
struct Ahead {
  const char* at;
  const char* end;
};

// Row units [r0, r1) of dy.
template <class T>
RV_INLINE Ahead dy_ahead(const FilterGradient& q, int64_t r0, int64_t r1, const T* dy) {
  const auto at = [&](int64_t r) {
    const int64_t line = r / q.rows_per_line, part = r - line * q.rows_per_line;
    return reinterpret_cast<const char*>(dy +
                                         (line * q.out[2] + part * q.row_width) * q.out_channels);
  };
  return {at(r0), at(r1)};
}
// What they read of x and those before them did not, as far as it lies in one image: the columns of
// one row, or whole rows, which the first part of an output row fetches for all of them.
template <class T>
RV_INLINE Ahead x_ahead(const FilterGradient& q, int64_t r0, int64_t r1, const T* x) {
  const char* const nothing = reinterpret_cast<const char*>(x);
  const int64_t line = r0 / q.rows_per_line, last = (r1 - 1) / q.rows_per_line;
  const int64_t part = r0 - line * q.rows_per_line;
  const int64_t plane = line / q.out[1], oh = line - plane * q.out[1];
  const int64_t image = plane / q.out[0], od = plane - image * q.out[0];
  const int64_t id = od * q.stride[0] + (q.taps[0] - 1) * q.dilation[0] - q.pad[0];
  if (id < 0 || id >= q.in[0]) return {nothing, nothing};
  const int64_t below = (q.taps[1] - 1) * q.dilation[1] - q.pad[1] + 1;
  int64_t lo = oh == 0 ? 0 : (oh - 1) * q.stride[1] + below;
  int64_t hi = (oh + last - line) * q.stride[1] + below;
  lo = lo < 0 ? 0 : lo;
  hi = hi > q.in[1] ? q.in[1] : hi;
  int64_t left = 0, right = q.in[2];
  if (hi - lo == 1) {
    const int64_t first = part * q.row_width * q.stride[2] - q.pad[2];
    const int64_t end =
        first + (q.row_width - 1) * q.stride[2] + (q.taps[2] - 1) * q.dilation[2] + 1;
    left = first < 0 ? 0 : first;
    right = end < right ? end : right;
  } else if (part > 0) {
    return {nothing, nothing};
  }
  if (lo >= hi || left >= right) return {nothing, nothing};
  const T* rows = x + image * q.in_image + id * q.in_pitch[0];
  return {reinterpret_cast<const char*>(rows + lo * q.in_pitch[1] + left * q.in_pitch[2]),
          reinterpret_cast<const char*>(rows + (hi - 1) * q.in_pitch[1] + right * q.in_pitch[2])};
}

// Deals what the next block reads to the tiles of this one, some bytes for each of their pixels:
// rows of dy lie pages apart, where no prefetcher follows.
struct Fetch {
  Ahead parts[2];
  int64_t step, pixels;

  template <class T>
  RV_INLINE Fetch(const FilterGradient& q, int64_t block, int64_t end, int64_t last, int64_t tiles,
                  const T* x, const T* dy) {
    const int64_t next = end + q.rows_per_block, until = next < last ? next : last;
    pixels = (end - block) * q.row_width;
    parts[0] = dy_ahead(q, end, until, dy), parts[1] = x_ahead(q, end, until, x);
    const int64_t bytes = (parts[0].end - parts[0].at) + (parts[1].end - parts[1].at);
    step = end < last ? bytes / (tiles * pixels) + 1 : 0;
  }
  template <class T>
  RV_INLINE void deal(GradientTileArgs<T>& t) {
    Ahead& part = parts[0].at < parts[0].end ? parts[0] : parts[1];
    t.ahead = part.at;
    t.ahead_step = part.at < part.end ? step : 0;
    part.at += t.ahead_step * pixels;
  }
};

template <class T>
RV_INLINE Panel gradient_panel(const FilterGradient& q, int64_t left) {
  Panel panel = next_panel<T>(left, q.wide);
  panel.max_rows *= static_cast<int>(q.terms);
  return panel;
}
template <class T>
RV_INLINE GradientTileFn<T> gradient_tile_for(const FilterGradient& q, const Panel& panel,
                                              int64_t count) {
  if (q.terms == 1) return kGradientTiles<T>.fn[panel.width][count - 1];
  return kNarrowGradients<T>.fn[q.terms / 4][(count - 1) / q.terms];
}

template <class T>
void filter_gradient(const FilterGradient& q, int64_t r0, int64_t r1, int64_t u0, int64_t u1,
                     int64_t f0, int64_t f1, const T* x, const T* dy, T* dw,
                     std::byte* scratch) noexcept {
  ConvSegment<T>* segments = reinterpret_cast<ConvSegment<T>*>(scratch);
  T* copies = reinterpret_cast<T*>(segments + q.rows_per_block);
  const int64_t ldc = q.out_channels;
  GradientTileArgs<T> t;
  t.segments = segments;
  t.x_step = q.stride[2] * q.in_pitch[2];
  t.dy_step = t.ldc = ldc;
  constexpr int L = Vec<T>::kLanes;
  alignas(64) static constexpr T zeros[4 * L] = {};
  // With the whole filter the next call, a slice later, goes on where this one ends.
  const bool whole = u1 - u0 == q.units && f1 - f0 == q.n_channels;
  const int64_t fetched = whole ? q.rows : r1;
  for (int64_t block = r0; block < r1; block += q.rows_per_block) {
    const int64_t end = block + q.rows_per_block < r1 ? block + q.rows_per_block : r1;
    int64_t listed = -1;
    const bool fresh = block == r0;
    t.ld_old = fresh ? 0 : ldc;
    Fetch fetch(q, block, end, fetched, (u1 - u0) * ((f1 - f0 + 2 * L - 1) / (2 * L)), x, dy);
    for (int64_t u = u0; u < u1; ++u) {
      const GradientUnit unit = gradient_unit(q, u);
      const int64_t list = unit.group * q.runs + unit.run;
      if (list != listed) t.count = list_segments(q, unit, block, end, x, dy, segments, copies);
      listed = list;
      if (t.count == 0 && !fresh) continue;
      T* rows = dw + (unit.run * q.run_length + unit.begin) * ldc + unit.group * q.n_channels;
      for (int64_t f = f0; f < f1;) {
        const Panel panel = gradient_panel<T>(q, f1 - f);
        t.dy_shift = f;
        fetch.deal(t);
        t.tail = (panel.columns - 1) % L + 1;
        for (int64_t m = 0; m < unit.count;) {
          const int64_t left = unit.count - m;
          const int64_t count = left < panel.max_rows ? left : panel.max_rows;
          t.x_shift = unit.begin + m;
          t.dw = rows + m * ldc + f;
          t.old = fresh ? zeros : t.dw;
          t.rows = static_cast<int>(count);
          gradient_tile_for<T>(q, panel, count)(t);
          m += count;
        }
        f += panel.columns;
      }
    }
  }
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
