#pragma once
// One product, run through a plan and through the oracle on the same data.

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::kernels::test {

inline const std::vector<Isa>& levels() {
  static const std::vector<Isa> all = [] {
    std::vector<Isa> found;
    for (int i = 0; i <= static_cast<int>(vector_level(detected_isa())); ++i)
      found.push_back(static_cast<Isa>(i));
    return found;
  }();
  return all;
}

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 4 ? DType::F32 : DType::F64;
}

// Buffers have a border of NaN where a kernel must not read, and C one that it must not change.
template <class T>
struct GemmCase {
  GemmShape shape;
  GemmEpilogue epilogue;
  std::vector<T> a, b, c0, bias, residual, mask;
  T scale = 1;
  bool scaled = false;

  GemmCase(GemmShape s, GemmEpilogue e, unsigned seed = 1) : shape(s), epilogue(e) {
    std::mt19937 random(seed);
    const int64_t lda = s.lda ? s.lda : (s.trans_a ? s.m : s.k);
    const int64_t ldb = s.ldb ? s.ldb : (s.trans_b ? s.k : s.n);
    const int64_t ldc = s.ldc ? s.ldc : s.n;
    const int64_t ldr = e.ld_residual ? e.ld_residual : s.n;
    a = fill(random, s.trans_a ? s.k : s.m, s.trans_a ? s.m : s.k, lda, s.stride_a, s.batch);
    b = fill(random, s.trans_b ? s.n : s.k, s.trans_b ? s.k : s.n, ldb, s.stride_b, s.batch);
    c0 = fill(random, s.m, s.n, ldc, s.stride_c, s.batch);
    if (e.beta == 0 && !c0.empty()) std::fill(c0.begin(), c0.end(), std::nan(""));
    residual = fill(random, s.m, s.n, ldr, e.stride_residual, s.batch);
    bias = fill(random, 1, s.n, s.n, 0, 1);
    mask = fill(random, s.m, s.n, ldc, s.stride_c, s.batch);
  }

  GemmOperands operands(std::vector<T>& c) const {
    return {a.data(),   b.data(), c.data(), bias.data(), residual.data(), scaled ? &scale : nullptr,
            mask.data()};
  }
  std::vector<T> run(Isa isa, const Context& ctx = {}) const {
    const GemmPlan plan = gemm_prepare(shape, dtype_of<T>(), epilogue, isa);
    return run(plan, ctx);
  }
  std::vector<T> run(const GemmPlan& plan, const Context& ctx = {}) const {
    std::vector<T> c = c0;
    const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
    // Filled with NaN: a kernel must not depend on what scratch held before.
    std::vector<double> memory(stride * ctx.workers / sizeof(double) + 16, std::nan(""));
    auto* base = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) &
                                              ~uintptr_t{63});
    GemmOperands given = operands(c);
    std::vector<T> packed;
    if (shape.packed_b) {
      // A border of NaN behind: packing must not write there.
      const auto size = static_cast<size_t>(shape.k * gemm_packed_columns(plan));
      packed.assign(size + 16, T(NAN));
      gemm_pack(ctx, plan, given.b, packed.data());
      for (size_t i = size; i < packed.size(); ++i)
        if (!std::isnan(packed[i])) std::fill(c.begin(), c.end(), T(NAN));
      given.b = packed.data();
    }
    gemm_run(ctx, plan, given, nullptr, base, stride);
    return c;
  }
  std::vector<T> expected() const {
    std::vector<T> c = c0;
    reference::gemm(shape, dtype_of<T>(), epilogue, operands(c));
    return c;
  }

  // Largest difference relative to the size that a sum of k products of values below 1 may have;
  // what is NaN must be NaN in both.
  double error(const std::vector<T>& got, const std::vector<T>& want) const {
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      if (std::isnan(want[i]) != std::isnan(got[i])) return INFINITY;
      if (std::isnan(want[i])) continue;
      worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    }
    return worst / (1 + std::sqrt(static_cast<double>(shape.k)));
  }

 private:
  static std::vector<T> fill(std::mt19937& random, int64_t rows, int64_t columns, int64_t ld,
                             int64_t stride, int64_t batch) {
    const int64_t items = stride == 0 ? 1 : batch;
    const int64_t span = rows > 0 ? (rows - 1) * ld + columns : 0;
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<T> data(static_cast<size_t>(std::max<int64_t>((items - 1) * stride + span, 0)),
                        T(NAN));
    for (int64_t item = 0; item < items; ++item)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          data[static_cast<size_t>(item * stride + i * ld + j)] = static_cast<T>(uniform(random));
    return data;
  }
};

template <class T>
constexpr double tolerance() {
  return sizeof(T) == 4 ? 3e-6 : 1e-14;
}
template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

}  // namespace ranvier::kernels::test
