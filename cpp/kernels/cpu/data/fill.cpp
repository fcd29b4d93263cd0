// Ranges, identities, triangles, diagonals.

#include "kernels/cpu/data/fill.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/half.h"
#include "kernels/cpu/data/internal.h"

namespace ranvier::kernels {
namespace {

// dst[i] = value(i).
template <class T, class Value>
void fill_by_index(const Context& context, int64_t count, void* dst, const Value& value) {
  context.parallel_for(count, kChunkBytes / static_cast<int64_t>(sizeof(T)),
                       [&](int64_t begin, int64_t end, int) {
                         for (int64_t i = begin; i < end; ++i) static_cast<T*>(dst)[i] = value(i);
                       });
}

template <class T>
void arange_number(const Context& context, int64_t count, void* dst, double start, double step) {
  if constexpr (std::is_integral_v<T>) {
    // Exact where doubles would round; unsigned arithmetic wraps instead of overflowing.
    const auto first = static_cast<uint64_t>(static_cast<int64_t>(start));
    const auto by = static_cast<uint64_t>(static_cast<int64_t>(step));
    if (static_cast<double>(static_cast<int64_t>(start)) == start &&
        static_cast<double>(static_cast<int64_t>(step)) == step)
      return fill_by_index<T>(context, count, dst, [=](int64_t i) {
        return static_cast<T>(first + static_cast<uint64_t>(i) * by);
      });
    return fill_by_index<T>(context, count, dst, [=](int64_t i) {
      return static_cast<T>(static_cast<int64_t>(start + static_cast<double>(i) * step));
    });
  } else {
    fill_by_index<T>(context, count, dst, [=](int64_t i) {
      return static_cast<T>(start + static_cast<double>(i) * step);
    });
  }
}

uint64_t one_of(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return f32_to_f16(1.0f);
    case DType::BF16:
      return f32_to_bf16(1.0f);
    case DType::F8E4M3:
      return f32_to_f8<4>(1.0f);
    case DType::F8E5M2:
      return f32_to_f8<5>(1.0f);
    case DType::F32:
      return 0x3f800000u;
    case DType::F64:
      return 0x3ff0000000000000u;
    default:
      return 1;
  }
}

}  // namespace

void run_arange(const Context& context, DType dtype, int64_t count, void* dst, double start,
                double step) noexcept {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return arange_number<uint8_t>(context, count, dst, start, step);
    case DType::U16:
      return arange_number<uint16_t>(context, count, dst, start, step);
    case DType::U32:
      return arange_number<uint32_t>(context, count, dst, start, step);
    case DType::U64:
      return arange_number<uint64_t>(context, count, dst, start, step);
    case DType::I8:
      return arange_number<int8_t>(context, count, dst, start, step);
    case DType::I16:
      return arange_number<int16_t>(context, count, dst, start, step);
    case DType::I32:
      return arange_number<int32_t>(context, count, dst, start, step);
    case DType::I64:
      return arange_number<int64_t>(context, count, dst, start, step);
    case DType::F32:
      return arange_number<float>(context, count, dst, start, step);
    case DType::F64:
      return arange_number<double>(context, count, dst, start, step);
    case DType::F16:
      return fill_by_index<uint16_t>(context, count, dst, [=](int64_t i) {
        return f32_to_f16(static_cast<float>(start + static_cast<double>(i) * step));
      });
    case DType::BF16:
      return fill_by_index<uint16_t>(context, count, dst, [=](int64_t i) {
        return f32_to_bf16(static_cast<float>(start + static_cast<double>(i) * step));
      });
    case DType::F8E4M3:
      return fill_by_index<uint8_t>(context, count, dst, [=](int64_t i) {
        return f32_to_f8<4>(static_cast<float>(start + static_cast<double>(i) * step));
      });
    case DType::F8E5M2:
      return fill_by_index<uint8_t>(context, count, dst, [=](int64_t i) {
        return f32_to_f8<5>(static_cast<float>(start + static_cast<double>(i) * step));
      });
  }
}

void run_eye(const Context& context, DType dtype, int64_t rows, int64_t cols, int64_t k,
             void* dst) noexcept {
  const auto bytes = static_cast<int>(size_of(dtype));
  const uint64_t one = one_of(dtype);
  with_element(bytes, [&](auto element) {
    using T = decltype(element);
    context.parallel_for(rows, grain_of(cols * bytes), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        T* row = static_cast<T*>(dst) + r * cols;
        fill_elements(row, cols, T{0});
        if (r + k >= 0 && r + k < cols) row[r + k] = static_cast<T>(one);
      }
    });
  });
}

void run_triangle(const Context& context, int element_bytes, int64_t batch, int64_t rows,
                  int64_t cols, int64_t k, bool lower, void* dst, const void* src) noexcept {
  const int64_t row_bytes = cols * element_bytes;
  if (row_bytes == 0) return;
  context.parallel_for(batch * rows, grain_of(row_bytes), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i % rows;
      char* d = static_cast<char*>(dst) + i * row_bytes;
      const char* s = static_cast<const char*>(src) + i * row_bytes;
      // The kept columns: c <= r + k, or c >= r + k.
      const int64_t from = lower ? 0 : std::clamp<int64_t>(r + k, 0, cols) * element_bytes;
      const int64_t to =
          lower ? std::clamp<int64_t>(r + k + 1, 0, cols) * element_bytes : row_bytes;
      if (d != s) copy_bytes(d + from, s + from, to - from);
      std::memset(d, 0, static_cast<size_t>(from));
      std::memset(d + to, 0, static_cast<size_t>(row_bytes - to));
    }
  });
}

void run_diag(const Context& context, int element_bytes, int64_t count, int64_t k, void* dst,
              const void* src) noexcept {
  const int64_t n = count + std::abs(k), row_bytes = n * element_bytes;
  const int64_t first_row = k < 0 ? -k : 0;
  context.parallel_for(n, grain_of(row_bytes), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      char* d = static_cast<char*>(dst) + r * row_bytes;
      std::memset(d, 0, static_cast<size_t>(row_bytes));
      const int64_t i = r - first_row;
      if (i >= 0 && i < count)
        copy_bytes(d + (r + k) * element_bytes, static_cast<const char*>(src) + i * element_bytes,
                   element_bytes);
    }
  });
}

}  // namespace ranvier::kernels
