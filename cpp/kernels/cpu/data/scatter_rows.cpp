// Rows added to or written over rows, at places given one by one.

#include "kernels/cpu/data/scatter_rows.h"

#include "kernels/cpu/simd/vec.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The next N elements. Whole registers only: a masked store would make the load of the same row
// that follows it wait.
template <class T, bool Add, int N>
RV_INLINE void put(T*& d, const T*& s) {
  using Block [[gnu::vector_size(N * sizeof(T))]] = T;
  Block x, y;
  std::memcpy(&x, s, sizeof x);
  if constexpr (Add) {
    std::memcpy(&y, d, sizeof y);
    x = y + x;
  }
  std::memcpy(d, &x, sizeof x);
  d += N, s += N;
}

// The n % (2*N) elements that are left, in blocks of N, N/2, ... 1.
template <class T, bool Add, int N>
RV_INLINE void put_rest(T* d, const T* s, int64_t n) {
  if constexpr (N > 0) {
    if (n & N) put<T, Add, N>(d, s);
    put_rest<T, Add, N / 2>(d, s, n);
  }
}

template <class T, bool Add>
void scatter_rows(void* dst, const void* src, const int64_t* to, const int64_t* from, int64_t count,
                  int64_t width) noexcept {
  constexpr int64_t kAhead = 8;  // rows between the fetch of a row of dst and its use
  constexpr int kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < count; ++i) {
    T* d = static_cast<T*>(dst) + to[i];
    const T* s = static_cast<const T*>(src) + from[i];
    const T* next = static_cast<const T*>(dst) + to[i + kAhead < count ? i + kAhead : i];
    int64_t n = width;
    for (; n >= kLine; n -= kLine, next += kLine) {
      __builtin_prefetch(next, 1);
      put<T, Add, kLine>(d, s);
    }
    if (n == 0) continue;
    __builtin_prefetch(next, 1);
    put_rest<T, Add, kLine / 2>(d, s, n);
  }
}

}  // namespace

extern const ScatterRowsKernels kScatterRowsKernels;
const ScatterRowsKernels kScatterRowsKernels{
    scatter_rows<float, true>,
    scatter_rows<double, true>,
    scatter_rows<uint32_t, true>,
    scatter_rows<uint64_t, true>,
    {scatter_rows<uint8_t, false>, scatter_rows<uint16_t, false>, scatter_rows<uint32_t, false>,
     scatter_rows<uint64_t, false>}};

}  // namespace ranvier::kernels::RV_ISA
