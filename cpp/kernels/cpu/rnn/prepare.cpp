// Chooses the level's kernels, cuts the batch, books scratch, and runs the chunks.

#include <algorithm>

#include "base/error.h"
#include "base/rounding.h"
#include "kernels/cpu/levels.h"
#include "kernels/cpu/rnn/rnn.h"

namespace ranvier::kernels {

RV_TABLES(RnnKernels, kRnnF32, rnn_f32)
RV_DECLARE_TABLE(baseline, RnnKernels, kRnnF64)

const RnnKernels& rnn_kernels(Isa isa, DType dtype) {
  return dtype == DType::F64 ? baseline::kRnnF64 : rnn_f32(isa);
}

const char* name_of(RnnKind kind) {
  constexpr const char* kNames[] = {"simple", "lstm", "gru", "gru_before"};
  return kNames[static_cast<size_t>(kind)];
}

int rnn_gates(RnnKind kind) { return kind == RnnKind::Lstm ? 4 : kind == RnnKind::Simple ? 1 : 3; }

namespace {

// Rows of the batch that walk together. Few rows read the packed matrix once per step for little
// work; many leave threads without any.
int64_t wanted_rows(int64_t batch) {
  if (batch < 8) return std::max<int64_t>(batch, 1);
  if (batch < 32) return (batch + 1) / 2;
  return batch < 128 ? 16 : 32;
}

}  // namespace

RnnPlan rnn_prepare(const RnnShape& shape, DType dtype, Isa isa) {
  if (dtype != DType::F32 && dtype != DType::F64)
    fail<DTypeError>("rnn: no kernel for this dtype. Expected float32 or float64. Received: ",
                     name_of(dtype), ".");
  RnnPlan plan;
  plan.shape = shape;
  plan.dtype = dtype;
  plan.kernels = &rnn_kernels(isa, dtype);
  const int64_t lanes = plan.kernels->lanes, gates = rnn_gates(shape.kind);
  const int64_t wanted = wanted_rows(shape.batch);
  plan.chunks = ceil_div(shape.batch, wanted);
  plan.chunk_rows = plan.chunks ? ceil_div(shape.batch, plan.chunks) : 0;
  plan.padded = round_up(shape.units, lanes);
  const int64_t forward_matrix = shape.units * gates * (plan.padded + lanes);
  const int64_t matrix = std::max(forward_matrix, gates * plan.padded * plan.padded);
  const int64_t state = plan.padded + lanes;
  const int64_t row =
      std::max(5 * state + gates * state + lanes, 3 * state + gates * plan.padded + lanes);
  const auto element = static_cast<int64_t>(size_of(dtype));
  plan.scratch.shared = static_cast<size_t>(round_up(matrix * element, 64));
  plan.scratch.per_worker = static_cast<size_t>(round_up(plan.chunk_rows * row * element, 64));
  const double rows = static_cast<double>(shape.batch) * static_cast<double>(shape.steps);
  const double columns = static_cast<double>(gates * shape.units);
  plan.cost.flops = rows * columns * (2 * static_cast<double>(shape.units) + 20);
  plan.cost.bytes = rows * columns * 2 * static_cast<double>(element);
  return plan;
}

namespace {

void pack_matrix(const Context& ctx, const RnnPlan& plan, bool backward, const void* u,
                 void* packed) {
  ctx.parallel_for(plan.kernels->panels(plan, backward), 2, [&](int64_t begin, int64_t end, int) {
    plan.kernels->pack(plan, backward, u, packed, begin, end);
  });
}

// f(first row, rows, scratch) for every chunk of the batch.
template <class F>
void for_each_chunk(const Context& ctx, const RnnPlan& plan, std::byte* worker_scratch,
                    size_t worker_stride, const F& f) {
  const int64_t batch = plan.shape.batch;
  ctx.parallel_for(plan.chunks, 1, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t from = batch * i / plan.chunks, to = batch * (i + 1) / plan.chunks;
      f(from, to - from, worker_scratch + static_cast<size_t>(worker) * worker_stride);
    }
  });
}

}  // namespace

void rnn_forward(const Context& ctx, const RnnPlan& plan, const RnnForward& operands, void* shared,
                 std::byte* worker_scratch, size_t worker_stride) noexcept {
  pack_matrix(ctx, plan, false, operands.u, shared);
  for_each_chunk(ctx, plan, worker_scratch, worker_stride,
                 [&](int64_t row0, int64_t rows, std::byte* scratch) {
                   plan.kernels->forward(plan, operands, shared, row0, rows, scratch);
                 });
}

void rnn_backward(const Context& ctx, const RnnPlan& plan, const RnnBackward& operands,
                  void* shared, std::byte* worker_scratch, size_t worker_stride) noexcept {
  pack_matrix(ctx, plan, true, operands.u, shared);
  for_each_chunk(ctx, plan, worker_scratch, worker_stride,
                 [&](int64_t row0, int64_t rows, std::byte* scratch) {
                   plan.kernels->backward(plan, operands, shared, row0, rows, scratch);
                 });
}

}  // namespace ranvier::kernels
