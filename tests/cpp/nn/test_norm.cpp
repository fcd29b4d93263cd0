#include <limits>

#include "kernels/cpu/nn/norm.h"
#include "kernels/cpu/nn/reference.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
namespace ref = ranvier::kernels::reference;

namespace {

constexpr double kEpsilon = 1e-3;
constexpr std::pair<int64_t, int64_t> kShapes[] = {{1, 1},    {1, 7},     {5, 3},     {32, 16},
                                                   {33, 17},  {129, 33},  {257, 64},  {100, 130},
                                                   {2000, 3}, {5000, 37}, {300, 1000}};

template <class T>
constexpr DType kType = sizeof(T) == 4 ? DType::F32 : DType::F64;

// Inputs with a mean far from zero, so that unstable sums would show.
template <class T>
struct Case {
  int64_t rows, cols;
  rk::NormParams p;
  std::vector<T> x, dy, gamma, beta;
  std::vector<std::byte> shared;

  Case(int64_t rows_, int64_t cols_)
      : rows(rows_),
        cols(cols_),
        p(rk::prepare_norm(kType<T>, rows, cols, kEpsilon)),
        x(numbers<T>(rows * cols, 1, 2, 30)),
        dy(numbers<T>(rows * cols, 2)),
        gamma(numbers<T>(cols, 3, 1, 1.5)),
        beta(numbers<T>(cols, 4)),
        shared(p.scratch.shared) {}
};

template <class T>
void check_batch_norm(Isa isa, double tolerance) {
  const rk::BatchNormKernels& k = rk::batch_norm_kernels(kType<T>, isa);
  const Context context;
  for (const auto& [rows, cols] : kShapes)
    for (const bool affine : {true, false}) {
      CAPTURE(rows);
      CAPTURE(cols);
      Case<T> t(rows, cols);
      const T* gamma = affine ? t.gamma.data() : nullptr;
      const T* beta = affine ? t.beta.data() : nullptr;
      std::vector<T> y(t.x.size()), mean(cols), variance(cols);
      std::vector<T> want(t.x.size()), want_mean(cols), want_variance(cols);
      k.batch_norm_train(context, t.p, y.data(), mean.data(), variance.data(), t.x.data(), gamma,
                         beta, {}, t.shared.data());
      ref::batch_norm_train(rows, cols, kEpsilon, want.data(), want_mean.data(),
                            want_variance.data(), t.x.data(), gamma, beta);
      check_close(mean, want_mean, tolerance);
      check_close(variance, want_variance, tolerance);
      check_close(y, want, 40 * tolerance);  // a mean of 30 loses five bits of x - mean

      std::vector<T> dgamma(cols), dbeta(cols), want_dgamma(cols), want_dbeta(cols);
      for (const bool through : {true, false}) {
        const auto backward = through ? k.batch_norm_backward : k.batch_norm_infer_backward;
        backward(context, t.p, y.data(), dgamma.data(), dbeta.data(), t.dy.data(), t.x.data(),
                 mean.data(), variance.data(), gamma, t.shared.data());
        ref::batch_norm_backward(rows, cols, kEpsilon, through, want.data(), want_dgamma.data(),
                                 want_dbeta.data(), t.dy.data(), t.x.data(), mean.data(),
                                 variance.data(), gamma);
        const double sums = tolerance * std::sqrt(static_cast<double>(rows));
        check_close(dgamma, want_dgamma, 4 * sums);
        check_close(dbeta, want_dbeta, sums);
        check_close(y, want, 100 * tolerance);
        std::vector<T> alone(t.dy);
        backward(context, t.p, alone.data(), nullptr, nullptr, alone.data(), t.x.data(),
                 mean.data(), variance.data(), gamma, t.shared.data());
        CHECK(same_bits(alone, y));  // in place, gradients of gamma and beta not wanted
      }
    }
}

// A residual and a relu on the store of y, and the gradient through that relu, have the bits of
// passes of their own.
template <class T>
void check_closing(Isa isa) {
  const rk::BatchNormKernels& k = rk::batch_norm_kernels(kType<T>, isa);
  const Context context;
  for (const auto& [rows, cols] : kShapes) {
    CAPTURE(rows);
    CAPTURE(cols);
    Case<T> t(rows, cols);
    const size_t n = t.x.size();
    std::vector<T> mean(cols), variance(cols), y(n), residual = numbers<T>(rows * cols, 5);
    residual[n / 2] = std::numeric_limits<T>::quiet_NaN();
    const auto train = [&](std::vector<T>& to, const rk::BatchNormClosing& closing) {
      k.batch_norm_train(context, t.p, to.data(), mean.data(), variance.data(), t.x.data(),
                         t.gamma.data(), t.beta.data(), closing, t.shared.data());
    };
    const auto relu = [](T v) { return v < 0 ? T(0) : v; };
    train(y, {});
    std::vector<T> want(n), got(n), dy(n);
    for (size_t i = 0; i < n; ++i) want[i] = relu(y[i]), dy[i] = want[i] > 0 ? t.dy[i] : 0;
    train(got, {nullptr, true});
    CHECK(same_bits(got, want));
    for (const bool closed : {false, true}) {
      for (size_t i = 0; i < n; ++i)
        want[i] = closed ? relu(y[i] + residual[i]) : y[i] + residual[i];
      got = residual;
      train(got, {got.data(), closed});  // into the residual's memory
      CHECK(same_bits(got, want));
    }

    std::vector<T> dgamma(cols), dbeta(cols), want_dgamma(cols), want_dbeta(cols);
    k.batch_norm_backward(context, t.p, want.data(), want_dgamma.data(), want_dbeta.data(),
                          dy.data(), t.x.data(), mean.data(), variance.data(), t.gamma.data(),
                          t.shared.data());
    got = t.dy;
    k.batch_norm_relu_backward(context, t.p, got.data(), dgamma.data(), dbeta.data(), got.data(),
                               t.x.data(), mean.data(), variance.data(), t.gamma.data(),
                               t.beta.data(), t.shared.data());
    CHECK(same_bits(got, want));
    CHECK(same_bits(dgamma, want_dgamma));
    CHECK(same_bits(dbeta, want_dbeta));
  }
}

template <class T>
void check_layer_norm(Isa isa, bool centred, double tolerance) {
  const rk::LayerNormKernels& k = rk::layer_norm_kernels(kType<T>, isa);
  const Context context;
  for (const auto& [rows, cols] : kShapes)
    for (const bool affine : {true, false}) {
      if (centred && cols == 1) continue;  // x - mean is zero: all rounding
      CAPTURE(rows);
      CAPTURE(cols);
      Case<T> t(rows, cols);
      const T* gamma = affine ? t.gamma.data() : nullptr;
      const T* beta = affine && centred ? t.beta.data() : nullptr;
      std::vector<T> y(t.x.size()), mean(rows), inv(rows), want(t.x.size()), want_mean(rows),
          want_inv(rows);
      if (centred)
        k.layer_norm(context, t.p, y.data(), mean.data(), inv.data(), t.x.data(), gamma, beta);
      else
        k.rms_norm(context, t.p, y.data(), inv.data(), t.x.data(), gamma);
      ref::layer_norm(rows, cols, kEpsilon, centred, want.data(), want_mean.data(), want_inv.data(),
                      t.x.data(), gamma, beta);
      check_close(mean, want_mean, tolerance);
      check_close(inv, want_inv, 40 * tolerance);
      check_close(y, want, 100 * tolerance);

      std::vector<T> dgamma(cols), dbeta(cols), want_dgamma(cols), want_dbeta(cols);
      if (centred)
        k.layer_norm_backward(context, t.p, y.data(), dgamma.data(), dbeta.data(), t.dy.data(),
                              t.x.data(), mean.data(), inv.data(), gamma, t.shared.data());
      else
        k.rms_norm_backward(context, t.p, y.data(), dgamma.data(), t.dy.data(), t.x.data(),
                            inv.data(), gamma, t.shared.data());
      ref::layer_norm_backward(rows, cols, centred, want.data(), want_dgamma.data(),
                               centred ? want_dbeta.data() : nullptr, t.dy.data(), t.x.data(),
                               mean.data(), inv.data(), gamma);
      const double sums = tolerance * std::sqrt(static_cast<double>(rows));
      check_close(dgamma, want_dgamma, 10 * sums);
      check_close(dbeta, want_dbeta, sums);
      check_close(y, want, 100 * tolerance);
    }
}

}  // namespace

TEST_CASE("batch norm equals its reference at every level") {
  for_each_isa([](Isa isa) { check_batch_norm<float>(isa, 2e-6); });
  check_batch_norm<double>(Isa::Baseline, 1e-13);
}

TEST_CASE("what closes a batch norm has the bits of separate passes") {
  for_each_isa([](Isa isa) { check_closing<float>(isa); });
  check_closing<double>(Isa::Baseline);
}

TEST_CASE("layer norm and RMS norm equal their reference at every level") {
  for_each_isa([](Isa isa) {
    check_layer_norm<float>(isa, true, 2e-6);
    check_layer_norm<float>(isa, false, 2e-6);
  });
  check_layer_norm<double>(Isa::Baseline, true, 1e-13);
  check_layer_norm<double>(Isa::Baseline, false, 1e-13);
}

TEST_CASE("the variance of numbers far from zero keeps its digits") {
  for_each_isa([](Isa isa) {
    const int64_t rows = 20000, cols = 5;
    std::vector<float> x(rows * cols), mean(cols), variance(cols);
    for (int64_t i = 0; i < rows * cols; ++i) x[i] = 4096.0f + ((i / cols) % 2 == 0 ? 1.0f : -1.0f);
    const rk::NormParams p = rk::prepare_norm(DType::F32, rows, cols, kEpsilon);
    std::vector<std::byte> shared(p.scratch.shared);
    rk::batch_norm_kernels(DType::F32, isa)
        .channel_moments(Context{}, p, mean.data(), variance.data(), x.data(), shared.data());
    for (int64_t c = 0; c < cols; ++c) {
      CHECK(mean[c] == doctest::Approx(4096.0).epsilon(1e-7));
      CHECK(variance[c] == doctest::Approx(1.0).epsilon(1e-5));
    }
  });
}

TEST_CASE("a first row far from all others costs the moments few digits") {
  for_each_isa([](Isa isa) {
    for (const int64_t rows : {2, 100, 128, 129, 5000}) {
      CAPTURE(rows);
      const int64_t cols = 21;
      std::vector<float> x = numbers<float>(rows * cols, 1, 1, 7), y(x.size());
      for (int64_t c = 0; c < cols; ++c) x[c] = c % 3 == 0 ? 3e4f : c % 3 == 1 ? -500.0f : 7.0f;
      std::vector<float> mean(cols), variance(cols), want_mean(cols), want_variance(cols);
      const rk::NormParams p = rk::prepare_norm(DType::F32, rows, cols, kEpsilon);
      std::vector<std::byte> shared(p.scratch.shared);
      rk::batch_norm_kernels(DType::F32, isa)
          .channel_moments(Context{}, p, mean.data(), variance.data(), x.data(), shared.data());
      ref::batch_norm_train<float>(rows, cols, kEpsilon, y.data(), want_mean.data(),
                                   want_variance.data(), x.data(), nullptr, nullptr);
      for (int64_t c = 0; c < cols; ++c) {
        const double deviation = std::sqrt(want_variance[c]);
        CHECK(std::abs(mean[c] - want_mean[c]) <= 1e-6 * (1 + deviation));
      }
      check_close(variance, want_variance, 1e-5);
    }
  });
}

TEST_CASE("the mean of infinities is one, their variance no number") {
  for_each_isa([](Isa isa) {
    const int64_t rows = 9, cols = 19;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> x = numbers<float>(rows * cols, 1), mean(cols), variance(cols);
    for (int64_t c = 0; c < cols; ++c) x[c % rows * cols + c] = kInfinity;
    const rk::NormParams p = rk::prepare_norm(DType::F32, rows, cols, kEpsilon);
    std::vector<std::byte> shared(p.scratch.shared);
    rk::batch_norm_kernels(DType::F32, isa)
        .channel_moments(Context{}, p, mean.data(), variance.data(), x.data(), shared.data());
    CHECK(mean == std::vector<float>(cols, kInfinity));
    for (const float v : variance) CHECK(std::isnan(v));
  });
}

TEST_CASE("no rows: moments and gradients are zero") {
  for_each_isa([](Isa isa) {
    const rk::BatchNormKernels& k = rk::batch_norm_kernels(DType::F32, isa);
    const rk::NormParams p = rk::prepare_norm(DType::F32, 0, 3, kEpsilon);
    std::vector<std::byte> shared(p.scratch.shared);
    std::vector<float> mean(3, 9), variance(3, 9), dgamma(3, 9), dbeta(3, 9), none(1);
    k.batch_norm_train(Context{}, p, none.data(), mean.data(), variance.data(), none.data(),
                       nullptr, nullptr, {}, shared.data());
    k.batch_norm_backward(Context{}, p, none.data(), dgamma.data(), dbeta.data(), none.data(),
                          none.data(), mean.data(), variance.data(), nullptr, shared.data());
    for (const auto* v : {&mean, &variance, &dgamma, &dbeta}) CHECK(*v == std::vector<float>(3, 0));
  });
}

TEST_CASE("norms: same bits for any number of threads") {
  const Case<float> t(30011, 24);
  const rk::BatchNormKernels& k = rk::batch_norm_kernels(DType::F32);
  const rk::LayerNormKernels& layer = rk::layer_norm_kernels(DType::F32);
  REQUIRE(t.p.chunks > 3);
  check_threads([&](const Context& context) {
    std::vector<std::byte> shared(t.p.scratch.shared);
    std::vector<float> out(2 * t.x.size() + 4 * t.cols + 2 * t.rows);
    float* y = out.data();
    float* dx = y + t.x.size();
    float* rest = dx + t.x.size();
    k.batch_norm_train(context, t.p, y, rest, rest + t.cols, t.x.data(), t.gamma.data(),
                       t.beta.data(), {}, shared.data());
    k.batch_norm_backward(context, t.p, dx, rest + 2 * t.cols, rest + 3 * t.cols, t.dy.data(),
                          t.x.data(), rest, rest + t.cols, t.gamma.data(), shared.data());
    return out;
  });
  check_threads([&](const Context& context) {
    std::vector<std::byte> shared(t.p.scratch.shared);
    std::vector<float> out(2 * t.x.size() + 2 * t.cols + 2 * t.rows);
    float* y = out.data();
    float* dx = y + t.x.size();
    float* mean = dx + t.x.size();
    float* inv = mean + t.rows;
    layer.layer_norm(context, t.p, y, mean, inv, t.x.data(), t.gamma.data(), t.beta.data());
    layer.layer_norm_backward(context, t.p, dx, inv + t.rows, inv + t.rows + t.cols, t.dy.data(),
                              t.x.data(), mean, inv, t.gamma.data(), shared.data());
    return out;
  });
}
