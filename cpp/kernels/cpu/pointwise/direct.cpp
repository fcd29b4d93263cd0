#include "kernels/cpu/pointwise/direct.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/pointwise/planner.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/stream.h"

namespace ranvier::kernels {
namespace {

constexpr int kMaxConverted = 3;  // operands of the operations that narrow dtypes have

// A scalar operand as kernels want it: one value through 64 bytes.
struct alignas(64) Repeated {
  std::byte bytes[64];
};

void repeat(const void* value, DType dtype, LoadFn load, Repeated& out) noexcept {
  if (load) {
    load(value, out.bytes, 1);
    value = out.bytes;
  }
  pw_kernels(active_isa()).repeat(value, out.bytes, size_of(register_of(dtype)));
}

DType operand_dtype(const DirectOp& op, int k) {
  return k == 0 && info_of(op.op).rule == PwRule::Select ? DType::Bool : op.dtype;
}

TileArgs arguments_at(const DirectOp& op, const std::byte* const* src, const int64_t* step,
                      int64_t begin, int64_t n) noexcept {
  TileArgs args;
  args.n = n;
  for (int k = 0; k < op.arity; ++k) {
    args.src[k] = src[k] + step[k] * begin * static_cast<int64_t>(size_of(operand_dtype(op, k)));
    args.step[k] = step[k];
  }
  return args;
}

// Tile by tile through register values, for dtypes narrower than their register.
void run_converted(const DirectOp& op, std::byte* dst, const std::byte* const* src,
                   const int64_t* step, int64_t begin, int64_t end) noexcept {
  alignas(64) std::byte tiles[kMaxConverted + 1][kTile * 8];
  const StoreFn store = store_fn(op.result, active_isa());
  for (int64_t at = begin; at < end; at += kTile) {
    TileArgs args;
    args.n = std::min(kTile, end - at);
    for (int k = 0; k < op.arity; ++k) {
      const DType dtype = operand_dtype(op, k);
      args.step[k] = step[k];
      args.src[k] = src[k];
      if (!step[k]) continue;
      const std::byte* from = src[k] + at * static_cast<int64_t>(size_of(dtype));
      args.src[k] = from;
      if (const LoadFn load = load_fn(dtype, active_isa())) {
        load(from, tiles[k], args.n);
        args.src[k] = tiles[k];
      }
    }
    std::byte* to = dst + at * static_cast<int64_t>(size_of(op.result));
    args.dst = store ? tiles[kMaxConverted] : to;
    op.fn(args);
    if (store) store(tiles[kMaxConverted], to, args.n);
  }
}

// Tile by tile past the caches; short tiles, so that loads and stores take turns, and longer ones
// for functions that set up tables for each and compute for longer than they load.
void run_streamed(const DirectOp& op, std::byte* dst, const std::byte* const* src,
                  const int64_t* step, int64_t begin, int64_t end) noexcept {
  constexpr int64_t kShort = 128, kLong = 512;
  constexpr int kCostly = 200;  // from exp on
  const int64_t part = info_of(op.op).cost < kCostly ? kShort : kLong;
  alignas(64) std::byte tile[kLong * 8];
  const auto stream = pw_kernels(active_isa()).stream;
  for (int64_t at = begin; at < end; at += part) {
    TileArgs args = arguments_at(op, src, step, at, std::min(part, end - at));
    for (int k = 0; k < op.arity; ++k)
      if (step[k])
        fetch_ahead(args.src[k], args.n * static_cast<int64_t>(size_of(operand_dtype(op, k))));
    args.dst = tile;
    op.fn(args);
    const size_t element = size_of(op.result);
    stream(tile, dst + static_cast<size_t>(at) * element, static_cast<size_t>(args.n) * element);
  }
  _mm_sfence();
}

void run_in_place(const DirectOp& op, std::byte* dst, const std::byte* const* src,
                  const int64_t* step, int64_t begin, int64_t end) noexcept {
  TileArgs args = arguments_at(op, src, step, begin, end - begin);
  args.dst = dst + begin * static_cast<int64_t>(size_of(op.result));
  op.fn(args);
}

void run_streamed_at_once(const DirectOp& op, std::byte* dst, const std::byte* const* src,
                          const int64_t* step, int64_t begin, int64_t end) noexcept {
  DirectOp streamed = op;
  streamed.fn = op.streamed;
  run_in_place(streamed, dst, src, step, begin, end);
  _mm_sfence();
}

}  // namespace

bool is_direct(PwOp op, DType dtype) {
  return op != PwOp::FloorDiv || !is_unsigned(dtype) || same_layout(dtype);
}

DirectOp prepare_direct(PwOp op, DType dtype, Isa isa) {
  const PwOpInfo& info = info_of(op);
  DirectOp direct;
  direct.op = op;
  direct.dtype = dtype;
  direct.result = info.rule == PwRule::Bool ? DType::Bool : dtype;
  direct.arity = info.arity;
  direct.fn = tile_fn(op, register_of(dtype), isa);
  if (dtype == DType::F32) direct.streamed = pw_kernels(isa).f32_streamed[static_cast<int>(op)];
  if (!direct.fn || (!same_layout(dtype) && info.arity > kMaxConverted))
    fail<InternalError>("pointwise: ", info.name, " has no kernel for ", name_of(dtype));
  const double cost = info.cost * (dtype == DType::F32 ? 1 : 3) + 20;
  direct.grain =
      kTile * std::clamp<int64_t>(static_cast<int64_t>(kChunkNanoseconds / cost), 1, kMostTiles);
  return direct;
}
DirectOp prepare_direct(PwOp op, DType dtype) { return prepare_direct(op, dtype, active_isa()); }

void run_direct(const Context& ctx, const DirectOp& op, void* dst, const void* const* src,
                const bool* scalar, int64_t n) noexcept {
  if (n <= 0) return;
  Repeated repeated[kMaxSources];
  const std::byte* from[kMaxSources];
  int64_t step[kMaxSources];
  for (int k = 0; k < op.arity; ++k) {
    from[k] = static_cast<const std::byte*>(src[k]);
    step[k] = scalar[k] ? 0 : 1;
    if (!scalar[k]) continue;
    const DType dtype = operand_dtype(op, k);
    repeat(src[k], dtype, same_layout(dtype) ? nullptr : load_fn(dtype, active_isa()), repeated[k]);
    from[k] = repeated[k].bytes;
  }
  std::byte* to = static_cast<std::byte*>(dst);
  const bool streamed = leaves_caches(n * static_cast<int64_t>(size_of(op.result))) &&
                        std::find(src, src + op.arity, dst) == src + op.arity;
  const bool at_once = op.streamed && !scalar[0] && reinterpret_cast<uintptr_t>(dst) % 64 == 0;
  const auto run = !same_layout(op.dtype) ? run_converted
                   : !streamed            ? run_in_place
                   : at_once              ? run_streamed_at_once
                                          : run_streamed;
  if (n <= op.grain) return run(op, to, from, step, 0, n);
  const int64_t grain = kTile * even_grain((n - 1) / kTile + 1, op.grain / kTile);
  ctx.parallel_for(n, grain,
                   [&](int64_t begin, int64_t end, int) { run(op, to, from, step, begin, end); });
}

void run_unary(const Context& ctx, const DirectOp& op, void* dst, const void* a,
               int64_t n) noexcept {
  const bool scalar = false;
  run_direct(ctx, op, dst, &a, &scalar, n);
}

void run_binary(const Context& ctx, const DirectOp& op, void* dst, const void* a, bool a_scalar,
                const void* b, bool b_scalar, int64_t n) noexcept {
  const void* src[2] = {a, b};
  const bool scalar[2] = {a_scalar, b_scalar};
  run_direct(ctx, op, dst, src, scalar, n);
}

void convert(const Context& ctx, DType from, DType to, const void* src, void* dst,
             int64_t n) noexcept {
  if (n <= 0) return;
  const std::byte* in = static_cast<const std::byte*>(src);
  std::byte* out = static_cast<std::byte*>(dst);
  if (from == to) {
    std::memcpy(out, in, static_cast<size_t>(n) * size_of(from));
    return;
  }
  const auto at_in = [&](int64_t i) { return in + i * static_cast<int64_t>(size_of(from)); };
  const auto at_out = [&](int64_t i) { return out + i * static_cast<int64_t>(size_of(to)); };
  const RegType source = register_of(from), target = register_of(to);
  const LoadFn load = load_fn(from, active_isa());
  const StoreFn store = store_fn(to, active_isa());
  const TileFn cast = source == target ? nullptr : cast_fn(source, to, active_isa());
  const LoadFn whole = cast || store ? conversions(active_isa()).whole(from, to) : load;
  ctx.parallel_for(n, 64 * kTile, [&](int64_t begin, int64_t end, int) {
    if (whole) return whole(at_in(begin), at_out(begin), end - begin);
    alignas(64) std::byte loaded[kTile * 8], converted[kTile * 8];
    for (int64_t at = begin; at < end; at += kTile) {
      const int64_t count = std::min(kTile, end - at);
      const void* values = at_in(at);
      std::byte* result = at_out(at);
      if (load) {
        load(values, loaded, count);
        values = loaded;
      }
      if (cast) {
        TileArgs args{store ? converted : result, {values}, {1}, count};
        cast(args);
        values = args.dst;
      }
      if (store)
        store(values, result, count);
      else if (values != result)
        std::memcpy(result, values, static_cast<size_t>(count) * size_of(to));
    }
  });
}

}  // namespace ranvier::kernels
