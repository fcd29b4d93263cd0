#include "tensor/tensor.h"

#include "base/error.h"
#include "base/half.h"
#include "tensor/trace.h"

namespace ranvier {
namespace {

// Calls body(T{}) with the C++ storage type of the dtype; 16-bit floats are uint16_t bit patterns.
template <class F>
void with_storage_type(DType dtype, F&& body) {
  switch (dtype) {
    case DType::Bool:
      return body(bool{});
    case DType::U8:
      return body(uint8_t{});
    case DType::U16:
      return body(uint16_t{});
    case DType::U32:
      return body(uint32_t{});
    case DType::U64:
      return body(uint64_t{});
    case DType::I8:
      return body(int8_t{});
    case DType::I16:
      return body(int16_t{});
    case DType::I32:
      return body(int32_t{});
    case DType::I64:
      return body(int64_t{});
    case DType::F32:
      return body(float{});
    case DType::F64:
      return body(double{});
    case DType::F16:
    case DType::BF16:
      return body(uint16_t{});
    case DType::F8E4M3:
    case DType::F8E5M2:
      return body(uint8_t{});
  }
}

template <class Value>
Tensor filled(DType dtype, const Shape& shape, Value value) {
  Tensor out = Tensor::empty(dtype, shape);
  with_storage_type(dtype, [&]<class T>(T) {
    T stored;
    if (dtype == DType::F16)
      stored = static_cast<T>(f32_to_f16(static_cast<float>(value)));
    else if (dtype == DType::BF16)
      stored = static_cast<T>(f32_to_bf16(static_cast<float>(value)));
    else if (dtype == DType::F8E4M3)
      stored = static_cast<T>(f32_to_f8<4>(static_cast<float>(value)));
    else if (dtype == DType::F8E5M2)
      stored = static_cast<T>(f32_to_f8<5>(static_cast<float>(value)));
    else
      stored = static_cast<T>(value);
    T* data = out.data_as<T>();
    for (int64_t i = 0, n = shape.size(); i < n; ++i) data[i] = stored;
  });
  return out;
}

}  // namespace

std::string TypeSpec::str() const { return name_of(dtype) + shape.str(); }

Tensor Tensor::empty(DType dtype, const Shape& shape) {
  Buffer buffer = Block::allocate(static_cast<size_t>(shape.size()) * size_of(dtype));
  void* data = buffer->data();
  return wrap(dtype, shape, std::move(buffer), data);
}

Tensor Tensor::wrap(DType dtype, const Shape& shape, Buffer buffer, void* data) {
  Tensor t;
  t.impl_ = make_ref<TensorImpl>();
  t.impl_->spec = {dtype, shape};
  t.impl_->buffer = std::move(buffer);
  t.impl_->data = data;
  return t;
}

Tensor Tensor::symbol(const TypeSpec& spec, uint64_t trace, uint32_t value) {
  Tensor t;
  t.impl_ = make_ref<TensorImpl>();
  t.impl_->spec = spec;
  t.impl_->trace = trace;
  t.impl_->value = value;
  return t;
}

Tensor Tensor::full(DType dtype, const Shape& shape, double value) {
  return filled(dtype, shape, value);
}

Tensor Tensor::full_int(DType dtype, const Shape& shape, int64_t value) {
  return filled(dtype, shape, value);
}

void* Tensor::data() const {
  if (is_symbol()) throw_value_needed(*this);
  return impl_->data;
}

Tensor Tensor::view(const Shape& shape) const {
  RV_CHECK(shape.size() == size());
  return wrap(dtype(), shape, impl_->buffer, data());
}

}  // namespace ranvier
