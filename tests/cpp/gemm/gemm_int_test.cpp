#include "kernels/cpu/gemm/gemm_int.h"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <random>
#include <vector>

using namespace ranvier;
namespace rk = ranvier::kernels;

namespace {

template <class T>
std::vector<T> noise(int64_t n, uint32_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& v : values) v = static_cast<T>(engine());
  return values;
}

// Two products that share b, against plain loops.
template <class T>
void check_product(Isa isa, int64_t m, int64_t n, int64_t k, bool trans_a, bool trans_b) {
  CAPTURE(sizeof(T));
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(trans_a);
  CAPTURE(trans_b);
  const auto a = noise<T>(2 * m * k, 1), b = noise<T>(k * n, 2);
  std::vector<T> expected(static_cast<size_t>(2 * m * n)), c(expected.size(), T{7});
  for (int64_t row = 0; row < 2 * m; ++row)
    for (int64_t j = 0; j < n; ++j) {
      uint64_t sum = 0;
      const T* own = a.data() + row / m * m * k;
      for (int64_t q = 0; q < k; ++q)
        sum += uint64_t{own[trans_a ? q * m + row % m : row % m * k + q]} *
               uint64_t{b[trans_b ? j * k + q : q * n + j]};
      expected[static_cast<size_t>(row * n + j)] = static_cast<T>(sum);
    }
  const rk::GemmInt plan = rk::prepare_gemm_int(m, n, k, trans_a, trans_b, sizeof(T), isa);
  std::vector<std::byte> scratch(plan.scratch.per_worker);
  const int64_t a_offsets[] = {0, m * k}, b_offsets[] = {0, 0};
  rk::run_gemm_int(Context{}, plan, a_offsets, b_offsets, a.data(), b.data(), c.data(),
                   scratch.data(), scratch.size());
  CHECK(c == expected);
}

}  // namespace

TEST_CASE("products of integers wrap exactly at every level, any width, transposed, empty") {
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512}) {
    if (isa > detected_isa()) continue;
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                                  {3, 5, 7},
                                  {8, 32, 2},
                                  {9, 33, 300},
                                  {130, 40, 17},
                                  {1, 150, 31},
                                  {17, 1, 66},
                                  {0, 4, 4},
                                  {4, 0, 4},
                                  {4, 4, 0}})
      for (const bool trans_a : {false, true})
        for (const bool trans_b : {false, true}) {
          check_product<uint8_t>(isa, m, n, k, trans_a, trans_b);
          check_product<uint16_t>(isa, m, n, k, trans_a, trans_b);
          check_product<uint32_t>(isa, m, n, k, trans_a, trans_b);
          check_product<uint64_t>(isa, m, n, k, trans_a, trans_b);
        }
  }
}
