// Joint instructions: that the optimizers' forms are found, that the loop gives their bits, in
// place too, and that nothing is joined whose inner values somebody else reads.

#include "support.h"

namespace {

using namespace pw_test;
using B = ProgramBuilder;
using V = PwValue;

V op1(B& b, PwOp op, V x) { return b.op(op, {x}); }
V op2(B& b, PwOp op, V x, V y) { return b.op(op, {x, y}); }
V number(B& b, double value) { return b.constant(value, DType::F32); }

// Operands g, m, v, w as far as the form reads them, then the scalar a; results in the order of the
// operands after g that they replace.
struct Form {
  const char* name;
  std::vector<int> streams;  // 0: g, 1: m, 2: v, 3: w
  void (*make)(B& b, const V* x, V a);
  size_t instructions;
};

void update_by_adam(B& b, const V* x, V w, V a) {
  const V g = x[0], m = x[1], v = x[2];
  const V new_m = op2(b, PwOp::Add, m, op2(b, PwOp::Mul, op2(b, PwOp::Sub, g, m), number(b, 0.1)));
  const V change = op2(b, PwOp::Sub, op1(b, PwOp::Square, g), v);
  const V new_v = op2(b, PwOp::Add, v, op2(b, PwOp::Mul, change, number(b, 0.001)));
  const V root = op2(b, PwOp::Add, op1(b, PwOp::Sqrt, new_v), number(b, 1e-7));
  b.output(new_m);
  b.output(new_v);
  b.output(op2(b, PwOp::Sub, w, op2(b, PwOp::Div, op2(b, PwOp::Mul, new_m, a), root)));
}
void make_adam(B& b, const V* x, V a) { update_by_adam(b, x, x[3], a); }
void make_adam_w(B& b, const V* x, V a) {
  const V decayed = op2(b, PwOp::Sub, x[3], op2(b, PwOp::Mul, x[3], number(b, 0.004)));
  update_by_adam(b, x, decayed, a);
}
void make_momentum(B& b, const V* x, V a) {
  const V g = x[0], m = x[1], w = x[3];
  const V new_m = op2(b, PwOp::Sub, op2(b, PwOp::Mul, m, number(b, 0.9)), op2(b, PwOp::Mul, g, a));
  b.output(new_m);
  b.output(op2(b, PwOp::Add, w, new_m));
}
void make_rms(B& b, const V* x, V a) {
  const V g = x[0], v = x[2], w = x[3];
  const V squares = op2(b, PwOp::Mul, op1(b, PwOp::Square, g), number(b, 0.1));
  const V new_v = op2(b, PwOp::Add, op2(b, PwOp::Mul, v, number(b, 0.9)), squares);
  const V root = op1(b, PwOp::Sqrt, op2(b, PwOp::Add, new_v, number(b, 1e-7)));
  b.output(new_v);
  b.output(op2(b, PwOp::Sub, w, op2(b, PwOp::Div, op2(b, PwOp::Mul, g, a), root)));
}
const Form kForms[] = {{"adam", {0, 1, 2, 3}, make_adam, 3},
                       {"adam_w", {0, 1, 2, 3}, make_adam_w, 4},
                       {"momentum", {0, 1, 3}, make_momentum, 3},
                       {"rms", {0, 2, 3}, make_rms, 6}};

ProgramBuilder builder_of(const Form& form, int64_t n) {
  ProgramBuilder b({n});
  V x[4];
  for (int k : form.streams) x[k] = b.input(DType::F32, {n});
  form.make(b, x, b.input(DType::F32, {}));
  return b;
}

const float kRate = 0.125f;

std::vector<float> operand_of(const Form& form, size_t k, int64_t n) {
  const int stream = form.streams[k];
  return random_floats(static_cast<size_t>(n), stream == 2 ? 0.01f : -3, 3,
                       static_cast<uint32_t>(stream + 1));
}

// Results of a run on fresh copies of the operands, over them or beside them.
std::vector<std::vector<float>> results(const PointwiseProgram& program, const Form& form,
                                        int64_t n, bool in_place, const Context& ctx = Context()) {
  std::vector<std::vector<float>> data;
  for (size_t k = 0; k < form.streams.size(); ++k) data.push_back(operand_of(form, k, n));
  std::vector<const void*> inputs;
  for (const auto& values : data) inputs.push_back(values.data());
  inputs.push_back(&kRate);
  std::vector<std::vector<float>> out(data.begin() + 1, data.end());
  std::vector<void*> outputs;
  for (size_t k = 0; k < out.size(); ++k)
    outputs.push_back(in_place ? data[k + 1].data() : out[k].data());
  run(program, inputs, outputs, ctx);
  return in_place ? std::vector(data.begin() + 1, data.end()) : out;
}

TEST_CASE("an optimizer's update is one loop of the same bits") {
  for (Isa isa : levels())
    for (const Form& form : kForms)
      for (int64_t n : {2, 15, 16, 37, 1024, 3001}) {
        CAPTURE(std::string(form.name));
        CAPTURE(n);
        const ProgramBuilder builder = builder_of(form, n);
        const PointwiseProgram joint = builder.build(isa);
        const PointwiseProgram simple = builder.build(isa, {.merge_rich = false});
        REQUIRE(joint.joints.size() == 1);
        CHECK(std::string(joint.joints[0].name) == form.name);
        CHECK(joint.body.size() == form.instructions);
        CHECK(simple.joints.empty());
        const auto expected = results(simple, form, n, false);
        for (bool in_place : {false, true}) {
          const auto found = results(joint, form, n, in_place);
          for (size_t k = 0; k < expected.size(); ++k) CHECK(same_bits(found[k], expected[k]));
        }
      }
}

TEST_CASE("large updates are cut by shape: the same bits for any number of threads") {
  const int64_t n = 300'001;
  for (const Form& form : kForms) {
    const PointwiseProgram program = builder_of(form, n).build();
    const auto one = results(program, form, n, true);
    set_num_threads(3);
    const auto three = results(program, form, n, true, default_context());
    set_num_threads(1);
    for (size_t k = 0; k < one.size(); ++k) CHECK(same_bits(one[k], three[k]));
  }
}

TEST_CASE("a list of updates gives each variable the bits it gets alone") {
  const int64_t sizes[] = {5, 3000, 1025, 16};
  for (const Form& form : kForms) {
    const PointwiseList list = prepare_pointwise_list(builder_of(form, 3000).build(), sizes);
    REQUIRE(list.program.joints.size() == 1);
    std::vector<std::vector<float>> data;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    for (int64_t n : sizes) {
      for (size_t k = 0; k < form.streams.size(); ++k) {
        data.push_back(operand_of(form, k, n));
        inputs.push_back(data.back().data());
        if (k > 0) outputs.push_back(data.back().data());
      }
      inputs.push_back(&kRate);
    }
    Guarded worker(worker_stride(list.scratch));
    run_pointwise_list(Context(), list, inputs.data(), outputs.data(), nullptr, worker.data(),
                       worker_stride(list.scratch));
    CHECK(worker.intact());
    size_t at = 0;
    for (int64_t n : sizes) {
      const auto alone = results(builder_of(form, n).build(), form, n, true);
      for (size_t k = 0; k < alone.size(); ++k) CHECK(same_bits(data[at + k + 1], alone[k]));
      at += form.streams.size();
    }
  }
}

TEST_CASE("an inner value that is read elsewhere keeps its instructions") {
  const int64_t n = 100;
  ProgramBuilder b({n});
  const V g = b.input(DType::F32, {n}), m = b.input(DType::F32, {n}), w = b.input(DType::F32, {n});
  const V step = op2(b, PwOp::Mul, g, b.input(DType::F32, {}));
  const V new_m = op2(b, PwOp::Sub, op2(b, PwOp::Mul, m, number(b, 0.9)), step);
  b.output(new_m);
  b.output(op2(b, PwOp::Add, w, new_m));
  SUBCASE("as an output") { b.output(step); }
  SUBCASE("by a later instruction") { b.output(op1(b, PwOp::Neg, step)); }
  CHECK(b.build().joints.empty());
}

TEST_CASE("a factor that is an array is no scalar") {
  const int64_t n = 100;
  ProgramBuilder b({n});
  V x[4];
  for (V& value : x) value = b.input(DType::F32, {n});
  make_momentum(b, x, x[2]);
  CHECK(b.build().joints.empty());
}

}  // namespace
