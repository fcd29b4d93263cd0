#pragma once
// Scaled dot-product attention in tiles, float32:
//   s = scale q k^T + bias, kMaskedLogit where masked;  out = dropout(softmax(s)) v
// The scores of a block of queries against a block of keys live in scratch, never all of them.
//
// Layouts: q, out (batch, queries, heads, size), k and v (batch, keys, key_heads, size); out and v
// have value_size instead. Query head n reads key head n / (heads / key_heads).
// A row whose positions are all masked is uniform over all keys, or zero with zero_masked.

#include <cstdint>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Far below any other logit, and finite.
inline constexpr float kMaskedLogit = -0.7f * 3.40282347e+38f;

// Strides in elements of an operand that broadcasts to (batch, heads, queries, keys); 0 repeats.
// Keys are contiguous.
struct AttentionGrid {
  bool given = false;
  int64_t batch = 0, head = 0, query = 0;
};

struct AttentionShape {
  int64_t batch = 0, queries = 0, keys = 0;
  int64_t heads = 1, key_heads = 1;
  int64_t size = 0, value_size = 0;
  float scale = 1;
  bool causal = false;  // query t sees keys 0..t
  bool zero_masked = false;
  double rate = 0;  // of the dropout of weights
  AttentionGrid bias, mask;
};

// log_sum: (batch, heads, queries), of each row of s; kMaskedLogit for a uniform masked row and
// infinity for a zero one. seed: two words; element (b, n, t, c) draws number
// ((b heads + n) queries + t) * round_up(keys, 64) + c of its stream.
struct AttentionOperands {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  const float* bias = nullptr;
  const uint8_t* mask = nullptr;
  const uint32_t* seed = nullptr;
};
struct AttentionResults {
  float* out = nullptr;
  float* log_sum = nullptr;
};
struct AttentionGradients {
  const float* d_out = nullptr;
  const float* out = nullptr;
  const float* log_sum = nullptr;
  float* dq = nullptr;
  float* dk = nullptr;
  float* dv = nullptr;
};

struct AttentionPlan {
  AttentionShape shape;
  int64_t row_blocks = 0;  // the queries are cut evenly
  int64_t drawn_keys = 0;  // keys rounded up to the random numbers' block
  int64_t grain = 1, backward_grain = 1;
  uint64_t keep_threshold = 0;  // a weight stays where its 32 bits are below
  Scratch scratch;              // per_worker only; one booking serves both passes
  Cost cost;
};
inline constexpr int64_t kAttentionRows = 84;      // most queries of a block
inline constexpr int64_t kAttentionColumns = 128;  // keys of a block

AttentionPlan attention_prepare(const AttentionShape& shape);

// No operand overlaps a result. worker: plan.scratch.per_worker bytes for each worker index.
struct AttentionKernels {
  void (*forward)(const Context&, const AttentionPlan&, const AttentionOperands&,
                  const AttentionResults&, std::byte* worker, size_t worker_stride) noexcept;
  // d_s = p (d_out v^T - sum(d_out out)); dv = p^T d_out, dq = scale d_s k, dk = scale d_s^T q.
  void (*backward)(const Context&, const AttentionPlan&, const AttentionOperands&,
                   const AttentionGradients&, std::byte* worker, size_t worker_stride) noexcept;
};
const AttentionKernels& attention_kernels(Isa isa);
inline const AttentionKernels& attention_kernels() { return attention_kernels(active_isa()); }

// Plain loops with sums in double; the kernel of float64 besides.
namespace reference {
template <class T>
void attention(const AttentionShape& shape, const T* q, const T* k, const T* v, const T* bias,
               const uint8_t* mask, const uint32_t* seed, T* out, T* log_sum);
template <class T>
void attention_backward(const AttentionShape& shape, const T* q, const T* k, const T* v,
                        const T* bias, const uint8_t* mask, const uint32_t* seed, const T* d_out,
                        T* dq, T* dk, T* dv);
}  // namespace reference

}  // namespace ranvier::kernels
