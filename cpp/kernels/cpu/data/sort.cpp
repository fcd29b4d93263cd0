// Sorting by order-preserving unsigned keys: least-significant-digit radix sort for long rows,
// insertion sort for short ones. Both are stable.

#include "kernels/cpu/data/sort.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/half.h"
#include "kernels/cpu/data/internal.h"

namespace ranvier::kernels {
namespace {

constexpr int64_t kInsertionMax = 32;
constexpr int kDigits = 8, kRadix = 256;

// Unsigned integers of the same order. NaN of either sign comes last; -0 equals 0.
template <class T>
uint64_t key_of(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr U kSign = U{1} << (8 * sizeof(U) - 1);
    if (std::isnan(x)) return std::numeric_limits<U>::max();
    const U bits = std::bit_cast<U>(x == T{0} ? T{0} : x);
    return bits & kSign ? static_cast<U>(~bits) : static_cast<U>(bits | kSign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<uint64_t>(static_cast<int64_t>(x)) ^ (uint64_t{1} << 63);
  } else {
    return x;
  }
}

// Calls f(load), load(i) being the key of element i of src.
template <class F>
void with_keys(DType dtype, const void* src, F&& f) {
  const auto plain = [&](auto zero) {
    using T = decltype(zero);
    f([s = static_cast<const T*>(src)](int64_t i) { return key_of(s[i]); });
  };
  const auto* half = static_cast<const uint16_t*>(src);
  const auto* small = static_cast<const uint8_t*>(src);
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return plain(uint8_t{});
    case DType::U16:
      return plain(uint16_t{});
    case DType::U32:
      return plain(uint32_t{});
    case DType::U64:
      return plain(uint64_t{});
    case DType::I8:
      return plain(int8_t{});
    case DType::I16:
      return plain(int16_t{});
    case DType::I32:
      return plain(int32_t{});
    case DType::I64:
      return plain(int64_t{});
    case DType::F32:
      return plain(float{});
    case DType::F64:
      return plain(double{});
    case DType::F16:
      return f([=](int64_t i) { return key_of(f16_to_f32(half[i])); });
    case DType::BF16:
      return f([=](int64_t i) { return key_of(bf16_to_f32(half[i])); });
    case DType::F8E4M3:
      return f([=](int64_t i) { return key_of(f8_to_f32<4>(small[i])); });
    case DType::F8E5M2:
      return f([=](int64_t i) { return key_of(f8_to_f32<5>(small[i])); });
  }
}

void insertion_sort(SortItem* items, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    const SortItem item = items[i];
    int64_t j = i;
    for (; j > 0 && items[j - 1].key > item.key; --j) items[j] = items[j - 1];
    items[j] = item;
  }
}

void write_row(DType dtype, const SortItem* items, int64_t n, void* values, int32_t* indices,
               const void* src) {
  if (indices)
    for (int64_t i = 0; i < n; ++i) indices[i] = static_cast<int32_t>(items[i].index);
  if (values)
    with_element(static_cast<int>(size_of(dtype)), [&](auto element) {
      using T = decltype(element);
      for (int64_t i = 0; i < n; ++i)
        static_cast<T*>(values)[i] = static_cast<const T*>(src)[items[i].index];
    });
}

// Rows of one chunk: about 20 ns an element.
int64_t sort_grain(int64_t cols) { return std::max<int64_t>(1, 1024 / std::max<int64_t>(cols, 1)); }

template <class Row>
void for_each_row(const Context& context, const Sort& p, int64_t out_cols, void* values,
                  int32_t* indices, const void* src, std::byte* scratch, size_t stride,
                  const Row& row) {
  const auto bytes = static_cast<int64_t>(size_of(p.dtype));
  context.parallel_for(p.rows, sort_grain(p.cols), [&](int64_t begin, int64_t end, int worker) {
    auto* items = reinterpret_cast<SortItem*>(scratch + static_cast<size_t>(worker) * stride);
    for (int64_t r = begin; r < end; ++r) {
      const char* s = static_cast<const char*>(src) + r * p.cols * bytes;
      const uint64_t flip = p.descending ? ~uint64_t{0} : 0;
      with_keys(p.dtype, s, [&](const auto& key) {
        for (int64_t i = 0; i < p.cols; ++i) items[i] = {key(i) ^ flip, i};
      });
      row(items);
      write_row(p.dtype, items, out_cols,
                values ? static_cast<char*>(values) + r * out_cols * bytes : nullptr,
                indices ? indices + r * out_cols : nullptr, s);
    }
  });
}

}  // namespace

void sort_items(SortItem* items, SortItem* spare, int64_t n) noexcept {
  if (n <= kInsertionMax) return insertion_sort(items, n);
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

Sort prepare_sort(DType dtype, int64_t rows, int64_t cols, bool descending) {
  Sort p{.dtype = dtype, .rows = rows, .cols = cols, .descending = descending, .scratch = {}};
  p.scratch.per_worker = 2 * static_cast<size_t>(cols) * sizeof(SortItem);
  return p;
}

void run_sort(const Context& context, const Sort& p, void* values, int32_t* indices,
              const void* src, std::byte* worker_scratch, size_t worker_stride) noexcept {
  for_each_row(context, p, p.cols, values, indices, src, worker_scratch, worker_stride,
               [&](SortItem* items) { sort_items(items, items + p.cols, p.cols); });
}

Sort prepare_top_k(DType dtype, int64_t rows, int64_t cols, int64_t k) {
  Sort p = prepare_sort(dtype, rows, cols, true);
  p.k = k;
  p.scratch.per_worker = static_cast<size_t>(cols) * sizeof(SortItem);
  return p;
}

void run_top_k(const Context& context, const Sort& p, void* values, int32_t* indices,
               const void* src, std::byte* worker_scratch, size_t worker_stride) noexcept {
  for_each_row(context, p, p.k, values, indices, src, worker_scratch, worker_stride,
               [&](SortItem* items) {
                 std::partial_sort(items, items + p.k, items + p.cols,
                                   [](const SortItem& a, const SortItem& b) {
                                     return a.key != b.key ? a.key < b.key : a.index < b.index;
                                   });
               });
}

void run_searchsorted(const Context& context, DType dtype, int64_t sorted_count, const void* sorted,
                      int64_t count, const void* values, bool right, int32_t* dst) noexcept {
  with_keys(dtype, sorted, [&](const auto& sorted_key) {
    with_keys(dtype, values, [&](const auto& value_key) {
      context.parallel_for(count, 1024, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          const uint64_t v = value_key(i);
          int64_t low = 0, high = sorted_count;
          while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            const uint64_t key = sorted_key(middle);
            if (key < v || (right && key == v))
              low = middle + 1;
            else
              high = middle;
          }
          dst[i] = static_cast<int32_t>(low);
        }
      });
    });
  });
}

void run_bincount(const Context& context, DType dst_dtype, int64_t rows, int64_t cols,
                  int64_t length, void* dst, DType index_dtype, const void* index,
                  const void* weights) noexcept {
  const auto count = [&](auto zero) {
    using T = decltype(zero);
    context.parallel_for(rows, sort_grain(cols), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r)
        for (int64_t i = r * cols; i < (r + 1) * cols; ++i) {
          const int64_t bin = index_dtype == DType::I64 ? static_cast<const int64_t*>(index)[i]
                                                        : static_cast<const int32_t*>(index)[i];
          if (bin >= 0 && bin < length)
            static_cast<T*>(dst)[r * length + bin] +=
                weights ? static_cast<const T*>(weights)[i] : T{1};
        }
    });
  };
  if (dst_dtype == DType::F32)
    count(float{});
  else
    count(uint32_t{});  // wraps instead of overflowing
}

}  // namespace ranvier::kernels
