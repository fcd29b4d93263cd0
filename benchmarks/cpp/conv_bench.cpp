// Convolution and pooling on the shapes that matter: GFLOP/s and share of the core's FMA peak.
//   bench_conv [threads] [part of a name] [batch] [cold]
// A small batch keeps one run short, which finds the quiet moments of a shared machine. With "cold"
// forward filters come from memory, as those of a network larger than the caches do.

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "kernels/cpu/conv/conv.h"
#include "kernels/cpu/conv/pool.h"
#include "kernels/cpu/conv/winograd.h"

using namespace ranvier;
using namespace ranvier::kernels;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// One thread is timed by its processor time, so that a busy machine disturbs less.
bool single_thread = true;
double clock_of_run() {
  if (!single_thread) return now();
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Fastest of several runs within about a quarter of a second.
template <class Fn>
double fastest(Fn fn) {
  fn();
  double best = 1e30;
  const double end = now() + 0.25;
  for (int i = 0; i < 2000 && (i < 3 || now() < end); ++i) {
    const double start = clock_of_run();
    fn();
    best = std::min(best, clock_of_run() - start);
  }
  return best;
}

Buffer random_floats(size_t count) {
  Buffer buffer = Block::allocate(count * sizeof(float));
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  float* values = static_cast<float*>(buffer->data());
  for (size_t i = 0; i < count; ++i) values[i] = uniform(rng);
  return buffer;
}

// Filters that take turns, so many of them that none is met in a cache; or one.
bool cold = false;
struct Filters {
  explicit Filters(size_t count) : size(count) {
    const size_t copies = cold ? (256u << 20) / (count * sizeof(float)) + 1 : 1;
    for (size_t i = 0; i < copies; ++i) all.push_back(random_floats(count));
  }
  float* next() {
    turn = (turn + 1) % all.size();
    return static_cast<float*>(all[turn]->data());
  }
  size_t size, turn = 0;
  std::vector<Buffer> all;
};

struct Case {
  const char* name;
  int64_t batch, in, channels, outputs, filter, stride, pad, groups;
};
constexpr Case kCases[] = {
    {"mnist1 28x28x1->32 3x3", 128, 28, 1, 32, 3, 1, 0, 1},
    {"mnist2 26x26x32->64 3x3", 128, 26, 32, 64, 3, 1, 0, 1},
    {"stem 224x224x3->64 7x7/2", 4, 224, 3, 64, 7, 2, 3, 1},
    {"224x224 64->64 3x3", 1, 224, 64, 64, 3, 1, 1, 1},
    {"112x112 128->128 3x3", 1, 112, 128, 128, 3, 1, 1, 1},
    {"56x56 64->64 3x3", 8, 56, 64, 64, 3, 1, 1, 1},
    {"28x28 128->128 3x3", 8, 28, 128, 128, 3, 1, 1, 1},
    {"14x14 256->256 3x3", 8, 14, 256, 256, 3, 1, 1, 1},
    {"7x7 512->512 3x3", 8, 7, 512, 512, 3, 1, 1, 1},
    {"56x56 128->128 3x3/2", 8, 56, 128, 128, 3, 2, 1, 1},
    {"28x28 256->256 3x3/2", 8, 28, 256, 256, 3, 2, 1, 1},
    {"14x14 512->512 3x3/2", 8, 14, 512, 512, 3, 2, 1, 1},
    {"56x56 256->64 1x1", 8, 56, 256, 64, 1, 1, 0, 1},
    {"56x56 64->256 1x1", 8, 56, 64, 256, 1, 1, 0, 1},
    {"14x14 1024->256 1x1", 8, 14, 1024, 256, 1, 1, 0, 1},
    {"7x7 512->2048 1x1", 8, 7, 512, 2048, 1, 1, 0, 1},
    {"56x56 256->512 1x1/2", 8, 56, 256, 512, 1, 2, 0, 1},
    {"28x28 512->1024 1x1/2", 8, 28, 512, 1024, 1, 2, 0, 1},
    {"14x14 1024->2048 1x1/2", 8, 14, 1024, 2048, 1, 2, 0, 1},
    {"32x32 16->16 3x3", 128, 32, 16, 16, 3, 1, 1, 1},
    {"8x8 64->64 3x3", 128, 8, 64, 64, 3, 1, 1, 1},
    {"56x56 144 depthwise 3x3", 8, 56, 144, 144, 3, 1, 1, 144},
    {"14x14 384 depthwise 3x3/2", 8, 14, 384, 384, 3, 2, 1, 384},
};

ConvShape shape_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch, s.in_channels = c.channels, s.out_channels = c.outputs, s.groups = c.groups;
  s.in = {1, c.in, c.in}, s.filter = {1, c.filter, c.filter}, s.stride = {1, c.stride, c.stride};
  s.pad_lo = s.pad_hi = {0, c.pad, c.pad};
  const int64_t out = conv_output_size(c.in, c.filter, c.stride, 1, c.pad, c.pad);
  s.out = {1, out, out};
  return s;
}

// FMA peak of one core: independent chains that never leave the registers.
constexpr int kChains = 12, kSteps = 20000;
#define RV_CHAINS(name, level, V, madd)                                              \
  [[gnu::target(level)]] void name() {                                               \
    V sums[kChains] = {}, a = V{} + 0.999f, b = V{};                                 \
    for (int i = 0; i < kSteps; ++i) _Pragma("GCC unroll 12") for (V & sum : sums) { \
        sum = madd;                                                                  \
        asm volatile("" : "+v"(sum));                                                \
      }                                                                              \
  }
RV_CHAINS(chains_avx512, "avx512f", __m512, _mm512_fmadd_ps(sum, a, b))
RV_CHAINS(chains_avx2, "avx2,fma", __m256, _mm256_fmadd_ps(sum, a, b))
RV_CHAINS(chains_baseline, "sse2", __m128, sum* a + b)
#undef RV_CHAINS

double measure_peak() {
  void (*const chains[])() = {chains_baseline, chains_avx2, chains_avx512};
  const int level = static_cast<int>(active_isa());
  return 2.0 * (4 << level) * kChains * kSteps / fastest(chains[level]) / 1e9;
}

void report(const char* name, const char* pass, const char* variant, double seconds,
            const Cost& cost, double peak) {
  std::printf("%-28s %-9s %9.3f ms %8.1f GFLOP/s %5.0f %% %7.1f GB/s  %s\n", name, pass,
              seconds * 1e3, cost.flops / seconds / 1e9, 100 * cost.flops / seconds / 1e9 / peak,
              cost.bytes / seconds / 1e9, variant);
}

void bench_conv(const Case& c, const Context& ctx, double peak) {
  const ConvShape s = shape_of(c);
  const size_t x_size = s.batch * c.in * c.in * c.channels;
  const size_t y_size = s.batch * s.out[1] * s.out[2] * c.outputs;
  const size_t w_size = c.filter * c.filter * (c.channels / c.groups) * c.outputs;
  const Buffer x = random_floats(x_size), y = random_floats(y_size);
  Filters w(w_size);
  const Buffer out = random_floats(std::max({x_size, y_size, w_size}));
  const char* names[] = {"forward", "to data", "to filter"};
  for (int pass = 0; pass < 3; ++pass) {
    const ConvPlan plan = prepare_conv(static_cast<ConvPass>(pass), s, DType::F32);
    const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
    const Buffer shared = Block::allocate(plan.scratch.shared + 64);
    const Buffer worker = Block::allocate(stride * ctx.workers + 64);
    std::byte* scratch = static_cast<std::byte*>(worker->data());
    const double seconds = fastest([&] {
      if (pass == 0)
        run_conv_forward(ctx, plan, x->data(), w.next(), {}, out->data(), shared->data(), scratch,
                         stride);
      else if (pass == 1)
        run_conv_backward_data(ctx, plan, y->data(), w.next(), out->data(), shared->data(), scratch,
                               stride);
      else
        run_conv_backward_filter(ctx, plan, x->data(), y->data(), out->data(), shared->data(),
                                 scratch, stride);
    });
    report(c.name, names[pass], plan.variant, seconds, plan.cost, peak);
  }
}

// Shares are of the direct sum's arithmetic: above 100 % where fewer products are left.
void bench_winograd(const Case& c, const Context& ctx, double peak) {
  const ConvShape s = shape_of(c);
  if (winograd_refusal(s, DType::F32)) return;
  const WinogradPlan plan = prepare_winograd(s);
  const Buffer x = random_floats(s.batch * c.in * c.in * c.channels);
  const Buffer w = random_floats(9 * c.channels * c.outputs);
  const Buffer y = random_floats(s.batch * s.out[1] * s.out[2] * c.outputs);
  Filters packed(kWinogradPoints * c.channels * plan.columns);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  const Buffer shared = Block::allocate(plan.scratch.shared + 64);
  const Buffer worker = Block::allocate(stride * ctx.workers + 64);
  const auto floats = [](const Buffer& b) { return static_cast<float*>(b->data()); };
  Cost direct = plan.cost;
  direct.flops = prepare_conv(ConvPass::Forward, s, DType::F32).cost.flops;
  const double filter = fastest([&] { run_winograd_filter(ctx, plan, floats(w), packed.next()); });
  report(c.name, "filter", "winograd", filter, {0, plan.cost.bytes}, peak);
  const double seconds = fastest([&] {
    run_winograd(ctx, plan, floats(x), packed.next(), {}, floats(y), shared->data(),
                 static_cast<std::byte*>(worker->data()), stride);
  });
  report(c.name, "forward", plan.staged ? "winograd, staged" : "winograd", seconds, direct, peak);
}

void bench_packed(const Case& c, const Context& ctx, double peak) {
  const ConvShape s = shape_of(c);
  if (conv_panels_refusal(s, DType::F32)) return;
  const ConvPlan plan = prepare_packed_conv(s);
  const Buffer x = random_floats(s.batch * c.in * c.in * c.channels);
  const Buffer y = random_floats(s.batch * s.out[1] * s.out[2] * c.outputs);
  Filters w(plan.product->shape.k * gemm_packed_columns(*plan.product));
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  const Buffer shared = Block::allocate(plan.scratch.shared + 64);
  const Buffer worker = Block::allocate(stride * ctx.workers + 64);
  const double seconds = fastest([&] {
    run_conv_forward(ctx, plan, x->data(), w.next(), {}, y->data(), shared->data(),
                     static_cast<std::byte*>(worker->data()), stride);
  });
  report(c.name, "forward", plan.variant, seconds, plan.cost, peak);
}

void bench_pool(const Context& ctx, double peak) {
  PoolShape s;
  s.batch = 128, s.channels = 64;
  s.in = {1, 24, 24}, s.window = {1, 2, 2}, s.stride = {1, 2, 2}, s.out = {1, 12, 12};
  const Buffer x = random_floats(128 * 24 * 24 * 64), dx = random_floats(128 * 24 * 24 * 64);
  const Buffer y = random_floats(128 * 12 * 12 * 64);
  for (PoolKind kind : {PoolKind::Max, PoolKind::Average}) {
    const char* name =
        kind == PoolKind::Max ? "max pool 24x24x64 2x2" : "average pool 24x24x64 2x2";
    const PoolPlan up = prepare_pool(kind, false, s, DType::F32);
    report(name, "forward", up.variant,
           fastest([&] { run_pool_forward(ctx, up, x->data(), y->data()); }), up.cost, peak);
    const PoolPlan down = prepare_pool(kind, true, s, DType::F32);
    const Buffer shared = Block::allocate(down.scratch.shared + 64);
    report(name, "backward", down.variant, fastest([&] {
             run_pool_backward(ctx, down, x->data(), y->data(), dx->data(), shared->data());
           }),
           down.cost, peak);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const std::string part = argc > 2 ? argv[2] : "";
  set_num_threads(std::max(1, threads));
  single_thread = threads <= 1;
  cold = argc > 4;
  const Context& ctx = default_context();
  const double peak = measure_peak() * ctx.workers;
  std::printf("%d threads, %s, peak %.1f GFLOP/s\n", ctx.workers, name_of(active_isa()), peak);
  for (Case c : kCases) {
    if (argc > 3) c.batch = std::atoi(argv[3]);
    if (!std::strstr(c.name, part.c_str())) continue;
    bench_conv(c, ctx, peak);
    bench_winograd(c, ctx, peak);
    bench_packed(c, ctx, peak);
  }
  if (std::strstr("pool", part.c_str())) bench_pool(ctx, peak);
  return 0;
}
