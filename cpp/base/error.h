#pragma once
// Typed errors. One message form: "op: problem. Expected ... Received: ... Hint: ...".
// The bindings map each type to a Python exception once.

#include <sstream>
#include <stdexcept>
#include <string>

namespace ranvier {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ShapeError : Error {
  using Error::Error;
};  // -> ValueError
struct ValueError : Error {
  using Error::Error;
};  // -> ValueError
struct DTypeError : Error {
  using Error::Error;
};  // -> TypeError
struct IndexError : Error {
  using Error::Error;
};  // -> IndexError; label or index out of range
struct GraphError : Error {
  using Error::Error;
};  // -> RuntimeError; leaked symbol, value of a symbol needed
struct MemoryError : Error {
  using Error::Error;
};  // -> MemoryError
struct InternalError : Error {
  using Error::Error;
};  // -> RuntimeError; a bug of ours

// Throws E with the arguments streamed into one message.
template <class E, class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  throw E(out.str());
}

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace ranvier

// For our own invariants only; user errors are typed and found in inference.
#define RV_CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::ranvier::check_failed(#condition, __FILE__, __LINE__))
