// A 3×3 convolution with padding, NHWC, 64 to 64 channels at 56×56, from seven loops to Winograd.
// GFLOP/s count the direct sum's arithmetic on every rung.
//   ladder_conv [batch] [threads of the last rungs]

#include "kernels/cpu/conv/conv.h"

#include "base/buffer.h"
#include "kernels/cpu/gemm/gemm.h"
#include "ladder/ladder.h"

namespace {

using namespace ladder;
using namespace ranvier::kernels;
using ranvier::Block;
using ranvier::Buffer;

constexpr int64_t kSize = 56, kChannels = 64, kOutputs = 64, kTaps = 9;

struct Problem {
  int64_t batch;
  const float* x;
  const float* w;  // (3, 3, channels, outputs)
  float* y;

  // Calls fn(tap, pixel of x) for the taps that lie inside.
  template <class Fn>
  void taps(int64_t image, int64_t row, int64_t column, Fn fn) const {
    for (int64_t tap = 0; tap < kTaps; ++tap) {
      const int64_t i = row + tap / 3 - 1, j = column + tap % 3 - 1;
      if (i >= 0 && i < kSize && j >= 0 && j < kSize)
        fn(tap, x + ((image * kSize + i) * kSize + j) * kChannels);
    }
  }
  template <class Fn>
  void pixels(Fn fn) const {
    for (int64_t p = 0; p < batch * kSize * kSize; ++p)
      fn(p, p / (kSize * kSize), p / kSize % kSize, p % kSize);
  }
};

// 1. The definition: one output after the other.
void naive(const Problem& q) {
  q.pixels([&](int64_t p, int64_t image, int64_t row, int64_t column) {
    for (int64_t f = 0; f < kOutputs; ++f) {
      float sum = 0;
      q.taps(image, row, column, [&](int64_t tap, const float* x) {
        for (int64_t c = 0; c < kChannels; ++c)
          sum += x[c] * q.w[(tap * kChannels + c) * kOutputs + f];
      });
      q.y[p * kOutputs + f] = sum;
    }
  });
}

// 2. All outputs of a pixel at once: the filter is read along its rows, in vectors.
void by_pixels(const Problem& q) {
  q.pixels([&](int64_t p, int64_t image, int64_t row, int64_t column) {
    Vector sum[kOutputs / kLanes] = {};
    q.taps(image, row, column, [&](int64_t tap, const float* x) {
      const float* w = q.w + tap * kChannels * kOutputs;
      for (int64_t c = 0; c < kChannels; ++c)
        for (int64_t v = 0; v < kOutputs / kLanes; ++v)
          sum[v] += x[c] * load(w + c * kOutputs + v * kLanes);
    });
    for (int64_t v = 0; v < kOutputs / kLanes; ++v) store(sum[v], q.y + p * kOutputs + v * kLanes);
  });
}

Buffer scratch_of(const Scratch& scratch, size_t& stride) {
  stride = (scratch.per_worker + 63) / 64 * 64;
  return Block::allocate(stride * static_cast<size_t>(ranvier::default_context().workers) + 64);
}

// 3. im2col: every pixel's nine neighbours side by side, then one matrix product. Nine times the
// input is written and read.
void im2col(const Problem& q, float* columns) {
  q.pixels([&](int64_t p, int64_t image, int64_t row, int64_t column) {
    float* to = columns + p * kTaps * kChannels;
    std::fill_n(to, kTaps * kChannels, 0.0f);
    q.taps(image, row, column,
           [&](int64_t tap, const float* x) { std::copy_n(x, kChannels, to + tap * kChannels); });
  });
  const GemmPlan plan = gemm_prepare(
      {.m = q.batch * kSize * kSize, .n = kOutputs, .k = kTaps * kChannels}, ranvier::DType::F32);
  size_t stride = 0;
  const Buffer worker = scratch_of(plan.scratch, stride);
  gemm_run(ranvier::default_context(), plan, {columns, q.w, q.y}, nullptr,
           static_cast<std::byte*>(worker->data()), stride);
}

ConvShape shape_of(const Problem& q) {
  ConvShape s;
  s.batch = q.batch, s.in_channels = kChannels, s.out_channels = kOutputs;
  s.in = s.out = {1, kSize, kSize}, s.filter = {1, 3, 3}, s.pad_lo = s.pad_hi = {0, 1, 1};
  return s;
}

// 4. The library's direct kernel: a kernel row of a pixel is one run of memory, so the register
// tiles of the matrix product read x where it lies.
void direct(const Problem& q) {
  const ConvPlan plan = prepare_conv(ConvPass::Forward, shape_of(q), ranvier::DType::F32);
  size_t stride = 0;
  const Buffer worker = scratch_of(plan.scratch, stride);
  const Buffer shared = Block::allocate(plan.scratch.shared + 64);
  run_conv_forward(ranvier::default_context(), plan, q.x, q.w, {}, q.y, shared->data(),
                   static_cast<std::byte*>(worker->data()), stride);
}

// 5. and 6. Winograd, m×m outputs: 16 multiplications for 4 outputs instead of 36, or 36 for 16
// instead of 144. `packed` is the filter's transform, made once.
void winograd(int64_t m, const Problem& q, const float* packed) {
  const WinogradPlan plan = prepare_winograd(m, shape_of(q));
  size_t stride = 0;
  const Buffer worker = scratch_of(plan.scratch, stride);
  const Buffer shared = Block::allocate(plan.scratch.shared + 64);
  run_winograd(ranvier::default_context(), plan, q.x, packed, {}, q.y, shared->data(),
               static_cast<std::byte*>(worker->data()), stride);
}

std::vector<float> transformed(int64_t m, const Problem& q) {
  const WinogradPlan plan = prepare_winograd(m, shape_of(q));
  std::vector<float> packed(plan.filter_floats());
  run_winograd_filter(ranvier::default_context(), plan, q.w, packed.data());
  return packed;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("RANVIER_WINOGRAD", "off", 1);  // for the direct sums
  const int64_t batch = argc > 1 ? std::max(1, std::atoi(argv[1])) : 4;
  const int threads = argc > 2 ? std::clamp(std::atoi(argv[2]), 1, 8) : 2;
  const int64_t pixels = batch * kSize * kSize;
  const std::vector<float> x = random_floats(pixels * kChannels);
  const std::vector<float> w = random_floats(kTaps * kChannels * kOutputs);
  std::vector<float> y(static_cast<size_t>(pixels * kOutputs));
  std::vector<float> columns(static_cast<size_t>(pixels * kTaps * kChannels));
  const Problem q{batch, x.data(), w.data(), y.data()};
  const std::vector<float> small = transformed(2, q), large = transformed(4, q);
  Ladder ladder(2.0 * static_cast<double>(pixels * kTaps * kChannels * kOutputs), y);
  ladder.rung("1 seven loops", [&] { naive(q); });
  ladder.rung("2 all outputs of a pixel", [&] { by_pixels(q); });
  ladder.rung("3 im2col and a product", [&] { im2col(q, columns.data()); });
  ladder.rung("4 the library, direct", [&] { direct(q); });
  ladder.rung("5 the library, Winograd 2x2", [&] { winograd(2, q, small.data()); });
  ladder.rung("6 the library, Winograd 4x4", [&] { winograd(4, q, large.data()); });
  ranvier::set_num_threads(threads);
  ladder.rung(
      "7 direct, all threads", [&] { direct(q); }, threads);
  ladder.rung(
      "8 Winograd 2x2, all threads", [&] { winograd(2, q, small.data()); }, threads);
  ladder.rung(
      "9 Winograd 4x4, all threads", [&] { winograd(4, q, large.data()); }, threads);
  return 0;
}
