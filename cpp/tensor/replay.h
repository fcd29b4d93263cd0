#pragma once
// What a function did with tensors: the primitives it applied, kept with their kernels, to be run
// again on other values of the same types without asking the function.

#include <memory>
#include <unordered_map>

#include "tensor/record.h"

namespace ranvier {

// A finished list of primitives. Values are numbered: the arguments, then the constants, then what
// the primitives give, in their order.
class Recipe : public RefCounted {
 public:
  // The outputs for arguments of the recorded types; tapes see every primitive. Throws what a
  // primitive's guard throws.
  Tensors run(TensorSpan args) const;
  // The argument that output `i` is, or -1 for a value of its own.
  int output_argument(size_t i) const;

 private:
  friend class Recorder;
  struct Step {
    const OpRecord* op;
    Attrs attrs;
    std::vector<uint32_t> inputs;
    std::vector<TypeSpec> outputs;
    Kernel kernel;  // none of an alias
  };
  Tensors apply(const Step& step, TensorSpan inputs) const;
  bool is_one_step() const;

  size_t arguments_ = 0;
  size_t values_ = 0;
  bool one_step_ = false;  // of the arguments, in their order, whose results are the outputs
  Tensors constants_;
  std::vector<Step> steps_;
  std::vector<uint32_t> outputs_;
};
using RecipeRef = Ref<const Recipe>;

// While it lives, the thread's apply() tells it what is applied to values.
class Recorder {
 public:
  explicit Recorder(TensorSpan args);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void applied(const OpRecord& op, TensorSpan inputs, const Attrs& attrs, TensorSpan outputs);
  void constant(const Tensor& tensor);      // made of numbers that stand in the function
  void spoil() noexcept { fits_ = false; }  // the function looked at values
  // Null when the outputs depend on more than the arguments' values and the function's text, or
  // would share memory with what the recipe keeps.
  RecipeRef finish(TensorSpan outputs) const;

 private:
  struct Seen {
    enum class Kind : uint8_t { Argument, Constant, Result } kind;
    uint32_t index;
    bool shared;  // its memory is a constant's
  };
  struct Applied {
    const OpRecord* op;
    Attrs attrs;
    std::vector<Seen> inputs;
    Specs input_types;
    Tensors outputs;
  };
  const Seen* find(const Tensor& tensor) const;
  uint32_t number(const Seen& seen) const;

  bool fits_ = true;
  Tensors arguments_, constants_;
  std::vector<Applied> applied_;
  uint32_t results_ = 0;
  std::unordered_map<const TensorImpl*, Seen> seen_;
};

// The thread's innermost one, or null.
Recorder* current_recorder();

}  // namespace ranvier
