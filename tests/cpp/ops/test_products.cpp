// matmul, convolution and pooling: values by their definition, gradients to second order.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

double at(const Tensor& t, std::initializer_list<int64_t> index) {
  int64_t offset = 0;
  int axis = 0;
  for (const int64_t i : index) offset = offset * t.shape()[axis++] + i;
  return t.data_as<double>()[offset];
}

Attrs window(Ints strides, Ints padding, Ints dilations = {1, 1}, int64_t groups = 1) {
  return {{"strides", strides}, {"padding", padding}, {"dilations", dilations}, {"groups", groups}};
}

}  // namespace

TEST_CASE("matmul of every pair of ranks and transposes") {
  struct Case {
    Shape a, b;
    bool trans_a, trans_b;
    Shape out;
  };
  const Case cases[] = {
      {{2, 3}, {3, 4}, false, false, {2, 4}},
      {{3, 2}, {3, 4}, true, false, {2, 4}},
      {{2, 3}, {4, 3}, false, true, {2, 4}},
      {{3, 2}, {4, 3}, true, true, {2, 4}},
      {{3}, {3}, false, false, {}},
      {{3}, {3, 4}, false, false, {4}},
      {{2, 3}, {3}, false, false, {2}},
      {{5, 2, 3}, {3, 4}, false, false, {5, 2, 4}},
      {{5, 2, 3}, {4, 3}, false, true, {5, 2, 4}},
      {{5, 3, 2}, {3, 4}, true, false, {5, 2, 4}},
      {{2, 3}, {5, 3, 4}, false, false, {5, 2, 4}},
      {{2, 1, 2, 3}, {3, 3, 2}, false, false, {2, 3, 2, 2}},
      {{3}, {2, 3, 4}, false, false, {2, 4}},
      {{2, 4, 3}, {3}, false, false, {2, 4}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.a.str());
    CAPTURE(c.b.str());
    const Attrs attrs{{"trans_a", c.trans_a}, {"trans_b", c.trans_b}};
    const Tensor a = values(c.a, -1, 1, 1), b = values(c.b, -1, 1, 2);
    CHECK(run1("matmul", {a, b}, attrs).shape() == c.out);
    check_row({"matmul", {a, b}, attrs});
  }
  const Tensor a = values({2, 3}, -1, 1, 1), b = values({3, 2}, -1, 1, 2);
  const Tensor c = ops::matmul(a, b);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 2; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 3; ++k) sum += at(a, {i, k}) * at(b, {k, j});
      CHECK(std::abs(at(c, {i, j}) - sum) < 1e-14);
    }
  }
}

TEST_CASE("matmul batches that broadcast along different axes") {
  const Tensor a = values({2, 1, 2, 3}, -1, 1, 1), b = values({3, 3, 2}, -1, 1, 2);
  const Tensor c = ops::matmul(a, b);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 3; ++k) sum += at(a, {i, 0, 1, k}) * at(b, {j, k, 0});
      CHECK(std::abs(at(c, {i, j, 1, 0}) - sum) < 1e-14);
    }
  }
}

TEST_CASE("matmul of integers, of half precision, of nothing") {
  const Tensor a = i32({2, 2}, {1, 2, 3, 4}), b = i32({2, 2}, {5, 6, 7, 8});
  expect_values<int32_t>(ops::matmul(a, b), {2, 2}, {19, 22, 43, 50});
  expect_values<int32_t>(ops::matmul(a, b, true, true), {2, 2}, {23, 31, 34, 46});
  const Tensor small = tensor<int8_t>(DType::I8, {1, 2}, {100, 100});
  const Tensor ones = tensor<int8_t>(DType::I8, {2, 1}, {1, 1});
  expect_values<int8_t>(ops::matmul(small, ones), {1, 1}, {-56});  // 200 modulo 256
  const Tensor h = ops::cast(f32({1, 2}, {1.5f, 2}), DType::F16);
  const Tensor v = ops::cast(f32({2, 1}, {2, 0.25f}), DType::F16);
  expect_values<float>(ops::cast(ops::matmul(h, v), DType::F32), {1, 1}, {3.5f});
  const Tensor empty =
      ops::matmul(Tensor::empty(DType::F32, {2, 0}), Tensor::empty(DType::F32, {0, 2}));
  expect_values<float>(empty, {2, 2}, {0, 0, 0, 0});
}

TEST_CASE("convolution by its definition") {
  const Tensor x = values({2, 5, 4, 4}, -1, 1, 1), w = values({3, 2, 2, 6}, -1, 1, 2);
  const Tensor y = run1("conv", {x, w}, window({2, 1}, {1, 0, 0, 1}, {1, 2}, 2));
  REQUIRE(y.shape() == Shape{2, 2, 3, 6});
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t oh = 0; oh < 2; ++oh)
      for (int64_t ow = 0; ow < 3; ++ow)
        for (int64_t f = 0; f < 6; ++f) {
          double sum = 0;
          for (int64_t kh = 0; kh < 3; ++kh)
            for (int64_t kw = 0; kw < 2; ++kw)
              for (int64_t c = 0; c < 2; ++c) {
                const int64_t h = oh * 2 + kh - 1, col = ow + kw * 2;
                if (h < 0 || h >= 5 || col >= 4) continue;
                sum += at(x, {n, h, col, f / 3 * 2 + c}) * at(w, {kh, kw, c, f});
              }
          CHECK(std::abs(at(y, {n, oh, ow, f}) - sum) < 1e-13);
        }
}

TEST_CASE("gradients of convolution in one, two and three dimensions, to second order") {
  check_row({"conv",
             {values({2, 4, 4, 1}), values({2, 3, 1, 2}, -1, 1, 2)},
             window({1, 1}, {0, 0, 1, 1})});
  check_row({"conv",
             {values({1, 5, 4, 2}), values({2, 2, 1, 4}, -1, 1, 2)},
             window({2, 1}, {1, 0, 0, 0}, {1, 2}, 2)});
  check_row({"conv",
             {values({2, 6, 2}), values({3, 2, 2}, -1, 1, 2)},
             {{"strides", Ints{2}}, {"padding", Ints{1, 1}}}});
  check_row({"conv",
             {values({1, 3, 2, 3, 1}), values({2, 2, 2, 1, 2}, -1, 1, 2)},
             {{"strides", Ints{1, 1, 1}}, {"padding", Ints{0, 0, 0, 0, 0, 0}}}});
  Attrs data = window({2, 2}, {0, 1, 0, 1});
  check_row({"conv_grad_data",
             {values({1, 2, 2, 2}), values({3, 3, 1, 2}, -1, 1, 2)},
             data.set("input_size", Ints{4, 4})});
  Attrs filter = window({1, 1}, {0, 0, 0, 0});
  check_row({"conv_grad_filter",
             {values({2, 3, 3, 1}), values({2, 2, 2, 2}, -1, 1, 2)},
             filter.set("kernel_size", Ints{2, 2})});
}

TEST_CASE("pooling: values, padding that does not count, gradients") {
  const Tensor x = f32({1, 3, 3, 1}, {1, 2, 3, 4, 9, 6, 7, 8, 5});
  const Attrs attrs{
      {"pool_size", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"padding", Ints{0, 1, 0, 1}}};
  expect_values<float>(run1("max_pool", {x}, attrs), {1, 2, 2, 1}, {9, 6, 8, 5});
  expect_values<float>(run1("average_pool", {x}, attrs), {1, 2, 2, 1}, {4, 4.5f, 7.5f, 5}, 1e-6);
  const Tensor image = values({2, 5, 4, 2});
  for (const char* name : {"max_pool", "average_pool"}) {
    check_row(
        {name,
         {image},
         {{"pool_size", Ints{2, 3}}, {"strides", Ints{2, 1}}, {"padding", Ints{1, 0, 1, 1}}}});
    check_row({name,
               {values({1, 6, 2})},
               {{"pool_size", Ints{2}}, {"strides", Ints{2}}, {"padding", Ints{0, 0}}}});
  }
  expect_values<int32_t>(
      run1("max_pool", {i32({1, 2, 1}, {3, 7})},
           {{"pool_size", Ints{2}}, {"strides", Ints{1}}, {"padding", Ints{0, 0}}}),
      {1, 1, 1}, {7});
}
