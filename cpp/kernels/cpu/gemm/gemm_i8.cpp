#include "kernels/cpu/gemm/gemm_i8.h"

#include <algorithm>

#include "base/rounding.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(GemmI8Kernels, kGemmI8Kernels, gemm_i8_vectors)
#if defined(__x86_64__)
RV_DECLARE_TABLE(avx512_bf16, GemmI8Kernels, kGemmI8Kernels)
#endif

namespace {

constexpr int64_t kBlockRows = 32;        // rows of a that pass over a panel together
constexpr int64_t kChunkWork = 1 << 19;   // multiply-adds of a chunk
constexpr int64_t kChunkBytes = 1 << 17;  // of packing

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

const GemmI8Kernels& gemm_i8_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::Avx512Bf16) return avx512_bf16::kGemmI8Kernels;
#endif
  return gemm_i8_vectors(isa);
}

// Bytes of a row of a in scratch, of all of them, and of a panel of b.
int64_t row_bytes(const GemmI8& p) {
  const int64_t depth = p.kernels->depth;
  return ceil_div(p.k, depth) * depth * static_cast<int64_t>(p.kernels->element);
}
size_t left_bytes(const GemmI8& p) { return aligned(static_cast<size_t>(p.m * row_bytes(p))); }
int64_t panel_bytes(const GemmI8& p) {
  return static_cast<int64_t>(p.kernels->head) + p.kernels->columns * row_bytes(p);
}

}  // namespace

GemmI8 prepare_gemm_i8(int64_t m, int64_t n, int64_t k, Isa isa) {
  GemmI8 plan{m, n, k, &gemm_i8_kernels(isa), {}};
  plan.scratch.shared = left_bytes(plan) +
                        static_cast<size_t>(ceil_div(n, plan.kernels->columns) * panel_bytes(plan));
  return plan;
}

void run_gemm_i8(const Context& context, const GemmI8& p, const int8_t* a, const int8_t* b,
                 int32_t* c, void* shared) noexcept {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) {
    std::fill(c, c + p.m * p.n, 0);
    return;
  }
  const GemmI8Kernels& kernels = *p.kernels;
  const int64_t groups = ceil_div(p.k, kernels.depth), columns = kernels.columns;
  const int64_t panels = ceil_div(p.n, columns), blocks = ceil_div(p.m, kBlockRows);
  auto* left = static_cast<std::byte*>(shared);
  std::byte* right = left + left_bytes(p);
  const int64_t row_size = row_bytes(p), panel_size = panel_bytes(p);
  context.parallel_for(p.m, std::max<int64_t>(1, kChunkBytes / p.k),
                       [&](int64_t begin, int64_t end, int) {
                         for (int64_t i = begin; i < end; ++i)
                           kernels.widen(a + i * p.k, p.k, left + i * row_size);
                       });
  context.parallel_for(panels, std::max<int64_t>(1, kChunkBytes / (p.k * columns)),
                       [&](int64_t begin, int64_t end, int) {
                         for (int64_t panel = begin; panel < end; ++panel) {
                           const int64_t first = panel * columns;
                           kernels.pack(b, p.n, p.k, first, std::min(columns, p.n - first),
                                        right + panel * panel_size);
                         }
                       });
  const int64_t work = std::min(kBlockRows, p.m) * columns * p.k;
  context.parallel_for(
      blocks * panels, std::max<int64_t>(1, kChunkWork / work),
      [&](int64_t begin, int64_t end, int) {
        for (int64_t unit = begin; unit < end; ++unit) {
          const int64_t first = unit % panels * columns, top = unit / panels * kBlockRows;
          const int64_t bottom = std::min(p.m, top + kBlockRows);
          for (int64_t i = top; i < bottom; i += kernels.rows)
            kernels.tile(left + i * row_size, std::min<int64_t>(kernels.rows, bottom - i), groups,
                         right + unit % panels * panel_size, c + i * p.n + first, p.n,
                         std::min(columns, p.n - first));
        }
      });
}

void reference::gemm_i8(int64_t m, int64_t n, int64_t k, const int8_t* a, const int8_t* b,
                        int32_t* c) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      uint32_t sum = 0;
      for (int64_t q = 0; q < k; ++q)
        sum += static_cast<uint32_t>(int32_t{a[i * k + q]} * int32_t{b[q * n + j]});
      c[i * n + j] = static_cast<int32_t>(sum);
    }
}

}  // namespace ranvier::kernels
