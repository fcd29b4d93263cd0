// Quicksort in vectors: keys up to a bound stay where they are, the others go to the other array; a
// network in registers sorts what is short.

#include "kernels/cpu/data/sort_keys.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/data/sort_network.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class K>
constexpr K kSmallestKey = static_cast<K>(uint64_t{1} << (8 * sizeof(K) - 1));
template <class K>
constexpr K kLargestKey = static_cast<K>(~kSmallestKey<K>);

// Bit i: lane i is above the bound.
#if defined(__AVX512F__)
constexpr int kNetwork = 16;
RV_INLINE unsigned lanes_above(VecI x, VecI bound) {
  return _mm512_cmpgt_epi32_mask((__m512i)x.v, (__m512i)bound.v);
}
RV_INLINE unsigned lanes_above(VecL x, VecL bound) {
  return _mm512_cmpgt_epi64_mask((__m512i)x.v, (__m512i)bound.v);
}
// The lanes of the mask, in order, first.
RV_INLINE VecI compress(VecI x, unsigned mask) {
  return {(VecI::Register)_mm512_maskz_compress_epi32(static_cast<__mmask16>(mask), (__m512i)x.v)};
}
RV_INLINE VecL compress(VecL x, unsigned mask) {
  return {(VecL::Register)_mm512_maskz_compress_epi64(static_cast<__mmask8>(mask), (__m512i)x.v)};
}
// In halves: of stores that straddle two lines, those of 64 bytes take twice as long as two of 32.
template <class K>
RV_INLINE void store_anywhere(Vec<K> x, K* to) {
  const auto low = _mm512_castsi512_si256((__m512i)x.v);
  const auto high = _mm512_extracti64x4_epi64((__m512i)x.v, 1);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + Vec<K>::kLanes / 2), high);
}
#elif defined(__AVX2__)
constexpr int kNetwork = 8;
RV_INLINE unsigned lanes_above(VecI x, VecI bound) {
  return static_cast<unsigned>(_mm256_movemask_ps((__m256)(x > bound).v));
}
RV_INLINE unsigned lanes_above(VecL x, VecL bound) {
  return static_cast<unsigned>(_mm256_movemask_pd((__m256d)(x > bound).v));
}
// For every mask of eight lanes, which lane comes to each place.
struct CompressTable {
  alignas(8) uint8_t lane[256][8] = {};
  constexpr CompressTable() {
    for (int mask = 0; mask < 256; ++mask) {
      int place = 0;
      for (uint8_t i = 0; i < 8; ++i)
        if (mask >> i & 1) lane[mask][place++] = i;
    }
  }
};
constexpr CompressTable kCompress;
RV_INLINE __m256i compress_words(__m256i x, unsigned mask) {
  const __m128i lanes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kCompress.lane[mask]));
  return _mm256_permutevar8x32_epi32(x, _mm256_cvtepu8_epi32(lanes));
}
RV_INLINE VecI compress(VecI x, unsigned mask) {
  return {(VecI::Register)compress_words((__m256i)x.v, mask)};
}
RV_INLINE VecL compress(VecL x, unsigned mask) {
  const unsigned words = (mask & 1) * 3 | (mask & 2) * 6 | (mask & 4) * 12 | (mask & 8) * 24;
  return {(VecL::Register)compress_words((__m256i)x.v, words)};
}
template <class K>
RV_INLINE void store_anywhere(Vec<K> x, K* to) {
  x.store(to);
}
#else
constexpr int kNetwork = 8;
#endif

// Keys above the bound go to `other`, or those that are not, when `above_stay`; what stays moves
// together at the front. Orders are kept. Returns how many go. No store reaches beyond n keys of
// either array: as many have been read before.
template <class K>
int64_t part(K* keys, K* other, int64_t n, K bound, bool above_stay) {
  int64_t stay = 0, go = 0, i = 0;
#if defined(__AVX2__)
  using V = Vec<K>;
  constexpr unsigned kAll = (1u << V::kLanes) - 1;
  const unsigned turn = above_stay ? kAll : 0;
  const V limit = V::set1(bound);
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const V x = V::load(keys + i);
    const unsigned leaving = lanes_above(x, limit) ^ turn;
    store_anywhere(compress(x, leaving ^ kAll), keys + stay);
    store_anywhere(compress(x, leaving), other + go);
    const int count = __builtin_popcount(leaving);
    go += count, stay += V::kLanes - count;
  }
#endif
  for (; i < n; ++i) {
    const K x = keys[i];
    const bool leaves = (x > bound) != above_stay;
    keys[stay] = x, other[go] = x;
    stay += !leaves, go += leaves;
  }
  return go;
}

// The middle of V vectors of keys, whose places are spread by multiples of the golden ratio: no
// common pattern of the keys meets them, and every run meets the same.
template <int V, class K>
K middle_of(const K* keys, int64_t n) {
  constexpr int kCount = V * Vec<K>::kLanes;
  K sample[kCount];
  auto place = static_cast<uint32_t>(n);
  for (K& key : sample) {
    place += 0x9E3779B9u;
    key = keys[static_cast<int64_t>(static_cast<double>(place) * 0x1p-32 * static_cast<double>(n))];
  }
  sort_in_registers<V>(sample, sample, kCount);
  return sample[kCount / 2];
}

template <class K>
K middle_key(const K* keys, int64_t n) {
  return n < 16 * kNetwork * Vec<K>::kLanes ? middle_of<2>(keys, n) : middle_of<kNetwork>(keys, n);
}

// Parts by x <= bound. The first part never ends in the other array.
template <class K>
void split_at(Segment<K> s, K bound, Segment<K> parts[2]) {
  if (s.into_other) {
    const int64_t low = part(s.keys, s.other, s.n, bound, true), high = s.n - low;
    parts[0] = {s.other, s.keys + high, low, false};
    parts[1] = {s.keys, s.other + low, high, true};
  } else {
    const int64_t high = part(s.keys, s.other, s.n, bound, false), low = s.n - high;
    parts[0] = {s.keys, s.other + high, low, false};
    parts[1] = {s.other, s.keys + low, high, true};
  }
}

template <class K>
void split(Segment<K> s, Segment<K> parts[2]) noexcept {
  const K pivot = middle_key(s.keys, s.n);
  parts[1] = s;
  if (pivot > kSmallestKey<K>) {
    split_at(s, static_cast<K>(pivot - 1), parts);
    if (parts[0].n > 0) return;
  }
  // The pivot is the smallest: those equal to it are in their places then.
  split_at(parts[1], pivot, parts);
  parts[0].n = 0;
}

template <class K>
void sort_short(Segment<K> s) {
  constexpr int64_t kLanes = Vec<K>::kLanes;
  K* dst = s.into_other ? s.other : s.keys;
  if (s.n <= kLanes)
    sort_in_registers<1>(s.keys, dst, s.n);
  else if (s.n <= kNetwork / 4 * kLanes)
    sort_in_registers<kNetwork / 4>(s.keys, dst, s.n);
  else if (s.n <= kNetwork / 2 * kLanes)
    sort_in_registers<kNetwork / 2>(s.keys, dst, s.n);
  else
    sort_in_registers<kNetwork>(s.keys, dst, s.n);
}

// The shorter part first, so that calls nest no deeper than the logarithm of n.
template <class K>
void sort(Segment<K> s) noexcept {
  while (s.n > kNetwork * Vec<K>::kLanes) {
    Segment<K> parts[2];
    split(s, parts);
    const bool first = parts[0].n < parts[1].n;
    sort(parts[first ? 0 : 1]);
    s = parts[first ? 1 : 0];
  }
  if (s.n > 0) sort_short(s);
}

// Sign and magnitude become two's complement.
template <class T>
RV_INLINE T turn_negative(T x) {
  return static_cast<T>(x ^ ((x >> (8 * sizeof(T) - 1)) & kLargestKey<T>));
}

// The key of an element, within the range of its signed type T.
template <KeyForm::Kind kind, class T>
RV_INLINE T key_of(T x, T infinity, T flip) {
  if constexpr (kind == KeyForm::Kind::Unsigned) {
    return static_cast<T>(x ^ kSmallestKey<T> ^ flip);
  } else if constexpr (kind == KeyForm::Kind::Floating) {
    const T magnitude = static_cast<T>(x & kLargestKey<T>);
    T key = magnitude == 0 ? T{0} : turn_negative(x);
    key = magnitude > infinity ? kLargestKey<T> : key;
    return static_cast<T>(key ^ flip);
  } else {
    return static_cast<T>(x ^ flip);
  }
}

// Calls f with the form's kind, and with infinity and flip in the signed type of its elements.
template <KeyForm::Kind kind, class F>
void with_size(const KeyForm& form, const F& f) {
  const auto call = [&](auto zero) {
    using T = decltype(zero);
    f(std::integral_constant<KeyForm::Kind, kind>{}, static_cast<T>(form.infinity),
      static_cast<T>(form.flip));
  };
  if (form.bytes == 1)
    call(int8_t{});
  else if (form.bytes == 2)
    call(int16_t{});
  else
    call(int32_t{});
}

template <class K, class F>
void with_form(const KeyForm& form, const F& f) {
  const auto call = [&](auto kind) {
    if constexpr (sizeof(K) == 8)
      f(kind, form.infinity, form.flip);
    else
      with_size<kind.value>(form, f);
  };
  if (form.kind == KeyForm::Kind::Signed)
    call(std::integral_constant<KeyForm::Kind, KeyForm::Kind::Signed>{});
  else if (form.kind == KeyForm::Kind::Unsigned)
    call(std::integral_constant<KeyForm::Kind, KeyForm::Kind::Unsigned>{});
  else
    call(std::integral_constant<KeyForm::Kind, KeyForm::Kind::Floating>{});
}

template <class K>
bool map(const KeyForm& form, const void* src, K* __restrict keys, int64_t n) noexcept {
  bool special = false;
  with_form<K>(form, [&](auto kind, auto infinity, auto flip) {
    using T = decltype(infinity);
    const T* __restrict s = static_cast<const T*>(src);
    T found = 0;
    for (int64_t i = 0; i < n; ++i) {
      const T x = s[i];
      if constexpr (kind.value == KeyForm::Kind::Floating)
        found |= static_cast<T>((x == kSmallestKey<T>) | ((x & kLargestKey<T>) > infinity));
      keys[i] = key_of<kind.value>(x, infinity, flip);
    }
    special = found != 0;
  });
  return special;
}

template <class K>
void unmap(const KeyForm& form, const K* __restrict keys, void* dst, int64_t n) noexcept {
  with_form<K>(form, [&](auto kind, auto infinity, auto flip) {
    using T = decltype(infinity);
    T* __restrict d = static_cast<T*>(dst);
    for (int64_t i = 0; i < n; ++i) {
      const T x = static_cast<T>(static_cast<T>(keys[i]) ^ flip);
      if constexpr (kind.value == KeyForm::Kind::Unsigned)
        d[i] = static_cast<T>(x ^ kSmallestKey<T>);
      else
        d[i] = kind.value == KeyForm::Kind::Floating ? turn_negative(x) : x;
    }
  });
}

void map_indexed(const KeyForm& form, const void* src, int64_t first, int64_t* __restrict keys,
                 int64_t n) noexcept {
  with_form<int32_t>(form, [&](auto kind, auto infinity, auto flip) {
    using T = decltype(infinity);
    const T* __restrict s = static_cast<const T*>(src);
    for (int64_t i = 0; i < n; ++i)
      keys[i] = int64_t{key_of<kind.value>(s[i], infinity, flip)} * (int64_t{1} << 32) + first + i;
  });
}

void insert_key(int64_t key, int64_t count, int64_t* best) {
  int64_t j = count;
  for (; j > 0 && best[j - 1] > key; --j) best[j] = best[j - 1];
  best[j] = key;
}

// Whole vectors without a key below the worst kept one are passed over: of random keys, all but
// k log(n / k).
void smallest(const int32_t* keys, int64_t n, int64_t k, int64_t* best) noexcept {
  const auto joined = [&](int64_t i) { return int64_t{keys[i]} * (int64_t{1} << 32) + i; };
  for (int64_t i = 0; i < k; ++i) insert_key(joined(i), i, best);
  const auto worst = [&] { return static_cast<int32_t>(best[k - 1] >> 32); };
  const auto offer = [&](int64_t i) {
    if (keys[i] < worst()) insert_key(joined(i), k - 1, best);
  };
  int64_t i = k;
  for (; i + VecI::kLanes <= n; i += VecI::kLanes) {
    if (!any(VecI::load(keys + i) < VecI::set1(worst()))) continue;
    for (int64_t j = i; j < i + VecI::kLanes; ++j) offer(j);
  }
  for (; i < n; ++i) offer(i);
}

// Halving without branches: `left` keys behind `base` are undecided. Several values at once, whose
// loads do not wait for each other.
template <int together, bool right, class K>
void search_some(const K* sorted, int64_t n, const K* values, int32_t* dst) {
  const auto below = [](K key, K value) { return right ? key <= value : key < value; };
  int64_t base[together] = {};
  for (int64_t left = n; left > 1; left -= left / 2) {
    const int64_t half = left / 2;
#pragma GCC unroll 16
    for (int j = 0; j < together; ++j)
      base[j] += below(sorted[base[j] + half - 1], values[j]) ? half : 0;
  }
  for (int j = 0; j < together; ++j)
    dst[j] = static_cast<int32_t>(n == 0 ? 0 : base[j] + below(sorted[base[j]], values[j]));
}

template <bool right, class K>
void search_side(const K* sorted, int64_t n, const K* values, int64_t count, int32_t* dst) {
  constexpr int kTogether = 16;
  int64_t i = 0;
  for (; i + kTogether <= count; i += kTogether)
    search_some<kTogether, right>(sorted, n, values + i, dst + i);
  for (; i < count; ++i) search_some<1, right>(sorted, n, values + i, dst + i);
}

template <class K>
void search(const K* sorted, int64_t n, const K* values, int64_t count, bool right,
            int32_t* dst) noexcept {
  right ? search_side<true>(sorted, n, values, count, dst)
        : search_side<false>(sorted, n, values, count, dst);
}

}  // namespace

extern const SortKernels kSortKernels;
const SortKernels kSortKernels{
    {sort<int32_t>, split<int32_t>, map<int32_t>, unmap<int32_t>, search<int32_t>},
    {sort<int64_t>, split<int64_t>, map<int64_t>, unmap<int64_t>, search<int64_t>},
    map_indexed,
    smallest};

}  // namespace ranvier::kernels::RV_ISA
