#pragma once
// A recorded computation: nodes in program order over symbols, with its inputs, outputs and
// variable writes.

#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/env.h"
#include "tensor/record.h"
#include "tensor/site.h"

namespace ranvier {

struct Node : RefCounted {
  const OpRecord* op;
  Attrs attrs;
  Tensors inputs;  // symbols of this trace, or values (constants)
  Tensors outputs;
  Site site;
  uint32_t remat = 0;   // computed again in the backward pass, with its group; 0: kept
  uint32_t region = 0;  // not 0: never merged with an equal node of another region
};
using NodeRef = Ref<Node>;

struct TraceInput {
  enum class Kind { Argument, Capture, Variable } kind;
  Tensor symbol;
  Tensor outer;          // Capture: a symbol of an enclosing trace, or a taped value
  VariableRef variable;  // Variable: whose value it is on entry

  // Whether both stand for the same thing outside the trace.
  bool same_source(const TraceInput& other) const {
    return kind == other.kind && kind != Kind::Argument && outer == other.outer &&
           variable == other.variable;
  }
};

class Trace : public RefCounted, public Env {
 public:
  Trace();
  ~Trace() override = default;

  uint64_t id() const { return id_; }
  Tensor add_argument(const TypeSpec& spec);
  // Appends a node; inputs of enclosing traces become captures. Returns its output symbols.
  Tensors add_node(const OpRecord& op, Tensors inputs, Attrs attrs, const Specs& outputs);
  // Closes the trace: no further nodes.
  void finish(Tensors outputs);
  bool finished() const { return finished_; }
  // The same computation as a body: every input an Argument, in the order of `order` (which holds
  // at least all inputs of this trace; those it lacks are added, unused), and the last values of
  // `written` inserted into the outputs at `position`. A variable that is not written here passes
  // its input through; it must be in `order`.
  Ref<Trace> closed(const std::vector<TraceInput>& order, const std::vector<VariableRef>& written,
                    size_t position) const;

  // The same computation and variable writes with other outputs, chosen among its values.
  Ref<Trace> with_outputs(Tensors outputs) const;
  // The nodes that `outputs` need, and those with effects, as a function of `inputs`: values of
  // this trace that, with constants, all of this can be computed from.
  Ref<Trace> part(TensorSpan inputs, Tensors outputs) const;

  const std::vector<TraceInput>& inputs() const { return inputs_; }
  const std::vector<NodeRef>& nodes() const { return nodes_; }
  const Tensors& outputs() const { return outputs_; }
  uint32_t value_count() const { return value_count_; }
  std::string str() const;  // one node a line

  // The symbol by which `outer` is known in here.
  Tensor capture(const Tensor& outer);
  // The same if it has been captured; else `outer` itself.
  Tensor known_as(const Tensor& outer) const;

 protected:
  Tensor import(Variable& variable, Tensor outer) override;
  bool keeps_imports() const override { return true; }

 private:
  Tensor new_symbol(const TypeSpec& spec);
  Trace* enclosing() const;
  uint64_t id_;
  bool finished_ = false;
  uint32_t value_count_ = 0;
  std::vector<TraceInput> inputs_;
  std::vector<NodeRef> nodes_;
  Tensors outputs_;
  std::unordered_map<const TensorImpl*, Tensor> captured_;
};
using TraceRef = Ref<Trace>;

// Innermost trace of this thread's environment stack, or nullptr.
Trace* current_trace();
// Runs the nodes of a finished trace again on other inputs: eagerly on values, inlined on symbols.
Tensors replay(const Trace& trace, TensorSpan inputs);
// The GraphError for the use of a symbol where a value is needed: of a running trace, or a leaked
// one.
[[noreturn]] void throw_value_needed(const Tensor& symbol);
// Value of a symbol that depends on constants alone; a null Tensor otherwise.
Tensor constant_value(const Tensor& symbol);

// What is traced from here on is kept (0) or computed again in the backward pass, as one group.
uint32_t current_remat();
void set_current_remat(uint32_t group);
uint32_t new_remat_group();
// The region that nodes traced from here on belong to.
uint32_t current_region();
void set_current_region(uint32_t region);

}  // namespace ranvier
