// Values between the rows of a table, against the sum of their definition.

#include "kernels/cpu/data/sample.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

template <class T>
struct Case {
  int axes;
  int64_t rows, points, depth;
  double fill;
  std::vector<T> x, y;
  std::vector<std::vector<int32_t>> row;
  std::vector<std::vector<T>> weight;
  std::vector<rk::SampleAxis> along;

  Case(int n_axes, int64_t n_rows, int64_t n_points, int64_t n_depth, double outside)
      : axes(n_axes), rows(n_rows), points(n_points), depth(n_depth), fill(outside) {
    x = numbers<T>(rows * depth, 1);
    y.assign(static_cast<size_t>(points * depth), T{-7});
    for (int a = 0; a < axes; ++a)
      for (const int side : {0, 1}) {
        const auto seed = static_cast<uint32_t>(2 * a + side + 2);
        weight.push_back(numbers<T>(points, seed));
        row.emplace_back();
        for (int64_t p = 0; p < points; ++p) {
          const auto drawn = static_cast<int32_t>((p * 2654435761u + seed * 40503u) >> 5 & 0xffff);
          const auto count = static_cast<int32_t>(rows / axes + 1);
          // Some lie far below zero, and with several axes some sums lie past the end.
          row.back().push_back(drawn % 7 == 0 ? INT32_MIN : drawn % count);
        }
      }
    for (size_t a = 0; a < static_cast<size_t>(axes); ++a)
      along.push_back({{row[2 * a].data(), row[2 * a + 1].data()},
                       {weight[2 * a].data(), weight[2 * a + 1].data()}});
  }

  std::vector<T> run(const Context& context, Isa isa) const {
    const DType dtype = sizeof(T) == 8 ? DType::F64 : DType::F32;
    std::vector<T> out = y;
    rk::run_sample(context, rk::prepare_sample(dtype, axes, rows, points, depth, fill, isa),
                   out.data(), x.data(), along.data());
    return out;
  }

  std::vector<T> expected() const {
    std::vector<T> out;
    for (size_t p = 0; p < static_cast<size_t>(points); ++p)
      for (int64_t d = 0; d < depth; ++d) {
        double sum = 0;
        for (size_t corner = 0; corner < size_t{1} << axes; ++corner) {
          int64_t at = 0;
          double product = 1;
          for (size_t a = 0; a < static_cast<size_t>(axes); ++a) {
            const size_t side = 2 * a + (corner >> a & 1);
            at += row[side][p];
            product *= static_cast<double>(weight[side][p]);
          }
          const bool inside = at >= 0 && at < rows;
          sum += product *
                 (inside ? static_cast<double>(x[static_cast<size_t>(at * depth + d)]) : fill);
        }
        out.push_back(static_cast<T>(sum));
      }
    return out;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("values between rows equal their definition", T, float, double) {
  for (const int axes : {1, 2, 3, 5})
    for (const int64_t depth : {1, 3, 4, 7, 40, 0})
      for (const int64_t points : {0, 1, 37}) {
        CAPTURE(axes);
        CAPTURE(depth);
        CAPTURE(points);
        const Case<T> c(axes, 23, points, depth, depth % 2 ? 1.5 : 0);
        for_each_isa([&](Isa isa) {
          check_close(c.run(Context{}, isa), c.expected(), sizeof(T) == 4 ? 1e-6 : 1e-14);
        });
      }
}

TEST_CASE("values between rows are the same for any number of threads") {
  const Case<float> c(2, 400, 20000, 3, 0);
  check_threads([&](const Context& context) { return c.run(context, active_isa()); });
}
