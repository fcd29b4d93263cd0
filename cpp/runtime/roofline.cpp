#include "runtime/roofline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/buffer.h"
#include "base/cpu.h"
#include "base/parallel.h"

namespace ranvier {
namespace {

using Clock = std::chrono::steady_clock;

// Independent chains of fused multiply-adds, enough to hide their latency; returns the flops done.
// The sum goes to *sink so that the chains are not removed; only unrolled chains stay in registers.
constexpr int kChains = 12, kRounds = 50000;

#ifdef __x86_64__
__attribute__((target("avx512f"))) double fma_avx512(float* sink) {
  __m512 acc[kChains];
  for (auto& a : acc) a = _mm512_set1_ps(1.0f);
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (auto& a : acc) a = _mm512_fmadd_ps(a, x, y);
  }
  for (auto& a : acc) *sink += _mm512_cvtss_f32(a);
  return 2.0 * 16 * kChains * kRounds;
}

__attribute__((target("avx2,fma"))) double fma_avx2(float* sink) {
  __m256 acc[kChains];
  for (auto& a : acc) a = _mm256_set1_ps(1.0f);
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (auto& a : acc) a = _mm256_fmadd_ps(a, x, y);
  }
  for (auto& a : acc) *sink += _mm256_cvtss_f32(a);
  return 2.0 * 8 * kChains * kRounds;
}
#endif

double fma_baseline(float* sink) {
  constexpr int kLanes = 4;
  float acc[kChains][kLanes];
  for (auto& row : acc) std::fill(row, row + kLanes, 1.0f);
  for (int round = 0; round < kRounds; ++round)
    for (auto& row : acc)
      for (float& a : row) a = a * 0.999f + 0.001f;
  for (auto& row : acc) *sink += row[0];
  return 2.0 * kLanes * kChains * kRounds;
}

double fma_rounds(float* sink) {
#ifdef __x86_64__
  if (active_isa() >= Isa::Avx512) return fma_avx512(sink);
  if (active_isa() >= Isa::Avx2) return fma_avx2(sink);
#endif
  return fma_baseline(sink);
}

double seconds(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// All threads at once; the best try of 20 ms, since others share the machine.
double measure_flops(const Context& context) {
  double best = 0;
  for (const auto first = Clock::now(); seconds(first) < 0.02;) {
    std::vector<float> sinks(static_cast<size_t>(context.workers) * 16);
    std::vector<double> done(static_cast<size_t>(context.workers));
    const auto start = Clock::now();
    context.parallel_for(context.workers, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        done[static_cast<size_t>(i)] = fma_rounds(&sinks[static_cast<size_t>(i) * 16]);
    });
    const double elapsed = seconds(start);
    double flops = 0;
    for (double d : done) flops += d;
    best = std::max(best, flops / elapsed);
  }
  return best;
}

double measure_bandwidth(const Context& context) {
  constexpr size_t kBytes = size_t{48} << 20;
  constexpr int64_t kChunk = 1 << 20;
  const Buffer source = Block::allocate(kBytes), target = Block::allocate(kBytes);
  std::memset(source->data(), 1, kBytes);
  std::memset(target->data(), 1, kBytes);
  double best = 0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const auto start = Clock::now();
    context.parallel_for(static_cast<int64_t>(kBytes), kChunk,
                         [&](int64_t begin, int64_t end, int) {
                           std::memcpy(static_cast<char*>(target->data()) + begin,
                                       static_cast<const char*>(source->data()) + begin,
                                       static_cast<size_t>(end - begin));
                         });
    best = std::max(best, 2.0 * static_cast<double>(kBytes) / seconds(start));
  }
  return best;
}

// A region in which every thread waits until all have come: what handing out work costs. A thread
// that the system does not run holds the others up for kPatience at most.
double measure_barrier(const Context& context) {
  constexpr int kRegions = 20;
  constexpr double kPatience = 1e-3;
  double best = kPatience;
  for (const auto first = Clock::now(); seconds(first) < 0.02;) {
    const auto start = Clock::now();
    for (int i = 0; i < kRegions; ++i) {
      std::atomic<int> missing = context.workers;
      const auto begun = Clock::now();
      context.parallel_for(context.workers, 1, [&](int64_t begin, int64_t end, int) {
        missing -= static_cast<int>(end - begin);
        while (missing > 0 && seconds(begun) < kPatience) {
        }
      });
    }
    best = std::min(best, seconds(start) / kRegions);
  }
  return best;
}

}  // namespace

const Roofline& machine_roofline() {
  static const Roofline roofline = [] {
    const Context& context = default_context();
    return Roofline{measure_flops(context), measure_bandwidth(context), measure_barrier(context),
                    context.workers};
  }();
  return roofline;
}

}  // namespace ranvier
