// Plans of transforms: factors, tables, the choice of the kernel.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/cpu/fft/fft.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(FftKernels, kFftF32, fft_f32)
RV_TABLES(FftKernels, kFftF64, fft_f64)

const FftKernels& fft_kernels(DType dtype, Isa isa) {
  return dtype == DType::F64 ? fft_f64(isa) : fft_f32(isa);
}

namespace {

constexpr double kPi = std::numbers::pi;
// The four arrays of a block stay in the second-level cache.
constexpr int64_t kBlockBytes = 512 << 10;

// Factors 8, 4, 2, 3, 5 of n, with a 2 only where n has no second one; false when another prime is
// left.
bool factor(int64_t n, FftView& view) {
  view.stages = 0;
  for (const int radix : {8, 4, 2, 3, 5}) {
    // 16 is 4 times 4, not 8 times 2.
    while (n % radix == 0 && !(radix == 8 && n % 16 == 0 && n % 32 != 0)) {
      view.radix[view.stages++] = static_cast<int8_t>(radix);
      n /= radix;
    }
  }
  return n == 1;
}

void add_root(std::vector<double>& table, int64_t k, int64_t n) {
  const double angle = -2 * kPi * static_cast<double>(k % n) / static_cast<double>(n);
  table.push_back(std::cos(angle));
  table.push_back(std::sin(angle));
}

void add_twiddles(std::vector<double>& table, const FftView& view) {
  int64_t left = view.padded;
  for (int k = 0; k < view.stages; ++k) {
    const int radix = view.radix[k];
    const int64_t m = left / radix;
    for (int64_t p = 0; p < m; ++p)
      for (int j = 1; j < radix; ++j) add_root(table, p * j, left);
    left = m;
  }
}

// The transform of conj(chirp), wrapped around the padded length.
std::vector<double> chirp_spectrum(int64_t length, int64_t padded, const double* chirp) {
  std::vector<double> re(static_cast<size_t>(padded), 0.0), im(re), out_re(re), out_im(re);
  for (int64_t k = 0; k < length; ++k) {
    const auto at = static_cast<size_t>(k), mirror = static_cast<size_t>((padded - k) % padded);
    re[at] = re[mirror] = chirp[2 * k];
    im[at] = im[mirror] = -chirp[2 * k + 1];
  }
  const FftPlan plan = prepare_fft(DType::F64, FftKind::Forward, padded, 1);
  std::vector<double> scratch(plan.scratch.per_worker / sizeof(double));
  const void* in[2] = {re.data(), im.data()};
  void* out[2] = {out_re.data(), out_im.data()};
  fft_kernels(DType::F64, Isa::Baseline)
      .run(Context{}, view_of(plan), out, in, reinterpret_cast<std::byte*>(scratch.data()), 0);
  std::vector<double> spectrum;
  for (size_t k = 0; k < re.size(); ++k) spectrum.insert(spectrum.end(), {out_re[k], out_im[k]});
  return spectrum;
}

void add_bluestein(FftPlan& plan) {
  FftView& view = plan.view;
  std::vector<double>& table = plan.tables64;
  plan.chirp = table.size();
  // k^2 modulo 2 length: the angle stays exact for long rows.
  for (int64_t k = 0, square = 0; k < view.length; ++k) {
    add_root(table, square, 2 * view.length);
    square = (square + 2 * k + 1) % (2 * view.length);
  }
  const std::vector<double> spectrum =
      chirp_spectrum(view.length, view.padded, table.data() + plan.chirp);
  plan.spectrum = table.size();
  table.insert(table.end(), spectrum.begin(), spectrum.end());
}

}  // namespace

FftPlan prepare_fft(DType dtype, FftKind kind, int64_t n, int64_t rows) {
  FftPlan plan;
  plan.dtype = dtype;
  FftView& view = plan.view;
  view.kind = kind;
  view.n = n;
  view.rows = rows;
  const bool halved = kind >= FftKind::RealForward && n % 2 == 0;
  view.length = view.padded = halved ? n / 2 : n;
  const bool smooth = factor(view.length, view);
  if (!smooth) {
    view.padded = 1;
    while (view.padded < 2 * view.length - 1) view.padded *= 2;
    factor(view.padded, view);
  }
  std::vector<double>& table = plan.tables64;
  table.push_back(0);  // offset 0 means: none
  add_twiddles(table, view);
  if (!smooth) add_bluestein(plan);
  if (halved) {
    plan.turn = table.size();
    for (int64_t k = 0; k <= n / 2; ++k) add_root(table, k, n);
  }
  const auto element = static_cast<int64_t>(size_of(dtype));
  if (dtype == DType::F32) {
    plan.tables32.assign(table.begin(), table.end());
    table.clear();
    table.shrink_to_fit();
  }
  const int64_t fitting = std::max<int64_t>(1, kBlockBytes / (4 * view.padded * element));
  view.block = std::max<int64_t>(1, std::min({kMaxFftBlock, fitting, rows}));
  // One value more holds the last term of a real transform, and keeps the arrays from lying a power
  // of two apart.
  view.array = (view.padded + 1) * view.block;
  plan.scratch.per_worker = static_cast<size_t>(4 * view.array * element);
  const double size = static_cast<double>(view.padded);
  plan.cost.flops = static_cast<double>(rows) * 5 * size * std::log2(size + 1) * (smooth ? 1 : 2);
  plan.cost.bytes = static_cast<double>(rows * n * element) * (kind < FftKind::RealForward ? 4 : 2);
  return plan;
}

FftView view_of(const FftPlan& plan) {
  FftView view = plan.view;
  const auto table = [&](size_t offset) -> const void* {
    if (offset == 0) return nullptr;
    if (plan.dtype == DType::F64) return plan.tables64.data() + offset;
    return plan.tables32.data() + offset;
  };
  view.twiddle = table(1);
  view.chirp = table(plan.chirp);
  view.spectrum = table(plan.spectrum);
  view.turn = table(plan.turn);
  return view;
}

void run_fft(const Context& context, const FftPlan& plan, void* const* out, const void* const* in,
             std::byte* worker, size_t worker_stride) noexcept {
  fft_kernels(plan.dtype, active_isa()).run(context, view_of(plan), out, in, worker, worker_stride);
}

namespace reference {
namespace {

double value(DType dtype, const void* p, int64_t i) {
  return dtype == DType::F64 ? static_cast<const double*>(p)[i] : static_cast<const float*>(p)[i];
}
void store(DType dtype, void* p, int64_t i, double x) {
  if (dtype == DType::F64)
    static_cast<double*>(p)[i] = x;
  else
    static_cast<float*>(p)[i] = static_cast<float>(x);
}

}  // namespace

void fft(FftKind kind, DType dtype, int64_t n, int64_t rows, void* const* out,
         const void* const* in) {
  const bool real_in = kind == FftKind::RealForward, real_out = kind == FftKind::RealInverse;
  const int64_t terms = n / 2 + 1;
  const int64_t in_row = real_out ? terms : n, out_row = real_in ? terms : n;
  const double sign = kind == FftKind::Forward || real_in ? -1 : 1;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < out_row; ++k) {
      double re = 0, im = 0;
      for (int64_t t = 0; t < n; ++t) {
        const int64_t from = real_out && t >= terms ? n - t : t;
        const bool no_imaginary = real_in || (real_out && (from == 0 || 2 * from == n));
        const double x = value(dtype, in[0], row * in_row + from);
        double y = no_imaginary ? 0 : value(dtype, in[1], row * in_row + from);
        if (from != t) y = -y;
        const double angle =
            sign * 2 * kPi * static_cast<double>(k * t % n) / static_cast<double>(n);
        re += x * std::cos(angle) - y * std::sin(angle);
        im += x * std::sin(angle) + y * std::cos(angle);
      }
      store(dtype, out[0], row * out_row + k, re);
      if (!real_out) store(dtype, out[1], row * out_row + k, im);
    }
  }
}

}  // namespace reference

}  // namespace ranvier::kernels
