// What rides on the store: against the oracle, and bit for bit against separate passes.

#include <doctest/doctest.h>

#include "base/error.h"
#include "gemm/gemm_case.h"

namespace ranvier::kernels::test {
namespace {

const GemmShape kShapes[] = {
    {.m = 33, .n = 50, .k = 20}, {.m = 130, .n = 141, .k = 900},
    {.m = 1, .n = 201, .k = 70}, {.m = 1, .n = 45, .k = 70, .trans_b = true},
    {.m = 45, .n = 1, .k = 70},  {.m = 45, .n = 1, .k = 70, .trans_a = true},
    {.m = 6, .n = 33, .k = 0},   {.m = 32, .n = 101, .k = 70, .trans_b = true}};

TEST_CASE_TEMPLATE("gemm epilogue: alpha, beta, bias and residual", T, float, double) {
  for (const GemmShape& shape : kShapes)
    for (const GemmEpilogue& epilogue :
         {GemmEpilogue{.alpha = -0.25, .beta = 1}, GemmEpilogue{.alpha = 2, .beta = -0.5},
          GemmEpilogue{.bias = true}, GemmEpilogue{.residual = true},
          GemmEpilogue{.alpha = 0.5, .beta = 0.5, .bias = true, .residual = true}}) {
      const GemmCase<T> c(shape, epilogue);
      for (Isa isa : levels()) CHECK(c.error(c.run(isa), c.expected()) < tolerance<T>());
    }
}

TEST_CASE_TEMPLATE("gemm epilogue: the scale read at run time multiplies alpha", T, float, double) {
  for (const GemmShape& shape : kShapes) {
    GemmCase<T> c(shape, {.alpha = -2, .beta = 1});
    c.scaled = true;
    c.scale = T(0.25);
    GemmCase<T> fixed(shape, {.alpha = -0.5, .beta = 1});
    for (Isa isa : levels()) CHECK(same_bits(c.run(isa), fixed.run(isa)));
  }
}

TEST_CASE_TEMPLATE("gemm epilogue: fused bits are those of separate passes", T, float, double) {
  for (const GemmShape& shape : kShapes) {
    GemmCase<T> fused(
        shape,
        {.bias = true, .residual = true, .activation = Activation::LeakyRelu, .slope = 0.25});
    GemmCase<T> plain(shape, {});
    for (Isa isa : levels()) {
      std::vector<T> want = plain.run(isa);
      for (size_t i = 0; i < want.size(); ++i) {
        T x = want[i] + fused.bias[i % static_cast<size_t>(shape.n)];
        x = x + fused.residual[i];
        want[i] = x < 0 ? T(0.25) * x : x;
      }
      CHECK(same_bits(fused.run(isa), want));
    }
  }
}

TEST_CASE_TEMPLATE("gemm epilogue: a mask lets pass what lies above zero", T, float, double) {
  std::vector<GemmShape> shapes(std::begin(kShapes), std::end(kShapes));
  shapes.push_back({.m = 61, .n = 130, .k = 70, .trans_b = true, .ldc = 133});
  shapes.push_back({.m = 150, .n = 100, .k = 400, .trans_a = true});
  shapes.push_back({.m = 40, .n = 70, .k = 33, .packed_b = true});
  shapes.push_back(
      {.m = 5, .n = 20, .k = 9, .batch = 3, .stride_a = 45, .stride_b = 180, .stride_c = 100});
  for (const GemmShape& shape : shapes) {
    GemmCase<T> masked(shape, {.mask = true});
    if (sizeof(T) == 8 && shape.packed_b) continue;
    masked.mask[0] = T(-0.0);
    masked.mask.back() = T(NAN);
    const GemmCase<T> all(shape, {.bias = true,
                                  .residual = true,
                                  .stride_residual = shape.stride_c,
                                  .activation = Activation::Relu,
                                  .mask = true});
    const GemmCase<T> plain(shape, {});
    CAPTURE(shape.m);
    for (Isa isa : levels()) {
      CHECK(all.error(all.run(isa), all.expected()) < tolerance<T>());
      std::vector<T> want = plain.run(isa);
      for (size_t i = 0; i < want.size(); ++i)
        if (!std::isnan(want[i]) && !(masked.mask[i] > 0)) want[i] = 0;
      CHECK(same_bits(masked.run(isa), want));
    }
  }
}

TEST_CASE_TEMPLATE("gemm epilogue: every activation against the oracle", T, float, double) {
  for (int i = 0; i < kActivationCount; ++i) {
    const auto activation = static_cast<Activation>(i);
    const GemmEpilogue epilogue{.bias = true, .activation = activation, .slope = 0.1};
    if (!gemm_fuses(dtype_of<T>(), activation)) {
      CHECK_THROWS_AS(gemm_prepare(kShapes[0], dtype_of<T>(), epilogue), ValueError);
      continue;
    }
    for (const GemmShape& shape : kShapes) {
      const GemmCase<T> c(shape, epilogue);
      CAPTURE(i);
      for (Isa isa : levels()) CHECK(c.error(c.run(isa), c.expected()) < 2 * tolerance<T>());
    }
  }
}

TEST_CASE_TEMPLATE("gemm epilogue: relu keeps NaN", T, float, double) {
  for (const Activation activation : {Activation::Relu, Activation::Relu6}) {
    GemmCase<T> c({.m = 3, .n = 40, .k = 5}, {.activation = activation});
    c.a[5] = T(NAN);
    for (Isa isa : levels()) {
      const std::vector<T> got = c.run(isa);
      CHECK(std::isnan(got[41]));
      CHECK(got[0] >= 0);
    }
  }
}

}  // namespace
}  // namespace ranvier::kernels::test
