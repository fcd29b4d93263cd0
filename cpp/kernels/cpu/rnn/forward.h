#pragma once
// The steps of a sequence for a chunk of rows. h is kept twice: a step reads the old one whole.

#include "kernels/cpu/rnn/layout.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct ForwardPointers {
  const T *x, *bias, *h0, *c0, *drop;
  const bool* mask;
  T *sequence, *gates, *saved_h, *extra;
  explicit ForwardPointers(const RnnForward& o)
      : x(static_cast<const T*>(o.x)),
        bias(static_cast<const T*>(o.bias)),
        h0(static_cast<const T*>(o.h0)),
        c0(static_cast<const T*>(o.c0)),
        drop(static_cast<const T*>(o.drop)),
        mask(o.mask),
        sequence(static_cast<T*>(o.sequence)),
        gates(static_cast<T*>(o.gates)),
        saved_h(static_cast<T*>(o.saved_h)),
        extra(static_cast<T*>(o.extra)) {}
};

// One vector of units of one row in one step. The rows of a panel are walked twice: first the
// gates, whose long chains of dependent operations run beside each other, then the states.
template <class T>
struct Cell {
  Lanes<T> lanes;
  int64_t unit, units;
  bool keep;   // the mask shows this step
  const T* x;  // of this row and time
  T* z;        // products of the unit's columns, `z_step` apart; then the gates
  int64_t z_step;
  const T* bias;  // gru
  const T* drop;  // of this row, or null
  const T* h;     // before the step
  T* h_next;      // after it
  T* c;           // lstm: before and after
  T* rh;          // gru_before: r h, for the second product
  T* gates;       // saved or null
  T* saved_h;
  T* extra;
  T* sequence;

  // The vector of `count` units at `to`, whose products lie at `products`.
  RV_INLINE Cell moved(int64_t to, int count, T* products) const {
    Cell out = *this;
    out.unit = to;
    out.z = products;
    out.lanes.n = count;
    return out;
  }
  RV_INLINE Vec<T> input(int gate) const { return lanes.load(x + gate * units + unit); }
  RV_INLINE Vec<T> at(int gate) const { return Vec<T>::load(z + gate * z_step); }
  RV_INLINE void put(int gate, Vec<T> value) const { value.store(z + gate * z_step); }
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
RV_INLINE void lstm_gates(const Cell<T>& cell, Activation activation) {
  const Vec<T> i = sigmoid(cell.input(0) + cell.at(0)), f = sigmoid(cell.input(1) + cell.at(1));
  const Vec<T> g = activate(activation, cell.input(2) + cell.at(2));
  const Vec<T> o = sigmoid(cell.input(3) + cell.at(3));
  const Vec<T> gates[4] = {i, f, g, o};
  for (int gate = 0; gate < 4; ++gate) {
    cell.put(gate, gates[gate]);
    cell.save(gate, gates[gate]);
  }
}
template <class T>
RV_INLINE void lstm_state(const Cell<T>& cell, Activation activation) {
  const Vec<T> before = Vec<T>::load(cell.c + cell.unit);
  const Vec<T> c = fma(cell.at(1), before, cell.at(0) * cell.at(2));
  if (cell.extra) cell.lanes.store(before, cell.extra + cell.unit);
  if (cell.keep) c.store(cell.c + cell.unit);
  cell.finish(cell.at(3) * activate(activation, c));
}

template <class T>
RV_INLINE Vec<T> mixed(Vec<T> z, Vec<T> h, Vec<T> n) {
  return fma(z, h, (one<T>() - z) * n);
}

template <class T>
RV_INLINE void gru_gates(const Cell<T>& cell) {
  const auto product = [&cell](int gate) {
    return cell.at(gate) + cell.lanes.load(cell.bias + gate * cell.units + cell.unit);
  };
  const Vec<T> z = sigmoid(cell.input(0) + product(0)), r = sigmoid(cell.input(1) + product(1));
  const Vec<T> m = product(2);
  cell.save(0, z);
  cell.save(1, r);
  if (cell.extra) cell.lanes.store(m, cell.extra + cell.unit);
  cell.put(0, z);
  cell.put(1, r * m);
}
template <class T>
RV_INLINE void gru_state(const Cell<T>& cell, Activation activation) {
  const Vec<T> n = activate(activation, cell.input(2) + cell.at(1));
  cell.save(2, n);
  cell.finish(mixed(cell.at(0), Vec<T>::load(cell.h + cell.unit), n));
}

// The gates of gru_before. z waits in h_next until the candidate is known.
template <class T>
RV_INLINE void gru_before_gates(const Cell<T>& cell) {
  const Vec<T> z = sigmoid(cell.input(0) + cell.at(0)), r = sigmoid(cell.input(1) + cell.at(1));
  Vec<T> rh = r * Vec<T>::load(cell.h + cell.unit);
  if (cell.drop) rh = rh * cell.lanes.load(cell.drop + 2 * cell.units + cell.unit);
  cell.save(0, z);
  cell.save(1, r);
  if (cell.extra) cell.lanes.store(rh, cell.extra + cell.unit);
  z.store(cell.h_next + cell.unit);
  rh.store(cell.rh + cell.unit);
}
template <class T>
RV_INLINE void gru_before_candidate(const Cell<T>& cell, Activation activation) {
  const Vec<T> n = activate(activation, cell.input(2) + cell.at(0));
  cell.save(2, n);
  const Vec<T> z = Vec<T>::load(cell.h_next + cell.unit);
  cell.finish(mixed(z, Vec<T>::load(cell.h + cell.unit), n));
}

template <class T>
RV_INLINE void simple_cell(const Cell<T>& cell, Activation activation) {
  const Vec<T> y = activate(activation, cell.input(0) + cell.at(0));
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
  T *h, *h_next, *c, *rh, *dropped, *z;

  ForwardChunk(const RnnPlan& p, const RnnForward& operands, const T* u, int64_t row0, int64_t rows,
               T* scratch)
      : plan(p), o(operands), packed(u), at{p.shape, row0, rows}, ld(p.padded + kLanes) {
    const int64_t state = p.chunk_rows * ld;
    h = scratch;
    h_next = h + state;
    c = h_next + state;
    rh = c + state;
    dropped = rh + state;
    z = dropped + state;
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

  // The first vector of units of a row.
  RV_INLINE Cell<T> cell_at(int64_t r) const {
    const int64_t units = plan.shape.units, time = at.at_time(r);
    return {.lanes = {},
            .unit = 0,
            .units = units,
            .keep = !o.mask || o.mask[time],
            .x = o.x + time * kGates<kKind> * units,
            .z = nullptr,
            .z_step = 0,
            .bias = o.bias,
            .drop = row_of(o.drop, at.row0 + r, kGates<kKind> * units),
            .h = h + r * ld,
            .h_next = h_next + r * ld,
            .c = c + r * ld,
            .rh = rh + r * ld,
            .gates = row_of(o.gates, time, kGates<kKind> * units),
            .saved_h = row_of(o.saved_h, time, units),
            .extra = row_of(o.extra, time, units),
            .sequence = row_of(o.sequence, at.at_step(r), units)};
  }

  // Brings a row's inputs of the next step near: rows lie far apart.
  RV_INLINE void fetch_next(const Cell<T>& cell) const {
    const int64_t width = kGates<kKind> * cell.units;
    if (at.step + 1 >= plan.shape.steps) return;
    const T* next = cell.x + (plan.shape.backwards ? -width : width);
    for (int64_t i = 0; i < width; i += 64 / sizeof(T)) __builtin_prefetch(next + i, 0, 2);
  }

  // Where z holds a product: rows are `ld` apart, columns of a unit `gate`, units `unit`.
  struct Products {
    int64_t ld, gate, unit;
  };

  // z = a times one set of panels.
  RV_INLINE Products multiply(const T* a, const T* b, const ForwardPanels& panels) const {
    const int64_t units = plan.shape.units, count = panels.count(units, kLanes);
    const int64_t wide = panels.vectors() * kLanes, ldz = count * wide + kLanes;
    for (int64_t panel = 0; panel < count; ++panel)
      product(a, ld, at.rows, b + panel * units * wide, units, panels.vectors(), T(0),
              z + panel * wide, ldz);
    return {ldz, kLanes, panels.gates};
  }

  // z = h under the mask of each of the first gates, times the columns of that gate.
  Products multiply_dropped(int gates) const {
    const int64_t units = plan.shape.units, count = gate_panels(0).count(units, kLanes);
    const int vectors = gate_panels(0).vectors();
    const int64_t wide = vectors * kLanes, step = count * wide, ldz = gates * step + kLanes;
    for (int g = 0; g < gates; ++g) {
      drop_state(g);
      for (int64_t panel = 0; panel < count; ++panel)
        product(dropped, ld, at.rows, packed + (g * count + panel) * units * wide, units, vectors,
                T(0), z + g * step + panel * wide, ldz);
    }
    return {ldz, step, 1};
  }
  void drop_state(int gate) const {
    const int64_t units = plan.shape.units;
    for (int64_t r = 0; r < at.rows; ++r) {
      const T* mask = o.drop + ((at.row0 + r) * kGates<kKind> + gate) * units;
      for (int64_t unit = 0; unit < units; unit += kLanes) {
        const Lanes<T> lanes{static_cast<int>(units - unit < kLanes ? units - unit : kLanes)};
        (Vec<T>::load(h + r * ld + unit) * lanes.load(mask + unit)).store(dropped + r * ld + unit);
      }
    }
  }

  // The products of h with the columns of all gates; of gru_before, with those of z and r.
  RV_INLINE Products multiply_state() const {
    constexpr ForwardPanels kFirst = first_panels<kKind>();
    return o.drop ? multiply_dropped(kFirst.gates) : multiply(h, packed, kFirst);
  }
  // gru_before: the products of r h.
  Products multiply_reset() const {
    constexpr ForwardPanels kFirst = first_panels<kKind>();
    const int64_t units = plan.shape.units;
    const int64_t before =
        o.drop ? kFirst.gates * kCandidatePanels.count(units, kLanes) * kCandidatePanels.vectors()
               : kFirst.count(units, kLanes) * kFirst.vectors();
    return multiply(rh, packed + before * units * kLanes, kCandidatePanels);
  }

  // f(cell) on every vector of units of a row, twice: with `gates`, then with `states`.
  template <class F, class G>
  RV_INLINE void walk(const Products& products, const F& gates, const G& states) const {
    for (int64_t r = 0; r < at.rows; ++r) {
      Cell<T> cell = cell_at(r);
      cell.z_step = products.gate;
      fetch_next(cell);
      along(cell, z + r * products.ld, products.unit, gates);
      along(cell, z + r * products.ld, products.unit, states);
    }
  }
  // Whole vectors first: their code knows its number of lanes.
  template <class F>
  RV_INLINE void along(const Cell<T>& cell, T* products, int64_t step, const F& f) const {
    const int64_t units = cell.units;
    int64_t unit = 0;
    for (; unit + kLanes <= units; unit += kLanes)
      f(cell.moved(unit, kLanes, products + unit * step));
    if (unit < units) f(cell.moved(unit, static_cast<int>(units - unit), products + unit * step));
  }

  void one_step() {
    const Activation activation = plan.shape.activation;
    const auto gates = [activation](const Cell<T>& cell) __attribute__((always_inline)) {
      if constexpr (kKind == RnnKind::Lstm) lstm_gates(cell, activation);
      if constexpr (kKind == RnnKind::Gru) gru_gates(cell);
      if constexpr (kKind == RnnKind::GruBefore) gru_before_gates(cell);
      if constexpr (kKind == RnnKind::Simple) simple_cell(cell, activation);
    };
    const auto states = [activation](const Cell<T>& cell) __attribute__((always_inline)) {
      if constexpr (kKind == RnnKind::Lstm) lstm_state(cell, activation);
      if constexpr (kKind == RnnKind::Gru) gru_state(cell, activation);
    };
    walk(multiply_state(), gates, states);
    if constexpr (kKind == RnnKind::GruBefore) {
      const auto candidate = [activation](const Cell<T>& cell) __attribute__((always_inline)) {
        gru_before_candidate(cell, activation);
      };
      walk(multiply_reset(), candidate, [](const Cell<T>&) {});
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
