#include "base/shape.h"

#include <algorithm>

#include "base/error.h"

namespace ranvier {
namespace {

std::string text_of(std::span<const int64_t> dims) {
  std::string out = "(";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(dims[i]);
  }
  out += dims.size() == 1 ? ",)" : ")";
  return out;
}

// Refuses what no array can have. The product leaves zeros out, so that no stride overflows either.
void validate(std::span<const int64_t> dims) {
  if (dims.size() > static_cast<size_t>(kMaxRank))
    fail<ShapeError>("shape: too many dimensions. Expected rank 0 to ", kMaxRank,
                     ". Received: ", text_of(dims), " of rank ", dims.size(), ".");
  int64_t product = 1;
  for (int64_t dim : dims) {
    if (dim < 0)
      fail<ShapeError>(
          "shape: negative dimension. Expected sizes of 0 or more. Received: ", text_of(dims), ".");
    if (dim > 0 && __builtin_mul_overflow(product, dim, &product))
      fail<ShapeError>(
          "shape: too many elements. Expected fewer than 2^63. Received: ", text_of(dims), ".");
  }
}

}  // namespace

Shape::Shape(std::span<const int64_t> dims) {
  validate(dims);
  std::copy(dims.begin(), dims.end(), dims_.begin());
  rank_ = static_cast<int>(dims.size());
}

int64_t Shape::size() const {
  int64_t product = 1;
  for (int64_t dim : *this) product *= dim;
  return product;
}

std::array<int64_t, kMaxRank> Shape::strides() const {
  std::array<int64_t, kMaxRank> out{};
  int64_t step = 1;
  for (int axis = rank_ - 1; axis >= 0; --axis) {
    out[axis] = step;
    step *= std::max<int64_t>(dims_[axis], 1);
  }
  return out;
}

void Shape::push_back(int64_t dim) { *this = insert(rank_, dim); }

Shape Shape::with(int axis, int64_t dim) const {
  RV_CHECK(axis >= 0 && axis < rank_);
  std::array<int64_t, kMaxRank> dims = dims_;
  dims[axis] = dim;
  return Shape(std::span<const int64_t>(dims.data(), rank_));
}

Shape Shape::insert(int axis, int64_t dim) const {
  RV_CHECK(axis >= 0 && axis <= rank_);
  std::array<int64_t, kMaxRank + 1> dims{};
  std::copy(begin(), begin() + axis, dims.begin());
  dims[axis] = dim;
  std::copy(begin() + axis, end(), dims.begin() + axis + 1);
  return Shape(std::span<const int64_t>(dims.data(), rank_ + 1));
}

Shape Shape::erase(int axis) const {
  RV_CHECK(axis >= 0 && axis < rank_);
  Shape out;
  std::copy(begin(), begin() + axis, out.dims_.begin());
  std::copy(begin() + axis + 1, end(), out.dims_.begin() + axis);
  out.rank_ = rank_ - 1;
  return out;
}

std::string Shape::str() const { return text_of(dims()); }

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int offset = longer.rank() - shorter.rank();
  std::array<int64_t, kMaxRank> dims{};
  for (int axis = 0; axis < longer.rank(); ++axis) {
    const int64_t x = longer[axis];
    const int64_t y = axis < offset ? 1 : shorter[axis - offset];
    if (x != y && x != 1 && y != 1)
      fail<ShapeError>(
          op,
          ": shapes do not broadcast. Expected sizes that are equal or 1, counted from "
          "the last axis. Received: ",
          a.str(), " and ", b.str(), ".");
    dims[axis] = x == 1 ? y : x;
  }
  return Shape(std::span<const int64_t>(dims.data(), longer.rank()));
}

int normalize_axis(const char* op, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    if (rank == 0)
      fail<ShapeError>(
          op, ": axis out of range. Expected no axis: the input is a scalar. Received: ", axis,
          ".");
    fail<ShapeError>(op, ": axis out of range. Expected ", -rank, " to ", rank - 1,
                     " for an input of rank ", rank, ". Received: ", axis, ".");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace ranvier
