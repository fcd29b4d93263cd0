// Records of recurrent sequences: their first derivatives are kernels, the second ones scans, which
// the runtime runs.

#include "ops/harness.h"
#include "runtime/program.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("recurrent sequences have derivatives of both orders") {
  install_control_flow();
  const int64_t batch = 2, steps = 3, units = 2;
  const auto f64 = [](const Shape& shape, uint32_t number) { return values(shape, -1, 1, number); };
  const Tensor mask = Tensor::empty(DType::Bool, {batch, steps});
  for (int64_t i = 0; i < mask.size(); ++i) mask.data_as<bool>()[i] = i != 1 && i != 5;
  int number = 0;
  for (const auto& [kind, gates] :
       {std::pair("lstm", int64_t{4}), std::pair("gru", int64_t{3}),
        std::pair("gru_before", int64_t{3}), std::pair("simple", int64_t{1})}) {
    for (const int options : {0, 1, 2, 3}) {
      const bool masked = options % 2 == 1, drop = options > 1;
      ++number;
      const std::string name = kind;
      Tensors inputs = {f64({batch, steps, gates * units}, 1), f64({units, gates * units}, 2)};
      if (name == "gru") inputs.push_back(f64({gates * units}, 3));
      inputs.push_back(f64({batch, units}, 4));
      if (name == "lstm") inputs.push_back(f64({batch, units}, 5));
      if (drop) inputs.push_back(f64({batch, gates * units}, 6));
      if (masked) inputs.push_back(mask);
      Attrs attrs{{"kind", name}, {"drop", drop}, {"mask", masked}, {"backwards", number % 3 == 0}};
      if (drop) attrs.set("activation", std::string("sigmoid"));
      attrs.set("sequence", number % 2 == 0);
      check_row({"rnn_sequence", inputs, attrs});
      check_row({"rnn_sequence_saved", inputs, attrs});
    }
  }
}
