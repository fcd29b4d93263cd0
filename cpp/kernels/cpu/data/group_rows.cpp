#include "kernels/cpu/data/group_rows.h"

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/gather.h"

namespace ranvier::kernels {
namespace {

template <class Index>
void chain(const GroupRows& p, const void* const* lists, int32_t* head, int32_t* next,
           int32_t* touched) noexcept {
  // From the last to the first, so that each chain ascends and every head is its first position.
  int64_t position = 0;
  for (const int64_t count : p.counts) position += count;
  for (size_t list = p.counts.size(); list-- > 0;) {
    const auto* index = static_cast<const Index*>(lists[list]);
    for (int64_t i = p.counts[list]; i-- > 0;) {
      next[--position] = -1;
      const int64_t row = row_named(index[i], p.size);
      if (row < 0) continue;
      next[position] = head[row];
      head[row] = static_cast<int32_t>(position);
    }
  }
  int32_t rows = 0;
  for (size_t list = 0; list < p.counts.size(); ++list) {
    const auto* index = static_cast<const Index*>(lists[list]);
    for (int64_t i = 0; i < p.counts[list]; ++i, ++position) {
      const int64_t row = row_named(index[i], p.size);
      if (row < 0) continue;
      touched[1 + rows] = static_cast<int32_t>(row);
      rows += head[row] == position;
    }
  }
  touched[0] = rows;
}

}  // namespace

void run_group_rows(const Context& context, const GroupRows& p, const void* const* lists,
                    int32_t* head, int32_t* next, int32_t* touched) noexcept {
  const int32_t none = -1;
  run_fill(context, 4, p.size, head, &none);
  if (p.index_dtype == DType::I64)
    chain<int64_t>(p, lists, head, next, touched);
  else
    chain<int32_t>(p, lists, head, next, touched);
}

}  // namespace ranvier::kernels
