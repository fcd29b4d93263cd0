// Takes, scatters, one-hot rows and the dispatch of the epoch gather.

#include "kernels/cpu/data/gather.h"

#include <algorithm>
#include <type_traits>

#include "base/half.h"
#include "kernels/cpu/data/gather_rows.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(GatherRowsKernels, kGatherRowsKernels, gather_rows_kernels)

namespace {

int64_t index_at(DType dtype, const void* index, int64_t i) {
  return dtype == DType::I64 ? static_cast<const int64_t*>(index)[i]
                             : static_cast<const int32_t*>(index)[i];
}

void split_axis(const Shape& shape, int axis, int64_t* outer, int64_t* size, int64_t* inner) {
  *outer = *inner = 1;
  for (int a = 0; a < axis; ++a) *outer *= shape[a];
  for (int a = axis + 1; a < shape.rank(); ++a) *inner *= shape[a];
  *size = shape[axis];
}

// Conversions that data sets rarely need run in plain code.
template <class To, class From, class Convert>
void gather_converted(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
                      size_t src_row_bytes, const Convert& convert) {
  for (int64_t i = 0; i < count; ++i) {
    const auto* s = reinterpret_cast<const From*>(static_cast<const char*>(src) +
                                                  rows[i] * static_cast<int64_t>(src_row_bytes));
    To* d = static_cast<To*>(dst) + i * row;
    for (int64_t c = 0; c < row; ++c) d[c] = convert(s[c]);
  }
}

template <class To, class From>
void gather_as(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
               size_t src_row_bytes) noexcept {
  gather_converted<To, From>(dst, src, rows, count, row, src_row_bytes,
                             [](From x) { return static_cast<To>(x); });
}

void gather_f16(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
                size_t src_row_bytes) noexcept {
  gather_converted<float, uint16_t>(dst, src, rows, count, row, src_row_bytes, f16_to_f32);
}
void gather_bf16(void* dst, const void* src, const int64_t* rows, int64_t count, int64_t row,
                 size_t src_row_bytes) noexcept {
  gather_converted<float, uint16_t>(dst, src, rows, count, row, src_row_bytes, bf16_to_f32);
}

GatherRowsFn to_f32(DType src, const GatherRowsKernels& kernels) {
  switch (src) {
    case DType::Bool:
    case DType::U8:
      return kernels.u8_to_f32;
    case DType::U16:
      return gather_as<float, uint16_t>;
    case DType::U32:
      return gather_as<float, uint32_t>;
    case DType::U64:
      return gather_as<float, uint64_t>;
    case DType::I8:
      return gather_as<float, int8_t>;
    case DType::I16:
      return gather_as<float, int16_t>;
    case DType::I32:
      return kernels.i32_to_f32;
    case DType::I64:
      return kernels.i64_to_f32;
    case DType::F16:
      return gather_f16;
    case DType::BF16:
      return gather_bf16;
    case DType::F64:
      return kernels.f64_to_f32;
    default:
      return nullptr;
  }
}

GatherRowsFn to_i32(DType src, const GatherRowsKernels& kernels) {
  switch (src) {
    case DType::Bool:
    case DType::U8:
      return kernels.u8_to_i32;
    case DType::U16:
      return gather_as<int32_t, uint16_t>;
    case DType::U32:
      return gather_as<int32_t, uint32_t>;
    case DType::I8:
      return gather_as<int32_t, int8_t>;
    case DType::I16:
      return gather_as<int32_t, int16_t>;
    case DType::I64:
      return kernels.i64_to_i32;
    default:
      return nullptr;
  }
}

}  // namespace

uint64_t outside_value(DType dtype, bool zero) {
  if (zero) return 0;
  switch (dtype) {
    case DType::Bool:
      return 1;
    case DType::F64:
      return 0x7FF8000000000000;
    case DType::F32:
      return 0x7FC00000;
    case DType::BF16:
      return 0x7FC0;
    case DType::F16:
      return 0x7E00;
    case DType::F8E4M3:
    case DType::F8E5M2:
      return 0x7F;
    default:
      return is_unsigned(dtype) ? ~uint64_t{0} : uint64_t{1} << (8 * size_of(dtype) - 1);
  }
}

void fill_outside(void* dst, int64_t count, int64_t element_bytes, uint64_t value) noexcept {
  with_element(static_cast<int>(element_bytes), [&](auto element) {
    fill_elements(dst, count, static_cast<decltype(element)>(value));
  });
}

Take prepare_take(DType dtype, const Shape& src, int axis, DType index_dtype, int64_t count,
                  bool zero_outside) {
  Take p{.index_dtype = index_dtype,
         .element_bytes = static_cast<int>(size_of(dtype)),
         .count = count,
         .outside = outside_value(dtype, zero_outside)};
  split_axis(src, axis, &p.outer, &p.axis, &p.inner_bytes);
  p.inner_bytes *= p.element_bytes;
  return p;
}

namespace {

// dst[i] = row[index[i]], i < count.
template <class T, class Index>
void take_elements(T* dst, const T* row, int64_t axis, const Index* index, int64_t count,
                   T outside) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t named = row_named(index[i], axis);
    dst[i] = named >= 0 ? row[named] : outside;
  }
}

// dst[o, i] = src[o, index[o, i]] of single elements, with `apart` indices from one o to the next.
void take_single(const Context& context, int element_bytes, DType index_dtype, int64_t outer,
                 int64_t axis, int64_t count, int64_t apart, void* dst, const void* src,
                 const void* index, uint64_t outside) {
  with_element(element_bytes, [&](auto element) {
    with_index(index_dtype, [&](auto index_zero) {
      using T = decltype(element);
      const auto* indices = static_cast<const decltype(index_zero)*>(index);
      const auto part = [&](int64_t begin, int64_t end, int) {
        for (int64_t unit = begin; unit < end;) {
          const int64_t o = unit / count, i = unit % count;
          const int64_t length = std::min(end - unit, count - i);
          take_elements(static_cast<T*>(dst) + unit, static_cast<const T*>(src) + o * axis, axis,
                        indices + o * apart + i, length, static_cast<T>(outside));
          unit += length;
        }
      };
      // A taken element costs some copied ones.
      context.parallel_for(outer * count, grain_of(4 * element_bytes), part);
    });
  });
}

}  // namespace

void run_take(const Context& context, const Take& p, void* dst, const void* src,
              const void* index) noexcept {
  if (p.axis == 0 || p.inner_bytes == 0) return;
  if (p.inner_bytes == p.element_bytes)
    return take_single(context, p.element_bytes, p.index_dtype, p.outer, p.axis, p.count, 0, dst,
                       src, index, p.outside);
  context.parallel_for(
      p.outer * p.count, grain_of(p.inner_bytes), [&](int64_t begin, int64_t end, int) {
        int64_t o = begin / p.count, i = begin % p.count;
        char* d = static_cast<char*>(dst) + begin * p.inner_bytes;
        for (int64_t unit = begin; unit < end; ++unit, d += p.inner_bytes) {
          const int64_t row = row_named(index_at(p.index_dtype, index, i), p.axis);
          if (row >= 0)
            copy_bytes(d, static_cast<const char*>(src) + (o * p.axis + row) * p.inner_bytes,
                       p.inner_bytes);
          else
            fill_outside(d, p.inner_bytes / p.element_bytes, p.element_bytes, p.outside);
          if (++i == p.count) {
            i = 0;
            ++o;
          }
        }
      });
}

TakeAlong prepare_take_along(DType dtype, const Shape& src, int axis, DType index_dtype,
                             int64_t count, bool zero_outside) {
  TakeAlong p{.index_dtype = index_dtype,
              .element_bytes = static_cast<int>(size_of(dtype)),
              .count = count,
              .outside = outside_value(dtype, zero_outside)};
  split_axis(src, axis, &p.outer, &p.axis, &p.inner);
  return p;
}

void run_take_along(const Context& context, const TakeAlong& p, void* dst, const void* src,
                    const void* index) noexcept {
  if (p.axis == 0) return;
  if (p.inner == 1)
    return take_single(context, p.element_bytes, p.index_dtype, p.outer, p.axis, p.count, p.count,
                       dst, src, index, p.outside);
  with_element(p.element_bytes, [&](auto element) {
    using T = decltype(element);
    const int64_t row_bytes = p.inner * p.element_bytes;
    context.parallel_for(p.outer * p.count, grain_of(row_bytes),
                         [&](int64_t begin, int64_t end, int) {
                           for (int64_t unit = begin; unit < end; ++unit) {
                             const int64_t o = unit / p.count, at = unit * p.inner;
                             const T* s = static_cast<const T*>(src) + o * p.axis * p.inner;
                             T* d = static_cast<T*>(dst) + at;
                             for (int64_t k = 0; k < p.inner; ++k) {
                               const int64_t i = index_at(p.index_dtype, index, at + k);
                               const int64_t row = row_named(i, p.axis);
                               d[k] = row >= 0 ? s[row * p.inner + k] : static_cast<T>(p.outside);
                             }
                           }
                         });
  });
}

void run_add_along(const Context& context, const TakeAlong& p, DType dtype, void* dst,
                   const void* src, const void* index) noexcept {
  if (p.axis == 0) return;
  with_number(dtype, [&](auto number) {
    using T = decltype(number);
    const int64_t row_bytes = p.count * p.inner * p.element_bytes;
    context.parallel_for(p.outer, grain_of(row_bytes), [&](int64_t begin, int64_t end, int) {
      for (int64_t o = begin; o < end; ++o) {
        T* d = static_cast<T*>(dst) + o * p.axis * p.inner;
        for (int64_t i = 0; i < p.count; ++i)
          for (int64_t k = 0; k < p.inner; ++k) {
            const int64_t at = (o * p.count + i) * p.inner + k;
            const int64_t row = row_named(index_at(p.index_dtype, index, at), p.axis);
            if (row >= 0) d[row * p.inner + k] += static_cast<const T*>(src)[at];
          }
      }
    });
  });
}

void run_one_hot(const Context& context, int element_bytes, int64_t count, int64_t depth, void* dst,
                 DType index_dtype, const void* index, const void* on, const void* off) noexcept {
  with_element(element_bytes, [&](auto element) {
    using T = decltype(element);
    T yes, no;
    std::memcpy(&yes, on, sizeof yes);
    std::memcpy(&no, off, sizeof no);
    context.parallel_for(count, grain_of(depth * element_bytes),
                         [&](int64_t begin, int64_t end, int) {
                           T* d = static_cast<T*>(dst);
                           fill_elements(d + begin * depth, (end - begin) * depth, no);
                           for (int64_t i = begin; i < end; ++i) {
                             const int64_t c = index_at(index_dtype, index, i);
                             if (c >= 0 && c < depth) d[i * depth + c] = yes;
                           }
                         });
  });
}

GatherRows prepare_gather_rows(DType dst, DType src, int64_t row, Isa isa) {
  GatherRows p{.row = row,
               .src_row_bytes = static_cast<size_t>(row) * size_of(src),
               .dst_row_bytes = static_cast<size_t>(row) * size_of(dst)};
  const GatherRowsKernels& kernels = gather_rows_kernels(isa);
  if (dst == src) {
    p.copy = kernels.copy_bytes;
    p.row = static_cast<int64_t>(p.src_row_bytes);
  } else if (dst == DType::F32) {
    p.copy = to_f32(src, kernels);
  } else if (dst == DType::I32) {
    p.copy = to_i32(src, kernels);
  } else if (dst == DType::F64 && src == DType::F32) {
    p.copy = gather_as<double, float>;
  }
  // Random rows come at a fraction of the speed of a straight copy.
  p.grain = std::max<int64_t>(1, grain_of(static_cast<int64_t>(p.dst_row_bytes)) / 2);
  return p;
}

void run_gather_rows(const Context& context, const GatherRows& p, void* dst, const void* src,
                     const int64_t* rows, int64_t count) noexcept {
  if (count <= p.grain) return p.copy(dst, src, rows, count, p.row, p.src_row_bytes);
  context.parallel_for(count, p.grain, [&](int64_t begin, int64_t end, int) {
    p.copy(static_cast<char*>(dst) + static_cast<size_t>(begin) * p.dst_row_bytes, src,
           rows + begin, end - begin, p.row, p.src_row_bytes);
  });
}

}  // namespace ranvier::kernels
