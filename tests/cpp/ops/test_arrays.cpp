// Shapes, slices, indices, joins, creation and sorting.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("reshape, transpose, broadcast") {
  const Tensor x = i32({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor flat = run1("reshape", {x}, {{"shape", Ints{3, -1}}});
  expect_values<int32_t>(flat, {3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(flat.data() == x.data());
  expect_values<int32_t>(run1("transpose", {x}, {{"perm", Ints{1, 0}}}), {3, 2},
                         {1, 4, 2, 5, 3, 6});
  expect_values<int32_t>(run1("broadcast_to", {i32({2, 1}, {7, 8})}, {{"shape", Ints{2, 2, 2}}}),
                         {2, 2, 2}, {7, 7, 8, 8, 7, 7, 8, 8});
  check_row({"reshape", {values({2, 3})}, {{"shape", Ints{6}}}});
  check_row({"transpose", {values({2, 3, 4})}, {{"perm", Ints{2, 0, 1}}}});
  check_row({"broadcast_to", {values({2, 1})}, {{"shape", Ints{3, 2, 2}}}});
  check_row({"copy", {values({3})}, {}});
}

TEST_CASE("stop_gradient stops the gradient") {
  const Tensors grads = gradients(
      [](TensorSpan in) { return ops::sum_all(ops::mul(run1("stop_gradient", {in[0]}), in[0])); },
      std::vector<Tensor>{tensor<double>(DType::F64, {2}, {3, 4})});
  expect_values<double>(grads[0], {2}, {3, 4});
}

TEST_CASE("slices") {
  const Tensor x = i32({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  expect_values<int32_t>(ops::slice(x, {0, 1}, {2, 2}), {2, 2}, {1, 2, 5, 6});
  expect_values<int32_t>(ops::slice(x, {1, 3}, {2, 2}, {-1, -2}), {2, 2}, {7, 5, 3, 1});
  expect_values<int32_t>(ops::slice_update(x, i32({1, 2}, {9, 8}), {1, 0}, {1, 2}), {2, 4},
                         {0, 1, 2, 3, 9, 5, 8, 7});
  check_row({"slice", {values({3, 4})}, {{"starts", Ints{1, 0}}, {"sizes", Ints{2, 3}}}});
  check_row({"slice",
             {values({3, 4})},
             {{"starts", Ints{2, 0}}, {"sizes", Ints{2, 2}}, {"strides", Ints{-2, 3}}}});
  check_row({"slice_update",
             {values({3, 4}), values({2, 2}, -1, 1, 2)},
             {{"starts", Ints{0, 1}}, {"strides", Ints{2, 2}}}});
}

TEST_CASE("slices with computed starts clamp") {
  const Tensor x = i32({5}, {0, 1, 2, 3, 4});
  expect_values<int32_t>(ops::dynamic_slice(x, i32({1}, {2}), {2}), {2}, {2, 3});
  expect_values<int32_t>(ops::dynamic_slice(x, i32({1}, {9}), {2}), {2}, {3, 4});
  expect_values<int32_t>(ops::dynamic_slice(x, i32({1}, {-9}), {2}), {2}, {0, 1});
  expect_values<int32_t>(ops::dynamic_slice_update(x, i32({2}, {8, 9}), i32({1}, {1})), {5},
                         {0, 8, 9, 3, 4});
  check_row({"dynamic_slice", {values({3, 4}), i32({2}, {1, 2})}, {{"sizes", Ints{2, 2}}}});
  check_row(
      {"dynamic_slice_update", {values({3, 4}), values({2, 2}, -1, 1, 2), i32({2}, {5, 0})}, {}});
}

TEST_CASE("rows by index") {
  const Tensor x = i32({3, 2}, {1, 2, 3, 4, 5, 6}), index = i32({2, 2}, {2, 0, -1, 1});
  expect_values<int32_t>(ops::take(x, index, 0), {2, 2, 2}, {5, 6, 1, 2, 5, 6, 3, 4});
  expect_values<int32_t>(ops::take(x, i32({1}, {1}), 1), {3, 1}, {2, 4, 6});
  expect_values<int32_t>(ops::take_along_axis(x, i32({1, 2}, {2, 0}), 0), {1, 2}, {5, 2});
  expect_values<int32_t>(ops::scatter_add(x, i32({2}, {1, 1}), i32({2, 2}, {1, 1, 1, 1}), 0),
                         {3, 2}, {1, 2, 5, 6, 5, 6});
  expect_values<int32_t>(
      run1("scatter_update", {x, i32({1}, {0}), i32({1, 2}, {9, 8})}, {{"axis", int64_t{0}}}),
      {3, 2}, {9, 8, 3, 4, 5, 6});
  expect_values<float>(ops::one_hot(i32({2}, {1, 5}), 3, DType::F32), {2, 3}, {0, 1, 0, 0, 0, 0});
  const Attrs axis{{"axis", int64_t{1}}};
  const Tensor y = values({2, 3, 2}), rows = i32({2, 2}, {0, 2, 2, 1});
  check_row({"take", {y, rows}, axis});
  check_row(
      {"rows_grad", {values({2, 2, 2, 2}), rows}, {{"axis", int64_t{1}}, {"size", int64_t{3}}}});
  check_row({"take_along_axis", {y, i32({2, 1, 2}, {2, 0, 1, 1})}, axis});
  check_row(
      {"add_along_axis", {y, i32({2, 1, 2}, {2, 0, 1, 1}), values({2, 1, 2}, -1, 1, 2)}, axis});
  check_row({"scatter_add", {y, i32({2}, {1, 1}), values({2, 2, 2}, -1, 1, 2)}, axis});
  check_row({"scatter_update", {y, i32({2}, {1, 0}), values({2, 2, 2}, -1, 1, 2)}, axis});
}

TEST_CASE("resampled axes: gradients of x to second order, sizes") {
  const Tensor x = values({2, 3, 4, 2}), rows = i32({5, 2}, {0, 1, 0, 1, 1, 2, 2, 1, 2, 9}),
               cols = i32({3, 1}, {0, 3, 3}), w = values({5, 2}, 0.2, 1, 2),
               v = values({3, 1}, 0.2, 1, 3);
  const Attrs axis{{"axis", int64_t{1}}};
  CHECK(run1("resample", {x, rows, w, cols, v}, axis).shape() == Shape{2, 5, 3, 2});
  const Scalar both = [&](TensorSpan in) {
    return weighted_sum(std::vector<Tensor>{run1("resample", {in[0], rows, w, cols, v}, axis)});
  };
  const Scalar last = [&](TensorSpan in) {
    return weighted_sum(
        std::vector<Tensor>{run1("resample", {in[0], cols, v}, {{"axis", int64_t{-2}}})});
  };
  for (const Scalar& f : {both, last}) {
    expect_gradient(f, {x}, 1e-6);
    expect_same_traced(f, {x});
  }
  const Scalar transposed = [&](TensorSpan in) {
    return weighted_sum(std::vector<Tensor>{
        run1("resample_grad", {in[0], rows, w}, {{"axis", int64_t{1}}, {"sizes", Ints{3}}})});
  };
  expect_gradient(transposed, {values({2, 5, 2})}, 1e-6);
}

TEST_CASE("values between rows: gradients of the table and of the weights to second order") {
  const Tensor low = i32({3, 2}, {0, 1, 2, 3, 0, -9}), high = i32({3, 2}, {1, 2, 3, 0, 1, 2}),
               left = i32({3, 2}, {0, 0, 1, 1, 9, 0}), right = i32({3, 2}, {1, 1, 2, 2, 9, 2});
  const auto weights = [](uint32_t number) { return values({3, 2}, 0.2, 1, number); };
  const Scalar f = [&](TensorSpan in) {
    const Tensors inputs = {in[0], low, high, in[1], in[2], left, right, in[3], in[4]};
    return weighted_sum(std::vector<Tensor>{run1("sample", inputs, {{"fill", 0.5}})});
  };
  const Tensors at = {values({5, 2}), weights(2), weights(3), weights(4), weights(5)};
  expect_gradient(f, at, 1e-6);
  expect_same_traced(f, at);
  const Scalar squared = [&](TensorSpan in) { return ops::square(f(in)); };
  expect_gradient(squared, at, 1e-5);
  const Tensor one = run1("sample", {values({5, 2}), low, high, weights(2), weights(3)}, {});
  CHECK(one.shape() == Shape{3, 2, 2});
}

TEST_CASE("joins") {
  const Tensor a = i32({2, 1}, {1, 2}), b = i32({2, 2}, {3, 4, 5, 6});
  expect_values<int32_t>(ops::concat({a, b}, 1), {2, 3}, {1, 3, 4, 2, 5, 6});
  expect_values<int32_t>(ops::stack({a, a}, 0), {2, 2, 1}, {1, 2, 1, 2});
  expect_values<int32_t>(
      run1("pad", {i32({3}, {1, 2, 3})}, {{"padding", Ints{1, 2}}, {"value", int64_t{7}}}), {6},
      {7, 1, 2, 3, 7, 7});
  expect_values<int32_t>(run1("tile", {a}, {{"repeats", Ints{1, 3}}}), {2, 3}, {1, 1, 1, 2, 2, 2});
  expect_values<int32_t>(run1("repeat", {b}, {{"repeats", Ints{1, 2}}}), {2, 4},
                         {3, 3, 4, 4, 5, 5, 6, 6});
  expect_values<int32_t>(ops::flip(b, {0, 1}), {2, 2}, {6, 5, 4, 3});
  expect_values<int32_t>(ops::roll(i32({4}, {1, 2, 3, 4}), 1, 0), {4}, {4, 1, 2, 3});
  const Tensor x = values({2, 3}), y = values({2, 2}, -1, 1, 2);
  check_row({"concatenate", {x, y, values({2, 3}, -1, 1, 3)}, {{"axis", int64_t{-1}}}});
  check_row({"tile", {x}, {{"repeats", Ints{2, 3}}}});
  check_row({"repeat", {x}, {{"repeats", Ints{1, 2}}}});
  check_row({"repeat", {values({2, 1, 3})}, {{"repeats", Ints{3, 1, 2}}}});
  check_row({"flip", {x}, {{"axes", Ints{1}}}});
  check_row({"roll", {x}, {{"shift", int64_t{-2}}, {"axis", int64_t{1}}}});
  for (const char* mode : {"constant", "edge", "reflect", "symmetric", "wrap"})
    check_row({"pad", {x}, {{"padding", Ints{1, 0, 2, 1}}, {"mode", std::string(mode)}}});
}

TEST_CASE("padding modes") {
  const Tensor x = i32({3}, {1, 2, 3});
  const auto padded = [&](const char* mode) {
    return run1("pad", {x}, {{"padding", Ints{2, 1}}, {"mode", std::string(mode)}});
  };
  expect_values<int32_t>(padded("edge"), {6}, {1, 1, 1, 2, 3, 3});
  expect_values<int32_t>(padded("reflect"), {6}, {3, 2, 1, 2, 3, 2});
  expect_values<int32_t>(padded("symmetric"), {6}, {2, 1, 1, 2, 3, 3});
  expect_values<int32_t>(padded("wrap"), {6}, {2, 3, 1, 2, 3, 1});
}

TEST_CASE("creation") {
  expect_values<float>(ops::full(DType::F32, {2}, 1.5), {2}, {1.5f, 1.5f});
  expect_values<int32_t>(ops::arange(4, 3, -2, DType::I32), {4}, {3, 1, -1, -3});
  expect_values<float>(
      run1("eye", {},
           {{"rows", int64_t{2}}, {"cols", int64_t{3}}, {"k", int64_t{1}}, {"dtype", DType::F32}}),
      {2, 3}, {0, 1, 0, 0, 0, 1});
  const Tensor x = i32({2, 2}, {1, 2, 3, 4});
  expect_values<int32_t>(run1("tril", {x}, {{"k", int64_t{0}}}), {2, 2}, {1, 0, 3, 4});
  expect_values<int32_t>(run1("triu", {x}, {{"k", int64_t{1}}}), {2, 2}, {0, 2, 0, 0});
  expect_values<int32_t>(run1("diag", {i32({2}, {5, 6})}, {{"k", int64_t{-1}}}), {3, 3},
                         {0, 0, 0, 5, 0, 0, 0, 6, 0});
  check_row({"tril", {values({2, 3, 3})}, {{"k", int64_t{-1}}}});
  check_row({"triu", {values({3, 2})}, {{"k", int64_t{0}}}});
  check_row({"diag", {values({3})}, {{"k", int64_t{1}}}});
  check_row({"diag", {values({2})}, {{"k", int64_t{-2}}}});
}

TEST_CASE("sorting") {
  const Tensor x = f32({2, 3}, {3, 1, 2, 4, 6, 5});
  expect_values<float>(run1("sort", {x}), {2, 3}, {1, 2, 3, 4, 5, 6});
  expect_values<int32_t>(run1("argsort", {x}, {{"descending", true}}), {2, 3}, {0, 2, 1, 1, 2, 0});
  const Tensors best = run("top_k", {x}, {{"k", int64_t{2}}});
  expect_values<float>(best[0], {2, 2}, {3, 2, 6, 5});
  expect_values<int32_t>(best[1], {2, 2}, {0, 2, 1, 2});
  expect_values<int32_t>(
      run1("searchsorted", {f32({3}, {1, 2, 3}), f32({2}, {2, 2.5f})}, {{"right", true}}), {2},
      {2, 2});
  expect_values<int32_t>(run1("bincount", {i32({4}, {1, 1, 3, 9})}, {{"length", int64_t{4}}}), {4},
                         {0, 2, 0, 1});
  const Tensor y = values({2, 5});
  check_row({"sort", {y}, {{"descending", true}}});
  check_row({"top_k", {y}, {{"k", int64_t{3}}}});
}

TEST_CASE("gradients of Fourier transforms") {
  for (const int64_t n : {1, 4, 5, 6, 7}) {
    CAPTURE(n);
    const Tensor re = values({2, n}), im = values({2, n}, -1, 1, 2);
    check_row({"fft", {re, im}, {}});
    check_row({"fft", {re, im}, {{"inverse", true}}});
    check_row({"rfft", {re}, {}});
    const int64_t terms = n / 2 + 1;
    check_row({"irfft", {values({2, terms}), values({2, terms}, -1, 1, 2)}, {{"size", n}}});
  }
}
