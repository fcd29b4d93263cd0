#pragma once
// Shared by the pointwise tests: levels of this machine, running with guarded scratch, values.

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernels/cpu/pointwise/program.h"
#include "kernels/cpu/pointwise/reduce.h"

namespace pw_test {

using namespace ranvier;
using namespace ranvier::kernels;

inline std::vector<Isa> levels() {
  std::vector<Isa> list;
  for (int i = 0; i <= static_cast<int>(vector_level(detected_isa())); ++i)
    list.push_back(static_cast<Isa>(i));
  return list;
}

// Memory aligned to 64 bytes with a pattern after its end that must survive.
class Guarded {
 public:
  explicit Guarded(size_t bytes) : bytes_(bytes), store_(bytes + 192, std::byte{0xa5}) {
    const auto address = reinterpret_cast<uintptr_t>(store_.data());
    data_ = store_.data() + (64 - address % 64) % 64;
  }
  std::byte* data() { return data_; }
  bool intact() const {
    for (size_t i = 0; i < 64; ++i)
      if (data_[bytes_ + i] != std::byte{0xa5}) return false;
    return true;
  }

 private:
  size_t bytes_;
  std::vector<std::byte> store_;
  std::byte* data_;
};

inline size_t worker_stride(const Scratch& scratch) { return (scratch.per_worker + 63) / 64 * 64; }

inline void run(const PointwiseProgram& program, std::vector<const void*> inputs,
                std::vector<void*> outputs, const Context& ctx = Context()) {
  const size_t stride = worker_stride(program.scratch);
  Guarded shared(program.scratch.shared), workers(stride * static_cast<size_t>(ctx.workers));
  run_pointwise(ctx, program, inputs.data(), outputs.data(), shared.data(), workers.data(), stride);
  CHECK(shared.intact());
  CHECK(workers.intact());
}

inline void run(const ReduceParams& params, const void* src, void* dst,
                const Context& ctx = Context()) {
  const size_t stride = worker_stride(params.scratch);
  Guarded shared(params.scratch.shared), workers(stride * static_cast<size_t>(ctx.workers));
  run_reduce(ctx, params, src, dst, shared.data(), workers.data(), stride);
  CHECK(shared.intact());
  CHECK(workers.intact());
}

inline std::vector<float> random_floats(size_t n, float low, float high, uint32_t seed = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(n);
  for (float& x : values) x = uniform(engine);
  return values;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace pw_test
