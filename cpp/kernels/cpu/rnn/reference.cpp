// The oracle of the recurrent kernels: the formulas of rnn.h, one element at a time, in double.

#include <cmath>
#include <vector>

#include "kernels/cpu/rnn/rnn.h"

namespace ranvier::kernels::reference {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::Relu:
      return x < 0 ? 0 : x;
    case Activation::Sigmoid:
      return logistic(x);
    case Activation::Tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

double slope(Activation activation, double y) {
  switch (activation) {
    case Activation::Relu:
      return y > 0 ? 1 : 0;
    case Activation::Sigmoid:
      return y * (1 - y);
    case Activation::Tanh:
      return 1 - y * y;
    default:
      return 1;
  }
}

template <class T>
double get(const void* p, int64_t i) {
  return p ? static_cast<double>(static_cast<const T*>(p)[i]) : 0;
}
template <class T>
void set(void* p, int64_t i, double x) {
  if (p) static_cast<T*>(p)[i] = static_cast<T>(x);
}

struct Sizes {
  int64_t units, columns;
  int gates;
  explicit Sizes(const RnnShape& s)
      : units(s.units), columns(rnn_gates(s.kind) * s.units), gates(rnn_gates(s.kind)) {}
};

// sum over p of v[p] u(p, column)
template <class T>
double product(const std::vector<double>& v, const void* u, int64_t columns, int64_t column) {
  double sum = 0;
  for (size_t p = 0; p < v.size(); ++p)
    sum += v[p] * get<T>(u, static_cast<int64_t>(p) * columns + column);
  return sum;
}

// v under the mask of a gate in a row of the batch.
template <class T>
std::vector<double> dropped(std::vector<double> v, const void* drop, const Sizes& n, int64_t row,
                            int gate) {
  for (size_t p = 0; drop && p < v.size(); ++p)
    v[p] *= get<T>(drop, row * n.columns + gate * n.units + static_cast<int64_t>(p));
  return v;
}

// The gates of unit j from the inputs at x and the state; `extra` and the new c come along.
struct NewState {
  double gate[4] = {}, h = 0, c = 0, extra = 0;
};

template <class T>
NewState cell(const RnnShape& s, const RnnForward& o, int64_t row, int64_t x, int64_t j,
              const std::vector<double>& h, const std::vector<double>& rh, double c) {
  const Sizes n(s);
  NewState out;
  const auto unit = static_cast<size_t>(j);
  const auto input = [&](int g) { return get<T>(o.x, x + g * n.units + j); };
  const auto recurrent = [&](int g) {
    return product<T>(dropped<T>(h, o.drop, n, row, g), o.u, n.columns, g * n.units + j) +
           get<T>(o.bias, g * n.units + j);
  };
  double* a = out.gate;
  switch (s.kind) {
    case RnnKind::Simple:
      out.h = a[0] = activate(s.activation, input(0) + recurrent(0));
      return out;
    case RnnKind::Lstm:
      for (int g = 0; g < 4; ++g)
        a[g] = g == 2 ? activate(s.activation, input(g) + recurrent(g))
                      : logistic(input(g) + recurrent(g));
      out.extra = c;
      out.c = a[1] * c + a[0] * a[2];
      out.h = a[3] * activate(s.activation, out.c);
      return out;
    case RnnKind::Gru:
    case RnnKind::GruBefore:
      a[0] = logistic(input(0) + recurrent(0));
      a[1] = logistic(input(1) + recurrent(1));
      if (s.kind == RnnKind::Gru) {
        out.extra = recurrent(2);
        a[2] = activate(s.activation, input(2) + a[1] * out.extra);
      } else {
        out.extra = rh[unit];
        a[2] = activate(s.activation, input(2) + product<T>(rh, o.u, n.columns, 2 * n.units + j));
      }
      out.h = a[0] * h[unit] + (1 - a[0]) * a[2];
      return out;
  }
  return out;
}

template <class T>
void forward(const RnnShape& s, const RnnForward& o) {
  const Sizes n(s);
  const auto count = static_cast<size_t>(n.units);
  for (int64_t row = 0; row < s.batch; ++row) {
    std::vector<double> h(count), c(count);
    for (int64_t j = 0; j < n.units; ++j) {
      h[static_cast<size_t>(j)] = get<T>(o.h0, row * n.units + j);
      c[static_cast<size_t>(j)] = get<T>(o.c0, row * n.units + j);
    }
    for (int64_t step = 0; step < s.steps; ++step) {
      const int64_t time = row * s.steps + (s.backwards ? s.steps - 1 - step : step);
      const bool keep = !o.mask || o.mask[time];
      std::vector<double> rh, next_h(h), next_c(c);
      if (s.kind == RnnKind::GruBefore) rh = dropped<T>(h, o.drop, n, row, 2);
      for (int64_t j = 0; j < static_cast<int64_t>(rh.size()); ++j) {
        const double r =
            logistic(get<T>(o.x, time * n.columns + n.units + j) +
                     product<T>(dropped<T>(h, o.drop, n, row, 1), o.u, n.columns, n.units + j));
        rh[static_cast<size_t>(j)] *= r;
      }
      for (int64_t j = 0; j < n.units; ++j) {
        const auto unit = static_cast<size_t>(j);
        const NewState made = cell<T>(s, o, row, time * n.columns, j, h, rh, c[unit]);
        for (int g = 0; g < n.gates; ++g)
          set<T>(o.gates, time * n.columns + g * n.units + j, made.gate[g]);
        set<T>(o.saved_h, time * n.units + j, h[unit]);
        set<T>(o.extra, time * n.units + j, made.extra);
        if (keep) {
          next_h[unit] = made.h;
          next_c[unit] = made.c;
        }
        set<T>(o.sequence, (row * s.steps + step) * n.units + j, next_h[unit]);
      }
      h = next_h;
      c = next_c;
    }
    for (int64_t j = 0; j < n.units; ++j) {
      set<T>(o.h, row * n.units + j, h[static_cast<size_t>(j)]);
      set<T>(o.c, row * n.units + j, c[static_cast<size_t>(j)]);
    }
  }
}

// The gradient of unit j of h by the products of gates [first, first + count): d times the
// transposed matrix, each gate's part under its mask.
template <class T>
double transposed(const RnnShape& s, const RnnBackward& o, int64_t row, int64_t j, int first,
                  int count, const std::vector<double>& d) {
  const Sizes n(s);
  double sum = 0;
  for (int g = first; g < first + count; ++g) {
    const double mask = o.drop ? get<T>(o.drop, row * n.columns + g * n.units + j) : 1;
    for (int64_t p = g * n.units; p < (g + 1) * n.units; ++p)
      sum += mask * d[static_cast<size_t>(p)] * get<T>(o.u, j * n.columns + p);
  }
  return sum;
}

template <class T>
void backward_step(const RnnShape& s, const RnnBackward& o, int64_t row, int64_t time,
                   int64_t sequence_at, std::vector<double>& dh, std::vector<double>& dc) {
  const Sizes n(s);
  const bool keep = !o.mask || o.mask[time];
  const auto count = static_cast<size_t>(n.units);
  std::vector<double> dx(static_cast<size_t>(n.columns)), dm, pass(count);
  const auto gate = [&](int g, size_t j) {
    return get<T>(o.gates, time * n.columns + g * n.units + static_cast<int64_t>(j));
  };
  const auto saved = [&](const void* p, size_t j) {
    return get<T>(p, time * n.units + static_cast<int64_t>(j));
  };
  for (size_t j = 0; j < count; ++j) {
    const double d = dh[j] + get<T>(o.dsequence, sequence_at * n.units + static_cast<int64_t>(j));
    pass[j] = d;
    if (!keep) continue;
    const double a = gate(0, j), b = n.gates > 1 ? gate(1, j) : 0, e = n.gates > 2 ? gate(2, j) : 0;
    if (s.kind == RnnKind::Simple) {
      dx[j] = d * slope(s.activation, a);
      pass[j] = 0;
    } else if (s.kind == RnnKind::Lstm) {
      const double f = b, g = e, out = gate(3, j), c = saved(o.extra, j);
      const double y = activate(s.activation, f * c + a * g);
      const double dcell = dc[j] + d * out * slope(s.activation, y);
      dx[j] = dcell * g * a * (1 - a);
      dx[count + j] = dcell * c * f * (1 - f);
      dx[2 * count + j] = dcell * a * slope(s.activation, g);
      dx[3 * count + j] = d * y * out * (1 - out);
      dc[j] = dcell * f;
      pass[j] = 0;
    } else {
      dx[j] = d * (saved(o.saved_h, j) - e) * a * (1 - a);
      dx[2 * count + j] = d * (1 - a) * slope(s.activation, e);
      pass[j] = d * a;
    }
  }
  dm = dx;
  for (size_t j = 0; j < count && keep && s.kind == RnnKind::Gru; ++j) {
    const double r = gate(1, j);
    dx[count + j] = dm[count + j] = dx[2 * count + j] * saved(o.extra, j) * r * (1 - r);
    dm[2 * count + j] *= r;
  }
  for (size_t j = 0; j < count && keep && s.kind == RnnKind::GruBefore; ++j) {
    const double r = gate(1, j), h = saved(o.saved_h, j);
    const double drh = transposed<T>(s, o, row, static_cast<int64_t>(j), 2, 1, dx);
    dx[count + j] = drh * h * r * (1 - r);
    pass[j] += drh * r;
  }
  if (s.kind == RnnKind::GruBefore) dm = dx;
  const int gates = s.kind == RnnKind::GruBefore ? 2 : n.gates;
  for (size_t j = 0; j < count; ++j)
    dh[j] = pass[j] + transposed<T>(s, o, row, static_cast<int64_t>(j), 0, gates, dm);
  for (size_t i = 0; i < dx.size(); ++i) {
    set<T>(o.dx, time * n.columns + static_cast<int64_t>(i), dx[i]);
    set<T>(o.dm, time * n.columns + static_cast<int64_t>(i), dm[i]);
  }
}

template <class T>
void backward(const RnnShape& s, const RnnBackward& o) {
  const auto count = static_cast<size_t>(s.units);
  for (int64_t row = 0; row < s.batch; ++row) {
    std::vector<double> dh(count), dc(count);
    for (size_t j = 0; j < count; ++j) {
      dh[j] = get<T>(o.dh, row * s.units + static_cast<int64_t>(j));
      dc[j] = get<T>(o.dc, row * s.units + static_cast<int64_t>(j));
    }
    for (int64_t step = s.steps - 1; step >= 0; --step) {
      const int64_t time = row * s.steps + (s.backwards ? s.steps - 1 - step : step);
      backward_step<T>(s, o, row, time, row * s.steps + step, dh, dc);
    }
    for (size_t j = 0; j < count; ++j) {
      set<T>(o.dh0, row * s.units + static_cast<int64_t>(j), dh[j]);
      set<T>(o.dc0, row * s.units + static_cast<int64_t>(j), dc[j]);
    }
  }
}

}  // namespace

void rnn_forward(const RnnShape& shape, DType dtype, const RnnForward& operands) {
  dtype == DType::F64 ? forward<double>(shape, operands) : forward<float>(shape, operands);
}
void rnn_backward(const RnnShape& shape, DType dtype, const RnnBackward& operands) {
  dtype == DType::F64 ? backward<double>(shape, operands) : backward<float>(shape, operands);
}

}  // namespace ranvier::kernels::reference
