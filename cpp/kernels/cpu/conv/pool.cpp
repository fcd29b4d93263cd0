// Pooling: validation, cutting into work items, dispatch.

#include "kernels/cpu/conv/pool.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/conv/pool_kernels.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(PoolRows<float>, kPoolF32, pool_f32)
RV_DECLARE_TABLE(baseline, PoolRows<double>, kPoolF64)

const PoolKernels& pool_kernels(Isa isa) {
  static const PoolKernels tables[kIsaCount] = {{pool_f32(Isa::Baseline), baseline::kPoolF64},
                                                {pool_f32(Isa::Avx2), baseline::kPoolF64},
                                                {pool_f32(Isa::Avx512), baseline::kPoolF64}};
  return tables[static_cast<int>(isa)];
}

namespace {

constexpr int64_t kItemElements = 65536;  // window elements visited per chunk, about 20 us
constexpr int64_t kChannelBlock = 64;     // whole cache lines, wide enough to stream

int64_t product(const std::array<int64_t, 3>& d) { return d[0] * d[1] * d[2]; }

void check_shape(const PoolShape& s, DType dtype) {
  RV_CHECK(dtype == DType::F32 || dtype == DType::F64);
  RV_CHECK(s.batch >= 0 && s.channels >= 1);
  for (int i = 0; i < 3; ++i) {
    RV_CHECK(s.in[i] >= 1 && s.window[i] >= 1 && s.stride[i] >= 1 && s.out[i] >= 1);
    RV_CHECK(s.pad_lo[i] >= 0 && s.pad_lo[i] < s.window[i]);
    RV_CHECK(s.pad_hi[i] >= 0 && s.pad_hi[i] < s.window[i]);
    RV_CHECK(s.out[i] == (s.in[i] + s.pad_lo[i] + s.pad_hi[i] - s.window[i]) / s.stride[i] + 1);
    RV_CHECK((s.out[i] - 1) * s.stride[i] - s.pad_lo[i] < s.in[i]);
  }
}

int64_t channel_blocks(const PoolPlan& plan) {
  return (plan.shape.channels + plan.channel_block - 1) / plan.channel_block;
}

template <class T>
void forward_typed(const Context& ctx, const PoolPlan& plan, const PoolRows<T>& rows, const void* x,
                   void* y) noexcept {
  const PoolShape& s = plan.shape;
  ctx.parallel_for(s.batch * s.out[0] * s.out[1], plan.grain, [&](int64_t begin, int64_t end, int) {
    rows.forward(plan.kind, s, begin, end, static_cast<const T*>(x), static_cast<T*>(y));
  });
}

template <class T>
void backward_typed(const Context& ctx, const PoolPlan& plan, const PoolRows<T>& rows,
                    const void* x, const void* dy, void* dx) noexcept {
  const PoolShape& s = plan.shape;
  const int64_t blocks = channel_blocks(plan);
  ctx.parallel_for(s.batch * blocks, plan.grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c0 = i % blocks * plan.channel_block;
      rows.backward(plan.kind, s, i / blocks, c0, std::min(s.channels, c0 + plan.channel_block),
                    static_cast<const T*>(x), static_cast<const T*>(dy), static_cast<T*>(dx));
    }
  });
}

}  // namespace

PoolPlan prepare_pool(PoolKind kind, bool backward, const PoolShape& shape, DType dtype) {
  return prepare_pool(kind, backward, shape, dtype, active_isa());
}

PoolPlan prepare_pool(PoolKind kind, bool backward, const PoolShape& shape, DType dtype, Isa isa) {
  check_shape(shape, dtype);
  PoolPlan plan;
  plan.shape = shape, plan.kind = kind, plan.backward = backward, plan.dtype = dtype;
  plan.kernels = &pool_kernels(isa);
  const int64_t x = product(shape.in) * shape.channels, y = product(shape.out) * shape.channels;
  const int64_t reads = backward && kind == PoolKind::Max ? 2 * x : x;
  plan.cost.flops = static_cast<double>(shape.batch * y) * product(shape.window);
  plan.cost.bytes = static_cast<double>(shape.batch * (reads + y)) * size_of(dtype);
  // One image is one work item where there are enough of them, else a block of its channels.
  plan.channel_block =
      backward && shape.batch < 16 ? std::min(kChannelBlock, shape.channels) : shape.channels;
  const int64_t per_item = backward
                               ? product(shape.in) * plan.channel_block +
                                     product(shape.out) * plan.channel_block * product(shape.window)
                               : shape.out[2] * shape.channels * product(shape.window);
  plan.grain = std::max<int64_t>(1, kItemElements / per_item);
  plan.variant =
      backward ? (plan.channel_block < shape.channels ? "channel blocks" : "images") : "rows";
  return plan;
}

void run_pool_forward(const Context& ctx, const PoolPlan& plan, const void* x, void* y) noexcept {
  if (plan.dtype == DType::F32)
    forward_typed<float>(ctx, plan, plan.kernels->f32, x, y);
  else
    forward_typed<double>(ctx, plan, plan.kernels->f64, x, y);
}

void run_pool_backward(const Context& ctx, const PoolPlan& plan, const void* x, const void* dy,
                       void* dx) noexcept {
  if (plan.dtype == DType::F32)
    backward_typed<float>(ctx, plan, plan.kernels->f32, x, dy, dx);
  else
    backward_typed<double>(ctx, plan, plan.kernels->f64, x, dy, dx);
}

}  // namespace ranvier::kernels
