// Reductions over any axes as pointwise programs without instructions: one program per run of
// neighbouring axes, the last run first.

#include "kernels/cpu/pointwise/reduce.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/pointwise/planner.h"

namespace ranvier::kernels {
namespace {

// The last run of reduced axes; axes of size one do not break a run.
std::vector<int> last_run(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<int> run;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (reduced[axis])
      run.insert(run.begin(), axis);
    else if (shape[axis] != 1 &&
             std::any_of(run.begin(), run.end(), [&](int a) { return shape[a] != 1; }))
      break;
  }
  return run;
}

// The storage dtype with the same values as a register type: what one pass hands to the next.
DType dtype_of(RegType type) {
  constexpr DType kDTypes[] = {DType::F32, DType::F64, DType::I32,
                               DType::I64, DType::U64, DType::Bool};
  return kDTypes[static_cast<int>(type)];
}

// How passes after the first join what the first one made.
ReduceOp joined(ReduceOp op) { return op == ReduceOp::SumSquares ? ReduceOp::Sum : op; }

}  // namespace

ReduceParams prepare_reduce(ReduceOp op, DType in, DType out, const Shape& shape,
                            std::span<const int> axes, Isa isa) {
  const bool logical = op == ReduceOp::Any || op == ReduceOp::All;
  RV_CHECK(logical ? out == DType::Bool
                   : (op != ReduceOp::Max && op != ReduceOp::Min) || in == out);
  ReduceParams params;
  std::vector<bool> reduced(static_cast<size_t>(shape.rank()), false);
  for (int axis : axes) reduced[axis] = true;

  Shape current = shape;
  DType dtype = in;
  size_t temps = 0;
  for (bool first = true; first || std::count(reduced.begin(), reduced.end(), true);
       first = false) {
    const std::vector<int> run = last_run(current, reduced);
    const bool last =
        static_cast<size_t>(std::count(reduced.begin(), reduced.end(), true)) == run.size();
    ProgramBuilder builder(current);
    PwValue value = builder.input(dtype, current);
    const RegType type = register_of(out);
    if (register_of(dtype) != type) value = builder.cast(value, dtype_of(type));
    const DType result = last ? out : dtype_of(type);
    builder.reduce(first ? op : joined(op), value, run, result);
    params.passes.push_back(builder.build(isa));
    for (auto axis = run.rbegin(); axis != run.rend(); ++axis) {
      current = current.erase(*axis);
      reduced.erase(reduced.begin() + *axis);
    }
    params.temp_offset.push_back(temps);
    if (!last) temps += (static_cast<size_t>(current.size()) * size_of(result) + 63) / 64 * 64;
    dtype = result;
    if (last) break;
  }
  params.pass_shared_offset = temps;
  for (const PointwiseProgram& pass : params.passes) {
    params.scratch.shared = std::max(params.scratch.shared, temps + pass.scratch.shared);
    params.scratch.per_worker = std::max(params.scratch.per_worker, pass.scratch.per_worker);
    params.cost.flops += pass.cost.flops;
    params.cost.bytes += pass.cost.bytes;
  }
  return params;
}

ReduceParams prepare_reduce(ReduceOp op, DType in, DType out, const Shape& shape,
                            std::span<const int> axes) {
  return prepare_reduce(op, in, out, shape, axes, active_isa());
}

void run_reduce(const Context& ctx, const ReduceParams& params, const void* src, void* dst,
                void* shared, std::byte* worker_scratch, size_t worker_stride) noexcept {
  std::byte* scratch = static_cast<std::byte*>(shared);
  const void* from = src;
  for (size_t i = 0; i < params.passes.size(); ++i) {
    void* to = i + 1 == params.passes.size() ? dst : scratch + params.temp_offset[i];
    run_pointwise(ctx, params.passes[i], &from, &to, scratch + params.pass_shared_offset,
                  worker_scratch, worker_stride);
    from = to;
  }
}

}  // namespace ranvier::kernels
