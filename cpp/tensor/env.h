#pragma once
// Variables and the one environment stack that answers every read of them (thread-local).
// A StatelessScope, a trace and the body of a control-flow op are the same class of thing: a map
// variable -> tensor plus the set of variables written.

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/tensor.h"

namespace ranvier {

// State that outlives a step. `storage` is replaced by assign() or written in place by a program
// when nobody else holds it (copy on write by use count).
class Variable : public RefCounted {
  std::atomic<uint64_t> version_{0};  // beside the word: who takes the one compares the other

 public:
  std::atomic<int32_t> lock_word{0};         // its bits: runtime/locks.h
  std::atomic<uint32_t> lock_generation{0};  // of the process that the word is of

  Variable(Tensor value, std::string name, bool trainable);

  const TypeSpec& spec() const { return spec_; }
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  bool trainable() const { return trainable_; }
  void set_trainable(bool trainable) { trainable_ = trainable; }

  Tensor read();  // through the environment stack; tapes are told
  // Same shape and dtype, else ShapeError / DTypeError. A tape's gradient is that of the new value,
  // which passes none on to what it was computed from; in a stateless scope it does.
  void assign(Tensor value);

  // The memory itself, past the environment stack. The caller holds the right lock
  // (runtime/locks.h).
  const Tensor& storage() const { return storage_; }
  void set_storage(Tensor value);
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void bump_version() { version_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  TypeSpec spec_;
  std::string name_;
  bool trainable_;
  Tensor storage_;
};
using VariableRef = Ref<Variable>;

class Env {
 public:
  virtual ~Env() = default;
  Tensor read(Variable& variable);
  void assign(Variable& variable, Tensor value);
  const Tensor* find(const Variable& variable) const;
  // Written variables with their last values, in order of first write.
  const std::vector<std::pair<VariableRef, Tensor>>& written() const { return written_; }
  Env* enclosing_env() const { return parent_; }
  void set(Variable& variable, Tensor value);  // answers reads, does not count as written
  // Whether assigned values are results of a function rather than state.
  virtual bool is_stateless() const { return false; }

 protected:
  // What a value that comes from outside becomes in here. A trace makes it an input.
  virtual Tensor import(Variable& variable, Tensor outer) = 0;
  // Whether an imported value is kept as this frame's answer.
  virtual bool keeps_imports() const = 0;
  std::vector<std::pair<VariableRef, Tensor>>& mutable_written() { return written_; }

 private:
  friend Env* enter_env(Env* env);
  Env* parent_ = nullptr;
  std::unordered_map<const Variable*, std::pair<VariableRef, Tensor>> values_;
  std::vector<std::pair<VariableRef, Tensor>> written_;
};

// Keras' StatelessScope: reads fall through, writes stay here.
class StatelessEnv : public Env {
 public:
  bool is_stateless() const override { return true; }

 protected:
  Tensor import(Variable&, Tensor outer) override { return outer; }
  bool keeps_imports() const override { return false; }
};

Env* current_env();  // nullptr: storage answers
// Makes `env` the innermost frame, above the current one; nullptr suspends the whole stack. Returns
// the frame that was innermost before, to be given to leave_env.
Env* enter_env(Env* env);
void leave_env(Env* previous);

class EnvGuard {
 public:
  explicit EnvGuard(Env* env) : previous_(enter_env(env)) {}
  ~EnvGuard() { leave_env(previous_); }
  EnvGuard(const EnvGuard&) = delete;

 private:
  Env* previous_;
};

}  // namespace ranvier
