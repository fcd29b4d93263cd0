#include "tensor/attrs.h"

#include <algorithm>
#include <functional>
#include <sstream>

#include "base/error.h"
#include "tensor/trace.h"

namespace ranvier {
namespace {

template <class T>
const T& get_as(const AttrValue* value, std::string_view name) {
  const T* typed = value ? std::get_if<T>(value) : nullptr;
  if (!typed) fail<InternalError>("attribute '", name, "' is missing or has another type");
  return *typed;
}

size_t mix(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2));
}

template <class T>
size_t hash_range(const std::vector<T>& values) {
  size_t h = values.size();
  for (const T& v : values) h = mix(h, std::hash<T>{}(v));
  return h;
}

struct Hasher {
  size_t operator()(const Ints& v) const { return hash_range(v); }
  size_t operator()(const Floats& v) const { return hash_range(v); }
  size_t operator()(const Body& v) const { return std::hash<const void*>{}(v.get()); }
  size_t operator()(const Payload& v) const { return std::hash<std::string>{}(v->str()); }
  size_t operator()(DType v) const { return static_cast<size_t>(v); }
  template <class T>
  size_t operator()(const T& v) const {
    return std::hash<T>{}(v);
  }
};

struct Printer {
  std::ostream& out;
  template <class T>
  void list(const std::vector<T>& values) const {
    out << '(';
    for (size_t i = 0; i < values.size(); ++i) out << (i ? ", " : "") << values[i];
    out << ')';
  }
  void operator()(const Ints& v) const { list(v); }
  void operator()(const Floats& v) const { list(v); }
  void operator()(bool v) const { out << (v ? "true" : "false"); }
  void operator()(DType v) const { out << name_of(v); }
  void operator()(const Body& v) const { out << "body[" << v->nodes().size() << " nodes]"; }
  void operator()(const Payload& v) const { out << v->str(); }
  void operator()(const std::string& v) const { out << '"' << v << '"'; }
  template <class T>
  void operator()(const T& v) const {
    out << v;
  }
};

bool equal_values(const AttrValue& a, const AttrValue& b) {
  if (a.index() != b.index()) return false;
  if (const Payload* payload = std::get_if<Payload>(&a))
    return (*payload)->str() == std::get<Payload>(b)->str();
  return a == b;
}

}  // namespace

Attrs::Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> items) {
  for (const auto& [name, value] : items) set(name, value);
}

Attrs& Attrs::set(std::string_view name, AttrValue value) {
  auto place =
      std::lower_bound(items_.begin(), items_.end(), name,
                       [](const auto& item, std::string_view key) { return item.first < key; });
  if (place != items_.end() && place->first == name)
    place->second = std::move(value);
  else
    items_.emplace(place, std::string(name), std::move(value));
  return *this;
}

const AttrValue* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : items_)
    if (key == name) return &value;
  return nullptr;
}

bool Attrs::flag(std::string_view name) const { return get_as<bool>(find(name), name); }
bool Attrs::flag(std::string_view name, bool otherwise) const {
  return has(name) ? flag(name) : otherwise;
}
int64_t Attrs::integer(std::string_view name) const { return get_as<int64_t>(find(name), name); }
int64_t Attrs::integer(std::string_view name, int64_t otherwise) const {
  return has(name) ? integer(name) : otherwise;
}
double Attrs::real(std::string_view name) const {
  const AttrValue* value = find(name);
  if (const int64_t* integer = value ? std::get_if<int64_t>(value) : nullptr)
    return static_cast<double>(*integer);
  return get_as<double>(value, name);
}
double Attrs::real(std::string_view name, double otherwise) const {
  return has(name) ? real(name) : otherwise;
}
const std::string& Attrs::text(std::string_view name) const {
  return get_as<std::string>(find(name), name);
}
DType Attrs::dtype(std::string_view name) const { return get_as<DType>(find(name), name); }
const Ints& Attrs::ints(std::string_view name) const { return get_as<Ints>(find(name), name); }
const Floats& Attrs::floats(std::string_view name) const {
  return get_as<Floats>(find(name), name);
}
const Body& Attrs::body(std::string_view name) const { return get_as<Body>(find(name), name); }
const Payload& Attrs::payload(std::string_view name) const {
  return get_as<Payload>(find(name), name);
}

size_t Attrs::hash() const {
  size_t h = items_.size();
  for (const auto& [name, value] : items_)
    h = mix(mix(h, std::hash<std::string>{}(name)), std::visit(Hasher{}, value));
  return h;
}

std::string Attrs::str() const {
  if (items_.empty()) return "";
  std::ostringstream out;
  out << '{';
  const char* separator = "";
  for (const auto& [name, value] : items_) {
    out << separator << name << '=';
    std::visit(Printer{out}, value);
    separator = ", ";
  }
  out << '}';
  return out.str();
}

bool Attrs::operator==(const Attrs& other) const {
  return std::equal(items_.begin(), items_.end(), other.items_.begin(), other.items_.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && equal_values(a.second, b.second);
                    });
}

}  // namespace ranvier
