// bfloat16 products against the oracle on the same rounded values, at the levels that have them.

#include <doctest/doctest.h>

#include <array>

#include "base/error.h"
#include "base/half.h"
#include "gemm/gemm_case.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::kernels::test;

namespace {

// A float32 case whose operands are exact in bfloat16; borders of NaN stay NaN.
struct Bf16Case {
  GemmCase<float> wide;
  std::vector<uint16_t> a, b, c0;

  explicit Bf16Case(const GemmShape& shape, unsigned seed = 1) : wide(shape, {}, seed) {
    a = narrow(wide.a);
    b = narrow(wide.b);
    c0.assign(wide.c0.size(), uint16_t{0x7fc1});
  }
  static std::vector<uint16_t> narrow(std::vector<float>& values) {
    std::vector<uint16_t> bits;
    for (float& x : values) {
      bits.push_back(f32_to_bf16(x));
      x = bf16_to_f32(bits.back());
    }
    return bits;
  }
  std::vector<uint16_t> run(const Context& ctx = {}) const {
    const GemmPlan plan = gemm_prepare(wide.shape, DType::BF16, {}, Isa::Avx512Bf16);
    std::vector<uint16_t> c = c0;
    const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
    std::vector<double> memory(stride * ctx.workers / sizeof(double) + 16, std::nan(""));
    auto* base = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) &
                                              ~uintptr_t{63});
    gemm_run(ctx, plan, {a.data(), b.data(), c.data()}, nullptr, base, stride);
    return c;
  }
  // One rounding of a float32 sum: half a unit of 8 bits, and what float32 sums may differ by.
  size_t wrong(const std::vector<uint16_t>& got) const {
    const std::vector<float> want = wide.expected();
    const double slack = 3e-6 * (1 + std::sqrt(static_cast<double>(wide.shape.k)));
    size_t count = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      if (std::isnan(want[i])) {
        count += got[i] != c0[i];  // outside the matrix
        continue;
      }
      const double error = std::abs(static_cast<double>(bf16_to_f32(got[i])) - want[i]);
      count += !(error <= std::abs(static_cast<double>(want[i])) * 0x1.01p-8 + slack);
    }
    return count;
  }
};

bool has_level() { return detected_isa() >= Isa::Avx512Bf16; }

void check(const GemmShape& shape) {
  INFO(shape.m, "x", shape.n, "x", shape.k, " batch ", shape.batch, " transposes ", shape.trans_a,
       shape.trans_b);
  const Bf16Case made(shape);
  const std::vector<uint16_t> one = made.run();
  CHECK(made.wrong(one) == 0);
  const int before = num_threads();
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    CHECK(made.run(default_context()) == one);
  }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("bfloat16 products of every transpose, for tiny, odd and large shapes") {
  if (!has_level()) return;
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                                {1, 70, 33},
                                {2, 3, 4},
                                {3, 17, 2},
                                {5, 100, 64},
                                {6, 64, 7},
                                {7, 48, 31},
                                {14, 32, 16},
                                {15, 33, 65},
                                {29, 31, 515},
                                {40, 1, 37},
                                {57, 130, 100},
                                {64, 64, 1024},
                                {100, 257, 1537},
                                {300, 600, 129},
                                {600, 70, 1100}})
    for (const bool trans_a : {false, true})
      for (const bool trans_b : {false, true})
        check({.m = m, .n = n, .k = k, .trans_a = trans_a, .trans_b = trans_b});
}

TEST_CASE("bfloat16 products in batches, with strides, and of rows that collide in the caches") {
  if (!has_level()) return;
  for (const bool trans : {false, true}) {
    check({.m = 5,
           .n = 6,
           .k = 7,
           .batch = 9,
           .trans_b = trans,
           .stride_a = 35,
           .stride_b = 42,
           .stride_c = 30});
    check({.m = 33,
           .n = 40,
           .k = 20,
           .batch = 3,
           .trans_a = trans,
           .stride_a = 660,
           .stride_b = 0,
           .stride_c = 1320});
    check({.m = 9, .n = 35, .k = 11, .trans_a = trans, .lda = 13, .ldb = 41, .ldc = 37});
    check({.m = 40, .n = 96, .k = 2048, .trans_b = trans});
  }
}

TEST_CASE("bfloat16 products of nothing, and of no terms") {
  if (!has_level()) return;
  check({.m = 0, .n = 4, .k = 3});
  check({.m = 4, .n = 0, .k = 3});
  check({.m = 4, .n = 5, .k = 0});
  check({.m = 4, .n = 5, .k = 2, .batch = 0, .stride_c = 20});
}

TEST_CASE("sums of bfloat16 are rounded once, not between blocks of k") {
  if (!has_level()) return;
  // 1 + 4096 * 2^-9 = 9; in bfloat16 the sum would stay at 1.
  const int64_t k = 4097;
  std::vector<uint16_t> a(k, f32_to_bf16(0x1p-9f)), b(k, f32_to_bf16(1)), c(1);
  a[0] = f32_to_bf16(1);
  const GemmPlan plan = gemm_prepare({.m = 1, .n = 1, .k = k}, DType::BF16, {}, Isa::Avx512Bf16);
  std::vector<double> scratch(plan.scratch.per_worker / sizeof(double) + 16);
  auto* base = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) &
                                            ~uintptr_t{63});
  gemm_run({}, plan, {a.data(), b.data(), c.data()}, nullptr, base, 0);
  CHECK(bf16_to_f32(c[0]) == 9);
}

TEST_CASE("levels without an instruction for bfloat16 refuse it") {
  CHECK_THROWS_AS(gemm_prepare({.m = 2, .n = 2, .k = 2}, DType::BF16, {}, Isa::Avx512), DTypeError);
  CHECK_FALSE(gemm_supports(Isa::Avx2, DType::BF16));
  CHECK(gemm_supports(Isa::Baseline, DType::F64));
}
