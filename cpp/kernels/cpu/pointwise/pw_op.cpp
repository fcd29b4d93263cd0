// The rows of the operation table, and the choice of a kernel for an operation and a type.

#include "kernels/cpu/pointwise/pw_op.h"

#include "base/error.h"
#include "kernels/cpu/levels.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/tile_ops.h"

namespace ranvier::kernels {
namespace {

constexpr PwOpInfo kInfo[kPwOpCount] = {
#define RV_PW_ROW(name, text, arity, rule, types, cost) {text, arity, PwRule::rule, types, cost},
    RV_PW_OPS(RV_PW_ROW)
#undef RV_PW_ROW
};
constexpr const char* kRegNames[kRegTypeCount] = {"f32", "f64", "i32", "i64", "u64", "bool"};
constexpr int kRegSizes[kRegTypeCount] = {4, 8, 4, 8, 8, 1};
constexpr const char* kReduceNames[kReduceOpCount] = {"sum", "mean", "prod", "max",
                                                      "min", "any",  "all",  "sum_squares"};

}  // namespace

const PwOpInfo& info_of(PwOp op) { return kInfo[static_cast<int>(op)]; }
const char* name_of(RegType type) { return kRegNames[static_cast<int>(type)]; }
int size_of(RegType type) { return kRegSizes[static_cast<int>(type)]; }
const char* name_of(ReduceOp op) { return kReduceNames[static_cast<int>(op)]; }

RegType register_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return RegType::Bool;
    case DType::U64:
      return RegType::U64;
    case DType::U32:
    case DType::I64:
      return RegType::I64;
    case DType::F16:
    case DType::BF16:
    case DType::F8E4M3:
    case DType::F8E5M2:
    case DType::F32:
      return RegType::F32;
    case DType::F64:
      return RegType::F64;
    default:
      return RegType::I32;
  }
}

bool same_layout(DType dtype) {
  return dtype == DType::Bool || dtype == DType::I32 || dtype == DType::I64 ||
         dtype == DType::U64 || dtype == DType::F32 || dtype == DType::F64;
}

TileFn tile_fn(PwOp op, RegType type, Isa isa) {
  if (!(info_of(op).types >> static_cast<int>(type) & 1)) return nullptr;
  if (type == RegType::F32)
    if (TileFn fn = pw_kernels(isa).f32[static_cast<int>(op)]) return fn;
  const bool floating = type == RegType::F32 || type == RegType::F64;
  if (!floating) return integer_tiles(isa)(op, type);
  TileFn fn = arithmetic_tiles(isa)(op, type);
  if (!fn && type == RegType::F64) fn = double_tiles(isa)(op);
  return fn ? fn : libm_tile(op, type);
}

RV_TABLES(PwKernels, kPwKernels, pw_kernels)
RV_TABLES(TileChoice, kIntegerTiles, integer_tiles)
RV_TABLES(TileChoice, kArithmeticTiles, arithmetic_tiles)
RV_TABLES(DoubleTiles, kDoubleTiles, double_tiles)
RV_TABLES(ReducerChoice, kLevelReducers, level_reducers)

namespace {

PwReducers make_reducers(Isa isa) {
  PwReducers table{};
  for (int type = 0; type < kRegTypeCount; ++type)
    for (int kind = 0; kind < kReducerKinds; ++kind)
      table.of[type][kind] = level_reducers(isa)(static_cast<RegType>(type), kind);
  const PwKernels& level = pw_kernels(isa);
  const auto set = [&table](ReduceOp op, const PwReducer* reducer) {
    table.of[static_cast<int>(RegType::F32)][static_cast<int>(op)] = reducer;
  };
  set(ReduceOp::Sum, level.sum_f32);
  set(ReduceOp::Mean, level.sum_f32);
  set(ReduceOp::SumSquares, level.sum_squares_f32);
  for (ReduceOp op : {ReduceOp::Max, ReduceOp::Any}) set(op, level.max_f32);
  for (ReduceOp op : {ReduceOp::Min, ReduceOp::All}) set(op, level.min_f32);
  return table;
}

}  // namespace

const PwReducers& pw_reducers(Isa isa) {
  static const PwReducers tables[kVectorLevels] = {
      make_reducers(Isa::Baseline), make_reducers(Isa::Avx2), make_reducers(Isa::Avx512)};
  return tables[static_cast<int>(vector_level(isa))];
}

}  // namespace ranvier::kernels
