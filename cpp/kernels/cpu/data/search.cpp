// Searching in sorted values, counting.

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/data/sort.h"

namespace ranvier::kernels {
namespace {

constexpr int64_t kSearchChunk = 4096;  // values whose keys a worker holds
// For fewer values than this part of the sorted ones, no keys are made of all of these.
constexpr int64_t kFewValues = 64;

// Calls f with the kernels for the keys of the form.
template <class F>
void with_keys(const KeyForm& form, F&& f) {
  const SortKernels& kernels = sort_kernels(active_isa());
  if (form.bytes == 8)
    f(kernels.wide, int64_t{});
  else
    f(kernels.narrow, int32_t{});
}

// One value among elements whose keys are made where they are read.
template <class K>
int32_t search_probing(const Search& p, const KeyKernels<K>& kernels, const void* sorted,
                       const void* value) {
  const auto key_at = [&](const void* element) {
    K key;
    kernels.map(p.form, element, &key, 1);
    return key;
  };
  const K wanted = key_at(value);
  int64_t low = 0, high = p.sorted;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const K key = key_at(static_cast<const char*>(sorted) + middle * p.form.bytes);
    if (key < wanted || (p.right && key == wanted))
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<int32_t>(low);
}

}  // namespace

Search prepare_search(DType dtype, int64_t sorted, int64_t values, bool right) {
  Search p{.form = key_form(dtype, false),
           .sorted = sorted,
           .values = values,
           .right = right,
           .scratch = {}};
  const size_t key = p.form.bytes == 8 ? sizeof(int64_t) : sizeof(int32_t);
  if (sorted <= kFewValues * values) p.scratch.shared = static_cast<size_t>(sorted) * key;
  p.scratch.per_worker = static_cast<size_t>(kSearchChunk) * key;
  return p;
}

void run_search(const Context& context, const Search& p, const void* sorted, const void* values,
                int32_t* dst, void* shared, std::byte* worker, size_t worker_stride) noexcept {
  with_keys(p.form, [&](const auto& kernels, auto zero) {
    using K = decltype(zero);
    const auto at = [&](const void* base, int64_t i) {
      return static_cast<const char*>(base) + i * p.form.bytes;
    };
    if (p.scratch.shared == 0) {
      for (int64_t i = 0; i < p.values; ++i)
        dst[i] = search_probing<K>(p, kernels, sorted, at(values, i));
      return;
    }
    auto* keys = static_cast<K*>(shared);
    context.parallel_for(p.sorted, 1 << 15, [&](int64_t begin, int64_t end, int) {
      kernels.map(p.form, at(sorted, begin), keys + begin, end - begin);
    });
    context.parallel_for(p.values, kSearchChunk, [&](int64_t begin, int64_t end, int index) {
      auto* own = reinterpret_cast<K*>(worker + worker_stride * static_cast<size_t>(index));
      kernels.map(p.form, at(values, begin), own, end - begin);
      kernels.search(keys, p.sorted, own, end - begin, p.right, dst + begin);
    });
  });
}

namespace {

constexpr int64_t kCountPart = 1 << 15;  // indices of a part
constexpr int64_t kCountParts = 8;

// counts[0..length) = 0, then counts[index[i]] += weights[i], or 1.
template <class T, class Index>
void count_indices(const Index* index, const float* weights, int64_t n, int64_t length, T* counts) {
  std::fill_n(counts, length, T{0});
  for (int64_t i = 0; i < n; ++i) {
    const auto bin = static_cast<int64_t>(index[i]);
    if (static_cast<uint64_t>(bin) >= static_cast<uint64_t>(length)) continue;
    if constexpr (std::is_floating_point_v<T>)
      counts[bin] += weights[i];
    else
      ++counts[bin];
  }
}

template <class T, class Index>
void count_rows(const Context& context, const BinCount& p, T* dst, const Index* index,
                const float* weights) {
  context.parallel_for(p.rows, std::max<int64_t>(1, 4096 / std::max<int64_t>(p.cols, 1)),
                       [&](int64_t begin, int64_t end, int) {
                         for (int64_t r = begin; r < end; ++r)
                           count_indices(index + r * p.cols,
                                         weights ? weights + r * p.cols : nullptr, p.cols, p.length,
                                         dst + r * p.length);
                       });
}

// Counts of parts are added: the order does not show in integers.
template <class Index>
void count_parts(const Context& context, const BinCount& p, uint32_t* dst, const Index* index,
                 uint32_t* counts) {
  const int64_t part = ceil_div(p.cols, p.parts);
  context.parallel_for(p.parts, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      count_indices<uint32_t, Index>(index + i * part, nullptr, std::min(part, p.cols - i * part),
                                     p.length, counts + i * p.length);
  });
  std::copy_n(counts, p.length, dst);
  for (int64_t i = 1; i < p.parts; ++i)
    for (int64_t b = 0; b < p.length; ++b) dst[b] += counts[i * p.length + b];
}

}  // namespace

BinCount prepare_bincount(DType index_dtype, int64_t rows, int64_t cols, int64_t length,
                          bool weighted) {
  BinCount p{.index_dtype = index_dtype,
             .rows = rows,
             .cols = cols,
             .length = length,
             .weighted = weighted,
             .scratch = {}};
  // Where parts are much longer than the counts to be added.
  if (rows == 1 && !weighted && length <= kCountPart / 4)
    p.parts = std::clamp<int64_t>(cols / kCountPart, 1, kCountParts);
  if (p.parts > 1) p.scratch.shared = static_cast<size_t>(p.parts * length) * sizeof(uint32_t);
  return p;
}

void run_bincount(const Context& context, const BinCount& p, void* dst, const void* index,
                  const float* weights, void* shared) noexcept {
  with_index(p.index_dtype, [&](auto zero) {
    const auto* indices = static_cast<const decltype(zero)*>(index);
    if (p.weighted)
      count_rows(context, p, static_cast<float*>(dst), indices, weights);
    else if (p.parts > 1)
      count_parts(context, p, static_cast<uint32_t*>(dst), indices, static_cast<uint32_t*>(shared));
    else
      count_rows(context, p, static_cast<uint32_t*>(dst), indices, nullptr);
  });
}

}  // namespace ranvier::kernels
