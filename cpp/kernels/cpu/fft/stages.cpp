// Stockham stages and what surrounds them; float32 at every level, float64 too.

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/fft/fft.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Split complex values, element k of row i at [k * rows + i].
template <class T>
struct Pair {
  T* re;
  T* im;
};

template <class T>
Pair<T> swapped(Pair<T> x) {
  return {x.im, x.re};
}

// b = DFT of the values a[0..radix).
template <int radix, class T>
inline __attribute__((always_inline)) void butterfly(T* r, T* i) {
  if constexpr (radix == 2) {
    const T ar = r[0], ai = i[0];
    r[0] = ar + r[1], i[0] = ai + i[1];
    r[1] = ar - r[1], i[1] = ai - i[1];
  } else if constexpr (radix == 3) {
    constexpr T s = static_cast<T>(0.86602540378443864676);
    const T tr = r[1] + r[2], ti = i[1] + i[2];
    const T dr = s * (r[1] - r[2]), di = s * (i[1] - i[2]);
    const T cr = r[0] - T(0.5) * tr, ci = i[0] - T(0.5) * ti;
    r[0] += tr, i[0] += ti;
    r[1] = cr + di, i[1] = ci - dr;
    r[2] = cr - di, i[2] = ci + dr;
  } else if constexpr (radix == 4) {
    const T ar = r[0] + r[2], ai = i[0] + i[2], br = r[0] - r[2], bi = i[0] - i[2];
    const T cr = r[1] + r[3], ci = i[1] + i[3], dr = r[1] - r[3], di = i[1] - i[3];
    r[0] = ar + cr, i[0] = ai + ci;
    r[1] = br + di, i[1] = bi - dr;
    r[2] = ar - cr, i[2] = ai - ci;
    r[3] = br - di, i[3] = bi + dr;
  } else {
    constexpr T c1 = static_cast<T>(0.30901699437494742410);
    constexpr T c2 = static_cast<T>(-0.80901699437494742410);
    constexpr T s1 = static_cast<T>(0.95105651629515357212);
    constexpr T s2 = static_cast<T>(0.58778525229247312917);
    const T ar = r[1] + r[4], ai = i[1] + i[4], br = r[2] + r[3], bi = i[2] + i[3];
    const T cr = r[1] - r[4], ci = i[1] - i[4], dr = r[2] - r[3], di = i[2] - i[3];
    const T ur = r[0] + c1 * ar + c2 * br, ui = i[0] + c1 * ai + c2 * bi;
    const T vr = r[0] + c2 * ar + c1 * br, vi = i[0] + c2 * ai + c1 * bi;
    const T wr = s1 * cr + s2 * dr, wi = s1 * ci + s2 * di;
    const T zr = s2 * cr - s1 * dr, zi = s2 * ci - s1 * di;
    r[0] += ar + br, i[0] += ai + bi;
    r[1] = ur + wi, i[1] = ui - wr;
    r[2] = vr + zi, i[2] = vi - zr;
    r[3] = vr - zi, i[3] = vi + zr;
    r[4] = ur - wi, i[4] = ui + wr;
  }
}

// y[s (radix p + j) + q] = w^(p j) DFT(x[s (p + m .) + q])_j for p < m, q < s.
template <int radix, class T>
void stage(int64_t m, int64_t s, const T* twiddle, Pair<T> x, Pair<T> y) {
  for (int64_t p = 0; p < m; ++p) {
    const T* w = twiddle + 2 * (radix - 1) * p;
    const T* __restrict xr = x.re + s * p;
    const T* __restrict xi = x.im + s * p;
    T* __restrict yr = y.re + s * radix * p;
    T* __restrict yi = y.im + s * radix * p;
    for (int64_t q = 0; q < s; ++q) {
      T r[radix], i[radix];
      for (int j = 0; j < radix; ++j) r[j] = xr[q + s * m * j], i[j] = xi[q + s * m * j];
      butterfly<radix>(r, i);
      yr[q] = r[0], yi[q] = i[0];
      for (int j = 1; j < radix; ++j) {
        const T wr = w[2 * j - 2], wi = w[2 * j - 1];
        yr[q + s * j] = r[j] * wr - i[j] * wi;
        yi[q + s * j] = r[j] * wi + i[j] * wr;
      }
    }
  }
}

// Transforms `rows` rows of `padded` values in a; the result is in a or, then, in b.
template <class T>
Pair<T> run_stages(const FftView& view, int64_t rows, Pair<T> a, Pair<T> b) {
  const T* twiddle = static_cast<const T*>(view.twiddle);
  int64_t left = view.padded, s = rows;
  for (int k = 0; k < view.stages; ++k) {
    const int radix = view.radix[k];
    const int64_t m = left / radix;
    if (radix == 4)
      stage<4>(m, s, twiddle, a, b);
    else if (radix == 2)
      stage<2>(m, s, twiddle, a, b);
    else if (radix == 3)
      stage<3>(m, s, twiddle, a, b);
    else
      stage<5>(m, s, twiddle, a, b);
    twiddle += 2 * (radix - 1) * m;
    left = m;
    s *= radix;
    const Pair<T> previous = a;
    a = b;
    b = previous;
  }
  return a;
}

template <class T>
void multiply(const T* factors, int64_t count, int64_t rows, Pair<T> x, T scale) {
  for (int64_t k = 0; k < count; ++k) {
    const T wr = factors[2 * k] * scale, wi = factors[2 * k + 1] * scale;
    T* __restrict re = x.re + k * rows;
    T* __restrict im = x.im + k * rows;
    for (int64_t q = 0; q < rows; ++q) {
      const T r = re[q], i = im[q];
      re[q] = r * wr - i * wi;
      im[q] = r * wi + i * wr;
    }
  }
}

// The forward transform of `length` values per row in a; returns where the result lies.
// Bluestein: X_k = c_k sum_t (x_t c_t) conj(c)_(k - t), a convolution that wraps at `padded`.
template <class T>
Pair<T> transform(const FftView& view, int64_t rows, Pair<T> a, Pair<T> b) {
  if (!view.chirp) return run_stages(view, rows, a, b);
  const T* chirp = static_cast<const T*>(view.chirp);
  multiply(chirp, view.length, rows, a, T(1));
  for (int64_t at = view.length * rows; at < view.padded * rows; ++at) a.re[at] = a.im[at] = 0;
  const Pair<T> first = run_stages(view, rows, a, b);
  const Pair<T> other = first.re == a.re ? b : a;
  multiply(static_cast<const T*>(view.spectrum), view.padded, rows, first, T(1));
  const Pair<T> second = swapped(run_stages(view, rows, swapped(first), swapped(other)));
  multiply(chirp, view.length, rows, second, T(1) / static_cast<T>(view.padded));
  return second;
}

template <class T>
void gather(int64_t count, int64_t rows, int64_t apart, const T* src, int64_t step, T* dst) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < rows; ++i) dst[k * rows + i] = src[i * apart + k * step];
}

template <class T>
void scatter(int64_t count, int64_t rows, int64_t apart, const T* src, int64_t step, T* dst) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < rows; ++i) dst[i * apart + k * step] = src[k * rows + i];
}

template <class T>
void complex_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                   const T* const* in) {
  const int re = v.kind == FftKind::Inverse ? 1 : 0;
  gather(v.n, rows, v.n, in[re], 1, a.re);
  gather(v.n, rows, v.n, in[1 - re], 1, a.im);
  const Pair<T> y = transform(v, rows, a, b);
  scatter(v.n, rows, v.n, y.re, 1, out[re]);
  scatter(v.n, rows, v.n, y.im, 1, out[1 - re]);
}

// Even n: z_t = x_2t + i x_(2t+1) has half the length; X_k = E - i w^k O with
// E, O = (Z_k ± conj Z_(h-k)) / 2.
template <class T>
void real_forward_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                        const T* const* in) {
  const int64_t terms = v.n / 2 + 1;
  if (!v.turn) {
    gather(v.n, rows, v.n, in[0], 1, a.re);
    for (int64_t at = 0; at < v.n * rows; ++at) a.im[at] = 0;
    const Pair<T> y = transform(v, rows, a, b);
    scatter(terms, rows, terms, y.re, 1, out[0]);
    scatter(terms, rows, terms, y.im, 1, out[1]);
    return;
  }
  const int64_t h = v.length;
  gather(h, rows, v.n, in[0], 2, a.re);
  gather(h, rows, v.n, in[0] + 1, 2, a.im);
  const Pair<T> z = transform(v, rows, a, b);
  const T* turn = static_cast<const T*>(v.turn);
  for (int64_t k = 0; k <= h; ++k) {
    const int64_t at = k % h * rows, mirror = (h - k) % h * rows;
    const T c = turn[2 * k], s = -turn[2 * k + 1];
    for (int64_t i = 0; i < rows; ++i) {
      const T zr = z.re[at + i], zi = z.im[at + i], yr = z.re[mirror + i], yi = z.im[mirror + i];
      const T er = T(0.5) * (zr + yr), ei = T(0.5) * (zi - yi);
      const T dr = T(0.5) * (zr - yr), di = T(0.5) * (zi + yi);
      out[0][i * terms + k] = er + (c * di - s * dr);
      out[1][i * terms + k] = ei - (c * dr + s * di);
    }
  }
}

// Even n: Z_k = (X_k + conj X_(h-k)) + i w^-k (X_k - conj X_(h-k)), and z as above.
template <class T>
void real_inverse_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                        const T* const* in) {
  const int64_t terms = v.n / 2 + 1, h = v.length;
  const auto imaginary = [&](int64_t row, int64_t k) -> T {
    return k == 0 || 2 * k == v.n ? T(0) : in[1][row * terms + k];
  };
  if (!v.turn) {
    for (int64_t k = 0; k < v.n; ++k) {
      const bool mirrored = k >= terms;
      const int64_t from = mirrored ? v.n - k : k;
      for (int64_t i = 0; i < rows; ++i) {
        a.re[k * rows + i] = in[0][i * terms + from];
        a.im[k * rows + i] = mirrored ? -imaginary(i, from) : imaginary(i, from);
      }
    }
    const Pair<T> y = swapped(transform(v, rows, swapped(a), swapped(b)));
    return scatter(v.n, rows, v.n, y.re, 1, out[0]);
  }
  const T* turn = static_cast<const T*>(v.turn);
  for (int64_t k = 0; k < h; ++k) {
    const T c = turn[2 * k], s = -turn[2 * k + 1];
    for (int64_t i = 0; i < rows; ++i) {
      const T xr = in[0][i * terms + k], xi = imaginary(i, k);
      const T yr = in[0][i * terms + h - k], yi = imaginary(i, h - k);
      const T er = xr + yr, ei = xi - yi, dr = xr - yr, di = xi + yi;
      a.re[k * rows + i] = er - (s * dr + c * di);
      a.im[k * rows + i] = ei + (c * dr - s * di);
    }
  }
  const Pair<T> z = swapped(transform(v, rows, swapped(a), swapped(b)));
  scatter(h, rows, v.n, z.re, 2, out[0]);
  scatter(h, rows, v.n, z.im, 2, out[0] + 1);
}

template <class T>
void run(const Context& context, const FftView& v, void* const* out, const void* const* in,
         std::byte* worker, size_t worker_stride) noexcept {
  const bool real_in = v.kind == FftKind::RealForward, real_out = v.kind == FftKind::RealInverse;
  const int64_t terms = v.n / 2 + 1;
  const int64_t in_row = real_out ? terms : v.n, out_row = real_in ? terms : v.n;
  const int64_t blocks = (v.rows + v.block - 1) / v.block;
  const int64_t work = v.padded * v.block * (v.stages + 2);
  const int64_t grain = work >= 32768 ? 1 : 32768 / work + 1;
  context.parallel_for(blocks, grain, [=, &v](int64_t begin, int64_t end, int index) {
    T* scratch = reinterpret_cast<T*>(worker + worker_stride * static_cast<size_t>(index));
    const int64_t size = v.padded * v.block;
    const Pair<T> a{scratch, scratch + size}, b{scratch + 2 * size, scratch + 3 * size};
    for (int64_t at = begin; at < end; ++at) {
      const int64_t row = at * v.block;
      const int64_t rows = row + v.block <= v.rows ? v.block : v.rows - row;
      const T* from[2] = {static_cast<const T*>(in[0]) + row * in_row,
                          real_in ? nullptr : static_cast<const T*>(in[1]) + row * in_row};
      T* to[2] = {static_cast<T*>(out[0]) + row * out_row,
                  real_out ? nullptr : static_cast<T*>(out[1]) + row * out_row};
      if (real_in)
        real_forward_block<T>(v, rows, a, b, to, from);
      else if (real_out)
        real_inverse_block<T>(v, rows, a, b, to, from);
      else
        complex_block<T>(v, rows, a, b, to, from);
    }
  });
}

}  // namespace

extern const FftKernels kFftF32, kFftF64;
const FftKernels kFftF32{run<float>};
const FftKernels kFftF64{run<double>};

}  // namespace ranvier::kernels::RV_ISA
