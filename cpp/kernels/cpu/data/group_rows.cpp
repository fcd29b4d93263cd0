#include "kernels/cpu/data/group_rows.h"

#include <algorithm>

#include "kernels/cpu/data/copy.h"

namespace ranvier::kernels {
namespace {

template <class Index>
void chain(const GroupRows& p, const Index* index, int32_t* head, int32_t* next,
           int32_t* touched) noexcept {
  const auto row_of = [&](int64_t i) {
    const int64_t row = index[i];
    return std::clamp<int64_t>(row < 0 ? row + p.size : row, 0, p.size - 1);
  };
  // From the last to the first, so that each chain ascends and every head is its first position.
  for (int64_t i = p.count; i-- > 0;) {
    int32_t& first = head[row_of(i)];
    next[i] = first;
    first = static_cast<int32_t>(i);
  }
  int32_t rows = 0;
  for (int64_t i = 0; i < p.count; ++i) {
    const int64_t row = row_of(i);
    if (head[row] == i) touched[1 + rows++] = static_cast<int32_t>(row);
  }
  touched[0] = rows;
}

}  // namespace

void run_group_rows(const Context& context, const GroupRows& p, const void* index, int32_t* head,
                    int32_t* next, int32_t* touched) noexcept {
  const int32_t none = -1;
  run_fill(context, 4, p.size, head, &none);
  if (p.index_dtype == DType::I64)
    chain(p, static_cast<const int64_t*>(index), head, next, touched);
  else
    chain(p, static_cast<const int32_t*>(index), head, next, touched);
}

}  // namespace ranvier::kernels
