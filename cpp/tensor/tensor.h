#pragma once
// A handle to an immutable dense row-major value, or to a symbol: one output of a node of a trace.

#include <cstdint>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/dtype.h"
#include "base/ref.h"
#include "base/shape.h"

namespace ranvier {

struct TypeSpec {
  DType dtype = DType::F32;
  Shape shape;

  int64_t size() const { return shape.size(); }
  size_t bytes() const { return static_cast<size_t>(shape.size()) * size_of(dtype); }
  std::string str() const;  // "float32(2, 3)"
  bool operator==(const TypeSpec&) const = default;
};

class TensorImpl : public RefCounted {
 public:
  TypeSpec spec;
  Buffer buffer;         // keeps `data` alive; null for a symbol
  void* data = nullptr;  // value: first element
  uint64_t trace = 0;    // symbol: the id of its trace; 0 for a value
  uint32_t value = 0;    // symbol: its index among the values of that trace
};

class Tensor {
 public:
  Tensor() = default;
  // Uninitialized value.
  static Tensor empty(DType dtype, const Shape& shape);
  // Value in borrowed or shared memory.
  static Tensor wrap(DType dtype, const Shape& shape, Buffer buffer, void* data);
  static Tensor symbol(const TypeSpec& spec, uint64_t trace, uint32_t value);
  // Rank-0 or filled constant of any dtype, converted from double / int64.
  static Tensor full(DType dtype, const Shape& shape, double value);
  static Tensor full_int(DType dtype, const Shape& shape, int64_t value);

  explicit operator bool() const { return static_cast<bool>(impl_); }
  bool is_symbol() const { return impl_->trace != 0; }
  const TypeSpec& spec() const { return impl_->spec; }
  DType dtype() const { return impl_->spec.dtype; }
  const Shape& shape() const { return impl_->spec.shape; }
  int rank() const { return shape().rank(); }
  int64_t size() const { return shape().size(); }

  // Values only; a symbol throws GraphError that says what to do.
  void* data() const;
  template <class T>
  T* data_as() const {
    return static_cast<T*>(data());
  }
  // The same elements under another shape of equal size, without a copy. Values only.
  Tensor view(const Shape& shape) const;

  TensorImpl* get() const { return impl_.get(); }
  const Ref<TensorImpl>& ref() const { return impl_; }
  bool operator==(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  Ref<TensorImpl> impl_;
};

using Tensors = std::vector<Tensor>;
using TensorSpan = std::span<const Tensor>;

}  // namespace ranvier
