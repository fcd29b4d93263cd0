// Value checks. A pass without branches over a block decides whether it is clean; only a block that
// is not is searched.

#include "kernels/cpu/nn/guard.h"

#include <algorithm>
#include <atomic>
#include <type_traits>

namespace ranvier::kernels {
namespace {

constexpr int64_t kBlock = 1024;
constexpr int64_t kGrain = 65536;

// Lowest i in [0, n) with bad(i), else n. any(begin, end) says whether a block holds one.
template <class Any, class Bad>
int64_t first_bad(const Context& context, int64_t n, const Any& any, const Bad& bad) {
  std::atomic<int64_t> first{n};
  context.parallel_for(n, kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; b += kBlock) {
      const int64_t stop = std::min(end, b + kBlock);
      if (!any(b, stop)) continue;
      int64_t i = b;
      while (!bad(i)) ++i;
      int64_t seen = first.load(std::memory_order_relaxed);
      while (i < seen && !first.compare_exchange_weak(seen, i, std::memory_order_relaxed)) {
      }
      return;
    }
  });
  return first.load(std::memory_order_relaxed);
}

template <class T>
bool range(const Context& context, int64_t n, const void* data, int64_t lo, int64_t hi,
           GuardReport* report) {
  const T* values = static_cast<const T*>(data);
  // One comparison of unsigned distances from lo; U64 values above INT64_MAX lie far from any lo.
  const auto length = static_cast<uint64_t>(hi) - static_cast<uint64_t>(lo);
  const auto bad = [=](int64_t i) {
    const auto distance =
        static_cast<uint64_t>(static_cast<int64_t>(values[i])) - static_cast<uint64_t>(lo);
    if constexpr (std::is_same_v<T, uint64_t>) return distance >= length || values[i] >> 63;
    return distance >= length;
  };
  const int64_t i = first_bad(
      context, n,
      [=](int64_t begin, int64_t end) {
        bool any = false;
        for (int64_t k = begin; k < end; ++k) any |= bad(k);
        return any;
      },
      bad);
  if (i == n) return true;
  report->code = static_cast<uint32_t>(GuardCode::OutOfRange);
  report->index = i;
  report->value = static_cast<int64_t>(values[i]);
  return false;
}

// Not finite: every bit of the exponent is set.
template <class Bits>
bool finite(const Context& context, int64_t n, const void* data, Bits exponent,
            GuardReport* report) {
  const Bits* values = static_cast<const Bits*>(data);
  const auto bad = [=](int64_t i) { return (values[i] & exponent) == exponent; };
  const int64_t i = first_bad(
      context, n,
      [=](int64_t begin, int64_t end) {
        Bits any = 0;
        for (int64_t k = begin; k < end; ++k) any |= bad(k);
        return any != 0;
      },
      bad);
  if (i == n) return true;
  report->code = static_cast<uint32_t>(GuardCode::NotFinite);
  report->index = i;
  report->value = static_cast<int64_t>(values[i]);
  return false;
}

}  // namespace

bool check_range(const Context& context, DType dtype, int64_t n, const void* values, int64_t lo,
                 int64_t hi, GuardReport* report) noexcept {
  if (report->code != 0) return false;
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return range<uint8_t>(context, n, values, lo, hi, report);
    case DType::U16:
      return range<uint16_t>(context, n, values, lo, hi, report);
    case DType::U32:
      return range<uint32_t>(context, n, values, lo, hi, report);
    case DType::U64:
      return range<uint64_t>(context, n, values, lo, hi, report);
    case DType::I8:
      return range<int8_t>(context, n, values, lo, hi, report);
    case DType::I16:
      return range<int16_t>(context, n, values, lo, hi, report);
    case DType::I32:
      return range<int32_t>(context, n, values, lo, hi, report);
    default:
      return range<int64_t>(context, n, values, lo, hi, report);
  }
}

bool check_finite(const Context& context, DType dtype, int64_t n, const void* values,
                  GuardReport* report) noexcept {
  if (report->code != 0) return false;
  switch (dtype) {
    case DType::F16:
      return finite<uint16_t>(context, n, values, 0x7c00, report);
    case DType::BF16:
      return finite<uint16_t>(context, n, values, 0x7f80, report);
    case DType::F8E4M3:
      return finite<uint8_t>(context, n, values, 0x7f, report);
    case DType::F8E5M2:
      return finite<uint8_t>(context, n, values, 0x7c, report);
    case DType::F64:
      return finite<uint64_t>(context, n, values, 0x7ff0000000000000u, report);
    default:
      return finite<uint32_t>(context, n, values, 0x7f800000u, report);
  }
}

}  // namespace ranvier::kernels
