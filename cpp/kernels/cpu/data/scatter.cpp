// Scatters: who owns which part of the destination, and the rows that an owner finds.

#include <algorithm>
#include <bit>

#include "kernels/cpu/data/gather.h"
#include "kernels/cpu/data/internal.h"
#include "kernels/cpu/data/scatter_rows.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(ScatterRowsKernels, kScatterRowsKernels, scatter_rows_kernels)

namespace {

constexpr int64_t kLine = 64;      // bytes
constexpr int64_t kShortRow = 32;  // the same: less is not worth a search by several owners

// Where rows come from and go to, in elements.
struct Moves {
  static constexpr int64_t kMost = 256;
  int64_t count = 0;
  int64_t to[kMost], from[kMost];
};

// The indices [begin, end) that name a row in [first, last), without a branch that random indices
// would make fail.
template <class Index>
void find_moves(const Scatter& p, const Index* index, int64_t begin, int64_t end, int64_t first,
                int64_t last, Moves& moves) {
  int64_t n = 0;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = row_named(index[i], p.axis);
    moves.to[n] = row * p.inner;
    moves.from[n] = i * p.inner;
    n += row >= first && row < last;
  }
  moves.count = n;
}

// A slice of dst whose rows are too short for a list of moves.
template <bool Add, class T, class Index>
void scatter_short(const Scatter& p, T* dst, const T* src, const Index* index) {
  for (int64_t i = 0; i < p.count; ++i, src += p.inner) {
    const int64_t row = row_named(index[i], p.axis);
    if (row < 0) continue;
    T* to = dst + row * p.inner;
    for (int64_t k = 0; k < p.inner; ++k) to[k] = Add ? to[k] + src[k] : src[k];
  }
}
template <class Index>
void scatter_short(const Scatter& p, void* dst, const void* src, const Index* index) {
  if (p.add)
    with_number(p.dtype, [&](auto zero) {
      using T = decltype(zero);
      scatter_short<true>(p, static_cast<T*>(dst), static_cast<const T*>(src), index);
    });
  else
    with_element(static_cast<int>(size_of(p.dtype)), [&](auto zero) {
      using T = decltype(zero);
      scatter_short<false>(p, static_cast<T*>(dst), static_cast<const T*>(src), index);
    });
}

// Parts [begin, end) of the owners' parts of one slice of dst.
template <class Index>
void scatter_part(const Scatter& p, ScatterRowsFn rows, int64_t begin, int64_t end, char* dst,
                  const char* src, const Index* index) {
  const auto bytes = static_cast<int64_t>(size_of(p.dtype));
  if (p.inner * bytes < kShortRow) return scatter_short(p, dst, src, index);
  const int64_t unit = p.columns ? kLine / bytes : 1;
  const int64_t units = p.columns ? p.inner / unit : p.axis;
  const int64_t lo = units * begin / p.owners * unit, hi = units * end / p.owners * unit;
  const int64_t first = p.columns ? 0 : lo, last = p.columns ? p.axis : hi;
  const int64_t column = p.columns ? lo : 0, width = p.columns ? hi - lo : p.inner;
  Moves moves;
  for (int64_t i = 0; i < p.count; i += Moves::kMost) {
    find_moves(p, index, i, std::min(p.count, i + Moves::kMost), first, last, moves);
    rows(dst + column * bytes, src + column * bytes, moves.to, moves.from, moves.count, width);
  }
}

ScatterRowsFn scatter_rows_of(const Scatter& p) {
  const ScatterRowsKernels& kernels = scatter_rows_kernels(p.isa);
  if (!p.add) return kernels.set[std::countr_zero(size_of(p.dtype))];
  switch (p.dtype) {
    case DType::F32:
      return kernels.add_f32;
    case DType::F64:
      return kernels.add_f64;
    case DType::I32:
      return kernels.add_b4;
    default:
      return kernels.add_b8;
  }
}

}  // namespace

// Every owner reads all indices. Owners of columns read every row in
// turn; where rows share cache lines, owners of ranges do not write the same ones.
Scatter prepare_scatter(DType dtype, const Shape& dst, int axis, DType index_dtype, int64_t count,
                        bool add, Isa isa) {
  constexpr int64_t kMostOwners = 16, kFewRows = 64;
  Scatter p{.dtype = dtype, .index_dtype = index_dtype, .add = add, .count = count, .isa = isa};
  p.outer = p.inner = 1;
  for (int a = 0; a < axis; ++a) p.outer *= dst[a];
  for (int a = axis + 1; a < dst.rank(); ++a) p.inner *= dst[a];
  p.axis = dst[axis];
  const int64_t row = p.inner * static_cast<int64_t>(size_of(dtype));
  const int64_t wanted = std::clamp<int64_t>(count * row / kChunkBytes, 1, kMostOwners);
  p.columns = row % kLine == 0 && row > kLine;
  if (p.columns)
    p.owners = std::min(wanted, row / kLine);
  else if (row >= kShortRow && p.axis >= kFewRows)
    p.owners = wanted;
  return p;
}

void run_scatter(const Context& context, const Scatter& p, void* dst, const void* src,
                 const void* index) noexcept {
  if (p.axis == 0 || p.count == 0 || p.inner == 0) return;
  const ScatterRowsFn rows = scatter_rows_of(p);
  const auto bytes = static_cast<int64_t>(size_of(p.dtype));
  with_index(p.index_dtype, [&](auto zero) {
    const auto part = [&](int64_t o, int64_t begin, int64_t end) {
      scatter_part(p, rows, begin, end, static_cast<char*>(dst) + o * p.axis * p.inner * bytes,
                   static_cast<const char*>(src) + o * p.count * p.inner * bytes,
                   static_cast<const decltype(zero)*>(index));
    };
    if (p.owners == 1)
      return context.parallel_for(p.outer, grain_of(p.count * p.inner * bytes),
                                  [&](int64_t begin, int64_t end, int) {
                                    for (int64_t o = begin; o < end; ++o) part(o, 0, 1);
                                  });
    context.parallel_shares(p.outer * p.owners, [&](int64_t begin, int64_t end, int) {
      while (begin < end) {
        const int64_t o = begin / p.owners, until = std::min(end, (o + 1) * p.owners);
        part(o, begin - o * p.owners, until - o * p.owners);
        begin = until;
      }
    });
  });
}

}  // namespace ranvier::kernels
