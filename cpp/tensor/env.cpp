#include "tensor/env.h"

#include <algorithm>

#include "base/error.h"
#include "ops/host_call.h"
#include "tensor/apply.h"
#include "tensor/tape.h"

namespace ranvier {
namespace {

thread_local Env* t_env = nullptr;

// The answer of the stack from `env` down: innermost map that has it, else imported from the
// parent.
Tensor read_from(Env* env, Variable& variable) {
  return env ? env->read(variable) : variable.storage();
}

// A program that is running may be writing any variable.
void refuse_in_host_call(const char* what, const Variable& variable) {
  if (ops::in_host_call())
    fail<GraphError>(what, ": variable '", variable.name(),
                     "' is used inside a host function. Expected a function of its inputs alone. ",
                     "Hint: pass the variable's value as an input.");
}

}  // namespace

Variable::Variable(Tensor value, std::string name, bool trainable)
    : spec_(value.spec()), name_(std::move(name)), trainable_(trainable) {
  set_storage(std::move(value));
}

void Variable::set_storage(Tensor value) {
  RV_CHECK(!value.is_symbol() && value.spec() == spec_);
  storage_ = std::move(value);
  bump_version();
}

Tensor Variable::read() {
  refuse_in_host_call("read", *this);
  Tensor tensor = read_from(t_env, *this);
  for (Tape* tape : active_tapes()) tape->record_read(*this, tensor);
  return tensor;
}

void Variable::assign(Tensor value) {
  refuse_in_host_call("assign", *this);
  if (value.shape() != spec_.shape)
    fail<ShapeError>("assign: the value's shape differs from the variable's. Expected shape ",
                     spec_.shape.str(), " for variable '", name_,
                     "'. Received: ", value.shape().str(), ".");
  if (value.dtype() != spec_.dtype)
    fail<DTypeError>("assign: the value's dtype differs from the variable's. Expected ",
                     name_of(spec_.dtype), " for variable '", name_,
                     "'. Received: ", name_of(value.dtype()), ". Hint: ops.cast the value first.");
  if (trainable_ && !active_tapes().empty() && !(t_env && t_env->is_stateless()))
    value = apply1(*find_op("stop_gradient"), {value});
  if (t_env) return t_env->assign(*this, std::move(value));
  set_storage(std::move(value));
}

const Tensor* Env::find(const Variable& variable) const {
  auto it = values_.find(&variable);
  return it == values_.end() ? nullptr : &it->second.second;
}

Tensor Env::read(Variable& variable) {
  if (const Tensor* known = find(variable)) return *known;
  Tensor value = import(variable, read_from(parent_, variable));
  if (keeps_imports()) set(variable, value);
  return value;
}

void Env::assign(Variable& variable, Tensor value) {
  set(variable, value);
  auto known = std::find_if(written_.begin(), written_.end(),
                            [&](const auto& item) { return item.first.get() == &variable; });
  if (known != written_.end())
    known->second = std::move(value);
  else
    written_.emplace_back(VariableRef(&variable), std::move(value));
}

void Env::set(Variable& variable, Tensor value) {
  values_[&variable] = {VariableRef(&variable), std::move(value)};
}

Env* current_env() { return t_env; }

Env* enter_env(Env* env) {
  Env* previous = t_env;
  if (env) env->parent_ = previous;
  t_env = env;
  return previous;
}

void leave_env(Env* previous) { t_env = previous; }

}  // namespace ranvier
