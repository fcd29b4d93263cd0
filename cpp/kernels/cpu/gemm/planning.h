#pragma once
// What the choices of a product share (prepare.cpp: variant and cuts; packing.cpp: what is packed).
// Every choice depends on shape and machine alone, never on the number of threads.

#include "base/rounding.h"
#include "kernels/cpu/gemm/gemm.h"

namespace ranvier::kernels {

// Bytes from which on a matrix is read from beyond the caches of a core.
inline constexpr int64_t kStreamedBytes = 1 << 20;
// Rows of B this far apart lie in too many pages and too few sets of the caches to be read in
// place.
inline constexpr int64_t kScatteredBytes = 1024;
// Terms from which on a copy of B pays; half of them where rows collide.
inline constexpr int64_t kFewTerms = 64;
// Rows of a chunk where B is read in place: two tiles.
inline constexpr int64_t kFewestRows = 28;
// Products of more rows in the batch than this cut what is costly to pack as rarely as they can.
inline constexpr int64_t kManyInBatch = 192;

// Rows a multiple of 4 KB apart fall into the same few sets of the L1 cache.
inline bool collides(int64_t ld, int64_t element) { return ld * element % 4096 == 0; }

// The rows of the layer's batch: of op(A), or in its weight gradient the terms of a sum.
inline int64_t batch_of(const GemmShape& s) { return s.trans_a ? s.k : s.m; }

// Each cut of columns packs A anew, each cut of rows B: the columns of a much larger B are cut,
// unless some rows can be cut that read it in place in the caches.
bool cuts_columns(const GemmShape& s, int64_t element);

// Whether B is packed; before the work is cut.
bool packs_b(const GemmShape& s, const GemmKernels& kernels, int64_t element);
// The same of bfloat16.
bool packs_pairs(const GemmShape& s);
// Sets what a chunk packs, its blocks of k and its scratch, once the work is cut.
void choose_packing(GemmPlan& plan, const GemmKernels& kernels, int64_t element);
void choose_panel_packing(GemmPlan& plan, const GemmKernels& kernels, int64_t element);
void choose_pair_packing(GemmPlan& plan);

}  // namespace ranvier::kernels
