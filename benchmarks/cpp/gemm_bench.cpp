// Speed of the matrix product over the shapes that networks are made of, against the FMA peak that
// the same run measures. Minima; `gemm_bench [threads] [bfloat16]`.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/buffer.h"
#include "kernels/cpu/gemm/gemm.h"

namespace {

using namespace ranvier;
using namespace ranvier::kernels;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Shortest time of one call within the budget; short calls are timed in runs.
template <class Fn>
double shortest(double flops, double budget, Fn&& fn) {
  const int calls = static_cast<int>(std::clamp(4e6 / (flops + 1), 1.0, 1e4));
  double best = 1e9;
  for (const double end = seconds() + budget; seconds() < end;) {
    const double start = seconds();
    for (int i = 0; i < calls; ++i) fn();
    best = std::min(best, (seconds() - start) / calls);
  }
  return best;
}

Buffer random_matrix(int64_t elements) {
  Buffer block = Block::allocate(static_cast<size_t>(elements) * sizeof(float));
  float* data = static_cast<float*>(block->data());
  uint32_t state = 1;
  for (int64_t i = 0; i < elements; ++i) {
    state = state * 1664525u + 1013904223u;
    data[i] = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return block;
}

double time_product(const Context& ctx, const GemmShape& shape, const GemmPlan& plan) {
  const Buffer a = random_matrix(shape.m * shape.k), b = random_matrix(shape.k * shape.n);
  const Buffer c = random_matrix(shape.m * shape.n);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  const Buffer scratch = Block::allocate(std::max<size_t>(64, stride * ctx.workers));
  const GemmOperands operands{a->data(), b->data(), c->data()};
  return shortest(plan.cost.flops, plan.cost.flops > 1e9 ? 1.0 : 0.2, [&] {
    gemm_run(ctx, plan, operands, nullptr, static_cast<std::byte*>(scratch->data()), stride);
  });
}

// A product whose operands stay in L1 comes within a few per cent of the FMA peak.
double near_peak(const Context& ctx, DType dtype) {
  const GemmShape shape{.m = 14, .n = 32, .k = 512};
  const GemmPlan plan = gemm_prepare(shape, dtype);
  return plan.cost.flops / time_product({nullptr, 1}, shape, plan) * ctx.workers;
}

}  // namespace

int main(int argc, char** argv) {
  set_num_threads(argc > 1 ? std::atoi(argv[1]) : 1);
  const Context& ctx = default_context();
  const DType dtype = argc > 2 && std::strcmp(argv[2], "bfloat16") == 0 ? DType::BF16 : DType::F32;
  const double peak = near_peak(ctx, dtype);
  std::printf("%s, %s, %d thread(s), best tile %.1f GFLOP/s\n", name_of(active_isa()),
              name_of(dtype), ctx.workers, peak * 1e-9);
  std::printf("%6s %5s %5s  op  variant  pack block    grid        us  GFLOP/s  of best\n", "m",
              "n", "k");
  const GemmShape shapes[] = {{.m = 256, .n = 256, .k = 256},
                              {.m = 512, .n = 512, .k = 512},
                              {.m = 512, .n = 512, .k = 512, .trans_a = true},
                              {.m = 512, .n = 512, .k = 512, .trans_b = true},
                              {.m = 512, .n = 512, .k = 512, .trans_a = true, .trans_b = true},
                              {.m = 1024, .n = 1024, .k = 1024},
                              {.m = 2048, .n = 2048, .k = 2048},
                              {.m = 64, .n = 4096, .k = 4096},
                              {.m = 256, .n = 4096, .k = 4096},
                              {.m = 256, .n = 4096, .k = 4096, .trans_b = true},
                              {.m = 4096, .n = 4096, .k = 256, .trans_a = true},
                              {.m = 32, .n = 200, .k = 784},
                              {.m = 128, .n = 200, .k = 784},
                              {.m = 784, .n = 200, .k = 32, .trans_a = true},
                              {.m = 784, .n = 200, .k = 128, .trans_a = true},
                              {.m = 32, .n = 10, .k = 200},
                              {.m = 32, .n = 200, .k = 10, .trans_b = true},
                              {.m = 128, .n = 128, .k = 9216},
                              {.m = 64, .n = 512, .k = 128},
                              {.m = 64, .n = 64, .k = 64},
                              {.m = 1, .n = 200, .k = 784},
                              {.m = 32, .n = 1, .k = 8},
                              {.m = 8, .n = 1, .k = 32, .trans_a = true}};
  for (const GemmShape& shape : shapes) {
    const GemmPlan plan = gemm_prepare(shape, dtype);
    const double time = time_product(ctx, shape, plan);
    const double rate = plan.cost.flops / time;
    std::printf("%6ld %5ld %5ld  %c%c  %-7s  %c%c   %5ld %4ldx%-3ld %9.2f %8.1f %7.1f%%\n",
                static_cast<long>(shape.m), static_cast<long>(shape.n), static_cast<long>(shape.k),
                shape.trans_a ? 'T' : 'N', shape.trans_b ? 'T' : 'N', name_of(plan.variant),
                plan.pack_a ? 'A' : '-', plan.pack_b ? 'B' : '-', static_cast<long>(plan.k_block),
                static_cast<long>(plan.row_chunks), static_cast<long>(plan.col_chunks), time * 1e6,
                rate * 1e-9, 100 * rate / peak);
  }
  return 0;
}
