// Random arrays of every dtype: dispatch, chunking, and the plain paths of the rarer types.

#include "kernels/cpu/data/random.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/data/random_constants.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(RandomKernels, kRandomKernels, random_kernels)

namespace {

constexpr int64_t kGrain = 16384;  // elements; a multiple of the block of 64
constexpr int64_t kBlock = 64;

uint64_t threshold_of(double p) {
  return static_cast<uint64_t>(std::llround(std::clamp(p, 0.0, 1.0) * 0x1p32));
}

// z with P(|Z| > z) = v, 0 < v <= 1: the float32 polynomials, then one Halley step on erfc, which
// triples the digits.
double inverse_normal_tail(double v) {
  const double x = 1.0 - v, w = -std::log(v * (1.0 + x));
  const bool central = w < static_cast<double>(kCentralLimit);
  const double t = central ? w - static_cast<double>(kCentralShift)
                           : std::sqrt(w) - static_cast<double>(kTailShift);
  double sum = 0;
  if (central)
    for (int i = 8; i >= 0; --i) sum = sum * t + static_cast<double>(kCentral[i]);
  else
    for (int i = 7; i >= 0; --i) sum = sum * t + static_cast<double>(kTail[i]);
  double z = x * sum;
  // Beyond w = 22.5 the fit extrapolates; a second step mends it.
  for (int step = 0; step < (w < 22.5 ? 1 : 3); ++step) {
    const double density = -std::sqrt(2.0 / M_PI) * std::exp(-0.5 * z * z);
    const double u = (std::erfc(z * M_SQRT1_2) - v) / density;
    z -= u / (1.0 + 0.5 * z * u);
  }
  return z;
}

// The 64 bits of elements 64 b .. 64 b + 64.
void wide_block(const RandomKernels& kernels, const uint32_t* key, int64_t b, uint64_t* out) {
  uint32_t words[2 * kBlock];
  kernels.bits(key, 2 * b * kBlock, 2 * kBlock, words);
  for (int64_t r = 0; r < kBlock; ++r) out[r] = words[r] | uint64_t{words[kBlock + r]} << 32;
}

// dst[i] = value(64 bits of element i).
template <class T, class Value>
void fill_wide(const Context& context, const uint32_t* key, int64_t n, T* dst, const Value& value) {
  const RandomKernels& kernels = random_kernels();
  context.parallel_for(ceil_div(n, kBlock), 2048 / kBlock, [&](int64_t begin, int64_t end, int) {
    uint64_t bits[kBlock];
    for (int64_t b = begin; b < end; ++b) {
      wide_block(kernels, key, b, bits);
      const int64_t count = std::min(kBlock, n - b * kBlock);
      for (int64_t r = 0; r < count; ++r) dst[b * kBlock + r] = value(bits[r]);
    }
  });
}

// One float32 draw of a range, by the level's kernel.
void draw_f32(const RandomKernels& kernels, Distribution distribution, const uint32_t* key,
              int64_t first, int64_t n, float* dst, double a, double b) {
  const auto fa = static_cast<float>(a), fb = static_cast<float>(b);
  switch (distribution) {
    case Distribution::Uniform:
      return kernels.uniform(key, first, n, dst, fa, fb);
    case Distribution::Normal:
      return kernels.normal(key, first, n, dst, fa, fb);
    case Distribution::TruncatedNormal:
      return kernels.truncated_normal(key, first, n, dst, fa, fb);
    case Distribution::Bernoulli:
      return kernels.bernoulli(key, first, n, dst, threshold_of(a), fb);
  }
}

void random_f32(const Context& context, Distribution distribution, const uint32_t* key, int64_t n,
                float* dst, double a, double b) {
  const RandomKernels& kernels = random_kernels();
  context.parallel_for(n, kGrain, [&](int64_t begin, int64_t end, int) {
    draw_f32(kernels, distribution, key, begin, end - begin, dst + begin, a, b);
  });
}

// The float32 draw, rounded to T.
template <class T, class Round>
void random_rounded(const Context& context, Distribution distribution, const uint32_t* key,
                    int64_t n, void* dst, double a, double b, const Round& round) {
  const RandomKernels& kernels = random_kernels();
  context.parallel_for(n, kGrain, [&](int64_t begin, int64_t end, int) {
    float draws[4 * kBlock];
    for (int64_t first = begin; first < end; first += 4 * kBlock) {
      const int64_t count = std::min(4 * kBlock, end - first);
      draw_f32(kernels, distribution, key, first, count, draws, a, b);
      for (int64_t i = 0; i < count; ++i) static_cast<T*>(dst)[first + i] = round(draws[i]);
    }
  });
}

void random_f64(const Context& context, Distribution distribution, const uint32_t* key, int64_t n,
                double* dst, double a, double b) {
  const auto normal = [=](uint64_t bits, double tail) {
    const double z = inverse_normal_tail(tail);
    return a + b * (bits >> 63 ? -z : z);
  };
  switch (distribution) {
    case Distribution::Uniform:
      return fill_wide(context, key, n, dst, [=](uint64_t bits) {
        const double x = a + (b - a) * (static_cast<double>(bits >> 11) * 0x1p-53);
        return x < b ? x : a;
      });
    case Distribution::Normal:
      return fill_wide(context, key, n, dst, [=](uint64_t bits) {
        return normal(bits, (static_cast<double>(bits << 1 >> 1) + 0.5) * 0x1p-63);
      });
    case Distribution::TruncatedNormal:
      return fill_wide(context, key, n, dst, [=](uint64_t bits) {
        const double u = (static_cast<double>(bits << 1 >> 11) + 0.5) * 0x1p-53;
        return normal(bits, 1.0 - kWithinTwo * u);
      });
    case Distribution::Bernoulli:
      return random_rounded<double>(context, distribution, key, n, dst, a, 1.0,
                                    [=](float drawn) { return drawn != 0.0f ? b : 0.0; });
  }
}

template <class T>
void bernoulli_integer(const Context& context, const uint32_t* key, int64_t n, void* dst, double p,
                       double yes) {
  const auto value = static_cast<T>(static_cast<int64_t>(yes));
  random_rounded<T>(context, Distribution::Bernoulli, key, n, dst, p, 1.0,
                    [=](float drawn) { return drawn != 0.0f ? value : T{0}; });
}

}  // namespace

void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) noexcept {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < kPhiloxRounds; ++round, k0 += kPhiloxW0, k1 += kPhiloxW1) {
    const uint64_t a = uint64_t{kPhiloxM0} * c[0], b = uint64_t{kPhiloxM1} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    std::copy(next, next + 4, c);
  }
  std::copy(c, c + 4, out);
}

void run_random(const Context& context, Distribution distribution, DType dtype, const uint32_t* key,
                int64_t n, void* dst, double a, double b) noexcept {
  switch (dtype) {
    case DType::F32:
      return random_f32(context, distribution, key, n, static_cast<float*>(dst), a, b);
    case DType::F64:
      return random_f64(context, distribution, key, n, static_cast<double*>(dst), a, b);
    case DType::F16:
      return random_rounded<uint16_t>(context, distribution, key, n, dst, a, b, f32_to_f16);
    case DType::BF16:
      return random_rounded<uint16_t>(context, distribution, key, n, dst, a, b, f32_to_bf16);
    case DType::F8E4M3:
      return random_rounded<uint8_t>(context, distribution, key, n, dst, a, b, f32_to_f8<4>);
    case DType::F8E5M2:
      return random_rounded<uint8_t>(context, distribution, key, n, dst, a, b, f32_to_f8<5>);
    default:
      break;
  }
  with_element(static_cast<int>(size_of(dtype)), [&](auto element) {
    bernoulli_integer<decltype(element)>(context, key, n, dst, a, b);
  });
}

void run_dropout(const Context& context, const uint32_t* key, int64_t n, float* y, uint8_t* mask,
                 const float* x, double keep) noexcept {
  const RandomKernels& kernels = random_kernels();
  const uint64_t threshold = threshold_of(keep);
  const auto scale = static_cast<float>(keep > 0 ? 1.0 / keep : 0.0);
  context.parallel_for(n, kGrain, [&](int64_t begin, int64_t end, int) {
    kernels.dropout(key, begin, end - begin, y + begin, mask ? mask + begin : nullptr, x + begin,
                    threshold, scale);
  });
}

void run_random_integers(const Context& context, DType dtype, const uint32_t* key, int64_t n,
                         void* dst, int64_t lo, int64_t hi) noexcept {
  const auto range = static_cast<uint64_t>(hi) - static_cast<uint64_t>(lo);
  with_element(static_cast<int>(size_of(dtype)), [&](auto element) {
    using T = decltype(element);
    fill_wide(context, key, n, static_cast<T*>(dst), [=](uint64_t bits) {
      const auto scaled = static_cast<uint64_t>(static_cast<unsigned __int128>(bits) * range >> 64);
      return static_cast<T>(static_cast<uint64_t>(lo) + scaled);
    });
  });
}

namespace {

// Fisher and Yates, from the last place down; place i takes the wide draw n - 1 - i.
template <class T>
void shuffled_indices(const uint32_t* key, int64_t n, T* dst) {
  const RandomKernels& kernels = random_kernels();
  for (int64_t i = 0; i < n; ++i) dst[i] = static_cast<T>(i);
  uint64_t bits[kBlock];
  for (int64_t i = n - 1; i > 0; --i) {
    const int64_t draw = n - 1 - i;
    if (draw % kBlock == 0) wide_block(kernels, key, draw / kBlock, bits);
    const auto range = static_cast<unsigned __int128>(i + 1);
    const auto other = static_cast<int64_t>(bits[draw % kBlock] * range >> 64);
    const T kept = dst[i];
    dst[i] = dst[other];
    dst[other] = kept;
  }
}

}  // namespace

void run_permutation(DType dtype, const uint32_t* key, int64_t n, void* dst) noexcept {
  if (dtype == DType::I64)
    shuffled_indices(key, n, static_cast<int64_t*>(dst));
  else
    shuffled_indices(key, n, static_cast<int32_t*>(dst));
}

void run_categorical(const Context& context, const uint32_t* key, int64_t rows, int64_t classes,
                     int64_t draws, int32_t* dst, const float* logits) noexcept {
  const RandomKernels& kernels = random_kernels();
  // Draw d takes the elements from d * stride on, so that each begins at a block.
  const int64_t stride = ceil_div(classes, kBlock) * kBlock;
  context.parallel_for(rows * draws, std::max<int64_t>(1, 1024 / std::max<int64_t>(classes, 1)),
                       [&](int64_t begin, int64_t end, int) {
                         uint32_t bits[kBlock];
                         for (int64_t d = begin; d < end; ++d) {
                           const float* row = logits + d / draws * classes;
                           double best = -INFINITY;
                           int32_t winner = 0;
                           for (int64_t c = 0; c < classes; ++c) {
                             if (c % kBlock == 0) kernels.bits(key, d * stride + c, kBlock, bits);
                             const double u = (bits[c % kBlock] + 0.5) * 0x1p-32;
                             const double score = row[c] - std::log(-std::log(u));
                             if (score > best) {
                               best = score;
                               winner = static_cast<int32_t>(c);
                             }
                           }
                           dst[d] = winner;
                         }
                       });
}

}  // namespace ranvier::kernels
