// Walks the index space of a program: tiles, and around them the three forms of a closing
// reduction.

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/cpu/pointwise/frame.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/rows.h"

namespace ranvier::kernels {
namespace {

// Arguments of one run, shared by all workers.
struct Run {
  const Context& ctx;
  const PointwiseProgram& p;
  const void* const* inputs;
  void* const* outputs;  // of the whole space, then of the reductions
  PwTotal* partials;     // [reduction][part]
  std::byte* worker_scratch;
  size_t worker_stride;

  std::byte* scratch(int worker) const { return worker_scratch + worker * worker_stride; }
  // Chunks of units; a single chunk skips the pool.
  template <class F>
  void for_units(F body) const {
    if (p.units <= p.grain)
      body(0, p.units, 0);
    else
      ctx.parallel_for(p.units, p.grain, body);
  }
  void* result(size_t reduction) const { return outputs[p.outputs.size() + reduction]; }
};

// Stores `n` finished totals as results first, first + 1, ... of a reduction.
void finish(const Run& run, size_t index, const PwTotal* totals, int64_t first, int64_t n,
            std::byte* scratch) noexcept {
  const PwReduction& reduction = run.p.reductions[index];
  const int64_t divisor = reduction.op == ReduceOp::Mean ? run.p.reduce : 0;
  const size_t element = size_of(reduction.dtype);
  std::byte* dst =
      static_cast<std::byte*>(run.result(index)) + first * static_cast<int64_t>(element);
  if (!reduction.store) {
    reduction.reducer->finish(totals, n, divisor, dst);
    return;
  }
  for (int64_t done = 0; done < n; done += kTile) {
    const int64_t take = std::min(kTile, n - done);
    reduction.reducer->finish(totals + done, take, divisor, scratch);
    reduction.store(scratch, dst + done * static_cast<int64_t>(element), take);
  }
}

// Nothing to reduce: every result is the identity, a mean is NaN.
void finish_empty(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  for (size_t k = 0; k < p.reductions.size(); ++k) {
    const PwReduction& reduction = p.reductions[k];
    PwTotal total = reduction.reducer->identity;
    const bool floating = reduction.type == RegType::F32 || reduction.type == RegType::F64;
    if (reduction.op == ReduceOp::Mean && floating)
      total.f = std::numeric_limits<double>::quiet_NaN();
    alignas(8) std::byte value[8], stored[8];
    reduction.reducer->finish(&total, 1, 0, value);
    if (reduction.store)
      reduction.store(value, stored, 1);
    else
      std::memcpy(stored, value, size_of(reduction.dtype));
    const size_t element = size_of(reduction.dtype);
    std::byte* dst = static_cast<std::byte*>(run.result(k));
    for (int64_t i = 0; i < p.outer * p.inner; ++i)
      std::memcpy(dst + i * static_cast<int64_t>(element), stored, element);
  }
}

void run_tiles(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  run.for_units([&run, &p](int64_t begin, int64_t end, int worker) {
    Frame frame(p, run.inputs, run.outputs, run.scratch(worker));
    frame.run_tiles(begin * kTile, std::min(end * kTile, p.size));
  });
}

// Whether values are reduced where they lie, so that a run of tiles is as good as one. Not where
// they leave the caches: they are fetched a part of a tile ahead.
bool reduces_memory(const PointwiseProgram& p) noexcept {
  return p.body.empty() && p.inputs.size() == 1 && p.inputs[0].in_place && p.part == kTile;
}

// Rows of at most one tile: several whole rows per unit, each finished at once.
void run_short_rows(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  run.for_units([&run, &p](int64_t begin, int64_t end, int worker) {
    std::byte* scratch = run.scratch(worker);
    Frame frame(p, run.inputs, run.outputs, scratch);
    PwTotal* totals = reinterpret_cast<PwTotal*>(scratch + p.staging_offset);
    const int64_t together = reduces_memory(p) ? kTile / p.tile_rows : 1;
    for (int64_t unit = begin; unit < end; unit += together) {
      const int64_t at = unit * p.tile;
      const int64_t n = std::min(std::min(together, end - unit) * p.tile, p.size - at);
      frame.run_tile(at, n);
      const int64_t rows = n == p.tile ? p.tile_rows : n / p.reduce;
      for (size_t k = 0; k < p.reductions.size(); ++k) {
        const PwReduction& reduction = p.reductions[k];
        reduction.reducer->rows(frame.values(reduction.slot), rows, p.reduce, totals);
        finish(run, k, totals, unit * p.tile_rows, rows,
               reinterpret_cast<std::byte*>(totals + kTile));
      }
    }
  });
}

// Longer rows: one block per tile into shared scratch, joined in order afterwards.
void run_long_rows(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  const int64_t blocks = (p.reduce + kTile - 1) / kTile;
  run.ctx.parallel_for(
      p.units, p.grain, [&run, &p, blocks](int64_t begin, int64_t end, int worker) {
        Frame frame(p, run.inputs, run.outputs, run.scratch(worker));
        for (int64_t unit = begin, count = 1; unit < end; unit += count) {
          const int64_t block = unit % blocks, whole = p.reduce / kTile - block;
          const int64_t n = std::min(kTile, p.reduce - block * kTile);
          count = reduces_memory(p) && whole > 1 ? std::min(end - unit, whole) : 1;
          frame.run_tile(unit / blocks * p.reduce + block * kTile, count * n);
          for (size_t k = 0; k < p.reductions.size(); ++k)
            p.reductions[k].reducer->rows(frame.values(p.reductions[k].slot), count, n,
                                          run.partials + static_cast<int64_t>(k) * p.units + unit);
        }
      });
  for (size_t k = 0; k < p.reductions.size(); ++k) {
    const PwTotal* parts = run.partials + static_cast<int64_t>(k) * p.units;
    for (int64_t row = 0; row < p.outer; ++row) {
      PwTotal total = parts[row * blocks];
      for (int64_t b = 1; b < blocks; ++b)
        p.reductions[k].reducer->combine(&total, parts + row * blocks + b, 1);
      finish(run, k, &total, row, 1, run.scratch(0) + p.staging_offset);
    }
  }
}

// A result of one block in its own type needs no totals: the block is summed where it belongs.
bool one_block(const PointwiseProgram& p, const PwReduction& reduction) noexcept {
  return p.groups == 1 && p.reduce <= kBlockRows && !reduction.store &&
         reduction.op != ReduceOp::Mean;
}

// Where the columns of results first, first + 1, ... are summed.
std::byte* sums_at(const Run& run, size_t index, int64_t first, std::byte* scratch) noexcept {
  const PwReduction& reduction = run.p.reductions[index];
  if (!one_block(run.p, reduction)) return scratch + reduction.block_offset;
  const auto element = static_cast<int64_t>(size_of(reduction.dtype));
  return static_cast<std::byte*>(run.result(index)) + first * element;
}

// The sums of `blocks` blocks reduce x inner that lie in a tile, from block `first` on.
void reduce_blocks(const Run& run, size_t index, const void* tile, int64_t first, int64_t blocks,
                   std::byte* scratch) noexcept {
  const PointwiseProgram& p = run.p;
  const PwReduction& reduction = p.reductions[index];
  const PwReducer& reducer = *reduction.reducer;
  const auto element = static_cast<int64_t>(size_of(reduction.type));
  const auto* values = static_cast<const std::byte*>(tile);
  std::byte* sums = sums_at(run, index, first * p.inner, scratch);
  reducer.clear(sums, blocks * p.inner);
  for (int64_t b = 0; b < blocks; ++b)
    reducer.columns(values + b * p.reduce * p.inner * element, p.reduce, p.inner,
                    sums + b * p.inner * element);
  if (one_block(p, reduction)) return;
  PwTotal* totals = reinterpret_cast<PwTotal*>(scratch + reduction.total_offset);
  reducer.start(totals, sums, blocks * p.inner);
  finish(run, index, totals, first * p.inner, blocks * p.inner, scratch + p.staging_offset);
}

// Columns so short that a tile holds several blocks of them.
void run_short_columns(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  run.for_units([&run, &p](int64_t begin, int64_t end, int worker) {
    std::byte* scratch = run.scratch(worker);
    Frame frame(p, run.inputs, run.outputs, scratch);
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = unit * p.tile_blocks, blocks = std::min(p.tile_blocks, p.outer - first);
      frame.run_tile(first * p.reduce * p.inner, blocks * p.reduce * p.inner);
      for (size_t k = 0; k < p.reductions.size(); ++k)
        reduce_blocks(run, k, frame.values(p.reductions[k].slot), first, blocks, scratch);
    }
  });
}

// One group of rows of one panel of columns.
void run_column_unit(const Run& run, Frame& frame, std::byte* scratch, int64_t unit) noexcept {
  const PointwiseProgram& p = run.p;
  const int64_t panel = unit ? unit % p.panels : 0, rest = unit ? unit / p.panels : 0;
  const int64_t group = rest ? rest % p.groups : 0, outer = rest ? rest / p.groups : 0;
  const int64_t first_column = panel * kTile, width = std::min(kTile, p.inner - first_column);
  const int64_t first_row = group * p.group_rows;
  const int64_t last_row = std::min(p.reduce, first_row + p.group_rows);
  const auto block_of = [&](size_t k) {
    return sums_at(run, k, outer * p.inner + first_column, scratch);
  };

  for (size_t k = 0; k < p.reductions.size(); ++k)
    p.reductions[k].reducer->clear(block_of(k), width);
  for (int64_t row = first_row; row < last_row; row += p.tile_rows) {
    const int64_t rows = std::min(p.tile_rows, last_row - row);
    frame.run_tile((outer * p.reduce + row) * p.inner + first_column, rows * width);
    const bool last = row + rows == last_row, block_ends = last || (row + rows) % kBlockRows == 0;
    const bool first_block = row - first_row < kBlockRows;
    for (size_t k = 0; k < p.reductions.size(); ++k) {
      const PwReduction& reduction = p.reductions[k];
      std::byte* block = block_of(k);
      PwTotal* totals = reinterpret_cast<PwTotal*>(scratch + reduction.total_offset);
      reduction.reducer->columns(frame.values(reduction.slot), rows, width, block);
      if (!block_ends || one_block(p, reduction)) continue;
      (first_block ? reduction.reducer->start : reduction.reducer->flush)(totals, block, width);
      if (!last) reduction.reducer->clear(block, width);
    }
  }
  for (size_t k = 0; k < p.reductions.size(); ++k) {
    if (one_block(p, p.reductions[k])) continue;
    const PwTotal* totals =
        reinterpret_cast<const PwTotal*>(scratch + p.reductions[k].total_offset);
    if (p.groups == 1) {
      finish(run, k, totals, outer * p.inner + first_column, width, scratch + p.staging_offset);
    } else {
      PwTotal* parts = run.partials + static_cast<int64_t>(k) * p.outer * p.groups * p.inner;
      std::copy(totals, totals + width,
                parts + (outer * p.groups + group) * p.inner + first_column);
    }
  }
}

void run_columns(const Run& run) noexcept {
  const PointwiseProgram& p = run.p;
  run.for_units([&run, &p](int64_t begin, int64_t end, int worker) {
    std::byte* scratch = run.scratch(worker);
    Frame frame(p, run.inputs, run.outputs, scratch);
    for (int64_t unit = begin; unit < end; ++unit) run_column_unit(run, frame, scratch, unit);
  });
  if (p.groups == 1) return;
  for (size_t k = 0; k < p.reductions.size(); ++k) {
    PwTotal* parts = run.partials + static_cast<int64_t>(k) * p.outer * p.groups * p.inner;
    for (int64_t outer = 0; outer < p.outer; ++outer) {
      PwTotal* first = parts + outer * p.groups * p.inner;
      for (int64_t g = 1; g < p.groups; ++g)
        p.reductions[k].reducer->combine(first, first + g * p.inner, p.inner);
      finish(run, k, first, outer * p.inner, p.inner, run.scratch(0) + p.staging_offset);
    }
  }
}

}  // namespace

void run_pointwise(const Context& ctx, const PointwiseProgram& program, const void* const* inputs,
                   void* const* outputs, void* shared, std::byte* worker_scratch,
                   size_t worker_stride) noexcept {
  const PointwiseProgram& p = program;
  const Run run{ctx,          p, inputs, outputs, static_cast<PwTotal*>(shared), worker_scratch,
                worker_stride};
  if (p.reductions.empty()) {
    if (only_touched(p, inputs, outputs))
      return run_touched(ctx, p, inputs, outputs, worker_scratch, worker_stride);
    if (p.size > 1) return run_tiles(run);
    if (p.size == 1) Frame(p, inputs, outputs, worker_scratch).store_scalars();
    return;
  }
  if (p.reduce == 0) return finish_empty(run);
  if (p.outer == 0 || p.inner == 0) return;
  if (p.tile_blocks > 0) return run_short_columns(run);
  if (p.inner > 1) return run_columns(run);
  if (p.reduce > kTile) return run_long_rows(run);
  run_short_rows(run);
}

}  // namespace ranvier::kernels
