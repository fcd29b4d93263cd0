// float64 tile kernels that are written with vectors, once per instruction set.

#include "kernels/cpu/pointwise/tile_loop.h"
#include "kernels/cpu/pointwise/tile_ops.h"
#include "kernels/cpu/simd/math_double.h"
#include "kernels/cpu/simd/remainder.h"

namespace ranvier::kernels::RV_ISA {
extern const DoubleTiles kDoubleTiles;
namespace doubles {
namespace {

template <int N, int Unroll, class F>
TileFn tile(F) noexcept {
  return [](const TileArgs& args) noexcept { for_tile<double, N, Unroll, false>(args, F{}); };
}

#define RV_DOUBLE(op, arity, unroll, ...) \
  case PwOp::op:                          \
    return tile<arity, unroll>([](const VecD(&x)[arity]) { return __VA_ARGS__; })

TileFn tile_of(PwOp op) noexcept {
  switch (op) {
    RV_DOUBLE(FloorDiv, 2, 1, floor_div(x[0], x[1]));
    RV_DOUBLE(Mod, 2, 1, mod(x[0], x[1]));
    RV_DOUBLE(Exp, 1, 4, exp(x[0]));
    RV_DOUBLE(Expm1, 1, 4, expm1(x[0]));
    RV_DOUBLE(Log, 1, 4, log(x[0]));
    RV_DOUBLE(Log1p, 1, 4, log1p(x[0]));
    RV_DOUBLE(Tanh, 1, 4, tanh(x[0]));
    RV_DOUBLE(Sigmoid, 1, 4, sigmoid(x[0]));
    RV_DOUBLE(Softplus, 1, 4, softplus(x[0]));
    RV_DOUBLE(Silu, 1, 4, x[0] * sigmoid(x[0]));
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace doubles

const DoubleTiles kDoubleTiles = doubles::tile_of;

}  // namespace ranvier::kernels::RV_ISA
