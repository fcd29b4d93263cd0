// Chooses a level, cuts the work and books the scratch.

#include <algorithm>
#include <cmath>

#include "kernels/cpu/attention/attention.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(AttentionKernels, kAttention, attention_kernels)

AttentionPlan attention_prepare(const AttentionShape& s) {
  constexpr int64_t kRandomBlock = 64;
  constexpr double kChunkFlops = 0.5e6;  // some µs
  AttentionPlan plan{.shape = s, .scratch = {}, .cost = {}};
  plan.row_blocks = (s.queries + kAttentionRows - 1) / kAttentionRows;
  plan.drawn_keys = (s.keys + kRandomBlock - 1) / kRandomBlock * kRandomBlock;
  plan.keep_threshold =
      static_cast<uint64_t>(std::llround(std::clamp(1 - s.rate, 0.0, 1.0) * 0x1p32));
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  const double pairs = count(s.queries) * count(s.keys) * (s.causal ? 0.5 : 1.0);
  const double head = 2 * pairs * count(s.size + s.value_size) + 20 * pairs;
  const double block = head / count(std::max<int64_t>(1, plan.row_blocks));
  const double keys = 2.5 * head * count(s.heads / std::max<int64_t>(1, s.key_heads));
  plan.grain = std::max<int64_t>(1, static_cast<int64_t>(kChunkFlops / std::max(1.0, block)));
  plan.backward_grain =
      std::max<int64_t>(1, static_cast<int64_t>(kChunkFlops / std::max(1.0, keys)));
  plan.cost.flops = count(s.batch * s.heads) * head;
  // The workspace of tiles.h, each part rounded up to 16 floats; panels are up to 32 floats wide.
  const int64_t columns = kAttentionColumns, panel = columns * 32 + 16;
  const int64_t floats = (s.size + s.value_size + 2) * columns + 2 * kAttentionRows * columns +
                         2 * kAttentionRows + 2 * 16 + columns + panel;
  plan.scratch.per_worker = static_cast<size_t>(floats) * sizeof(float);
  return plan;
}

}  // namespace ranvier::kernels
