#include "tensor/apply.h"
#include "tensor/replay.h"
#include "tensor/support.h"
#include "tensor/tape.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

RecipeRef recipe_of(const Tensors& args, const Fn& fn) {
  Recorder recorder(args);
  return recorder.finish(fn(args));
}

}  // namespace

TEST_CASE("a recipe gives for other values what the function gives") {
  const Fn fn = [](TensorSpan x) {
    const Tensor sum = apply1(op("add"), {x[0], x[1]});
    return Tensors{apply1(op("multiply"), {sum, x[0]}), sum};
  };
  const RecipeRef recipe = recipe_of({scalar(1), scalar(2)}, fn);
  REQUIRE(recipe);
  CHECK(current_recorder() == nullptr);
  const Tensors outputs = recipe->run(Tensors{scalar(3), scalar(4)});
  REQUIRE(outputs.size() == 2);
  CHECK(number(outputs[0]) == 21);
  CHECK(number(outputs[1]) == 7);
  CHECK(recipe->output_argument(0) == -1);
}

TEST_CASE("an output that is an argument is known as one") {
  const RecipeRef recipe =
      recipe_of({scalar(1), scalar(2)}, [](TensorSpan x) { return Tensors{x[1]}; });
  REQUIRE(recipe);
  CHECK(recipe->output_argument(0) == 1);
  const Tensors args{scalar(5), scalar(6)};
  CHECK(recipe->run(args)[0] == args[1]);
}

TEST_CASE("constants of the function are kept, values from elsewhere refuse it") {
  const Tensor outside = scalar(10);
  const auto plus = [&](bool told) {
    const Tensors args{scalar(1)};
    Recorder recorder(args);
    if (told) recorder.constant(outside);
    const Tensors outputs{apply1(op("add"), {args[0], outside})};
    return recorder.finish(outputs);
  };
  CHECK_FALSE(plus(false));
  const RecipeRef recipe = plus(true);
  REQUIRE(recipe);
  CHECK(number(recipe->run(Tensors{scalar(5)})[0]) == 15);
}

TEST_CASE("what shares a constant's memory is not given away") {
  const Tensor constant = scalar(10);
  const Tensors args{scalar(1)};
  Recorder recorder(args);
  recorder.constant(constant);
  const Tensor view = apply1(op("reshape"), {constant}, {{"shape", Ints{1}}});
  CHECK_FALSE(recorder.finish(Tensors{constant}));
  CHECK_FALSE(recorder.finish(Tensors{view}));
}

TEST_CASE("a function that looked at values is not replayed") {
  const Tensors args{scalar(1)};
  Recorder recorder(args);
  const Tensors outputs{apply1(op("negative"), {args[0]})};
  CHECK(recorder.finish(outputs));
  recorder.spoil();
  CHECK_FALSE(recorder.finish(outputs));
}

TEST_CASE("tapes see what a recipe runs") {
  const RecipeRef recipe = recipe_of({scalar(1)}, [](TensorSpan x) {
    return Tensors{apply1(op("multiply"), {x[0], apply1(op("square"), {x[0]})})};
  });
  REQUIRE(recipe);
  const Tensor x = scalar(2);
  Tape tape;
  tape.start();
  tape.watch(x);
  const Tensors y = recipe->run(Tensors{x});
  tape.stop();
  CHECK(number(y[0]) == 8);
  CHECK(number(tape.gradient(y, {}, Tensors{x})[0]) == 12);
}

TEST_CASE("a guard of a recipe throws") {
  const Tensors good{Tensor::full_int(DType::I32, {2}, 1)};
  const RecipeRef recipe = recipe_of(good, [](TensorSpan x) {
    apply(op("check_range"), {x[0]}, {{"low", int64_t{0}}, {"high", int64_t{3}}});
    return Tensors{x[0]};
  });
  REQUIRE(recipe);
  CHECK(recipe->run(good)[0] == good[0]);
  CHECK_THROWS(recipe->run(Tensors{Tensor::full_int(DType::I32, {2}, 5)}));
}
