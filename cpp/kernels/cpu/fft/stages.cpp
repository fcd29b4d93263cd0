// Stockham stages and what surrounds them; float32 at every level, float64 too.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/fft/fft.h"
#include "kernels/cpu/simd/transpose_block.h"

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

// The place of the k-th group of `rows` values.
template <class T>
Pair<T> term(Pair<T> x, int64_t k, int64_t rows) {
  return {x.re + k * rows, x.im + k * rows};
}

// How a vector of rows is read and written: all lanes, or the first n.
template <class T>
struct AllLanes {
  RV_INLINE Vec<T> load(const T* p) const { return Vec<T>::load(p); }
  RV_INLINE void store(Vec<T> v, T* p) const { v.store(p); }
};
template <class T>
struct FirstLanes {
  int n;
  RV_INLINE Vec<T> load(const T* p) const { return Vec<T>::load_partial(p, n); }
  RV_INLINE void store(Vec<T> v, T* p) const { v.store_partial(p, n); }
};
// f(q, lanes) for the vectors that begin at q of `count` values.
template <class T, class F>
RV_INLINE void for_lanes(int64_t count, const F& f) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  int64_t q = 0;
  for (; q + kLanes <= count; q += kLanes) f(q, AllLanes<T>{});
  if (q < count) f(q, FirstLanes<T>{static_cast<int>(count - q)});
}

// DFT of the values (r, i)[0..radix) in place; V is a vector.
template <int radix, class V>
RV_INLINE void butterfly(V* r, V* i) {
  const auto value = [](double x) {
    return V::set1(static_cast<std::remove_cvref_t<decltype(r[0][0])>>(x));
  };
  if constexpr (radix == 2) {
    const V ar = r[0], ai = i[0];
    r[0] = ar + r[1], i[0] = ai + i[1];
    r[1] = ar - r[1], i[1] = ai - i[1];
  } else if constexpr (radix == 3) {
    const V s = value(0.86602540378443864676);
    const V tr = r[1] + r[2], ti = i[1] + i[2];
    const V dr = s * (r[1] - r[2]), di = s * (i[1] - i[2]);
    const V cr = r[0] - value(0.5) * tr, ci = i[0] - value(0.5) * ti;
    r[0] = r[0] + tr, i[0] = i[0] + ti;
    r[1] = cr + di, i[1] = ci - dr;
    r[2] = cr - di, i[2] = ci + dr;
  } else if constexpr (radix == 4) {
    const V ar = r[0] + r[2], ai = i[0] + i[2], br = r[0] - r[2], bi = i[0] - i[2];
    const V cr = r[1] + r[3], ci = i[1] + i[3], dr = r[1] - r[3], di = i[1] - i[3];
    r[0] = ar + cr, i[0] = ai + ci;
    r[1] = br + di, i[1] = bi - dr;
    r[2] = ar - cr, i[2] = ai - ci;
    r[3] = br - di, i[3] = bi + dr;
  } else if constexpr (radix == 8) {
    // Y_k, Y_(k+4) = E_k ± w^k O_k of the values at even and odd places, w = (1 - i) / sqrt 2.
    V er[4] = {r[0], r[2], r[4], r[6]}, ei[4] = {i[0], i[2], i[4], i[6]};
    V odd_r[4] = {r[1], r[3], r[5], r[7]}, odd_i[4] = {i[1], i[3], i[5], i[7]};
    butterfly<4>(er, ei);
    butterfly<4>(odd_r, odd_i);
    const V c = value(0.70710678118654752440);
    const V tr[4] = {odd_r[0], c * (odd_r[1] + odd_i[1]), odd_i[2], c * (odd_i[3] - odd_r[3])};
    const V ti[4] = {odd_i[0], c * (odd_i[1] - odd_r[1]), -odd_r[2], -c * (odd_r[3] + odd_i[3])};
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      r[k] = er[k] + tr[k], i[k] = ei[k] + ti[k];
      r[k + 4] = er[k] - tr[k], i[k + 4] = ei[k] - ti[k];
    }
  } else {
    const V c1 = value(0.30901699437494742410), c2 = value(-0.80901699437494742410);
    const V s1 = value(0.95105651629515357212), s2 = value(0.58778525229247312917);
    const V ar = r[1] + r[4], ai = i[1] + i[4], br = r[2] + r[3], bi = i[2] + i[3];
    const V cr = r[1] - r[4], ci = i[1] - i[4], dr = r[2] - r[3], di = i[2] - i[3];
    const V ur = r[0] + c1 * ar + c2 * br, ui = i[0] + c1 * ai + c2 * bi;
    const V vr = r[0] + c2 * ar + c1 * br, vi = i[0] + c2 * ai + c1 * bi;
    const V wr = s1 * cr + s2 * dr, wi = s1 * ci + s2 * di;
    const V zr = s2 * cr - s1 * dr, zi = s2 * ci - s1 * di;
    r[0] = r[0] + ar + br, i[0] = i[0] + ai + bi;
    r[1] = ur + wi, i[1] = ui - wr;
    r[2] = vr + zi, i[2] = vi - zr;
    r[3] = vr - zi, i[3] = vi + zr;
    r[4] = ur - wi, i[4] = ui + wr;
  }
}

// y[s (radix p + j) + q] = w^(p j) DFT(x[s (p + m .) + q])_j for p < m, q < s.
template <int radix, class T>
void stage(int64_t m, int64_t s, const T* twiddle, Pair<T> x, Pair<T> y) {
  using V = Vec<T>;
  for (int64_t p = 0; p < m; ++p) {
    const T* w = twiddle + 2 * (radix - 1) * p;
    const Pair<T> from = term(x, p, s), to = term(y, radix * p, s);
    for_lanes<T>(s, [=](int64_t q, const auto& lanes) {
      V r[radix], i[radix];
#pragma GCC unroll 8
      for (int j = 0; j < radix; ++j)
        r[j] = lanes.load(from.re + q + s * m * j), i[j] = lanes.load(from.im + q + s * m * j);
      butterfly<radix>(r, i);
      lanes.store(r[0], to.re + q), lanes.store(i[0], to.im + q);
#pragma GCC unroll 8
      for (int j = 1; j < radix; ++j) {
        const V wr = V::set1(w[2 * j - 2]), wi = V::set1(w[2 * j - 1]);
        lanes.store(fma(-i[j], wi, r[j] * wr), to.re + q + s * j);
        lanes.store(fma(i[j], wr, r[j] * wi), to.im + q + s * j);
      }
    });
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
    if (radix == 8)
      stage<8>(m, s, twiddle, a, b);
    else if (radix == 4)
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
  using V = Vec<T>;
  for (int64_t k = 0; k < count; ++k) {
    const V wr = V::set1(factors[2 * k] * scale), wi = V::set1(factors[2 * k + 1] * scale);
    const Pair<T> at = term(x, k, rows);
    for_lanes<T>(rows, [=](int64_t q, const auto& lanes) {
      const V r = lanes.load(at.re + q), i = lanes.load(at.im + q);
      lanes.store(fma(-i, wi, r * wr), at.re + q);
      lanes.store(fma(i, wr, r * wi), at.im + q);
    });
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

// dst[r * dst_stride + c] = src[c * src_stride + r], r < rows, c < cols.
template <class T>
void turn_tile(T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows,
               int64_t cols) {
  if constexpr (sizeof(T) == sizeof(uint32_t)) {
    if (rows % kBlock == 0 && cols % kBlock == 0) {
      for (int64_t c = 0; c < cols; c += kBlock)
        for (int64_t r = 0; r < rows; r += kBlock)
          transpose_block(reinterpret_cast<uint32_t*>(dst) + r * dst_stride + c, dst_stride,
                          reinterpret_cast<const uint32_t*>(src) + c * src_stride + r, src_stride);
      return;
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) dst[r * dst_stride + c] = src[c * src_stride + r];
}

// Columns of rows that are moved together: rows a power of two apart share few places of the first
// cache, so that their lines are read and written to the end at once.
constexpr int64_t kTileColumns = 16;

// dst[k * rows + i] = src[i * apart + k], k < count.
template <class T>
void gather(int64_t count, int64_t rows, int64_t apart, const T* src, T* dst) {
  for (int64_t k = 0; k < count; k += kTileColumns)
    turn_tile(dst + k * rows, rows, src + k, apart,
              count - k < kTileColumns ? count - k : kTileColumns, rows);
}

// dst[i * apart + k] = src[k * rows + i], k < count.
template <class T>
void scatter(int64_t count, int64_t rows, int64_t apart, const T* src, T* dst) {
  for (int64_t k = 0; k < count; k += kTileColumns)
    turn_tile(dst + k, apart, src + k * rows, rows, rows,
              count - k < kTileColumns ? count - k : kTileColumns);
}

// Rows of 2 count values: those at even places to dst.re, those at odd ones to dst.im.
template <class T>
void gather_pairs(int64_t count, int64_t rows, const T* src, Pair<T> dst) {
  T tile[kTileColumns * kMaxFftBlock];
  for (int64_t k = 0; k < 2 * count; k += kTileColumns) {
    const int64_t width = 2 * count - k < kTileColumns ? 2 * count - k : kTileColumns;
    turn_tile(tile, rows, src + k, 2 * count, width, rows);
    for (int64_t j = 0; j < width; j += 2) {
      const size_t bytes = static_cast<size_t>(rows) * sizeof(T);
      std::memcpy(dst.re + (k + j) / 2 * rows, tile + j * rows, bytes);
      std::memcpy(dst.im + (k + j) / 2 * rows, tile + (j + 1) * rows, bytes);
    }
  }
}

template <class T>
void scatter_pairs(int64_t count, int64_t rows, Pair<T> src, T* dst) {
  T tile[kTileColumns * kMaxFftBlock];
  for (int64_t k = 0; k < 2 * count; k += kTileColumns) {
    const int64_t width = 2 * count - k < kTileColumns ? 2 * count - k : kTileColumns;
    for (int64_t j = 0; j < width; j += 2) {
      const size_t bytes = static_cast<size_t>(rows) * sizeof(T);
      std::memcpy(tile + j * rows, src.re + (k + j) / 2 * rows, bytes);
      std::memcpy(tile + (j + 1) * rows, src.im + (k + j) / 2 * rows, bytes);
    }
    turn_tile(dst + k, 2 * count, tile, rows, rows, width);
  }
}

template <class T>
void complex_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                   const T* const* in) {
  const int re = v.kind == FftKind::Inverse ? 1 : 0;
  gather(v.n, rows, v.n, in[re], a.re);
  gather(v.n, rows, v.n, in[1 - re], a.im);
  const Pair<T> y = transform(v, rows, a, b);
  scatter(v.n, rows, v.n, y.re, out[re]);
  scatter(v.n, rows, v.n, y.im, out[1 - re]);
}

// Even n: z_t = x_2t + i x_(2t+1) has half the length h; X_k = E - i w^k O with
// E, O = (Z_k ± conj Z_(h-k)) / 2, so that X_(h-k) comes of the same sums.
template <class T>
void split_terms(int64_t rows, T c, T s, Pair<T> z, Pair<T> mirror, Pair<T> x, Pair<T> other) {
  using V = Vec<T>;
  const V vc = V::set1(c), vs = V::set1(s), half = V::set1(T(0.5));
  for_lanes<T>(rows, [=](int64_t q, const auto& lanes) {
    const V zr = lanes.load(z.re + q), zi = lanes.load(z.im + q);
    const V yr = lanes.load(mirror.re + q), yi = lanes.load(mirror.im + q);
    const V er = half * (zr + yr), ei = half * (zi - yi);
    const V dr = half * (zr - yr), di = half * (zi + yi);
    const V t = fma(-vs, dr, vc * di), u = fma(vc, dr, vs * di);
    lanes.store(er + t, x.re + q), lanes.store(ei - u, x.im + q);
    lanes.store(er - t, other.re + q), lanes.store(-ei - u, other.im + q);
  });
}

template <class T>
void real_forward_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                        const T* const* in) {
  const int64_t terms = v.n / 2 + 1;
  if (!v.turn) {
    gather(v.n, rows, v.n, in[0], a.re);
    for (int64_t at = 0; at < v.n * rows; ++at) a.im[at] = 0;
    const Pair<T> y = transform(v, rows, a, b);
    scatter(terms, rows, terms, y.re, out[0]);
    scatter(terms, rows, terms, y.im, out[1]);
    return;
  }
  const int64_t h = v.length;
  gather_pairs(h, rows, in[0], a);
  const Pair<T> z = transform(v, rows, a, b);
  const Pair<T> x = z.re == a.re ? b : a;
  const T* turn = static_cast<const T*>(v.turn);
  for (int64_t k = 0; 2 * k < h; ++k)
    split_terms(rows, turn[2 * k], -turn[2 * k + 1], term(z, k, rows), term(z, (h - k) % h, rows),
                term(x, k, rows), term(x, h - k, rows));
  if (h % 2 == 0) {
    for (int64_t at = h / 2 * rows; at < (h / 2 + 1) * rows; ++at)
      x.re[at] = z.re[at], x.im[at] = -z.im[at];
  }
  scatter(terms, rows, terms, x.re, out[0]);
  scatter(terms, rows, terms, x.im, out[1]);
}

// Even n: Z_k = (X_k + conj X_(h-k)) + i w^-k (X_k - conj X_(h-k)), and z as above.
template <class T>
void join_terms(int64_t rows, T c, T s, Pair<T> x, Pair<T> mirror, Pair<T> z, Pair<T> other) {
  using V = Vec<T>;
  const V vc = V::set1(c), vs = V::set1(s);
  for_lanes<T>(rows, [=](int64_t q, const auto& lanes) {
    const V xr = lanes.load(x.re + q), xi = lanes.load(x.im + q);
    const V yr = lanes.load(mirror.re + q), yi = lanes.load(mirror.im + q);
    const V er = xr + yr, ei = xi - yi, dr = xr - yr, di = xi + yi;
    const V t = fma(vs, dr, vc * di), u = fma(-vs, di, vc * dr);
    lanes.store(er - t, z.re + q), lanes.store(ei + u, z.im + q);
    lanes.store(er + t, other.re + q), lanes.store(u - ei, other.im + q);
  });
}

template <class T>
void real_inverse_block(const FftView& v, int64_t rows, Pair<T> a, Pair<T> b, T* const* out,
                        const T* const* in) {
  const int64_t terms = v.n / 2 + 1, h = v.length;
  if (!v.turn) {
    gather(terms, rows, terms, in[0], a.re);
    gather(terms, rows, terms, in[1], a.im);
    for (int64_t i = 0; i < rows; ++i) a.im[i] = T(0);
    for (int64_t at = terms * rows; at < v.n * rows; ++at) {
      const int64_t mirror = (v.n - at / rows) * rows + at % rows;
      a.re[at] = a.re[mirror], a.im[at] = -a.im[mirror];
    }
    const Pair<T> y = swapped(transform(v, rows, swapped(a), swapped(b)));
    return scatter(v.n, rows, v.n, y.re, out[0]);
  }
  gather(terms, rows, terms, in[0], b.re);
  gather(terms, rows, terms, in[1], b.im);
  for (int64_t i = 0; i < rows; ++i) {
    const T first = b.re[i], last = b.re[h * rows + i];
    a.re[i] = first + last, a.im[i] = first - last;
  }
  const T* turn = static_cast<const T*>(v.turn);
  for (int64_t k = 1; 2 * k < h; ++k)
    join_terms(rows, turn[2 * k], -turn[2 * k + 1], term(b, k, rows), term(b, h - k, rows),
               term(a, k, rows), term(a, h - k, rows));
  if (h % 2 == 0) {
    for (int64_t at = h / 2 * rows; at < (h / 2 + 1) * rows; ++at)
      a.re[at] = 2 * b.re[at], a.im[at] = -2 * b.im[at];
  }
  scatter_pairs(h, rows, swapped(transform(v, rows, swapped(a), swapped(b))), out[0]);
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
    const Pair<T> a{scratch, scratch + v.array}, b{scratch + 2 * v.array, scratch + 3 * v.array};
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
