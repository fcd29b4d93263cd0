#include "compiler/passes/passes.h"

#include <fstream>
#include <sstream>

#include "compiler/passes/rules.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::compiler;
using namespace ranvier::test;

namespace {

Graph simplified(const Specs& arguments, const Fn& fn, bool exact = true) {
  Graph graph = graph_of(*trace_of(arguments, fn));
  for (int round = 0; round < 8 && simplify(graph, exact); ++round) {
  }
  graph.sort_nodes();
  graph.verify("test", true);
  return graph;
}

std::string ops_of(const Graph& graph) {
  std::string text;
  for (const GraphNode& node : graph.nodes)
    if (node.alive()) text += (text.empty() ? "" : " ") + std::string(node.op->name);
  return text;
}

const Specs kMatrix{{DType::F32, {4, 6}}};

std::vector<std::string> step_names(const TraceRef& trace, bool exact = true) {
  const ProgramRef program = compile(*trace, {.name = "test", .exact = exact, .fuse = true});
  std::vector<std::string> names;
  for (const StepInfo& step : program->stats().steps) names.push_back(step.op);
  return names;
}

}  // namespace

TEST_CASE("every algebra rule applies where it should") {
  const auto one = [](TensorSpan a) { return ops::constant_like(a[0], 1); };
  CHECK(ops_of(simplified(
            kMatrix, [&](TensorSpan a) -> Tensors { return {ops::mul(a[0], one(a))}; })) == "");
  CHECK(ops_of(simplified(
            kMatrix, [&](TensorSpan a) -> Tensors { return {ops::div(a[0], one(a))}; })) == "");
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          return {ops::sub(a[0], ops::constant_like(a[0], 0))};
        })) == "");
  CHECK(ops_of(simplified(
            kMatrix, [](TensorSpan a) -> Tensors { return {ops::neg(ops::neg(a[0]))}; })) == "");
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          return {ops::add(ops::neg(a[0]), ops::exp(a[0]))};
        })) == "exp subtract");
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          return {ops::reshape(ops::reshape(a[0], {24}), {4, 6})};
        })) == "");
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          return {ops::transpose(ops::transpose(a[0], {1, 0}), {1, 0})};
        })) == "");
  CHECK(ops_of(simplified({{DType::F32, {4, 1, 6}}}, [](TensorSpan a) -> Tensors {
          return {ops::transpose(a[0], {1, 0, 2})};
        })) == "reshape");
  CHECK(ops_of(simplified({{DType::I16, {4}}}, [](TensorSpan a) -> Tensors {
          return {ops::cast(ops::cast(a[0], DType::F32), DType::I16)};
        })) == "");
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          return {ops::cast(ops::cast(a[0], DType::I16), DType::F32)};
        })) == "cast cast");
  CHECK(ops_of(simplified({{DType::F32, {4, 1}}}, [](TensorSpan a) -> Tensors {
          return {ops::mean(a[0], {1})};
        })) == "reshape");
}

TEST_CASE("the gradients of all parts of a split are joined, not padded and summed") {
  const auto steps = [](std::vector<int64_t> starts, bool exact) {
    const auto names =
        step_names(trace_of(kMatrix,
                            [&](TensorSpan a) -> Tensors {
                              Tensor sum;
                              for (const int64_t start : starts) {
                                const Ints padding{0, 0, start, 4 - start};
                                const Tensor part = ops::slice(a[0], {0, start}, {4, 2});
                                sum = ops::accumulate(sum, ops::pad(ops::exp(part), padding));
                              }
                              return {sum};
                            }),
                   exact);
    return std::pair(std::count(names.begin(), names.end(), "concatenate"),
                     std::count(names.begin(), names.end(), "pad"));
  };
  using Counts = std::pair<ptrdiff_t, ptrdiff_t>;
  CHECK((steps({4, 0, 2}, false) == Counts{1, 0}));
  CHECK((steps({0, 2}, false) == Counts{0, 2}));
  CHECK((steps({0, 2, 4}, true) == Counts{0, 3}));  // -0 + 0 is +0
}

TEST_CASE("rounding rules stay out of exact mode") {
  const auto plus_zero = [](TensorSpan a) -> Tensors {
    return {ops::add(a[0], ops::constant_like(a[0], 0))};
  };
  CHECK(ops_of(simplified(kMatrix, plus_zero, true)) == "add");
  CHECK(ops_of(simplified(kMatrix, plus_zero, false)) == "");
}

TEST_CASE("a product reads transposed operands as they lie") {
  const Specs specs{{DType::F32, {3, 6, 4}}, {DType::F32, {3, 5, 6}}};
  const auto product = [](TensorSpan a) -> Tensors {
    return {ops::matmul(ops::transpose(a[0], {0, 2, 1}), ops::transpose(a[1], {0, -1, -2}))};
  };
  const Graph graph = simplified(specs, product, false);
  CHECK(ops_of(graph) == "matmul");
  for (const GraphNode& node : graph.nodes) {
    if (!node.alive()) continue;
    CHECK(node.attrs.flag("trans_a", false));
    CHECK(node.attrs.flag("trans_b", false));
  }
  CHECK(ops_of(simplified(specs, product, true)) == "transpose transpose matmul");
  // Other axes than the last two stay a step.
  CHECK(ops_of(simplified(
            {{DType::F32, {6, 3, 4}}, {DType::F32, {3, 4, 5}}},
            [](TensorSpan a) -> Tensors {
              return {ops::matmul(ops::transpose(a[0], {1, 0, 2}), a[1])};
            },
            false)) == "transpose matmul");
}

TEST_CASE("inference of batch normalization joins its activation") {
  const auto fn = [](TensorSpan a) -> Tensors {
    const Tensor y =
        apply1(*find_op("batch_norm_infer"), {a[0], a[1], a[2], a[3], a[4]}, {{"epsilon", 1e-3}});
    return {ops::relu(y)};
  };
  const TypeSpec row{DType::F32, {6}};
  const TraceRef trace = trace_of({{DType::F32, {50, 6}}, row, row, row, row}, fn);
  const ProgramRef fast = compile(*trace, {.name = "fast", .exact = false, .fuse = true});
  const ProgramRef exact = compile(*trace, {.name = "exact", .exact = true, .fuse = true});
  CHECK(fast->step_count() == 2);  // scale and shift per channel, then all elements
  CHECK(exact->stats().steps[0].op == "batch_norm_infer");
  const Tensors args{random({50, 6}, 1), random({6}, 2), Tensor::full(DType::F32, {6}, 0.7),
                     random({6}, 3), random({6}, 4)};
  CHECK(largest_difference(fast->run(args)[0], exact->run(args)[0]) < 1e-5);
}

TEST_CASE("the bias of a projection to heads rides on its product") {
  const auto project = [](Shape bias) {
    return trace_of({{DType::F32, {10, 6}}, {DType::F32, {6, 8}}, {DType::F32, bias}},
                    [](TensorSpan a) -> Tensors {
                      const Tensor y = ops::reshape(ops::matmul(a[0], a[1]), {2, 5, 2, 4});
                      return {ops::add(y, a[2])};
                    });
  };
  CHECK(step_names(project({2, 4})) == std::vector<std::string>{"fused_matmul"});
  CHECK(step_names(project({1, 1, 2, 4})) == std::vector<std::string>{"fused_matmul"});
  CHECK(step_names(project({5, 2, 4})).size() == 2);  // more than one row
  CHECK(step_names(project({4})).size() == 2);        // less
}

TEST_CASE("a residual behind a reshape rides on the product before it") {
  const auto trace = trace_of(
      {{DType::F32, {10, 6}}, {DType::F32, {6, 8}}, {DType::F32, {8}}, {DType::F32, {2, 5, 8}}},
      [](TensorSpan a) -> Tensors {
        const Tensor y = ops::add(ops::matmul(a[0], a[1]), a[2]);
        return {ops::add(a[3], ops::reshape(y, {2, 5, 8}))};
      });
  CHECK(step_names(trace) == std::vector<std::string>{"fused_matmul"});
  const Tensor inputs[] = {random({10, 6}, 1), random({6, 8}, 2), random({8}, 3),
                           random({2, 5, 8}, 4)};
  const auto result = [&](bool fuse) {
    return compile(*trace, {.name = "test", .exact = true, .fuse = fuse})->run(inputs)[0];
  };
  CHECK(same_bits(result(true), result(false)));
}

TEST_CASE("a max pooling stores for its gradient where the maxima are") {
  const Attrs window{
      {"pool_size", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"padding", Ints{1, 1, 0, 1}}};
  const auto both = [&](DType dtype, Shape x, Shape y, const Attrs& of_gradient) {
    return trace_of({{dtype, x}, {dtype, y}}, [&](TensorSpan a) -> Tensors {
      const Tensor first = apply1(*find_op("max_pool"), {a[0]}, window);
      const Tensor second = apply1(*find_op("max_pool"), {first}, window);
      const OpRecord& gradient = *find_op("max_pool_grad");
      return {second,
              apply1(gradient, {a[0], apply1(gradient, {first, a[1]}, of_gradient)}, window)};
    });
  };
  const TraceRef trace = both(DType::F32, {2, 9, 11, 5}, {2, 3, 2, 5}, window);
  CHECK(step_names(trace) == std::vector<std::string>{"max_pool_indexed", "max_pool_indexed",
                                                      "max_pool_indexed_grad",
                                                      "max_pool_indexed_grad"});
  const Tensor inputs[] = {random({2, 9, 11, 5}, 1), random({2, 3, 2, 5}, 2)};
  const auto result = [&](bool fuse) {
    return compile(*trace, {.name = "test", .exact = true, .fuse = fuse})->run(inputs);
  };
  const Tensors with = result(true), without = result(false);
  for (size_t i = 0; i < 2; ++i) CHECK(same_bits(with[i], without[i]));
  // No pooling of these windows, or of this dtype, in the program: searched from x.
  Attrs other = window;
  other.set("padding", Ints{0, 2, 1, 0});
  const auto mixed = step_names(both(DType::F32, {2, 9, 11, 5}, {2, 3, 2, 5}, other));
  CHECK(std::count(mixed.begin(), mixed.end(), "max_pool_grad") == 1);
  const auto half = step_names(both(DType::F16, {2, 9, 11, 5}, {2, 3, 2, 5}, window));
  CHECK(std::count(half.begin(), half.end(), "max_pool_grad") == 2);
}

TEST_CASE("a max pooling of what relu leaves takes in the zeros around it") {
  const auto pooled = [](Ints zeros, bool relu, int64_t side) {
    return trace_of({{DType::F32, {2, 9, 11, 5}}}, [=](TensorSpan a) -> Tensors {
      const Tensor x = relu ? ops::relu(a[0]) : ops::neg(a[0]);
      const Tensor around = apply1(*find_op("pad"), {x}, {{"padding", zeros}});
      return {apply1(*find_op("max_pool"), {around},
                     {{"pool_size", Ints{side, side}},
                      {"strides", Ints{2, 2}},
                      {"padding", Ints{0, 1, 0, 0}}})};
    });
  };
  const auto steps = [&](Ints zeros, bool relu, int64_t side) {
    return step_names(pooled(std::move(zeros), relu, side), false).size();
  };
  const Ints around{0, 0, 1, 1, 1, 2, 0, 0};
  CHECK(steps(around, true, 3) == 2);
  CHECK(steps(around, false, 3) == 3);                   // zeros may be the maxima
  CHECK(steps(around, true, 2) == 3);                    // windows of zeros alone
  CHECK(steps({0, 0, 1, 1, 1, 2, 0, 1}, true, 3) == 3);  // channels of zeros
  CHECK(step_names(pooled(around, true, 3), true).size() == 3);
  const TraceRef trace = pooled(around, true, 3);
  const Tensor inputs[] = {random({2, 9, 11, 5}, 1)};
  const auto result = [&](bool exact) {
    return compile(*trace, {.name = "test", .exact = exact, .fuse = true})->run(inputs)[0];
  };
  CHECK(largest_difference(result(true), result(false)) == 0);
}

TEST_CASE("sums of padded parts that meet themselves again and again compile") {
  const TraceRef trace = trace_of({{DType::F32, {2, 3}}}, [](TensorSpan a) -> Tensors {
    Tensor x = ops::pad(a[0], {0, 0, 0, 3}), y = ops::pad(ops::exp(a[0]), {0, 0, 0, 3});
    for (int i = 0; i < 40; ++i) {  // 2^40 terms
      const Tensor sum = ops::add(x, y);
      x = ops::add(sum, y);
      y = sum;
    }
    return {x};
  });
  CHECK(compile(*trace, {.name = "test", .exact = false, .fuse = true}) != nullptr);
}

TEST_CASE("the gradient of a max pooling of what relu leaves goes without the zeros around it") {
  // `other` adds a second reader of what relu left, whose gradient is added first.
  const auto step = [](Ints zeros, Ints pool, bool other) {
    return trace_of({{DType::F32, {2, 9, 11, 5}}}, [=](TensorSpan a) -> Tensors {
      const Tensor x = ops::relu(a[0]);
      const Tensor around = apply1(*find_op("pad"), {x}, {{"padding", zeros}});
      const Tensor y =
          apply1(*find_op("max_pool"), {around},
                 {{"pool_size", pool}, {"strides", Ints{2, 2}}, {"padding", Ints{0, 1, 0, 0}}});
      Tensor loss = ops::sum(ops::square(y), {0, 1, 2, 3});
      if (other) loss = ops::add(loss, ops::sum(ops::sin(x), {0, 1, 2, 3}));
      return gradients(loss, {a[0]});
    });
  };
  const auto kept = [&](const TraceRef& trace, bool exact) {
    const auto names = step_names(trace, exact);
    return std::count(names.begin(), names.end(), "pad") +
           std::count(names.begin(), names.end(), "slice");
  };
  const Ints around{0, 0, 1, 1, 1, 2, 0, 0};
  const TraceRef trace = step(around, {3, 3}, false);
  CHECK(kept(trace, false) == 0);
  CHECK(kept(trace, true) == 2);
  CHECK(kept(step(around, {3, 3}, true), false) == 2);
  CHECK(kept(step(around, {2, 2}, false), false) == 2);  // windows of zeros alone
  const Tensor inputs[] = {random({2, 9, 11, 5}, 1)};
  const auto result = [&](bool exact) {
    return compile(*trace, {.name = "test", .exact = exact, .fuse = true})->run(inputs)[0];
  };
  CHECK(same_bits(result(true), result(false)));
}

TEST_CASE("only the whole gradient of a max pooling, read through the relu, loses its zeros") {
  const Shape image{1, 2, 2, 3};
  const auto pooled = [&](Ints strides, bool as_mask) {
    const TraceRef trace =
        trace_of({{DType::F32, image}, {DType::F32, image}}, [=](TensorSpan a) -> Tensors {
          const Tensor x = ops::relu(a[0]);
          const Tensor around =
              apply1(*find_op("pad"), {x}, {{"padding", Ints{0, 0, 1, 1, 1, 1, 0, 0}}});
          const Tensor dx = apply1(
              *find_op("max_pool_grad"), {around, a[1]},
              {{"pool_size", Ints{3, 3}}, {"strides", Ints{1, 1}}, {"padding", Ints{0, 0, 0, 0}}});
          const Tensor inner = apply1(
              *find_op("slice"), {dx},
              {{"starts", Ints{0, 1, 1, 0}}, {"sizes", Ints{1, 2, 2, 3}}, {"strides", strides}});
          return {as_mask ? apply1(*find_op("relu_grad"), {inner, x})
                          : apply1(*find_op("relu_grad"), {x, inner})};
        });
    const Tensor inputs[] = {random(image, 1), random(image, 2)};
    const auto result = [&](bool exact) {
      return compile(*trace, {.name = "test", .exact = exact, .fuse = true})->run(inputs)[0];
    };
    CHECK(same_bits(result(true), result(false)));
    const auto names = step_names(trace, false);
    return std::count(names.begin(), names.end(), "slice");
  };
  CHECK(pooled({1, 1, 1, 1}, false) == 0);
  CHECK(pooled({1, 2, 2, 1}, false) == 1);  // every other pixel of the padded gradient
  CHECK(pooled({1, 1, 1, 1}, true) == 1);   // the gradient is itself the mask
}

TEST_CASE("zeros around an image are padding of a convolution and of its gradients") {
  const auto step = [](Ints zeros, bool whole) {
    return trace_of(
        {{DType::F32, {2, 8, 7, 3}}, {DType::F32, {3, 4, 3, 5}}}, [=](TensorSpan a) -> Tensors {
          const Tensor around = apply1(*find_op("pad"), {a[0]}, {{"padding", zeros}});
          const Tensor y = apply1(*find_op("conv"), {around, a[1]},
                                  {{"strides", Ints{2, 1}}, {"padding", Ints{0, 1, 0, 0}}});
          const Tensor loss = ops::sum(ops::square(y), {0, 1, 2, 3});
          Tensors results = gradients(loss, {a[0], a[1]});
          if (whole) results.push_back(around);
          return results;
        });
  };
  const auto kept = [&](Ints zeros, bool whole, bool exact) {
    const auto names = step_names(step(std::move(zeros), whole), exact);
    return std::count(names.begin(), names.end(), "pad") +
           std::count(names.begin(), names.end(), "slice");
  };
  const Ints around{0, 0, 1, 1, 2, 1, 0, 0};
  CHECK(kept(around, false, false) == 0);
  CHECK(kept(around, false, true) == 2);
  CHECK(kept(around, true, false) == 1);                     // the padded image is a result itself
  CHECK(kept({0, 0, 1, 2, 2, 1, 0, 0}, false, false) == 2);  // a row of taps on zeros alone
  CHECK(kept({0, 1, 1, 1, 2, 1, 0, 0}, false, false) == 2);  // images of zeros
  const Tensors inputs{random({2, 8, 7, 3}, 1), random({3, 4, 3, 5}, 2)};
  const auto results = [&](bool exact) {
    return compile(*step(around, false), {.name = "test", .exact = exact, .fuse = true})
        ->run(inputs);
  };
  const Tensors got = results(false), want = results(true);
  for (size_t i = 0; i < 2; ++i) CHECK(largest_difference(got[i], want[i]) < 1e-4);
}

TEST_CASE("momentum keeps its product apart: accumulating would need a copy") {
  const VariableRef w = variable(random({6, 5}, 1), "w"), m = variable(random({6, 5}, 2), "m");
  const auto names =
      step_names(trace_of({{DType::F32, {4, 6}}, {DType::F32, {4, 5}}},
                          [&](TensorSpan a) -> Tensors {
                            const Tensor g = ops::matmul(a[0], a[1], true, false);
                            m->assign(ops::sub(ops::scale(m->read(), 0.9), ops::scale(g, 0.1)));
                            w->assign(ops::add(w->read(), m->read()));
                            return {};
                          }),
                 false);
  CHECK(names == std::vector<std::string>{"matmul", "pointwise"});
}

TEST_CASE("equal nodes merge, unused ones go, constants fold") {
  CHECK(ops_of(simplified(kMatrix, [](TensorSpan a) -> Tensors {
          ops::sin(a[0]);
          return {ops::add(ops::exp(a[0]), ops::exp(a[0]))};
        })) == "exp add");
  const Graph graph = simplified(kMatrix, [](TensorSpan a) -> Tensors {
    const Tensor c = ops::exp(ops::full(DType::F32, {6}, 0.5));
    return {ops::mul(a[0], c)};
  });
  CHECK(ops_of(graph) == "multiply");
  CHECK(graph.constant(graph.nodes[0].inputs[1]));
}

TEST_CASE("bias and activation ride on the product") {
  const Mlp mlp(1);
  const auto names = step_names(
      trace_of({{DType::F32, {4, 6}}}, [&](TensorSpan args) { return mlp.predict(args); }));
  CHECK(names == std::vector<std::string>{"fused_matmul", "fused_matmul"});
}

// The steps of a function of (dy, kernel, skipped gradient, y), after its bits were compared with
// those of one step per op.
std::string gradient_steps(const Shape& dy, const Shape& kernel, const Shape& image, const Fn& fn) {
  const TraceRef trace = trace_of(
      {{DType::F32, dy}, {DType::F32, kernel}, {DType::F32, image}, {DType::F32, image}}, fn);
  const Tensors args{random(dy, 1), random(kernel, 2), random(image, 3), random(image, 4)};
  const ProgramRef plain = compile(*trace, {.name = "plain", .exact = true, .fuse = false});
  const ProgramRef fused = compile(*trace, {.name = "fused", .exact = true, .fuse = true});
  const Tensors got = fused->run(args), want = plain->run(args);
  for (size_t i = 0; i < want.size(); ++i) CHECK(same_bits(got[i], want[i]));
  std::string text;
  for (const std::string& name : step_names(trace)) text += (text.empty() ? "" : " ") + name;
  return text;
}

TEST_CASE("the gradient of a relu rides on the gradient before it") {
  const auto masked = [](const Tensor& y, const Tensor& dy) {
    return apply1(*find_op("relu_grad"), {y, dy});
  };
  const auto data_gradient = [](TensorSpan a, int64_t size) {
    return apply1(*find_op("conv_grad_data"), {a[0], a[1]},
                  Attrs()
                      .set("input_size", Ints{size, size})
                      .set("strides", Ints{1, 1})
                      .set("padding", Ints{0, 0, 0, 0})
                      .set("dilations", Ints{1, 1}));
  };
  const Shape dy{2, 6, 6, 72}, kernel{1, 1, 40, 72}, image{2, 6, 6, 40};
  CHECK(gradient_steps(dy, kernel, image, [&](TensorSpan a) -> Tensors {
          return {masked(a[3], ops::add(data_gradient(a, 6), a[2]))};
        }) == "fused_matmul");
  // The sum is a result itself.
  CHECK(gradient_steps(dy, kernel, image, [&](TensorSpan a) -> Tensors {
          const Tensor sum = ops::add(data_gradient(a, 6), a[2]);
          return {sum, masked(a[3], sum)};
        }) == "fused_matmul relu_grad");
  // The gradient lies where the mask belongs.
  CHECK(gradient_steps(dy, kernel, image, [&](TensorSpan a) -> Tensors {
          return {masked(data_gradient(a, 6), a[3])};
        }) == "conv_grad_data relu_grad");
  // No product: taps of three by three.
  CHECK(gradient_steps({2, 4, 4, 8}, {3, 3, 8, 8}, {2, 6, 6, 8}, [&](TensorSpan a) -> Tensors {
          return {masked(a[3], data_gradient(a, 6))};
        }) == "conv_grad_data relu_grad");
}

TEST_CASE("plain SGD becomes products that accumulate, outside exact mode") {
  const Mlp mlp(1);
  const TraceRef trace = trace_of({{DType::F32, {4, 6}}, {DType::F32, {4, 3}}},
                                  [&](TensorSpan args) { return mlp.train(args); });
  const auto count = [](const std::vector<std::string>& names, const char* name) {
    return std::count(names.begin(), names.end(), std::string(name));
  };
  const auto exact = step_names(trace, true), fast = step_names(trace, false);
  CHECK(count(exact, "matmul") == 2);
  CHECK(count(fast, "matmul") == 0);
  CHECK(count(fast, "fused_matmul") == 5);
  CHECK(exact.size() <= 11);
}

TEST_CASE("an element-wise expression with its sum is one step") {
  const auto names =
      step_names(trace_of({{DType::F32, {32, 8}}, {DType::F32, {8}}}, [](TensorSpan a) -> Tensors {
        const Tensor y = ops::tanh(ops::add(ops::mul(a[0], a[0]), a[1]));
        return {y, ops::sum(ops::mul(y, a[0]), {0})};
      }));
  CHECK(names == std::vector<std::string>{"pointwise"});
}

TEST_CASE("a reduction read by its own operands' consumers splits the cluster") {
  const TraceRef trace = trace_of({{DType::F32, {32, 8}}}, [](TensorSpan a) -> Tensors {
    const Tensor e = ops::exp(a[0]);
    return {ops::div(e, ops::sum(e, {1}, true))};
  });
  const auto names = step_names(trace);
  CHECK(names == std::vector<std::string>{"pointwise", "divide"});
}

TEST_CASE("equal updates of many variables are one list step") {
  std::vector<VariableRef> vars, moments;
  for (int i = 0; i < 5; ++i) {
    vars.push_back(variable(random({3 + i, 4}, static_cast<unsigned>(i)), "w"));
    moments.push_back(variable(random({3 + i, 4}, static_cast<unsigned>(i) + 50), "m"));
  }
  const auto names = step_names(trace_of({{DType::F32, {}}}, [&](TensorSpan args) -> Tensors {
    for (int i = 0; i < 5; ++i) {
      const Tensor g = ops::transpose(ops::transpose(vars[i]->read(), {1, 0}), {1, 0});
      const Tensor m = ops::add(ops::scale(moments[i]->read(), 0.9), ops::mul(args[0], g));
      moments[i]->assign(m);
      vars[i]->assign(ops::sub(vars[i]->read(), m));
    }
    return {};
  }));
  CHECK(names == std::vector<std::string>{"pointwise_list"});
}

TEST_CASE("golden plans") {
  const Mlp mlp(1);
  const TraceRef train = trace_of({{DType::F32, {4, 6}}, {DType::F32, {4, 3}}},
                                  [&](TensorSpan args) { return mlp.train(args); });
  const TraceRef predict =
      trace_of({{DType::F32, {4, 6}}}, [&](TensorSpan args) { return mlp.predict(args); });
  const TraceRef softmax = trace_of({{DType::F32, {8, 10}}}, [](TensorSpan args) -> Tensors {
    return {ops::softmax(ops::scale(args[0], 0.5)), ops::sum(args[0], {0})};
  });
  const std::pair<const char*, ProgramRef> zoo[] = {
      {"mlp_train", compile(*train, {.name = "train", .exact = false, .fuse = true})},
      {"mlp_train_exact", compile(*train, {.name = "train", .exact = true, .fuse = true})},
      {"mlp_predict", compile(*predict, {.name = "predict", .exact = true, .fuse = true})},
      {"softmax", compile(*softmax, {.name = "softmax", .exact = true, .fuse = true})}};
  for (const auto& [name, program] : zoo) {
    const std::string path = std::string(RANVIER_GOLDEN_DIR) + "/" + name + ".txt";
    if (env("RANVIER_UPDATE_GOLDEN")) std::ofstream(path) << program->dump();
    std::ostringstream golden;
    golden << std::ifstream(path).rdbuf();
    INFO("plan of ", name, " (RANVIER_UPDATE_GOLDEN=1 writes the files anew)");
    CHECK(golden.str() == program->dump());
  }
}
