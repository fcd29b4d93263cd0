#pragma once
// Static attributes of a node: a short list of (name, value), sorted by name. Equal attributes
// compare and hash equal, so nodes can be merged and programs cached by them.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/ref.h"

namespace ranvier {

class Trace;
using Ints = std::vector<int64_t>;
using Floats = std::vector<double>;
using Body = Ref<Trace>;  // a closed sub-trace; all its inputs are explicit

// An opaque immutable payload made by a compiler pass (a pointwise program, an epilogue).
struct AttrPayload : RefCounted {
  virtual ~AttrPayload() = default;
  virtual std::string str() const = 0;  // equal text means equal payload
};
using Payload = Ref<AttrPayload>;

using AttrValue =
    std::variant<bool, int64_t, double, std::string, DType, Ints, Floats, Body, Payload>;

class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> items);

  Attrs& set(std::string_view name, AttrValue value);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Typed access; a missing name or a wrong type is an InternalError, except with a default.
  bool flag(std::string_view name) const;
  bool flag(std::string_view name, bool otherwise) const;
  int64_t integer(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise) const;
  double real(std::string_view name) const;  // accepts an integer
  double real(std::string_view name, double otherwise) const;
  const std::string& text(std::string_view name) const;
  DType dtype(std::string_view name) const;
  const Ints& ints(std::string_view name) const;
  const Floats& floats(std::string_view name) const;
  const Body& body(std::string_view name) const;
  const Payload& payload(std::string_view name) const;

  const std::vector<std::pair<std::string, AttrValue>>& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  size_t hash() const;
  std::string str() const;  // "{axis=1, keepdims=true}"; "" when empty
  bool operator==(const Attrs& other) const;

 private:
  const AttrValue* find(std::string_view name) const;
  std::vector<std::pair<std::string, AttrValue>> items_;
};

}  // namespace ranvier
