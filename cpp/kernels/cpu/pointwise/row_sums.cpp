// Sums of chained rows, once per instruction set. Element-wise in the order of positions: the same
// bits on every level.

#include "kernels/cpu/pointwise/row_sums.h"

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// Where a position's row begins, and its factor.
template <class T>
struct Link {
  const T* row;
  const T* scale;
};

template <class T>
RV_INLINE Link<T> link_of(const RowSum& sum, int32_t position) {
  int part = sum.count - 1;
  while (position < sum.parts[part].first) --part;
  const RowParts& p = sum.parts[part];
  const auto i = static_cast<uint32_t>(position - p.first);
  const uint32_t row = p.repeat == 1 ? i : i / p.repeat;
  return {static_cast<const T*>(p.values) + static_cast<int64_t>(row) * sum.row,
          p.scale ? static_cast<const T*>(p.scale) + i : nullptr};
}

// `Count` vectors, the last of them of `last` lanes. The next link's row is asked for before this
// one is added: rows lie anywhere in memory.
template <class T, int Count>
RV_INLINE void sum_block(const RowSum& sum, int32_t head, int64_t column, int last, T* dst) {
  using V = Vec<T>;
  V total[Count];
#pragma GCC unroll 8
  for (int v = 0; v < Count; ++v) total[v] = V::zero();
  Link<T> link = link_of<T>(sum, head);
  for (int32_t position = head;;) {
    const int32_t next = sum.next[position];
    Link<T> following = link;
    if (next >= 0) {
      following = link_of<T>(sum, next);
#pragma GCC unroll 8
      for (int v = 0; v < Count; ++v) __builtin_prefetch(following.row + column + v * V::kLanes);
    }
    const T* row = link.row + column;
    const V scale = link.scale ? V::set1(*link.scale) : V::zero();
#pragma GCC unroll 8
    for (int v = 0; v < Count; ++v) {
      const T* at = row + v * V::kLanes;
      const V x = v + 1 == Count && last < V::kLanes ? V::load_partial(at, last) : V::load(at);
      total[v] = total[v] + (link.scale ? scale * x : x);
    }
    if (next < 0) break;
    position = next;
    link = following;
  }
#pragma GCC unroll 8
  for (int v = 0; v < Count; ++v) {
    T* at = dst + v * V::kLanes;
    if (v + 1 == Count && last < V::kLanes)
      total[v].store_partial(at, last);
    else
      total[v].store(at);
  }
}

template <class T>
void sum_rows(const RowSum& sum, int32_t head, int64_t column, int64_t n, void* dst) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  T* out = static_cast<T*>(dst);
  int64_t done = 0;
  for (; done + 8 * kLanes <= n; done += 8 * kLanes)
    sum_block<T, 8>(sum, head, column + done, static_cast<int>(kLanes), out + done);
  for (; done + 2 * kLanes <= n; done += 2 * kLanes)
    sum_block<T, 2>(sum, head, column + done, static_cast<int>(kLanes), out + done);
  for (; done < n; done += kLanes) {
    const int64_t left = n - done;
    sum_block<T, 1>(sum, head, column + done, static_cast<int>(left < kLanes ? left : kLanes),
                    out + done);
  }
}

}  // namespace

extern const RowSumKernels kRowSumKernels;
const RowSumKernels kRowSumKernels{sum_rows<float>, sum_rows<double>};

}  // namespace ranvier::kernels::RV_ISA
