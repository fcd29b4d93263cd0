#pragma once
// How a chunk of rows lies in its scratch, and where its elements are in the operands.

#include "kernels/cpu/rnn/formulas.h"
#include "kernels/cpu/rnn/product.h"
#include "kernels/cpu/rnn/rnn.h"

namespace ranvier::kernels::RV_ISA {
namespace {

// The columns of u that one forward product covers: `gates` columns per unit from `first` on, for
// `blocks` vectors of units in a panel.
struct ForwardPanels {
  int first, gates, blocks;
  RV_INLINE int vectors() const { return gates * blocks; }
  RV_INLINE int64_t count(int64_t units, int lanes) const {
    const int64_t wide = int64_t{lanes} * blocks;
    return (units + wide - 1) / wide;
  }
};
// gru_before multiplies twice: h by the columns of z and r, then r h by those of n.
template <RnnKind kKind>
constexpr ForwardPanels first_panels() {
  if constexpr (kKind == RnnKind::Lstm) return {0, 4, 1};
  if constexpr (kKind == RnnKind::Gru) return {0, 3, 1};
  if constexpr (kKind == RnnKind::GruBefore) return {0, 2, 1};
  return {0, 1, 2};
}
inline constexpr ForwardPanels kCandidatePanels{2, 1, 2};
// Under recurrent dropout each gate has an h of its own.
constexpr ForwardPanels gate_panels(int gate) { return {gate, 1, 2}; }

template <RnnKind kKind>
constexpr int kGates = kKind == RnnKind::Lstm     ? 4
                       : kKind == RnnKind::Simple ? 1
                                                  : 3;

// A chunk: rows of the batch, the step at hand, and strides of elements.
struct Walker {
  const RnnShape& s;
  int64_t row0, rows;
  int64_t step = 0;

  RV_INLINE int64_t time() const { return s.backwards ? s.steps - 1 - step : step; }
  // Of (row, time) in layouts by time, and of (row, step) in the order of computing.
  RV_INLINE int64_t at_time(int64_t r) const { return (row0 + r) * s.steps + time(); }
  RV_INLINE int64_t at_step(int64_t r) const { return (row0 + r) * s.steps + step; }
};

template <class T>
RV_INLINE T* row_of(T* base, int64_t index, int64_t width) {
  return base ? base + index * width : nullptr;
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
