#pragma once
// Padding of any rank: constant, edge, reflect (without the edge), symmetric (with it), wrap.

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "base/shape.h"
#include "kernels/kernel.h"

namespace ranvier::kernels {

enum class PadMode : uint8_t { Constant, Edge, Reflect, Symmetric, Wrap };

struct Pad {
  PadMode mode = PadMode::Constant;
  int element_bytes = 4;
  int64_t block_bytes = 4;  // an element with the unpadded axes behind the last padded one
  int rank = 0;             // axes up to the last padded one, unpadded neighbours merged
  int64_t src_size[kMaxRank] = {};
  int64_t dst_size[kMaxRank] = {};
  int64_t before[kMaxRank] = {};
  Cost cost;
};
// before, after >= 0; reflect needs pads below the size, symmetric and wrap at most the size
// (checked in inference). Axes without padding are merged.
Pad prepare_pad(int element_bytes, const Shape& src, std::span<const int64_t> before,
                std::span<const int64_t> after, PadMode mode);
// `value`: one element, read in mode Constant alone.
void run_pad(const Context& context, const Pad& params, void* dst, const void* src,
             const void* value) noexcept;

}  // namespace ranvier::kernels
