#include <numeric>
#include <tuple>
#include <type_traits>

#include "kernels/cpu/data/copy.h"
#include "kernels/cpu/data/fill.h"
#include "kernels/cpu/data/reference.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
namespace ref = ranvier::kernels::reference;

namespace {

template <class T>
std::vector<T> counting(int64_t n) {
  std::vector<T> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(i * 2654435761u + 1);
  return out;
}

using Ints = std::vector<int64_t>;

template <class F>
void for_each_element(const F& f) {
  f(uint8_t{}), f(uint16_t{}), f(uint32_t{}), f(uint64_t{});
}

// prepare(element_bytes) against plain indexing: want(flat index of dst) is a flat index of src.
template <class Prepare, class Want>
void check_copy(int64_t src_size, int64_t dst_size, const Prepare& prepare, const Want& want) {
  for_each_isa([&](Isa) {
    for_each_element([&](auto element) {
      using T = decltype(element);
      CAPTURE(sizeof(T));
      const auto src = counting<T>(src_size);
      std::vector<T> dst(static_cast<size_t>(dst_size));
      const rk::StridedCopy p = prepare(static_cast<int>(sizeof(T)));
      CHECK(p.count == dst_size);
      rk::run_strided_copy(Context{}, p, dst.data(), src.data());
      for (int64_t i = 0; i < dst_size; ++i) REQUIRE(dst[i] == src[want(i)]);
    });
  });
}

Ints unravel(int64_t i, const Shape& shape) {
  Ints index(static_cast<size_t>(shape.rank()));
  for (int a = shape.rank() - 1; a >= 0; --a) {
    index[a] = i % shape[a];
    i /= shape[a];
  }
  return index;
}

int64_t ravel(const Ints& index, const Shape& shape) {
  int64_t i = 0;
  for (int a = 0; a < shape.rank(); ++a) i = i * shape[a] + index[a];
  return i;
}

}  // namespace

TEST_CASE("transpose: every permutation of small shapes, large planes") {
  const std::vector<std::pair<Shape, std::vector<int>>> cases = {
      {{}, {}},
      {{5}, {0}},
      {{3, 5}, {1, 0}},
      {{0, 5}, {1, 0}},
      {{64, 64}, {1, 0}},
      {{67, 131}, {1, 0}},
      {{300, 500}, {1, 0}},
      {{2, 3, 4}, {2, 0, 1}},
      {{7, 9, 33}, {0, 2, 1}},
      {{7, 9, 33}, {1, 0, 2}},
      {{7, 9, 33}, {2, 1, 0}},
      {{2, 17, 19, 3}, {0, 3, 1, 2}},
      {{2, 3, 17, 19}, {0, 2, 3, 1}},
      {{2, 1, 3, 1, 2, 2, 1, 3}, {7, 6, 5, 4, 3, 2, 1, 0}}};
  for (const auto& [shape, perm] : cases) {
    CAPTURE(shape.str());
    Shape dst;
    for (const int a : perm) dst.push_back(shape[a]);
    check_copy(
        shape.size(), shape.size(),
        [&](int bytes) { return rk::prepare_transpose(bytes, shape, perm); },
        [&](int64_t i) {
          const Ints at = unravel(i, dst);
          Ints from(at.size());
          for (size_t a = 0; a < at.size(); ++a) from[perm[a]] = at[a];
          return ravel(from, shape);
        });
  }
}

TEST_CASE("broadcast, tile, repeat") {
  const std::vector<std::pair<Shape, Shape>> cases = {{{}, {3, 4}},
                                                      {{1}, {70000}},
                                                      {{5, 1}, {5, 7}},
                                                      {{1, 7}, {5, 7}},
                                                      {{3, 1, 2}, {4, 3, 5, 2}},
                                                      {{3, 1}, {0, 3, 2}}};
  for (const auto& [src, dst] : cases) {
    const auto source = [&src = src, &dst = dst](int64_t i) {
      Ints at = unravel(i, dst);
      at.erase(at.begin(), at.begin() + (dst.rank() - src.rank()));
      for (int a = 0; a < src.rank(); ++a)
        if (src[a] == 1) at[a] = 0;
      return ravel(at, src);
    };
    check_copy(
        src.size(), dst.size(), [&](int bytes) { return rk::prepare_broadcast(bytes, src, dst); },
        source);
  }
  const Shape src = {3, 2, 5};
  const Ints reps = {2, 1, 3};
  const Shape copied = {6, 2, 15};
  for (const bool whole : {true, false})
    check_copy(
        src.size(), copied.size(),
        [&](int bytes) { return rk::prepare_copies(bytes, src, reps, whole); },
        [&](int64_t i) {
          Ints at = unravel(i, copied);
          for (int a = 0; a < 3; ++a) at[a] = whole ? at[a] % src[a] : at[a] / reps[a];
          return ravel(at, src);
        });
}

TEST_CASE("single elements repeated, long rows reversed") {
  const Shape src = {3, 77};
  for (const int64_t times : {2, 3, 4, 5, 8, 16, 17})
    check_copy(
        src.size(), src.size() * times,
        [&](int bytes) {
          return rk::prepare_copies(bytes, src, Ints{1, times}, false);
        },
        [&](int64_t i) { return i / times; });
  const int axes[] = {1};
  for (const int64_t cols : {1, 63, 64, 65, 5000})
    check_copy(
        3 * cols, 3 * cols,
        [&](int bytes) {
          return rk::prepare_reverse(bytes, Shape{3, cols}, axes);
        },
        [&](int64_t i) { return i / cols * cols + cols - 1 - i % cols; });
}

TEST_CASE("slices, also backwards, and reversal") {
  const Shape src = {9, 20, 6};
  const std::vector<std::tuple<Ints, Ints, Shape>> cases = {
      {Ints{0, 0, 0}, Ints{1, 1, 1}, Shape{9, 20, 6}},
      {Ints{2, 3, 1}, Ints{1, 1, 1}, Shape{5, 7, 4}},
      {Ints{8, 19, 5}, Ints{-1, -1, -1}, Shape{9, 20, 6}},
      {Ints{1, 18, 0}, Ints{3, -4, 2}, Shape{3, 5, 3}},
      {Ints{0, 0, 0}, Ints{1, 1, 1}, Shape{9, 0, 6}}};
  for (const auto& [begin, step, dst] : cases) {
    const auto source = [&, &begin = begin, &step = step, &dst = dst](int64_t i) {
      Ints at = unravel(i, dst);
      for (int a = 0; a < 3; ++a) at[a] = begin[a] + at[a] * step[a];
      return ravel(at, src);
    };
    check_copy(
        src.size(), dst.size(),
        [&](int bytes) { return rk::prepare_slice(bytes, src, dst, begin, step); }, source);
  }
  const int axes[] = {0, 2};
  check_copy(
      src.size(), src.size(), [&](int bytes) { return rk::prepare_reverse(bytes, src, axes); },
      [&](int64_t i) {
        Ints at = unravel(i, src);
        at[0] = 8 - at[0], at[2] = 5 - at[2];
        return ravel(at, src);
      });
}

TEST_CASE("slice update writes its region alone and undoes a slice") {
  const Shape dst = {9, 20, 6}, update = {3, 5, 3};
  const Ints begin = {1, 18, 0}, step = {3, -4, 2};
  for_each_element([&](auto element) {
    using T = decltype(element);
    const auto src = counting<T>(update.size());
    std::vector<T> got(static_cast<size_t>(dst.size()), T(77)), want = got;
    rk::run_strided_copy(Context{}, rk::prepare_slice_update(sizeof(T), dst, update, begin, step),
                         got.data(), src.data());
    for (int64_t i = 0; i < update.size(); ++i) {
      Ints at = unravel(i, update);
      for (int a = 0; a < 3; ++a) at[a] = begin[a] + at[a] * step[a];
      want[ravel(at, dst)] = src[i];
    }
    CHECK(got == want);
  });
}

TEST_CASE("a strided copy equals its recursive twin for irregular strides") {
  const Ints sizes = {3, 1, 40, 5}, dst_strides = {2000, 7, 13, 2}, src_strides = {0, 3, -11, 520};
  const auto src = counting<uint32_t>(4000);
  std::vector<uint32_t> got(8000), want(8000);
  const auto p = rk::prepare_strided_copy(4, sizes, dst_strides, src_strides, 5, 500);
  rk::run_strided_copy(Context{}, p, got.data(), src.data());
  ref::strided_copy(4, sizes, dst_strides, src_strides, want.data() + 5, src.data() + 500);
  CHECK(got == want);
}

TEST_CASE("concat and roll") {
  for_each_element([&](auto element) {
    using T = decltype(element);
    for (int axis = 0; axis < 3; ++axis) {
      std::vector<Shape> shapes;
      std::vector<std::vector<T>> inputs;
      int64_t joined = 0;
      for (const int64_t n : {4, 0, 7, 1}) {
        shapes.push_back(Shape{5, 3, 6}.with(axis, n));
        inputs.push_back(counting<T>(shapes.back().size()));
        joined += n;
      }
      const Shape out = Shape{5, 3, 6}.with(axis, joined);
      std::vector<rk::ConcatPart> parts(4);
      const rk::Concat p = rk::prepare_concat(sizeof(T), shapes, axis, parts);
      std::vector<const void*> src;
      for (const auto& input : inputs) src.push_back(input.data());
      std::vector<T> dst(static_cast<size_t>(out.size()));
      rk::run_concat(Context{}, p, parts, dst.data(), src.data());
      for (int64_t i = 0; i < out.size(); ++i) {
        Ints at = unravel(i, out);
        size_t part = 0;
        while (at[axis] >= shapes[part][axis]) at[axis] -= shapes[part++][axis];
        REQUIRE(dst[i] == inputs[part][ravel(at, shapes[part])]);
      }
      for (const int64_t shift : {0, 1, -2, 50}) {
        std::vector<T> rolled(dst.size());
        rk::run_roll(Context{}, rk::prepare_roll(sizeof(T), out, axis, shift), rolled.data(),
                     dst.data());
        for (int64_t i = 0; i < out.size(); ++i) {
          Ints at = unravel(i, out);
          at[axis] = ((at[axis] + shift) % joined + joined) % joined;
          REQUIRE(rolled[ravel(at, out)] == dst[i]);
        }
      }
    }
  });
}

namespace {

// outer rows of parts of the given sizes, joined along the last axis.
template <class T>
void check_rows_joined(int64_t outer, const Ints& sizes) {
  CAPTURE(sizes.size());
  std::vector<Shape> shapes;
  std::vector<std::vector<T>> inputs;
  std::vector<const void*> src;
  for (const int64_t size : sizes) {
    shapes.push_back({outer, size});
    inputs.push_back(counting<T>(outer * size));
    src.push_back(inputs.back().data());
  }
  std::vector<rk::ConcatPart> parts(sizes.size());
  const rk::Concat p = rk::prepare_concat(sizeof(T), shapes, 1, parts);
  const auto row = p.row_bytes / static_cast<int64_t>(sizeof(T));
  std::vector<T> buffer(static_cast<size_t>(outer * row) + 64 / sizeof(T)), want;
  T* dst = buffer.data();
  while (reinterpret_cast<uintptr_t>(dst) % 64 != 0) ++dst;
  rk::run_concat(Context{}, p, parts, dst, src.data());
  for (int64_t r = 0; r < outer; ++r)
    for (size_t i = 0; i < sizes.size(); ++i)
      want.insert(want.end(), inputs[i].begin() + r * sizes[i],
                  inputs[i].begin() + (r + 1) * sizes[i]);
  CHECK(std::memcmp(dst, want.data(), want.size() * sizeof(T)) == 0);
}

}  // namespace

TEST_CASE("single elements joined, and whole lines past the caches, at every level") {
  for_each_isa([](Isa) {
    for_each_element([](auto element) {
      using T = decltype(element);
      for (const int64_t parts : {2, 3, 4, 5}) check_rows_joined<T>(1003, Ints(parts, 1));
    });
    check_rows_joined<uint32_t>(50000, {64, 32});
  });
}

TEST_CASE("every second, third, fourth and fifth element") {
  for_each_isa([](Isa) {
    const Shape src = {2, 1000};
    for (const int64_t step : {2, 3, 4, 5}) {
      const Shape dst = {2, (1000 - 2) / step};
      check_copy(
          src.size(), dst.size(),
          [&](int bytes) {
            return rk::prepare_slice(bytes, src, dst, Ints{0, 2}, Ints{1, step});
          },
          [&](int64_t i) { return i / dst[1] * 1000 + 2 + i % dst[1] * step; });
    }
  });
}

TEST_CASE("copies are the same for any number of threads") {
  const auto src = counting<uint32_t>(600 * 700);
  const std::vector<int> perm = {1, 0};
  const auto transpose = rk::prepare_transpose(4, {600, 700}, perm);
  const auto broadcast = rk::prepare_broadcast(4, {1, 700}, {600, 700});
  check_threads([&](const Context& context) {
    std::vector<uint32_t> dst(3 * src.size());
    rk::run_strided_copy(context, transpose, dst.data(), src.data());
    rk::run_strided_copy(context, broadcast, dst.data() + src.size(), src.data());
    const uint32_t value = 5;
    rk::run_fill(context, 4, static_cast<int64_t>(src.size()), dst.data() + 2 * src.size(), &value);
    CHECK(dst.back() == 5);
    return dst;
  });
}

TEST_CASE("ranges, identities, triangles, diagonals") {
  const Context context;
  std::vector<float> f(5);
  rk::run_arange(context, DType::F32, 5, f.data(), 1.0, -0.5);
  CHECK(f == std::vector<float>{1, 0.5, 0, -0.5, -1});
  std::vector<int64_t> l(3);
  rk::run_arange(context, DType::I64, 3, l.data(), -2, 3);
  CHECK(l == std::vector<int64_t>{-2, 1, 4});
  std::vector<uint16_t> b(3);
  rk::run_arange(context, DType::BF16, 3, b.data(), 0, 1);
  CHECK(b == std::vector<uint16_t>{0, 0x3f80, 0x4000});

  for (const int64_t k : {-3, -1, 0, 2, 9}) {
    std::vector<float> eye(3 * 5, 7), lower(2 * 3 * 5), upper(2 * 3 * 5);
    rk::run_eye(context, DType::F32, 3, 5, k, eye.data());
    const auto x = numbers<float>(2 * 3 * 5, 1);
    rk::run_triangle(context, 4, 2, 3, 5, k, true, lower.data(), x.data());
    upper = x;
    rk::run_triangle(context, 4, 2, 3, 5, k, false, upper.data(), upper.data());
    for (int64_t i = 0; i < 15; ++i) {
      const int64_t d = i % 5 - i / 5;
      CHECK(eye[i] == (d == k ? 1.0f : 0.0f));
      for (const int64_t at : {i, i + 15}) {
        CHECK(lower[at] == (d <= k ? x[at] : 0.0f));
        CHECK(upper[at] == (d >= k ? x[at] : 0.0f));
      }
    }
    const int64_t n = 4 + std::abs(k);
    std::vector<float> matrix(static_cast<size_t>(n * n), 3);
    rk::run_diag(context, 4, 4, k, matrix.data(), x.data());
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < n; ++c)
        CHECK(matrix[r * n + c] == (c - r == k ? x[k < 0 ? c : r] : 0.0f));
  }
}
