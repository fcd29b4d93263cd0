#pragma once
// The steps of a sequence in reverse for a chunk of rows. Each step turns the gradient of h (and c)
// after it into that of the products, and these by the transposed matrix into that before it.

#include "kernels/cpu/rnn/layout.h"

namespace ranvier::kernels::RV_ISA {
namespace {

template <class T>
struct BackwardPointers {
  const T *gates, *saved_h, *extra, *dh, *dc, *dsequence, *drop;
  const bool* mask;
  T *dx, *dm;
  explicit BackwardPointers(const RnnBackward& o)
      : gates(static_cast<const T*>(o.gates)),
        saved_h(static_cast<const T*>(o.saved_h)),
        extra(static_cast<const T*>(o.extra)),
        dh(static_cast<const T*>(o.dh)),
        dc(static_cast<const T*>(o.dc)),
        dsequence(static_cast<const T*>(o.dsequence)),
        drop(static_cast<const T*>(o.drop)),
        mask(o.mask),
        dx(static_cast<T*>(o.dx)),
        dm(static_cast<T*>(o.dm)) {}
};

// One vector of units of one row in one step. `da` holds the gradients that meet the transposed
// matrix; `dh` the gradient of h after the step, then the part of the one before that passes by.
template <class T>
struct Slope {
  Lanes<T> lanes;
  int64_t unit, units;
  bool keep;
  const T* gates;
  const T* saved_h;
  const T* extra;
  const T* dsequence;
  const T* drop;  // of this row, or null
  T *da, *dh, *dc, *dx, *dm;
  T* y;             // lstm: act(c)
  int64_t da_step;  // between the columns of da

  // The vector of `count` units at `to`.
  RV_INLINE Slope moved(int64_t to, int count) const {
    Slope out = *this;
    out.unit = to;
    out.lanes.n = count;
    return out;
  }

  RV_INLINE Vec<T> gate(int g) const { return lanes.load(gates + g * units + unit); }
  RV_INLINE Vec<T> incoming() const {
    const Vec<T> carried = Vec<T>::load(dh + unit);
    return dsequence ? carried + lanes.load(dsequence + unit) : carried;
  }
  RV_INLINE void put(int g, Vec<T> d) const { put(g, d, d); }
  // The gradients of a column of x and of the product, which differ in the gru's candidate alone.
  RV_INLINE void put(int g, Vec<T> of_x, Vec<T> of_product) const {
    of_product.store(da + g * da_step + unit);
    lanes.store(of_x, dx + g * units + unit);
    if (dm) lanes.store(of_product, dm + g * units + unit);
  }
  RV_INLINE void pass(Vec<T> d) const { d.store(dh + unit); }
};

// lstm: act of the c after the step, before all else: its long chains run beside each other.
template <class T>
RV_INLINE void lstm_output(const Slope<T>& s, Activation activation) {
  const Vec<T> before = s.lanes.load(s.extra + s.unit);
  activate(activation, fma(s.gate(1), before, s.gate(0) * s.gate(2))).store(s.y + s.unit);
}
template <class T>
RV_INLINE void lstm_slope(const Slope<T>& s, Vec<T> dh, Activation activation) {
  const Vec<T> i = s.gate(0), f = s.gate(1), g = s.gate(2), o = s.gate(3);
  const Vec<T> before = s.lanes.load(s.extra + s.unit);
  const Vec<T> y = Vec<T>::load(s.y + s.unit);
  const Vec<T> dc = fma(dh * o, activation_slope(activation, y), Vec<T>::load(s.dc + s.unit));
  s.put(0, dc * g * logistic_slope(i));
  s.put(1, dc * before * logistic_slope(f));
  s.put(2, dc * i * activation_slope(activation, g));
  s.put(3, dh * y * logistic_slope(o));
  (dc * f).store(s.dc + s.unit);
  s.pass(Vec<T>::zero());
}

template <class T>
RV_INLINE void gru_slope(const Slope<T>& s, Vec<T> dh, Activation activation) {
  const Vec<T> z = s.gate(0), r = s.gate(1), n = s.gate(2);
  const Vec<T> h = s.lanes.load(s.saved_h + s.unit), m = s.lanes.load(s.extra + s.unit);
  const Vec<T> dn = dh * (one<T>() - z) * activation_slope(activation, n);
  s.put(0, dh * (h - n) * logistic_slope(z));
  s.put(1, dn * m * logistic_slope(r));
  s.put(2, dn, dn * r);
  s.pass(dh * z);
}

// The candidate and the update gate of gru_before; the reset gate needs the candidate's product.
template <class T>
RV_INLINE void gru_before_slope(const Slope<T>& s, Vec<T> dh, Activation activation) {
  const Vec<T> z = s.gate(0), n = s.gate(2), h = s.lanes.load(s.saved_h + s.unit);
  s.put(2, dh * (one<T>() - z) * activation_slope(activation, n));
  s.put(0, dh * (h - n) * logistic_slope(z));
  s.pass(dh * z);
}
template <class T>
RV_INLINE void reset_slope(const Slope<T>& s, Vec<T> drh) {
  if (s.drop) drh = drh * s.lanes.load(s.drop + 2 * s.units + s.unit);
  const Vec<T> r = s.gate(1), h = s.lanes.load(s.saved_h + s.unit);
  s.put(1, drh * h * logistic_slope(r));
  s.pass(fma(drh, r, Vec<T>::load(s.dh + s.unit)));
}

template <class T>
RV_INLINE void simple_slope(const Slope<T>& s, Vec<T> dh, Activation activation) {
  s.put(0, dh * activation_slope(activation, s.gate(0)));
  s.pass(Vec<T>::zero());
}

// A step that the mask hides hands its gradient on.
template <class T, int kColumns>
RV_INLINE void hidden_slope(const Slope<T>& s, Vec<T> dh) {
  for (int g = 0; g < kColumns; ++g) s.put(g, Vec<T>::zero());
  s.pass(dh);
}

template <class T, RnnKind kKind>
struct BackwardChunk {
  static constexpr int kLanes = Vec<T>::kLanes;
  static constexpr int kColumns = kGates<kKind>;
  const RnnPlan& plan;
  BackwardPointers<T> o;
  const T* packed;
  Walker at;
  int64_t ld, ld_da, units;
  T *dh, *dc, *drh, *da;

  BackwardChunk(const RnnPlan& p, const RnnBackward& operands, const T* u, int64_t row0,
                int64_t rows, T* scratch)
      : plan(p),
        o(operands),
        packed(u),
        at{p.shape, row0, rows},
        ld(p.padded + kLanes),
        ld_da(kColumns * p.padded + kLanes),
        units(p.shape.units) {
    const int64_t state = p.chunk_rows * ld;
    dh = scratch;
    dc = dh + state;
    drh = dc + state;
    da = drh + state;
    load_state(o.dh, dh);
    if (o.dc) load_state(o.dc, dc);
  }

  void load_state(const T* from, T* to) const {
    for (int64_t r = 0; r < at.rows; ++r)
      for (int64_t j = 0; j < plan.padded; ++j)
        to[r * ld + j] = j < units ? from[(at.row0 + r) * units + j] : T(0);
  }
  void store_state(const T* from, void* to) const {
    for (int64_t r = 0; r < at.rows; ++r)
      for (int64_t j = 0; j < units; ++j)
        static_cast<T*>(to)[(at.row0 + r) * units + j] = from[r * ld + j];
  }

  RV_INLINE void fetch_next(int64_t r, int64_t unit) const {
    if (at.step == 0) return;
    const int64_t next = at.at_time(r) + (plan.shape.backwards ? 1 : -1);
    const T* gates = o.gates + next * kColumns * units + unit;
    for (int g = 0; g < kColumns; ++g) __builtin_prefetch(gates + g * units, 0, 2);
    if (o.extra) __builtin_prefetch(o.extra + next * units + unit, 0, 2);
    if (kKind == RnnKind::Gru) __builtin_prefetch(o.saved_h + next * units + unit, 0, 2);
  }

  // The first vector of units of a row.
  RV_INLINE Slope<T> slope_at(int64_t r) const {
    const int64_t time = at.at_time(r);
    return {.lanes = {static_cast<int>(units < kLanes ? units : kLanes)},
            .unit = 0,
            .units = units,
            .keep = !o.mask || o.mask[time],
            .gates = o.gates + time * kColumns * units,
            .saved_h = row_of(o.saved_h, time, units),
            .extra = row_of(o.extra, time, units),
            .dsequence = row_of(o.dsequence, at.at_step(r), units),
            .drop = row_of(o.drop, at.row0 + r, kColumns * units),
            .da = da + r * ld_da,
            .dh = dh + r * ld,
            .dc = dc + r * ld,
            .dx = o.dx + time * kColumns * units,
            .dm = row_of(o.dm, time, kColumns * units),
            .y = drh,
            .da_step = plan.padded};
  }

  // f(slope) for each vector of units of a row; whole ones first: their code knows its lanes.
  template <class F>
  RV_INLINE void along(int64_t r, const F& f) const {
    const Slope<T> row = slope_at(r);
    int64_t unit = 0;
    for (; unit + kLanes <= units; unit += kLanes) f(row.moved(unit, kLanes));
    if (unit < units) f(row.moved(unit, static_cast<int>(units - unit)));
  }

  // c (rows × padded) += columns [first, first + count) of da times the transposed matrix.
  void add_product(int first, int count, T beta, T* c) const {
    const int64_t vectors = plan.padded / kLanes;
    const int wide = plan.kernels->panel_vectors;
    const int64_t k = int64_t{kColumns} * plan.padded;
    for (int64_t v = 0; v < vectors; v += wide) {
      const int width = static_cast<int>(vectors - v < wide ? vectors - v : wide);
      const T* panel = packed + v * kLanes * k + first * plan.padded * width * kLanes;
      product(da + first * plan.padded, ld_da, at.rows, panel, count * plan.padded, width, beta,
              c + v * kLanes, ld);
    }
  }

  // dh += columns of da before `count` times the transposed matrix, each gate's under its mask.
  void add_products(int count) const {
    if (!o.drop) return add_product(0, count, T(1), dh);
    for (int g = 0; g < count; ++g) {
      add_product(g, 1, T(0), drh);
      for (int64_t r = 0; r < at.rows; ++r)
        along(
            r, [ this, r, g ](const Slope<T>& s) __attribute__((always_inline)) {
              const Vec<T> mask = s.lanes.load(s.drop + g * units + s.unit);
              s.pass(fma(Vec<T>::load(drh + r * ld + s.unit), mask, Vec<T>::load(s.dh + s.unit)));
            });
    }
  }

  void one_step() {
    const Activation activation = plan.shape.activation;
    for (int64_t r = 0; r < at.rows; ++r) {
      if constexpr (kKind == RnnKind::Lstm)
        along(
            r, [activation](const Slope<T>& s)
                   __attribute__((always_inline)) { lstm_output(s, activation); });
      along(
          r, [ this, r, activation ](const Slope<T>& s) __attribute__((always_inline)) {
            fetch_next(r, s.unit);
            const Vec<T> incoming = s.incoming();
            if (!s.keep) {
              hidden_slope<T, kColumns>(s, incoming);
              return;
            }
            if constexpr (kKind == RnnKind::Lstm) lstm_slope(s, incoming, activation);
            if constexpr (kKind == RnnKind::Gru) gru_slope(s, incoming, activation);
            if constexpr (kKind == RnnKind::GruBefore) gru_before_slope(s, incoming, activation);
            if constexpr (kKind == RnnKind::Simple) simple_slope(s, incoming, activation);
          });
    }
    if constexpr (kKind == RnnKind::GruBefore) {
      add_product(2, 1, T(0), drh);
      for (int64_t r = 0; r < at.rows; ++r)
        along(
            r, [ this, r ](const Slope<T>& s) __attribute__((always_inline)) {
              if (s.keep) reset_slope(s, Vec<T>::load(drh + r * ld + s.unit));
            });
      add_products(2);
    } else {
      add_products(kColumns);
    }
  }
};

template <class T, RnnKind kKind>
void backward_rows(const RnnPlan& plan, const RnnBackward& operands, const void* packed,
                   int64_t row0, int64_t rows, std::byte* scratch) noexcept {
  BackwardChunk<T, kKind> chunk(plan, operands, static_cast<const T*>(packed), row0, rows,
                                reinterpret_cast<T*>(scratch));
  for (chunk.at.step = plan.shape.steps - 1; chunk.at.step >= 0; --chunk.at.step) chunk.one_step();
  chunk.store_state(chunk.dh, operands.dh0);
  if (operands.dc0) chunk.store_state(chunk.dc, operands.dc0);
}

}  // namespace
}  // namespace ranvier::kernels::RV_ISA
