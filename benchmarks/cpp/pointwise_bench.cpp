// Pointwise programs: nanoseconds per element of typical clusters, one thread, minimum of short
// samples. Prints one JSON object per line.

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "kernels/cpu/pointwise/direct.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/reduce.h"

namespace {

using namespace ranvier;
using namespace ranvier::kernels;
using Clock = std::chrono::steady_clock;

// Shortest time of one call, in nanoseconds.
double best_time(const std::function<void()>& call) {
  call();
  int repeats = 1;
  double best = 1e18;
  for (int sample = 0; sample < 80;) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) call();
    const double spent = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    if (spent < 2e5 && repeats < (1 << 24)) {
      repeats *= 2;
      continue;
    }
    best = std::min(best, spent / repeats);
    ++sample;
  }
  return best;
}

void report(const char* name, Isa isa, int64_t n, double nanoseconds) {
  std::printf(
      "{\"op\": \"%s\", \"isa\": \"%s\", \"n\": %lld, \"threads\": 1, \"ns\": %.1f, "
      "\"ns_per_element\": %.4f}\n",
      name, name_of(isa), static_cast<long long>(n), nanoseconds,
      nanoseconds / static_cast<double>(n));
}

// Operands by shape of the program, then outputs; memory is reused between calls.
void bench(const char* name, Isa isa, int64_t n, const ProgramBuilder& builder) {
  const PointwiseProgram program = builder.build(isa);
  std::vector<Buffer> memory;
  const auto take = [&memory](int64_t elements) {
    memory.push_back(Block::allocate(static_cast<size_t>(elements) * 8 + 64));
    float* values = static_cast<float*>(memory.back()->data());
    for (int64_t i = 0; i < elements; ++i) values[i] = 0.25f + 0.5f * static_cast<float>(i % 7);
    return memory.back()->data();
  };
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (size_t i = 0; i < program.inputs.size(); ++i) inputs.push_back(take(n));
  // The first outputs update the first inputs in place where there are several (an optimizer).
  for (size_t i = 0; i < program.outputs.size(); ++i)
    outputs.push_back(program.outputs.size() > 1 ? const_cast<void*>(inputs[i]) : take(n));
  for (size_t i = 0; i < program.reductions.size(); ++i) outputs.push_back(take(n));
  const Buffer shared = Block::allocate(program.scratch.shared + 64);
  const Buffer worker = Block::allocate(program.scratch.per_worker + 64);
  const Context inline_context;
  report(name, isa, n, best_time([&] {
           run_pointwise(inline_context, program, inputs.data(), outputs.data(), shared->data(),
                         static_cast<std::byte*>(worker->data()), program.scratch.per_worker);
         }));
}

ProgramBuilder bias_relu(int64_t rows, int64_t columns) {
  ProgramBuilder b({rows, columns});
  const PwValue x = b.input(DType::F32, {rows, columns}), bias = b.input(DType::F32, {columns});
  b.output(b.op(PwOp::Relu, {b.op(PwOp::Add, {x, bias})}));
  return b;
}

ProgramBuilder bias_gelu(int64_t rows, int64_t columns) {
  ProgramBuilder b({rows, columns});
  const PwValue x = b.input(DType::F32, {rows, columns}), bias = b.input(DType::F32, {columns});
  b.output(b.op(PwOp::Gelu, {b.op(PwOp::Add, {x, bias})}));
  return b;
}

ProgramBuilder relu_grad_sums(int64_t rows, int64_t columns) {
  ProgramBuilder b({rows, columns});
  const PwValue x = b.input(DType::F32, {rows, columns});
  const PwValue dy = b.input(DType::F32, {rows, columns});
  const PwValue dx = b.op(PwOp::ReluGrad, {x, dy});
  b.output(dx);
  const int axes[] = {0};
  b.reduce(ReduceOp::Sum, dx, axes, DType::F32);
  return b;
}

ProgramBuilder adam(int64_t n) {
  ProgramBuilder b({n});
  const PwValue m = b.input(DType::F32, {n}), v = b.input(DType::F32, {n});
  const PwValue w = b.input(DType::F32, {n}), g = b.input(DType::F32, {n});
  const PwValue alpha = b.input(DType::F32, {});
  const PwValue c1 = b.constant(0.1, DType::F32), c2 = b.constant(0.001, DType::F32);
  const PwValue m2 = b.op(PwOp::Add, {m, b.op(PwOp::Mul, {b.op(PwOp::Sub, {g, m}), c1})});
  const PwValue change = b.op(PwOp::Sub, {b.op(PwOp::Square, {g}), v});
  const PwValue v2 = b.op(PwOp::Add, {v, b.op(PwOp::Mul, {change, c2})});
  const PwValue root = b.op(PwOp::Add, {b.op(PwOp::Sqrt, {v2}), b.constant(1e-7, DType::F32)});
  const PwValue step = b.op(PwOp::Div, {b.op(PwOp::Mul, {m2, alpha}), root});
  b.output(m2);
  b.output(v2);
  b.output(b.op(PwOp::Sub, {w, step}));
  return b;
}

ProgramBuilder unary(PwOp op, int64_t n) {
  ProgramBuilder b({n});
  b.output(b.op(op, {b.input(DType::F32, {n})}));
  return b;
}

ProgramBuilder reduce(int64_t rows, int64_t columns, int axis) {
  ProgramBuilder b({rows, columns});
  const int axes[] = {axis};
  b.reduce(ReduceOp::Sum, b.input(DType::F32, {rows, columns}), axes, DType::F32);
  return b;
}

void bench_direct(Isa isa, int64_t n) {
  const DirectOp op = prepare_direct(PwOp::Add, DType::F32, isa);
  std::vector<float> a(static_cast<size_t>(n), 1.0f), b(a), y(a);
  const Context context;
  report("direct_add", isa, n, best_time([&] {
           run_binary(context, op, y.data(), a.data(), false, b.data(), false, n);
         }));
}

}  // namespace

int main() {
  for (Isa isa : {Isa::Avx2, Isa::Avx512}) {
    if (isa > detected_isa()) continue;
    for (int64_t rows : {int64_t{5}, int64_t{5000}}) {
      bench("bias_relu", isa, rows * 200, bias_relu(rows, 200));
      bench("bias_gelu", isa, rows * 200, bias_gelu(rows, 200));
      bench("relu_grad_column_sums", isa, rows * 200, relu_grad_sums(rows, 200));
      bench("adam", isa, rows * 200, adam(rows * 200));
      bench("sum_rows", isa, rows * 200, reduce(rows, 200, 1));
      bench("sum_rows_of_10", isa, rows * 200, reduce(rows * 20, 10, 1));
      bench("sum_columns", isa, rows * 200, reduce(rows, 200, 0));
    }
    for (PwOp op : {PwOp::Exp, PwOp::Log, PwOp::Tanh, PwOp::Sigmoid, PwOp::Erf, PwOp::Softplus,
                    PwOp::Sin, PwOp::Log1p})
      bench(info_of(op).name, isa, 1000, unary(op, 1000));
    bench("scalar_program_of_5", isa, 1, adam(1));
    for (int64_t n : {int64_t{1}, int64_t{8}, int64_t{1000}}) bench_direct(isa, n);
  }
  return 0;
}
