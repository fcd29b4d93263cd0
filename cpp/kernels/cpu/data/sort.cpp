// Sorting by keys: of the values alone; of key and index in one word, which makes it stable; of
// items by radix, where a word has no room for both.

#include "kernels/cpu/data/sort.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(SortKernels, kSortKernels, sort_kernels)

KeyForm key_form(DType dtype, bool descending) {
  KeyForm form{.bytes = static_cast<int>(size_of(dtype)), .flip = descending ? -1 : 0};
  const auto floating = [&](int64_t infinity) {
    form.kind = KeyForm::Kind::Floating;
    form.infinity = infinity;
  };
  switch (dtype) {
    case DType::F64:
      floating(0x7FF0000000000000);
      break;
    case DType::F32:
      floating(0x7F800000);
      break;
    case DType::BF16:
      floating(0x7F80);
      break;
    case DType::F16:
      floating(0x7C00);
      break;
    case DType::F8E4M3:
      floating(0x7E);  // the largest number: there is no infinity
      break;
    case DType::F8E5M2:
      floating(0x7C);
      break;
    default:
      if (is_unsigned(dtype) || dtype == DType::Bool) form.kind = KeyForm::Kind::Unsigned;
  }
  return form;
}

namespace {

// At most so many of at least so many are selected, others are sorted.
constexpr int64_t kSelectMax = 16, kSelectFrom = 64;
// A row this long is cut into segments for the threads, where rows are few.
constexpr int64_t kLongRow = 1 << 16, kFewRows = 8;
constexpr int64_t kMapChunk = 1 << 15;
constexpr int kSplits = 4;             // times that a long row is cut in two
constexpr int64_t kInsertionMax = 32;  // items
constexpr int kDigits = 8, kRadix = 256;

// A key of unsigned order and where it came from.
struct SortItem {
  uint64_t key;
  int64_t index;
};

const KeyKernels<int32_t>& keys_of(const SortKernels& kernels, int32_t) { return kernels.narrow; }
const KeyKernels<int64_t>& keys_of(const SortKernels& kernels, int64_t) { return kernels.wide; }

// Calls f with a zero of the type of the keys.
template <class F>
void with_key(const Sort& p, F&& f) {
  if (p.method == Sort::Method::Values && p.form.bytes <= 4)
    f(int32_t{});
  else
    f(int64_t{});
}

void insert_items(SortItem* items, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    const SortItem item = items[i];
    int64_t j = i;
    for (; j > 0 && items[j - 1].key > item.key; --j) items[j] = items[j - 1];
    items[j] = item;
  }
}

// Sorts by key, then by index; `spare` has n items too. The sorted items end in `items`.
void sort_items(SortItem* items, SortItem* spare, int64_t n) {
  if (n <= kInsertionMax) return insert_items(items, n);
  uint32_t counts[kDigits][kRadix] = {};
  for (int64_t i = 0; i < n; ++i)
    for (int d = 0; d < kDigits; ++d) ++counts[d][items[i].key >> (8 * d) & 0xff];
  SortItem* from = items;
  SortItem* to = spare;
  for (int d = 0; d < kDigits; ++d) {
    const uint64_t first = from[0].key >> (8 * d) & 0xff;
    if (counts[d][first] == static_cast<uint64_t>(n)) continue;  // one digit throughout
    uint32_t offset = 0;
    for (uint32_t& count : counts[d]) offset += std::exchange(count, offset);
    for (int64_t i = 0; i < n; ++i) to[counts[d][from[i].key >> (8 * d) & 0xff]++] = from[i];
    std::swap(from, to);
  }
  if (from != items) std::copy(from, from + n, items);
}

// Keys of NaN and of zeros do not tell their bits: these come from src again, in its order.
template <class T, class K>
void mend_values(const KeyForm& form, const K* keys, int64_t n, const void* src, void* values) {
  constexpr T kMagnitude = static_cast<T>(std::numeric_limits<T>::max() >> 1);
  const auto place = [&](K key) { return std::lower_bound(keys, keys + n, key) - keys; };
  const K flip = static_cast<K>(form.flip);
  int64_t nan = place(static_cast<K>(static_cast<K>(kMagnitude) ^ flip)), zero = place(flip);
  auto* dst = static_cast<T*>(values);
  for (int64_t i = 0; i < n; ++i) {
    const T x = static_cast<const T*>(src)[i];
    const T magnitude = static_cast<T>(x & kMagnitude);
    if (magnitude > static_cast<T>(form.infinity))
      dst[nan++] = x;
    else if (magnitude == 0)
      dst[zero++] = x;
  }
}

template <class K>
void mend_row(const Sort& p, const K* keys, const void* src, void* values) {
  with_element(p.form.bytes, [&](auto element) {
    mend_values<decltype(element)>(p.form, keys, p.cols, src, values);
  });
}

// values[i] and indices[i] of the element index_of(i), i < n.
template <class F>
void write_indexed(const Sort& p, int64_t n, const void* src, void* values, int32_t* indices,
                   const F& index_of) {
  if (indices)
    for (int64_t i = 0; i < n; ++i) indices[i] = static_cast<int32_t>(index_of(i));
  if (values)
    with_element(p.form.bytes, [&](auto element) {
      using T = decltype(element);
      for (int64_t i = 0; i < n; ++i)
        static_cast<T*>(values)[i] = static_cast<const T*>(src)[index_of(i)];
    });
}

// The low half of a joined key.
int64_t low_index(int64_t key) { return static_cast<int64_t>(static_cast<uint32_t>(key)); }

// One row by one thread.
void sort_one(const Sort& p, const SortKernels& kernels, const void* src, void* values,
              int32_t* indices, std::byte* scratch) {
  const int64_t n = p.cols;
  switch (p.method) {
    case Sort::Method::Values:
      with_key(p, [&](auto zero) {
        using K = decltype(zero);
        const KeyKernels<K>& k = keys_of(kernels, zero);
        auto* keys = reinterpret_cast<K*>(scratch);
        const bool special = k.map(p.form, src, keys, n);
        k.sort({keys, keys + n, n, false});
        k.unmap(p.form, keys, values, n);
        if (special) mend_row(p, keys, src, values);
      });
      break;
    case Sort::Method::Indexed: {
      auto* keys = reinterpret_cast<int64_t*>(scratch);
      kernels.map_indexed(p.form, src, 0, keys, n);
      kernels.wide.sort({keys, keys + n, n, false});
      write_indexed(p, p.k, src, values, indices, [=](int64_t i) { return low_index(keys[i]); });
      break;
    }
    case Sort::Method::Select: {
      auto* best = reinterpret_cast<int64_t*>(scratch);
      auto* keys = reinterpret_cast<int32_t*>(best + kSelectMax);
      kernels.narrow.map(p.form, src, keys, n);
      kernels.smallest(keys, n, p.k, best);
      write_indexed(p, p.k, src, values, indices, [=](int64_t i) { return low_index(best[i]); });
      break;
    }
    case Sort::Method::Items: {
      auto* items = reinterpret_cast<SortItem*>(scratch);
      auto* keys = reinterpret_cast<int64_t*>(items + n);
      kernels.wide.map(p.form, src, keys, n);
      for (int64_t i = 0; i < n; ++i)
        items[i] = {static_cast<uint64_t>(keys[i]) ^ uint64_t{1} << 63, i};
      sort_items(items, items + n, n);
      write_indexed(p, p.k, src, values, indices, [=](int64_t i) { return items[i].index; });
      break;
    }
  }
}

// One row by all threads: cut into segments by rank, each of which one thread sorts.
template <class K>
void sort_long(const Context& context, const KeyKernels<K>& kernels, K* keys, int64_t n) {
  Segment<K> segments[1 << kSplits] = {{keys, keys + n, n, false}}, next[1 << kSplits];
  for (int64_t count = 1; count < 1 << kSplits; count *= 2) {
    context.parallel_for(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        next[2 * i] = segments[i], next[2 * i + 1] = {};
        if (segments[i].n >= kMapChunk / 8) kernels.split(segments[i], next + 2 * i);
      }
    });
    std::copy(next, next + 2 * count, segments);
  }
  context.parallel_for(1 << kSplits, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) kernels.sort(segments[i]);
  });
}

void sort_long_row(const Context& context, const Sort& p, const SortKernels& kernels,
                   const void* src, void* values, int32_t* indices, void* shared) {
  const int64_t bytes = p.form.bytes;
  const auto at = [=](auto* base, int64_t i) { return base + i * bytes; };
  const auto chunks = [&](const auto& f) {
    context.parallel_for(p.cols, kMapChunk, [&](int64_t begin, int64_t end, int) {
      f(begin, end - begin, at(static_cast<const char*>(src), begin));
    });
  };
  if (p.method == Sort::Method::Values) {
    with_key(p, [&](auto zero) {
      using K = decltype(zero);
      const KeyKernels<K>& k = keys_of(kernels, zero);
      auto* keys = static_cast<K*>(shared);
      std::atomic<bool> special = false;
      chunks([&](int64_t i, int64_t n, const char* s) {
        if (k.map(p.form, s, keys + i, n)) special.store(true, std::memory_order_relaxed);
      });
      sort_long(context, k, keys, p.cols);
      chunks([&](int64_t i, int64_t n, const char*) {
        k.unmap(p.form, keys + i, at(static_cast<char*>(values), i), n);
      });
      if (special) mend_row(p, keys, src, values);
    });
    return;
  }
  auto* keys = static_cast<int64_t*>(shared);
  chunks(
      [&](int64_t i, int64_t n, const char* s) { kernels.map_indexed(p.form, s, i, keys + i, n); });
  sort_long(context, kernels.wide, keys, p.cols);
  chunks([&](int64_t i, int64_t n, const char*) {
    write_indexed(p, n, src, values ? at(static_cast<char*>(values), i) : nullptr,
                  indices ? indices + i : nullptr,
                  [=](int64_t j) { return low_index(keys[i + j]); });
  });
}

// Rows of one chunk: about 5 ns an element.
int64_t sort_grain(int64_t cols) { return std::max<int64_t>(1, 4096 / std::max<int64_t>(cols, 1)); }

size_t scratch_bytes(const Sort& p) {
  const auto cols = static_cast<size_t>(p.cols);
  switch (p.method) {
    case Sort::Method::Values:
      return 2 * cols * (p.form.bytes <= 4 ? sizeof(int32_t) : sizeof(int64_t));
    case Sort::Method::Indexed:
      return 2 * cols * sizeof(int64_t);
    case Sort::Method::Select:
      return kSelectMax * sizeof(int64_t) + cols * sizeof(int32_t);
    default:
      return 2 * cols * sizeof(SortItem);
  }
}

Sort prepare(DType dtype, int64_t rows, int64_t cols, int64_t k, bool descending,
             Sort::Method method) {
  Sort p{.method = method,
         .form = key_form(dtype, descending),
         .rows = rows,
         .cols = cols,
         .k = k,
         .scratch = {}};
  if (p.form.bytes == 8 && method != Sort::Method::Values) p.method = Sort::Method::Items;
  const bool cut = p.method == Sort::Method::Values || p.method == Sort::Method::Indexed;
  p.whole = cut && k == cols && cols >= kLongRow && rows < kFewRows;
  (p.whole ? p.scratch.shared : p.scratch.per_worker) = scratch_bytes(p);
  return p;
}

}  // namespace

Sort prepare_sort(DType dtype, int64_t rows, int64_t cols, bool descending, bool indices) {
  return prepare(dtype, rows, cols, cols, descending,
                 indices ? Sort::Method::Indexed : Sort::Method::Values);
}

Sort prepare_top_k(DType dtype, int64_t rows, int64_t cols, int64_t k) {
  const bool few = k >= 1 && k <= kSelectMax && cols >= kSelectFrom;
  return prepare(dtype, rows, cols, k, true, few ? Sort::Method::Select : Sort::Method::Indexed);
}

void run_sort(const Context& context, const Sort& p, void* values, int32_t* indices,
              const void* src, void* shared, std::byte* worker_scratch,
              size_t worker_stride) noexcept {
  if (p.cols == 0) return;
  const SortKernels& kernels = sort_kernels(active_isa());
  const auto row_of = [&](int64_t row, const auto& f) {
    f(static_cast<const char*>(src) + row * p.cols * p.form.bytes,
      values ? static_cast<char*>(values) + row * p.k * p.form.bytes : nullptr,
      indices ? indices + row * p.k : nullptr);
  };
  if (p.whole) {
    for (int64_t row = 0; row < p.rows; ++row)
      row_of(row, [&](const void* s, void* v, int32_t* i) {
        sort_long_row(context, p, kernels, s, v, i, shared);
      });
    return;
  }
  context.parallel_for(p.rows, sort_grain(p.cols), [&](int64_t begin, int64_t end, int worker) {
    std::byte* scratch = worker_scratch + static_cast<size_t>(worker) * worker_stride;
    for (int64_t row = begin; row < end; ++row)
      row_of(row,
             [&](const void* s, void* v, int32_t* i) { sort_one(p, kernels, s, v, i, scratch); });
  });
}

}  // namespace ranvier::kernels
