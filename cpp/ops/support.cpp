#include "ops/support.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/pointwise/direct.h"
#include "tensor/tape.h"

namespace ranvier::ops {

// --- inference ---

void expect_count(const InferArgs& args, size_t count) {
  if (args.inputs.size() != count)
    fail<ValueError>(args.op.name, ": wrong number of inputs. Expected ", count,
                     ". Received: ", args.inputs.size());
}

void expect_same_dtype(const InferArgs& args, size_t first, size_t last) {
  last = std::min(last, args.inputs.size());
  for (size_t i = first + 1; i < last; ++i) {
    if (args.inputs[i].dtype != args.inputs[first].dtype)
      fail<DTypeError>(args.op.name, ": inputs differ in dtype. Expected one dtype. Received: ",
                       args.inputs[first].str(), " and ", args.inputs[i].str(),
                       ". Hint: cast one of them, or use the function of ranvier.ops, which "
                       "promotes");
  }
}

void expect_floating(const InferArgs& args, size_t input) {
  if (!is_floating(args.inputs[input].dtype))
    fail<DTypeError>(args.op.name, ": unsupported dtype. Expected a floating dtype for input ",
                     input, ". Received: ", args.inputs[input].str(),
                     ". Hint: ops.cast(x, \"float32\")");
}

void expect_index(const InferArgs& args, size_t input) {
  const DType dtype = args.inputs[input].dtype;
  if (dtype != DType::I32 && dtype != DType::I64)
    fail<DTypeError>(args.op.name, ": indices of a wrong dtype. Expected int32 or int64 for input ",
                     input, ". Received: ", args.inputs[input].str());
}

void expect_seed(const InferArgs& args, size_t input) {
  const TypeSpec& seed = args.inputs[input];
  if (seed.dtype != DType::U32 || seed.shape != Shape{2})
    fail<ValueError>(args.op.name, ": wrong seed. Expected uint32(2,). Received: ", seed.str(),
                     ". Hint: draw it from a SeedGenerator");
}

void expect_rank_at_least(const InferArgs& args, size_t input, int rank) {
  if (args.inputs[input].shape.rank() < rank)
    fail<ShapeError>(args.op.name, ": too few dimensions. Expected rank >= ", rank, " for input ",
                     input, ". Received: shape ", args.inputs[input].shape.str());
}

void expect_shape(const InferArgs& args, size_t input, const char* what, const Shape& shape) {
  if (args.inputs[input].shape != shape)
    fail<ShapeError>(args.op.name, ": ", what, " of a wrong shape. Expected ", shape.str(),
                     ". Received: ", args.inputs[input].shape.str());
}

const Ints& expect_ints(const InferArgs& args, const char* name, size_t count) {
  const Ints& values = args.attrs.ints(name);
  if (values.size() != count)
    fail<ValueError>(args.op.name, ": wrong length of `", name, "`. Expected ", count,
                     " entries. Received: ", values.size());
  return values;
}

Shape shape_attr(const InferArgs& args, const char* name) {
  for (const int64_t dim : args.attrs.ints(name)) {
    if (dim < 0)
      fail<ShapeError>(args.op.name, ": negative size in `", name,
                       "`. Expected sizes >= 0. Received: ", dim);
  }
  return Shape(args.attrs.ints(name));
}

std::vector<int> axes_attr(const char* op, const Attrs& attrs, int rank) {
  std::vector<int> axes;
  if (!attrs.has("axes")) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
    return axes;
  }
  for (const int64_t axis : attrs.ints("axes")) axes.push_back(normalize_axis(op, axis, rank));
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    fail<ShapeError>(op, ": an axis is given twice. Expected different axes. Received: axis ",
                     *std::adjacent_find(axes.begin(), axes.end()), " twice");
  return axes;
}

Shape reduced_shape(const Shape& shape, std::span<const int> axes, bool keepdims) {
  Shape result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end())
      result.push_back(shape[axis]);
    else if (keepdims)
      result.push_back(1);
  }
  return result;
}

// --- binding ---

kernels::Cost traffic(const PrepareArgs& args, double flops) {
  double bytes = 0;
  for (const TypeSpec& spec : args.inputs) bytes += static_cast<double>(spec.bytes());
  for (const TypeSpec& spec : args.outputs) bytes += static_cast<double>(spec.bytes());
  return {flops, bytes};
}

namespace {

struct Converted {
  bool converts = false;
  DType outside = DType::F32;
  int64_t count = 0;
  size_t offset = 0;  // in shared scratch
};

struct ThroughParams {
  Kernel inner;
  DType inside = DType::F32;
  std::vector<Converted> in, out;
  size_t inner_offset = 0;
};

inline constexpr size_t kMaxThrough = 12;  // operands of the widest op that converts

void run_through(const Context& ctx, const Slots& slots, const void* params) noexcept {
  const auto& p = as<ThroughParams>(params);
  auto* shared = static_cast<std::byte*>(slots.shared);
  const void* in[kMaxThrough];
  void* out[kMaxThrough];
  for (size_t i = 0; i < p.in.size(); ++i) {
    in[i] = slots.in[i];
    if (!p.in[i].converts) continue;
    kernels::convert(ctx, p.in[i].outside, p.inside, in[i], shared + p.in[i].offset, p.in[i].count);
    in[i] = shared + p.in[i].offset;
  }
  for (size_t i = 0; i < p.out.size(); ++i)
    out[i] = p.out[i].converts ? shared + p.out[i].offset : slots.out[i];
  const Slots inner{in,         out, shared + p.inner_offset, slots.worker, slots.worker_stride,
                    slots.guard};
  p.inner.run(ctx, inner, p.inner.params.get());
  for (size_t i = 0; i < p.out.size(); ++i) {
    if (p.out[i].converts)
      kernels::convert(ctx, p.inside, p.out[i].outside, out[i], slots.out[i], p.out[i].count);
  }
}

}  // namespace

Kernel through(const PrepareArgs& args, std::span<const DType> from, DType to, PrepareFn prepare) {
  ThroughParams params;
  params.inside = to;
  size_t offset = 0;
  bool any = false;
  const auto change = [&](std::span<const TypeSpec> specs, std::vector<Converted>& converted) {
    Specs inside(specs.begin(), specs.end());
    for (TypeSpec& spec : inside) {
      const bool converts = std::find(from.begin(), from.end(), spec.dtype) != from.end();
      const Converted c{converts, spec.dtype, spec.size(), offset};
      if (c.converts) {
        spec.dtype = to;
        offset += aligned(spec.bytes());
        any = true;
      }
      converted.push_back(c);
    }
    return inside;
  };
  const Specs in = change(args.inputs, params.in), out = change(args.outputs, params.out);
  if (!any) return prepare(args);
  RV_CHECK(in.size() <= kMaxThrough && out.size() <= kMaxThrough);
  params.inner = prepare({args.op, in, out, args.attrs});
  params.inner_offset = offset;
  const kernels::Scratch scratch{offset + params.inner.scratch.shared,
                                 params.inner.scratch.per_worker};
  const kernels::Cost cost = params.inner.cost;
  const char* variant = params.inner.variant;
  return make_kernel(run_through, std::move(params), scratch, cost, variant);
}

Kernel through_f32(const PrepareArgs& args, PrepareFn prepare) {
  static constexpr DType kHalf[] = {DType::F16, DType::BF16, DType::F8E4M3, DType::F8E5M2};
  return through(args, kHalf, DType::F32, prepare);
}

Kernel through_float(const PrepareArgs& args, PrepareFn prepare) {
  static constexpr DType kSmall[] = {DType::U8, DType::U16, DType::U32,
                                     DType::I8, DType::I16, DType::I32};
  const DType dtype = args.inputs[0].dtype;
  if (is_integer(dtype)) return through(args, kSmall, DType::F64, prepare);
  return through_f32(args, prepare);
}

void copy_bytes(const Context& ctx, void* dst, const void* src, size_t bytes) noexcept {
  if (dst == src || bytes == 0) return;
  ctx.parallel_for(static_cast<int64_t>(bytes), 1 << 18, [&](int64_t begin, int64_t end, int) {
    std::memcpy(static_cast<std::byte*>(dst) + begin, static_cast<const std::byte*>(src) + begin,
                static_cast<size_t>(end - begin));
  });
}

Element element_of(DType dtype, double value) {
  Element element;
  kernels::convert(Context{}, DType::F64, dtype, &value, element.bytes, 1);
  return element;
}

Element element_of(DType dtype, int64_t value) {
  Element element;
  kernels::convert(Context{}, DType::I64, dtype, &value, element.bytes, 1);
  return element;
}

Element element_attr(const Attrs& attrs, const char* name, DType dtype) {
  for (const auto& [key, value] : attrs.items()) {
    if (key != name) continue;
    if (const auto* integer = std::get_if<int64_t>(&value)) return element_of(dtype, *integer);
    if (const auto* flag = std::get_if<bool>(&value)) return element_of(dtype, int64_t{*flag});
  }
  return element_of(dtype, attrs.real(name));
}

// --- gradients ---

Tensor grad_or_zeros(const VjpArgs& args, size_t i) {
  return args.grads[i] ? args.grads[i] : zeros(args.node.outputs[i].spec());
}

namespace {

// Tapes that must not take the values of a trace under construction for captures.
class WithoutTapes {
 public:
  WithoutTapes() : saved_(std::exchange(active_tapes(), {})) {}
  ~WithoutTapes() { active_tapes() = std::move(saved_); }
  WithoutTapes(const WithoutTapes&) = delete;

 private:
  std::vector<Tape*> saved_;
};

}  // namespace

TraceRef trace_of(const Specs& arguments, const ComposeFn& fn) {
  const WithoutTapes without;
  const TraceRef trace = make_ref<Trace>();
  const EnvGuard guard(trace.get());
  Tensors symbols;
  for (const TypeSpec& spec : arguments) symbols.push_back(trace->add_argument(spec));
  trace->finish(fn(symbols));
  RV_CHECK(trace->inputs().size() == arguments.size());
  return trace;
}

Tensors gradients_inside(const ComposeFn& compose, TensorSpan inputs, TensorSpan grads,
                         std::span<const uint8_t> needs) {
  const Trace& trace = *current_trace();
  const auto begin = static_cast<ptrdiff_t>(trace.nodes().size());
  const Tensors outputs = compose(inputs);
  const std::vector<NodeRef> nodes(trace.nodes().begin() + begin, trace.nodes().end());
  Tensors targets, target_grads, sources, results(inputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!grads[i]) continue;
    targets.push_back(outputs[i]);
    target_grads.push_back(grads[i]);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (needs[i]) sources.push_back(inputs[i]);
  }
  const Tensors found = backward(nodes, targets, target_grads, sources);
  for (size_t i = 0, next = 0; i < inputs.size(); ++i) {
    if (needs[i]) results[i] = found[next++];
  }
  return results;
}

GradientTrace gradient_trace(const VjpArgs& args, const ComposeFn& compose) {
  GradientTrace result;
  const size_t n_inputs = args.node.inputs.size();
  Specs specs;
  for (const Tensor& x : args.node.inputs) {
    result.operands.push_back(x);
    specs.push_back(x.spec());
  }
  for (const Tensor& grad : args.grads) {
    if (!grad) continue;
    result.operands.push_back(grad);
    specs.push_back(grad.spec());
  }
  result.trace = trace_of(specs, [&](TensorSpan symbols) {
    Tensors grads;
    size_t next = n_inputs;
    for (const Tensor& grad : args.grads) grads.push_back(grad ? symbols[next++] : Tensor());
    const Tensors found = gradients_inside(compose, symbols.first(n_inputs), grads, args.needs);
    Tensors outputs;
    for (size_t i = 0; i < n_inputs; ++i) {
      if (!found[i]) continue;
      result.places.push_back(i);
      outputs.push_back(found[i]);
    }
    return outputs;
  });
  return result;
}

Tensors vjp_by(const VjpArgs& args, const ComposeFn& compose) {
  const GradientTrace gradient = gradient_trace(args, compose);
  Tensors results(args.node.inputs.size());
  const Tensors values = replay(*gradient.trace, gradient.operands);
  for (size_t i = 0; i < values.size(); ++i) results[gradient.places[i]] = values[i];
  return results;
}

}  // namespace ranvier::ops
