#include "kernels/cpu/nn/reference.h"
#include "kernels/cpu/nn/softmax.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
namespace ref = ranvier::kernels::reference;

namespace {

constexpr std::pair<int64_t, int64_t> kShapes[] = {{0, 5},   {3, 0},    {1, 1},   {5, 3},
                                                   {7, 10},  {4, 16},   {3, 17},  {2, 33},
                                                   {33, 64}, {2, 1000}, {1, 5003}};

template <class T>
constexpr DType kType = sizeof(T) == 4 ? DType::F32 : DType::F64;

template <class T>
void check_against_reference(Isa isa, double tolerance) {
  const rk::SoftmaxKernels& k = rk::softmax_kernels(kType<T>, isa);
  const Context context;
  for (const auto& [rows, cols] : kShapes) {
    CAPTURE(rows);
    CAPTURE(cols);
    const int64_t n = rows * cols;
    const auto x = numbers<T>(n, 1, 20), dy = numbers<T>(n, 2), labels = numbers<T>(n, 3, 0.5, 0.5);
    const auto dloss = numbers<T>(rows, 4);
    std::vector<T> y(x.size()), want(x.size()), out(x.size());
    k.softmax(context, rows, cols, y.data(), x.data());
    ref::softmax(rows, cols, want.data(), x.data());
    check_close(y, want, tolerance);
    k.softmax_backward(context, rows, cols, out.data(), dy.data(), y.data());
    ref::softmax_backward(rows, cols, want.data(), dy.data(), y.data());
    check_close(out, want, tolerance);

    k.log_softmax(context, rows, cols, y.data(), x.data());
    ref::log_softmax(rows, cols, want.data(), x.data());
    check_close(y, want, tolerance);
    k.log_softmax_backward(context, rows, cols, out.data(), dy.data(), y.data());
    ref::log_softmax_backward(rows, cols, want.data(), dy.data(), y.data());
    check_close(out, want, 50 * tolerance);  // sums of dy near zero against exp(y) * sum

    std::vector<T> loss(dloss.size()), want_loss(dloss.size()), prob(x.size());
    k.cross_entropy(context, rows, cols, loss.data(), prob.data(), x.data(), labels.data());
    ref::cross_entropy(rows, cols, want_loss.data(), want.data(), x.data(), labels.data());
    check_close(loss, want_loss, 5 * tolerance);
    check_close(prob, want, tolerance);
    k.cross_entropy_backward(context, rows, cols, out.data(), prob.data(), labels.data(),
                             dloss.data());
    ref::cross_entropy_backward(rows, cols, want.data(), prob.data(), labels.data(), dloss.data());
    check_close(out, want, 50 * tolerance);
  }
}

template <class T>
void check_columns(Isa isa, const rk::SoftmaxColumns& p, double tolerance) {
  const rk::SoftmaxColumnsKernels& k = rk::softmax_columns_kernels(kType<T>, isa);
  const Context context;
  const int64_t rows = p.outer * p.inner, n = rows * p.count;
  // (outer, count, inner) and (outer, inner, count)
  const auto moved = [&](const std::vector<T>& from, bool to_rows) {
    std::vector<T> to(from.size());
    for (int64_t o = 0; o < p.outer; ++o)
      for (int64_t c = 0; c < p.count; ++c)
        for (int64_t i = 0; i < p.inner; ++i) {
          const auto columns = static_cast<size_t>((o * p.count + c) * p.inner + i);
          const auto row = static_cast<size_t>((o * p.inner + i) * p.count + c);
          to[to_rows ? row : columns] = from[to_rows ? columns : row];
        }
    return to;
  };
  const auto x = numbers<T>(n, 1, 20), dy = numbers<T>(n, 2);
  const auto xt = moved(x, true), dyt = moved(dy, true);
  std::vector<T> y(x.size()), out(x.size()), want(x.size()), want_out(x.size());
  k.softmax(context, p, y.data(), x.data());
  ref::softmax(rows, p.count, want.data(), xt.data());
  check_close(y, moved(want, false), tolerance);
  k.softmax_backward(context, p, out.data(), dy.data(), y.data());
  ref::softmax_backward(rows, p.count, want_out.data(), dyt.data(), want.data());
  check_close(out, moved(want_out, false), 5 * tolerance);
  k.log_softmax(context, p, y.data(), x.data());
  ref::log_softmax(rows, p.count, want.data(), xt.data());
  check_close(y, moved(want, false), tolerance);
  k.log_softmax_backward(context, p, out.data(), dy.data(), y.data());
  ref::log_softmax_backward(rows, p.count, want_out.data(), dyt.data(), want.data());
  check_close(out, moved(want_out, false), 50 * tolerance);
}

template <class T, class Label>
void check_sparse(Isa isa, DType label_dtype, double tolerance) {
  const rk::SoftmaxKernels& k = rk::softmax_kernels(kType<T>, isa);
  const Context context;
  for (const auto& [rows, cols] : kShapes) {
    if (cols == 0) continue;
    CAPTURE(rows);
    CAPTURE(cols);
    const auto x = numbers<T>(rows * cols, 5, 10), dloss = numbers<T>(rows, 6);
    std::vector<Label> labels(static_cast<size_t>(rows));
    std::vector<T> hot(x.size());
    for (int64_t r = 0; r < rows; ++r) {
      labels[r] = static_cast<Label>(r * 7 % cols);
      hot[r * cols + labels[r]] = 1;
    }
    std::vector<T> loss(dloss.size()), want_loss(dloss.size()), prob(x.size()), want(x.size());
    k.sparse_cross_entropy(context, rows, cols, loss.data(), prob.data(), x.data(), labels.data(),
                           label_dtype);
    ref::cross_entropy(rows, cols, want_loss.data(), want.data(), x.data(), hot.data());
    check_close(loss, want_loss, tolerance);
    check_close(prob, want, tolerance);
    ref::cross_entropy_backward(rows, cols, want.data(), prob.data(), hot.data(), dloss.data());
    // In place, as the plan may bind it.
    k.sparse_cross_entropy_backward(context, rows, cols, prob.data(), prob.data(), labels.data(),
                                    label_dtype, dloss.data());
    check_close(prob, want, tolerance);
  }
}

}  // namespace

TEST_CASE("softmax family equals its reference at every level") {
  for_each_isa([](Isa isa) { check_against_reference<float>(isa, 3e-6); });
  check_against_reference<double>(Isa::Baseline, 1e-13);
}

TEST_CASE("sparse cross-entropy equals dense on one-hot rows") {
  for_each_isa([](Isa isa) {
    check_sparse<float, int32_t>(isa, DType::I32, 3e-6);
    check_sparse<float, int64_t>(isa, DType::I64, 3e-6);
  });
  check_sparse<double, int64_t>(Isa::Baseline, DType::I64, 1e-13);
}

TEST_CASE("a label out of range stays inside the row") {
  for_each_isa([](Isa isa) {
    const rk::SoftmaxKernels& k = rk::softmax_kernels(DType::F32, isa);
    const std::vector<float> x = {1, 2, 3, 1, 2, 3};
    const std::vector<int64_t> labels = {INT64_MAX, INT64_MIN};
    std::vector<float> loss(2), prob(6);
    k.sparse_cross_entropy(Context{}, 2, 3, loss.data(), prob.data(), x.data(), labels.data(),
                           DType::I64);
    const double log_sum = std::log(std::exp(-2.0) + std::exp(-1.0) + 1.0);
    CHECK(loss[0] == doctest::Approx(log_sum));
    CHECK(loss[1] == doctest::Approx(log_sum + 2));
  });
}

TEST_CASE("softmax down the columns equals that of the transposed rows") {
  const rk::SoftmaxColumns shapes[] = {{2, 5, 3},   {1, 1, 7},  {3, 40, 64}, {1, 100, 83},
                                       {2, 33, 16}, {0, 3, 4},  {2, 0, 4},   {1, 7, 200},
                                       {3, 21, 2},  {2, 64, 4}, {2, 9, 8},   {2, 3, 0}};
  for_each_isa([&](Isa isa) {
    for (const rk::SoftmaxColumns& p : shapes) {
      CAPTURE(p.count);
      CAPTURE(p.inner);
      check_columns<float>(isa, p, 3e-6);
      if (isa == Isa::Baseline) check_columns<double>(isa, p, 1e-13);
    }
  });
}

TEST_CASE("softmax down the columns: extremes, in place, any number of threads") {
  for_each_isa([](Isa isa) {
    const rk::SoftmaxColumnsKernels& k = rk::softmax_columns_kernels(DType::F32, isa);
    const float inf = INFINITY;
    std::vector<float> x = {3e38f, -inf, NAN, -inf, -3e38f, 0, 0, -inf, 0, 0, 1, -inf};
    k.softmax(Context{}, {1, 3, 4}, x.data(), x.data());
    CHECK(x[0] == 1.0f);
    CHECK(x[4] == 0.0f);
    CHECK(x[1] == 0.0f);
    CHECK(x[5] == doctest::Approx(0.5));
    CHECK(std::isnan(x[6]));
    CHECK(std::isnan(x[11]));
  });
  const rk::SoftmaxColumns large{3, 57, 901};
  const auto x = numbers<float>(large.outer * large.count * large.inner, 10, 4);
  check_threads([&](const Context& context) {
    std::vector<float> y(x.size()), dx = x;
    const rk::SoftmaxColumnsKernels& k = rk::softmax_columns_kernels(DType::F32);
    k.softmax(context, large, y.data(), x.data());
    k.softmax_backward(context, large, dx.data(), dx.data(), y.data());
    return dx;
  });
}

TEST_CASE("large, infinite and missing logits") {
  for_each_isa([](Isa isa) {
    const rk::SoftmaxKernels& k = rk::softmax_kernels(DType::F32, isa);
    const float inf = INFINITY;
    const std::vector<float> x = {3e38f, -3e38f, 0, -inf, 0, 0, NAN, 0, 1};
    std::vector<float> y(9);
    k.softmax(Context{}, 3, 3, y.data(), x.data());
    CHECK(y[0] == 1.0f);
    CHECK(y[1] == 0.0f);
    CHECK(y[3] == 0.0f);
    CHECK(y[4] == doctest::Approx(0.5));
    CHECK(std::isnan(y[7]));
  });
}

TEST_CASE("a row's softmax does not depend on its place; inputs may be outputs") {
  for_each_isa([](Isa isa) {
    const rk::SoftmaxKernels& k = rk::softmax_kernels(DType::F32, isa);
    const auto row = numbers<float>(37, 9, 5);
    std::vector<float> x, y;
    for (int r = 0; r < 9; ++r) x.insert(x.end(), row.begin(), row.end());
    y = x;
    k.softmax(Context{}, 9, 37, y.data(), y.data());
    for (int r = 1; r < 9; ++r)
      CHECK(std::memcmp(y.data(), y.data() + r * 37, 37 * sizeof(float)) == 0);
  });
}

TEST_CASE("rows past the caches have the bits of rows in them") {
  constexpr int64_t kElements = 4300000;  // floats that leave the caches
  for (const int64_t cols : {3, 17, 1000, 4096, 4097}) {
    const int64_t rows = kElements / cols;
    const auto x = numbers<float>(rows * cols + 3, 12, 9);
    for_each_isa([&](Isa isa) {
      CAPTURE(cols);
      const rk::SoftmaxKernels& k = rk::softmax_kernels(DType::F32, isa);
      std::vector<float> y(x.size(), -1), want(x.size(), -1);
      for (int64_t r = 0; r < rows; ++r)
        k.softmax(Context{}, 1, cols, want.data() + 1 + r * cols, x.data() + 1 + r * cols);
      k.softmax(Context{}, rows, cols, y.data() + 1, x.data() + 1);  // lines begin within a row
      CHECK(same_bits(y, want));
    });
  }
}

TEST_CASE("softmax and cross-entropy: same bits for any number of threads") {
  const int64_t rows = 5003, cols = 37;
  const auto x = numbers<float>(rows * cols, 10, 4), labels = numbers<float>(rows * cols, 11, 1, 1);
  const rk::SoftmaxKernels& k = rk::softmax_kernels(DType::F32);
  check_threads([&](const Context& context) {
    std::vector<float> out(x.size() + rows);
    k.cross_entropy(context, rows, cols, out.data() + x.size(), out.data(), x.data(),
                    labels.data());
    return out;
  });
}
