#include "kernels/cpu/data/pad.h"
#include "kernels/cpu/data/reference.h"
#include "nn/harness.h"

using namespace ranvier;
using namespace ranvier::testing;
namespace rk = ranvier::kernels;

namespace {

struct Case {
  Shape shape;
  std::vector<int64_t> before, after;
};

template <class T>
std::vector<T> padded(const Context& context, const Case& c, rk::PadMode mode, bool reference) {
  Shape dst;
  for (int a = 0; a < c.shape.rank(); ++a) dst.push_back(c.before[a] + c.shape[a] + c.after[a]);
  std::vector<T> src(static_cast<size_t>(c.shape.size())), out(static_cast<size_t>(dst.size()));
  for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<T>(i + 1);
  const T value = static_cast<T>(200);
  if (reference)
    rk::reference::pad(sizeof(T), c.shape, c.before, c.after, mode, out.data(), src.data(), &value);
  else
    rk::run_pad(context, rk::prepare_pad(sizeof(T), c.shape, c.before, c.after, mode), out.data(),
                src.data(), &value);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("padding equals its reference in every mode", T, uint8_t, uint16_t, uint32_t,
                   uint64_t) {
  const std::vector<Case> cases = {{{}, {}, {}},
                                   {{5}, {0}, {0}},
                                   {{5}, {4}, {3}},
                                   {{3, 4}, {2, 0}, {1, 0}},
                                   {{3, 4}, {0, 3}, {0, 2}},
                                   {{2, 7, 8, 3}, {0, 1, 2, 0}, {0, 2, 1, 0}},
                                   {{2, 3, 4, 5}, {1, 0, 0, 2}, {0, 0, 0, 2}}};
  for (const Case& c : cases)
    for (const auto mode : {rk::PadMode::Constant, rk::PadMode::Edge, rk::PadMode::Reflect,
                            rk::PadMode::Symmetric, rk::PadMode::Wrap}) {
      CAPTURE(c.shape.str());
      CAPTURE(static_cast<int>(mode));
      CHECK(padded<T>(Context{}, c, mode, false) == padded<T>(Context{}, c, mode, true));
    }
  // Constants around nothing.
  const Case empty{{0, 3}, {1, 1}, {2, 0}};
  CHECK(padded<T>(Context{}, empty, rk::PadMode::Constant, false) == std::vector<T>(12, T(200)));
}

TEST_CASE("padding is the same for any number of threads") {
  const Case large{{8, 60, 60, 16}, {0, 1, 1, 0}, {0, 1, 1, 0}};
  check_threads([&](const Context& context) {
    return padded<uint32_t>(context, large, rk::PadMode::Constant, false);
  });
}
