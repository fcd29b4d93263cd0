// Reductions, softmax, losses, normalization: values of the binding, gradients to second order.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("reductions over axes") {
  const Tensor x = f32({2, 3}, {1, 5, 3, 4, 2, 6});
  expect_values<float>(run1("sum", {x}), {}, {21});
  expect_values<float>(run1("sum", {x}, {{"axes", Ints{0}}}), {3}, {5, 7, 9});
  expect_values<float>(run1("mean", {x}, {{"axes", Ints{-1}}, {"keepdims", true}}), {2, 1}, {3, 4});
  expect_values<float>(run1("max", {x}, {{"axes", Ints{1}}}), {2}, {5, 6});
  expect_values<float>(run1("min", {x}, {{"axes", Ints{0}}}), {3}, {1, 2, 3});
  expect_values<float>(run1("prod", {x}, {{"axes", Ints{1}}}), {2}, {15, 48});
  expect_values<int32_t>(run1("argmax", {x}, {{"axis", int64_t{1}}}), {2}, {1, 2});
  expect_values<int32_t>(run1("argmin", {x}, {{"axis", int64_t{0}}, {"keepdims", true}}), {1, 3},
                         {0, 1, 0});
  expect_values<float>(run1("cumsum", {x}, {{"axis", int64_t{1}}}), {2, 3}, {1, 6, 9, 4, 6, 12});
  expect_values<float>(run1("cumprod", {x}, {{"axis", int64_t{0}}}), {2, 3}, {1, 5, 3, 4, 10, 18});
  const Tensor flags = tensor<bool>(DType::Bool, {2, 2}, {true, false, true, true});
  expect_values<bool>(run1("all", {flags}, {{"axes", Ints{0}}}), {2}, {true, false});
  expect_values<bool>(run1("any", {flags}), {}, {true});
  expect_values<int32_t>(run1("sum", {flags}, {{"dtype", DType::I32}}), {}, {3});
  expect_values<float>(run1("sum", {Tensor::empty(DType::F32, {0, 2})}, {{"axes", Ints{0}}}), {2},
                       {0, 0});
}

TEST_CASE("gradients of reductions") {
  const Tensor x = values({2, 3, 2}, 0.3, 2);
  for (const char* name : {"sum", "mean", "max", "min", "prod"}) {
    check_row({name, {x}, {}});
    check_row({name, {x}, {{"axes", Ints{0, 2}}}});
    check_row({name, {x}, {{"axes", Ints{1}}, {"keepdims", true}}});
  }
  for (const char* name : {"cumsum", "cumprod"}) {
    check_row({name, {x}, {{"axis", int64_t{1}}}});
    check_row({name, {x}, {{"axis", int64_t{-1}}, {"reverse", true}}});
  }
}

TEST_CASE("the gradient of a product does not mind zeros") {
  const Tensor x = tensor<double>(DType::F64, {3}, {2, 0, 3});
  const Tensors grads =
      gradients([](TensorSpan in) { return ops::prod(in[0], {0}); }, std::vector<Tensor>{x});
  expect_values<double>(grads[0], {3}, {0, 6, 0});
}

TEST_CASE("softmax and its gradients") {
  const Tensor y = run1("softmax", {f32({1, 3}, {0, std::log(2.0f), std::log(5.0f)})});
  expect_values<float>(y, {1, 3}, {0.125f, 0.25f, 0.625f}, 1e-6);
  const Tensor x = values({2, 4}, -2, 2), dy = values({2, 4}, -1, 1, 2);
  check_row({"softmax", {x}, {}});
  check_row({"log_softmax", {x}, {}});
  check_row({"softmax_grad", {dy, x}, {}});
  check_row({"log_softmax_grad", {dy, x}, {}});
  const Tensor a = values({2, 3, 2}), da = values({2, 3, 2}, -1, 1, 4);
  const Attrs middle{{"axis", int64_t{1}}};
  check_row({"softmax", {a}, middle});
  check_row({"log_softmax", {a}, middle});
  check_row({"softmax_grad", {da, a}, middle});
  check_row({"log_softmax_grad", {da, a}, {{"axis", int64_t{-3}}}});
}

TEST_CASE("cross-entropy from logits, dense and sparse") {
  const Tensor logits = values({3, 4}, -2, 2), labels = values({3, 4}, 0.1, 0.9, 2);
  const Tensor classes = i32({3}, {2, 0, 3});
  const Tensor one_hot = ops::one_hot(classes, 4, DType::F64);
  const Tensors dense = run("softmax_cross_entropy", {logits, one_hot});
  const Tensors sparse = run("sparse_softmax_cross_entropy", {logits, classes});
  for (int64_t i = 0; i < 3; ++i)
    CHECK(std::abs(dense[0].data_as<double>()[i] - sparse[0].data_as<double>()[i]) < 1e-14);
  check_row({"softmax_cross_entropy", {logits, labels}, {}});
  check_row({"sparse_softmax_cross_entropy", {logits, classes}, {}});
}

TEST_CASE("batch normalization: statistics and gradients") {
  const Attrs epsilon{{"epsilon", 1e-3}};
  const Tensor x = f32({4, 1}, {1, 2, 3, 6}), gamma = f32({1}, {2}), beta = f32({1}, {1});
  const Tensors out = run("batch_norm_train", {x, gamma, beta}, epsilon);
  expect_values<float>(out[1], {1}, {3});
  expect_values<float>(out[2], {1}, {3.5f}, 1e-6);
  expect_values<float>(
      out[0], {4, 1},
      {1 - 4 / std::sqrt(3.501f), 1 - 2 / std::sqrt(3.501f), 1, 1 + 6 / std::sqrt(3.501f)}, 1e-5);
  const Tensor big = values({2, 3, 2}), g = values({2}, 0.5, 1.5, 2), b = values({2}, -1, 1, 3);
  const Tensors moments = run("channel_moments", {x});
  expect_values<float>(moments[0], {1}, {3});
  expect_values<float>(moments[1], {1}, {3.5f}, 1e-6);
  check_row({"channel_moments", {big}, {}});
  const Tensor mean = values({2}, -0.2, 0.2, 4), variance = values({2}, 0.5, 1, 5);
  check_row({"batch_norm_train", {big, g, b}, epsilon});
  check_row({"batch_norm_infer", {big, mean, variance, g, b}, epsilon});
}

TEST_CASE("layer and RMS normalization: gradients") {
  const Attrs epsilon{{"epsilon", 1e-3}};
  const Tensor x = values({2, 2, 4}), g = values({4}, 0.5, 1.5, 2), b = values({4}, -1, 1, 3);
  check_row({"layer_norm", {x, g, b}, epsilon});
  check_row({"rms_norm", {x, g}, epsilon});
  const Scalar layer = [&](TensorSpan in) {
    return weighted_sum(std::vector<Tensor>{run("layer_norm", {in[0], in[1], in[2]}, epsilon)[0]});
  };
  expect_gradient(layer, {x, g, b}, 1e-6);
  expect_gradient(gradient_sum(layer), {x, g, b}, 1e-5);
  const Scalar rms = [&](TensorSpan in) {
    return weighted_sum(std::vector<Tensor>{run("rms_norm", {in[0], in[1]}, epsilon)[0]});
  };
  expect_gradient(rms, {x, g}, 1e-6);
  expect_gradient(gradient_sum(rms), {x, g}, 1e-5);
}

TEST_CASE("attention: gradients to second order") {
  const Tensor q = values({1, 3, 2, 2}), k = values({1, 4, 1, 2}, -1, 1, 2),
               v = values({1, 4, 1, 3}, -1, 1, 3), bias = values({1, 2, 1, 4}, -1, 1, 4);
  const Tensor mask =
      tensor<bool>(DType::Bool, {1, 1, 3, 4},
                   {true, true, false, true, false, false, false, false, true, true, true, false});
  const auto attrs = [](bool bias, bool mask, bool causal, double rate, bool zero) {
    return Attrs{{"scale", 0.7}, {"rate", rate},     {"bias", bias},
                 {"mask", mask}, {"causal", causal}, {"zero_masked", zero}};
  };
  check_row({"attention", {q, k, v}, attrs(false, false, false, 0, false)});
  check_row({"attention", {q, k, v}, attrs(false, false, true, 0, false)});
  check_row({"attention", {q, k, v, bias}, attrs(true, false, false, 0, false)});
  check_row({"attention", {q, k, v, seed(1, 2)}, attrs(false, false, false, 0.3, false)});
  // Without the sums: where a row sees nothing they are no function of the inputs.
  for (const bool zero : {false, true}) {
    const Scalar out = [&](TensorSpan in) {
      return weighted_sum(
          std::vector<Tensor>{run("attention", {in[0], in[1], in[2], mask, seed(3, 4)},
                                  attrs(false, true, false, 0.3, zero))[0]});
    };
    expect_gradient(out, {q, k, v}, 1e-6);
    expect_gradient(gradient_sum(out), {q, k, v}, 1e-5);
  }
}

TEST_CASE("half precision runs through float32") {
  const Tensor x = ops::cast(f32({1, 2}, {0, std::log(3.0f)}), DType::F16);
  expect_values<float>(ops::cast(ops::softmax(x), DType::F32), {1, 2}, {0.25f, 0.75f}, 1e-3);
  const Tensor y = ops::cast(run1("conv",
                                  {ops::cast(f32({1, 2, 1}, {1, 2}), DType::BF16),
                                   ops::cast(f32({2, 1, 1}, {3, 4}), DType::BF16)},
                                  {{"strides", Ints{1}}, {"padding", Ints{0, 0}}}),
                             DType::F32);
  expect_values<float>(y, {1, 1, 1}, {11});
}
