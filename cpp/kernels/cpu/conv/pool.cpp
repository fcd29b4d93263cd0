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
  static const PoolKernels tables[kVectorLevels] = {{pool_f32(Isa::Baseline), baseline::kPoolF64},
                                                    {pool_f32(Isa::Avx2), baseline::kPoolF64},
                                                    {pool_f32(Isa::Avx512), baseline::kPoolF64}};
  return tables[static_cast<int>(vector_level(isa))];
}

namespace {

// Elements of x, y and dx that a chunk visits, some microseconds.
constexpr int64_t kChunkElements = 32768;

int64_t product(const std::array<int64_t, 3>& d) { return d[0] * d[1] * d[2]; }

void check_shape(const PoolShape& s, DType dtype) {
  RV_CHECK(dtype == DType::F32 || dtype == DType::F64);
  RV_CHECK(s.batch >= 0 && s.channels >= 0);
  for (int i = 0; i < 3; ++i) {
    RV_CHECK(s.in[i] >= 1 && s.window[i] >= 1 && s.stride[i] >= 1 && s.out[i] >= 1);
    RV_CHECK(s.pad_lo[i] >= 0 && s.pad_lo[i] < s.window[i]);
    RV_CHECK(s.pad_hi[i] >= 0 && s.pad_hi[i] < s.window[i]);
    RV_CHECK(s.out[i] == (s.in[i] + s.pad_lo[i] + s.pad_hi[i] - s.window[i]) / s.stride[i] + 1);
    RV_CHECK((s.out[i] - 1) * s.stride[i] - s.pad_lo[i] < s.in[i]);
  }
}

// Windows in which a position lies, at most.
int64_t most_windows(const PoolShape& s) {
  int64_t count = 1;
  for (int i = 0; i < 3; ++i)
    count *= std::min(s.out[i], (s.window[i] + s.stride[i] - 1) / s.stride[i]);
  return count;
}

template <class T>
void forward_typed(const Context& ctx, const PoolPlan& plan, const PoolRows<T>& rows, const void* x,
                   void* y, void* index) noexcept {
  const PoolShape& s = plan.shape;
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  ctx.parallel_for(s.batch * s.out[0] * s.out[1], plan.rows_of_y,
                   [&](int64_t begin, int64_t end, int) {
                     if (plan.kind == PoolKind::Max)
                       rows.max(s, begin, end, from, to, {index, plan.wide_index});
                     else
                       rows.average(s, begin, end, from, to);
                   });
}

template <class T>
void gradient_typed(const Context& ctx, const PoolPlan& plan, const PoolRows<T>& rows,
                    const void* index, const void* dy, void* dx) noexcept {
  const PoolShape& s = plan.shape;
  const T* from = static_cast<const T*>(dy);
  T* to = static_cast<T*>(dx);
  ctx.parallel_for(
      s.batch * s.in[0] * s.in[1], plan.rows_of_x, [&](int64_t begin, int64_t end, int) {
        if (plan.kind == PoolKind::Max)
          rows.max_gradient(s, begin, end, {const_cast<void*>(index), plan.wide_index}, from, to);
        else
          rows.average_gradient(s, begin, end, from, to);
      });
}

void gradient(const Context& ctx, const PoolPlan& plan, const void* index, const void* dy,
              void* dx) noexcept {
  if (plan.dtype == DType::F32)
    gradient_typed<float>(ctx, plan, plan.kernels->f32, index, dy, dx);
  else
    gradient_typed<double>(ctx, plan, plan.kernels->f64, index, dy, dx);
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
  const int64_t taps = product(shape.window);
  const int64_t x = product(shape.in) * shape.channels, y = product(shape.out) * shape.channels;
  const bool index = backward && kind == PoolKind::Max;
  plan.wide_index = taps > 256;
  if (index) plan.scratch.shared = shape.batch * y * (plan.wide_index ? sizeof(int32_t) : 1);
  plan.cost.flops = static_cast<double>(shape.batch * y) * taps;
  plan.cost.bytes = static_cast<double>(shape.batch * ((index ? 2 : 1) * x + y)) * size_of(dtype);
  const auto rows = [&](int64_t pixels, int64_t visits) {
    const int64_t row = std::max<int64_t>(1, pixels * shape.channels * (visits + 1));
    return std::max<int64_t>(1, kChunkElements / row);
  };
  plan.rows_of_y = rows(shape.out[2], taps);
  plan.rows_of_x = rows(shape.in[2], most_windows(shape));
  plan.variant = backward ? "gathered" : "rows";
  return plan;
}

PoolPlan prepare_indexed_pool(bool backward, const PoolShape& shape, DType dtype) {
  PoolPlan plan = prepare_pool(PoolKind::Max, backward, shape, dtype);
  const double x = static_cast<double>(shape.batch * product(shape.in) * shape.channels);
  const double y = static_cast<double>(shape.batch * product(shape.out) * shape.channels);
  plan.cost.bytes = (x + y) * size_of(dtype) + y * (plan.wide_index ? sizeof(int32_t) : 1);
  plan.scratch = {};
  plan.variant = backward ? "gathered by index" : "rows, index";
  return plan;
}

void run_pool_forward(const Context& ctx, const PoolPlan& plan, const void* x, void* y,
                      void* index) noexcept {
  if (plan.dtype == DType::F32)
    forward_typed<float>(ctx, plan, plan.kernels->f32, x, y, index);
  else
    forward_typed<double>(ctx, plan, plan.kernels->f64, x, y, index);
}

void run_pool_backward(const Context& ctx, const PoolPlan& plan, const void* x, const void* dy,
                       void* dx, void* shared) noexcept {
  if (plan.kind == PoolKind::Max) run_pool_forward(ctx, plan, x, nullptr, shared);
  gradient(ctx, plan, shared, dy, dx);
}

void run_max_pool_scatter(const Context& ctx, const PoolPlan& plan, const void* index,
                          const void* dy, void* dx) noexcept {
  gradient(ctx, plan, index, dy, dx);
}

}  // namespace ranvier::kernels
