// Transposes, broadcasts, slices and their like, each as the strides of one strided copy.

#include "kernels/cpu/data/copy.h"

namespace ranvier::kernels {
namespace {

struct Loops {
  int rank = 0;
  int64_t size[kMaxCopyRank];
  int64_t dst[kMaxCopyRank];
  int64_t src[kMaxCopyRank];

  void add(int64_t n, int64_t dst_stride, int64_t src_stride) {
    size[rank] = n;
    dst[rank] = dst_stride;
    src[rank++] = src_stride;
  }
  StridedCopy prepare(int element_bytes, int64_t dst_offset = 0, int64_t src_offset = 0) const {
    const auto n = static_cast<size_t>(rank);
    return prepare_strided_copy(element_bytes, {size, n}, {dst, n}, {src, n}, dst_offset,
                                src_offset);
  }
};

}  // namespace

StridedCopy prepare_transpose(int element_bytes, const Shape& src, std::span<const int> perm) {
  const auto src_strides = src.strides();
  Shape dst;
  for (const int axis : perm) dst.push_back(src[axis]);
  const auto dst_strides = dst.strides();
  Loops loops;
  for (int a = 0; a < dst.rank(); ++a) loops.add(dst[a], dst_strides[a], src_strides[perm[a]]);
  return loops.prepare(element_bytes);
}

StridedCopy prepare_broadcast(int element_bytes, const Shape& src, const Shape& dst) {
  const auto src_strides = src.strides();
  const auto dst_strides = dst.strides();
  const int missing = dst.rank() - src.rank();
  Loops loops;
  for (int a = 0; a < dst.rank(); ++a) {
    const bool repeated = a < missing || src[a - missing] == 1;
    loops.add(dst[a], dst_strides[a], repeated ? 0 : src_strides[a - missing]);
  }
  return loops.prepare(element_bytes);
}

StridedCopy prepare_slice(int element_bytes, const Shape& src, const Shape& dst,
                          std::span<const int64_t> begin, std::span<const int64_t> step) {
  const auto src_strides = src.strides();
  const auto dst_strides = dst.strides();
  Loops loops;
  int64_t offset = 0;
  for (int a = 0; a < src.rank(); ++a) {
    offset += begin[a] * src_strides[a];
    loops.add(dst[a], dst_strides[a], step[a] * src_strides[a]);
  }
  return loops.prepare(element_bytes, 0, offset);
}

StridedCopy prepare_slice_update(int element_bytes, const Shape& dst, const Shape& update,
                                 std::span<const int64_t> begin, std::span<const int64_t> step) {
  const auto src_strides = update.strides();
  const auto dst_strides = dst.strides();
  Loops loops;
  int64_t offset = 0;
  for (int a = 0; a < dst.rank(); ++a) {
    offset += begin[a] * dst_strides[a];
    loops.add(update[a], step[a] * dst_strides[a], src_strides[a]);
  }
  return loops.prepare(element_bytes, offset, 0);
}

StridedCopy prepare_reverse(int element_bytes, const Shape& src, std::span<const int> axes) {
  int64_t begin[kMaxRank] = {}, step[kMaxRank];
  for (int a = 0; a < src.rank(); ++a) step[a] = 1;
  for (const int axis : axes) {
    begin[axis] = src[axis] - 1;
    step[axis] = -1;
  }
  const auto n = static_cast<size_t>(src.rank());
  return prepare_slice(element_bytes, src, src, {begin, n}, {step, n});
}

StridedCopy prepare_copies(int element_bytes, const Shape& src, std::span<const int64_t> reps,
                           bool whole) {
  const auto src_strides = src.strides();
  Shape dst;
  for (int a = 0; a < src.rank(); ++a) dst.push_back(src[a] * reps[a]);
  const auto dst_strides = dst.strides();
  Loops loops;
  for (int a = 0; a < src.rank(); ++a) {
    if (whole) loops.add(reps[a], dst_strides[a] * src[a], 0);
    loops.add(src[a], dst_strides[a] * (whole ? 1 : reps[a]), src_strides[a]);
    if (!whole) loops.add(reps[a], dst_strides[a], 0);
  }
  return loops.prepare(element_bytes);
}

}  // namespace ranvier::kernels
