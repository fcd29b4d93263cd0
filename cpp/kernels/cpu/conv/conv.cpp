// Convolution: checks, cost and the choice of a variant: a product, depthwise or dense.

#include "kernels/cpu/conv/conv.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/conv/conv_cut.h"
#include "kernels/cpu/conv/conv_variants.h"

namespace ranvier::kernels {
namespace {

bool is_depthwise(const ConvShape& s) { return s.groups == s.in_channels && s.groups > 1; }

void check_shape(const ConvShape& s, DType dtype) {
  RV_CHECK(dtype == DType::F32 || dtype == DType::F64 || dtype == DType::BF16);
  RV_CHECK(s.batch >= 0 && s.in_channels >= 1 && s.out_channels >= 1 && s.groups >= 1);
  RV_CHECK(s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0);
  for (int i = 0; i < 3; ++i) {
    RV_CHECK(s.in[i] >= 1 && s.filter[i] >= 1 && s.out[i] >= 1);
    RV_CHECK(s.stride[i] >= 1 && s.dilation[i] >= 1);
    RV_CHECK(s.out[i] == conv_output_size(s.in[i], s.filter[i], s.stride[i], s.dilation[i],
                                          s.pad_lo[i], s.pad_hi[i]));
  }
}

template <class T>
void prepare_typed(ConvPlan& plan) {
  if constexpr (sizeof(T) == sizeof(float)) {
    const auto shape = conv_product(plan.pass, plan.shape, plan.dtype, plan.isa);
    if (shape) return prepare_product(plan, *shape);
    if (prepare_winograd_pass(plan) || prepare_overlap_add(plan) || prepare_patches(plan)) return;
  }
  if (is_depthwise(plan.shape))
    DepthwiseConv<T>::prepare(plan);
  else
    DenseConv<T>::prepare(plan);
}

}  // namespace

bool conv_fuses(Activation activation) {
  return activation == Activation::None || activation == Activation::Relu ||
         activation == Activation::Relu6;
}

bool conv_supports(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa) {
  if (dtype == DType::F32 || dtype == DType::F64) return true;
  return gemm_supports(isa, dtype) && conv_product(pass, shape, dtype, isa).has_value();
}

ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype) {
  return prepare_conv(pass, shape, dtype, active_isa());
}

ConvPlan plan_of(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa) {
  check_shape(shape, dtype);
  ConvPlan plan;
  plan.shape = shape, plan.pass = pass, plan.dtype = dtype, plan.isa = isa;
  plan.kernels = &conv_kernels(isa);
  const ConvSizes n = sizes_of(shape);
  plan.cost.flops = 2.0 * n.y * pixels_of(shape.filter) * (shape.in_channels / shape.groups);
  plan.cost.bytes = static_cast<double>(n.x + n.filter + n.y) * size_of(dtype);
  return plan;
}

ConvPlan prepare_conv(ConvPass pass, const ConvShape& shape, DType dtype, Isa isa) {
  ConvPlan plan = plan_of(pass, shape, dtype, isa);
  if (shape.batch == 0) {
    plan.variant = "empty";
    return plan;
  }
  if (dtype == DType::BF16)
    prepare_product(plan, *conv_product(pass, shape, dtype, isa));
  else
    dtype == DType::F32 ? prepare_typed<float>(plan) : prepare_typed<double>(plan);
  return plan;
}

namespace {

// A pass that is nothing but a product.
void run_plain_product(const Context& ctx, const ConvPlan& plan, const void* a, const void* b,
                       void* c, std::byte* worker, size_t stride) noexcept {
  gemm_run(ctx, *plan.product, {.a = a, .b = b, .c = c}, nullptr, worker, stride);
}

template <class T>
void forward_typed(const Context& ctx, const ConvPlan& plan, const void* x, const void* filter,
                   const ConvEpilogue& e, void* y, void* shared, std::byte* worker,
                   size_t stride) noexcept {
  const T* from = static_cast<const T*>(x);
  const T* taps = static_cast<const T*>(filter);
  if (plan.winograd)
    run_winograd_pass(ctx, plan, static_cast<const float*>(x), static_cast<const float*>(filter), e,
                      static_cast<float*>(y), shared, worker, stride);
  else if (plan.product)
    run_product(ctx, plan, static_cast<const float*>(x), static_cast<const float*>(filter), e,
                static_cast<float*>(y), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    DepthwiseConv<T>::forward(ctx, plan, from, taps, e, static_cast<T*>(y),
                              static_cast<T*>(shared));
  else
    DenseConv<T>::forward(ctx, plan, from, taps, e, static_cast<T*>(y), worker, stride);
}

template <class T>
void backward_data_typed(const Context& ctx, const ConvPlan& plan, const void* dy,
                         const void* filter, void* dx, void* shared, std::byte* worker,
                         size_t stride) noexcept {
  const T* from = static_cast<const T*>(dy);
  const T* taps = static_cast<const T*>(filter);
  T* to = static_cast<T*>(dx);
  T* scratch = static_cast<T*>(shared);
  if (plan.winograd)
    run_winograd_pass(ctx, plan, static_cast<const float*>(dy), static_cast<const float*>(filter),
                      {}, static_cast<float*>(dx), shared, worker, stride);
  else if (plan.overlaps)
    run_overlap_add(ctx, plan, static_cast<const float*>(dy), static_cast<const float*>(filter),
                    static_cast<float*>(dx), shared, worker, stride);
  else if (plan.product)
    run_data_product(ctx, plan, static_cast<const float*>(dy), static_cast<const float*>(filter),
                     static_cast<float*>(dx), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    DepthwiseConv<T>::backward_data(ctx, plan, from, taps, to, scratch);
  else
    DenseConv<T>::backward_data(ctx, plan, from, taps, to, scratch, worker, stride);
}

template <class T>
void backward_filter_typed(const Context& ctx, const ConvPlan& plan, const void* x, const void* dy,
                           void* dw, void* shared, std::byte* worker, size_t stride) noexcept {
  const T* from = static_cast<const T*>(x);
  const T* gradient = static_cast<const T*>(dy);
  T* to = static_cast<T*>(dw);
  T* scratch = static_cast<T*>(shared);
  if (plan.winograd)
    run_winograd_gradient(ctx, *plan.winograd, static_cast<const float*>(x),
                          static_cast<const float*>(dy), static_cast<float*>(dw), shared, worker,
                          stride);
  else if (plan.product)
    run_filter_product(ctx, plan, static_cast<const float*>(x), static_cast<const float*>(dy),
                       static_cast<float*>(dw), shared, worker, stride);
  else if (is_depthwise(plan.shape))
    DepthwiseConv<T>::backward_filter(ctx, plan, from, gradient, to, scratch);
  else
    DenseConv<T>::backward_filter(ctx, plan, from, gradient, to, scratch, worker, stride);
}

}  // namespace

void run_conv_forward(const Context& ctx, const ConvPlan& plan, const void* x, const void* filter,
                      const ConvEpilogue& epilogue, void* y, void* shared, std::byte* worker,
                      size_t worker_stride) noexcept {
  if (plan.shape.batch == 0) return;
  if (plan.dtype == DType::BF16)
    return run_plain_product(ctx, plan, x, filter, y, worker, worker_stride);
  const auto run = plan.dtype == DType::F32 ? forward_typed<float> : forward_typed<double>;
  run(ctx, plan, x, filter, epilogue, y, shared, worker, worker_stride);
}

void run_conv_backward_data(const Context& ctx, const ConvPlan& plan, const void* dy,
                            const void* filter, void* dx, void* shared, std::byte* worker,
                            size_t worker_stride) noexcept {
  if (plan.shape.batch == 0) return;
  if (plan.dtype == DType::BF16)
    return run_plain_product(ctx, plan, dy, filter, dx, worker, worker_stride);
  const auto run =
      plan.dtype == DType::F32 ? backward_data_typed<float> : backward_data_typed<double>;
  run(ctx, plan, dy, filter, dx, shared, worker, worker_stride);
}

void run_conv_backward_filter(const Context& ctx, const ConvPlan& plan, const void* x,
                              const void* dy, void* dw, void* shared, std::byte* worker,
                              size_t worker_stride) noexcept {
  const auto run =
      plan.dtype == DType::F32 ? backward_filter_typed<float> : backward_filter_typed<double>;
  if (plan.shape.batch == 0)
    std::fill_n(static_cast<std::byte*>(dw), sizes_of(plan.shape).filter * size_of(plan.dtype),
                std::byte{0});
  else if (plan.dtype == DType::BF16)
    run_plain_product(ctx, plan, x, dy, dw, worker, worker_stride);
  else
    run(ctx, plan, x, dy, dw, shared, worker, worker_stride);
}

}  // namespace ranvier::kernels
