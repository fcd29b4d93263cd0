#pragma once
// The steps of a sequence for a chunk of rows. h is kept twice: a step reads the old one whole.

#include "kernels/cpu/rnn/layout.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct ForwardPointers {
  const T *x, *bias, *h0, *c0;
  const bool* mask;
  T *sequence, *gates, *saved_h, *extra;
  explicit ForwardPointers(const RnnForward& o)
      : x(static_cast<const T*>(o.x)),
        bias(static_cast<const T*>(o.bias)),
        h0(static_cast<const T*>(o.h0)),
        c0(static_cast<const T*>(o.c0)),
        mask(o.mask),
        sequence(static_cast<T*>(o.sequence)),
        gates(static_cast<T*>(o.gates)),
        saved_h(static_cast<T*>(o.saved_h)),
        extra(static_cast<T*>(o.extra)) {}
};

// One vector of units of one row in one step.
template <class T>
struct Cell {
  Lanes<T> lanes;
  int64_t unit, units;
  bool keep;      // the mask shows this step
  const T* x;     // of this row and time
  const T* z;     // products, a vector per column
  const T* bias;  // gru
  const T* h;     // before the step
  T* h_next;      // after it
  T* c;           // lstm: before and after
  T* rh;          // gru_before: r h, for the second product
  T* gates;       // saved or null
  T* saved_h;
  T* extra;
  T* sequence;

  RV_INLINE Vec<T> input(int gate) const { return lanes.load(x + gate * units + unit); }
  RV_INLINE Vec<T> recurrent(int gate) const { return Vec<T>::load(z + gate * Vec<T>::kLanes); }
  RV_INLINE void save(int gate, Vec<T> value) const {
    if (gates) lanes.store(value, gates + gate * units + unit);
  }
  RV_INLINE void finish(Vec<T> h_new) const {
    const Vec<T> old = Vec<T>::load(h + unit);
    if (saved_h) lanes.store(old, saved_h + unit);
    if (!keep) h_new = old;
    h_new.store(h_next + unit);
    if (sequence) lanes.store(h_new, sequence + unit);
  }
};

template <class T>
RV_INLINE void lstm_cell(const Cell<T>& cell) {
  const Vec<T> i = logistic(cell.input(0) + cell.recurrent(0));
  const Vec<T> f = logistic(cell.input(1) + cell.recurrent(1));
  const Vec<T> g = hyperbolic(cell.input(2) + cell.recurrent(2));
  const Vec<T> o = logistic(cell.input(3) + cell.recurrent(3));
  const Vec<T> before = Vec<T>::load(cell.c + cell.unit);
  const Vec<T> c = fma(f, before, i * g);
  cell.save(0, i);
  cell.save(1, f);
  cell.save(2, g);
  cell.save(3, o);
  if (cell.extra) cell.lanes.store(before, cell.extra + cell.unit);
  if (cell.keep) c.store(cell.c + cell.unit);
  cell.finish(o * hyperbolic(c));
}

template <class T>
RV_INLINE Vec<T> mixed(Vec<T> z, Vec<T> h, Vec<T> n) {
  return fma(z, h, (one<T>() - z) * n);
}

template <class T>
RV_INLINE void gru_cell(const Cell<T>& cell) {
  Vec<T> m[3];
  for (int gate = 0; gate < 3; ++gate) {
    m[gate] = cell.recurrent(gate);
    if (cell.bias) m[gate] = m[gate] + cell.lanes.load(cell.bias + gate * cell.units + cell.unit);
  }
  const Vec<T> z = logistic(cell.input(0) + m[0]), r = logistic(cell.input(1) + m[1]);
  const Vec<T> n = hyperbolic(fma(r, m[2], cell.input(2)));
  cell.save(0, z);
  cell.save(1, r);
  cell.save(2, n);
  if (cell.extra) cell.lanes.store(m[2], cell.extra + cell.unit);
  cell.finish(mixed(z, Vec<T>::load(cell.h + cell.unit), n));
}

// The gates of gru_before. z waits in h_next until the candidate is known.
template <class T>
RV_INLINE void gru_before_gates(const Cell<T>& cell) {
  const Vec<T> z = logistic(cell.input(0) + cell.recurrent(0));
  const Vec<T> r = logistic(cell.input(1) + cell.recurrent(1));
  const Vec<T> rh = r * Vec<T>::load(cell.h + cell.unit);
  cell.save(0, z);
  cell.save(1, r);
  if (cell.extra) cell.lanes.store(rh, cell.extra + cell.unit);
  z.store(cell.h_next + cell.unit);
  rh.store(cell.rh + cell.unit);
}
template <class T>
RV_INLINE void gru_before_candidate(const Cell<T>& cell) {
  const Vec<T> n = hyperbolic(cell.input(2) + cell.recurrent(0));
  cell.save(2, n);
  const Vec<T> z = Vec<T>::load(cell.h_next + cell.unit);
  cell.finish(mixed(z, Vec<T>::load(cell.h + cell.unit), n));
}

template <class T>
RV_INLINE void simple_cell(const Cell<T>& cell, Activation activation) {
  const Vec<T> y = activate(activation, cell.input(0) + cell.recurrent(0));
  cell.save(0, y);
  cell.finish(y);
}

template <class T, RnnKind kKind>
struct ForwardChunk {
  static constexpr int kLanes = Vec<T>::kLanes;
  const RnnPlan& plan;
  ForwardPointers<T> o;
  const T* packed;
  Walker at;
  int64_t ld;  // of the rows of a state in scratch
  T *h, *h_next, *c, *rh, *z;

  ForwardChunk(const RnnPlan& p, const RnnForward& operands, const T* u, int64_t row0, int64_t rows,
               T* scratch)
      : plan(p), o(operands), packed(u), at{p.shape, row0, rows}, ld(p.padded + kLanes) {
    const int64_t state = p.chunk_rows * ld;
    h = scratch;
    h_next = h + state;
    c = h_next + state;
    rh = c + state;
    z = rh + state;
    load_state(o.h0, h);
    if (o.c0) load_state(o.c0, c);
  }

  // Rows of a state into scratch, zero beyond the last unit.
  void load_state(const T* from, T* to) const {
    const int64_t units = plan.shape.units;
    for (int64_t r = 0; r < at.rows; ++r)
      for (int64_t j = 0; j < plan.padded; ++j)
        to[r * ld + j] = j < units ? from[(at.row0 + r) * units + j] : T(0);
  }
  void store_state(const T* from, void* to) const {
    const int64_t units = plan.shape.units;
    for (int64_t r = 0; r < at.rows; ++r)
      for (int64_t j = 0; j < units; ++j)
        static_cast<T*>(to)[(at.row0 + r) * units + j] = from[r * ld + j];
  }

  // Brings the next step's inputs near while this step computes: rows lie far apart.
  RV_INLINE void fetch_next(int64_t r, int64_t unit) const {
    const RnnShape& s = plan.shape;
    if (at.step + 1 >= s.steps) return;
    const int64_t next = at.at_time(r) + (s.backwards ? -1 : 1);
    const T* x = o.x + next * kGates<kKind> * s.units + unit;
    for (int gate = 0; gate < kGates<kKind>; ++gate) __builtin_prefetch(x + gate * s.units, 0, 2);
  }

  RV_INLINE Cell<T> cell_at(int64_t r, int64_t unit, const T* products) const {
    const int64_t units = plan.shape.units, time = at.at_time(r);
    const int64_t left = units - unit;
    return {.lanes = {static_cast<int>(left < kLanes ? left : kLanes)},
            .unit = unit,
            .units = units,
            .keep = !o.mask || o.mask[time],
            .x = o.x + time * kGates<kKind> * units,
            .z = products,
            .bias = o.bias,
            .h = h + r * ld,
            .h_next = h_next + r * ld,
            .c = c + r * ld,
            .rh = rh + r * ld,
            .gates = row_of(o.gates, time, kGates<kKind> * units),
            .saved_h = row_of(o.saved_h, time, units),
            .extra = row_of(o.extra, time, units),
            .sequence = row_of(o.sequence, at.at_step(r), units)};
  }

  // All panels of one product, `apply` on each vector of units of each row.
  template <class F>
  RV_INLINE void sweep(const T* a, const T* b, const ForwardPanels& panels, const F& apply) const {
    const int64_t units = plan.shape.units, ldz = panels.vectors() * kLanes;
    for (int64_t panel = 0; panel < panels.count(units, kLanes); ++panel) {
      product(a, ld, at.rows, b + panel * units * ldz, units, panels.vectors(), T(0), z, ldz);
      for (int block = 0; block < panels.blocks; ++block) {
        const int64_t unit = (panel * panels.blocks + block) * kLanes;
        if (unit >= units) break;
        for (int64_t r = 0; r < at.rows; ++r)
          apply(r, unit, z + r * ldz + block * panels.gates * kLanes);
      }
    }
  }

  void one_step() {
    constexpr ForwardPanels kFirst = first_panels<kKind>();
    sweep(h, packed, kFirst, [this](int64_t r, int64_t unit, const T* products) {
      const Cell<T> cell = cell_at(r, unit, products);
      fetch_next(r, unit);
      if constexpr (kKind == RnnKind::Lstm) lstm_cell(cell);
      if constexpr (kKind == RnnKind::Gru) gru_cell(cell);
      if constexpr (kKind == RnnKind::GruBefore) gru_before_gates(cell);
      if constexpr (kKind == RnnKind::Simple) simple_cell(cell, plan.shape.activation);
    });
    if constexpr (kKind == RnnKind::GruBefore) {
      const int64_t units = plan.shape.units;
      const T* second = packed + kFirst.count(units, kLanes) * units * kFirst.vectors() * kLanes;
      sweep(rh, second, kCandidatePanels, [this](int64_t r, int64_t unit, const T* products) {
        gru_before_candidate(cell_at(r, unit, products));
      });
    }
    T* const swap = h;
    h = h_next;
    h_next = swap;
  }
};

template <class T, RnnKind kKind>
void forward_rows(const RnnPlan& plan, const RnnForward& operands, const void* packed, int64_t row0,
                  int64_t rows, std::byte* scratch) noexcept {
  ForwardChunk<T, kKind> chunk(plan, operands, static_cast<const T*>(packed), row0, rows,
                               reinterpret_cast<T*>(scratch));
  for (; chunk.at.step < plan.shape.steps; ++chunk.at.step) chunk.one_step();
  chunk.store_state(chunk.h, operands.h);
  if (operands.c) chunk.store_state(chunk.c, operands.c);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
