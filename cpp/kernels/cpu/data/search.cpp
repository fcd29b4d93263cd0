// Searching in sorted values, counting.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/half.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/data/sort.h"

namespace ranvier::kernels {
namespace {

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

}  // namespace

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
    context.parallel_for(rows, std::max<int64_t>(1, 4096 / std::max<int64_t>(cols, 1)),
                         [&](int64_t begin, int64_t end, int) {
                           for (int64_t r = begin; r < end; ++r)
                             for (int64_t i = r * cols; i < (r + 1) * cols; ++i) {
                               const int64_t bin = index_dtype == DType::I64
                                                       ? static_cast<const int64_t*>(index)[i]
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
