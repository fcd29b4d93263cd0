// Strided copies: loop merging and the choice of the inner loop in prepare, an odometer in run.

#include "kernels/cpu/data/copy.h"

#include <algorithm>

#include "kernels/cpu/data/copy_kernels.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(CopyKernels, kCopyKernels, copy_kernels)

namespace {

void move_loop(StridedCopy& p, int from, int to) {
  const auto rotate = [&](int64_t* a) { std::rotate(a + from, a + from + 1, a + to + 1); };
  rotate(p.size), rotate(p.dst_stride), rotate(p.src_stride);
}

// The inner loop writes runs; where it reads with a stride and another loop reads runs, those two
// are a transpose.
void choose_inner(StridedCopy& p) {
  const int last = p.rank - 1;
  if (p.dst_stride[last] != 1) {
    p.inner = StridedCopy::Inner::Strided;
  } else if (p.src_stride[last] == 1) {
    p.inner = StridedCopy::Inner::Run;
  } else if (p.src_stride[last] == -1) {
    p.inner = StridedCopy::Inner::Reverse;
  } else if (p.src_stride[last] == 0) {
    const bool runs = last > 0 && p.src_stride[last - 1] == 1;
    const bool short_fill = p.size[last] <= 16 && runs && p.dst_stride[last - 1] == p.size[last];
    p.inner = short_fill ? StridedCopy::Inner::Repeat : StridedCopy::Inner::Fill;
  } else {
    p.inner = StridedCopy::Inner::Strided;
    for (int a = last - 1; a >= 0; --a)
      if (p.src_stride[a] == 1 && p.size[a] >= 4 && p.size[last] >= 4) {
        move_loop(p, a, last - 1);
        p.inner = StridedCopy::Inner::Transpose;
        break;
      }
  }
}

// Where a unit of work begins: the outer loops' indices and both offsets.
struct Position {
  int64_t index[kMaxCopyRank];
  int64_t dst, src;
};

Position locate(const StridedCopy& p, int outer_rank, int64_t outer) {
  Position at{{}, p.dst_offset, p.src_offset};
  for (int a = outer_rank - 1; a >= 0; --a) {
    at.index[a] = outer % p.size[a];
    outer /= p.size[a];
    at.dst += at.index[a] * p.dst_stride[a];
    at.src += at.index[a] * p.src_stride[a];
  }
  return at;
}

void advance(const StridedCopy& p, int outer_rank, Position& at) {
  for (int a = outer_rank - 1; a >= 0; --a) {
    at.dst += p.dst_stride[a];
    at.src += p.src_stride[a];
    if (++at.index[a] < p.size[a]) return;
    at.dst -= p.size[a] * p.dst_stride[a];
    at.src -= p.size[a] * p.src_stride[a];
    at.index[a] = 0;
  }
}

// Every element of src `times` times; a fixed number becomes whole stores.
template <int fixed, class T>
void repeat_elements(T* dst, const T* src, int64_t count, int64_t times) {
  if constexpr (fixed > 0) times = fixed;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < times; ++j) *dst++ = src[i];
}

template <class T>
void repeat(T* dst, const T* src, int64_t count, int64_t times) {
  switch (times) {
    case 2:
      return repeat_elements<2>(dst, src, count, times);
    case 3:
      return repeat_elements<3>(dst, src, count, times);
    case 4:
      return repeat_elements<4>(dst, src, count, times);
    case 8:
      return repeat_elements<8>(dst, src, count, times);
    default:
      return repeat_elements<0>(dst, src, count, times);
  }
}

// Whether a unit of work covers the last two loops.
bool takes_two_loops(const StridedCopy& p) {
  return p.inner == StridedCopy::Inner::Transpose || p.inner == StridedCopy::Inner::Repeat;
}

// Elements begin..end of the split loop: the innermost one, or the one before it.
template <class T>
void copy_part(const StridedCopy& p, T* dst, const T* src, int64_t begin, int64_t end) {
  const int last = p.rank - 1;
  const int64_t count = end - begin;
  switch (p.inner) {
    case StridedCopy::Inner::Run:
      copy_bytes(dst + begin, src + begin, count * static_cast<int64_t>(sizeof(T)));
      break;
    case StridedCopy::Inner::Fill:
      fill_elements(dst + begin, count, *src);
      break;
    case StridedCopy::Inner::Repeat:
      repeat(dst + begin * p.size[last], src + begin, count, p.size[last]);
      break;
    case StridedCopy::Inner::Reverse:
      reverse(p.isa, dst + begin, src - begin, count);
      break;
    case StridedCopy::Inner::Strided: {
      const int64_t ds = p.dst_stride[last], ss = p.src_stride[last];
      T* d = dst + begin * ds;
      const T* s = src + begin * ss;
      if (ds == 1 && ss >= kFewestSteps && ss <= kMostSteps) return pick(p.isa, d, s, ss, count);
      for (int64_t i = 0; i < count; ++i, d += ds, s += ss) *d = *s;
      break;
    }
    case StridedCopy::Inner::Transpose: {
      const int64_t ds = p.dst_stride[last - 1], ss = p.src_stride[last];
      transpose(p.isa, dst + begin * ds, ds, src + begin, ss, count, p.size[last]);
      break;
    }
  }
}

}  // namespace

StridedCopy prepare_strided_copy(int element_bytes, std::span<const int64_t> sizes,
                                 std::span<const int64_t> dst_strides,
                                 std::span<const int64_t> src_strides, int64_t dst_offset,
                                 int64_t src_offset, Isa isa) {
  StridedCopy p{.element_bytes = element_bytes,
                .dst_offset = dst_offset,
                .src_offset = src_offset,
                .count = 1,
                .isa = isa,
                .cost = {}};
  for (size_t a = 0; a < sizes.size(); ++a) {
    p.count *= sizes[a];
    if (sizes[a] == 1) continue;
    const int top = p.rank - 1;
    if (p.rank > 0 && p.dst_stride[top] == dst_strides[a] * sizes[a] &&
        p.src_stride[top] == src_strides[a] * sizes[a]) {
      p.size[top] *= sizes[a];
      p.dst_stride[top] = dst_strides[a];
      p.src_stride[top] = src_strides[a];
    } else {
      p.size[p.rank] = sizes[a];
      p.dst_stride[p.rank] = dst_strides[a];
      p.src_stride[p.rank++] = src_strides[a];
    }
  }
  if (p.rank == 0) {
    p.rank = 1;
    p.size[0] = p.dst_stride[0] = p.src_stride[0] = 1;
  }
  choose_inner(p);
  p.cost.bytes = 2.0 * static_cast<double>(p.count) * element_bytes;
  return p;
}

void run_strided_copy(const Context& context, const StridedCopy& p, void* dst,
                      const void* src) noexcept {
  if (p.count == 0) return;
  // A unit is a block of the split loop at one place of the loops outside it.
  const bool two = takes_two_loops(p);
  const int outer_rank = p.rank - (two ? 2 : 1);
  const int64_t length = p.size[outer_rank];
  const int64_t line_bytes = p.element_bytes * (two ? p.size[p.rank - 1] : 1);
  // Multiples of 64 elements, so that blocks do not share cache lines.
  const int64_t block = ceil_div(std::min(length, grain_of(line_bytes)), 64) * 64;
  const int64_t blocks = ceil_div(length, block);
  const int64_t outer = p.count / (length * (two ? p.size[p.rank - 1] : 1));
  with_element(p.element_bytes, [&](auto element) {
    using T = decltype(element);
    const auto part = [&](int64_t begin, int64_t end, int) {
      Position at = locate(p, outer_rank, begin / blocks);
      int64_t b = begin % blocks;
      for (int64_t unit = begin; unit < end; ++unit) {
        copy_part(p, static_cast<T*>(dst) + at.dst, static_cast<const T*>(src) + at.src, b * block,
                  std::min(length, (b + 1) * block));
        if (++b == blocks) {
          b = 0;
          advance(p, outer_rank, at);
        }
      }
    };
    context.parallel_for(outer * blocks, grain_of(line_bytes * std::min(length, block)), part);
  });
}

void run_fill(const Context& context, int element_bytes, int64_t count, void* dst,
              const void* value) noexcept {
  const auto fill = copy_kernels(active_isa()).fill;
  context.parallel_for(count, kChunkBytes / element_bytes, [=](int64_t begin, int64_t end, int) {
    fill(value, static_cast<char*>(dst) + begin * element_bytes, end - begin, element_bytes);
  });
}

}  // namespace ranvier::kernels
