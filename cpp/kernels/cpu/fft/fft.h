#pragma once
// Discrete Fourier transforms of rows, complex values as separate real and imaginary arrays:
//   forward  X_k = sum_t x_t exp(-2 pi i k t / n),   inverse  x_t = sum_k X_k exp(+2 pi i k t / n)
// (no factor 1/n). Lengths of factors 2, 3, 5 run as Stockham stages; any other length is a
// convolution of a power of two (Bluestein). Several rows are transformed at once, the row being
// the fastest index, so that every loop runs over contiguous values.

#include <cstdint>
#include <vector>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

// Forward and Inverse: (re, im) of n -> (re, im) of n. RealForward: n -> (re, im) of n / 2 + 1.
// RealInverse: (re, im) of n / 2 + 1 -> n; the imaginary parts of the first and, for even n, of the
// last term count as zero.
enum class FftKind : uint8_t { Forward, Inverse, RealForward, RealInverse };

inline constexpr int kMaxFftStages = 64;
inline constexpr int64_t kMaxFftBlock = 16;  // rows: they fill vectors

// What the kernels see of a plan; tables hold the plan's dtype.
struct FftView {
  FftKind kind = FftKind::Forward;
  int64_t n = 1, rows = 0;
  int64_t length = 1;  // of the complex transform inside: n / 2 for even real ones
  int64_t padded = 1;  // length, or the power of two of Bluestein's convolution
  int64_t block = 1;   // rows that are transformed at once
  int64_t array = 1;   // elements of each of a worker's four arrays
  int stages = 0;      // of `padded`
  int8_t radix[kMaxFftStages] = {};
  const void* twiddle =
      nullptr;                  // per stage (radix - 1) x (length of the stage / radix) x (re, im)
  const void* chirp = nullptr;  // exp(-pi i k^2 / length), (re, im); null without Bluestein
  const void* spectrum = nullptr;  // transform of the conjugate chirp over `padded`
  const void* turn = nullptr;      // exp(-2 pi i k / n), k <= n / 2, for even real transforms
};

struct FftPlan {
  DType dtype = DType::F32;
  FftView view;  // pointers are set by view_of
  std::vector<double> tables64;
  std::vector<float> tables32;
  size_t chirp = 0, spectrum = 0, turn = 0;  // offsets in the tables; 0: none
  Scratch scratch;
  Cost cost;
};
// dtype F32 or F64; n >= 1.
FftPlan prepare_fft(DType dtype, FftKind kind, int64_t n, int64_t rows);
FftView view_of(const FftPlan& plan);

struct FftKernels {
  // in and out: the arrays that the kind names, rows apart by their length; they may not overlap.
  void (*run)(const Context&, const FftView&, void* const* out, const void* const* in,
              std::byte* worker, size_t worker_stride) noexcept;
};
const FftKernels& fft_kernels(DType dtype, Isa isa);

void run_fft(const Context& context, const FftPlan& plan, void* const* out, const void* const* in,
             std::byte* worker, size_t worker_stride) noexcept;

namespace reference {
// The defining sums, in double.
void fft(FftKind kind, DType dtype, int64_t n, int64_t rows, void* const* out,
         const void* const* in);
}  // namespace reference

}  // namespace ranvier::kernels
