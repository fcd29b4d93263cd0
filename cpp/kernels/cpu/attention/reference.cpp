// Attention by its formula, one row of scores at a time.

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/attention/attention.h"
#include "kernels/cpu/data/random.h"

namespace ranvier::kernels::reference {
namespace {

struct Row {
  int64_t b, n, t;
};

template <class T>
struct Scores {
  const AttentionShape& s;
  const T* q;
  const T* k;
  const T* bias;
  const uint8_t* mask;
  const uint32_t* seed;

  int64_t key_head(const Row& r) const { return r.n / (s.heads / s.key_heads); }
  int64_t query(const Row& r) const { return (r.b * s.queries + r.t) * s.heads + r.n; }
  int64_t key(const Row& r, int64_t c) const {
    return (r.b * s.keys + c) * s.key_heads + key_head(r);
  }
  static int64_t offset(const AttentionGrid& g, const Row& r, int64_t c) {
    return r.b * g.batch + r.n * g.head + r.t * g.query + c;
  }
  bool visible(const Row& r, int64_t c) const {
    return !(s.mask.given && !mask[offset(s.mask, r, c)]) && !(s.causal && c > r.t);
  }
  // Weights before dropout, and whether the row sees anything.
  bool weights(const Row& r, std::vector<double>& w, double& log_sum) const {
    constexpr double kLowest = kMaskedLogit;
    double maximum = -std::numeric_limits<double>::infinity(), total = 0;
    bool any = false;
    for (int64_t c = 0; c < s.keys; ++c) {
      double dot = 0;
      for (int64_t i = 0; i < s.size; ++i)
        dot += static_cast<double>(q[query(r) * s.size + i]) *
               static_cast<double>(k[key(r, c) * s.size + i]);
      dot *= static_cast<double>(s.scale);
      if (s.bias.given) dot += static_cast<double>(bias[offset(s.bias, r, c)]);
      const bool seen = visible(r, c);
      any |= seen;
      w[static_cast<size_t>(c)] = seen ? dot : kLowest;
      maximum = std::max(maximum, w[static_cast<size_t>(c)]);
    }
    for (double& x : w) total += x = std::exp(x - maximum);
    for (double& x : w) x = !any && s.zero_masked ? 0 : x / total;
    log_sum = any             ? maximum + std::log(total)
              : s.zero_masked ? std::numeric_limits<double>::infinity()
                              : kLowest;
    return any;
  }
  // The factor of a weight: 0 or 1 / (1 - rate).
  double kept(const Row& r, int64_t c) const {
    if (s.rate <= 0) return 1;
    const int64_t drawn = (s.keys + 63) / 64 * 64;
    const int64_t element = ((r.b * s.heads + r.n) * s.queries + r.t) * drawn + c;
    const auto counter = static_cast<uint64_t>(element / 64 * 16 + element % 64 % 16);
    const uint32_t words[4] = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                               0, 0};
    uint32_t out[4];
    philox(seed, words, out);
    const double bits = static_cast<double>(out[element % 64 / 16]);
    return bits < std::round((1 - s.rate) * 0x1p32) ? 1 / (1 - s.rate) : 0;
  }
};

template <class F>
void for_each_row(const AttentionShape& s, const F& f) {
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t n = 0; n < s.heads; ++n)
      for (int64_t t = 0; t < s.queries; ++t) f(Row{b, n, t});
}

}  // namespace

template <class T>
void attention(const AttentionShape& s, const T* q, const T* k, const T* v, const T* bias,
               const uint8_t* mask, const uint32_t* seed, T* out, T* log_sum) {
  const Scores<T> scores{s, q, k, bias, mask, seed};
  std::vector<double> w(static_cast<size_t>(s.keys));
  for_each_row(s, [&](const Row& r) {
    double logarithm = 0;
    scores.weights(r, w, logarithm);
    log_sum[(r.b * s.heads + r.n) * s.queries + r.t] = static_cast<T>(logarithm);
    for (int64_t i = 0; i < s.value_size; ++i) {
      double sum = 0;
      for (int64_t c = 0; c < s.keys; ++c)
        sum += w[static_cast<size_t>(c)] * scores.kept(r, c) *
               static_cast<double>(v[scores.key(r, c) * s.value_size + i]);
      out[scores.query(r) * s.value_size + i] = static_cast<T>(sum);
    }
  });
}

template <class T>
void attention_backward(const AttentionShape& s, const T* q, const T* k, const T* v, const T* bias,
                        const uint8_t* mask, const uint32_t* seed, const T* d_out, T* dq, T* dk,
                        T* dv) {
  const Scores<T> scores{s, q, k, bias, mask, seed};
  const auto keys = static_cast<size_t>(s.keys);
  std::vector<double> w(keys), d_w(keys);
  std::vector<double> sum_dk(static_cast<size_t>(s.batch * s.keys * s.key_heads * s.size));
  std::vector<double> sum_dv(static_cast<size_t>(s.batch * s.keys * s.key_heads * s.value_size));
  for_each_row(s, [&](const Row& r) {
    double logarithm = 0, shared = 0;
    const bool any = scores.weights(r, w, logarithm);
    const T* dy = d_out + scores.query(r) * s.value_size;
    for (size_t c = 0; c < keys; ++c) {
      const int64_t at = scores.key(r, static_cast<int64_t>(c)) * s.value_size;
      const double kept = scores.kept(r, static_cast<int64_t>(c));
      d_w[c] = 0;
      for (int64_t i = 0; i < s.value_size; ++i) {
        d_w[c] += static_cast<double>(dy[i]) * static_cast<double>(v[at + i]) * kept;
        sum_dv[static_cast<size_t>(at + i)] += w[c] * kept * static_cast<double>(dy[i]);
      }
      shared += w[c] * d_w[c];
    }
    for (int64_t i = 0; i < s.size; ++i) {
      double sum = 0;
      for (size_t c = 0; c < keys; ++c) {
        const int64_t at = scores.key(r, static_cast<int64_t>(c)) * s.size + i;
        const double slope = any ? w[c] * (d_w[c] - shared) * static_cast<double>(s.scale) : 0;
        sum += slope * static_cast<double>(k[at]);
        sum_dk[static_cast<size_t>(at)] +=
            slope * static_cast<double>(q[scores.query(r) * s.size + i]);
      }
      dq[scores.query(r) * s.size + i] = static_cast<T>(sum);
    }
  });
  for (size_t i = 0; i < sum_dk.size(); ++i) dk[i] = static_cast<T>(sum_dk[i]);
  for (size_t i = 0; i < sum_dv.size(); ++i) dv[i] = static_cast<T>(sum_dv[i]);
}

#define RV_INSTANTIATE(T)                                                                         \
  template void attention(const AttentionShape&, const T*, const T*, const T*, const T*,          \
                          const uint8_t*, const uint32_t*, T*, T*);                               \
  template void attention_backward(const AttentionShape&, const T*, const T*, const T*, const T*, \
                                   const uint8_t*, const uint32_t*, const T*, T*, T*, T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)
#undef RV_INSTANTIATE

}  // namespace ranvier::kernels::reference
