#include <cmath>
#include <limits>

#include "kernels/cpu/data/resample.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

// Terms of an axis: index i * size / count and its neighbours, some weights zero.
template <class T>
struct Table {
  rk::ResampleAxis axis;
  std::vector<int32_t> index;
  std::vector<T> weight;

  Table(int64_t size, int64_t count, int64_t taps, uint32_t seed) : axis{size, count, taps} {
    const auto random = numbers<T>(count * taps, seed);
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < taps; ++k) {
        index.push_back(static_cast<int32_t>(i * size / count + k - taps / 2));
        weight.push_back((i + k) % 5 == 0 ? T{0} : random[weight.size()]);
      }
  }
};

struct Case {
  int64_t outer, rows, out_rows, row_taps, cols, out_cols, col_taps, inner;
};

template <class T>
std::vector<T> resampled(const Context& context, const Case& c, bool transposed, Isa isa,
                         bool reference, T hole = 0) {
  const Table<T> rows(c.rows, c.out_rows, c.row_taps, 1), cols(c.cols, c.out_cols, c.col_taps, 2);
  const DType dtype = sizeof(T) == 8 ? DType::F64 : DType::F32;
  const auto plan =
      rk::prepare_resample(dtype, transposed, c.outer, rows.axis, cols.axis, c.inner, isa);
  auto x = numbers<T>(c.outer * plan.in(plan.rows) * plan.in(plan.cols) * c.inner, 3);
  if (hole != 0) x[x.size() / 2] = hole;
  std::vector<T> y(
      static_cast<size_t>(c.outer * plan.out(plan.rows) * plan.out(plan.cols) * c.inner), T{-7});
  const rk::ResampleTables tables{rows.index.data(), rows.weight.data(), cols.index.data(),
                                  cols.weight.data()};
  if (reference) {
    rk::reference::resample(plan, y.data(), x.data(), tables);
    return y;
  }
  std::vector<std::byte> shared(plan.scratch.shared + 64);
  std::vector<std::byte> worker(plan.scratch.per_worker * static_cast<size_t>(context.workers) +
                                64);
  const auto aligned = [](std::vector<std::byte>& memory) {
    return memory.data() + (-reinterpret_cast<uintptr_t>(memory.data())) % 64;
  };
  rk::run_resample(context, plan, y.data(), x.data(), tables, aligned(shared), aligned(worker),
                   plan.scratch.per_worker);
  return y;
}

const std::vector<Case> kCases = {
    {2, 6, 12, 2, 5, 10, 2, 32},  // wide positions
    {1, 9, 4, 4, 7, 3, 3, 21},    // a partial vector
    {2, 8, 7, 2, 64, 56, 2, 3},   // lanes out of two vectors
    {1, 5, 5, 0, 40, 80, 4, 1},   // columns alone
    {1, 4, 9, 3, 200, 11, 5, 2},  // lanes that lie far apart
    {3, 4, 6, 2, 3, 3, 0, 18},    // rows alone
    {1, 3, 5, 1, 2, 7, 1, 5},     // rows too short for two vectors
    {2, 3, 2, 2, 1, 1, 0, 1},     // rows of one element
    {0, 3, 2, 2, 4, 3, 2, 8},    {1, 3, 0, 2, 4, 3, 2, 8},
};

}  // namespace

TEST_CASE_TEMPLATE("resampled rows and columns equal their definition", T, float, double) {
  for_each_isa([](Isa isa) {
    for (const Case& c : kCases)
      for (const bool transposed : {false, true}) {
        CAPTURE(c.inner);
        CAPTURE(c.out_cols);
        CAPTURE(transposed);
        check_close(resampled<T>(Context{}, c, transposed, isa, false),
                    resampled<T>(Context{}, c, transposed, isa, true),
                    sizeof(T) == 8 ? 1e-14 : 1e-6);
      }
  });
}

TEST_CASE("resampling: what has the weight zero is not read") {
  const float inf = std::numeric_limits<float>::infinity();
  for_each_isa([&](Isa isa) {
    for (const Case& c : kCases)
      for (const bool transposed : {false, true}) {
        if (c.outer * c.out_rows == 0) continue;
        CAPTURE(c.inner);
        CAPTURE(transposed);
        const auto expected = resampled<float>(Context{}, c, transposed, isa, true, inf);
        const auto got = resampled<float>(Context{}, c, transposed, isa, false, inf);
        for (size_t i = 0; i < got.size(); ++i)
          CHECK(std::isfinite(got[i]) == std::isfinite(expected[i]));
      }
  });
}

TEST_CASE("resampling is the same for any number of threads") {
  for (const Case& c : {Case{4, 60, 90, 2, 60, 80, 4, 3}, Case{3, 40, 70, 3, 50, 40, 2, 24}})
    for (const bool transposed : {false, true})
      check_threads([&](const Context& context) {
        return resampled<float>(context, c, transposed, active_isa(), false);
      });
}
