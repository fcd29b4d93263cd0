// User errors: each is typed and says what was expected and what came.

#include "harness.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

template <class E>
void expect_error(const char* name, Tensors inputs, Attrs attrs, const char* part) {
  CAPTURE(name);
  try {
    run(name, std::move(inputs), std::move(attrs));
    FAIL("no error");
  } catch (const E& error) {
    const std::string text = error.what();
    CAPTURE(text);
    CHECK(text.find(name) == 0);
    CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("Received") != std::string::npos);
  }
}

Tensor zeros32(const Shape& shape) { return ops::zeros({DType::F32, shape}); }

}  // namespace

TEST_CASE("shapes and dtypes of element-wise ops") {
  expect_error<ShapeError>("add", {zeros32({2, 3}), zeros32({2})}, {}, "(2, 3)");
  expect_error<DTypeError>("add", {zeros32({2}), i32({2}, {1, 2})}, {}, "int32");
  expect_error<DTypeError>("exp", {i32({2}, {1, 2})}, {}, "floating");
  expect_error<DTypeError>("where", {zeros32({2}), zeros32({2}), zeros32({2})}, {}, "bool");
  expect_error<ValueError>("add", {zeros32({2})}, {}, "wrong number");
}

TEST_CASE("products") {
  expect_error<ShapeError>("matmul", {zeros32({2, 3}), zeros32({4, 5})}, {}, "inner sizes");
  expect_error<ShapeError>("matmul", {zeros32({}), zeros32({4})}, {}, "rank >= 1");
  expect_error<ShapeError>("matmul", {zeros32({2, 2, 3}), zeros32({3, 3, 4})}, {}, "(2,)");
  const Attrs window{{"strides", Ints{1, 1}}, {"padding", Ints{0, 0, 0, 0}}};
  expect_error<ShapeError>("conv", {zeros32({1, 4, 4, 3}), zeros32({3, 3, 2, 8})}, window,
                           "channels do not match");
  expect_error<ShapeError>("conv", {zeros32({1, 2, 2, 1}), zeros32({3, 3, 1, 1})}, window,
                           "larger than the input");
  expect_error<ShapeError>("conv", {zeros32({4, 4}), zeros32({3, 3})}, window, "wrong rank");
  expect_error<ValueError>("conv", {zeros32({1, 4, 4, 1}), zeros32({3, 3, 1, 1})},
                           {{"strides", Ints{1, 0}}, {"padding", Ints{0, 0, 0, 0}}}, "strides");
  expect_error<ValueError>("max_pool", {zeros32({1, 4, 1})},
                           {{"pool_size", Ints{2}}, {"strides", Ints{1}}, {"padding", Ints{2, 0}}},
                           "covers a whole window");
}

TEST_CASE("reductions, softmax and losses") {
  expect_error<ShapeError>("sum", {zeros32({2})}, {{"axes", Ints{1}}}, "1");
  expect_error<ShapeError>("sum", {zeros32({2, 2})}, {{"axes", Ints{0, -2}}}, "twice");
  expect_error<ShapeError>("max", {Tensor::empty(DType::F32, {0})}, {}, "nothing to compare");
  expect_error<ShapeError>("argmax", {Tensor::empty(DType::F32, {2, 0})}, {{"axis", int64_t{1}}},
                           "empty");
  expect_error<DTypeError>("mean", {i32({1}, {1})}, {}, "floating");
  expect_error<ShapeError>("sparse_softmax_cross_entropy", {zeros32({2, 3}), i32({3}, {0, 1, 2})},
                           {}, "labels");
  expect_error<DTypeError>("sparse_softmax_cross_entropy", {zeros32({2, 3}), zeros32({2})}, {},
                           "int32 or int64");
  expect_error<ShapeError>("batch_norm_train", {zeros32({2, 3}), zeros32({2}), zeros32({3})},
                           {{"epsilon", 0.1}}, "(3,)");
}

TEST_CASE("shapes and indices") {
  expect_error<ShapeError>("reshape", {zeros32({2, 3})}, {{"shape", Ints{4, -1}}}, "6");
  expect_error<ShapeError>("transpose", {zeros32({2, 3})}, {{"perm", Ints{0, 0}}}, "twice");
  expect_error<ShapeError>("broadcast_to", {zeros32({2})}, {{"shape", Ints{3}}}, "broadcast");
  expect_error<ShapeError>("slice", {zeros32({3})}, {{"starts", Ints{1}}, {"sizes", Ints{3}}},
                           "leaves axis 0");
  expect_error<ShapeError>("concatenate", {zeros32({2, 3}), zeros32({3, 3})},
                           {{"axis", int64_t{1}}}, "off axis 1");
  expect_error<ValueError>("pad", {zeros32({2})},
                           {{"padding", Ints{2, 0}}, {"mode", std::string("reflect")}}, "axis 0");
  expect_error<ValueError>("pad", {zeros32({2})},
                           {{"padding", Ints{1, 0}}, {"mode", std::string("no")}}, "no");
  expect_error<DTypeError>("resample", {zeros32({4, 2}), zeros32({3, 1}), zeros32({3, 1})},
                           {{"axis", int64_t{0}}}, "int32 indices");
  expect_error<ShapeError>("resample", {zeros32({4, 2}), i32({3}, {0, 1, 2}), zeros32({3})},
                           {{"axis", int64_t{0}}}, "(count, taps)");
  expect_error<ShapeError>("resample", {zeros32({0, 2}), i32({1, 1}, {0}), zeros32({1, 1})},
                           {{"axis", int64_t{0}}}, "non-empty axis");
  expect_error<ShapeError>("resample_grad", {zeros32({4, 2}), i32({1, 1}, {0}), zeros32({1, 1})},
                           {{"axis", int64_t{0}}, {"sizes", Ints{3}}}, "dy");
  const Tensor rows = i32({2}, {0, 1}), weight = zeros32({2});
  expect_error<DTypeError>("sample", {zeros32({4, 2}), rows, rows, weight, rows}, {}, "float32");
  expect_error<ShapeError>("sample", {zeros32({4}), rows, rows, weight, weight}, {},
                           "(rows, depth)");
  expect_error<ShapeError>("sample", {zeros32({4, 2}), rows, rows, weight, zeros32({3})}, {},
                           "weights");
  expect_error<ValueError>("sample", {zeros32({4, 2}), rows}, {}, "5");
  expect_error<DTypeError>("take", {zeros32({2}), zeros32({1})}, {{"axis", int64_t{0}}}, "int32");
  expect_error<ShapeError>("take", {Tensor::empty(DType::F32, {0}), i32({1}, {0})},
                           {{"axis", int64_t{0}}}, "non-empty");
  expect_error<ValueError>("top_k", {zeros32({2})}, {{"k", int64_t{3}}}, "k");
}

TEST_CASE("random") {
  const Attrs shape{{"shape", Ints{2}}, {"dtype", DType::F32}, {"low", 1.0}, {"high", 0.0}};
  expect_error<ValueError>("random_uniform", {seed(1, 2)}, shape, "empty range");
  expect_error<ValueError>("random_uniform", {zeros32({2})}, shape, "seed");
  expect_error<ValueError>("dropout", {zeros32({2}), seed(1, 2)}, {{"rate", 1.0}}, "rate");
}

TEST_CASE("guards name what is wrong") {
  const Attrs range{{"low", int64_t{0}}, {"high", int64_t{3}}};
  CHECK(run("check_range", {i32({2}, {0, 2})}, range).empty());
  CHECK_THROWS_AS(run("check_range", {i32({2}, {0, 3})}, range), IndexError);
  CHECK(run("check_finite", {f32({2}, {0, 3})}).empty());
  CHECK_THROWS_AS(run("check_finite", {f32({2}, {0, NAN})}), ValueError);
}
