// C = A B for n×n matrices of float32, from three loops to the library's kernel. Every rung adds
// one idea. docs/performance.md tells the story.
//   ladder_gemm [n, a multiple of 96] [threads of the last rung]

#include "kernels/cpu/gemm/gemm.h"

#include "base/buffer.h"
#include "ladder/ladder.h"

namespace {

using namespace ladder;

constexpr int kRows = 12, kVectors = 2, kColumns = kVectors * kLanes;  // of a register tile
constexpr int64_t kBlock = 384;                                        // of the sum

// 1. The definition. B is read down its columns: a new cache line for every multiply-add.
void naive(int64_t n, const float* a, const float* b, float* c) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t p = 0; p < n; ++p) sum += a[i * n + p] * b[p * n + j];
      c[i * n + j] = sum;
    }
}

// 2. Two loops change places: whole rows of B and C, which the compiler turns into vectors. Each
// multiply-add still loads and stores C.
void by_rows(int64_t n, const float* a, const float* b, float* c) {
  for (int64_t i = 0; i < n; ++i) {
    std::fill(c + i * n, c + (i + 1) * n, 0.0f);
    for (int64_t p = 0; p < n; ++p)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + p] * b[p * n + j];
  }
}

// A tile of C in registers: kRows × kVectors sums for each pass over k. One load of B serves kRows
// rows, one element of A serves kVectors vectors. a(r, p) = a[r * a_row + p * a_step].
[[gnu::noinline]] void tile(const float* a, int64_t a_row, int64_t a_step, const float* b,
                            int64_t ldb, int64_t k, float* c, int64_t ldc, bool add) {
  Vector sum[kRows][kVectors] = {};
  for (int64_t p = 0; p < k; ++p, b += ldb) {
    const Vector left = load(b), right = load(b + kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const float x = a[r * a_row + p * a_step];
      sum[r][0] += x * left;
      sum[r][1] += x * right;
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) {
      float* to = c + r * ldc + v * kLanes;
      store(add ? load(to) + sum[r][v] : sum[r][v], to);
    }
}

// 3. Tiles over whole rows and columns. B's rows lie n floats apart: pages, not lines.
void tiled(int64_t n, const float* a, const float* b, float* c) {
  for (int64_t j = 0; j < n; j += kColumns)
    for (int64_t i = 0; i < n; i += kRows)
      tile(a + i * n, n, 1, b + j, n, n, c + i * n + j, n, false);
}

// 4. Blocks of the sum, so that a panel of B stays in the caches for all rows of A.
void blocked(int64_t n, const float* a, const float* b, float* c) {
  for (int64_t p = 0; p < n; p += kBlock)
    for (int64_t j = 0; j < n; j += kColumns)
      for (int64_t i = 0; i < n; i += kRows)
        tile(a + i * n + p, n, 1, b + p * n + j, n, std::min(kBlock, n - p), c + i * n + j, n,
             p > 0);
}

// 5. Both operands copied into the order in which the tile reads them: lines follow each other, no
// two rows of B fall into one set of the cache.
void packed(int64_t n, const float* a, const float* b, float* c, float* pack_a, float* pack_b) {
  for (int64_t p = 0; p < n; p += kBlock) {
    const int64_t k = std::min(kBlock, n - p);
    for (int64_t j = 0; j < n; j += kColumns)
      for (int64_t q = 0; q < k; ++q)
        std::copy_n(b + (p + q) * n + j, kColumns, pack_b + j * k + q * kColumns);
    for (int64_t i = 0; i < n; i += kRows) {
      for (int r = 0; r < kRows; ++r)
        for (int64_t q = 0; q < k; ++q) pack_a[q * kRows + r] = a[(i + r) * n + p + q];
      for (int64_t j = 0; j < n; j += kColumns)
        tile(pack_a, 1, kRows, pack_b + j * k, kColumns, k, c + i * n + j, n, p > 0);
    }
  }
}

// 6. The library: 14×32 tiles, prefetches, ragged sizes, any transpose.
void library(int64_t n, const float* a, const float* b, float* c) {
  using namespace ranvier::kernels;
  static const GemmPlan plan = gemm_prepare({.m = n, .n = n, .k = n}, ranvier::DType::F32);
  const ranvier::Context& context = ranvier::default_context();
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  static const ranvier::Buffer scratch =
      ranvier::Block::allocate(stride * static_cast<size_t>(context.workers) * 8 + 64);
  gemm_run(context, plan, {a, b, c}, nullptr, static_cast<std::byte*>(scratch->data()), stride);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t n = argc > 1 ? std::atoll(argv[1]) : 960;
  const int threads = argc > 2 ? std::clamp(std::atoi(argv[2]), 1, 8) : 2;
  if (n < 96 || n % 96 != 0) {
    std::printf("ladder_gemm: the size must be a multiple of 96. Received: %s\n", argv[1]);
    return 1;
  }
  const std::vector<float> a = random_floats(n * n), b = random_floats(n * n);
  std::vector<float> c(a.size()), pack_a(kRows * kBlock), pack_b(static_cast<size_t>(n) * kBlock);
  Ladder ladder(2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n), c);
  const auto run = [&](auto product) {
    return [&, product] { product(n, a.data(), b.data(), c.data()); };
  };
  ladder.rung("1 three loops", run(naive));
  ladder.rung("2 by rows", run(by_rows));
  ladder.rung("3 tiles in registers", run(tiled));
  ladder.rung("4 blocks of the sum", run(blocked));
  ladder.rung("5 packed operands",
              [&] { packed(n, a.data(), b.data(), c.data(), pack_a.data(), pack_b.data()); });
  ladder.rung("6 the library, one thread", run(library));
  ranvier::set_num_threads(threads);
  ladder.rung("7 the library, all threads", run(library), threads);
  return 0;
}
