#include "kernels/cpu/fft/fft.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;
using rk::FftKind;

namespace {

// Powers of two, mixtures of 2, 3, 4, 5, primes and their multiples (convolutions), one and two.
constexpr int64_t kSizes[] = {1,  2,   3,  4,  5,  6,  7,  8,  12,  13,  24, 32,
                              48, 512, 15, 16, 22, 60, 64, 97, 100, 128, 210};

template <class T>
struct Data {
  std::vector<T> in[2], out[2];
};

// Rows of a transform with room for what the kind reads and writes.
template <class T>
Data<T> data_of(FftKind kind, int64_t n, int64_t rows) {
  Data<T> data;
  const int64_t terms = n / 2 + 1;
  for (uint64_t k = 0; k < 2; ++k) {
    data.in[k] = numbers<T>(rows * (kind == FftKind::RealInverse ? terms : n), k + 1);
    data.out[k].resize(static_cast<size_t>(rows * (kind == FftKind::RealForward ? terms : n)));
  }
  return data;
}

template <class T>
void run(const Context& context, FftKind kind, int64_t n, int64_t rows, Data<T>& data) {
  const DType dtype = sizeof(T) == 4 ? DType::F32 : DType::F64;
  const rk::FftPlan plan = rk::prepare_fft(dtype, kind, n, rows);
  const size_t stride = (plan.scratch.per_worker + 63) / 64 * 64;
  std::vector<std::byte> scratch(stride * static_cast<size_t>(context.workers));
  const void* in[2] = {data.in[0].data(), data.in[1].data()};
  void* out[2] = {data.out[0].data(), data.out[1].data()};
  rk::run_fft(context, plan, out, in, scratch.data(), stride);
}

template <class T>
void check_sizes(double tolerance) {
  for (const FftKind kind :
       {FftKind::Forward, FftKind::Inverse, FftKind::RealForward, FftKind::RealInverse}) {
    for (const int64_t n : kSizes) {
      for (const int64_t rows : {1, 3, 17}) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(n);
        CAPTURE(rows);
        Data<T> data = data_of<T>(kind, n, rows);
        Data<T> want = data;
        run(Context{}, kind, n, rows, data);
        const void* in[2] = {want.in[0].data(), want.in[1].data()};
        void* out[2] = {want.out[0].data(), want.out[1].data()};
        rk::reference::fft(kind, sizeof(T) == 4 ? DType::F32 : DType::F64, n, rows, out, in);
        check_close(data.out[0], want.out[0], tolerance);
        if (kind != FftKind::RealInverse) check_close(data.out[1], want.out[1], tolerance);
      }
    }
  }
}

}  // namespace

TEST_CASE("transforms against their defining sums, at every level") {
  for_each_isa([](Isa) {
    check_sizes<float>(2e-5);
    check_sizes<double>(1e-12);
  });
}

TEST_CASE("no rows, and rows beyond one block, with any number of threads") {
  Data<float> none = data_of<float>(FftKind::Forward, 8, 0);
  run(Context{}, FftKind::Forward, 8, 0, none);
  CHECK(none.out[0].empty());
  for (const int64_t n : {64, 77, 2048}) {
    CAPTURE(n);
    check_threads([&](const Context& context) {
      Data<float> data = data_of<float>(FftKind::RealForward, n, 100);
      run(context, FftKind::RealForward, n, 100, data);
      data.out[0].insert(data.out[0].end(), data.out[1].begin(), data.out[1].end());
      return data.out[0];
    });
  }
}

TEST_CASE("there and back again") {
  const auto x = numbers<double>(5 * 360, 3);
  Data<double> data = data_of<double>(FftKind::RealForward, 360, 5);
  data.in[0] = x;
  run(Context{}, FftKind::RealForward, 360, 5, data);
  Data<double> back = data_of<double>(FftKind::RealInverse, 360, 5);
  back.in[0] = data.out[0];
  back.in[1] = data.out[1];
  run(Context{}, FftKind::RealInverse, 360, 5, back);
  for (double& value : back.out[0]) value /= 360;
  check_close(back.out[0], x, 1e-13);
}
