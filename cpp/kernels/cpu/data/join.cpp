// Concatenation and rolls: rows made of byte runs.

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/copy_kernels.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
Concat prepare_concat(int element_bytes, std::span<const Shape> shapes, int axis,
                      std::span<ConcatPart> parts) {
  Concat p{.outer = 1, .row_bytes = 0, .axis = axis};
  for (int a = 0; a < axis; ++a) p.outer *= shapes[0][a];
  for (size_t i = 0; i < shapes.size(); ++i) {
    int64_t bytes = element_bytes;
    for (int a = axis; a < shapes[i].rank(); ++a) bytes *= shapes[i][a];
    parts[i] = {p.row_bytes, bytes};
    p.row_bytes += bytes;
  }
  return p;
}

namespace {

template <class T>
void copy_column(char* dst, int64_t pitch, const char* src, int64_t rows) noexcept {
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(dst + row * pitch, src + row * static_cast<int64_t>(sizeof(T)), sizeof(T));
}

// One part of `rows` rows that lie `pitch` bytes apart in dst.
void copy_part(char* dst, int64_t pitch, const char* src, int64_t bytes, int64_t rows) noexcept {
  switch (bytes) {
    case 1:
      return copy_column<uint8_t>(dst, pitch, src, rows);
    case 2:
      return copy_column<uint16_t>(dst, pitch, src, rows);
    case 4:
      return copy_column<uint32_t>(dst, pitch, src, rows);
    case 8:
      return copy_column<uint64_t>(dst, pitch, src, rows);
    default:
      for (int64_t row = 0; row < rows; ++row)
        copy_bytes(dst + row * pitch, src + row * bytes, bytes);
  }
}

// The kernel that writes a few parts of one element each together, or null.
ZipFn zip_of(std::span<const ConcatPart> parts) {
  const auto count = static_cast<int64_t>(parts.size()), bytes = parts[0].bytes;
  if (count < kFewestSteps || count > kMostSteps || bytes > 8 ||
      !std::has_single_bit(uint64_t(bytes)))
    return nullptr;
  for (const ConcatPart& part : parts)
    if (part.bytes != bytes) return nullptr;
  return copy_kernels(active_isa()).zip[std::countr_zero(uint64_t(bytes))][count - kFewestSteps];
}

bool whole_lines(std::span<const ConcatPart> parts, const void* dst) {
  constexpr int64_t kLine = 64, kLongest = 4096;  // longer runs a copy of bytes takes as well
  for (const ConcatPart& part : parts)
    if (part.bytes % kLine != 0 || part.bytes > kLongest) return false;
  return reinterpret_cast<uintptr_t>(dst) % kLine == 0;
}

}  // namespace

// Pieces of at most kChunkBytes: one row alone is cut along its bytes, many rows by rows.
void run_concat(const Context& context, const Concat& p, std::span<const ConcatPart> parts,
                void* dst, const void* const* src) noexcept {
  if (p.outer == 0 || p.row_bytes == 0) return;
  if (const auto zip = zip_of(parts)) {
    context.parallel_for(p.outer, grain_of(p.row_bytes), [&](int64_t begin, int64_t end, int) {
      const void* from[kMostSteps];
      for (size_t i = 0; i < parts.size(); ++i)
        from[i] = static_cast<const char*>(src[i]) + begin * parts[i].bytes;
      zip(static_cast<char*>(dst) + begin * p.row_bytes, from, end - begin);
    });
    return;
  }
  if (leaves_caches(p.outer * p.row_bytes) && whole_lines(parts, dst)) {
    const auto stream_rows = copy_kernels(active_isa()).stream_rows;
    context.parallel_for(p.outer, grain_of(p.row_bytes), [&](int64_t begin, int64_t end, int) {
      for (size_t i = 0; i < parts.size(); ++i)
        stream_rows(static_cast<char*>(dst) + begin * p.row_bytes + parts[i].offset_bytes,
                    p.row_bytes, static_cast<const char*>(src[i]) + begin * parts[i].bytes,
                    parts[i].bytes, end - begin);
    });
    return;
  }
  constexpr int64_t kShortRow = 64;  // bytes: such rows are written one part after the other
  if (p.row_bytes <= kShortRow) {
    context.parallel_for(p.outer, grain_of(p.row_bytes), [&](int64_t begin, int64_t end, int) {
      for (size_t i = 0; i < parts.size(); ++i)
        copy_part(static_cast<char*>(dst) + begin * p.row_bytes + parts[i].offset_bytes,
                  p.row_bytes, static_cast<const char*>(src[i]) + begin * parts[i].bytes,
                  parts[i].bytes, end - begin);
    });
    return;
  }
  const int64_t piece = std::min(p.row_bytes, kChunkBytes);
  const int64_t pieces = ceil_div(p.row_bytes, piece);
  context.parallel_for(p.outer * pieces, grain_of(piece), [&](int64_t begin, int64_t end, int) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit / pieces;
      const int64_t first = unit % pieces * piece, stop = std::min(p.row_bytes, first + piece);
      for (size_t i = 0; i < parts.size(); ++i) {
        const int64_t from = std::max(first, parts[i].offset_bytes);
        const int64_t to = std::min(stop, parts[i].offset_bytes + parts[i].bytes);
        if (from >= to) continue;
        copy_bytes(
            static_cast<char*>(dst) + row * p.row_bytes + from,
            static_cast<const char*>(src[i]) + row * parts[i].bytes + from - parts[i].offset_bytes,
            to - from);
      }
    }
  });
}

Roll prepare_roll(int element_bytes, const Shape& shape, int axis, int64_t shift) {
  Roll p{.outer = 1};
  int64_t inner = element_bytes;
  for (int a = 0; a < axis; ++a) p.outer *= shape[a];
  for (int a = axis + 1; a < shape.rank(); ++a) inner *= shape[a];
  const int64_t n = shape[axis];
  const int64_t tail = n == 0 ? 0 : (shift % n + n) % n;
  p.head_bytes = (n - tail) * inner;
  p.tail_bytes = tail * inner;
  return p;
}

void run_roll(const Context& context, const Roll& p, void* dst, const void* src) noexcept {
  const int64_t row_bytes = p.head_bytes + p.tail_bytes;
  context.parallel_for(p.outer, grain_of(row_bytes), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      char* d = static_cast<char*>(dst) + row * row_bytes;
      const char* s = static_cast<const char*>(src) + row * row_bytes;
      copy_bytes(d + p.tail_bytes, s, p.head_bytes);
      copy_bytes(d, s + p.head_bytes, p.tail_bytes);
    }
  });
}

}  // namespace ranvier::kernels
