#include "ops/host_call.h"

#include "base/error.h"
#include "compiler/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

VariableRef g_variable;

// Function 0 doubles, 1 fails, 2 reads a variable.
bool call(const ops::HostCall& host, std::string& error) noexcept {
  CHECK(ops::in_host_call());
  if (host.function == 1) {
    error = "no luck.";
    return false;
  }
  if (host.function == 2) {
    try {
      g_variable->read();
    } catch (const GraphError& e) {
      error = e.what();
      return false;
    }
  }
  for (int64_t i = 0; i < host.outputs[0].size(); ++i)
    static_cast<float*>(host.out[0])[i] = 2 * static_cast<const float*>(host.in[0])[i];
  return true;
}

Tensors gradients(int64_t, const VjpArgs& args) { return {ops::scale(args.grads[0], 2)}; }

Tensor host(const Tensor& x, int64_t function) {
  ops::set_host_language({call, gradients});
  const Ints shapes{1, x.shape()[0]};
  return apply1(*find_op("host_call"), {x},
                {{"function", function},
                 {"shapes", shapes},
                 {"dtypes", std::string("float32")},
                 {"subject", std::string("double it")}});
}

ProgramRef program_of(int64_t function, const VariableRef& written) {
  return compile(*trace_of({{DType::F32, {3}}}, [&](TensorSpan a) {
    written->assign(ops::add(written->read(), a[0]));
    return Tensors{host(ops::exp(a[0]), function)};
  }));
}

}  // namespace

TEST_CASE("a host function is a step of a program") {
  const VariableRef w = variable(random({3}, 1), "w");
  const Tensor x = random({3}, 2), before = copy(w->storage());
  const Tensors out = program_of(0, w)->run(Tensors{x});
  for (int i = 0; i < 3; ++i)
    CHECK(out[0].data_as<float>()[i] == doctest::Approx(2 * std::exp(x.data_as<float>()[i])));
  CHECK(!same_bits(w->storage(), before));
  CHECK(!ops::in_host_call());
}

TEST_CASE("its failure names it and changes no variable") {
  const VariableRef w = variable(random({3}, 1), "w");
  const Tensor x = random({3}, 2), before = copy(w->storage());
  CHECK_THROWS_WITH_AS(program_of(1, w)->run(Tensors{x}), doctest::Contains("double it: no luck."),
                       ValueError);
  CHECK(same_bits(w->storage(), before));
  CHECK_THROWS_AS(host(x, 1), ValueError);
}

TEST_CASE("it may not touch variables") {
  const VariableRef w = variable(random({3}, 1), "w");
  g_variable = variable(random({3}, 3), "hidden");
  CHECK_THROWS_WITH_AS(program_of(2, w)->run(Tensors{random({3}, 2)}),
                       doctest::Contains("'hidden' is used inside a host function"), ValueError);
  g_variable = {};
}

TEST_CASE("equal calls run once, and the gradient is the host's") {
  const VariableRef w = variable(random({3}, 1), "w");
  const ProgramRef program = compile(*trace_of({{DType::F32, {3}}}, [](TensorSpan a) {
    return Tensors{ops::add(host(a[0], 0), host(a[0], 0))};
  }));
  int calls = 0;
  for (const StepInfo& step : program->stats().steps) calls += step.op == "host_call";
  CHECK(calls == 1);
  Tape tape;
  const Tensor x = random({3}, 2);
  tape.start();
  tape.watch(x);
  const Tensor y = ops::sum_all(host(x, 0));
  tape.stop();
  const Tensor dx = tape.gradient(Tensors{y}, {}, Tensors{x})[0];
  CHECK(dx.data_as<float>()[1] == 2);
}
