#pragma once
// Dense row-major shapes, rank 0 to 8, stored inline.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace ranvier {

inline constexpr int kMaxRank = 8;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(
      std::span<const int64_t> dims);  // throws ShapeError: rank > 8, negative or overflowing size

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis]; }  // 0 <= axis < rank
  int64_t at(int axis) const { return dims_[axis < 0 ? axis + rank_ : axis]; }
  int64_t size() const;  // number of elements; 1 for rank 0
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  // Row-major strides in elements.
  std::array<int64_t, kMaxRank> strides() const;

  void push_back(int64_t dim);
  Shape with(int axis, int64_t dim) const;
  Shape insert(int axis, int64_t dim) const;
  Shape erase(int axis) const;
  std::string str() const;  // "(2, 3)", "(2,)", "()"

  bool operator==(const Shape& other) const;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// NumPy broadcasting; throws ShapeError naming `op` and both shapes.
Shape broadcast(const char* op, const Shape& a, const Shape& b);
// Maps a possibly negative axis into [0, rank); throws ShapeError naming `op`.
int normalize_axis(const char* op, int64_t axis, int rank);

}  // namespace ranvier
