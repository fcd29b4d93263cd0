// Places of the largest or smallest values along an axis. Lines that lie together are reduced block
// by block, and searched only in the block that has the best value; lines side by side keep the
// best value and its place of every column. Long lines are cut into pieces by their length.

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "kernels/cpu/levels.h"
#include "kernels/cpu/pointwise/arg_kernels.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/reduce.h"

namespace ranvier::kernels {

RV_TABLES(ArgChoice, kArgKernels, arg_kernels)

namespace {

constexpr int64_t kPieceBlocks = 32;  // of kTile elements
constexpr int64_t kPanel = 256;       // columns
constexpr int64_t kPieceElements = kPieceBlocks * kTile;

struct Best {
  PwTotal value;
  int64_t place;
};

// n values as registers: where they lie, or converted into `tile`.
const void* registers(const ArgReduceParams& params, const std::byte* src, int64_t n,
                      std::byte* tile) noexcept {
  if (!params.load) return src;
  params.load(src, tile, n);
  return tile;
}

// The best of n neighbouring values, n <= kPieceElements.
Best best_of(const ArgReduceParams& params, const std::byte* src, int64_t n) noexcept {
  alignas(64) std::byte tile[kTile * 8];
  PwTotal totals[kPieceBlocks];
  const int64_t blocks = (n - 1) / kTile + 1, element = static_cast<int64_t>(size_of(params.in));
  const auto block = [&](int64_t b) {
    return registers(params, src + b * kTile * element, std::min(kTile, n - b * kTile), tile);
  };
  for (int64_t b = 0; b < blocks; ++b)
    params.reducer->rows(block(b), 1, std::min(kTile, n - b * kTile), totals + b);
  PwTotal best = totals[0];
  for (int64_t b = 1; b < blocks; ++b) params.reducer->combine(&best, totals + b, 1);
  const int64_t b = params.kernels->find_total(totals, blocks, best);
  const int64_t count = std::min(kTile, n - b * kTile);
  return {best, b * kTile + params.kernels->find(block(b), count, best)};
}

// Of pieces of lines: the values of all, then the places.
struct Pieces {
  PwTotal* values;
  int64_t* places;
};

void run_lines(const Context& ctx, const ArgReduceParams& params, const std::byte* src,
               int32_t* dst, Pieces all) noexcept {
  const auto element = static_cast<int64_t>(size_of(params.in));
  ctx.parallel_for(params.units, params.grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t line = unit / params.pieces, first = unit % params.pieces * params.length;
      const int64_t n = std::min(params.length, params.axis - first);
      const Best best = best_of(params, src + (line * params.axis + first) * element, n);
      if (params.pieces == 1) {
        dst[line] = static_cast<int32_t>(best.place);
      } else {
        all.values[unit] = best.value;
        all.places[unit] = first + best.place;
      }
    }
  });
  if (params.pieces == 1) return;
  for (int64_t line = 0; line < params.outer; ++line) {
    const PwTotal* values = all.values + line * params.pieces;
    PwTotal best = values[0];
    for (int64_t k = 1; k < params.pieces; ++k) params.reducer->combine(&best, values + k, 1);
    const int64_t k = params.kernels->find_total(values, params.pieces, best);
    dst[line] = static_cast<int32_t>(all.places[line * params.pieces + k]);
  }
}

// One piece of the rows of one panel of columns; best values and places have room for the panel.
void run_panel(const ArgReduceParams& params, const std::byte* src, int64_t unit, std::byte* best,
               int32_t* places) noexcept {
  alignas(64) std::byte tile[kPanel * 8];
  const int64_t column = unit % params.panels * kPanel, rest = unit / params.panels;
  const int64_t first = rest % params.pieces * params.length, line = rest / params.pieces;
  const int64_t last = std::min(params.axis, first + params.length);
  const int64_t width = std::min(kPanel, params.inner - column);
  const auto element = static_cast<int64_t>(size_of(params.in));
  const auto row = [&](int64_t r, std::byte* to) {
    const int64_t at = (line * params.axis + r) * params.inner + column;
    return registers(params, src + at * element, width, to);
  };
  const void* start = row(first, best);
  if (start != best) std::memcpy(best, start, static_cast<size_t>(width * element));
  std::fill_n(places, width, static_cast<int32_t>(first));
  for (int64_t r = first + 1; r < last; ++r)
    params.kernels->row(row(r, tile), width, static_cast<int32_t>(r), best, places);
}

// Of pieces of panels: the best values of all, then the places.
struct Panels {
  std::byte* values;
  int32_t* places;
};

void run_columns_side_by_side(const Context& ctx, const ArgReduceParams& params,
                              const std::byte* src, int32_t* dst, Panels all) noexcept {
  const auto result = [&](int64_t line, int64_t panel) {
    return dst + line * params.inner + panel * kPanel;
  };
  ctx.parallel_for(params.units, params.grain, [&](int64_t begin, int64_t end, int) {
    alignas(64) std::byte best[kPanel * 8];
    for (int64_t unit = begin; unit < end; ++unit) {
      if (params.pieces == 1)
        run_panel(params, src, unit, best, result(unit / params.panels, unit % params.panels));
      else
        run_panel(params, src, unit, all.values + unit * kPanel * 8, all.places + unit * kPanel);
    }
  });
  if (params.pieces == 1) return;
  for (int64_t line = 0; line < params.outer; ++line)
    for (int64_t panel = 0; panel < params.panels; ++panel) {
      const int64_t width = std::min(kPanel, params.inner - panel * kPanel);
      const int64_t first = line * params.pieces * params.panels + panel;
      for (int64_t k = 1; k < params.pieces; ++k) {
        const int64_t unit = first + k * params.panels;
        params.kernels->join(all.values + unit * kPanel * 8, all.places + unit * kPanel, width,
                             all.values + first * kPanel * 8, all.places + first * kPanel);
      }
      std::copy_n(all.places + first * kPanel, width, result(line, panel));
    }
}

}  // namespace

ArgReduceParams prepare_arg_reduce(bool maximum, DType in, const Shape& shape, int axis, Isa isa) {
  RV_CHECK(shape[axis] > 0 && shape[axis] <= std::numeric_limits<int32_t>::max());
  const int only[] = {axis};
  const ReduceExtent extent = reduce_extent(shape, only);
  const RegType type = register_of(in);
  const ReduceOp op = maximum ? ReduceOp::Max : ReduceOp::Min;
  ArgReduceParams params{
      .in = in, .outer = extent.outer, .axis = extent.reduce, .inner = extent.inner};
  params.reducer = pw_reducers(isa).of[static_cast<int>(type)][static_cast<int>(op)];
  params.kernels = arg_kernels(isa)(type, maximum);
  params.load = load_fn(in, isa);

  const bool lines = params.inner == 1;
  const int64_t width = std::clamp<int64_t>(params.inner, 1, kPanel);
  params.panels = (params.inner + kPanel - 1) / kPanel;
  params.length = std::min(params.axis, kPieceElements / width);
  params.pieces = (params.axis - 1) / params.length + 1;
  params.units = params.outer * params.pieces * params.panels;
  // Neighbouring chunks should not share a cache line of the result.
  const int64_t fitting = std::max<int64_t>(1, kPieceElements / (params.length * width));
  params.grain = fitting < 16 ? fitting : fitting / 16 * 16;
  if (params.pieces > 1)
    params.scratch.shared = static_cast<size_t>(params.units) * (lines ? 16 : kPanel * (8 + 4));
  params.cost.flops = static_cast<double>(shape.size());
  params.cost.bytes = params.cost.flops * static_cast<double>(size_of(in));
  return params;
}

ArgReduceParams prepare_arg_reduce(bool maximum, DType in, const Shape& shape, int axis) {
  return prepare_arg_reduce(maximum, in, shape, axis, active_isa());
}

void run_arg_reduce(const Context& ctx, const ArgReduceParams& params, const void* src,
                    int32_t* dst, void* shared) noexcept {
  const auto* from = static_cast<const std::byte*>(src);
  if (params.inner == 1) {
    auto* values = static_cast<PwTotal*>(shared);
    return run_lines(ctx, params, from, dst,
                     {values, reinterpret_cast<int64_t*>(values + params.units)});
  }
  auto* values = static_cast<std::byte*>(shared);
  auto* places = reinterpret_cast<int32_t*>(values + params.units * kPanel * 8);
  run_columns_side_by_side(ctx, params, from, dst, {values, places});
}

}  // namespace ranvier::kernels
