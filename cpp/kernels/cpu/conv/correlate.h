#pragma once
// Dense correlation: forward convolution and the phases of the gradient to the data.
// Included once per instruction set.

#include "kernels/cpu/conv/correlate_tile.h"
#include "kernels/cpu/conv/narrow_tile.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Position of a unit that is a piece of an output row, or (width 1) one pixel of it.
struct RowUnit {
  int64_t plane, image, d, h, column;
};
RV_INLINE RowUnit row_unit(const Correlation& q, int64_t u, int64_t per_row, int64_t width) {
  const int64_t row = u / per_row, plane = row / q.out[1], image = plane / q.out[0];
  return {plane, image, plane - image * q.out[0], row - plane * q.out[1],
          (u - row * per_row) * width};
}
RV_INLINE void advance(const Correlation& q, int64_t width, RowUnit& r) {
  r.column += width;
  if (r.column < q.out[2]) return;
  r.column = 0;
  if (++r.h < q.out[1]) return;
  r.h = 0, ++r.plane;
  if (++r.d < q.out[0]) return;
  r.d = 0, ++r.image;
}

template <class T>
class Correlator {
 public:
  Correlator(const Correlation& q, const CorrelationLayout& l, int64_t u0, int64_t u1, int64_t f0,
             int64_t f1, const T* x, const T* filter, const ConvEpilogue& e, T* y,
             std::byte* scratch)
      : q_(q), l_(l), u0_(u0), u1_(u1), f0_(f0), f1_(f1), x_(x), filter_(filter), e_(e), y_(y) {
    runs_ = reinterpret_cast<ConvRun<T>*>(scratch);
    pieces_ =
        reinterpret_cast<ConvPiece<T>*>(runs_ + (l.pieces_per_block > 0 ? l.pieces_per_block : 1));
    panel_ = reinterpret_cast<T*>(scratch + l.runs_bytes);
    index_ = reinterpret_cast<int64_t*>(scratch + l.runs_bytes + l.panel_bytes);
    source_ = reinterpret_cast<T*>(scratch + l.runs_bytes + l.panel_bytes + l.index_bytes);
    fetched_ = reinterpret_cast<const char*>(x);
    for (int p = 0; p < kMaxMaxRows; ++p) row_offsets_[p] = p * q.out_pitch[2];
  }

  void run() {
    for (int64_t g = 0; g < q_.groups; ++g) {
      group_ = g;
      if (l_.source == Source::Padded) l_.units_per_row > 1 ? copy_units() : copy_planes();
      if (l_.source == Source::Gathered) index_outputs();
      for (int64_t kb = 0; kb < l_.k_blocks; ++kb) {
        first_ = kb * l_.pieces_per_block;
        last_ = first_ + l_.pieces_per_block;
        const int64_t pieces = l_.runs * l_.pieces_per_run;
        if (last_ > pieces) last_ = pieces;
        list_pieces();
        if (l_.source == Source::Gathered) gather();
        accumulate_ = kb > 0;
        close_ = kb + 1 == l_.k_blocks;
        for (int64_t f = f0_; f < f1_;) {
          const Panel panel = next_panel<T>(f1_ - f, l_.wide);
          run_panel(panel, f);
          f += panel.columns;
          fetch_per_unit_ = 0;
        }
      }
    }
  }

 private:
  // Elements [begin, end) of a run that piece p covers, and the run.
  struct Piece {
    int64_t run, begin, length;
  };
  Piece piece(int64_t p) const {
    const int64_t run = l_.pieces_per_run == 1 ? p : p / l_.pieces_per_run;
    const int64_t begin = (p - run * l_.pieces_per_run) * l_.piece_length;
    const int64_t left = l_.run_length - begin;
    return {run, begin, left < l_.piece_length ? left : l_.piece_length};
  }
  struct Tap {
    int64_t d, h, w;
  };
  Tap tap_of(int64_t run) const {
    const int64_t across = l_.joined ? 1 : q_.taps[2];
    return {run / across / q_.taps[1], run / across % q_.taps[1], run % across};
  }
  const T* filter_at(const Piece& p) const {
    const Tap tap = tap_of(p.run);
    return filter_ + q_.filter_offset + group_ * q_.filter_group + tap.d * q_.tap_pitch[0] +
           tap.h * q_.tap_pitch[1] + tap.w * q_.tap_pitch[2] + p.begin * q_.ldb;
  }
  // This block's pieces; b points into the panel where that is a copy.
  void list_pieces() {
    const int64_t pixel = l_.source == Source::Padded ? q_.k_channels : q_.in_pitch[2];
    const int64_t pad = l_.source == Source::Padded ? 0 : q_.pad[2];
    const int64_t group = l_.source == Source::Padded ? 0 : group_ * q_.k_channels;
    for (int64_t p = first_; p < last_; ++p) {
      const Piece part = piece(p);
      const Tap tap = tap_of(part.run);
      pieces_[p - first_] = {tap.d * q_.dilation[0] - q_.pad[0],
                             tap.h * q_.dilation[1] - q_.pad[1],
                             tap.d,
                             (tap.w * q_.dilation[2] - pad) * pixel + group + part.begin,
                             filter_at(part),
                             part.length};
    }
  }

  // Copies the input rows that units [u0, u1) read, with zeros beside them. Those that the next
  // block copies, as many behind them, are fetched while tiles run.
  void copy_planes() {
    PlaneRows* planes = reinterpret_cast<PlaneRows*>(index_);
    T* to = source_;
    int64_t copied = 0;
    first_plane_ = u0_ / q_.out[1];
    for (int64_t plane = first_plane_; plane * q_.out[1] < u1_; ++plane) {
      const int64_t start = plane * q_.out[1];
      const int64_t h0 = u0_ > start ? u0_ - start : 0;
      const int64_t h1 = u1_ - start < q_.out[1] ? u1_ - start : q_.out[1];
      int64_t lo = h0 * q_.stride[1] - q_.pad[1];
      int64_t hi = (h1 - 1) * q_.stride[1] + (q_.taps[1] - 1) * q_.dilation[1] - q_.pad[1] + 1;
      lo = lo < 0 ? 0 : lo;
      hi = hi > q_.in[1] ? q_.in[1] : hi;
      const int64_t count = hi > lo ? hi - lo : 0;
      planes[plane - first_plane_] = {to - source_, lo, count};
      const int64_t image = plane / q_.out[0], od = plane - image * q_.out[0];
      for (int64_t kd = 0; kd < q_.taps[0]; ++kd) {
        const int64_t id = od * q_.stride[0] + kd * q_.dilation[0] - q_.pad[0];
        if (id >= 0 && id < q_.in[0])
          for (int64_t i = 0; i < count; ++i)
            copy_row(x_ + image * q_.in_image + id * q_.in_pitch[0] + (lo + i) * q_.in_pitch[1] +
                         group_ * q_.k_channels,
                     -q_.pad[2], to + i * l_.row_pitch);
        to += count * l_.row_pitch;
      }
      copied += count;
      const T* end = x_ + image * q_.in_image + (lo + count) * q_.in_pitch[1];
      fetched_ = reinterpret_cast<const char*>(end);
    }
    fetch_per_unit_ = copied * q_.in_pitch[1] * static_cast<int64_t>(sizeof(T)) / (u1_ - u0_);
  }
  // The same where rows are cut: every unit gets the columns it reads, of every row it reads.
  void copy_units() {
    PlaneRows* planes = reinterpret_cast<PlaneRows*>(index_);
    const int64_t reach = (q_.taps[1] - 1) * q_.dilation[1] + 1;
    T* to = source_;
    RowUnit r = row_unit(q_, u0_, l_.units_per_row, l_.unit_width);
    for (int64_t u = u0_; u < u1_; ++u, advance(q_, l_.unit_width, r)) {
      const int64_t first = r.h * q_.stride[1] - q_.pad[1];
      planes[u - u0_] = {to - source_, first, reach};
      for (int64_t kd = 0; kd < q_.taps[0]; ++kd, to += reach * l_.row_pitch) {
        const int64_t id = r.d * q_.stride[0] + kd * q_.dilation[0] - q_.pad[0];
        if (id < 0 || id >= q_.in[0]) continue;
        for (int64_t i = 0; i < reach; i += q_.dilation[1])
          if (first + i >= 0 && first + i < q_.in[1])
            copy_row(x_ + r.image * q_.in_image + id * q_.in_pitch[0] +
                         (first + i) * q_.in_pitch[1] + group_ * q_.k_channels,
                     r.column * q_.stride[2] - q_.pad[2], to + i * l_.row_pitch);
      }
    }
  }
  // Column j of the copy is column first + j of the input row.
  void copy_row(const T* from, int64_t first, T* to) const {
    const int64_t c = q_.k_channels, columns = l_.row_pitch / c;
    int64_t lo = first < 0 ? -first : 0;
    lo = lo < columns ? lo : columns;
    int64_t hi = q_.in[2] - first;
    hi = hi < lo ? lo : hi > columns ? columns : hi;
    std::memset(to, 0, lo * c * sizeof(T));
    if (q_.in_pitch[2] == c && hi > lo)
      std::memcpy(to + lo * c, from + (first + lo) * c, (hi - lo) * c * sizeof(T));
    else
      for (int64_t j = lo; j < hi; ++j)
        std::memcpy(to + j * c, from + (first + j) * q_.in_pitch[2], c * sizeof(T));
    std::memset(to + hi * c, 0, (columns - hi) * c * sizeof(T));
  }

  int64_t output_at(const RowUnit& r) const {
    return q_.out_offset + r.image * q_.out_image + r.d * q_.out_pitch[0] + r.h * q_.out_pitch[1] +
           r.column * q_.out_pitch[2];
  }
  void index_outputs() {
    RowUnit r = row_unit(q_, u0_, q_.out[2], 1);
    for (int64_t u = u0_; u < u1_; ++u, advance(q_, 1, r)) index_[u - u0_] = output_at(r);
  }
  // Copies this block's pieces of every pixel side by side.
  void gather() {
    gathered_ = 0;
    for (int64_t p = first_; p < last_; ++p) gathered_ += piece(p).length;
    T* to = source_;
    RowUnit r = row_unit(q_, u0_, q_.out[2], 1);
    for (int64_t u = u0_; u < u1_; ++u, advance(q_, 1, r)) {
      for (int64_t p = first_; p < last_; ++p) {
        const Piece part = piece(p);
        gather_piece(r, part, to);
        to += part.length;
      }
    }
  }
  void gather_piece(const RowUnit& r, const Piece& part, T* to) const {
    const Tap tap = tap_of(part.run);
    const int64_t id = r.d * q_.stride[0] + tap.d * q_.dilation[0] - q_.pad[0];
    const int64_t ih = r.h * q_.stride[1] + tap.h * q_.dilation[1] - q_.pad[1];
    const int64_t iw = r.column * q_.stride[2] + tap.w * q_.dilation[2] - q_.pad[2];
    const int64_t c = q_.k_channels, across = l_.joined ? q_.taps[2] : 1;
    int64_t lo = iw < 0 ? -iw * c : 0;
    int64_t hi = (q_.in[2] - iw < across ? q_.in[2] - iw : across) * c;
    if (id < 0 || id >= q_.in[0] || ih < 0 || ih >= q_.in[1]) hi = 0;
    const int64_t end = part.begin + part.length;
    lo = lo < part.begin ? part.begin : lo > end ? end : lo;
    hi = hi < lo ? lo : hi > end ? end : hi;
    std::memset(to, 0, (lo - part.begin) * sizeof(T));
    if (hi > lo)
      std::memcpy(to + lo - part.begin,
                  x_ + r.image * q_.in_image + id * q_.in_pitch[0] + ih * q_.in_pitch[1] +
                      iw * q_.in_pitch[2] + group_ * q_.k_channels + lo,
                  (hi - lo) * sizeof(T));
    std::memset(to + hi - part.begin, 0, (end - hi) * sizeof(T));
  }

  // The pieces of this block that lie inside x for one row; a missing row adds nothing.
  int64_t list_runs(const RowUnit& r, int64_t unit) {
    const bool padded = l_.source == Source::Padded;
    const int64_t top_d = r.d * q_.stride[0], top_h = r.h * q_.stride[1];
    const int64_t across = r.column * q_.stride[2];
    const PlaneRows* rows = nullptr;
    const T* image = x_ + r.image * q_.in_image + across * q_.in_pitch[2];
    if (padded) {
      const bool cut = l_.units_per_row > 1;
      rows = reinterpret_cast<const PlaneRows*>(index_) + (cut ? unit : r.plane - first_plane_);
      image = source_ + rows->offset + (cut ? 0 : across * q_.k_channels);
    }
    int64_t count = 0, packed = 0;
    for (int64_t i = 0; i < last_ - first_; ++i) {
      const ConvPiece<T>& p = pieces_[i];
      const T* b = packs() ? panel_ + packed : p.b;
      packed += packed_size(p.length);
      const int64_t id = top_d + p.d, ih = top_h + p.h;
      if (id < 0 || id >= q_.in[0] || ih < 0 || ih >= q_.in[1]) continue;
      const T* row = padded ? image + (p.plane * rows->count + ih - rows->first) * l_.row_pitch
                            : image + id * q_.in_pitch[0] + ih * q_.in_pitch[1];
      runs_[count++] = {row + p.a, b, p.length};
    }
    return count;
  }
  bool packs() const { return l_.pack_filter || l_.terms > 1; }
  // Elements of a piece in the panel.
  int64_t packed_size(int64_t length) const {
    return l_.terms > 1 ? (length + l_.terms - 1) / l_.terms * Vec<T>::kLanes
                        : length * panel_columns_;
  }
  template <int J>
  void pack_terms(int64_t f) {
    T* to = panel_;
    for (int64_t i = 0; i < last_ - first_; ++i) {
      const T* from = pieces_[i].b + f;
      for (int64_t left = pieces_[i].length; left > 0; left -= J, from += J * q_.ldb) {
        terms_of_rows<T, J>(from, q_.ldb, left, static_cast<int>(panel_columns_)).store(to);
        to += Vec<T>::kLanes;
      }
    }
  }
  // Whole vectors as far as they go; rows lie pages apart, where no prefetcher follows.
  void pack_panel(int64_t f) {
    constexpr int L = Vec<T>::kLanes;
    constexpr int64_t kAhead = 16;
    T* to = panel_;
    const int64_t columns = panel_columns_, whole = columns / L * L;
    for (int64_t i = 0; i < last_ - first_; ++i) {
      const T* from = pieces_[i].b + f;
      for (int64_t k = pieces_[i].length; k > 0; --k, from += q_.ldb, to += columns) {
        for (int64_t c = 0; c < columns; c += 64 / sizeof(T))
          __builtin_prefetch(from + kAhead * q_.ldb + c);
        for (int64_t c = 0; c < whole; c += L) Vec<T>::load(from + c).store(to + c);
        for (int64_t c = whole; c < columns; ++c) to[c] = from[c];
      }
    }
  }

  void run_panel(const Panel& panel, int64_t f) {
    panel_columns_ = panel.columns;
    tiles_ = kTiles<T>.fn[panel.width];
    if (l_.terms > 1) {
      tiles_ = kNarrowTiles<T>.fn[l_.terms / 4];
      l_.terms == 2 ? pack_terms<2>(f) : pack_terms<4>(f);
    } else if (l_.pack_filter) {
      pack_panel(f);
    }
    TileArgs<T> t;
    t.runs = runs_;
    t.b_shift = packs() ? 0 : f;
    t.ldb = l_.pack_filter ? panel.columns : q_.ldb;
    constexpr int L = Vec<T>::kLanes;
    t.tail = (panel.columns - 1) % L + 1;
    const int64_t output = group_ * q_.n_channels + f;
    t.bias = close_ && e_.bias ? static_cast<const T*>(e_.bias) + output : nullptr;
    if (l_.terms > 1 && t.bias) t.bias = repeat_bias(t.bias);
    t.accumulate = accumulate_;
    t.relu = close_ && e_.activation != Activation::None;
    t.relu6 = close_ && e_.activation == Activation::Relu6;
    const T* residual = close_ ? static_cast<const T*>(e_.residual) : nullptr;
    if (l_.source == Source::Gathered) {
      runs_[0] = {source_, l_.pack_filter ? panel_ : pieces_[0].b, gathered_};
      t.count = 1;
      t.a_pitch = gathered_;
      run_tiles(panel, t, u1_ - u0_, y_ + output, residual ? residual + output : nullptr, true);
      return;
    }
    t.a_pitch = q_.stride[2] * (l_.source == Source::Padded ? q_.k_channels : q_.in_pitch[2]);
    RowUnit r = row_unit(q_, u0_, l_.units_per_row, l_.unit_width);
    for (int64_t u = u0_; u < u1_; ++u, advance(q_, l_.unit_width, r)) {
      t.count = list_runs(r, u - u0_);
      const int64_t at = output_at(r) + output, left = q_.out[2] - r.column;
      run_tiles(panel, t, left < l_.unit_width ? left : l_.unit_width, y_ + at,
                residual ? residual + at : nullptr, false);
    }
  }
  // The biases of one pixel, each beside that of the pixels in the same vector.
  const T* repeat_bias(const T* bias) {
    const int64_t apart = Vec<T>::kLanes / l_.terms;
    for (int64_t i = 0; i < Vec<T>::kLanes; ++i)
      bias_[i] = i % apart < panel_columns_ ? bias[i % apart] : T(0);
    return bias_;
  }
  // Even tiles over `pixels` pixels.
  void run_tiles(const Panel& panel, TileArgs<T>& t, int64_t pixels, T* y, const T* residual,
                 bool indexed) {
    const uint32_t most = static_cast<uint32_t>(panel.max_rows);
    const uint32_t all = static_cast<uint32_t>(pixels), tiles = (all + most - 1) / most;
    const uint32_t each = all / tiles, longer = all % tiles;  // the first ones take one more
    // With one run per pixel the next tile reads on where this one ends.
    const bool in_order = l_.source == Source::Direct && t.count == 1;
    const int64_t depth = l_.runs * l_.run_length;
    const int64_t fetch_step = depth == 0 ? 0 : fetch_per_unit_ / (tiles * depth);
    t.c_step = indexed ? 0 : q_.out_pitch[2];
    int64_t p = 0;
    for (uint32_t i = 0; i < tiles; ++i) {
      const uint32_t count = each + (i < longer);
      const int64_t shift = indexed ? 0 : p * q_.out_pitch[2];
      t.a_shift = p * t.a_pitch;
      t.c = y + shift;
      t.residual = residual ? residual + shift : nullptr;
      t.offsets = indexed ? index_ + p : row_offsets_;
      if (in_order) {
        t.ahead = reinterpret_cast<const char*>(runs_[0].a + t.a_shift + count * t.a_pitch);
        t.ahead_step = count * t.a_pitch * static_cast<int64_t>(sizeof(T)) / runs_[0].length;
      } else {
        t.ahead = fetched_, t.ahead_step = fetch_step;
        fetched_ += fetch_step * depth;
      }
      tiles_[count - 1](t);
      p += count;
    }
  }

  const Correlation& q_;
  const CorrelationLayout& l_;
  const int64_t u0_, u1_, f0_, f1_;
  const T* x_;
  const T* filter_;
  const ConvEpilogue& e_;
  T* y_;
  ConvRun<T>* runs_;
  ConvPiece<T>* pieces_;
  T* panel_;
  int64_t* index_;
  T* source_;
  int64_t row_offsets_[kMaxMaxRows];
  const TileFn<T>* tiles_ = nullptr;  // by pixels
  T bias_[Vec<T>::kLanes];
  const char* fetched_;  // of x, up to here
  int64_t fetch_per_unit_ = 0;
  int64_t group_ = 0, first_ = 0, last_ = 0, first_plane_ = 0, gathered_ = 0, panel_columns_ = 0;
  bool accumulate_ = false, close_ = false;
};

template <class T>
void correlate(const Correlation& q, const CorrelationLayout& l, int64_t u0, int64_t u1, int64_t f0,
               int64_t f1, const T* x, const T* filter, const ConvEpilogue& e, T* y,
               std::byte* scratch) noexcept {
  Correlator<T>(q, l, u0, u1, f0, f1, x, filter, e, y, scratch).run();
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
