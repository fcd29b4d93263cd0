// Recurrent sequences and their gradients as scans over simple ops: what the fused kernels compute,
// in a form that can be differentiated again.

#include "ops/rnn.h"

namespace ranvier::ops {
namespace {

using kernels::Activation;

Tensor time_first(const Tensor& x) {
  return x.rank() == 3 ? transpose(x, {1, 0, 2}) : transpose(x, {1, 0});
}

Tensors split(const Tensor& x, int parts) {
  Tensors out;
  const int64_t units = x.shape()[1] / parts;
  for (int i = 0; i < parts; ++i) out.push_back(columns(x, i * units, units));
  return out;
}

Tensor complement(const Tensor& x) { return shift(neg(x), 1); }
Tensor logistic_slope(const Tensor& y) { return mul(y, complement(y)); }
Tensor tanh_slope(const Tensor& y) { return complement(square(y)); }

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::Relu:
      return relu(x);
    case Activation::Sigmoid:
      return sigmoid(x);
    case Activation::Tanh:
      return tanh(x);
    default:
      return x;
  }
}

Tensor activation_slope(Activation activation, const Tensor& y) {
  switch (activation) {
    case Activation::Relu:
      return cast(greater(y, zeros_like(y)), y.dtype());
    case Activation::Sigmoid:
      return logistic_slope(y);
    case Activation::Tanh:
      return tanh_slope(y);
    default:
      return ones_like(y);
  }
}

// The recurrent matrix, and what recurrent dropout multiplies each gate's h by; may be null.
struct Recurrent {
  Tensor u, drop;

  Tensor dropped(const Tensor& h, int64_t gate) const {
    return drop ? mul(h, columns(drop, gate * h.shape()[1], h.shape()[1])) : h;
  }
  // The products of h with the columns of the first `gates`.
  Tensor multiply(const Tensor& h, int64_t gates) const {
    const int64_t units = h.shape()[1];
    if (!drop) return matmul(h, columns(u, 0, gates * units));
    Tensors parts;
    for (int64_t g = 0; g < gates; ++g)
      parts.push_back(matmul(dropped(h, g), columns(u, g * units, units)));
    return concat(parts, 1);
  }
  // The gradient of h by d, the gradient of those products from `first` on.
  Tensor multiply_back(const Tensor& d, int64_t first = 0) const {
    const int64_t units = u.shape()[0], width = d.shape()[1];
    if (!drop) return matmul(d, columns(u, first * units, width), false, true);
    Tensor sum;
    for (int64_t g = 0; g < width / units; ++g) {
      const Tensor part =
          matmul(columns(d, g * units, units), columns(u, (first + g) * units, units), false, true);
      sum = accumulate(sum, dropped(part, first + g));
    }
    return sum;
  }
};

struct Step {
  Tensor h, c, gates, extra;
};

Step lstm_step(const RnnLayout& layout, const Tensor& x, const Recurrent& u, const Tensor& h,
               const Tensor& c) {
  const Tensors a = split(add(x, u.multiply(h, 4)), 4);
  const Tensor i = sigmoid(a[0]), f = sigmoid(a[1]), o = sigmoid(a[3]);
  const Tensor g = activate(layout.activation, a[2]);
  const Tensor next = add(mul(f, c), mul(i, g));
  return {mul(o, activate(layout.activation, next)), next, concat({i, f, g, o}, 1), c};
}

Step gru_step(const RnnLayout& layout, const Tensor& x, const Recurrent& u, const Tensor& bias,
              const Tensor& h) {
  const int64_t units = h.shape()[1];
  const Tensors a = split(x, 3);
  Tensor z, r, n, extra;
  if (layout.kind == RnnKind::Gru) {
    const Tensors m = split(add(u.multiply(h, 3), bias), 3);
    z = sigmoid(add(a[0], m[0]));
    r = sigmoid(add(a[1], m[1]));
    extra = m[2];
    n = activate(layout.activation, add(a[2], mul(r, extra)));
  } else {
    const Tensors m = split(u.multiply(h, 2), 2);
    z = sigmoid(add(a[0], m[0]));
    r = sigmoid(add(a[1], m[1]));
    extra = mul(r, u.dropped(h, 2));
    n = activate(layout.activation, add(a[2], matmul(extra, columns(u.u, 2 * units, units))));
  }
  return {add(mul(z, h), mul(complement(z), n)), Tensor(), concat({z, r, n}, 1), extra};
}

Step any_step(const RnnLayout& layout, const Tensor& x, const Recurrent& u, const Tensor& bias,
              const Tensor& h, const Tensor& c) {
  if (layout.kind == RnnKind::Lstm) return lstm_step(layout, x, u, h, c);
  if (layout.kind != RnnKind::Simple) return gru_step(layout, x, u, bias, h);
  const Tensor y = activate(layout.activation, add(x, u.multiply(h, 1)));
  return {y, Tensor(), y, Tensor()};
}

struct Back {
  Tensor dx, dm, dh, dc;  // dm: gradient of the products with u; dh, dc: before the step
};

Back lstm_back(const RnnLayout& layout, const Tensors& gates, const Recurrent& u,
               const Tensor& before, const Tensor& dh, const Tensor& dc) {
  const Tensor &i = gates[0], &f = gates[1], &g = gates[2], &o = gates[3];
  const Tensor y = activate(layout.activation, add(mul(f, before), mul(i, g)));
  const Tensor d = add(dc, mul(mul(dh, o), activation_slope(layout.activation, y)));
  const Tensor dx = concat(
      {mul(mul(d, g), logistic_slope(i)), mul(mul(d, before), logistic_slope(f)),
       mul(mul(d, i), activation_slope(layout.activation, g)), mul(mul(dh, y), logistic_slope(o))},
      1);
  return {dx, dx, u.multiply_back(dx), mul(d, f)};
}

Back gru_back(const RnnLayout& layout, const Tensors& gates, const Recurrent& u, const Tensor& h,
              const Tensor& extra, const Tensor& dh) {
  const Tensor &z = gates[0], &r = gates[1], &n = gates[2];
  const Tensor dz = mul(mul(dh, sub(h, n)), logistic_slope(z));
  const Tensor dn = mul(mul(dh, complement(z)), activation_slope(layout.activation, n));
  const Tensor pass = mul(dh, z);
  if (layout.kind == RnnKind::Gru) {
    const Tensor dr = mul(mul(dn, extra), logistic_slope(r));
    const Tensor dm = concat({dz, dr, mul(dn, r)}, 1);
    return {concat({dz, dr, dn}, 1), dm, add(pass, u.multiply_back(dm)), Tensor()};
  }
  const Tensor drh = u.multiply_back(dn, 2);
  const Tensor dr = mul(mul(drh, h), logistic_slope(r));
  const Tensor by_gates = u.multiply_back(concat({dz, dr}, 1));
  const Tensor dx = concat({dz, dr, dn}, 1);
  return {dx, dx, add(add(pass, mul(drh, r)), by_gates), Tensor()};
}

// Takes the operands of a scan apart in the order in which they were put in.
struct Reader {
  TensorSpan symbols;
  size_t next = 0;
  Tensor take(bool there = true) { return there ? symbols[next++] : Tensor(); }
};

// `yes` in the rows of the batch that the mask (batch) shows.
Tensor choose(const Tensor& mask, const Tensor& yes, const Tensor& no) {
  if (!mask) return yes;
  return where(broadcast_to(expand_dims(mask, 1), yes.shape()), yes, no);
}

}  // namespace

Tensor columns(const Tensor& matrix, int64_t from, int64_t count) {
  if (from == 0 && count == matrix.shape()[1]) return matrix;
  return slice(matrix, {0, from}, {matrix.shape()[0], count});
}

Tensors compose_rnn_saved(const RnnLayout& layout, TensorSpan inputs) {
  const Tensor& x = inputs[0];
  const Recurrent u{inputs[1],
                    layout.drop ? inputs[static_cast<size_t>(layout.forward_drop())] : Tensor()};
  const Tensor bias = layout.has_bias() ? inputs[2] : Tensor();
  Tensors carry = {inputs[static_cast<size_t>(layout.h0())]};
  if (layout.has_cell()) carry.push_back(inputs[static_cast<size_t>(layout.c0())]);
  Tensors xs = {time_first(x)};
  if (layout.mask) xs.push_back(time_first(inputs[static_cast<size_t>(layout.forward_mask())]));
  const auto body = [&](TensorSpan symbols) -> Tensors {
    Reader in{symbols};
    const Tensor h = in.take(), c = in.take(layout.has_cell()), now = in.take(),
                 mask = in.take(layout.mask);
    const Step step = any_step(layout, now, u, bias, h, c);
    Tensors out = {choose(mask, step.h, h)};
    if (layout.has_cell()) out.push_back(choose(mask, step.c, c));
    out.push_back(step.gates);
    out.push_back(h);
    if (layout.has_extra()) out.push_back(step.extra);
    out.push_back(out[0]);
    return out;
  };
  const Tensors scanned = scan(body, carry, xs, x.shape()[1], layout.backwards);
  const size_t states = carry.size(), saved = static_cast<size_t>(layout.saved_outputs());
  Tensors results;
  for (size_t i = 0; i < saved; ++i) results.push_back(time_first(scanned[states + i]));
  if (layout.sequence) {
    const Tensor sequence = time_first(scanned[states + saved]);
    results.push_back(layout.backwards ? flip(sequence, {1}) : sequence);
  }
  for (size_t i = 0; i < states; ++i) results.push_back(scanned[i]);
  return results;
}

Tensors compose_rnn_grad(const RnnLayout& layout, TensorSpan inputs) {
  const auto at = [&](int place) { return inputs[static_cast<size_t>(place)]; };
  const Tensor& gates = inputs[0];
  const Recurrent u{inputs[1], layout.drop ? at(layout.backward_drop()) : Tensor()};
  Tensors carry = {at(layout.dh())};
  if (layout.has_cell()) carry.push_back(at(layout.dc()));
  Tensors xs = {time_first(gates), time_first(inputs[2])};
  if (layout.has_extra()) xs.push_back(time_first(at(layout.extra())));
  if (layout.sequence) {
    const Tensor sequence = at(layout.dsequence());
    xs.push_back(time_first(layout.backwards ? flip(sequence, {1}) : sequence));
  }
  if (layout.mask) xs.push_back(time_first(at(layout.backward_mask())));
  const auto body = [&](TensorSpan symbols) -> Tensors {
    Reader in{symbols};
    Tensor dh = in.take();
    const Tensor dc = in.take(layout.has_cell()), saved = in.take(), h = in.take(),
                 extra = in.take(layout.has_extra()), dsequence = in.take(layout.sequence),
                 mask = in.take(layout.mask);
    if (dsequence) dh = add(dh, dsequence);
    const Tensors parts = split(saved, layout.gates());
    Back back;
    if (layout.kind == RnnKind::Lstm) {
      back = lstm_back(layout, parts, u, extra, dh, dc);
    } else if (layout.kind == RnnKind::Simple) {
      const Tensor dx = mul(dh, activation_slope(layout.activation, saved));
      back = {dx, dx, u.multiply_back(dx), Tensor()};
    } else {
      back = gru_back(layout, parts, u, h, extra, dh);
    }
    Tensors out = {choose(mask, back.dh, dh)};
    if (layout.has_cell()) out.push_back(choose(mask, back.dc, dc));
    out.push_back(choose(mask, back.dx, zeros_like(back.dx)));
    if (layout.has_bias()) out.push_back(choose(mask, back.dm, zeros_like(back.dm)));
    return out;
  };
  const Tensors scanned = scan(body, carry, xs, gates.shape()[1], !layout.backwards);
  Tensors results;
  for (size_t i = carry.size(); i < scanned.size(); ++i) results.push_back(time_first(scanned[i]));
  for (size_t i = 0; i < carry.size(); ++i) results.push_back(scanned[i]);
  return results;
}

}  // namespace ranvier::ops
