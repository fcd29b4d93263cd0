// Weighted sums of rows, float32 at every level, float64 at baseline.

#include <cstdint>

#include "kernels/cpu/data/resample.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The terms of result i: [first[i], first[i + 1]).
template <class T>
struct TermLists {
  int32_t* first;
  ResampleTerm<T>* terms;

  const ResampleTerm<T>* begin(int64_t i) const { return terms + first[i]; }
  const ResampleTerm<T>* end(int64_t i) const { return terms + first[i + 1]; }
};

// f(result, position, weight) of every term whose weight is not zero.
template <class T, class F>
RV_INLINE void each_term(const ResampleAxis& axis, const int32_t* index, const T* weight,
                         const F& f) {
  for (int64_t i = 0; i < axis.count; ++i)
    for (int64_t k = i * axis.taps; k < (i + 1) * axis.taps; ++k)
      if (weight[k] != 0)
        f(i, index[k] < 0 ? 0 : index[k] < axis.size ? index[k] : axis.size - 1, weight[k]);
}

// The terms by `result`, a number below `results`, in the order in which `each` gives them; what
// they read lies `pitch` elements apart.
template <class T, class Each>
RV_INLINE void sort_terms(int64_t results, int64_t pitch, const TermLists<T>& to,
                          const Each& each) {
  for (int64_t i = 0; i <= results; ++i) to.first[i] = 0;
  each([&](int64_t result, int64_t, T) { ++to.first[result + 1]; });
  for (int64_t i = 0; i < results; ++i) to.first[i + 1] += to.first[i];
  // first[i] moves to the end of i's terms, where those of i + 1 begin, and back.
  each([&](int64_t result, int64_t read, T w) {
    to.terms[to.first[result]++] = {read * pitch, w};
  });
  for (int64_t i = results; i > 0; --i) to.first[i] = to.first[i - 1];
  to.first[0] = 0;
}

template <class T>
void fill_terms(const ResamplePlan& p, const ResampleAxis& axis, const int32_t* index,
                const void* weight, int64_t pitch, const TermLists<T>& to) {
  if (axis.taps > 0) {
    const auto* w = static_cast<const T*>(weight);
    return sort_terms(p.out(axis), pitch, to, [&](const auto& f) {
      each_term(axis, index, w, [&](int64_t i, int64_t at, T value) {
        p.transposed ? f(at, i, value) : f(i, at, value);
      });
    });
  }
  for (int64_t i = 0; i < axis.count; ++i) {
    to.first[i] = static_cast<int32_t>(i);
    to.terms[i] = {i * pitch, T{1}};
  }
  to.first[axis.count] = static_cast<int32_t>(axis.count);
}

// y[c] = sum of weight * x[offset + c] over the terms, V vectors from c on.
template <int V, class T>
RV_INLINE void weighted_vectors(T* y, const T* x, const ResampleTerm<T>* term,
                                const ResampleTerm<T>* end, int lanes) {
  constexpr int kLanes = Vec<T>::kLanes;
  const auto load = [&](const T* from, int v) __attribute__((always_inline)) {
    return lanes == kLanes ? Vec<T>::load(from + v * kLanes) : Vec<T>::load_partial(from, lanes);
  };
  Vec<T> sum[V];
  for (int v = 0; v < V; ++v) sum[v] = load(x + term->offset, v) * Vec<T>::set1(term->weight);
  while (++term != end) {
    const Vec<T> w = Vec<T>::set1(term->weight);
    for (int v = 0; v < V; ++v) sum[v] = fma(load(x + term->offset, v), w, sum[v]);
  }
  for (int v = 0; v < V; ++v) {
    if (lanes == kLanes)
      sum[v].store(y + v * kLanes);
    else
      sum[v].store_partial(y, lanes);
  }
}

template <class T>
RV_INLINE void weighted_run(T* y, const T* x, const ResampleTerm<T>* term,
                            const ResampleTerm<T>* end, int64_t n) {
  constexpr int kLanes = Vec<T>::kLanes;
  if (term == end) {
    for (int64_t c = 0; c < n; ++c) y[c] = 0;
    return;
  }
  int64_t c = 0;
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) weighted_vectors<4>(y + c, x + c, term, end, kLanes);
  if (c + 2 * kLanes <= n) {
    weighted_vectors<2>(y + c, x + c, term, end, kLanes);
    c += 2 * kLanes;
  }
  if (c + kLanes <= n) {
    weighted_vectors<1>(y + c, x + c, term, end, kLanes);
    c += kLanes;
  }
  if (c < n) weighted_vectors<1>(y + c, x + c, term, end, static_cast<int>(n - c));
}

// --- positions narrower than a vector ---

// row[index[lane]]
template <class T>
RV_INLINE Vec<T> gathered(const T* row, const int32_t* index) {
#if defined(__AVX512F__)
  return {_mm512_i32gather_ps(_mm512_loadu_si512(index), row, 4)};
#elif defined(__AVX2__)
  return {_mm256_i32gather_ps(row, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index)), 4)};
#else
  Vec<T> x;
  for (int lane = 0; lane < Vec<T>::kLanes; ++lane) x.v[lane] = row[index[lane]];
  return x;
#endif
}

// The same out of two vectors: lanes of `low`, then of `high`.
#if defined(__AVX512F__)
constexpr bool kPermutes = true;
RV_INLINE VecF permuted(VecF low, VecF high, const int32_t* index) {
  return {_mm512_permutex2var_ps(low.v, _mm512_loadu_si512(index), high.v)};
}
#elif defined(__AVX2__)
constexpr bool kPermutes = true;
RV_INLINE VecF permuted(VecF low, VecF high, const int32_t* index) {
  const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
  return {_mm256_blendv_ps(_mm256_permutevar8x32_ps(low.v, at),
                           _mm256_permutevar8x32_ps(high.v, at),
                           _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)))};
}
#else
constexpr bool kPermutes = false;
#endif

template <class T>
struct Blocks {
  ResampleBlock* blocks;
  int32_t* index;
  T* weight;
};

// The terms of a vector of results: of the k-th sum of every lane the place and the weight, 0 where
// the lane has fewer terms.
template <class T>
void fill_blocks(const TermLists<T>& cols, int64_t in, int64_t out, int64_t inner,
                 const Blocks<T>& to) {
  constexpr int kLanes = Vec<T>::kLanes;
  int32_t* index = to.index;
  T* weight = to.weight;
  for (int64_t begin = 0; begin < out; begin += kLanes) {
    const int lanes = static_cast<int>(out - begin < kLanes ? out - begin : kLanes);
    int64_t low = in, high = 0, depth = 0;
    for (int64_t j = begin / inner; j <= (begin + lanes - 1) / inner; ++j) {
      const int64_t terms = cols.end(j) - cols.begin(j);
      depth = terms > depth ? terms : depth;
      for (const auto* term = cols.begin(j); term != cols.end(j); ++term) {
        low = term->offset < low ? term->offset : low;
        high = term->offset + inner > high ? term->offset + inner : high;
      }
    }
    int64_t base = low + 2 * kLanes <= in ? low : in - 2 * kLanes;
    if (!kPermutes || high - base > 2 * kLanes) base = -1;
    to.blocks[begin / kLanes] = {base, depth};
    for (int64_t k = 0; k < depth; ++k, index += kLanes, weight += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const int64_t j = (begin + lane) / inner, c = (begin + lane) % inner;
        const bool has = lane < lanes && cols.begin(j) + k < cols.end(j);
        const int64_t at = has ? cols.begin(j)[k].offset + c : 0;
        index[lane] = static_cast<int32_t>(has && base > 0 ? at - base : at);
        weight[lane] = has ? cols.begin(j)[k].weight : T{0};
      }
    }
  }
}

// Sums of `depth` terms in every lane, x(k) the k-th ones' values; 0 in a lane without terms.
template <class T, class F>
RV_INLINE Vec<T> lane_sums(int64_t depth, const T* weight, const F& x) {
  Vec<T> sum = Vec<T>::zero();
  for (int64_t k = 0; k < depth; ++k) {
    const Vec<T> w = Vec<T>::load(weight + k * Vec<T>::kLanes);
    sum = select(w == Vec<T>::zero(), sum, k == 0 ? x(k) * w : fma(x(k), w, sum));
  }
  return sum;
}

template <class T>
void narrow_row(T* y, const T* row, const Blocks<T>& b, int64_t out) {
  constexpr int kLanes = Vec<T>::kLanes;
  const int32_t* index = b.index;
  const T* weight = b.weight;
  const ResampleBlock* block = b.blocks;
  for (int64_t begin = 0; begin < out; begin += kLanes, ++block) {
    const auto from_memory = [&](int64_t k) __attribute__((always_inline)) {
      return gathered(row, index + k * kLanes);
    };
    Vec<T> sum;
    if constexpr (kPermutes) {
      if (block->base >= 0) {
        const Vec<T> low = Vec<T>::load(row + block->base);
        const Vec<T> high = Vec<T>::load(row + block->base + kLanes);
        sum = lane_sums(
            block->depth, weight, [&](int64_t k) __attribute__((always_inline)) {
              return permuted(low, high, index + k * kLanes);
            });
      } else {
        sum = lane_sums(block->depth, weight, from_memory);
      }
    } else {
      sum = lane_sums(block->depth, weight, from_memory);
    }
    index += block->depth * kLanes;
    weight += block->depth * kLanes;
    const int64_t left = out - begin;
    if (left >= kLanes)
      sum.store(y + begin);
    else
      sum.store_partial(y + begin, static_cast<int>(left));
  }
}

// --- images ---

template <class T>
struct Terms {
  TermLists<T> rows, cols;
  Blocks<T> blocks;
};

template <class T>
Terms<T> fill_scratch(const ResamplePlan& p, const ResampleTables& tables, void* shared) {
  const ResampleLayout& at = p.layout;
  auto* memory = static_cast<std::byte*>(shared);
  const auto list = [&](size_t first, size_t terms) {
    return TermLists<T>{reinterpret_cast<int32_t*>(memory + first),
                        reinterpret_cast<ResampleTerm<T>*>(memory + terms)};
  };
  Terms<T> t{list(at.row_first, at.row_terms), list(at.col_first, at.col_terms), {}};
  fill_terms(p, p.rows, tables.row_index, tables.row_weight, p.in(p.cols) * p.inner, t.rows);
  fill_terms(p, p.cols, tables.col_index, tables.col_weight, p.inner, t.cols);
  if (p.narrow) {
    t.blocks = {reinterpret_cast<ResampleBlock*>(memory + at.blocks),
                reinterpret_cast<int32_t*>(memory + at.index),
                reinterpret_cast<T*>(memory + at.weight)};
    fill_blocks(t.cols, p.in(p.cols) * p.inner, p.out(p.cols) * p.inner, p.inner, t.blocks);
  }
  return t;
}

// One row of results, from the image at x.
template <class T>
void resample_row(const ResamplePlan& p, const Terms<T>& t, T* y, const T* x, int64_t i,
                  T* between) {
  const int64_t in = p.in(p.cols), out = p.out(p.cols), inner = p.inner;
  const auto *term = t.rows.begin(i), *end = t.rows.end(i);
  if (p.cols.taps == 0) return weighted_run(y, x, term, end, in * inner);
  const T* row = between;
  if (end - term == 1 && term->weight == 1)
    row = x + term->offset;
  else
    weighted_run(between, x, term, end, in * inner);
  if (p.narrow) return narrow_row(y, row, t.blocks, out * inner);
  for (int64_t j = 0; j < out; ++j)
    weighted_run(y + j * inner, row, t.cols.begin(j), t.cols.end(j), inner);
}

template <class T>
void resample(const Context& context, const ResamplePlan& p, void* y, const void* x,
              const ResampleTables& tables, void* shared, std::byte* worker,
              size_t worker_stride) noexcept {
  const Terms<T> terms = fill_scratch<T>(p, tables, shared);
  const int64_t rows = p.out(p.rows), y_row = p.out(p.cols) * p.inner;
  const int64_t image = p.in(p.rows) * p.in(p.cols) * p.inner;
  const int64_t work = y_row + p.in(p.cols) * p.inner;
  constexpr int64_t kChunk = 16384;  // elements
  const int64_t grain = work < 1 ? 1 : work < kChunk ? kChunk / work : 1;
  context.parallel_for(p.outer * rows, grain, [&](int64_t begin, int64_t end, int id) {
    auto* between = reinterpret_cast<T*>(worker + static_cast<size_t>(id) * worker_stride);
    for (int64_t r = begin; r < end; ++r)
      resample_row(p, terms, static_cast<T*>(y) + r * y_row,
                   static_cast<const T*>(x) + r / rows * image, r % rows, between);
  });
}

}  // namespace

extern const ResampleKernels kResampleF32;
const ResampleKernels kResampleF32{VecF::kLanes, resample<float>};
#if !defined(__AVX2__)
extern const ResampleKernels kResampleF64;
const ResampleKernels kResampleF64{VecD::kLanes, resample<double>};
#endif

}  // namespace ranvier::kernels::RV_ISA
