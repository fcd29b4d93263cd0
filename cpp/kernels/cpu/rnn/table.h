#pragma once
// The table of one level and type: packing, and the kinds of cells.

#include "kernels/cpu/rnn/backward.h"
#include "kernels/cpu/rnn/forward.h"

namespace ranvier::kernels::RV_ISA {
namespace {

RV_INLINE ForwardPanels first_panels(RnnKind kind) {
  switch (kind) {
    case RnnKind::Lstm:
      return first_panels<RnnKind::Lstm>();
    case RnnKind::Gru:
      return first_panels<RnnKind::Gru>();
    case RnnKind::GruBefore:
      return first_panels<RnnKind::GruBefore>();
    case RnnKind::Simple:
      break;
  }
  return first_panels<RnnKind::Simple>();
}

RV_INLINE int gates_of(RnnKind kind) {
  return kind == RnnKind::Lstm ? 4 : kind == RnnKind::Simple ? 1 : 3;
}

// The panels of the forward products, in the order in which they lie.
struct PanelSets {
  ForwardPanels set[4];
  int count;
};
RV_INLINE PanelSets panel_sets(const RnnShape& shape) {
  if (shape.drop)
    return {{gate_panels(0), gate_panels(1), gate_panels(2), gate_panels(3)}, gates_of(shape.kind)};
  return {{first_panels(shape.kind), kCandidatePanels}, shape.kind == RnnKind::GruBefore ? 2 : 1};
}

template <class T>
int64_t panels(const RnnPlan& plan, bool backward) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  if (backward) return (plan.padded / kLanes + kMaxVectors<T> - 1) / kMaxVectors<T>;
  const PanelSets sets = panel_sets(plan.shape);
  int64_t count = 0;
  for (int i = 0; i < sets.count; ++i) count += sets.set[i].count(plan.shape.units, kLanes);
  return count;
}

// Panel `index` of the columns that a forward product covers: for every row p of u, the vectors
// (block, gate) side by side.
template <class T>
void pack_forward_panel(const RnnPlan& plan, const ForwardPanels& set, int64_t index, const T* u,
                        T* to) {
  constexpr int kLanes = Vec<T>::kLanes;
  const int64_t units = plan.shape.units, ld = gates_of(plan.shape.kind) * units;
  for (int v = 0; v < set.vectors();) {
    const int width = part_width<T>(set.vectors() - v);
    for (int i = 0; i < width; ++i) {
      const int64_t unit = (index * set.blocks + (v + i) / set.gates) * kLanes;
      const int64_t column = (set.first + (v + i) % set.gates) * units + unit;
      pack_vector(u + column, ld, units, units - unit, to + i * kLanes, int64_t{width} * kLanes);
    }
    to += units * width * kLanes;
    v += width;
  }
}

// Panel `index` of the transposed matrix: its rows are the columns of u, each gate's padded with
// zeros to whole vectors.
template <class T>
void pack_backward_panel(const RnnPlan& plan, int64_t index, const T* u, T* packed) {
  constexpr int kLanes = Vec<T>::kLanes;
  const int64_t units = plan.shape.units, padded = plan.padded;
  const int gates = gates_of(plan.shape.kind);
  const int64_t unit = index * kMaxVectors<T> * kLanes, left = padded - unit;
  const int64_t width = left < kMaxVectors<T> * kLanes ? left : kMaxVectors<T> * kLanes;
  const int64_t rows = units - unit < width ? units - unit : width;
  T* to = packed + unit * gates * padded;
  for (int g = 0; g < gates; ++g, to += padded * width) {
    pack_transposed(u + unit * gates * units + g * units, gates * units, static_cast<int>(rows),
                    static_cast<int>(width), units, to);
    for (int64_t i = units * width; i < padded * width; ++i) to[i] = T(0);
  }
}

template <class T>
void pack(const RnnPlan& plan, bool backward, const void* u, void* packed, int64_t begin,
          int64_t end) noexcept {
  constexpr int kLanes = Vec<T>::kLanes;
  const auto* from = static_cast<const T*>(u);
  auto* to = static_cast<T*>(packed);
  for (int64_t i = begin; i < end && backward; ++i) pack_backward_panel(plan, i, from, to);
  if (backward) return;
  const PanelSets sets = panel_sets(plan.shape);
  int64_t first = 0;  // panel of the set at hand
  for (int s = 0; s < sets.count; ++s) {
    const ForwardPanels& set = sets.set[s];
    const int64_t units = plan.shape.units, count = set.count(units, kLanes);
    const int64_t size = units * set.vectors() * kLanes;
    for (int64_t i = begin < first ? first : begin; i < end && i < first + count; ++i)
      pack_forward_panel(plan, set, i - first, from, to + (i - first) * size);
    first += count;
    to += count * size;
  }
}

template <class T>
void forward(const RnnPlan& plan, const RnnForward& o, const void* packed, int64_t row0,
             int64_t rows, std::byte* scratch) noexcept {
  switch (plan.shape.kind) {
    case RnnKind::Lstm:
      return forward_rows<T, RnnKind::Lstm>(plan, o, packed, row0, rows, scratch);
    case RnnKind::Gru:
      return forward_rows<T, RnnKind::Gru>(plan, o, packed, row0, rows, scratch);
    case RnnKind::GruBefore:
      return forward_rows<T, RnnKind::GruBefore>(plan, o, packed, row0, rows, scratch);
    case RnnKind::Simple:
      return forward_rows<T, RnnKind::Simple>(plan, o, packed, row0, rows, scratch);
  }
}

template <class T>
void backward(const RnnPlan& plan, const RnnBackward& o, const void* packed, int64_t row0,
              int64_t rows, std::byte* scratch) noexcept {
  switch (plan.shape.kind) {
    case RnnKind::Lstm:
      return backward_rows<T, RnnKind::Lstm>(plan, o, packed, row0, rows, scratch);
    case RnnKind::Gru:
      return backward_rows<T, RnnKind::Gru>(plan, o, packed, row0, rows, scratch);
    case RnnKind::GruBefore:
      return backward_rows<T, RnnKind::GruBefore>(plan, o, packed, row0, rows, scratch);
    case RnnKind::Simple:
      return backward_rows<T, RnnKind::Simple>(plan, o, packed, row0, rows, scratch);
  }
}

template <class T>
constexpr RnnKernels rnn_table() {
  return {.panels = &panels<T>,
          .pack = &pack<T>,
          .forward = &forward<T>,
          .backward = &backward<T>,
          .lanes = Vec<T>::kLanes,
          .panel_vectors = kMaxVectors<T>};
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
