// Padding: every destination row finds its source row by mapping each outer index, then is filled
// on the left, copied in the middle and filled on the right.

#include "kernels/cpu/data/pad.h"

#include <algorithm>

#include "kernels/cpu/data/internal.h"

namespace ranvier::kernels {
namespace {

// Source index of destination index i along one axis; -1: the constant.
int64_t source_index(PadMode mode, int64_t i, int64_t before, int64_t n) {
  const int64_t j = i - before;
  if (j >= 0 && j < n) return j;
  if (mode == PadMode::Constant || n == 0) return -1;
  int64_t k = j;
  if (mode == PadMode::Reflect) k = j < 0 ? -j : 2 * (n - 1) - j;
  if (mode == PadMode::Symmetric) k = j < 0 ? -1 - j : 2 * n - 1 - j;
  if (mode == PadMode::Wrap) k = j < 0 ? j + n : j - n;
  return std::clamp<int64_t>(k, 0, n - 1);
}

void fill_bytes(char* dst, int64_t bytes, int element_bytes, const void* value) {
  with_element(element_bytes, [&](auto element) {
    std::memcpy(&element, value, sizeof element);
    fill_elements(dst, bytes / static_cast<int64_t>(sizeof element), element);
  });
}

// One row of the last axis; src is null where an outer index lies in constant padding.
void pad_row(const Pad& p, char* dst, const char* src, const void* value) {
  const int a = p.rank - 1;
  const int64_t n = p.src_size[a], total = p.dst_size[a], before = p.before[a];
  if (!src || n == 0) return fill_bytes(dst, total * p.block_bytes, p.element_bytes, value);
  copy_bytes(dst + before * p.block_bytes, src, n * p.block_bytes);
  if (p.mode == PadMode::Constant) {
    fill_bytes(dst, before * p.block_bytes, p.element_bytes, value);
    fill_bytes(dst + (before + n) * p.block_bytes, (total - before - n) * p.block_bytes,
               p.element_bytes, value);
    return;
  }
  const auto copy_block = [&](int64_t i) {
    copy_bytes(dst + i * p.block_bytes, src + source_index(p.mode, i, before, n) * p.block_bytes,
               p.block_bytes);
  };
  for (int64_t i = 0; i < before; ++i) copy_block(i);
  for (int64_t i = before + n; i < total; ++i) copy_block(i);
}

}  // namespace

Pad prepare_pad(int element_bytes, const Shape& src, std::span<const int64_t> before,
                std::span<const int64_t> after, PadMode mode) {
  Pad p{.mode = mode, .element_bytes = element_bytes, .block_bytes = element_bytes, .cost = {}};
  const auto padded = [&](int a) { return before[a] != 0 || after[a] != 0; };
  int last = src.rank() - 1;
  for (; last >= 0 && !padded(last); --last) p.block_bytes *= src[last];
  int64_t src_count = 1, dst_count = 1;
  for (int a = 0; a <= last; ++a) {
    if (p.rank > 0 && !padded(a) && !padded(a - 1)) {
      p.src_size[p.rank - 1] = p.dst_size[p.rank - 1] *= src[a];
    } else {
      p.src_size[p.rank] = src[a];
      p.dst_size[p.rank] = before[a] + src[a] + after[a];
      p.before[p.rank++] = before[a];
    }
    src_count *= src[a];
    dst_count *= before[a] + src[a] + after[a];
  }
  if (p.rank == 0) {
    p.rank = 1;
    p.src_size[0] = p.dst_size[0] = 1;
  }
  p.cost.bytes = static_cast<double>(p.block_bytes) * static_cast<double>(src_count + dst_count);
  return p;
}

void run_pad(const Context& context, const Pad& p, void* dst, const void* src,
             const void* value) noexcept {
  const int outer_rank = p.rank - 1;
  int64_t rows = 1;
  for (int a = 0; a < outer_rank; ++a) rows *= p.dst_size[a];
  const int64_t dst_row = p.dst_size[outer_rank] * p.block_bytes;
  const int64_t src_row = p.src_size[outer_rank] * p.block_bytes;
  if (dst_row == 0) return;
  context.parallel_for(rows, grain_of(dst_row), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t rest = row, source = 0, stride = 1;
      for (int a = outer_rank - 1; a >= 0; --a) {
        const int64_t i = source_index(p.mode, rest % p.dst_size[a], p.before[a], p.src_size[a]);
        rest /= p.dst_size[a];
        if (i < 0) {
          source = -1;
          break;
        }
        source += i * stride;
        stride *= p.src_size[a];
      }
      pad_row(p, static_cast<char*>(dst) + row * dst_row,
              source < 0 ? nullptr : static_cast<const char*>(src) + source * src_row, value);
    }
  });
}

}  // namespace ranvier::kernels
