#pragma once
// Functions of the host language (linear algebra of NumPy, Python callbacks) as one op. A function
// is a number in a table that the host owns; nothing here holds an object of its.
//
//   host_call  inputs: any tensors
//              attrs: function, shapes (rank, sizes... per output), dtypes (names, comma between),
//              subject (what an error message names)
//
// A function is pure: equal calls are merged, unused ones dropped. It gets the values alone; it
// must not read variables, since the program around it may be writing them. It runs on the thread
// that called the program and may fail: a guard, before any variable is written.

#include <string>

#include "tensor/record.h"

namespace ranvier::ops {

// The guard code of a host function that failed; its message stays with its thread.
inline constexpr uint32_t kHostFailed = 3;

struct HostCall {
  int64_t function;
  std::span<const TypeSpec> inputs, outputs;
  const void* const* in;
  void* const* out;
};

struct HostLanguage {
  // Fills the outputs; false with the reason in `error` when the function failed.
  bool (*call)(const HostCall& call, std::string& error) noexcept = nullptr;
  // Gradients of the inputs by the function's rule; all null where it has none.
  Tensors (*gradients)(int64_t function, const VjpArgs& args) = nullptr;
};
void set_host_language(const HostLanguage& host);

// Is this thread inside a host function?
bool in_host_call();
// Why the last host function of this thread failed.
const std::string& host_error();

}  // namespace ranvier::ops
