// Attention at one instruction-set level: forward with a running softmax, backward from recomputed
// scores.

#include "kernels/cpu/attention/tiles.h"

namespace ranvier::kernels::RV_ISA {

namespace {

RV_INLINE float exp_of(float x) { return exp(VecF::set1(x))[0]; }

RV_INLINE float row_maximum(const float* row, int64_t columns) {
  VecF best = VecF::set1(-kInf);
  for_each_vector<float>(columns, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
    best = max(best, keep_lanes(load_lanes(row + c, lanes), lanes, VecF::set1(-kInf)));
  });
  return max_lanes(best);
}

// row = exp(row - shift); the sum.
RV_INLINE float exponentiate(float* row, int64_t columns, float shift) {
  const VecF m = VecF::set1(shift);
  float sum[1];
  row_sums<float>(
      columns, sum,
      [&](int64_t c, int lanes, VecF(&value)[1]) RV_INLINE_LAMBDA {
        value[0] = keep_lanes(exp(load_lanes(row + c, lanes) - m), lanes, VecF::zero());
      },
      [&](int64_t c, int lanes, VecF(&value)[1])
          RV_INLINE_LAMBDA { store_lanes(value[0], row + c, lanes); });
  return sum[0];
}

RV_INLINE void scale_row(float* row, int64_t columns, float factor) {
  const VecF f = VecF::set1(factor);
  fill_row(row, columns,
           [&](int64_t c, int lanes) RV_INLINE_LAMBDA { return load_lanes(row + c, lanes) * f; });
}

RV_INLINE void clear_rows(float* data, int64_t ld, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < columns; ++c) data[i * ld + c] = 0;
}

RV_INLINE void drop(float* row, int64_t columns, const uint32_t* bits, uint64_t threshold) {
  for (int64_t c = 0; c < columns; ++c) row[c] = bits[c] < threshold ? row[c] : 0.0f;
}

RV_INLINE bool all_masked(float maximum) { return maximum <= 0.5f * kMaskedLogit; }

// --- forward ---

// The weights of one block of keys; what was summed so far shrinks with the maximum. Step by step
// for all rows: each row's step is one chain of dependent instructions.
RV_INLINE void weigh(const Problem& p, const Rows& r, int64_t first, int64_t columns, float* out,
                     int64_t ld_out, const Workspace& w) {
  float* const before = w.d_scores;
  for (int64_t i = 0; i < r.count; ++i) {
    const float found = row_maximum(w.scores + i * kAttentionColumns, columns);
    before[i] = first > 0 ? w.maximum[i] : found;
    w.maximum[i] = before[i] > found ? before[i] : found;
  }
  if (first > 0)
    for (int64_t i = 0; i < r.count; ++i) {
      const float shrink = exp_of(before[i] - w.maximum[i]);
      w.total[i] *= shrink;
      if (shrink != 1) scale_row(out + i * ld_out, p.s.value_size, shrink);
    }
  for (int64_t i = 0; i < r.count; ++i) {
    const float sum = exponentiate(w.scores + i * kAttentionColumns, columns, w.maximum[i]);
    w.total[i] = first > 0 ? w.total[i] + sum : sum;
  }
  if (p.s.rate == 0) return;
  for (int64_t i = 0; i < r.count; ++i) {
    p.draw(r, r.begin + i, first, columns, w.bits);
    drop(w.scores + i * kAttentionColumns, columns, w.bits, p.plan.keep_threshold);
  }
}

// Divides by the sums and writes their logarithms.
RV_INLINE void finish_rows(const Problem& p, const Rows& r, float* out, int64_t ld_out,
                           float* log_sum, const Workspace& w) {
  const float kept = static_cast<float>(1 / (1 - p.s.rate));
  for_each_vector<float>(r.count, [&](int64_t i, int lanes) RV_INLINE_LAMBDA {
    const VecF total = load_lanes(w.total + i, lanes);
    store_lanes(load_lanes(w.maximum + i, lanes) + log(total), log_sum + i, lanes);
  });
  for (int64_t i = 0; i < r.count; ++i) {
    const bool masked = all_masked(w.maximum[i]);
    float factor = kept / w.total[i];
    if (masked) log_sum[i] = p.s.zero_masked ? kInf : kMaskedLogit;
    if (masked && p.s.zero_masked) factor = 0;
    scale_row(out + i * ld_out, p.s.value_size, factor);
  }
}

// held: the key head whose keys are packed in w.keys, where they are one block.
RV_INLINE void forward_rows(const Problem& p, const Rows& r, const AttentionResults& results,
                            const Workspace& w, int64_t& held) {
  const AttentionShape& s = p.s;
  const int64_t key_head = r.n / (s.heads / s.key_heads), end = p.visible_keys(r);
  const int64_t ld_out = s.heads * s.value_size;
  float* out = results.out + Problem::at(r.b, r.begin, r.n, s.queries, s.heads, s.value_size);
  float* log_sum = results.log_sum + (r.b * s.heads + r.n) * s.queries + r.begin;
  if (end == 0) {
    clear_rows(out, ld_out, r.count, s.value_size);
    for (int64_t i = 0; i < r.count; ++i) log_sum[i] = s.zero_masked ? kInf : kMaskedLogit;
    return;
  }
  for (int64_t first = 0; first < end; first += kAttentionColumns) {
    const int64_t columns = least(kAttentionColumns, end - first);
    const bool one_block = s.keys <= kAttentionColumns;
    const int64_t head = r.b * s.key_heads + key_head;
    if (!one_block || held != head)
      pack_columns(p.keys(r.b, key_head, first), one_block ? s.keys : columns, s.size, w.keys);
    held = head;
    p.scores(r, first, columns, w.keys, w.scores);
    weigh(p, r, first, columns, out, ld_out, w);
    product(Walk::Across, {w.scores, kAttentionColumns}, r.count, p.values(r.b, key_head, first),
            s.value_size, columns, out, ld_out, 1, first > 0 ? 1.0f : 0.0f, w.copy);
  }
  finish_rows(p, r, out, ld_out, log_sum, w);
}

void forward(const Context& context, const AttentionPlan& plan, const AttentionOperands& operands,
             const AttentionResults& results, std::byte* worker, size_t worker_stride) noexcept {
  const AttentionShape& s = plan.shape;
  context.parallel_for(
      s.batch * s.heads * plan.row_blocks, plan.grain, [&](int64_t begin, int64_t end, int index) {
        const Problem p(plan, operands);
        const Workspace w(s, worker + static_cast<size_t>(index) * worker_stride);
        int64_t held = -1;
        for (int64_t i = begin; i < end; ++i) {
          const int64_t head = i / plan.row_blocks;
          const Rows r = p.rows(head / s.heads, head % s.heads, i % plan.row_blocks);
          forward_rows(p, r, results, w, held);
        }
      });
}

// --- backward ---

// sum over the features of d_out out, per row.
RV_INLINE void row_products(Block a, Block b, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < rows; i += kLanes) {
    const int count = static_cast<int>(least(rows - i, kLanes));
    VecF sums[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      sums[r] = VecF::zero();
      if (r >= count) continue;
      const float *x = a.data + (i + r) * a.ld, *y = b.data + (i + r) * b.ld;
      for_each_vector<float>(columns, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
        sums[r] = fma(load_lanes(x + c, lanes), load_lanes(y + c, lanes), sums[r]);
      });
    }
    transpose(sums);
    for (int width = kLanes / 2; width > 0; width /= 2)
      for (int lane = 0; lane < width; ++lane) sums[lane] = sums[lane] + sums[lane + width];
    store_lanes(sums[0], to + i, count);
  }
}

// Scores and d_weights of one row become weights after dropout and d_scores.
RV_INLINE void backward_row(const Problem& p, float* score, float* d_weight, int64_t columns,
                            float log_sum, float shared, const uint32_t* bits) {
  const bool uniform = log_sum == kMaskedLogit, dropping = p.s.rate > 0;
  const float kept = static_cast<float>(1 / (1 - p.s.rate));
  const VecF m = VecF::set1(log_sum), d = VecF::set1(shared);
  const VecF even = VecF::set1(1.0f / static_cast<float>(p.s.keys));
  if (dropping) {
    const uint64_t threshold = p.plan.keep_threshold;
    for (int64_t c = 0; c < columns; ++c)
      d_weight[c] = bits[c] < threshold ? d_weight[c] * kept : 0;
  }
  fill_row(score, columns, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
    return uniform ? even : exp(load_lanes(score + c, lanes) - m);
  });
  fill_row(d_weight, columns, [&](int64_t c, int lanes) RV_INLINE_LAMBDA {
    const VecF slope = load_lanes(score + c, lanes) * (load_lanes(d_weight + c, lanes) - d);
    return uniform ? VecF::zero() : slope;
  });
  if (dropping) {
    drop(score, columns, bits, p.plan.keep_threshold);
    scale_row(score, columns, kept);
  }
}

// What one block of queries and one of keys add to the gradients, which the first blocks write.
// w.keys, w.values: the packed keys.
RV_INLINE void backward_block(const Problem& p, const Rows& r, int64_t key_head, int64_t first,
                              int64_t columns, bool first_rows, const AttentionGradients& g,
                              const Workspace& w) {
  const AttentionShape& s = p.s;
  const int64_t row0 = Problem::at(r.b, r.begin, r.n, s.queries, s.heads, 1);
  const Block d_out{g.d_out + row0 * s.value_size, s.heads * s.value_size};
  const Block out{g.out + row0 * s.value_size, d_out.ld};
  const float* log_sum = g.log_sum + (r.b * s.heads + r.n) * s.queries + r.begin;
  p.scores(r, first, columns, w.keys, w.scores);
  product(Walk::Across, d_out, r.count, {w.values, kAttentionColumns}, columns, s.value_size,
          w.d_scores, kAttentionColumns, 1, 0, nullptr);
  row_products(d_out, out, r.count, s.value_size, w.total);
  for (int64_t i = 0; i < r.count; ++i) {
    if (s.rate > 0) p.draw(r, r.begin + i, first, columns, w.bits);
    backward_row(p, w.scores + i * kAttentionColumns, w.d_scores + i * kAttentionColumns, columns,
                 log_sum[i], w.total[i], w.bits);
  }
  const Block weights{w.scores, kAttentionColumns}, slopes{w.d_scores, kAttentionColumns};
  const int64_t key0 = Problem::at(r.b, first, key_head, s.keys, s.key_heads, 1);
  const float beta = first_rows ? 0.0f : 1.0f;
  product(Walk::Along, weights, columns, d_out, s.value_size, r.count, g.dv + key0 * s.value_size,
          s.key_heads * s.value_size, 1, beta, w.copy);
  product(Walk::Along, slopes, columns, p.queries(r), s.size, r.count, g.dk + key0 * s.size,
          s.key_heads * s.size, s.scale, beta, w.copy);
  product(Walk::Across, slopes, r.count, p.keys(r.b, key_head, first), s.size, columns,
          g.dq + row0 * s.size, s.heads * s.size, s.scale, first > 0 ? 1.0f : 0.0f, w.copy);
}

// One key head of one sample with all its query heads: nobody else writes there.
RV_INLINE void backward_head(const Problem& p, int64_t b, int64_t key_head,
                             const AttentionGradients& g, const Workspace& w) {
  const AttentionShape& s = p.s;
  const int64_t group = s.heads / s.key_heads;
  if (s.keys == 0) {
    const int64_t row0 = Problem::at(b, 0, key_head * group, s.queries, s.heads, 1);
    clear_rows(g.dq + row0 * s.size, s.heads * s.size, s.queries, group * s.size);
  }
  for (int64_t first = 0; first < s.keys; first += kAttentionColumns) {
    const int64_t columns = least(kAttentionColumns, s.keys - first);
    pack_columns(p.keys(b, key_head, first), columns, s.size, w.keys);
    pack_columns(p.values(b, key_head, first), columns, s.value_size, w.values);
    bool first_rows = true;
    for (int64_t head = 0; head < group; ++head)
      for (int64_t block = 0; block < p.plan.row_blocks; ++block) {
        const Rows r = p.rows(b, key_head * group + head, block);
        if (first >= p.visible_keys(r)) continue;
        backward_block(p, r, key_head, first, columns, first_rows, g, w);
        first_rows = false;
      }
    if (!first_rows) continue;
    const int64_t key0 = Problem::at(b, first, key_head, s.keys, s.key_heads, 1);
    clear_rows(g.dk + key0 * s.size, s.key_heads * s.size, columns, s.size);
    clear_rows(g.dv + key0 * s.value_size, s.key_heads * s.value_size, columns, s.value_size);
  }
}

void backward(const Context& context, const AttentionPlan& plan, const AttentionOperands& operands,
              const AttentionGradients& gradients, std::byte* worker,
              size_t worker_stride) noexcept {
  const AttentionShape& s = plan.shape;
  context.parallel_for(s.batch * s.key_heads, plan.backward_grain,
                       [&](int64_t begin, int64_t end, int index) {
                         const Problem p(plan, operands);
                         const Workspace w(s, worker + static_cast<size_t>(index) * worker_stride);
                         for (int64_t i = begin; i < end; ++i)
                           backward_head(p, i / s.key_heads, i % s.key_heads, gradients, w);
                       });
}

}  // namespace

extern const AttentionKernels kAttention;
const AttentionKernels kAttention{forward, backward};

}  // namespace ranvier::kernels::RV_ISA
