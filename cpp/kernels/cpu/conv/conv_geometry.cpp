// Shapes of convolution turned into the loops that the kernels walk.

#include <algorithm>
#include <numeric>

#include "kernels/cpu/conv/conv_cut.h"

namespace ranvier::kernels {
namespace {

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Row-major pitches of an NHWC tensor.
Dims3 pitches(const Dims3& dims, int64_t channels) {
  return {dims[1] * dims[2] * channels, dims[2] * channels, channels};
}

// A 1x1 convolution that moves nothing is one long row of pixels.
void flatten(Correlation& q) {
  for (int i = 0; i < 3; ++i)
    if (q.taps[i] != 1 || q.stride[i] != 1 || q.pad[i] != 0 || q.in[i] != q.out[i]) return;
  const Dims3 in = pitches(q.in, q.k_channels), out = pitches(q.out, q.n_channels);
  if (q.groups != 1 || q.in_pitch != in || q.out_pitch != out) return;
  const int64_t pixels = q.batch * q.in[0] * q.in[1] * q.in[2];
  q.batch = 1;
  q.in = q.out = {1, 1, pixels};
  q.in_pitch = pitches(q.in, q.k_channels);
  q.out_pitch = pitches(q.out, q.n_channels);
}

// Terms of a sum in one vector. Pixels that do not follow each other without a gap are stored one
// by one, at the cost of some steps of the sum.
int64_t terms_together(const Correlation& q, const CorrelationLayout& l, int64_t lanes) {
  constexpr int64_t kStepsOfStores = 10;
  const int64_t terms = narrow_terms(q.n_channels, lanes);
  if (terms * q.n_channels == lanes && q.out_pitch[2] == q.n_channels) return terms;
  const int64_t saved = l.runs * (l.run_length - ceil_div(l.run_length, terms));
  return saved >= kStepsOfStores ? terms : 1;
}

}  // namespace

std::string conv_text(const ConvShape& s) {
  return "conv " + std::to_string(s.in[1]) + 'x' + std::to_string(s.in[2]) + 'x' +
         std::to_string(s.in_channels) + " to " + std::to_string(s.out_channels);
}

int64_t conv_output_size(int64_t in, int64_t filter, int64_t stride, int64_t dilation,
                         int64_t pad_lo, int64_t pad_hi) {
  const int64_t room = in + pad_lo + pad_hi - dilation * (filter - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

std::optional<ConvShape> turned_round(const ConvShape& s) {
  if (s.stride != Dims3{1, 1, 1}) return {};
  ConvShape turned = s;
  turned.in = s.out, turned.out = s.in;
  turned.in_channels = s.out_channels, turned.out_channels = s.in_channels;
  for (int a = 0; a < 3; ++a) {
    const int64_t reach = (s.filter[a] - 1) * s.dilation[a];
    turned.pad_lo[a] = reach - s.pad_lo[a];
    turned.pad_hi[a] = reach - s.pad_hi[a];
    if (turned.pad_lo[a] < 0 || turned.pad_hi[a] < 0) return {};
  }
  return turned;
}

Correlation forward_correlation(const ConvShape& s) {
  Correlation q{};
  q.batch = s.batch, q.groups = s.groups;
  q.k_channels = s.in_channels / s.groups, q.n_channels = s.out_channels / s.groups;
  q.in = s.in, q.out = s.out, q.taps = s.filter;
  q.stride = s.stride, q.dilation = s.dilation, q.pad = s.pad_lo;
  q.in_pitch = pitches(s.in, s.in_channels), q.out_pitch = pitches(s.out, s.out_channels);
  q.in_image = s.in[0] * q.in_pitch[0], q.out_image = s.out[0] * q.out_pitch[0];
  q.tap_pitch = pitches(s.filter, q.k_channels * s.out_channels);
  q.filter_group = q.n_channels, q.ldb = s.out_channels;
  flatten(q);
  return q;
}

Correlation depthwise_correlation(const ConvShape& s) {
  Correlation q = forward_correlation(s);
  q.groups = 1;
  q.k_channels = q.n_channels = s.out_channels;
  q.tap_pitch = {s.filter[1] * s.filter[2] * s.out_channels, s.filter[2] * s.out_channels,
                 s.out_channels};
  return q;
}

int64_t phase_count(const ConvShape& s) { return s.stride[0] * s.stride[1] * s.stride[2]; }

// Input positions i = residue + stride*t see exactly the taps k with k*dilation = i + pad modulo
// the stride: k = first + j*step. Output o = t + shift - j*(dilation/gcd), so with tap t' =
// taps-1-j the dilation is dilation/gcd and the pad (taps-1)*dilation/gcd - shift.
Phase data_gradient_phase(const ConvShape& s, int64_t index, bool depthwise) {
  Phase phase;
  Correlation& q = phase.correlation;
  q = Correlation{};
  q.batch = s.batch;
  q.groups = depthwise ? 1 : s.groups;
  q.k_channels = s.out_channels / q.groups, q.n_channels = s.in_channels / q.groups;
  q.in = s.out;
  q.in_pitch = pitches(s.out, s.out_channels);
  const Dims3 out_pitch = pitches(s.in, s.in_channels);
  q.in_image = s.out[0] * q.in_pitch[0], q.out_image = s.in[0] * out_pitch[0];
  const Dims3 residue = {index / (s.stride[1] * s.stride[2]), index / s.stride[2] % s.stride[1],
                         index % s.stride[2]};
  Dims3 before{};  // taps of the smaller residues along each axis
  for (int i = 0; i < 3; ++i) {
    const int64_t stride = s.stride[i], gcd = std::gcd(stride, s.dilation[i]);
    const int64_t step = stride / gcd;
    const auto taps_of = [&](int64_t r, int64_t& first) -> int64_t {
      for (first = 0; first < std::min(step, s.filter[i]); ++first)
        if ((r + s.pad_lo[i] - first * s.dilation[i]) % stride == 0)
          return ceil_div(s.filter[i] - first, step);
      return 0;
    };
    int64_t ignored;
    for (int64_t r = 0; r < residue[i]; ++r) before[i] += taps_of(r, ignored);
    q.taps[i] = taps_of(residue[i], phase.first_tap[i]);
    phase.tap_step[i] = step;
    q.stride[i] = 1;
    q.dilation[i] = s.dilation[i] / gcd;
    const int64_t shift = (residue[i] + s.pad_lo[i] - phase.first_tap[i] * s.dilation[i]) / stride;
    q.pad[i] = q.taps[i] > 0 ? (q.taps[i] - 1) * q.dilation[i] - shift : 0;
    q.out[i] = std::max<int64_t>(0, ceil_div(s.in[i] - residue[i], stride));
    q.out_pitch[i] = out_pitch[i] * stride;
    q.out_offset += residue[i] * out_pitch[i];
  }
  if (depthwise) {
    q.ldb = s.out_channels;
    const Dims3 tap = pitches(s.filter, s.out_channels);
    for (int i = 0; i < 3; ++i) {
      q.tap_pitch[i] = -phase.tap_step[i] * tap[i];
      q.filter_offset += (phase.first_tap[i] + (q.taps[i] - 1) * phase.tap_step[i]) * tap[i];
    }
  } else {
    q.ldb = q.n_channels;
    const int64_t tap = q.k_channels * q.n_channels * q.groups;
    q.tap_pitch = pitches(q.taps, q.k_channels * q.n_channels);
    q.filter_offset = tap * (before[0] * s.filter[1] * s.filter[2] +
                             q.taps[0] * (before[1] * s.filter[2] + q.taps[1] * before[2]));
    q.filter_group = q.taps[0] * q.tap_pitch[0];
    flatten(q);
  }
  return phase;
}

template <class T>
CorrelationLayout correlation_layout(const Correlation& q, const ConvRows<T>& rows,
                                     int64_t max_units) {
  constexpr int64_t kBlock = 768;                 // products summed in registers
  constexpr int64_t kLongRow = 168, kPiece = 84;  // pixels; 84 = 6*14 = 14*6
  constexpr int64_t kLongCopy = 98304;  // bytes of a copied row, a tenth of the second cache
  constexpr int64_t kGatherWidth = 4;   // rows up to this long leave direct tiles half empty
  constexpr int64_t kFarRows = 2048;    // bytes between filter rows from which a panel is copied
  CorrelationLayout l{};
  const int64_t taps = q.taps[0] * q.taps[1] * q.taps[2];
  const int64_t last = (q.out[2] - 1) * q.stride[2] + (q.taps[2] - 1) * q.dilation[2] - q.pad[2];
  const bool leaves = taps > 0 && (q.pad[2] > 0 || last >= q.in[2]);
  const bool scattered = q.groups > 1 && q.taps[2] > 1 && q.dilation[2] == 1 && q.k_channels < 16;
  const int64_t output_rows = q.batch * q.out[0] * q.out[1];
  if (taps > 0 && q.out[2] <= kGatherWidth && output_rows > 1)
    l.source = Source::Gathered;
  else
    l.source = leaves || scattered ? Source::Padded : Source::Direct;

  const bool dense_pixels = l.source == Source::Padded || q.groups == 1;
  l.joined = dense_pixels && q.dilation[2] == 1;
  const auto reads = [&](int64_t pixels) {  // columns of x under a piece of a row
    return (pixels - 1) * q.stride[2] + (q.taps[2] - 1) * q.dilation[2] + 1;
  };
  l.unit_width = q.out[2];
  if (l.source == Source::Direct && q.out[2] > kLongRow) l.unit_width = kPiece;
  if (l.source == Source::Padded && q.out[2] > kLongRow &&
      reads(q.out[2]) * q.k_channels * static_cast<int64_t>(sizeof(T)) > kLongCopy)
    l.unit_width = kLongRow;
  l.units_per_row = l.unit_width > 0 ? ceil_div(q.out[2], l.unit_width) : 0;
  l.units = output_rows * (l.source == Source::Gathered ? q.out[2] : l.units_per_row);

  if (l.units == 0) return l;

  l.runs = taps == 0 ? 0 : l.joined ? q.taps[0] * q.taps[1] : taps;
  l.run_length = q.k_channels * (l.joined ? q.taps[2] : 1);
  l.pieces_per_run = std::max<int64_t>(1, ceil_div(l.run_length, kBlock));
  l.piece_length = ceil_div(l.run_length, l.pieces_per_run);
  const int64_t pieces = l.runs * l.pieces_per_run;
  const int64_t fit = std::max<int64_t>(1, kBlock / std::max<int64_t>(1, l.piece_length));
  l.k_blocks = std::max<int64_t>(1, ceil_div(pieces, fit));
  l.pieces_per_block = ceil_div(pieces, l.k_blocks);

  l.pack_filter = taps > 0 && q.ldb * static_cast<int64_t>(sizeof(T)) >= kFarRows;
  l.wide = q.n_channels >= 4 * rows.lanes && l.source != Source::Gathered &&
           l.unit_width <= rows.wide_pixels;

  const bool narrow = sizeof(T) == sizeof(float) && taps > 0 && l.source != Source::Gathered;
  l.terms = narrow ? terms_together(q, l, rows.lanes) : 1;

  const int64_t block_length = l.pieces_per_block * l.piece_length;
  l.runs_bytes = round_up(std::max<int64_t>(1, l.pieces_per_block) *
                          (sizeof(ConvRun<T>) + sizeof(ConvPiece<T>)));
  if (l.terms > 1)
    l.panel_bytes =
        round_up(l.pieces_per_block * ceil_div(l.piece_length, l.terms) * rows.lanes * sizeof(T));
  else if (l.pack_filter)
    l.panel_bytes = round_up(block_length * 4 * rows.lanes * sizeof(T));
  if (l.source == Source::Gathered) {
    l.index_bytes = round_up(max_units * sizeof(int64_t));
    l.source_bytes = round_up(max_units * block_length * sizeof(T));
  } else if (l.source == Source::Padded) {
    const int64_t reach = (q.taps[1] - 1) * q.dilation[1] + 1;
    const int64_t planes = l.units_per_row > 1 ? max_units : max_units / q.out[1] + 2;
    const int64_t rows_of_all =
        l.units_per_row > 1 ? max_units * reach
                            : std::min(max_units * q.stride[1] + planes * reach, planes * q.in[1]);
    const int64_t copied = rows_of_all * q.taps[0];
    l.row_pitch = reads(l.unit_width) * q.k_channels;
    l.index_bytes = round_up(planes * sizeof(PlaneRows));
    l.source_bytes = round_up(copied * l.row_pitch * sizeof(T));
  }
  return l;
}
template CorrelationLayout correlation_layout<float>(const Correlation&, const ConvRows<float>&,
                                                     int64_t);
template CorrelationLayout correlation_layout<double>(const Correlation&, const ConvRows<double>&,
                                                      int64_t);

}  // namespace ranvier::kernels
