#pragma once
// Memory straight from the operating system, past every cache of ours.

#include <cstddef>

namespace ranvier {

inline constexpr size_t kHugePage = size_t{2} << 20;
inline constexpr size_t kMaxBytes = size_t{1} << 47;  // of one piece

// 64-byte aligned; nullptr where there is none. Pieces from kHugePage on lie in huge pages and
// begin at different places of one: arrays that are walked together would otherwise compete for the
// same sets of the caches and banks of the memory.
void* take_pages(size_t bytes) noexcept;
// `huge`: whether the piece was taken with at least kHugePage bytes.
void give_pages(void* data, bool huge) noexcept;

// How many bytes nobody uses may be kept for those who come next.
size_t idle_limit();

}  // namespace ranvier
