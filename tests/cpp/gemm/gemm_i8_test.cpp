#include "kernels/cpu/gemm/gemm_i8.h"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <random>
#include <vector>

using namespace ranvier;
namespace rk = ranvier::kernels;

TEST_CASE("int8 products are exact at every level, for odd, tiny and empty shapes") {
  std::mt19937 engine(1);
  const auto numbers = [&](int64_t n) {
    std::vector<int8_t> values(static_cast<size_t>(n));
    for (int8_t& v : values) v = static_cast<int8_t>(engine());
    return values;
  };
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Avx512Bf16}) {
    if (isa > detected_isa()) continue;
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                                  {3, 5, 7},
                                  {8, 32, 2},
                                  {33, 65, 129},
                                  {64, 100, 256},
                                  {2, 300, 31},
                                  {9, 17, 3},
                                  {16, 47, 66},
                                  {0, 4, 4},
                                  {4, 0, 4},
                                  {4, 4, 0}}) {
      const auto a = numbers(m * k), b = numbers(k * n);
      std::vector<int32_t> expected(static_cast<size_t>(m * n)), c(expected.size(), -1);
      rk::reference::gemm_i8(m, n, k, a.data(), b.data(), expected.data());
      const rk::GemmI8 plan = rk::prepare_gemm_i8(m, n, k, isa);
      std::vector<std::byte> scratch(plan.scratch.shared + 64);
      rk::run_gemm_i8(Context{}, plan, a.data(), b.data(), c.data(), scratch.data());
      CHECK(c == expected);
    }
  }
}
