#include <doctest/doctest.h>

#include <vector>

#include "base/error.h"
#include "base/shape.h"

using namespace ranvier;

TEST_CASE("size, strides and text") {
  const Shape scalar, row{3}, cube{2, 3, 4};
  CHECK(scalar.rank() == 0);
  CHECK(scalar.size() == 1);
  CHECK(scalar.str() == "()");
  CHECK(row.str() == "(3,)");
  CHECK(cube.str() == "(2, 3, 4)");
  CHECK(cube.size() == 24);
  CHECK(cube.strides()[0] == 12);
  CHECK(cube.strides()[1] == 4);
  CHECK(cube.strides()[2] == 1);
  CHECK(cube.at(-1) == 4);
  CHECK(Shape{2, 0, 4}.size() == 0);
}

TEST_CASE("equality looks at the rank and the used dimensions only") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{2, 3, 0});
  CHECK_FALSE(Shape{} == Shape{1});
  CHECK(Shape{2, 3, 4}.erase(2) == Shape{2, 3});
}

TEST_CASE("edits") {
  Shape shape{2, 4};
  CHECK(shape.insert(1, 3) == Shape{2, 3, 4});
  CHECK(shape.insert(0, 3) == Shape{3, 2, 4});
  CHECK(shape.insert(2, 3) == Shape{2, 4, 3});
  CHECK(shape.with(0, 7) == Shape{7, 4});
  CHECK(shape.erase(0) == Shape{4});
  shape.push_back(5);
  CHECK(shape == Shape{2, 4, 5});
  CHECK_THROWS_AS(shape.erase(3), InternalError);
  CHECK_THROWS_AS(shape.with(-1, 2), InternalError);
}

TEST_CASE("what no array can have is refused") {
  CHECK_THROWS_WITH_AS(Shape({2, -1}),
                       "shape: negative dimension. Expected sizes of 0 or more. Received: (2, -1).",
                       ShapeError);
  const int64_t big = int64_t{1} << 40;
  CHECK_THROWS_AS(Shape({big, big}), ShapeError);
  CHECK_THROWS_AS(Shape({0, big, big}), ShapeError);  // its strides would overflow
  CHECK_THROWS_AS(Shape(std::vector<int64_t>(9, 1)), ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1}.push_back(1)), ShapeError);
  CHECK_THROWS_AS((Shape{big}.push_back(big)), ShapeError);
}

TEST_CASE("broadcast") {
  CHECK(broadcast("add", Shape{2, 1, 4}, Shape{3, 1}) == Shape{2, 3, 4});
  CHECK(broadcast("add", Shape{}, Shape{5}) == Shape{5});
  CHECK(broadcast("add", Shape{1}, Shape{0}) == Shape{0});
  CHECK_THROWS_WITH_AS(
      broadcast("add", Shape{2, 3}, Shape{4}),
      "add: shapes do not broadcast. Expected sizes that are equal or 1, counted from the last "
      "axis. Received: (2, 3) and (4,).",
      ShapeError);
  CHECK_THROWS_AS(broadcast("add", Shape{2}, Shape{0}), ShapeError);
}

TEST_CASE("axes") {
  CHECK(normalize_axis("sum", -1, 3) == 2);
  CHECK(normalize_axis("sum", 0, 3) == 0);
  CHECK_THROWS_WITH_AS(
      normalize_axis("sum", 3, 3),
      "sum: axis out of range. Expected -3 to 2 for an input of rank 3. Received: 3.", ShapeError);
  CHECK_THROWS_AS(normalize_axis("sum", 0, 0), ShapeError);
}
