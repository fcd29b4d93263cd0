// Every variant, level and transpose of the matrix product against the oracle.

#include <doctest/doctest.h>

#include "base/error.h"
#include "gemm/gemm_case.h"

namespace ranvier::kernels::test {
namespace {

template <class T>
void check_shape(const GemmShape& shape, const GemmEpilogue& epilogue = {}) {
  const GemmCase<T> c(shape, epilogue);
  const std::vector<T> want = c.expected();
  for (Isa isa : levels()) {
    CAPTURE(name_of(isa));
    CAPTURE(shape.m);
    CAPTURE(shape.n);
    CAPTURE(shape.k);
    CAPTURE(shape.trans_a);
    CAPTURE(shape.trans_b);
    CHECK(c.error(c.run(isa), want) < tolerance<T>());
  }
}

template <class T>
void check_transposes(GemmShape shape, const GemmEpilogue& epilogue = {}) {
  for (int t = 0; t < 4; ++t) {
    shape.trans_a = t & 1;
    shape.trans_b = t & 2;
    check_shape<T>(shape, epilogue);
  }
}

TEST_CASE_TEMPLATE("gemm: sizes around every tile edge", T, float, double) {
  for (int64_t m : {1, 2, 3, 5, 6, 7, 13, 14, 15, 29})
    for (int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 50, 65, 80, 200})
      for (int64_t k : {1, 3, 8, 17, 40}) check_transposes<T>({.m = m, .n = n, .k = k});
}

TEST_CASE_TEMPLATE("gemm: several blocks, chunks and packed operands", T, float, double) {
  check_transposes<T>({.m = 130, .n = 141, .k = 900});
  check_transposes<T>({.m = 257, .n = 530, .k = 391});
  check_transposes<T>({.m = 256, .n = 512, .k = 512});
  check_transposes<T>({.m = 32, .n = 200, .k = 784});
  check_transposes<T>({.m = 784, .n = 200, .k = 32});
  check_transposes<T>({.m = 1, .n = 1000, .k = 5000});
  check_transposes<T>({.m = 1, .n = 3001, .k = 203});
  check_transposes<T>({.m = 1, .n = 17003, .k = 83});
  check_transposes<T>({.m = 1,
                       .n = 517,
                       .k = 700,
                       .batch = 2,
                       .stride_a = 700,
                       .stride_b = 517 * 700,
                       .stride_c = 517});
  check_transposes<T>({.m = 3000, .n = 1, .k = 4100});
  check_transposes<T>({.m = 700, .n = 3, .k = 700});
}

TEST_CASE_TEMPLATE("gemm: rows of A that lie a multiple of 4 KB apart", T, float, double) {
  for (int64_t m : {5, 7, 13, 63, 65, 230})
    for (int64_t n : {2, 3, 5, 8, 17, 31, 33, 49, 64, 65, 81, 261})
      check_transposes<T>({.m = m, .n = n, .k = 37, .lda = 1024},
                          {.alpha = 0.5, .beta = 2, .bias = true, .residual = true});
  check_transposes<T>({.m = 231, .n = 145, .k = 1024}, {.activation = Activation::Relu});
}

TEST_CASE_TEMPLATE("gemm: a plain B is packed by the first tile of rows", T, float, double) {
  for (bool trans_a : {false, true})
    for (int64_t lda : {131, 1024})  // 1024: wide tiles
      for (int64_t n : {31, 33, 65, 80, 81, 112, 144, 145, 160, 261}) {
        const GemmShape shape{
            .m = 99, .n = n, .k = 130, .trans_a = trans_a, .lda = lda, .ldb = 1024};
        check_shape<T>(shape, {.alpha = 0.5, .beta = 2, .bias = true, .residual = true});
        if (trans_a) continue;
        GemmShape packed = shape;
        packed.packed_b = true;
        for (Isa isa : levels()) {
          CHECK(gemm_prepare(shape, dtype_of<T>(), {}, isa).pack_b);
          CHECK(same_bits(GemmCase<T>(shape, {}).run(isa), GemmCase<T>(packed, {}).run(isa)));
        }
      }
}

TEST_CASE_TEMPLATE("gemm: a transposed B is read in place by a turned product", T, float, double) {
  const GemmEpilogue all{.alpha = 0.5,
                         .beta = 2,
                         .bias = true,
                         .residual = true,
                         .activation = Activation::LeakyRelu,
                         .slope = 0.25,
                         .mask = true};
  for (bool trans_a : {false, true})
    for (int64_t m : {16, 31, 48, 97})
      for (int64_t n : {384, 401})
        for (int64_t k : {200, 401, 1024}) {  // 1024: rows that collide in L1
          GemmShape shape{.m = m, .n = n, .k = k, .trans_a = trans_a, .trans_b = true};
          check_shape<T>(shape);
          if (k < 1024)
            for (Isa isa : levels()) CHECK(gemm_prepare(shape, dtype_of<T>(), {}, isa).turned);
          shape.lda = 1030, shape.ldb = 1031, shape.ldc = n + 5;
          check_shape<T>(shape, all);
        }
  check_shape<T>({.m = 32,
                  .n = 96,
                  .k = 70,
                  .batch = 3,
                  .trans_b = true,
                  .stride_a = 32 * 70 + 3,
                  .stride_b = 96 * 70 + 5,
                  .stride_c = 32 * 96 + 7},
                 {.bias = true});
}

TEST_CASE_TEMPLATE("gemm: B packed beforehand", T, float, double) {
  for (bool trans_b : {false, true}) {
    for (int64_t m : {1, 14, 29})
      for (int64_t n : {1, 7, 16, 17, 33, 65, 290})
        for (int64_t k : {0, 5, 40}) {
          check_shape<T>({.m = m, .n = n, .k = k, .trans_b = trans_b, .packed_b = true});
          check_shape<T>({.m = m, .n = n, .k = k, .trans_b = trans_b, .packed_b = true, .ldb = 300},
                         {.alpha = 0.5, .beta = 2, .bias = true, .residual = true});
        }
    check_shape<T>({.m = 49, .n = 512, .k = 2048, .trans_b = trans_b, .packed_b = true},
                   {.bias = true, .activation = Activation::Relu});
    check_shape<T>({.m = 260, .n = 300, .k = 1024, .trans_b = trans_b, .packed_b = true});
    check_shape<T>({.m = 196, .n = 96, .k = 576, .trans_b = trans_b, .packed_b = true});
  }
  check_shape<T>({.m = 3,
                  .n = 40,
                  .k = 8,
                  .batch = 4,
                  .packed_b = true,
                  .lda = 8,
                  .stride_a = 24,
                  .stride_c = 120});
  check_shape<T>({.m = 28,
                  .n = 512,
                  .k = 64,
                  .batch = 5,
                  .packed_b = true,
                  .lda = 128,
                  .stride_a = 28 * 128 + 64,
                  .stride_c = 28 * 512 + 16});
}

TEST_CASE_TEMPLATE("gemm: empty sums and empty results", T, float, double) {
  check_transposes<T>({.m = 5, .n = 7, .k = 0}, {.beta = 0.5, .bias = true});
  check_transposes<T>({.m = 5, .n = 7, .k = 0});
  check_transposes<T>({.m = 5, .n = 7, .k = 4}, {.alpha = 0, .beta = 2});
  check_transposes<T>({.m = 0, .n = 7, .k = 4});
  check_transposes<T>({.m = 5, .n = 0, .k = 4});
  check_shape<T>({.m = 5, .n = 3, .k = 4, .batch = 0});
}

TEST_CASE_TEMPLATE("gemm: padded rows are neither read nor written between", T, float, double) {
  GemmShape shape{.m = 33, .n = 37, .k = 41};
  for (int t = 0; t < 4; ++t) {
    shape.trans_a = t & 1;
    shape.trans_b = t & 2;
    shape.lda = 53;
    shape.ldb = 47;
    shape.ldc = 40;
    check_shape<T>(shape);
    check_shape<T>(shape, {.beta = 1});
  }
  check_transposes<T>({.m = 1, .n = 19, .k = 23, .lda = 25, .ldb = 29, .ldc = 31});
  check_transposes<T>({.m = 19, .n = 1, .k = 23, .lda = 27, .ldb = 29, .ldc = 3});
  check_transposes<T>({.m = 19, .n = 1, .k = 23, .lda = 27, .ldb = 23, .ldc = 1});
}

TEST_CASE_TEMPLATE("gemm: batches with strides, shared operands and folded rows", T, float,
                   double) {
  check_transposes<T>(
      {.m = 9, .n = 21, .k = 13, .batch = 5, .stride_a = 120, .stride_b = 273, .stride_c = 200});
  check_transposes<T>(
      {.m = 9, .n = 21, .k = 13, .batch = 5, .stride_a = 0, .stride_b = 273, .stride_c = 189});
  check_transposes<T>(
      {.m = 9, .n = 21, .k = 13, .batch = 5, .stride_a = 117, .stride_b = 0, .stride_c = 189});
  check_transposes<T>(
      {.m = 1, .n = 64, .k = 32, .batch = 40, .stride_a = 32, .stride_b = 2048, .stride_c = 64});
  check_transposes<T>({.m = 128,
                       .n = 128,
                       .k = 64,
                       .batch = 6,
                       .stride_a = 8192,
                       .stride_b = 8192,
                       .stride_c = 16384});
  check_shape<T>({.m = 4, .n = 6, .k = 8, .batch = 3, .stride_a = 32, .stride_c = 24},
                 {.residual = true, .stride_residual = 24});
  const GemmPlan folded = gemm_prepare(
      {.m = 4, .n = 6, .k = 8, .batch = 3, .stride_a = 32, .stride_c = 24}, dtype_of<T>());
  CHECK(folded.shape.m == 12);
  CHECK(folded.shape.batch == 1);
}

TEST_CASE_TEMPLATE("gemm: a long sum of short rows is cut along k", T, float, double) {
  const GemmShape row{.m = 1, .n = 200, .k = 784};
  CHECK(gemm_prepare(row, DType::F32).sum_chunks == 2);
  CHECK(gemm_prepare({.m = 1, .n = 1000, .k = 84}, DType::F32).sum_chunks == 1);
  CHECK(gemm_prepare({.m = 1, .n = 2000, .k = 784}, DType::F32).sum_chunks == 16);
  CHECK(gemm_prepare({.m = 1, .n = 20000, .k = 784}, DType::F32).sum_chunks == 1);
  for (const GemmShape& shape :
       {row, GemmShape{.m = 200, .n = 1, .k = 784, .trans_a = true},
        GemmShape{.m = 1, .n = 7, .k = 30000}, GemmShape{.m = 1, .n = 40, .k = 5003, .ldb = 43}}) {
    check_shape<T>(shape);
    check_shape<T>(shape, {.alpha = 0.5, .beta = 1});
    check_shape<T>(shape, {.bias = true, .residual = true, .activation = Activation::Relu});
  }
}

TEST_CASE_TEMPLATE("gemm: few long dot products are cut along k", T, float, double) {
  CHECK(gemm_prepare({.m = 1, .n = 1, .k = 100'000}, DType::F32).sum_chunks == 1);
  CHECK(gemm_prepare({.m = 1, .n = 1, .k = 1'000'000}, DType::F32).sum_chunks == 14);
  CHECK(gemm_prepare({.m = 200, .n = 1, .k = 100'000}, DType::F32).sum_chunks == 1);
  for (const GemmShape& shape :
       {GemmShape{.m = 1, .n = 1, .k = 140'001}, GemmShape{.m = 1, .n = 1, .k = 300'005},
        GemmShape{.m = 3, .n = 1, .k = 50'003, .lda = 50'010},
        GemmShape{.m = 1, .n = 21, .k = 20'009, .trans_b = true}}) {
    check_shape<T>(shape);
    check_shape<T>(shape, {.alpha = 0.5, .beta = 1});
    check_shape<T>(shape, {.bias = true, .residual = true, .activation = Activation::Relu});
  }
}

TEST_CASE_TEMPLATE("gemm: rows of a vector product may begin anywhere in a line", T, float,
                   double) {
  for (const int64_t columns : {31, 49, 63, 65, 100, 200, 333})
    for (const int64_t padding : {0, 1, 4, 8, 16}) {
      check_shape<T>({.m = 1, .n = columns, .k = 37, .ldb = columns + padding});
      check_shape<T>({.m = 1, .n = columns, .k = 3, .ldb = columns + padding}, {.beta = 1});
      check_shape<T>({.m = columns, .n = 1, .k = 38, .trans_a = true, .lda = columns + padding});
    }
}

TEST_CASE("gemm: the variant follows from the shape") {
  const auto variant = [](GemmShape s) { return gemm_prepare(s, DType::F32).variant; };
  CHECK(variant({.m = 32, .n = 200, .k = 784}) == GemmVariant::Tiles);
  CHECK(variant({.m = 1, .n = 200, .k = 784}) == GemmVariant::RowSum);
  CHECK(variant({.m = 1, .n = 200, .k = 784, .trans_b = true}) == GemmVariant::Dots);
  CHECK(variant({.m = 32, .n = 1, .k = 8}) == GemmVariant::Dots);
  CHECK(variant({.m = 8, .n = 1, .k = 32, .trans_a = true}) == GemmVariant::RowSum);
  CHECK(variant({.m = 32, .n = 1, .k = 8, .ldb = 4}) == GemmVariant::Tiles);
  CHECK(variant({.m = 32, .n = 4, .k = 0}) == GemmVariant::Empty);
}

TEST_CASE("gemm: costs count every operand once") {
  const GemmPlan plan = gemm_prepare({.m = 2, .n = 3, .k = 5}, DType::F64, {.beta = 1});
  CHECK(plan.cost.flops == 60);
  CHECK(plan.cost.bytes == 8 * (10 + 15 + 2 * 6));
}

TEST_CASE("gemm: what cannot be computed is refused when prepared") {
  CHECK_THROWS_AS(gemm_prepare({.m = 2, .n = 2, .k = 2}, DType::I32), DTypeError);
  CHECK_THROWS_AS(gemm_prepare({.m = -1, .n = 2, .k = 2}, DType::F32), ValueError);
  CHECK_THROWS_AS(gemm_prepare({.m = 2, .n = 2, .k = 2, .lda = 1}, DType::F32), ValueError);
  CHECK_THROWS_AS(
      gemm_prepare({.m = 2, .n = 2, .k = 2, .trans_a = true, .packed_b = true}, DType::F32),
      ValueError);
  CHECK_THROWS_AS(gemm_prepare({.m = 2, .n = 2, .k = 2, .batch = 2, .stride_a = 4}, DType::F32),
                  ValueError);
}

TEST_CASE_TEMPLATE("gemm: the number of threads changes no bit", T, float, double) {
  const GemmShape shapes[] = {
      {.m = 300, .n = 520, .k = 400},
      {.m = 32, .n = 200, .k = 784},
      {.m = 48, .n = 700, .k = 784, .trans_b = true},
      {.m = 96, .n = 301, .k = 400, .trans_a = true, .trans_b = true},
      {.m = 784, .n = 200, .k = 128, .trans_a = true},
      {.m = 1, .n = 2000, .k = 2000},
      {.m = 2000, .n = 1, .k = 2000},
      {.m = 2003, .n = 1, .k = 300, .trans_a = true},
      {.m = 1, .n = 3001, .k = 203},
      {.m = 1, .n = 20000, .k = 64},
      {.m = 1, .n = 300, .k = 800},
      {.m = 1, .n = 1, .k = 500'001},
      {.m = 5, .n = 1, .k = 60'001},
      {.m = 200, .n = 1, .k = 2000, .trans_a = true},
      {.m = 196, .n = 500, .k = 1024, .packed_b = true},
      {.m = 196, .n = 96, .k = 576, .packed_b = true},
      {.m = 16, .n = 16, .k = 16, .batch = 900, .stride_a = 256, .stride_b = 256, .stride_c = 256}};
  const int before = num_threads();
  for (const GemmShape& shape : shapes) {
    const GemmCase<T> c(shape, {});
    for (Isa isa : levels()) {
      const std::vector<T> want = c.run(isa);
      for (int threads : {1, 2, 3}) {
        set_num_threads(threads);
        CHECK(same_bits(c.run(isa, default_context()), want));
      }
    }
  }
  set_num_threads(before);
}

TEST_CASE("gemm: work that takes a microsecond is one chunk") {
  CHECK(gemm_prepare({.m = 32, .n = 1, .k = 8}, DType::F32).chunks == 1);
  CHECK(gemm_prepare({.m = 58, .n = 58, .k = 58}, DType::F32).chunks == 1);
  CHECK(gemm_prepare({.m = 64, .n = 64, .k = 64}, DType::F32).chunks == 2);
  CHECK(gemm_prepare({.m = 96, .n = 64, .k = 300, .trans_b = true}, DType::F32).chunks == 2);
  CHECK(gemm_prepare({.m = 32, .n = 200, .k = 784}, DType::F32).col_chunks > 1);
}

TEST_CASE_TEMPLATE("gemm: NaN and infinity pass through, and only along their row", T, float,
                   double) {
  GemmCase<T> c({.m = 20, .n = 40, .k = 30}, {});
  c.a[3 * 30 + 4] = T(NAN);
  c.a[7 * 30 + 5] = T(INFINITY);
  for (Isa isa : levels()) {
    const std::vector<T> got = c.run(isa);
    for (int j = 0; j < 40; ++j) {
      CHECK(std::isnan(got[3 * 40 + j]));
      CHECK(std::isinf(got[7 * 40 + j]));
      CHECK(std::isfinite(got[4 * 40 + j]));
    }
  }
}

}  // namespace
}  // namespace ranvier::kernels::test
