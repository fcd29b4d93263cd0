// Kernels of joint instructions, once per instruction set. They round after each operation (no
// contraction), as the instructions do.

#include "kernels/cpu/pointwise/joint.h"
#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
extern const JointKernels kJointKernels;
namespace {

// Streams are fetched this many elements ahead; nothing follows a small array.
constexpr int64_t kJointAhead = 512;

// f(x, s, y): the results y of one vector of each stream and of the scalars.
template <int Streams, int Scalars, int Results, class F>
RV_INLINE void for_joint(const JointArgs& args, F f) {
  constexpr int kLanes = VecF::kLanes;
  VecF s[Scalars];
  for (int k = 0; k < Scalars; ++k) s[k] = VecF::load(args.scalar[k]);
  const int64_t ahead = args.n > kJointAhead ? kJointAhead : 0;
  int64_t i = 0;
  for (; i + kLanes <= args.n; i += kLanes) {
    VecF x[Streams], y[Results];
    for (int k = 0; k < Streams; ++k) {
      __builtin_prefetch(args.src[k] + i + ahead);
      x[k] = VecF::load(args.src[k] + i);
    }
    f(x, s, y);
    for (int k = 0; k < Results; ++k) y[k].store(args.dst[k] + i);
  }
  if (i == args.n) return;
  const int left = static_cast<int>(args.n - i);
  VecF x[Streams], y[Results];
  for (int k = 0; k < Streams; ++k) x[k] = VecF::load_partial(args.src[k] + i, left);
  f(x, s, y);
  for (int k = 0; k < Results; ++k) y[k].store_partial(args.dst[k] + i, left);
}

RV_INLINE void adam_of(const VecF* x, const VecF* s, VecF w, VecF* y) {
  y[0] = (x[0] - x[1]) * s[0] + x[1];
  y[1] = (x[0] * x[0] - x[2]) * s[1] + x[2];
  y[2] = w - y[0] * s[2] / (sqrt(y[1]) + s[3]);
}
void adam(const JointArgs& args) noexcept {
  for_joint<4, 4, 3>(args, [](const VecF* x, const VecF* s, VecF* y) { adam_of(x, s, x[3], y); });
}
void adam_w(const JointArgs& args) noexcept {
  for_joint<4, 5, 3>(
      args, [](const VecF* x, const VecF* s, VecF* y) { adam_of(x, s, x[3] - x[3] * s[4], y); });
}
void momentum(const JointArgs& args) noexcept {
  for_joint<3, 2, 2>(args, [](const VecF* x, const VecF* s, VecF* y) {
    y[0] = x[1] * s[1] - x[0] * s[0];
    y[1] = x[2] + y[0];
  });
}
void rms(const JointArgs& args) noexcept {
  for_joint<3, 4, 2>(args, [](const VecF* x, const VecF* s, VecF* y) {
    y[0] = x[0] * x[0] * s[0] + x[1] * s[1];
    y[1] = x[2] - x[0] * s[3] / sqrt(y[0] + s[2]);
  });
}

}  // namespace

const JointKernels kJointKernels{adam, adam_w, momentum, rms};

}  // namespace ranvier::kernels::RV_ISA
