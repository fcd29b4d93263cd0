// Scans in programs: those of one loop are one step, and gradients read what its steps kept.

#include "compiler/passes/passes.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::compiler;
using namespace ranvier::test;

namespace {

Specs operands_of(int64_t batch) {
  return {{DType::F32, {batch, 8}}, {DType::F32, {6, batch, 8}}, {DType::F32, {8, 8}}};
}
const Specs kOperands = operands_of(4);

// h' = tanh(h w + x), y = h'²
Tensors rnn(TensorSpan a, bool reverse = false) {
  const Tensor w = a[2];
  return scan(
      [&](TensorSpan s) {
        const Tensor h = ops::tanh(ops::add(ops::matmul(s[0], w), s[1]));
        return Tensors{h, ops::square(h)};
      },
      {a[0]}, {a[1]}, -1, reverse);
}

Tensors rnn_training(TensorSpan a) {
  const Tensors out = rnn(a);
  const Tensor loss = ops::add(ops::sum_all(out[0]), ops::sum_all(out[1]));
  Tensors results = gradients(loss, {a[0], a[1], a[2]});
  results.insert(results.begin(), loss);
  return results;
}

size_t scans_in(const ProgramRef& program) {
  size_t count = 0;
  for (const StepInfo& step : program->stats().steps) count += step.op == "scan";
  return count;
}

Graph merged(const Fn& fn, const Specs& operands = kOperands) {
  Graph graph = graph_of(*trace_of(operands, fn));
  simplify(graph, true);
  merge_scans(graph);
  graph.verify("test", true);
  return graph;
}

std::vector<const GraphNode*> scans_of(const Graph& graph) {
  std::vector<const GraphNode*> scans;
  for (const GraphNode& node : graph.nodes)
    if (node.named("scan")) scans.push_back(&node);
  return scans;
}

size_t count(const Trace& body, std::string_view op) {
  size_t found = 0;
  for (const NodeRef& node : body.nodes()) found += op == node->op->name;
  return found;
}

}  // namespace

TEST_CASE("a loop and the one its gradient runs for its values are one scan") {
  CHECK(scans_in(compile(*trace_of(kOperands, rnn_training))) == 2);
  const Graph graph = merged(rnn_training);
  const auto scans = scans_of(graph);
  REQUIRE(scans.size() == 2);
  // h, h², and of each step the h it began with and its tanh
  CHECK(scans[0]->outputs.size() == 4);
  const Trace& backward = *scans[1]->attrs.body("body");
  CHECK(count(backward, "tanh") == 0);
}

TEST_CASE("what is under remat is computed again, and so is what costs less than to store it") {
  const auto backward_ops = [](bool remat) {
    const Graph graph = merged([&](TensorSpan a) {
      const Tensors out = scan(
          [&](TensorSpan s) {
            set_current_remat(remat ? new_remat_group() : 0);
            const Tensor h = ops::tanh(ops::add(s[0], s[1]));
            set_current_remat(0);
            return Tensors{ops::square(ops::add(h, s[1])), h};
          },
          {a[0]}, {a[1]}, -1, false);
      return gradients(ops::sum_all(out[0]), {a[0]});
    });
    const Trace& body = *scans_of(graph).back()->attrs.body("body");
    return std::pair(count(body, "tanh"), count(body, "add") > 0);
  };
  CHECK(backward_ops(false) == std::pair<size_t, bool>(0, true));
  CHECK(backward_ops(true) == std::pair<size_t, bool>(1, true));
}

TEST_CASE("the gradient of a weight is one product over all steps unless each step has many rows") {
  const auto products = [](int64_t batch) {
    const Graph graph =
        merged([](TensorSpan a) { return gradients(ops::sum_all(rnn(a)[1]), {a[2]}); },
               operands_of(batch));
    size_t outside = 0;
    for (const GraphNode& node : graph.nodes) outside += node.named("matmul");
    return std::pair(outside, count(*scans_of(graph)[1]->attrs.body("body"), "matmul"));
  };
  CHECK(products(4).first == 1);
  CHECK(products(4).second == 1);  // the gradient of h
  CHECK(products(64).first == 0);
  CHECK(products(64).second == 2);
}

TEST_CASE("a merged scan gives what its parts gave") {
  const Tensors operands{random({4, 8}, 1), random({6, 4, 8}, 2), random({8, 8}, 3)};
  const auto run = [&](const Fn& fn) {
    return compile(*trace_of(kOperands, fn), {.name = "test", .exact = true, .fuse = true})
        ->run(operands);
  };
  const auto part = [](size_t begin, size_t end) {
    return [=](TensorSpan a) {
      const Tensors all = rnn_training(a);
      return Tensors(all.begin() + static_cast<ptrdiff_t>(begin),
                     all.begin() + static_cast<ptrdiff_t>(end));
    };
  };
  const Tensors together = run(rnn_training), loss = run(part(0, 1)), grads = run(part(1, 4));
  CHECK(same_bits(together[0], loss[0]));
  for (size_t i = 0; i < grads.size(); ++i) CHECK(same_bits(together[i + 1], grads[i]));
}

TEST_CASE("other loops stay apart") {
  const auto loops = [](bool reverse, bool other_xs) {
    const Graph graph = merged([&](TensorSpan a) {
      const TraceRef trace = trace_of(kOperands, [](TensorSpan in) { return rnn(in); });
      const Node& node = *trace->nodes()[0];
      const auto again = [&](TensorSpan operands, bool backwards) {
        Attrs attrs = node.attrs;
        attrs.set("reverse", backwards);
        return apply(*node.op, Tensors(operands.begin(), operands.end()), attrs);
      };
      Tensors out = again(a, false);
      Tensors operands(a.begin(), a.end());
      if (other_xs) operands[1] = ops::exp(a[1]);
      for (const Tensor& t : again(operands, reverse)) out.push_back(t);
      return out;
    });
    return scans_of(graph).size();
  };
  CHECK(loops(false, false) == 1);
  CHECK(loops(true, false) == 2);
  CHECK(loops(false, true) == 2);
}

TEST_CASE("products of slices and what depends on constants alone leave the loop") {
  const Specs operands{{DType::F32, {4, 8}}, {DType::F32, {6, 4, 3}}, {DType::F32, {3, 8}}};
  const TraceRef trace = trace_of(operands, [](TensorSpan a) {
    const Tensor w = a[2];
    return scan(
        [&](TensorSpan s) {
          const Tensor x = ops::matmul(ops::sin(s[1]), ops::exp(w));
          const Tensor row = ops::broadcast_to(ops::reshape(ops::sum(w, {0}), {1, 8}), {4, 8});
          return Tensors{ops::mul(ops::tanh(ops::add(s[0], x)), row), ops::cos(s[1])};
        },
        {a[0]}, {a[1]}, -1, false);
  });
  std::string outside;
  for (const NodeRef& node : trace->nodes()) outside += std::string(node->op->name) + " ";
  CHECK(outside == "sin exp matmul sum reshape scan ");
  const Node& loop = *trace->nodes().back();
  CHECK(loop.attrs.integer("n_xs") == 2);  // the products, and the slices that cos reads
  CHECK(loop.inputs.size() == 4);
  const Trace& body = *loop.attrs.body("body");
  CHECK(count(body, "matmul") == 0);
  CHECK(count(body, "broadcast_to") == 1);  // it would only grow
  CHECK(count(body, "cos") == 1);           // no product: as cheap in the loop
}

TEST_CASE("what a step changes, checks or cannot do for all steps at once stays in the loop") {
  const VariableRef v = variable(random({8, 8}, 1), "v");
  const TraceRef trace = trace_of(
      {{DType::F32, {4, 8}}, {DType::F32, {6, 4, 8}}, {DType::F32, {4, 8}}}, [&](TensorSpan a) {
        const Tensor rows = a[2];
        return scan(
            [&](TensorSpan s) {
              apply(*find_op("check_finite"), {rows});
              const Tensor x = ops::matmul(s[1], v->read());
              v->assign(ops::exp(v->read()));
              const Tensor gram = ops::matmul(rows, s[1], false, true);
              return Tensors{ops::add(ops::matmul(gram, s[0]), x)};
            },
            {a[0]}, {a[1]}, -1, false);
      });
  REQUIRE(trace->nodes().size() == 1);
  const Trace& body = *trace->nodes()[0]->attrs.body("body");
  CHECK(count(body, "matmul") == 3);
  CHECK(count(body, "check_finite") == 1);
}

TEST_CASE("a product of many rows stays in the loop: its results would fill the memory") {
  const auto products_inside = [](int64_t rows) {
    const TraceRef trace =
        trace_of({{DType::F32, {6, rows, 8}}, {DType::F32, {8, 8}}}, [](TensorSpan a) {
          return scan([&](TensorSpan s) -> Tensors { return {ops::tanh(ops::matmul(s[0], a[1]))}; },
                      {}, {a[0]}, -1, false);
        });
    return count(*trace->nodes().back()->attrs.body("body"), "matmul");
  };
  CHECK(products_inside(32) == 0);
  CHECK(products_inside(33) == 1);
}
