// Chunks are rows by one panel of columns, which the worker packs for itself.

#include "kernels/cpu/gemm/gemm_int.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/rounding.h"
#include "kernels/cpu/levels.h"

namespace ranvier::kernels {

RV_TABLES(GemmIntTable, kGemmIntTable, gemm_int_table)

namespace {

constexpr int64_t kIntBlockK = 256;     // of k that a panel holds
constexpr int64_t kIntBlockRows = 128;  // of a that share a panel
constexpr int64_t kIntWork = 1 << 17;   // multiply-adds of a chunk, about

}  // namespace

GemmInt prepare_gemm_int(int64_t m, int64_t n, int64_t k, bool trans_a, bool trans_b, int bytes,
                         Isa isa) {
  GemmInt plan{.m = m, .n = n, .k = k, .bytes = bytes, .a = {1, k}, .b = {n, 1}, .scratch = {}};
  if (trans_a) plan.a = {m, 1};
  if (trans_b) plan.b = {1, k};
  plan.kernels = &gemm_int_table(isa).widths[std::countr_zero(static_cast<unsigned>(bytes))];
  plan.scratch.per_worker =
      static_cast<size_t>(std::min(k, kIntBlockK) * plan.kernels->columns * bytes);
  return plan;
}

void run_gemm_int(const Context& context, const GemmInt& p, std::span<const int64_t> a_offsets,
                  std::span<const int64_t> b_offsets, const void* a, const void* b, void* c,
                  std::byte* worker, size_t worker_stride) noexcept {
  const auto products = static_cast<int64_t>(a_offsets.size());
  if (products == 0 || p.m == 0 || p.n == 0) return;
  if (p.k == 0) {
    std::memset(c, 0, static_cast<size_t>(products * p.m * p.n * p.bytes));
    return;
  }
  const GemmIntKernels& kernels = *p.kernels;
  const int64_t panels = ceil_div(p.n, kernels.columns);
  const int64_t blocks = ceil_div(p.m, kIntBlockRows), units = blocks * panels;
  const int64_t work = std::min(p.m, kIntBlockRows) * std::min(p.n, kernels.columns) * p.k;
  const auto part = [&](int64_t unit, std::byte* panel) {
    const int64_t product = unit / units, column = unit % panels * kernels.columns;
    const int64_t top = unit % units / panels * kIntBlockRows;
    const int64_t bottom = std::min(p.m, top + kIntBlockRows);
    const int64_t width = std::min(kernels.columns, p.n - column);
    const auto at = [&](const void* base, int64_t element) {
      return static_cast<const char*>(base) + element * p.bytes;
    };
    const void* own_a = at(a, a_offsets[static_cast<size_t>(product)]);
    const void* own_b = at(b, b_offsets[static_cast<size_t>(product)]);
    char* own_c = static_cast<char*>(c) + (product * p.m * p.n + column) * p.bytes;
    for (int64_t k = 0; k < p.k; k += kIntBlockK) {
      const int64_t depth = std::min(kIntBlockK, p.k - k);
      kernels.pack(at(own_b, k * p.b.k + column * p.b.other), p.b, depth, width, panel);
      for (int64_t row = top; row < bottom; row += kernels.rows)
        kernels.tile(at(own_a, row * p.a.other + k * p.a.k), p.a,
                     std::min(kernels.rows, bottom - row), depth, panel,
                     own_c + row * p.n * p.bytes, p.n, width, k > 0);
    }
  };
  context.parallel_for(products * units, std::max<int64_t>(1, kIntWork / work),
                       [&](int64_t begin, int64_t end, int index) {
                         std::byte* panel = worker + worker_stride * static_cast<size_t>(index);
                         for (int64_t unit = begin; unit < end; ++unit) part(unit, panel);
                       });
}

}  // namespace ranvier::kernels
