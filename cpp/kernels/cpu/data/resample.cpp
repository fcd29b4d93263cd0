// Weighted sums of rows: the plan and its scratch.

#include "kernels/cpu/data/resample.h"

#include <algorithm>

#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(ResampleKernels, kResampleF32, resample_f32)
RV_DECLARE_TABLE(baseline, ResampleKernels, kResampleF64)

namespace {

int64_t terms_of(const ResampleAxis& axis) { return axis.count * std::max<int64_t>(1, axis.taps); }

// Fills the layout; gives its bytes.
size_t lay_out(ResamplePlan& p, int64_t lanes) {
  size_t end = 0;
  const auto take = [&](int64_t count, size_t bytes) {
    const size_t at = end;
    end = (end + static_cast<size_t>(count) * bytes + 63) / 64 * 64;
    return at;
  };
  constexpr size_t kTerm = sizeof(ResampleTerm<double>);
  p.layout.row_first = take(p.out(p.rows) + 1, sizeof(int32_t));
  p.layout.row_terms = take(terms_of(p.rows), kTerm);
  p.layout.col_first = take(p.out(p.cols) + 1, sizeof(int32_t));
  p.layout.col_terms = take(terms_of(p.cols), kTerm);
  if (!p.narrow) return end;
  // A position lies in at most two vectors.
  const int64_t blocks = (p.out(p.cols) * p.inner + lanes - 1) / lanes;
  const int64_t most = 2 * terms_of(p.cols);
  const int64_t depths = p.transposed ? most : std::min(most, blocks * p.cols.taps);
  p.layout.blocks = take(blocks, sizeof(ResampleBlock));
  p.layout.index = take(depths * lanes, sizeof(int32_t));
  p.layout.weight = take(depths * lanes, size_of(p.dtype));
  return end;
}

}  // namespace

ResamplePlan prepare_resample(DType dtype, bool transposed, int64_t outer, ResampleAxis rows,
                              ResampleAxis cols, int64_t inner, Isa isa) {
  ResamplePlan p;
  p.dtype = dtype;
  p.transposed = transposed;
  p.outer = outer;
  p.inner = inner;
  p.kernels = dtype == DType::F64 ? &baseline::kResampleF64 : &resample_f32(isa);
  p.rows = rows;
  p.cols = cols;
  p.narrow = cols.taps > 0 && inner < p.kernels->lanes;
  const int64_t between = p.in(cols)*inner;
  p.scratch.shared = lay_out(p, p.kernels->lanes);
  p.scratch.per_worker = (static_cast<size_t>(between) * size_of(dtype) + 63) / 64 * 64;
  const auto n = static_cast<double>(outer * inner);
  const auto in_rows = static_cast<double>(p.in(rows)), in_cols = static_cast<double>(p.in(cols));
  const auto out_rows = static_cast<double>(p.out(rows)),
             out_cols = static_cast<double>(p.out(cols));
  const auto row_terms = static_cast<double>(rows.count * rows.taps),
             col_terms = static_cast<double>(cols.count * cols.taps);
  p.cost.flops = 2 * n * (row_terms * in_cols + col_terms * out_rows);
  p.cost.bytes =
      n * (in_rows * in_cols + out_rows * out_cols) * static_cast<double>(size_of(dtype));
  return p;
}

void run_resample(const Context& context, const ResamplePlan& plan, void* y, const void* x,
                  const ResampleTables& tables, void* shared, std::byte* worker,
                  size_t worker_stride) noexcept {
  plan.kernels->run(context, plan, y, x, tables, shared, worker, worker_stride);
}

}  // namespace ranvier::kernels
